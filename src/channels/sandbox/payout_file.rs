//! The payout files that the sandbox is sent, read by readers of its own: what the engine writes is
//! judged by code that shares nothing with the code that wrote it.
//!
//! Reads: a file of one of five kinds, as a stream.
//! Gives: its instructions one by one, what it says about itself, and why it is refused if it is.
//! Bad files are data: only a disk that fails is an error.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

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
    let left = Rc::new(Cell::new(PIECE_BYTES_MAX));
    let metered = Metered { input, left: left.clone() };
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
const PIECE_BYTES_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 32;

/// How many digits stand behind the point.
pub(super) fn minor_digits(currency: &str) -> u32 {
    match currency {
        "VND" | "JPY" | "KRW" | "CLP" | "UGX" | "RWF" | "XAF" | "XOF" | "ISK" => 0,
        "KWD" | "BHD" | "TND" | "JOD" | "OMR" => 3,
        _ => 2,
    }
}

enum Stop {
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
struct Totals {
    count: u64,
    sum_minor: i64,
}

impl Totals {
    fn add(&mut self, amount_minor: i64) -> Result<(), Refusal> {
        self.count += 1;
        self.sum_minor = self.sum_minor.checked_add(amount_minor).ok_or(Refusal::SumMustAgree)?;
        Ok(())
    }

    fn must_be(&self, count: &str, sum_minor: Option<i64>) -> Result<(), Refusal> {
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
    left: Rc<Cell<usize>>,
    take: Take<'t>,
}

impl Payout<'_> {
    /// A new piece begins, and may be as long as a piece may be.
    fn renew(&self) {
        self.left.set(PIECE_BYTES_MAX);
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

    // ISO 20022 pain.001.001.09

    fn read_pain001(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut reader = quick_xml::Reader::from_reader(BufReader::new(input));
        let mut buffer = Vec::new();
        let mut transfer = Transfer::default();
        let mut seen_document = false;
        loop {
            buffer.clear();
            let event = reader.read_event_into(&mut buffer).map_err(xml_stop)?;
            match event {
                Event::Start(element) => {
                    if transfer.path.is_empty() {
                        document_must_be_pain001(&element, seen_document)?;
                        seen_document = true;
                    }
                    transfer.open(element.local_name().as_ref(), currency_of(&element))?;
                }
                Event::Empty(element) => {
                    if transfer.path.is_empty() {
                        return Err(Refusal::FileMustBeReadable.into());
                    }
                    transfer.open(element.local_name().as_ref(), currency_of(&element))?;
                    self.close(&mut transfer)?;
                }
                Event::End(_) => self.close(&mut transfer)?,
                Event::Text(text) => transfer.text.push_str(&text.xml10_content()),
                Event::CData(text) => transfer.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => quick_xml::escape::resolve_predefined_entity(&reference)
                            .and_then(|text| text.chars().next()),
                        Err(_) => None,
                    };
                    transfer.text.push(character.ok_or(Refusal::FileMustBeReadable)?);
                }
                Event::DocType(_) => return Err(Refusal::FileMustBeReadable.into()),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::Eof => break,
            }
            if transfer.text.len() > PIECE_BYTES_MAX {
                return Err(Refusal::FileMustBeReadable.into());
            }
        }
        if !seen_document || !transfer.path.is_empty() {
            return Err(Refusal::FileMustBeWhole.into());
        }
        let sum_minor = self.declared(&transfer.declared_sum, self.found.sum_minor);
        self.found.must_be(&transfer.declared_count, sum_minor)?;
        Ok(())
    }

    /// The declared sum; what was found where none is declared.
    fn declared(&self, text: &str, found: i64) -> Option<i64> {
        if text.is_empty() { Some(found) } else { self.amount(text) }
    }

