//! What the sandbox says of requests in ISO 20022: camt.029.001.09, and pain.002.001.10 about a payment that was
//! stopped before it was booked.
//!
//! Reads: the book of a request. Gives: one message for a day.

use std::io::{self, Write};

use jiff::civil::Date;

use super::super::bank_messages::{account_id, major, xml_text};
use super::super::ledger::{Day, LedgerEntry, LedgerHead, Said};
use super::behaviour::Word;
use super::{RecallBook, RecallEntry};

/// Writes what a day says of a request; as far as most of it is told the same, in one word where the provider
/// answers so. False when it says nothing.
pub(super) fn write_resolution(
    out: &mut dyn Write,
    book: &RecallBook,
    day: Date,
    answers_groups: bool,
) -> io::Result<bool> {
    let mut said: Vec<(&RecallEntry, &Word)> = book
        .entries
        .iter()
        .flat_map(|entry| entry.words.iter().map(move |word| (entry, word)))
        .filter(|(_, word)| word.on == Day(day))
        .collect();
    let Some((first, _)) = said.first().copied() else { return Ok(false) };
    let of_group = if answers_groups { word_of_most(book, &said) } else { None };
    if let Some(most) = of_group {
        said.retain(|(_, word)| (&word.status, &word.reason) != (&most.status, &most.reason));
    }
    let creator = party(&first.creator);
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.029.001.09\"><RsltnOfInvstgtn>\
         <Assgnmt><Id>SBX-{}-{}</Id><Assgnr>{}</Assgnr><Assgne>{creator}</Assgne>\
         <CreDtTm>{day}T08:00:00Z</CreDtTm></Assgnmt><Sts><Conf>INFO</Conf></Sts><CxlDtls>",
        book.head.id,
        day.strftime("%Y%m%d"),
        party(&book.head.provider),
    )?;
    let mut open: Option<&str> = None;
    if let Some(most) = of_group {
        write_group(out, book, first, most)?;
        open = (!book.head.is_between_banks).then_some(&first.batch_id);
    }
    for (entry, word) in &said {
        // The payments of a customer stand in the set in which they were ordered.
        if !book.head.is_between_banks && open != Some(&entry.batch_id) {
            if open.is_some() {
                out.write_all(b"</OrgnlPmtInfAndSts>")?;
            }
            let set = if entry.batch_id.is_empty() { "NOTPROVIDED" } else { &entry.batch_id };
            write!(
                out,
                "\n<OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId>",
                xml_text(set, 35)
            )?;
            open = Some(&entry.batch_id);
        }
        write_case(out, book, entry, word)?;
    }
    if open.is_some() {
        out.write_all(b"</OrgnlPmtInfAndSts>")?;
    }
    out.write_all(b"</CxlDtls></RsltnOfInvstgtn></Document>\n")?;
    Ok(true)
}

/// What more than half of a request is told on a day on which all of it is told something.
fn word_of_most<'b>(book: &RecallBook, said: &[(&'b RecallEntry, &'b Word)]) -> Option<&'b Word> {
    let (first, _) = said.first()?;
    let is_one_set = said.iter().all(|(entry, _)| {
        (&entry.message_id, &entry.batch_id) == (&first.message_id, &first.batch_id)
    });
    if !is_one_set || book.entries.len() < 2 || said.len() != book.entries.len() {
        return None;
    }
    let times = |word: &Word| {
        let same = |other: &&(&RecallEntry, &Word)| {
            (&other.1.status, &other.1.reason) == (&word.status, &word.reason)
        };
        said.iter().filter(same).count()
    };
    said.iter().map(|(_, word)| *word).find(|word| times(word) * 2 > said.len())
}

/// One word for everything of the request that is not named beside it.
fn write_group(
    out: &mut dyn Write,
    book: &RecallBook,
    first: &RecallEntry,
    most: &Word,
) -> io::Result<()> {
    let reason = match most.reason.as_str() {
        "" => String::new(),
        code => format!("<CxlStsRsnInf><Rsn><Cd>{code}</Cd></Rsn></CxlStsRsnInf>"),
    };
    match book.head.is_between_banks {
        true => write!(
            out,
            "\n<OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>\
             <GrpCxlSts>{}</GrpCxlSts>{reason}</OrgnlGrpInfAndSts>",
            xml_text(&first.message_id, 35),
            most.status,
        ),
        false => write!(
            out,
            "\n<OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId><PmtInfCxlSts>{}</PmtInfCxlSts>{reason}",
            xml_text(&first.batch_id, 35),
            most.status,
        ),
    }
}

fn write_case(
    out: &mut dyn Write,
    book: &RecallBook,
    entry: &RecallEntry,
    word: &Word,
) -> io::Result<()> {
    write!(
        out,
        "\n<TxInfAndSts><RslvdCase><Id>{}</Id><Cretr>{}</Cretr></RslvdCase>",
        xml_text(&entry.case_id, 35),
        party(&entry.creator),
    )?;
    if book.head.is_between_banks && !entry.message_id.is_empty() {
        write!(
            out,
            "<OrgnlGrpInf><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInf>",
            xml_text(&entry.message_id, 35),
        )?;
    }
    write!(
        out,
        "<OrgnlEndToEndId>{}</OrgnlEndToEndId><TxCxlSts>{}</TxCxlSts>",
        xml_text(&entry.e2e, 35),
        word.status
    )?;
    if !word.reason.is_empty() {
        write!(out, "<CxlStsRsnInf><Rsn><Cd>{}</Cd></Rsn></CxlStsRsnInf>", word.reason)?;
    }
    let element = if book.head.is_between_banks { "OrgnlIntrBkSttlmAmt" } else { "OrgnlInstdAmt" };
    write!(
        out,
        "<{element} Ccy=\"{}\">{}</{element}></TxInfAndSts>",
        xml_text(&entry.currency, 3),
        major(entry.amount_minor, &entry.currency),
    )
}

fn party(name: &str) -> String {
    let name = if name.is_empty() { "NOTPROVIDED" } else { name };
    format!("<Pty><Nm>{}</Nm></Pty>", xml_text(name, 140))
}

/// Says that payments of one file were stopped before they were booked.
pub(super) fn write_cancelled(
    out: &mut dyn Write,
    head: &LedgerHead,
    day: Date,
    entries: &[(LedgerEntry, Said)],
) -> io::Result<()> {
    let original = if head.message_id.is_empty() { "NOTPROVIDED" } else { &head.message_id };
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>SBX-{}-C</MsgId><CreDtTm>{day}T08:00:00Z</CreDtTm></GrpHdr>\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId>\
         <OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>",
        head.id,
        xml_text(original, 35),
    )?;
    for (entry, _) in entries {
        let set = if entry.batch.is_empty() { "NOTPROVIDED" } else { &entry.batch };
        write!(
            out,
            "\n<OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId><TxInfAndSts>\
             <OrgnlEndToEndId>{}</OrgnlEndToEndId><TxSts>CANC</TxSts>\
             <OrgnlTxRef><Amt><InstdAmt Ccy=\"{}\">{}</InstdAmt></Amt><CdtrAcct>{}</CdtrAcct></OrgnlTxRef>\
             </TxInfAndSts></OrgnlPmtInfAndSts>",
            xml_text(set, 35),
            xml_text(&entry.e2e, 35),
            head.currency,
            major(entry.amount_minor, &head.currency),
            account_id(&entry.account, false),
        )?;
    }
    out.write_all(b"</CstmrPmtStsRpt></Document>\n")
}
