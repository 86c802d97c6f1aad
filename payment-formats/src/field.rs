//! The words that a definition's expressions may use: one list, from which the loader, the
//! documentation and `fields()` all derive.

use std::fmt::Write;

use crate::amount::append_number;
use crate::payment::{
    Address, Bank, Batch, ControlTotals, Environment, OriginalFile, Payment, Recall,
};

/// One word of the payment model.
pub struct FieldInfo {
    /// As written in a definition: `payment.end_to_end_id`.
    pub name: &'static str,
    pub level: FieldLevel,
    pub kind: FieldKind,
    pub meaning: &'static str,
    pub meaning_vi: &'static str,
    pub(crate) read: for<'s> fn(&Scene<'s>) -> FieldValue<'s>,
}

/// Where a word has a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldLevel {
    /// Everywhere.
    Batch,
    /// In what is written once per payment.
    Payment,
    /// In the subtotal of a group of payments.
    Group,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldKind {
    Text,
    /// Minor units: must go through `money`, `money_trimmed` or `money_minor`.
    Amount,
    Count,
    /// Written as ISO 8601 unless `date` says otherwise.
    Date,
}

/// Every word, in the order of the documentation.
pub fn fields() -> &'static [FieldInfo] {
    FIELDS
}

/// What is in view while an expression is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'s> {
    pub batch: &'s Batch<'s>,
    /// What has been written so far; the payment in view included.
    pub written: ControlTotals,
    pub payment: Option<&'s Payment<'s>>,
    pub group: Option<(&'s str, ControlTotals)>,
}