    fn close(&mut self, transfer: &mut Transfer) -> Result<(), Stop> {
        let depth = transfer.path.len();
        let text = std::mem::take(&mut transfer.text);
        let text = text.trim();
        // An end without a beginning is refused by the parser.
        let names: Vec<&str> = transfer.path.iter().skip(2).map(String::as_str).collect();
        match names.as_slice() {
            ["GrpHdr", "MsgId"] => self.head.message_id = text.to_owned(),
            ["GrpHdr", "NbOfTxs"] => transfer.declared_count = text.to_owned(),
            ["GrpHdr", "CtrlSum"] => transfer.declared_sum = text.to_owned(),
            ["PmtInf", "PmtInfId"] => transfer.batch_id = text.to_owned(),
            ["PmtInf", "NbOfTxs"] => transfer.batch_count = text.to_owned(),
            ["PmtInf", "CtrlSum"] => transfer.batch_sum = text.to_owned(),
            ["PmtInf", "DbtrAcct", "Id", "IBAN"] => {
                self.head.debtor_has_iban = true;
                self.head.debtor_account = text.to_owned();
            }
            ["PmtInf", "DbtrAcct", "Id", "Othr", "Id"] => {
                self.head.debtor_account = text.to_owned();
            }
            ["PmtInf", "CdtTrfTxInf", "PmtId", "EndToEndId"] => {
                transfer.instruction.end_to_end_id = text.to_owned();
            }
            ["PmtInf", "CdtTrfTxInf", "Amt", "InstdAmt"] => transfer.amount = text.to_owned(),
            ["PmtInf", "CdtTrfTxInf", "Cdtr", "Nm"] => {
                transfer.instruction.name = text.to_owned();
            }
            ["PmtInf", "CdtTrfTxInf", "CdtrAcct", "Id", "IBAN"]
            | ["PmtInf", "CdtTrfTxInf", "CdtrAcct", "Id", "Othr", "Id"] => {
                transfer.instruction.account = text.to_owned();
            }
            ["PmtInf", "CdtTrfTxInf"] => {
                let mut instruction = std::mem::take(&mut transfer.instruction);
                instruction.batch_id = transfer.batch_id.clone();
                let amount = std::mem::take(&mut transfer.amount);
                self.currency_must_be(&std::mem::take(&mut transfer.currency))?;
                let before = self.found.sum_minor;
                self.give(instruction, &amount)?;
                transfer.batch.add(self.found.sum_minor - before)?;
            }
            ["PmtInf"] => {
                let batch = std::mem::take(&mut transfer.batch);
                let sum = std::mem::take(&mut transfer.batch_sum);
                let count = std::mem::take(&mut transfer.batch_count);
                let count = if count.is_empty() { batch.count.to_string() } else { count };
                batch.must_be(&count, self.declared(&sum, batch.sum_minor))?;
                transfer.batch_id.clear();
            }
            _ => {}
        }
        transfer.path.truncate(depth.saturating_sub(1));
        self.renew();
        Ok(())
    }

    // Sheets

