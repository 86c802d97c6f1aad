//! The payout files that the sandbox is sent, read by readers of its own: what the engine writes is
//! judged by code that shares nothing with the code that wrote it.
//!
//! Reads: a file of one of five kinds, as a stream.
//! Gives: its instructions one by one, what it says about itself, and why it is refused if it is.
//! Bad files are data: only a disk that fails is an error.

mod mobile_money_batch;
mod pain001;
mod sheets;

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::ProviderKind;

/// One order to credit one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Instruction {
    pub end_to_end_id: String,
    /// What the behaviour hangs on: the account, the wallet, the number; for cash the payee's
    /// identifier, or the pay point and name of who has none.
    pub account: String,
    pub name: String,
    pub amount_minor: i64,
    /// The set of payments within the file; empty where files have no sets.
    pub batch_id: String,
}

/// What a file says about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct FileHead {
    pub message_id: String,
    pub debtor_account: String,
    pub debtor_has_iban: bool,
    pub currency: String,
}

/// Why a file is refused as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    FileMustBeWhole,
    FileMustBeReadable,
    FileMustHavePayments,
    CountMustAgree,
    SumMustAgree,
    AmountMustBePositive,
    CurrencyMustBeOne,
    /// The name was used before, for other bytes.
    NameMustBeNew,
    /// The script says so.
    PartnerMustAgree,
}

impl Refusal {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Refusal::FileMustBeWhole => "file_must_be_whole",
            Refusal::FileMustBeReadable => "file_must_be_readable",
            Refusal::FileMustHavePayments => "file_must_have_payments",
            Refusal::CountMustAgree => "count_must_agree",
            Refusal::SumMustAgree => "sum_must_agree",
            Refusal::AmountMustBePositive => "amount_must_be_positive",
            Refusal::CurrencyMustBeOne => "currency_must_be_one",
            Refusal::NameMustBeNew => "name_must_be_new",
            Refusal::PartnerMustAgree => "partner_must_agree",
        }
    }

    /// ISO 20022 external status reason.
    pub fn iso_reason(self) -> &'static str {
        match self {
            Refusal::CountMustAgree => "AM18",
            Refusal::SumMustAgree => "AM10",
            Refusal::AmountMustBePositive => "AM12",
            Refusal::CurrencyMustBeOne => "CURR",
            Refusal::FileMustBeWhole
            | Refusal::FileMustBeReadable
            | Refusal::FileMustHavePayments
            | Refusal::NameMustBeNew => "FF01",
            Refusal::PartnerMustAgree => "MS03",
        }
    }
}

/// What reading came to.
#[derive(Debug)]
pub(super) struct PayoutRead {
    pub head: FileHead,
    pub refusal: Option<Refusal>,
}

/// Takes the instructions; an error of its own ends the reading.
pub(super) type Take<'t> = &'t mut dyn FnMut(&FileHead, Instruction) -> io::Result<()>;

/// Reads a payout file. The instructions before the place where a file turns out to be bad have
/// been given by then.
pub(super) fn read(
    kind: ProviderKind,
    input: &mut dyn Read,
    take: Take<'_>,
) -> io::Result<PayoutRead> {
    let metered = Metered::new(input);
    let left = metered.left();
    let mut payout = Payout { head: FileHead::default(), found: Totals::default(), left, take };
    let result = match kind {
        ProviderKind::Bank => payout.read_pain001(metered),
        ProviderKind::BankSheet => payout.read_bank_sheet(metered),
        ProviderKind::Wallet => payout.read_wallet_list(metered),
        ProviderKind::MobileMoney => payout.read_mobile_money_batch(metered),
        ProviderKind::PayPoint => payout.read_pay_point_list(metered),
    };
    let refusal = match result {
        Ok(()) if payout.found.count == 0 => Some(Refusal::FileMustHavePayments),
        Ok(()) => None,
        Err(Stop::Refused(refusal)) => Some(refusal),
        Err(Stop::Failed(error)) => return Err(error),
    };
    Ok(PayoutRead { head: payout.head, refusal })
}

