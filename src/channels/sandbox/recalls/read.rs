//! Reading a request to give payments back: camt.055 (of a customer) or camt.056 (between institutions).
//!
//! Reads: a file. Gives: what it asks back, payment by payment, or why it is refused as a whole.

use std::io::{self, Read};

use super::super::elements::{Ended, walk};
use super::super::payout_file::{Metered, Refusal, Stop, Totals, amount_minor, minor_digits};

const CUSTOMER: &str = "urn:iso:std:iso:20022:tech:xsd:camt.055.001.";
const BETWEEN_BANKS: &str = "urn:iso:std:iso:20022:tech:xsd:camt.056.001.";

/// Whether a file that begins so asks payments back.
pub(super) fn asks_back(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    head.contains(CUSTOMER) || head.contains(BETWEEN_BANKS)
}

/// One payment that is asked back, as the file names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct AskedBack {
    pub case_id: String,
    /// Who asks, as the case names them.
    pub creator: String,
    pub e2e: String,
    /// The payout file and the set in it; empty where they are not named.
    pub message_id: String,
    pub batch_id: String,
    pub amount_minor: i64,
    pub currency: String,
}

/// What a file asks.
#[derive(Default)]
pub(super) struct RecallRead {
    pub is_between_banks: bool,
    pub asked: Vec<AskedBack>,
    pub refusal: Option<Refusal>,
}

/// Reads it whole. Bad files are data: only a disk that fails is an error.
pub(super) fn read(input: &mut dyn Read) -> io::Result<RecallRead> {
    let mut request = Request::default();
    let metered = Metered::new(input);
    let left = metered.left();
    let is_wanted =
        |namespace: &str| namespace.starts_with(CUSTOMER) || namespace.starts_with(BETWEEN_BANKS);
    let done = walk(metered, &is_wanted, &mut |ended| {
        left.renew();
        request.close(ended)
    });
    let done = done.and_then(|()| request.must_add_up());
    let refusal = match done {
        Ok(()) => None,
        Err(Stop::Refused(refusal)) => Some(refusal),
        Err(Stop::Failed(error)) => return Err(error),
    };
    let asked = if refusal.is_some() { vec![] } else { request.asked };
    Ok(RecallRead { is_between_banks: request.is_between_banks, asked, refusal })
}

/// A request while it is read.
#[derive(Default)]
struct Request {
    is_between_banks: bool,
    count: String,
    sum: String,
    found: Totals,
    message_id: String,
    batch_id: String,
    one: AskedBack,
    amount: String,
    asked: Vec<AskedBack>,
}

impl Request {
    fn close(&mut self, ended: Ended<'_>) -> Result<(), Stop> {
        let Some(path) = ended.path.strip_prefix("/Document/") else { return Ok(()) };
        let (body, path) = path.split_once('/').unwrap_or((path, ""));
        self.is_between_banks = body == "FIToFIPmtCxlReq";
        let text = ended.text.to_owned();
        match path {
            "CtrlData/NbOfTxs" => self.count = text,
            "CtrlData/CtrlSum" => self.sum = text,
            "Undrlyg/OrgnlPmtInfAndCxl/OrgnlPmtInfId" => self.batch_id = text,
            "Undrlyg/OrgnlPmtInfAndCxl/OrgnlGrpInf/OrgnlMsgId" => self.message_id = text,
            "Undrlyg/OrgnlPmtInfAndCxl" => {
                self.batch_id.clear();
                self.message_id.clear();
            }
            _ => {
                let of_one = path
                    .strip_prefix("Undrlyg/OrgnlPmtInfAndCxl/TxInf")
                    .or_else(|| path.strip_prefix("Undrlyg/TxInf"));
                if let Some(of_one) = of_one {
                    self.close_of_one(of_one, text, ended.currency)?;
                }
            }
        }
        Ok(())
    }

    fn close_of_one(&mut self, path: &str, text: String, currency: &str) -> Result<(), Stop> {
        match path {
            "/Case/Id" => self.one.case_id = text,
            "/Case/Cretr/Pty/Nm" => self.one.creator = text,
            "/OrgnlGrpInf/OrgnlMsgId" => self.one.message_id = text,
            "/OrgnlEndToEndId" => self.one.e2e = text,
            "/OrgnlInstdAmt" | "/OrgnlIntrBkSttlmAmt" => {
                self.amount = text;
                self.one.currency = currency.to_owned();
            }
            "" => {
                let mut one = std::mem::take(&mut self.one);
                let amount = std::mem::take(&mut self.amount);
                if one.message_id.is_empty() {
                    one.message_id.clone_from(&self.message_id);
                }
                one.batch_id.clone_from(&self.batch_id);
                one.amount_minor = amount_minor(&amount, minor_digits(&one.currency))
                    .ok_or(Refusal::FileMustBeReadable)?;
                // Without its case nothing can be answered.
                if one.e2e.is_empty() || one.case_id.is_empty() {
                    return Err(Refusal::FileMustBeReadable.into());
                }
                self.found.add(one.amount_minor)?;
                self.asked.push(one);
            }
            _ => {}
        }
        Ok(())
    }

    fn must_add_up(&self) -> Result<(), Stop> {
        let Some(first) = self.asked.first() else {
            return Err(Refusal::FileMustHavePayments.into());
        };
        if self.asked.iter().any(|one| one.currency != first.currency) {
            return Err(Refusal::CurrencyMustBeOne.into());
        }
        let found = self.found.count.to_string();
        let count = if self.count.is_empty() { &found } else { &self.count };
        let sum = match self.sum.as_str() {
            "" => Some(self.found.sum_minor),
            text => amount_minor(text, minor_digits(&first.currency)),
        };
        Ok(self.found.must_be(count, sum)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused() {
        let file = |body: &str| {
            format!(
                "<Document xmlns=\"{BETWEEN_BANKS}08\"><FIToFIPmtCxlReq>{body}</FIToFIPmtCxlReq></Document>"
            )
        };
        let one = "<TxInf><Case><Id>A-R1</Id></Case><OrgnlEndToEndId>A</OrgnlEndToEndId><OrgnlIntrBkSttlmAmt Ccy=\"VND\">5</OrgnlIntrBkSttlmAmt></TxInf>";
        let with = |head: &str, one: &str| file(&format!("{head}<Undrlyg>{one}</Undrlyg>"));
        for (text, expected) in [
            (with("", one), None),
            (with("<CtrlData><NbOfTxs>1</NbOfTxs><CtrlSum>5</CtrlSum></CtrlData>", one), None),
            (with("<CtrlData><NbOfTxs>2</NbOfTxs></CtrlData>", one), Some("count_must_agree")),
            (
                with("<CtrlData><NbOfTxs>1</NbOfTxs><CtrlSum>6</CtrlSum></CtrlData>", one),
                Some("sum_must_agree"),
            ),
            (with("", ""), Some("file_must_have_payments")),
            (with("", &one.replace("A-R1", "")), Some("file_must_be_readable")),
            (with("", &one.replace(">5<", ">5e1<")), Some("file_must_be_readable")),
            (
                with("", &format!("{one}{}", one.replace("VND", "JPY"))),
                Some("currency_must_be_one"),
            ),
            (with("", one).replace("</Document>", ""), Some("file_must_be_whole")),
            (format!("<!DOCTYPE a>{}", with("", one)), Some("file_must_be_readable")),
        ] {
            let read = read(&mut text.as_bytes()).expect("no disk is here");
            assert_eq!(read.refusal.map(Refusal::word), expected, "{text}");
            assert_eq!(read.asked.len(), usize::from(expected.is_none()), "{text}");
        }
    }
}