    /// Gives the rows of a sheet that ended in a line break. A row is given when the next one has
    /// begun, so that one that was cut is never taken for a whole one.
    fn rows(
        &mut self,
        input: impl Read,
        mut row: impl FnMut(&mut Self, &csv::StringRecord) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let last = Rc::new(Cell::new(0));
        let watched = Watched { input, last: last.clone() };
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(watched);
        let (mut held, mut next) = (csv::StringRecord::new(), csv::StringRecord::new());
        let mut holds = false;
        loop {
            self.renew();
            let more = reader.read_record(&mut next).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => Stop::from(error),
                _ => Stop::Refused(Refusal::FileMustBeReadable),
            })?;
            if !more && last.get() != b'\n' {
                return Err(Refusal::FileMustBeWhole.into());
            }
            if holds {
                row(self, &held)?;
            }
            if !more {
                return Ok(());
            }
            std::mem::swap(&mut held, &mut next);
            holds = true;
        }
    }

    fn read_bank_sheet(&mut self, input: impl Read) -> Result<(), Stop> {
        self.head.currency = "VND".into();
        let mut columns = None;
        self.rows(input, |payout, row| {
            let Some(columns) = &columns else {
                columns = Some(Columns::of(row));
                return Ok(());
            };
            let cell = |name| columns.cell(row, name);
            // Our reference is the word behind MA in the remark.
            let content = cell("Noi dung")?;
            let mut words = content.split(' ');
            let reference = match (words.next(), words.next()) {
                (Some("MA"), Some(reference)) => reference,
                _ => return Err(Refusal::FileMustBeReadable.into()),
            };
            let instruction = Instruction {
                end_to_end_id: reference.to_owned(),
                account: cell("So tai khoan")?.to_owned(),
                name: cell("Ten nguoi huong")?.to_owned(),
                ..Instruction::default()
            };
            payout.give(instruction, cell("So tien")?)
        })
    }

    fn read_wallet_list(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut columns = None;
        let mut ended = false;
        self.rows(input, |payout, row| {
            let Some(columns) = &columns else {
                columns = Some(Columns::of(row));
                return Ok(());
            };
            if ended {
                return Err(Refusal::FileMustBeReadable.into());
            }
            if row.get(0) == Some("TOTAL") {
                ended = true;
                let cell = |at: usize| row.get(at).unwrap_or_default();
                payout.head.message_id = cell(6).to_owned();
                payout.found.must_be(cell(1), payout.amount(cell(4)))?;
                return Ok(());
            }
            let cell = |name| columns.cell(row, name);
            payout.currency_must_be(cell("currency")?)?;
            let instruction = Instruction {
                end_to_end_id: cell("partner_reference")?.to_owned(),
                account: cell("wallet_id")?.to_owned(),
                name: cell("wallet_name")?.to_owned(),
                ..Instruction::default()
            };
            payout.give(instruction, cell("amount")?)
        })?;
        if ended { Ok(()) } else { Err(Refusal::FileMustBeWhole.into()) }
    }

    fn read_pay_point_list(&mut self, input: impl Read) -> Result<(), Stop> {
        self.head.currency = "VND".into();
        let mut columns = None;
        let mut titled = false;
        let mut ended = false;
        let mut pay_point = Totals::default();
        self.rows(input, |payout, row| {
            if ended {
                return Err(Refusal::FileMustBeReadable.into());
            }
            if !titled {
                titled = true;
                if row.get(0) != Some("DANH SACH CHI TRA") {
                    return Err(Refusal::FileMustBeReadable.into());
                }
                payout.head.message_id = row.get(1).unwrap_or_default().to_owned();
                return Ok(());
            }
            let Some(columns) = &columns else {
                columns = Some(Columns::of(row));
                return Ok(());
            };
            let at = |at: usize| row.get(at).unwrap_or_default();
            match at(0) {
                "CONG" => {
                    std::mem::take(&mut pay_point).must_be(at(2), payout.amount(at(7)))?;
                    return Ok(());
                }
                "TONG CONG" => {
                    ended = true;
                    payout.found.must_be(at(2), payout.amount(at(7)))?;
                    return Ok(());
                }
                _ => {}
            }
            let cell = |name| columns.cell(row, name);
            let name = cell("Ho va ten")?;
            let account = match cell("So dinh danh")? {
                "" => format!("{}/{name}", cell("Diem chi tra")?),
                number => number.to_owned(),
            };
            let instruction = Instruction {
                end_to_end_id: cell("Ma tham chieu")?.to_owned(),
                account,
                name: name.to_owned(),
                ..Instruction::default()
            };
            let amount = cell("So tien")?;
            payout.give(instruction, amount)?;
            pay_point.add(payout.amount(amount).ok_or(Refusal::FileMustBeReadable)?)?;
            Ok(())
        })?;
        if ended { Ok(()) } else { Err(Refusal::FileMustBeWhole.into()) }
    }

    // GSMA Mobile Money API 1.2

    fn read_mobile_money_batch(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut stop = None;
        // The parser takes byte after byte.
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(input));
        let read = BatchSeed { payout: self, stop: &mut stop }
            .deserialize(&mut json)
            .and_then(|()| json.end());
        match (stop, read) {
            (Some(stop), _) => Err(stop),
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => Err(match error.classify() {
                serde_json::error::Category::Eof => Refusal::FileMustBeWhole.into(),
                serde_json::error::Category::Io => io::Error::from(error).into(),
                _ => Refusal::FileMustBeReadable.into(),
            }),
        }
    }
}

