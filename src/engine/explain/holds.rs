//! What was held of a person, and what officers decided about it: who, when, with what reason, and what came
//! of it.
//!
//! Reads: holds that kept a row or a payable back or would have, and the decisions on them. Gives: an
//! account of each in both languages.

use crate::domain::cycle::Cycle;
use crate::domain::exception::{Decision, Exception, Resolution, RowOutcome};
use crate::domain::hold::{HOLDS, HoldCode, HoldRelease, HoldScope};
use crate::domain::ids::{EnrolmentNo, PayableNo};
use crate::domain::payable::{Payable, PayableState};
use crate::engine::compute::ExplainedRow;
use crate::engine::hold::reason_of;
use crate::engine::{Engine, EngineError};
use crate::report::wording;
use crate::report::words::Words;

/// What is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Row(EnrolmentNo),
    Payable(PayableNo),
}

/// One hold of a row or a payable.
pub struct ToldHold {
    pub kept: Kept,
    pub code: String,
    /// The catalogue's sentence.
    pub why: Words,
    /// The oldest first.
    pub decisions: Vec<ToldDecision>,
    /// What came of it, as a sentence.
    pub so: Words,
}

/// One decision of officers on a hold.
pub struct ToldDecision {
    pub resolution: Resolution,
    pub reason: String,
    /// Whether it is for this month, and about what stands here.
    pub counts: bool,
    pub told: Words,
}

impl Engine {
    /// The holds of the rows of a person, and of the payables that became of them.
    pub(super) async fn told_holds(
        &self,
        cycle: &Cycle,
        rows: &[ExplainedRow],
        payables: &[Payable],
    ) -> Result<Vec<ToldHold>, EngineError> {
        let mut told = Vec::new();
        for row in rows {
            let held = row.code.parse::<HoldCode>().ok();
            let in_force = held.filter(|_| row.outcome == RowOutcome::Held);
            for code in row.set_aside.iter().copied().chain(in_force) {
                let seen = row.seen.get(&code).copied();
                let mut decisions = self.decided(row.enrolment.number(), code, cycle, seen).await?;
                let is_set_aside = in_force != Some(code);
                if is_set_aside {
                    // What an earlier program heeded does not say what it was about.
                    let is_it = |one: &ToldDecision| one.counts || one.resolution.seen.is_none();
                    decisions.retain(|one| was_known(&one.resolution, cycle) && is_it(one));
                }
                let so = of_row(row, is_set_aside, code, &decisions);
                told.push(told_hold(Kept::Row(row.enrolment), code, decisions, so));
            }
        }
        for payable in payables {
            told.extend(self.holds_of_payable(payable).await?);
        }
        Ok(told)
    }

    /// The holds of one payable, on its own list.
    pub(super) async fn holds_of_payable(
        &self,
        payable: &Payable,
    ) -> Result<Vec<ToldHold>, EngineError> {
        let cycle = self.cycle_numbered(payable.number.cycle()).await?;
        let held: Vec<Exception> = self
            .store
            .exceptions(cycle.number, payable.number.shard())
            .await?
            .into_iter()
            .filter(|one| one.payable == Some(payable.number))
            .collect();
        let mut told = Vec::new();
        for entry in HOLDS.iter().filter(|entry| entry.scope == HoldScope::Payable) {
            let Some(subject) = self.held_payable(payable, entry.text) else { continue };
            let mut decisions = self.decided(subject, entry.code, &cycle, None).await?;
            let kept_it_back =
                held.iter().any(|one| one.code == entry.text) || payable.code == entry.text;
            if !kept_it_back {
                // Released before the list was made, it may have kept nothing back here at all.
                decisions.retain(|one| {
                    one.counts && one.resolution.releases() && was_known(&one.resolution, &cycle)
                });
                if decisions.is_empty() {
                    continue;
                }
            }
            let so = of_payable(payable, kept_it_back, entry.code, &decisions);
            told.push(told_hold(Kept::Payable(payable.number), entry.code, decisions, so));
        }
        Ok(told)
    }

