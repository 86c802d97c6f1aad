//! What a sandbox bank says in ISO 20022: the status report of the day of receipt, and the
//! notifications of debits and returns.
//!
//! Reads: a ledger file's head and entries.
//! Gives: pain.002.001.10 and camt.054.001.08, each written as it is made.

use std::io::{self, Write};

use jiff::civil::Date;

use super::behaviour::Behaviour;
use super::ledger::{LedgerEntry, LedgerHead, Said};
use super::payout_file::minor_digits;

/// A notification has no more entries than this; more make another file.
pub(super) const ENTRIES_MAX: usize = 20_000;

/// The status of a payout file on the day of its receipt. Payments that are accepted are not
/// named: the status of the group is theirs.
pub(super) fn write_status(
    out: &mut dyn Write,
    head: &LedgerHead,
    entries: impl Iterator<Item = io::Result<LedgerEntry>>,
) -> io::Result<()> {
    let text = |text: &str| xml_text(text, 35);
    let original = if head.message_id.is_empty() { "NOTPROVIDED" } else { &head.message_id };
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>SBX-{}-S</MsgId><CreDtTm>{}T08:00:00Z</CreDtTm></GrpHdr>\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{}</OrgnlMsgId>\
         <OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>",
        head.id,
        head.received_on.0,
        text(original),
    )?;
    if head.is_refused() {
        writeln!(
            out,
            "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>{}</Cd></Rsn><AddtlInf>{}</AddtlInf>\
             </StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>",
            head.refusal_reason, head.refusal,
        )?;
        return Ok(());
    }
    let status = match head.rejected {
        0 => "ACCP",
        all if all == head.count => "RJCT",
        _ => "PART",
    };
    write!(
        out,
        "<OrgnlNbOfTxs>{}</OrgnlNbOfTxs><OrgnlCtrlSum>{}</OrgnlCtrlSum><GrpSts>{status}</GrpSts>\
         </OrgnlGrpInfAndSts>",
        head.count,
        major(head.sum_minor, &head.currency),
    )?;
    let mut batch: Option<String> = None;
    for entry in entries {
        let entry = entry?;
        if entry.said_on(head.received_on.0, head) != Some(Said::Rejected) {
            continue;
        }
        if batch.as_ref() != Some(&entry.batch) {
            if batch.is_some() {
                out.write_all(b"</OrgnlPmtInfAndSts>")?;
            }
            let name = if entry.batch.is_empty() { "NOTPROVIDED" } else { &entry.batch };
            write!(out, "\n<OrgnlPmtInfAndSts><OrgnlPmtInfId>{}</OrgnlPmtInfId>", text(name))?;
            batch = Some(entry.batch.clone());
        }
        let reason = match entry.behaviour {
            Behaviour::RejectName => "BE01",
            _ => "AC04",
        };
        write!(
            out,
            "\n<TxInfAndSts><OrgnlEndToEndId>{}</OrgnlEndToEndId><TxSts>RJCT</TxSts>\
             <StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>\
             <AcctSvcrRef>{}</AcctSvcrRef><OrgnlTxRef><Amt><InstdAmt Ccy=\"{}\">{}</InstdAmt></Amt>\
             <CdtrAcct>{}</CdtrAcct></OrgnlTxRef></TxInfAndSts>",
            text(&entry.e2e),
            head.provider_reference(&entry),
            head.currency,
            major(entry.amount_minor, &head.currency),
            account_id(&entry.account, false),
        )?;
    }
    if batch.is_some() {
        out.write_all(b"</OrgnlPmtInfAndSts>")?;
    }
    out.write_all(b"</CstmrPmtStsRpt></Document>\n")
}

