//! The words of reports: every state, outcome and code that is stored as one word, said in both
//! languages. Total over the enums, so that a new state cannot appear without its words.

use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::{BatchState, DeliveryOutcome};
use crate::domain::cycle::{CycleKind, CycleState};
use crate::domain::exception::RowOutcome;
use crate::domain::hold::{HoldCode, HoldRelease};
use crate::domain::instruction::{EvidenceGrade, InstructionState};
use crate::domain::list::{Act, ListState};
use crate::domain::outcome::ReasonClass;
use crate::domain::payable::PayableState;
use crate::domain::recall::RecallState;
use crate::domain::receivable::{ReceivableCause, ReceivableState};
use crate::domain::roster::{Channel, RefusalCode};
use crate::domain::state::Named;
use crate::pipeline::account::NOTHING_NEW;
use crate::report::words::Words;

pub const fn cycle_kind(kind: CycleKind) -> Words {
    match kind {
        CycleKind::Regular => Words::fixed("Thường kỳ", "Regular"),
        CycleKind::Supplementary => Words::fixed("Bổ sung", "Supplementary"),
        CycleKind::Correction => Words::fixed("Điều chỉnh", "Correction"),
    }
}

pub const fn cycle_state(state: CycleState) -> Words {
    match state {
        CycleState::Open => Words::fixed("Mới mở, chưa tính", "Open, not computed"),
        CycleState::Computed => Words::fixed("Đã tính, chưa niêm phong", "Computed, not sealed"),
        CycleState::Sealed => Words::fixed("Đã niêm phong, chưa trình", "Sealed, not submitted"),
        CycleState::Submitted => Words::fixed("Đã trình, chờ duyệt", "Submitted for approval"),
        CycleState::Approved => Words::fixed("Đã duyệt, chưa cho gửi", "Approved, not released"),
        CycleState::Released => Words::fixed("Đã cho gửi", "Released"),
        CycleState::Settling => Words::fixed("Đang chi trả và đối chiếu", "Settling"),
        CycleState::Closed => Words::fixed("Đã khóa sổ", "Closed"),
        CycleState::Cancelled => Words::fixed("Đã hủy", "Cancelled"),
    }
}

pub const fn row_outcome(outcome: RowOutcome) -> Words {
    match outcome {
        RowOutcome::Refused => Words::fixed("Không nhận", "Refused"),
        RowOutcome::Ceased => Words::fixed("Thôi hoặc tạm dừng hưởng", "Ceased or suspended"),
        RowOutcome::Held => Words::fixed("Tạm giữ", "Held"),
        RowOutcome::Nil => Words::fixed("Không phát sinh", "Nil"),
        RowOutcome::Entitled => Words::fixed("Được hưởng", "Entitled"),
    }
}

pub const fn payable_state(state: PayableState) -> Words {
    match state {
        PayableState::Held => Words::fixed("Tạm giữ", "Held"),
        PayableState::Pending => Words::fixed("Đang chờ kết quả", "Pending"),
        PayableState::Unknown => Words::fixed("Chưa rõ", "Unknown"),
        PayableState::Paid => Words::fixed("Đã chi", "Paid"),
        PayableState::Rejected => Words::fixed("Bị từ chối", "Rejected"),
        PayableState::Returned => Words::fixed("Bị trả lại", "Returned"),
    }
}

/// The words by which people are counted; see `pipeline::account::PERSON_OUTCOMES`.
pub fn person_outcome(word: &str) -> Words {
    match word {
        "ceased" => row_outcome(RowOutcome::Ceased),
        "nil" => row_outcome(RowOutcome::Nil),
        "refused" => row_outcome(RowOutcome::Refused),
        NOTHING_NEW => {
            Words::fixed("Được hưởng, không có gì mới phải chi", "Entitled, nothing new to pay")
        }
        word => match PayableState::from_name(word) {
            Some(state) => payable_state(state),
            None => Words::name(word),
        },
    }
}

/// A stored channel word; one that is not known is shown as it stands.
pub fn channel(word: &str) -> Words {
    match Channel::from_name(word) {
        Some(Channel::Bank) => Words::fixed("Tài khoản ngân hàng", "Bank account"),
        Some(Channel::Wallet) => Words::fixed("Ví điện tử", "E-wallet"),
        Some(Channel::MobileMoney) => Words::fixed("Tiền di động", "Mobile money"),
        Some(Channel::Cash) => Words::fixed("Tiền mặt", "Cash"),
        Some(Channel::Unnamed) => Words::fixed("Chưa rõ", "Not named"),
        None => unknown(word),
    }
}

