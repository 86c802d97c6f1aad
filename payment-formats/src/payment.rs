//! The nouns of what goes out: a batch, its payments and where each one goes.
//!
//! Every text is borrowed, so that a million payments can be written from a store's rows without
//! being copied first.

use jiff::civil::{Date, DateTime};

use crate::amount::Currency;

/// Instructions sent together: one provider, one currency, one execution date, one file.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The file's own reference, never used again (`GrpHdr/MsgId`).
    pub message_id: &'a str,
    /// The reference of the payments as a set (`PmtInfId`).
    pub batch_id: &'a str,
    /// When the file was sealed, in the office's time.
    pub created_at: DateTime,
    /// The office's fixed offset from UTC, such as `+07:00`.
    pub utc_offset: &'a str,
    /// When the debtor's account is to be debited.
    pub execution_date: Date,
    pub currency: Currency,
    /// Whose account is debited.
    pub debtor: Party<'a>,
    /// Who sends the file; often the debtor.
    pub initiating_party: Party<'a>,
    /// ISO 20022 external category purpose: `SSBE` social security benefit, `PENS` pension.
    pub category_purpose: &'a str,
    /// What people call the batch, for example the programme, the month and the pay point.
    pub label: &'a str,
    /// Declared before the first payment is written, and proved by [`crate::FileWriter::finish`].
    pub totals: ControlTotals,
    pub environment: Environment,
    /// In a file that asks payments back: the file in which they left.
    pub original: Option<OriginalFile<'a>>,
}

/// The file of payments that are asked back, as its partner knows it.
#[derive(Clone, Copy, Debug)]
pub struct OriginalFile<'a> {
    /// `GrpHdr/MsgId` of that file.
    pub message_id: &'a str,
    /// `PmtInfId` of that file.
    pub batch_id: &'a str,
    /// `pain.001.001.09`, or the name of the layout where it is no ISO message.
    pub message_name: &'a str,
}

/// An organisation with its account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Party<'a> {
    pub name: &'a str,
    /// The organisation's identifier, such as a budget-unit code.
    pub id: &'a str,
    pub account: &'a str,
    /// The bank that holds the account, where there is one.
    pub bank: Option<Bank<'a>>,
}

/// One order to credit one payee once.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// Names one attempt for ever, and comes back in every answer.
    pub end_to_end_id: &'a str,
    /// Point-to-point reference; often the same as `end_to_end_id`.
    pub instruction_id: &'a str,
    /// Minor units of the batch's currency; positive.
    pub amount_minor: i64,
    pub creditor_name: &'a str,
    /// The payee's national or other identifier, where the rail carries one.
    pub creditor_id: Option<&'a str>,
    pub address: Address<'a>,
    /// ISO 20022 external purpose code, such as `SSBE`, `PENS`, `BECH`; may be empty.
    pub purpose: &'a str,
    /// What the payee sees.
    pub remittance: &'a str,
    /// In a file that asks payments back: the case, and why.
    pub recall: Option<Recall<'a>>,
}

/// One payment that is asked back.
#[derive(Clone, Copy, Debug)]
pub struct Recall<'a> {
    /// Names the request for ever, and comes back in every answer to it.
    pub case_id: &'a str,
    /// ISO 20022 external cancellation reason, such as `DUPL`, `CUST`, `AC03`.
    pub reason_code: &'a str,
}

/// Where the money of one payment goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Address<'a> {
    BankAccount {
        account: &'a str,
        bank: Bank<'a>,
    },
    /// An e-wallet, by the provider's identifier of it (usually a phone number).
    Wallet {
        id: &'a str,
    },
    /// A mobile-money account by its international number: `+84901234567`.
    MobileMoney {
        msisdn: &'a str,
    },
    /// Cash at a pay point of a payment-service organisation, or at home.
    Cash {
        pay_point: &'a str,
        /// Who may sign instead of the payee; empty when nobody may.
        collector: &'a str,
        /// Where cash is carried to; empty when it is collected at the pay point.
        home_address: &'a str,
    },
}

impl Address<'_> {
    /// The word that a definition's `accepts` uses.
    pub fn kind(&self) -> &'static str {
        match self {
            Address::BankAccount { .. } => "bank_account",
            Address::Wallet { .. } => "wallet",
            Address::MobileMoney { .. } => "mobile_money",
            Address::Cash { .. } => "cash",
        }
    }
}

/// How a bank is named. A definition decides which of these a partner reads, and may translate
/// one into another by a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bank<'a> {
    /// NAPAS BIN: 6 digits, Vietnam.
    Bin(&'a str),
    /// CITAD code: 8 digits, Vietnam (province, bank, branch).
    Citad(&'a str),
    /// ISO 9362.
    Bic(&'a str),
}

/// Production files must never reach a test host, and the reverse.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Environment {
    Production,
    Test,
}

/// How many payments and how much money: in the file, and in our books.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ControlTotals {
    pub count: u64,
    pub sum_minor: i128,
}

impl ControlTotals {
    /// Adds one amount. Errors rather than wraps: a wrapped total would agree with a wrong file.
    pub fn add(&mut self, amount_minor: i64) -> Result<(), TotalsError> {
        self.count = self.count.checked_add(1).ok_or(TotalsError::TotalsMustFit)?;
        self.sum_minor = self
            .sum_minor
            .checked_add(i128::from(amount_minor))
            .ok_or(TotalsError::TotalsMustFit)?;
        Ok(())
    }

    pub fn of(amounts_minor: impl IntoIterator<Item = i64>) -> Result<ControlTotals, TotalsError> {
        let mut totals = ControlTotals::default();
        for amount in amounts_minor {
            totals.add(amount)?;
        }
        Ok(totals)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TotalsError {
    #[error("the control totals are too large to be held")]
    TotalsMustFit,
}