/// No element, row or transaction of a payout file comes near this.
pub(super) const PIECE_BYTES_MAX: usize = 1 << 20;

/// How many digits stand behind the point.
pub(super) fn minor_digits(currency: &str) -> u32 {
    match currency {
        "VND" | "JPY" | "KRW" | "CLP" | "UGX" | "RWF" | "XAF" | "XOF" | "ISK" => 0,
        "KWD" | "BHD" | "TND" | "JOD" | "OMR" => 3,
        _ => 2,
    }
}

pub(super) enum Stop {
    Refused(Refusal),
    Failed(io::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Stop::Refused(Refusal::FileMustBeWhole),
            // Bytes that are no UTF-8, or a piece without an end.
            io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge => {
                Stop::Refused(Refusal::FileMustBeReadable)
            }
            _ => Stop::Failed(error),
        }
    }
}

/// A count and a sum, as declared or as found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Totals {
    pub count: u64,
    pub sum_minor: i64,
}

impl Totals {
    pub fn add(&mut self, amount_minor: i64) -> Result<(), Refusal> {
        self.count += 1;
        self.sum_minor = self.sum_minor.checked_add(amount_minor).ok_or(Refusal::SumMustAgree)?;
        Ok(())
    }

    pub fn must_be(&self, count: &str, sum_minor: Option<i64>) -> Result<(), Refusal> {
        if count.parse() != Ok(self.count) {
            return Err(Refusal::CountMustAgree);
        }
        if sum_minor != Some(self.sum_minor) {
            return Err(Refusal::SumMustAgree);
        }
        Ok(())
    }
}

struct Payout<'t> {
    head: FileHead,
    found: Totals,
    left: Left,
    take: Take<'t>,
}

impl Payout<'_> {
    /// A new piece begins, and may be as long as a piece may be.
    fn renew(&self) {
        self.left.renew();
    }

    fn amount(&self, text: &str) -> Option<i64> {
        amount_minor(text, minor_digits(&self.head.currency))
    }

    fn give(&mut self, instruction: Instruction, amount: &str) -> Result<(), Stop> {
        self.renew();
        let amount_minor = self.amount(amount).ok_or(Refusal::FileMustBeReadable)?;
        if amount_minor == 0 {
            return Err(Refusal::AmountMustBePositive.into());
        }
        if instruction.end_to_end_id.is_empty() || instruction.account.is_empty() {
            return Err(Refusal::FileMustBeReadable.into());
        }
        self.found.add(amount_minor)?;
        (self.take)(&self.head, Instruction { amount_minor, ..instruction }).map_err(Stop::Failed)
    }

    fn currency_must_be(&mut self, currency: &str) -> Result<(), Refusal> {
        if self.head.currency.is_empty() {
            self.head.currency = currency.to_owned();
        }
        let right = currency.len() == 3 && self.head.currency == currency;
        if right { Ok(()) } else { Err(Refusal::CurrencyMustBeOne) }
    }
}

/// The one payment of a request, as an operator reads it.
pub(super) fn payment_of_request(body: &[u8]) -> Option<Instruction> {
    let payment = mobile_money_batch::of_request(body)?;
    let right = payment.amount_minor > 0
        && !payment.end_to_end_id.is_empty()
        && !payment.account.is_empty();
    right.then_some(payment)
}

/// Plain digits with at most one point, as minor units.
pub(super) fn amount_minor(text: &str, digits: u32) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let right = !whole.is_empty()
        && plain(whole)
        && plain(fraction)
        && fraction.len() <= digits as usize
        && !text.ends_with('.');
    if !right {
        return None;
    }
    let scale = 10_i64.pow(digits - fraction.len() as u32);
    let fraction: i64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(10_i64.pow(digits))?.checked_add(fraction * scale)
}

