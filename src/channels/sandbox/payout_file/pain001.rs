//! Reading a pain.001.001.09 as a stream of elements.

use std::io::{self, BufReader, Read};

use quick_xml::events::{BytesStart, Event};

use super::{Instruction, PIECE_BYTES_MAX, Payout, Refusal, Stop, Totals};

const DEPTH_MAX: usize = 32;

impl Payout<'_> {
    pub fn read_pain001(&mut self, input: impl Read) -> Result<(), Stop> {
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
        let text = std::mem::take(&mut transfer.text);
        let text = text.trim();
        match transfer.path.strip_prefix("/Document/CstmrCdtTrfInitn/").unwrap_or_default() {
            "GrpHdr/MsgId" => self.head.message_id = text.to_owned(),
            "GrpHdr/NbOfTxs" => transfer.declared_count = text.to_owned(),
            "GrpHdr/CtrlSum" => transfer.declared_sum = text.to_owned(),
            "PmtInf/PmtInfId" => transfer.batch_id = text.to_owned(),
            "PmtInf/NbOfTxs" => transfer.batch_count = text.to_owned(),
            "PmtInf/CtrlSum" => transfer.batch_sum = text.to_owned(),
            "PmtInf/DbtrAcct/Id/IBAN" => {
                self.head.debtor_has_iban = true;
                self.head.debtor_account = text.to_owned();
            }
            "PmtInf/DbtrAcct/Id/Othr/Id" => {
                self.head.debtor_account = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf/PmtId/EndToEndId" => {
                transfer.instruction.end_to_end_id = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf/Amt/InstdAmt" => transfer.amount = text.to_owned(),
            "PmtInf/CdtTrfTxInf/Cdtr/Nm" => {
                transfer.instruction.name = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf/CdtrAcct/Id/IBAN" | "PmtInf/CdtTrfTxInf/CdtrAcct/Id/Othr/Id" => {
                transfer.instruction.account = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf" => {
                let mut instruction = std::mem::take(&mut transfer.instruction);
                instruction.batch_id = transfer.batch_id.clone();
                let amount = std::mem::take(&mut transfer.amount);
                self.currency_must_be(&std::mem::take(&mut transfer.currency))?;
                let before = self.found.sum_minor;
                self.give(instruction, &amount)?;
                transfer.batch.add(self.found.sum_minor - before)?;
            }
            "PmtInf" => {
                let batch = std::mem::take(&mut transfer.batch);
                let sum = std::mem::take(&mut transfer.batch_sum);
                let count = std::mem::take(&mut transfer.batch_count);
                let count = if count.is_empty() { batch.count.to_string() } else { count };
                batch.must_be(&count, self.declared(&sum, batch.sum_minor))?;
                transfer.batch_id.clear();
            }
            _ => {}
        }
        // An end without a beginning is refused by the parser.
        transfer.path.truncate(transfer.path.rfind('/').unwrap_or(0));
        transfer.depth = transfer.depth.saturating_sub(1);
        self.renew();
        Ok(())
    }
}

/// Where a pain.001 is being read.
#[derive(Default)]
struct Transfer {
    /// The names of the open elements, each behind a stroke.
    path: String,
    depth: usize,
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
        if self.depth >= DEPTH_MAX {
            return Err(Refusal::FileMustBeReadable);
        }
        if let Some(currency) = currency {
            self.currency = currency;
        }
        self.depth += 1;
        self.path.push('/');
        self.path.push_str(name);
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