/// Whether a channel pays into an account, which is the goal for everyone.
pub fn is_account(word: &str) -> bool {
    matches!(Channel::from_name(word), Some(Channel::Bank | Channel::Wallet | Channel::MobileMoney))
}

pub const fn batch_state(state: BatchState) -> Words {
    match state {
        BatchState::Created => Words::fixed("Đã lập", "Created"),
        BatchState::Released => Words::fixed("Được gửi", "Released"),
        BatchState::Sending => Words::fixed("Đang gửi", "Sending"),
        BatchState::Delivered => Words::fixed("Đã nhận", "Delivered"),
        BatchState::Unknown => Words::fixed("Chưa rõ", "Unknown"),
        BatchState::Refused => Words::fixed("Bị từ chối cả tệp", "Refused as a whole"),
        BatchState::Withdrawn => Words::fixed("Đã rút", "Withdrawn"),
    }
}

pub const fn delivery_outcome(outcome: DeliveryOutcome) -> Words {
    match outcome {
        DeliveryOutcome::Started => Words::fixed("chưa kết thúc", "not ended"),
        DeliveryOutcome::Delivered => Words::fixed("đã nhận", "delivered"),
        DeliveryOutcome::NotSent => Words::fixed("chưa rời đi", "not sent"),
        DeliveryOutcome::Unknown => Words::fixed("chưa rõ", "unknown"),
    }
}

pub const fn instruction_state(state: InstructionState) -> Words {
    match state {
        InstructionState::InBatch => Words::fixed("Theo tệp, chưa có kết quả", "As its file"),
        InstructionState::Unknown => Words::fixed("Chưa rõ", "Unknown"),
        InstructionState::Settled => Words::fixed("Đã chi", "Settled"),
        InstructionState::Rejected => Words::fixed("Bị từ chối", "Rejected"),
        InstructionState::Returned => Words::fixed("Bị trả lại", "Returned"),
        InstructionState::Cancelled => Words::fixed("Đã hủy", "Cancelled"),
        InstructionState::SettledExcess => Words::fixed("Chi thừa", "Settled in excess"),
        InstructionState::ExcessReturned => Words::fixed("Chi thừa, đã thu về", "Excess returned"),
    }
}

pub const fn evidence(grade: EvidenceGrade) -> Words {
    match grade {
        EvidenceGrade::Signature => {
            Words::fixed("Người nhận ký tại điểm chi", "Signature at the pay point")
        }
        EvidenceGrade::ProviderResult => Words::fixed(
            "Đơn vị giữ tài khoản báo đã ghi có",
            "Result of the provider that holds the account",
        ),
        EvidenceGrade::Statement => Words::fixed(
            "Bút toán trên sao kê tài khoản chi",
            "Entry on the paying account’s statement",
        ),
        EvidenceGrade::Unreturned => Words::fixed(
            "Đã ghi nợ tài khoản chi, không bị trả lại trong số ngày thỏa thuận",
            "Paying account debited, and nothing returned in the agreed days",
        ),
        EvidenceGrade::Decision => {
            Words::fixed("Hai cán bộ quyết định là đã chi", "Decided by two officers")
        }
    }
}

/// What a reason asks for. A stored class that is not known goes to a person.
pub fn reason_class(class: Option<&str>) -> Words {
    match class.and_then(ReasonClass::from_name) {
        Some(ReasonClass::Retry) => Words::fixed("Gửi lại được", "May be ordered again"),
        Some(ReasonClass::OtherChannel) => Words::fixed("Đổi kênh chi", "Another channel"),
        Some(ReasonClass::PayeeData) => Words::fixed("Sửa thông tin người nhận", "Payee’s details"),
        Some(ReasonClass::Stop) => Words::fixed("Ngừng chi, xác minh", "Stop and verify"),
        Some(ReasonClass::Operator) => Words::fixed("Lỗi phía cơ quan chi", "Our side"),
        Some(ReasonClass::Review) => Words::fixed("Cần người xem xét", "To be reviewed"),
        Some(ReasonClass::Duplicate) => Words::fixed("Nghi trùng, đối chiếu", "Duplicate"),
        Some(ReasonClass::NotApplicable) => Words::fixed("Không áp dụng", "Not applicable"),
        None => Words::fixed("Chưa phân loại", "Not classed"),
    }
}

