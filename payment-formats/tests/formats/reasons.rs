//! An item may have several reasons: the one that asks for the most care counts, wherever it stands.

use payment_formats::ReasonClass::{self, *};

use super::samples::read;

/// What the first outcome of an answer has for a reason, and its class.
#[track_caller]
fn check(id: &str, text: &str, reason: &str, class: ReasonClass) {
    let (_, outcomes) = read(id, text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    let told = (outcomes[0].reason.as_deref(), outcomes[0].reason_class);
    assert_eq!(told, (Some(reason), Some(class)), "{text}");
}

fn infos(codes: &[&str]) -> String {
    let info = |code: &&str| match code.split_once(':') {
        Some((_, words)) => {
            format!("<StsRsnInf><Rsn><Prtry>{}</Prtry></Rsn></StsRsnInf>", words.trim())
        }
        None => format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"),
    };
    codes.iter().map(info).collect()
}

fn report(group: &str, payment: &str) -> String {
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>A</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>F</OrgnlMsgId>{group}\
         </OrgnlGrpInfAndSts>{payment}</CstmrPmtStsRpt></Document>"
    )
}

#[test]
fn of_several_status_reasons_the_gravest_counts() {
    for (codes, reason, class) in [
        (&["AM04"][..], "AM04", Retry),
        (&["AM04", "MD07"], "MD07", Stop),
        (&["MD07", "AM04"], "MD07", Stop),
        (&["AM04", "AM05"], "AM05", Duplicate),
        (&["AM04", "FRAD", "AM05"], "FRAD", Stop),
        (&["AC04", "AM04"], "AC04", PayeeData),
        // What nobody knows is for a person.
        (&["AM04", "ZZ99"], "ZZ99", Review),
        (&["AM04", "words: ask us"], "ask us", Review),
        (&["words: ask us", "AM05"], "AM05", Duplicate),
        (&["words:NOTPROVIDED", "MD07"], "MD07", Stop),
        (&["AM04", "words:NOTPROVIDED"], "AM04", Retry),
    ] {
        let payment = format!(
            "<OrgnlPmtInfAndSts><TxInfAndSts><OrgnlEndToEndId>E</OrgnlEndToEndId><TxSts>RJCT</TxSts>{}\
             </TxInfAndSts></OrgnlPmtInfAndSts>",
            infos(codes)
        );
        check("iso20022-pain002", &report("", &payment), reason, class);
        let group = format!("<GrpSts>RJCT</GrpSts>{}", infos(codes));
        check("iso20022-pain002", &report(&group, ""), reason, class);
    }
}

#[test]
fn of_several_reasons_in_one_text_the_gravest_counts() {
    let sheet = |reason: &str| {
        format!(
            "STT,Số tài khoản,Tên người hưởng,Số tiền,Trạng thái,Nội dung,Ghi chú\n\
             1,0711000001,A,500000,Không thành công,MA E,{reason}\nTổng cộng,1,,500000,,,\n"
        )
    };
    for (reason, class) in [
        ("Hệ thống bận", Retry),
        ("Hệ thống bận vui lòng thử lại sau", Retry),
        ("Hệ thống bận; người hưởng đã chết", Stop),
        ("Hệ thống bận - người hưởng đã chết", Stop),
        ("Hệ thống bận; xem công văn", Review),
        ("Không đủ số dư + trùng giao dịch", Duplicate),
        ("Tài khoản đã đóng", PayeeData),
        ("xem công văn", Review),
    ] {
        check("vn-bank-bulk-csv-results", &sheet(reason), reason, class);
    }
    let wallet = |reason: &str, message: &str| {
        format!(
            "partner_reference,wallet_id,amount,currency,status,reason_code,message,transaction_id,completed_at\n\
             E,0901234567,500000,VND,FAILED,{reason},{message},T1,2026-11-05\nTOTAL,1,500000,,,,,,\n"
        )
    };
    for (reason, message, class) in [
        ("SYSTEM_ERROR", "", Retry),
        ("SYSTEM_ERROR;DUPLICATE_REFERENCE", "", Duplicate),
        ("SYSTEM_ERROR", "DUPLICATE - already credited", Duplicate),
        ("WALLET_NOT_FOUND", "system_error", PayeeData),
    ] {
        check("ewallet-csv-results", &wallet(reason, message), reason, class);
    }
}

#[test]
fn a_debit_with_a_reason_for_a_return_is_in_doubt() {
    let entry = |side: &str| {
        format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn>\
             <GrpHdr><MsgId>A</MsgId></GrpHdr><Ntfctn><Id>N</Id><Ntry><Amt Ccy=\"VND\">5</Amt>\
             <CdtDbtInd>{side}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><NtryDtls><TxDtls><Refs><EndToEndId>E</EndToEndId></Refs>\
             <RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry></Ntfctn>\
             </BkToCstmrDbtCdtNtfctn></Document>"
        )
    };
    for (side, doubted) in [("DBIT", true), ("CRDT", false)] {
        let (_, outcomes) = read("iso20022-camt054", entry(side).as_bytes()).unwrap();
        assert_eq!(outcomes[0].doubt.is_some(), doubted, "{side}: {:?}", outcomes[0].doubt);
    }
}

#[test]
fn two_references_after_one_mark_are_in_doubt() {
    for (content, doubted) in [
        ("MA AB010000800000001G", false),
        ("MA AB010000800000001G MA GD FT2632", false),
        ("MA AB010000800000001G MA AB010000800000001G", false),
        ("MA AB010000800000001G MA AB010000800000001G.", false),
        ("MA AB010000800000001G MA AB010000820000001Q", true),
        ("MA AB010000800000001G; (MA AB010000820000001Q)", true),
    ] {
        let text = format!(
            "STT,Số tài khoản,Tên người hưởng,Số tiền,Trạng thái,Nội dung,Ghi chú\n\
             1,0711000001,A,500000,Thành công,{content},\nTổng cộng,1,,500000,,,\n"
        );
        let (_, outcomes) = read("vn-bank-bulk-csv-results", text.as_bytes()).unwrap();
        assert_eq!(outcomes[0].doubt.is_some(), doubted, "{content}");
    }
}
