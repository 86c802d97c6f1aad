//! Where the money of a payable is, and what became of each of its orders.
//!
//! Reads: a payable, its orders, and the files in which they stand. Gives: parts of sentences in both
//! languages, which begin with a small letter and end without a stop.

use std::collections::HashMap;

use crate::domain::batch::{Batch, BatchState};
use crate::domain::fate::DECIDED_NOT_PAID;
use crate::domain::hold::HoldCode;
use crate::domain::ids::BatchNo;
use crate::domain::instruction::{
    EvidenceGrade, Instruction, InstructionState, LIST_CANCELLED, STOPPED, WITHDRAWN,
};
use crate::domain::payable::{Payable, PayableState};
use crate::report::wording;
use crate::report::words::Words;

/// The files of one cycle.
pub type Files = HashMap<BatchNo, Batch>;

/// Where the money of a payable is.
pub fn standing(payable: &Payable, orders: &[Instruction], files: &Files) -> Words {
    let last_in = |state: InstructionState| orders.iter().rfind(|one| one.state == state);
    match payable.state {
        PayableState::Held => held(&payable.code),
        PayableState::Pending => match last_in(InstructionState::InBatch) {
            Some(order) => on_its_way(order, files),
            None => lower(&wording::payable_state(PayableState::Pending)),
        },
        PayableState::Unknown => Words::fixed(
            "chưa rõ đã chi hay chưa; không chi lại trước khi rõ",
            "nobody knows yet whether it was paid, and it is not ordered again before that is known",
        ),
        PayableState::Paid => match last_in(InstructionState::Settled) {
            Some(order) => settled(order),
            None => lower(&wording::payable_state(PayableState::Paid)),
        },
        state @ (PayableState::Rejected | PayableState::Returned) => {
            let tried = orders.iter().filter(|one| !one.is_given_up());
            let state = lower(&wording::payable_state(state));
            match tried.max_by_key(|one| one.attempt) {
                Some(order) => joined(&state, &failed(order)),
                None => state,
            }
        }
    }
}

/// What became of one order.
pub fn order(order: &Instruction, files: &Files) -> Words {
    let state = lower(&wording::instruction_state(order.state));
    match order.state {
        InstructionState::InBatch => on_its_way(order, files),
        InstructionState::Settled => settled(order),
        InstructionState::SettledExcess | InstructionState::ExcessReturned => {
            joined(&state, &day(order))
        }
        InstructionState::Unknown
        | InstructionState::Rejected
        | InstructionState::Returned
        | InstructionState::Cancelled => joined(&state, &failed(order)),
    }
}

/// What the debit of our account proves of a payment.
pub fn of_debit(state: InstructionState, grade: Option<EvidenceGrade>) -> Words {
    match (state, grade) {
        (InstructionState::Settled, Some(EvidenceGrade::Unreturned)) => Words::fixed(
            "quá số ngày thỏa thuận với đối tác mà tiền không bị trả lại, nên khoản chi được coi là đã chi",
            "in the days that were agreed with the partner nothing came back, so that the payment counts as paid",
        ),
        (InstructionState::Settled, _) => Words::fixed(
            "bằng chứng đã chi nêu ở trên",
            "what proves that it was paid stands above",
        ),
        _ => Words::fixed(
            "việc này chưa chứng minh người nhận đã có tiền",
            "this does not prove that the payee has the money",
        ),
    }
}

fn held(code: &str) -> Words {
    let state = lower(&wording::payable_state(PayableState::Held));
    let why = match code.parse::<HoldCode>().map(|code| code.entry()) {
        Ok(entry) => {
            let told = |text: &str| format!(", {code} ({})", text.trim_end_matches('.'));
            Words::new(told(entry.vi), told(entry.en))
        }
        Err(_) => Words::name(format!(", {code}")),
    };
    joined(&state, &why)
}