/// Fails when one piece of the file takes more than it may: a parser would collect it all.
pub(super) struct Metered<'r> {
    input: &'r mut dyn Read,
    left: Rc<Cell<usize>>,
}

impl<'r> Metered<'r> {
    pub fn new(input: &'r mut dyn Read) -> Metered<'r> {
        Metered { input, left: Rc::new(Cell::new(PIECE_BYTES_MAX)) }
    }

    pub fn left(&self) -> Left {
        Left(self.left.clone())
    }
}

/// How much the piece that is being read may still take.
pub(super) struct Left(Rc<Cell<usize>>);

impl Left {
    /// A new piece begins, and may be as long as a piece may be.
    pub fn renew(&self) {
        self.0.set(PIECE_BYTES_MAX);
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let take = buffer.len().min(left);
        let read = self.input.read(&mut buffer[..take])?;
        self.left.set(left - read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_plain_digits() {
        for (text, digits, expected) in [
            ("750000", 0, Some(750_000)),
            ("750000.00", 0, None),
            ("15.2", 2, Some(1520)),
            ("15.20", 2, Some(1520)),
            ("0.005", 3, Some(5)),
            ("", 0, None),
            (".5", 2, None),
            ("5.", 2, None),
            ("-5", 0, None),
            ("+5", 0, None),
            ("1e3", 0, None),
            ("1,000", 0, None),
            ("9223372036854775808", 0, None),
            ("92233720368547758.08", 2, None),
        ] {
            assert_eq!(amount_minor(text, digits), expected, "{text}");
        }
    }

    #[track_caller]
    fn refused(kind: ProviderKind, text: &str) -> Option<&'static str> {
        let read = read(kind, &mut text.as_bytes(), &mut |_, _| Ok(())).expect("no disk is here");
        read.refusal.map(Refusal::word)
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        use ProviderKind::*;
        let open = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\">";
        for (kind, text, expected) in [
            (Bank, "", "file_must_be_whole"),
            (Bank, "<Document/>", "file_must_be_readable"),
            (Bank, open, "file_must_be_whole"),
            (Bank, &format!("{open}<A"), "file_must_be_whole"),
            (Bank, &format!("{open}&x;</Document>"), "file_must_be_readable"),
            (Bank, &format!("<!DOCTYPE a>{open}</Document>"), "file_must_be_readable"),
            (Bank, &format!("{open}{}", "<a>".repeat(100_000)), "file_must_be_readable"),
            (Bank, &format!("{open}<a>{}", "x".repeat(3_000_000)), "file_must_be_readable"),
            (Bank, &format!("{open}</Document>"), "count_must_agree"),
            (BankSheet, "", "file_must_be_whole"),
            (BankSheet, "STT\n", "file_must_have_payments"),
            (BankSheet, "STT,Noi dung\n1\n", "file_must_be_readable"),
            (BankSheet, &"x".repeat(3_000_000), "file_must_be_readable"),
            (Wallet, "partner_reference\n", "file_must_be_whole"),
            (MobileMoney, "", "file_must_be_whole"),
            (MobileMoney, "{}", "file_must_have_payments"),
            (MobileMoney, "[]", "file_must_be_readable"),
            (MobileMoney, "{\"transactions\":[]}", "file_must_have_payments"),
            (MobileMoney, "{\"transactions\":[{", "file_must_be_whole"),
            (MobileMoney, "{\"transactions\":[{}]}", "file_must_be_readable"),
            (PayPoint, "DANH SACH CHI TRA,X\n", "file_must_be_whole"),
            (PayPoint, "X\n", "file_must_be_readable"),
        ] {
            let shown: String = text.chars().take(60).collect();
            assert_eq!(refused(kind, text), Some(expected), "{kind:?} {shown}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(0_u8.., 0..300), at in 0..5_usize) {
            let kind = ProviderKind::ALL[at];
            let read = read(kind, &mut bytes.as_slice(), &mut |_, _| Ok(()));
            proptest::prop_assert!(read.is_ok());
        }
    }
}