/// Plain digits with at most one point, as minor units.
fn amount_minor(text: &str, digits: u32) -> Option<i64> {
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

/// Where a pain.001 is being read.
#[derive(Default)]
struct Transfer {
    path: Vec<String>,
    text: String,
    declared_count: String,
    declared_sum: String,
    batch_id: String,
    batch_count: String,
    batch_sum: String,
    batch: Totals,
    instruction: Instruction,
    amount: String,
    currency: String,
}

impl Transfer {
    fn open(&mut self, name: &str, currency: Option<String>) -> Result<(), Refusal> {
        if self.path.len() >= DEPTH_MAX {
            return Err(Refusal::FileMustBeReadable);
        }
        if let Some(currency) = currency {
            self.currency = currency;
        }
        self.path.push(name.to_owned());
        self.text.clear();
        Ok(())
    }
}

fn currency_of(element: &BytesStart<'_>) -> Option<String> {
    match element.local_name().as_ref() {
        "InstdAmt" => {
            let found = element.try_get_attribute("Ccy").ok().flatten()?;
            Some(found.value.to_string())
        }
        _ => None,
    }
}

fn document_must_be_pain001(element: &BytesStart<'_>, again: bool) -> Result<(), Refusal> {
    let namespace = element.try_get_attribute("xmlns").ok().flatten();
    let right = namespace
        .is_some_and(|found| found.value == "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09");
    match right && !again && element.local_name().as_ref() == "Document" {
        true => Ok(()),
        false => Err(Refusal::FileMustBeReadable),
    }
}

fn xml_stop(error: quick_xml::Error) -> Stop {
    use quick_xml::errors::{IllFormedError, SyntaxError};
    match error {
        quick_xml::Error::Io(error) => {
            let kind = error.kind();
            Stop::from(io::Error::new(kind, error))
        }
        quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
            Refusal::FileMustBeWhole.into()
        }
        quick_xml::Error::Syntax(
            SyntaxError::UnclosedTag
            | SyntaxError::UnclosedSingleQuotedAttributeValue
            | SyntaxError::UnclosedDoubleQuotedAttributeValue,
        ) => Refusal::FileMustBeWhole.into(),
        _ => Refusal::FileMustBeReadable.into(),
    }
}

/// The header row of a sheet.
struct Columns(HashMap<String, usize>);

impl Columns {
    fn of(header: &csv::StringRecord) -> Columns {
        Columns(header.iter().enumerate().map(|(at, name)| (name.to_owned(), at)).collect())
    }

    fn cell<'r>(&self, row: &'r csv::StringRecord, name: &str) -> Result<&'r str, Refusal> {
        let at = self.0.get(name).ok_or(Refusal::FileMustBeReadable)?;
        match row.len() == self.0.len() {
            true => row.get(*at).map(str::trim).ok_or(Refusal::FileMustBeReadable),
            false => Err(Refusal::FileMustBeReadable),
        }
    }
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "requestingOrganisationTransactionReference")]
    reference: String,
    #[serde(rename = "type")]
    kind: String,
    amount: String,
    currency: String,
    #[serde(rename = "creditParty")]
    credit_party: Vec<KeyValue>,
    #[serde(rename = "debitParty")]
    debit_party: Vec<KeyValue>,
    #[serde(rename = "customData", default)]
    custom_data: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    value: String,
}

fn value_of(list: Vec<KeyValue>, key: &str) -> String {
    list.into_iter().find(|pair| pair.key == key).map(|pair| pair.value).unwrap_or_default()
}

struct BatchSeed<'p, 't> {
    payout: &'p mut Payout<'t>,
    /// Why reading ended, in our own words: the parser has only its own.
    stop: &'p mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for BatchSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BatchSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch of transactions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<String>()? {
            self.payout.renew();
            match name.as_str() {
                "transactions" if found => return Err(A::Error::custom("twice")),
                "transactions" => {
                    let seed = TransactionsSeed { payout: self.payout, stop: self.stop };
                    members.next_value_seed(seed)?;
                    found = true;
                }
                "batchTitle" => self.payout.head.message_id = members.next_value()?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !found {
            self.stop.replace(Refusal::FileMustHavePayments.into());
        }
        Ok(())
    }
}

struct TransactionsSeed<'p, 't> {
    payout: &'p mut Payout<'t>,
    stop: &'p mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for TransactionsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TransactionsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of transactions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(transaction) = items.next_element::<Transaction>()? {
            if let Err(stop) = self.payout.transaction(transaction) {
                *self.stop = Some(stop);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

impl Payout<'_> {
    fn transaction(&mut self, transaction: Transaction) -> Result<(), Stop> {
        if transaction.kind != "disbursement" {
            return Err(Refusal::FileMustBeReadable.into());
        }
        self.currency_must_be(&transaction.currency)?;
        if self.head.debtor_account.is_empty() {
            self.head.debtor_account = value_of(transaction.debit_party, "accountid");
        }
        let instruction = Instruction {
            end_to_end_id: transaction.reference,
            account: value_of(transaction.credit_party, "msisdn"),
            name: value_of(transaction.custom_data, "name"),
            ..Instruction::default()
        };
        self.give(instruction, &transaction.amount)
    }
}

/// Fails when one piece of the file takes more than it may: a parser would collect it all.
struct Metered<'r> {
    input: &'r mut dyn Read,
    left: Rc<Cell<usize>>,
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

/// Remembers the last byte.
struct Watched<R> {
    input: R,
    last: Rc<Cell<u8>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Some(byte) = buffer[..read].last() {
            self.last.set(*byte);
        }
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