pub const fn list_state(state: ListState) -> Words {
    match state {
        ListState::Sealed => Words::fixed("Đã niêm phong", "Sealed"),
        ListState::Submitted => Words::fixed("Đã trình", "Submitted"),
        ListState::Approved => Words::fixed("Đã duyệt", "Approved"),
        ListState::Released => Words::fixed("Đã cho gửi", "Released"),
        ListState::Cancelled => Words::fixed("Đã hủy", "Cancelled"),
    }
}

pub const fn act(act: Act) -> Words {
    match act {
        Act::Submit => Words::fixed("Lập và trình", "Made and submitted"),
        Act::Approve => Words::fixed("Duyệt", "Approved"),
    }
}

pub const fn discrepancy(kind: DiscrepancyKind) -> Words {
    match kind {
        DiscrepancyKind::Unmatched => Words::fixed("Không khớp lệnh nào", "Fits no instruction"),
        DiscrepancyKind::AmountDiffers => Words::fixed("Số tiền khác", "The amount differs"),
        DiscrepancyKind::Contradiction => {
            Words::fixed("Trái với trạng thái đang có", "Contradicts what is held")
        }
        DiscrepancyKind::SettledExcess => {
            Words::fixed("Chi thừa ngoài lệnh đang có", "Paid beside a live order")
        }
        DiscrepancyKind::StatusUnknown => Words::fixed("Trạng thái lạ", "Status word not known"),
        DiscrepancyKind::FileRefused => {
            Words::fixed("Tệp trả lời bị từ chối", "The file was refused")
        }
        DiscrepancyKind::UnexplainedEntry => {
            Words::fixed("Bút toán sao kê chưa rõ", "Statement entry without a reason")
        }
        DiscrepancyKind::TotalsDiffer => {
            Words::fixed("Số lượng hoặc tổng của tệp khác", "Another count or total of a file")
        }
        DiscrepancyKind::AccountDiffers => {
            Words::fixed("Tài khoản nhận khác", "The account differs")
        }
        DiscrepancyKind::PaidTwice => Words::fixed("Có thể đã chi hai lần", "Perhaps paid twice"),
        DiscrepancyKind::TransactionShared => {
            Words::fixed("Một giao dịch cho hai khoản", "One transaction for two orders")
        }
        DiscrepancyKind::CameBackTwice => {
            Words::fixed("Tiền về hai lần", "The money came back twice")
        }
        DiscrepancyKind::ReceiptTakenBack => Words::fixed(
            "Tiền đã về, phiếu thu đã rút",
            "Money came in, its receipt was taken back",
        ),
        DiscrepancyKind::TransferTakenBack => Words::fixed(
            "Tiền đã chuyển đi, chứng từ chuyển đã rút",
            "Money left, its transfer was taken back",
        ),
        DiscrepancyKind::DateImpossible => {
            Words::fixed("Ngày không thể có", "A day that cannot be")
        }
        DiscrepancyKind::Unclear => {
            Words::fixed("Thiếu chứng cứ hoặc tự mâu thuẫn", "Lacks evidence or contradicts itself")
        }
        DiscrepancyKind::NotBooked => Words::fixed("Chưa ghi sổ được", "Could not be booked"),
    }
}

pub const fn receivable(cause: ReceivableCause) -> Words {
    match cause {
        ReceivableCause::SettledExcess => Words::fixed("Chi thừa", "Settled in excess"),
        ReceivableCause::Overpayment => Words::fixed("Đã chi quá mức hưởng", "Paid more than owed"),
        ReceivableCause::PostDeath => {
            Words::fixed("Đã chi cho tháng sau khi chết", "Paid for months after the death")
        }
    }
}

pub const fn receivable_state(state: ReceivableState) -> Words {
    match state {
        ReceivableState::Open => Words::fixed("Chưa thu", "Open"),
        ReceivableState::Recovering => Words::fixed("Đang thu", "Partly back"),
        ReceivableState::Recovered => Words::fixed("Đã thu", "Back"),
        ReceivableState::Reclaimed => Words::fixed("Đã thu từ di sản", "Back from the estate"),
        ReceivableState::SetAside => {
            Words::fixed("Không phải thu: việc báo tử sai", "Not owed: the death was wrong")
        }
        ReceivableState::WrittenOff => Words::fixed("Đã xóa nợ", "Written off"),
    }
}