/// An order follows its file until an answer names it.
fn on_its_way(order: &Instruction, files: &Files) -> Words {
    let Some(file) = files.get(&order.batch) else {
        return lower(&wording::payable_state(PayableState::Pending));
    };
    let (name, partner) = (&file.file_name, &file.provider);
    match file.state {
        BatchState::Created => Words::new(
            format!("nằm trong tệp {name}, chờ duyệt và cho gửi"),
            format!("in the file {name}, which waits to be approved and released"),
        ),
        BatchState::Released => Words::new(
            format!("nằm trong tệp {name}, đã cho gửi và chưa rời đi"),
            format!("in the file {name}, which is released and has not left"),
        ),
        BatchState::Sending => Words::new(
            format!("nằm trong tệp {name}, đang gửi đến {partner}"),
            format!("in the file {name}, which is being sent to {partner}"),
        ),
        BatchState::Delivered if order.is_said_to_be_in_process() => Words::new(
            format!("đang trên đường trong tệp {name}; {partner} báo đang xử lý lệnh này"),
            format!("on its way in the file {name}; {partner} says that it is in process"),
        ),
        BatchState::Delivered => Words::new(
            format!("đang trên đường; {partner} đã nhận tệp {name} và chưa trả lời về lệnh này"),
            format!(
                "on its way; {partner} has the file {name} and has not answered about this order"
            ),
        ),
        BatchState::Unknown => Words::new(
            format!("nằm trong tệp {name}, chưa rõ đã rời đi hay chưa"),
            format!("in the file {name}, of which it is not known whether it has left"),
        ),
        BatchState::Refused | BatchState::Withdrawn => Words::new(
            format!("nằm trong tệp {name}, {}", wording::batch_state(file.state).vi.to_lowercase()),
            format!("in the file {name}, {}", wording::batch_state(file.state).en.to_lowercase()),
        ),
    }
}

fn settled(order: &Instruction) -> Words {
    let paid = joined(&lower(&wording::payable_state(PayableState::Paid)), &day(order));
    match order.evidence.grade {
        Some(grade) => {
            let proof = lower(&wording::evidence(grade));
            joined(
                &paid,
                &Words::new(
                    format!(", bằng chứng: {}", proof.vi),
                    format!(", proved by: {}", proof.en),
                ),
            )
        }
        None => paid,
    }
}

/// Why an order came to nothing; begins with a comma, or is nothing.
fn failed(order: &Instruction) -> Words {
    let Some(reason) = order.evidence.reason.as_deref().filter(|reason| !reason.is_empty()) else {
        return day(order);
    };
    let why = match of_ours(reason) {
        Some(ours) => Words::new(format!(", {}", ours.vi), format!(", {}", ours.en)),
        None => {
            let class = lower(&wording::reason_class(order.evidence.reason_class.as_deref()));
            Words::new(
                format!(", lý do “{reason}” ({})", class.vi),
                format!(", reason “{reason}” ({})", class.en),
            )
        }
    };
    joined(&why, &day(order))
}

/// Reasons that we wrote ourselves, because no partner gave one.
fn of_ours(reason: &str) -> Option<Words> {
    match reason {
        LIST_CANCELLED => Some(Words::fixed(
            "danh sách chi bị bỏ trước khi gửi",
            "its list was given up before it left",
        )),
        WITHDRAWN => Some(Words::fixed(
            "tệp được rút trước khi gửi",
            "its file was taken back before it left",
        )),
        STOPPED => Some(Words::fixed(
            "hai cán bộ dừng chi trước khi gửi",
            "two officers stopped it before it left",
        )),
        DECIDED_NOT_PAID => Some(Words::fixed(
            "hai cán bộ quyết định là chưa chi",
            "two officers decided that it was not paid",
        )),
        _ => None,
    }
}

/// The day that the answer gives; begins with a blank, or is nothing.
fn day(order: &Instruction) -> Words {
    match order.evidence.outcome_on.as_deref().filter(|day| !day.is_empty()) {
        Some(day) => Words::new(format!(" ngày {day}"), format!(" on {day}")),
        None => Words::fixed("", ""),
    }
}

fn lower(words: &Words) -> Words {
    let small = |text: &str| {
        let mut letters = text.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_lowercase().chain(letters).collect::<String>())
    };
    Words::new(small(&words.vi), small(&words.en))
}

fn joined(one: &Words, more: &Words) -> Words {
    Words::new(format!("{}{}", one.vi, more.vi), format!("{}{}", one.en, more.en))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debit_is_told_for_what_it_proves() {
        use EvidenceGrade as G;
        use InstructionState as S;
        for (state, grade, told) in [
            (S::InBatch, None, "does not prove"),
            (S::Unknown, None, "does not prove"),
            (S::Settled, Some(G::Unreturned), "counts as paid"),
            (S::Settled, Some(G::ProviderResult), "stands above"),
            // What came back after all has the grade by which it was taken for paid.
            (S::Returned, Some(G::Unreturned), "does not prove"),
        ] {
            let words = of_debit(state, grade);
            assert!(words.en.contains(told), "{state}: {}", words.en);
        }
    }
}