    /// The decisions on one subject and code, and of each whether it counts in the month of a cycle, about what
    /// is seen there.
    async fn decided(
        &self,
        subject: i64,
        code: HoldCode,
        cycle: &Cycle,
        seen: Option<i64>,
    ) -> Result<Vec<ToldDecision>, EngineError> {
        let mut all = self.store.resolutions_on(subject, None).await?;
        all.retain(|one| one.code == code.text());
        all.into_iter()
            .map(|resolution| {
                let sealed = &resolution.reason;
                let reason = self.keys.opened_reason(&reason_of(resolution.number), sealed)?;
                let reason = on_one_line(&reason);
                let is_for_the_month = resolution.valid_to >= cycle.period;
                let is_about_it =
                    resolution.decision == Decision::Keep || resolution.is_about(seen);
                let told = told_decision(&resolution, &reason);
                let told = match (is_for_the_month, is_about_it) {
                    (true, true) => told,
                    (false, _) => Words::new(
                        format!("{} Không còn hiệu lực ở kỳ {}.", told.vi, cycle.period),
                        format!("{} It counts no more in {}.", told.en, cycle.period),
                    ),
                    (true, false) => Words::new(
                        format!("{} {}", told.vi, ABOUT_OTHERS.vi),
                        format!("{} {}", told.en, ABOUT_OTHERS.en),
                    ),
                };
                let counts = is_for_the_month && is_about_it;
                Ok(ToldDecision { resolution, reason, counts, told })
            })
            .collect()
    }
}

/// Why a release that was not taken back does not count.
const ABOUT_OTHERS: Words = Words::fixed(
    "Quyết định đó dựa trên thông tin khác với thông tin đang có trên dòng này hoặc trong cơ sở dữ liệu dân cư, nên không được tính: cán bộ phải xem lại.",
    "That decision was about other values than those that stand on the row, or in the register, now, so that it does not count: an officer must look again.",
);

/// Whether a decision was taken before the list was sealed, which changes no more after that.
fn was_known(one: &Resolution, cycle: &Cycle) -> bool {
    cycle.sealed_at.as_ref().is_none_or(|sealed_at| one.decided_at <= *sealed_at)
}

fn told_hold(kept: Kept, code: HoldCode, decisions: Vec<ToldDecision>, so: Words) -> ToldHold {
    let entry = code.entry();
    ToldHold {
        kept,
        code: entry.text.to_owned(),
        why: Words::fixed(entry.vi, entry.en),
        decisions,
        so,
    }
}

fn told_decision(one: &Resolution, reason: &str) -> Words {
    let (by, at, to) = (&one.decided_by, at(&one.decided_at), one.valid_to);
    match (one.decision, &one.confirmed_by) {
        (Decision::Keep, _) => Words::new(
            format!(
                "{by} quyết định tiếp tục giữ lúc {at}, lý do “{reason}”; có hiệu lực đến hết kỳ {to}."
            ),
            format!(
                "{by} decided at {at} to keep it held, with the reason “{reason}”; this counts to {to}."
            ),
        ),
        (Decision::Release, Some(second)) => {
            let second_at = one.confirmed_at.as_deref().map(self::at).unwrap_or_default();
            Words::new(
                format!(
                    "{by} đề nghị gỡ tạm giữ lúc {at}, lý do “{reason}”; {second} xác nhận lúc {second_at}; \
                     có hiệu lực đến hết kỳ {to}."
                ),
                format!(
                    "{by} proposed at {at} to release it, with the reason “{reason}”; {second} confirmed it at \
                     {second_at}; this counts to {to}."
                ),
            )
        }
        (Decision::Release, None) if one.two_persons => Words::new(
            format!(
                "{by} đề nghị gỡ tạm giữ lúc {at}, lý do “{reason}”; chưa có cán bộ thứ hai xác nhận, nên vẫn tạm giữ."
            ),
            format!(
                "{by} proposed at {at} to release it, with the reason “{reason}”; no second officer has confirmed it, \
                 so that it is held still."
            ),
        ),
        (Decision::Release, None) => Words::new(
            format!(
                "{by} quyết định gỡ tạm giữ lúc {at}, lý do “{reason}”; có hiệu lực đến hết kỳ {to}."
            ),
            format!("{by} released it at {at}, with the reason “{reason}”; this counts to {to}."),
        ),
    }
}