pub(crate) enum FieldValue<'s> {
    Text(&'s str),
    Amount(i128),
    Count(u64),
    Date(jiff::civil::Date),
    DateTime(jiff::civil::DateTime, &'s str),
}

impl FieldValue<'_> {
    /// Appends the plain form. Amounts never come here: the loader demands a money function.
    pub fn append(&self, out: &mut String) {
        match self {
            FieldValue::Text(text) => out.push_str(text),
            FieldValue::Amount(minor) => append_number(out, minor.unsigned_abs()),
            FieldValue::Count(count) => append_number(out, u128::from(*count)),
            FieldValue::Date(date) => write!(out, "{date}").expect("text takes text"),
            FieldValue::DateTime(at, offset) => {
                write!(out, "{}T{:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())
                    .expect("text takes text");
                out.push_str(offset);
            }
        }
    }
}

macro_rules! field {
    ($level:ident $kind:ident $name:literal, $meaning:literal, $meaning_vi:literal, $read:expr) => {
        FieldInfo {
            name: $name,
            level: FieldLevel::$level,
            kind: FieldKind::$kind,
            meaning: $meaning,
            meaning_vi: $meaning_vi,
            read: $read,
        }
    };
}

use FieldValue::{Amount, Count, Text};

const FIELDS: &[FieldInfo] = &[
    field!(Batch Text "batch.message_id", "reference of the file", "mã tệp", |s| Text(s.batch.message_id)),
    field!(Batch Text "batch.batch_id", "reference of the set of payments", "mã lô", |s| Text(s.batch.batch_id)),
    field!(Batch Date "batch.created_at", "when the file was sealed, with offset", "thời điểm lập tệp", |s| {
        FieldValue::DateTime(s.batch.created_at, s.batch.utc_offset)
    }),
    field!(Batch Date "batch.execution_date", "when the debtor is to be debited", "ngày thực hiện", |s| {
        FieldValue::Date(s.batch.execution_date)
    }),
    field!(Batch Text "batch.currency", "ISO 4217 code", "mã tiền tệ", |s| Text(s.batch.currency.code())),
    field!(Batch Count "batch.count", "declared number of payments", "số khoản chi", |s| Count(s.batch.totals.count)),
    field!(Batch Amount "batch.sum", "declared sum", "tổng số tiền", |s| Amount(s.batch.totals.sum_minor)),
    field!(Batch Text "batch.category_purpose", "ISO category purpose code", "mã mục đích chung", |s| {
        Text(s.batch.category_purpose)
    }),
    field!(Batch Text "batch.label", "programme, month, pay point", "tên lô", |s| Text(s.batch.label)),
    field!(Batch Text "batch.test_mark", "TEST in a test environment, else empty", "TEST nếu là môi trường thử", |s| {
        Text(match s.batch.environment {
            Environment::Production => "",
            Environment::Test => "TEST",
        })
    }),
    field!(Batch Text "batch.debtor.name", "whose account is debited", "tên bên trả", |s| Text(s.batch.debtor.name)),
    field!(Batch Text "batch.debtor.id", "the debtor's identifier", "mã bên trả", |s| Text(s.batch.debtor.id)),
    field!(Batch Text "batch.debtor.account", "account debited", "tài khoản trích nợ", |s| Text(s.batch.debtor.account)),
    field!(Batch Text "batch.debtor.bin", "the debtor's bank: NAPAS BIN", "mã BIN ngân hàng bên trả", |s| bin(s.batch.debtor.bank)),
    field!(Batch Text "batch.debtor.citad", "the debtor's bank: CITAD", "mã CITAD ngân hàng bên trả", |s| citad(s.batch.debtor.bank)),
    field!(Batch Text "batch.debtor.bic", "the debtor's bank: BIC", "mã BIC ngân hàng bên trả", |s| bic(s.batch.debtor.bank)),
    field!(Batch Text "batch.initiating_party.name", "who sends the file", "tên bên gửi", |s| Text(s.batch.initiating_party.name)),
    field!(Batch Text "batch.initiating_party.id", "the sender's identifier", "mã bên gửi", |s| Text(s.batch.initiating_party.id)),
    field!(Batch Text "batch.original_message_id", "recall: reference of the file that left", "thu hồi: mã tệp đã gửi", |s| {
        original(s, |file| file.message_id)
    }),
    field!(Batch Text "batch.original_batch_id", "recall: reference of its set of payments", "thu hồi: mã lô đã gửi", |s| {
        original(s, |file| file.batch_id)
    }),
    field!(Batch Text "batch.original_message_name", "recall: the message that it was", "thu hồi: loại thông điệp đã gửi", |s| {
        original(s, |file| file.message_name)
    }),
    field!(Payment Count "payment.ordinal", "1 for the first payment of the file", "số thứ tự", |s| Count(s.written.count)),
    field!(Payment Text "payment.end_to_end_id", "names one attempt for ever", "mã tham chiếu", |s| payment(s, |p| p.end_to_end_id)),
    field!(Payment Text "payment.instruction_id", "point-to-point reference", "mã lệnh", |s| payment(s, |p| p.instruction_id)),
    field!(Payment Amount "payment.amount", "amount", "số tiền", |s| {
        Amount(s.payment.map_or(0, |p| i128::from(p.amount_minor)))
    }),
    field!(Payment Text "payment.creditor_name", "payee's name", "họ tên người nhận", |s| payment(s, |p| p.creditor_name)),
    field!(Payment Text "payment.creditor_id", "payee's identifier", "số định danh người nhận", |s| {
        payment(s, |p| p.creditor_id.unwrap_or(""))
    }),
    field!(Payment Text "payment.purpose", "ISO purpose code", "mã mục đích", |s| payment(s, |p| p.purpose)),
    field!(Payment Text "payment.remittance", "what the payee sees", "nội dung", |s| payment(s, |p| p.remittance)),
    field!(Payment Text "payment.account", "bank account", "số tài khoản", |s| {
        payment(s, |p| match p.address {
            Address::BankAccount { account, .. } => account,
            _ => "",
        })
    }),
    field!(Payment Text "payment.bin", "payee's bank: NAPAS BIN", "mã BIN ngân hàng nhận", |s| bin(bank(s))),
    field!(Payment Text "payment.citad", "payee's bank: CITAD", "mã CITAD ngân hàng nhận", |s| citad(bank(s))),
    field!(Payment Text "payment.bic", "payee's bank: BIC", "mã BIC ngân hàng nhận", |s| bic(bank(s))),
    field!(Payment Text "payment.wallet", "e-wallet identifier", "mã ví điện tử", |s| {
        payment(s, |p| match p.address {
            Address::Wallet { id } => id,
            _ => "",
        })
    }),
    field!(Payment Text "payment.msisdn", "mobile-money number, +84…", "số thuê bao", |s| {
        payment(s, |p| match p.address {
            Address::MobileMoney { msisdn } => msisdn,
            _ => "",
        })
    }),
    field!(Payment Text "payment.pay_point", "where cash is paid", "điểm chi trả", |s| payment(s, pay_point)),
    field!(Payment Text "payment.collector", "who may sign instead", "người nhận thay", |s| {
        payment(s, |p| match p.address {
            Address::Cash { collector, .. } => collector,
            _ => "",
        })
    }),
    field!(Payment Text "payment.home_address", "where cash is carried to", "địa chỉ chi trả tại nhà", |s| {
        payment(s, |p| match p.address {
            Address::Cash { home_address, .. } => home_address,
            _ => "",
        })
    }),
    field!(Payment Text "payment.case_id", "recall: names the request for ever", "thu hồi: mã yêu cầu", |s| recall(s, |one| one.case_id)),
    field!(Payment Text "payment.recall_reason", "recall: ISO cancellation reason", "thu hồi: mã lý do", |s| {
        recall(s, |one| one.reason_code)
    }),
    field!(Group Text "group.key", "what the subtotal is of", "nhóm", |s| Text(s.group.map_or("", |(key, _)| key))),
    field!(Group Count "group.count", "payments in the group", "số khoản của nhóm", |s| {
        Count(s.group.map_or(0, |(_, totals)| totals.count))
    }),
    field!(Group Amount "group.sum", "sum of the group", "tổng tiền của nhóm", |s| {
        Amount(s.group.map_or(0, |(_, totals)| totals.sum_minor))
    }),
];

/// The pay point of a cash payment; empty for the others.
pub(crate) fn pay_point<'s>(payment: &Payment<'s>) -> &'s str {
    match payment.address {
        Address::Cash { pay_point, .. } => pay_point,
        _ => "",
    }
}

