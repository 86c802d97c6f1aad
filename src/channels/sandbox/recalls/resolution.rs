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

/// Writes what a day says of a request. False when it says nothing.
pub(super) fn write_resolution(
    out: &mut dyn Write,
    book: &RecallBook,
    day: Date,
) -> io::Result<bool> {
    let said: Vec<(&RecallEntry, &Word)> = book
        .entries
        .iter()
        .flat_map(|entry| entry.words.iter().map(move |word| (entry, word)))
        .filter(|(_, word)| word.on == Day(day))
        .collect();
    let Some((first, _)) = said.first() else { return Ok(false) };
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