pub const fn recall_state(state: RecallState) -> Words {
    match state {
        RecallState::Proposed => Words::fixed(
            "mới đề nghị, chờ người thứ hai",
            "proposed, and waits for a second officer",
        ),
        RecallState::Declined => {
            Words::fixed("cán bộ thứ hai không đồng ý", "declined by the second officer")
        }
        RecallState::Confirmed => {
            Words::fixed("đã duyệt, chưa gửi đối tác", "confirmed, and not sent yet")
        }
        RecallState::Sent => Words::fixed("đã gửi đối tác, chưa trả lời", "sent, and not answered"),
        RecallState::Pending => {
            Words::fixed("đối tác chưa quyết định", "the partner has not decided")
        }
        RecallState::Partly => {
            Words::fixed("đối tác hoàn trả một phần", "the partner gives back a part")
        }
        RecallState::Accepted => Words::fixed(
            "đối tác đồng ý hoàn trả, tiền chưa về",
            "the partner has agreed, and the money is not there yet",
        ),
        RecallState::Refused => {
            Words::fixed("đối tác từ chối hoàn trả", "the partner does not give it back")
        }
        RecallState::Over => Words::fixed(
            "đã xong: tiền đã về hoặc chưa từng chi",
            "over: the money is back, or was never paid",
        ),
        RecallState::GivenUp => Words::fixed("đã thôi yêu cầu", "given up"),
    }
}

pub const fn hold_release(release: HoldRelease) -> Words {
    match release {
        HoldRelease::Officer => Words::fixed("Một cán bộ, có lý do", "An officer, with a reason"),
        HoldRelease::TwoPersons => Words::fixed("Hai người", "Two persons"),
        HoldRelease::WhenMended => {
            Words::fixed("Tự hết khi đã bổ sung", "Nobody: when it is mended")
        }
    }
}

/// The sentence of a hold, and who may release it; none for a code that is no hold.
pub fn hold(code: &str) -> Option<(Words, Words)> {
    let entry = code.parse::<HoldCode>().ok()?.entry();
    Some((Words::fixed(entry.vi, entry.en), hold_release(entry.release)))
}

/// Why a roster row was refused, or ceased by its sender; none for the clauses of a pack.
pub fn row_code(code: &str) -> Option<Words> {
    if let Some(refusal) = RefusalCode::from_name(code) {
        return Some(match refusal {
            RefusalCode::ColumnsMissing => Words::fixed(
                "Dòng thiếu hoặc thừa cột.",
                "The row has too few or too many columns.",
            ),
            RefusalCode::ValueMissing => {
                Words::fixed("Thiếu giá trị bắt buộc.", "A required value is missing.")
            }
            RefusalCode::DateDoesNotExist => Words::fixed(
                "Ngày không có thật hoặc sai dạng.",
                "A date does not exist or is misspelt.",
            ),
            RefusalCode::AmountNotPlain => Words::fixed(
                "Số tiền không phải chữ số thường.",
                "An amount is not in plain digits.",
            ),
            RefusalCode::BenefitUnknown => Words::fixed(
                "Chế độ hoặc chương trình không có trong bộ quy tắc.",
                "The programme or benefit is not in the pack.",
            ),
            RefusalCode::WordUnknown => Words::fixed(
                "Giá trị không thuộc danh mục.",
                "A word is not among those that the column may have.",
            ),
            RefusalCode::FactUnreadable => {
                Words::fixed("Thông tin xét hưởng không đọc được.", "A fact cannot be read.")
            }
            RefusalCode::ValueTooLong => Words::fixed("Giá trị quá dài.", "A value is too long."),
            RefusalCode::EnrolmentTwice => Words::fixed(
                "Mã hồ sơ hưởng xuất hiện hai lần trong danh sách.",
                "The enrolment id stands on the roster twice.",
            ),
            RefusalCode::NumberCollides => Words::fixed(
                "Số nội bộ đã thuộc về một số định danh khác.",
                "The person’s number belongs to another national id.",
            ),
            RefusalCode::BenefitChanged => Words::fixed(
                "Mã hồ sơ hưởng này đã được chi một chế độ khác.",
                "Another benefit was paid under this enrolment id.",
            ),
            RefusalCode::DatesContradict => Words::fixed(
                "Các ngày trong dòng mâu thuẫn với nhau.",
                "Dates of the row contradict one another.",
            ),
            RefusalCode::ChangedLater => Words::fixed(
                "Thay đổi áp dụng từ tháng sau tháng của danh sách",
                "A change from a month after the roster's",
            ),
            RefusalCode::PaidThroughLater => Words::fixed(
                "Tháng đã chi đến (paid_through) sau tháng của danh sách.",
                "The month paid through lies after the month of the roster.",
            ),
        });
    }
    match code {
        "suspended" => Some(Words::fixed(
            "Nơi lập danh sách báo tạm dừng hưởng.",
            "The sender reports the enrolment as suspended.",
        )),
        "ceased" => Some(Words::fixed(
            "Nơi lập danh sách báo thôi hưởng.",
            "The sender reports the enrolment as ended.",
        )),
        _ => None,
    }
}