/// One notification: debits that were made, and credits of what came back.
pub(super) fn write_notification(
    out: &mut dyn Write,
    head: &LedgerHead,
    day: Date,
    number: usize,
    entries: &[(LedgerEntry, Said)],
) -> io::Result<()> {
    let day_digits = day.strftime("%Y%m%d");
    let sum: i128 = entries.iter().map(|(entry, _)| i128::from(entry.amount_minor)).sum();
    let sum = i64::try_from(sum).map_err(|_| io::Error::other("the sum of a ledger must fit"))?;
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\">\
         <BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>SBX-{id}-{day_digits}</MsgId>\
         <CreDtTm>{day}T08:00:00Z</CreDtTm></GrpHdr><Ntfctn>\
         <Id>{id}-{day_digits}-{number:03}</Id><CreDtTm>{day}T08:00:00Z</CreDtTm>\
         <Acct>{account}<Ccy>{currency}</Ccy></Acct><TxsSummry><TtlNtries>\
         <NbOfNtries>{count}</NbOfNtries><Sum>{sum}</Sum></TtlNtries></TxsSummry>",
        id = head.id,
        account = account_id(&head.debtor_account, head.debtor_has_iban),
        currency = head.currency,
        count = entries.len(),
        sum = major(sum, &head.currency),
    )?;
    for (at, (entry, said)) in entries.iter().enumerate() {
        let amount = major(entry.amount_minor, &head.currency);
        let reference = head.provider_reference(entry);
        let returned = matches!(said, Said::Returned | Said::TakenBack);
        let (direction, family) = if returned {
            ("CRDT", "<Cd>ICDT</Cd><SubFmlyCd>RRTN</SubFmlyCd>")
        } else {
            ("DBIT", "<Cd>ICDT</Cd><SubFmlyCd>DMCT</SubFmlyCd>")
        };
        // The debit was made when the payee was credited, even where it is said later.
        let booked = match (returned, entry.credited) {
            (false, Some(credited)) => credited.0,
            _ => day,
        };
        write!(
            out,
            "\n<Ntry><NtryRef>{at}</NtryRef><Amt Ccy=\"{ccy}\">{amount}</Amt>\
             <CdtDbtInd>{direction}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
             <BookgDt><Dt>{booked}</Dt></BookgDt><ValDt><Dt>{booked}</Dt></ValDt>\
             <AcctSvcrRef>{reference}</AcctSvcrRef>\
             <BkTxCd><Domn><Cd>PMNT</Cd><Fmly>{family}</Fmly></Domn></BkTxCd>\
             <NtryDtls><TxDtls><Refs>",
            at = at + 1,
            ccy = head.currency,
        )?;
        if !head.message_id.is_empty() {
            write!(out, "<MsgId>{}</MsgId>", xml_text(&head.message_id, 35))?;
        }
        write!(out, "<AcctSvcrRef>{reference}</AcctSvcrRef>")?;
        if !entry.batch.is_empty() {
            write!(out, "<PmtInfId>{}</PmtInfId>", xml_text(&entry.batch, 35))?;
        }
        write!(
            out,
            "<EndToEndId>{}</EndToEndId></Refs><Amt Ccy=\"{}\">{amount}</Amt>\
             <CdtDbtInd>{direction}</CdtDbtInd><RltdPties><CdtrAcct>{}</CdtrAcct></RltdPties>",
            xml_text(&entry.e2e, 35),
            head.currency,
            account_id(&entry.account, false),
        )?;
        if returned {
            let reason = match (said, entry.behaviour) {
                (Said::TakenBack, _) => "FOCR",
                (_, Behaviour::ReturnDeceased) => "MD07",
                _ => "AC04",
            };
            write!(out, "<RtrInf><Rsn><Cd>{reason}</Cd></Rsn></RtrInf>")?;
        }
        out.write_all(b"</TxDtls></NtryDtls></Ntry>")?;
    }
    out.write_all(b"</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n")
}

pub(super) fn account_id(account: &str, iban: bool) -> String {
    match (account, iban) {
        ("", _) => "<Id><Othr><Id>NOTPROVIDED</Id></Othr></Id>".into(),
        (account, true) => format!("<Id><IBAN>{}</IBAN></Id>", xml_text(account, 34)),
        (account, false) => format!("<Id><Othr><Id>{}</Id></Othr></Id>", xml_text(account, 34)),
    }
}

/// A text within its limit, with nothing in it that is not XML.
pub(super) fn xml_text(text: &str, characters_max: usize) -> String {
    let plain = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    let plain: String = plain.take(characters_max).collect();
    quick_xml::escape::escape(plain).into_owned()
}

/// Major units with exactly the digits of the currency.
pub(super) fn major(minor: i64, currency: &str) -> String {
    match minor_digits(currency) {
        0 => minor.to_string(),
        digits => {
            let scale = 10_i64.pow(digits);
            format!("{}.{:0width$}", minor / scale, minor % scale, width = digits as usize)
        }
    }
}