fn of_row(
    row: &ExplainedRow,
    is_set_aside: bool,
    code: HoldCode,
    decisions: &[ToldDecision],
) -> Words {
    if !is_set_aside {
        return match last_counted(decisions) {
            Some(Decision::Release) => Words::fixed(
                "Danh sách này được tính trước quyết định đó, nên dòng chưa được chi trong danh sách này; quyết định có hiệu lực khi tính lại hoặc với danh sách sau.",
                "This list was computed before that decision, so that it does not pay the row; the decision counts when the row is computed anew, or with a later list.",
            ),
            Some(Decision::Keep) => {
                Words::fixed("Vì vậy dòng không được chi.", "Because of this the row is not paid.")
            }
            None => undecided(code, decisions),
        };
    }
    match row.outcome {
        RowOutcome::Entitled => Words::fixed(
            "Nhờ quyết định này mà dòng được xét hưởng và đưa vào danh sách chi.",
            "Because of this decision the row was worked out, and what is owed was put on the list.",
        ),
        RowOutcome::Held => Words::new(
            format!("Lý do giữ này không còn, nhưng dòng vẫn bị tạm giữ theo {}.", row.code),
            format!("This does not hold the row any more; {} does.", row.code),
        ),
        RowOutcome::Nil | RowOutcome::Ceased | RowOutcome::Refused => Words::fixed(
            "Nhờ quyết định này mà dòng được xét hưởng; kết quả là không phát sinh khoản chi.",
            "Because of this decision the row was worked out; nothing is owed.",
        ),
    }
}

fn of_payable(
    payable: &Payable,
    kept_it_back: bool,
    code: HoldCode,
    decisions: &[ToldDecision],
) -> Words {
    if !kept_it_back {
        return Words::new(
            format!("Vì vậy {code} không giữ khoản này."),
            format!("Because of this, {code} does not hold this payment."),
        );
    }
    match (last_counted(decisions), payable.state) {
        (Some(Decision::Keep), PayableState::Held) => {
            Words::fixed("Vì vậy khoản này không được chi.", "Because of this it is not paid.")
        }
        (Some(Decision::Release), PayableState::Held) => Words::fixed(
            "Khoản này chưa được lập lệnh kể từ đó: nó đi cùng lần chi lại hoặc danh sách sau.",
            "It has not been ordered since: it goes when payments are ordered again, or with a later list.",
        ),
        (Some(Decision::Release), _) => Words::fixed(
            "Nhờ quyết định này mà khoản được lập lệnh chi.",
            "Because of this decision the payment was ordered.",
        ),
        (None, PayableState::Held) => undecided(code, decisions),
        (_, state) => {
            let now = wording::payable_state(state);
            Words::new(
                format!("Khoản này không còn bị giữ: {}.", now.vi),
                format!("It is held no more: {}.", now.en),
            )
        }
    }
}

/// The last decision that counts, by itself or because two have taken it.
fn last_counted(decisions: &[ToldDecision]) -> Option<Decision> {
    let mut counted =
        decisions.iter().filter(|one| one.counts && !one.resolution.waits_for_another());
    counted.next_back().map(|one| one.resolution.decision)
}

fn undecided(code: HoldCode, decisions: &[ToldDecision]) -> Words {
    if code.release() == HoldRelease::WhenMended {
        return Words::fixed(
            "Không gỡ bằng tay: tự hết khi thông tin còn thiếu đã được bổ sung.",
            "Nobody releases it by hand: it goes when what is missing is there.",
        );
    }
    let who = wording::hold_release(code.release());
    let (is_untouched, waits) = (decisions.is_empty(), decisions.iter().any(|one| one.counts));
    match (is_untouched, waits) {
        (false, false) => Words::new(
            format!(
                "Không có quyết định nào được tính ở kỳ này; ai được gỡ: {}.",
                who.vi.to_lowercase()
            ),
            format!(
                "No decision about it counts here; who may release it: {}.",
                who.en.to_lowercase()
            ),
        ),
        (true, _) => Words::new(
            format!("Chưa có quyết định nào; ai được gỡ: {}.", who.vi.to_lowercase()),
            format!("Nothing was decided about it; who may release it: {}.", who.en.to_lowercase()),
        ),
        (false, true) => Words::fixed("Khoản tiền chưa được chi.", "The money is not paid."),
    }
}

/// `2026-10-22 09:00`, of `2026-10-22T09:00:00+07:00`.
fn at(stamp: &str) -> String {
    stamp.chars().take(16).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

/// What an officer wrote, without what would break a line or move the cursor.
fn on_one_line(reason: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let plain: String = reason.chars().map(plain).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}