/// The Vietnamese of what `pipeline::account` compares; an identity without one is shown in English.
pub fn identity(name: &'static str) -> Words {
    let vi = match name {
        "rows listed = refused + ceased + held + nil + entitled" => {
            "số dòng = không nhận + thôi hưởng + tạm giữ + không phát sinh + được hưởng"
        }
        "people listed + people with carried money alone = people by worst outcome" => {
            "người trong danh sách + người chỉ có khoản chuyển từ kỳ trước = số người theo kết quả xấu nhất"
        }
        "claims of the payables + recoveries + court orders = payables" => {
            "quyền lợi đã xác định + phần thu hồi + phần khấu trừ thi hành án = các khoản chi"
        }
        "instructions of a batch = its file" => "các lệnh của lô = tệp của lô",
        "every batch has a sealed file" => "mỗi lô có một tệp đã niêm phong",
        "files of the first list = payables it ordered" => {
            "các tệp của danh sách đầu = các khoản chi đã ra lệnh"
        }
        "settled instructions = paid payables" => "lệnh đã chi = khoản đã chi",
        "failed orders that were not ordered again = rejected + returned" => {
            "lệnh hỏng chưa ra lệnh lại = khoản bị từ chối + bị trả lại"
        }
        "signatures that verify = signatures that count" => {
            "chữ ký số kiểm đúng = chữ ký số còn giá trị"
        }
        "nothing is pending in a closed cycle" => "kỳ đã khóa không còn khoản đang chờ",
        "what is unknown is in suspense" => "khoản chưa rõ đều nằm ở tài khoản treo",
        other => other,
    };
    Words::fixed(vi, name)
}

/// A word that no table has: shown as it stands, never dropped.
pub fn unknown(word: &str) -> Words {
    match word.is_empty() {
        true => Words::fixed("(không ghi)", "(not given)"),
        false => Words::name(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hold::HOLDS;
    use crate::pipeline::account::PERSON_OUTCOMES;

    #[test]
    fn every_stored_word_has_words_in_both_languages() {
        for (word, _) in Channel::ALL {
            assert_ne!(channel(word).vi, *word);
        }
        for (code, _) in RefusalCode::ALL {
            assert!(row_code(code).is_some(), "{code}");
        }
        for entry in HOLDS {
            assert!(hold(entry.text).is_some(), "{}", entry.text);
        }
        for (class, _) in ReasonClass::ALL {
            assert_ne!(reason_class(Some(class)), reason_class(None), "{class}");
        }
        for word in PERSON_OUTCOMES.iter().filter(|word| **word != "total") {
            let words = person_outcome(word);
            assert_ne!(words.vi, words.en, "{word}");
        }
    }

    #[test]
    fn a_word_that_no_table_has_is_shown_as_it_stands() {
        assert_eq!(channel("pigeon"), Words::name("pigeon"));
        assert_eq!(channel(""), Words::fixed("(không ghi)", "(not given)"));
        assert_eq!(hold("AC04"), None);
        assert_eq!(row_code("VN-20-15"), None);
    }

    /// `pipeline::account` names its identities; this page translates each of them.
    #[test]
    fn every_identity_is_said_in_vietnamese() {
        let source = include_str!("../pipeline/account.rs");
        let code = source.split("#[cfg(test)]").next().unwrap_or("");
        let mut found = 0;
        for part in code.split("must(").skip(1) {
            let Some(name) = part.trim_start().strip_prefix('"').and_then(|p| p.split('"').next())
            else {
                continue;
            };
            let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
            assert_ne!(identity(name).vi, name, "no Vietnamese for: {name}");
            found += 1;
        }
        assert!(found >= 9, "{found} identities were found in account.rs");
    }
}