fn payment<'s>(scene: &Scene<'s>, read: impl Fn(&'s Payment<'s>) -> &'s str) -> FieldValue<'s> {
    Text(scene.payment.map_or("", read))
}

fn original<'s>(scene: &Scene<'s>, read: impl Fn(&OriginalFile<'s>) -> &'s str) -> FieldValue<'s> {
    Text(scene.batch.original.as_ref().map_or("", read))
}

fn recall<'s>(scene: &Scene<'s>, read: impl Fn(&Recall<'s>) -> &'s str) -> FieldValue<'s> {
    Text(scene.payment.and_then(|payment| payment.recall.as_ref()).map_or("", read))
}

fn bank<'s>(scene: &Scene<'s>) -> Option<Bank<'s>> {
    match scene.payment.map(|payment| payment.address) {
        Some(Address::BankAccount { bank, .. }) => Some(bank),
        _ => None,
    }
}

fn bin(bank: Option<Bank<'_>>) -> FieldValue<'_> {
    Text(match bank {
        Some(Bank::Bin(code)) => code,
        _ => "",
    })
}

fn citad(bank: Option<Bank<'_>>) -> FieldValue<'_> {
    Text(match bank {
        Some(Bank::Citad(code)) => code,
        _ => "",
    })
}

fn bic(bank: Option<Bank<'_>>) -> FieldValue<'_> {
    Text(match bank {
        Some(Bank::Bic(code)) => code,
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_say_their_level() {
        let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for field in FIELDS {
            let level = match field.level {
                FieldLevel::Batch => "batch.",
                FieldLevel::Payment => "payment.",
                FieldLevel::Group => "group.",
            };
            assert!(field.name.starts_with(level), "{}", field.name);
            assert!(!field.meaning.is_empty() && !field.meaning_vi.is_empty());
        }
    }
}
