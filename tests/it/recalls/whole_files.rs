//! Everything of a file that should not have been sent is asked back: one recall for each payment, one request for
//! all, and answers about all of it or about some.

use super::*;

const DUNG: &str = "E4 | 001144000104 | Phạm Thị Dung | 1944-07-04 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000004";

/// October paid out to An, Bình and Dung by one bank in one file, whose name is given beside it.
async fn sent_wrongly(office: &mut TestOffice, terms: &str) -> (Cycle, String) {
    agreed(office, terms).await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH, DUNG]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name;
    (cycle, file)
}

async fn whole(office: &TestOffice, cycle: &Cycle, file: &str) -> Whom {
    office.engine.recalled_file(cycle, file).await.unwrap()
}

async fn whole_proposed(
    office: &TestOffice,
    cycle: &Cycle,
    file: &str,
) -> Result<Asked, EngineError> {
    let (now, whom) = (office.now(cycle).await, whole(office, cycle, file).await);
    office.engine.recall_propose(&now, whom, asking("TECH"), MAKER, &key(MAKER)).await
}

async fn whole_confirmed(
    office: &TestOffice,
    cycle: &Cycle,
    file: &str,
) -> Result<Asked, EngineError> {
    let (now, whom) = (office.now(cycle).await, whole(office, cycle, file).await);
    let by = APPROVERS[0];
    office.engine.recall_confirm(&now, whom, by, &key(by)).await
}

/// Proposed and confirmed: the name of the request.
async fn whole_made(office: &TestOffice, cycle: &Cycle, file: &str) -> String {
    whole_proposed(office, cycle, file).await.unwrap();
    whole_confirmed(office, cycle, file).await.unwrap().files.remove(0)
}

/// A word about everything of the payment file, and words about payments beside it: reference and status.
async fn resolved_together(
    office: &TestOffice,
    cycle: &Cycle,
    id: &str,
    (status, reason): (&str, &str),
    named: &[(&str, &str)],
) -> usize {
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).message_id;
    let reason = match reason {
        "" => String::new(),
        code => format!("<CxlStsRsnInf><Rsn><Cd>{code}</Cd></Rsn></CxlStsRsnInf>"),
    };
    let mut payments = String::new();
    for (reference, status) in named {
        payments.push_str(&format!(
            "<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxCxlSts>{status}</TxCxlSts></TxInfAndSts>"
        ));
    }
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09"><RsltnOfInvstgtn>
<Assgnmt><Id>{id}</Id><Assgnr><Pty><Nm>Bank</Nm></Pty></Assgnr><Assgne><Pty><Nm>Office</Nm></Pty></Assgne><CreDtTm>2026-10-05T09:00:00</CreDtTm></Assgnmt>
<Sts><Conf>INFO</Conf></Sts>
<CxlDtls><OrgnlPmtInfAndSts><OrgnlPmtInfId>{file}</OrgnlPmtInfId><PmtInfCxlSts>{status}</PmtInfCxlSts>{reason}
{payments}</OrgnlPmtInfAndSts></CxlDtls></RsltnOfInvstgtn></Document>
"#
    );
    let taken = office.answered("isobank", "xml", text.as_bytes()).await.unwrap();
    usize::try_from(taken.items).unwrap()
}

pub(super) async fn everything_of_a_file_is_asked_back_in_one_request(mut office: TestOffice) {
    for (at, (form, schema)) in
        [("iso20022-camt055-09", "camt.055.001.09"), ("iso20022-camt056-08", "camt.056.001.08")]
            .into_iter()
            .enumerate()
    {
        if at == 1 {
            // The same month once more, asked in the form between institutions.
            let path = office.dir.join(office::CONFIG);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text.replace("iso20022-camt055-09", form)).unwrap();
            office.reopen().await;
        }
        let (cycle, file) = match at {
            0 => sent_wrongly(&mut office, TERMS).await,
            _ => {
                let cycle = office.engine.cycle_find("2026-10").await.unwrap();
                let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
                (cycle, file.file_name)
            }
        };
        if at == 0 {
            // What was rejected is at its end, and not asked for.
            reported(&office, &cycle, "E4", 1, "RJCT").await;
        }
        let proposed = whole_proposed(&office, &cycle, &file).await.unwrap();
        assert_eq!((proposed.count, proposed.total_minor), (2, 1_000_000));
        let made = whole_confirmed(&office, &cycle, &file).await.unwrap();
        assert_eq!((made.count, made.files.len()), (2, 1), "one request for both");
        let told = office.engine.dispatch(None).await.unwrap();
        assert_eq!(told[0].file_name, made.files[0]);
        assert_eq!(told[0].state, BatchState::Delivered, "{}", told[0].detail);
        assert!(office.engine.dispatch(None).await.unwrap().is_empty());

        let path = office.dir.join("isobank/inbox").join(&made.files[0]);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("<NbOfTxs>2</NbOfTxs><CtrlSum>1000000</CtrlSum>"), "{text}");
        let standings = office.engine.recalls(&cycle).await.unwrap();
        for one in standings.iter().filter(|one| one.recall.state.is_live()) {
            assert!(text.contains(&format!("<Case><Id>{}</Id>", one.case_id)), "{text}");
        }
        if let (Some(xmllint), Some(schema)) =
            (real_part(RealPart::Xmllint), published_schema(schema))
        {
            let mut script = Command::new(repository().join("tests/external/xsd.sh"));
            let output = script.env("CHITRA_TEST_XMLLINT", xmllint).arg(&path).arg(schema).output();
            let output = output.unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        if at == 0 {
            let (now, whom) = (office.now(&cycle).await, whole(&office, &cycle, &file).await);
            let reason = "asked in another form";
            office.engine.recall_give_up(&now, whom, reason, MAKER, &key(MAKER)).await.unwrap();
        }
    }
    let cycle = office.engine.cycle_find("2026-10").await.unwrap();
    assert_eq!(
        recalls(&office, &cycle).await,
        [
            "1 TECH given_up delivered",
            "2 TECH given_up delivered",
            "3 TECH sent delivered",
            "4 TECH sent delivered",
        ]
    );
    office.ends_whole().await;
}

pub(super) async fn an_answer_about_the_whole_holds_for_what_has_none_of_its_own(
    mut office: TestOffice,
) {
    let (cycle, file) = sent_wrongly(&mut office, TERMS).await;
    whole_made(&office, &cycle, &file).await;
    office.engine.dispatch(None).await.unwrap();
    let said = |enrolment: &'static str| office.said(&cycle, enrolment, 1, "", "");
    let references = [said("E1").await.reference, said("E2").await.reference];
    let state = |recalls: Vec<String>| -> Vec<String> {
        recalls.iter().map(|one| one.split(' ').nth(2).unwrap().to_owned()).collect()
    };
    // The order of recalls is that of the payments; which is whose is told by the reference.
    let standings = office.engine.recalls(&cycle).await.unwrap();
    let place = |reference: &str| {
        standings.iter().position(|one| one.reference.as_str() == reference).unwrap()
    };
    let (an, binh) = (place(&references[0]), place(&references[1]));
    let dung = 3 - an - binh;
    let expect = |of_an: &str, of_binh: &str, of_dung: &str| {
        let mut expected = vec![String::new(); 3];
        expected[an] = of_an.to_owned();
        expected[binh] = of_binh.to_owned();
        expected[dung] = of_dung.to_owned();
        expected
    };
    office.on_day("2026-10-05");
    // Not decided for the whole, and for one it is.
    let items =
        resolved_together(&office, &cycle, "G1", ("PDCR", ""), &[(&references[0], "RJCR")]).await;
    assert_eq!(items, 2);
    assert_eq!(state(recalls(&office, &cycle).await), expect("refused", "pending", "pending"));
    // Some are given back and some not: of a single payment that says nothing.
    resolved_together(&office, &cycle, "G2", ("PACR", ""), &[]).await;
    assert_eq!(state(recalls(&office, &cycle).await), expect("refused", "pending", "pending"));
    resolved_together(&office, &cycle, "G3", ("ACCR", ""), &[(&references[1], "RJCR")]).await;
    assert_eq!(state(recalls(&office, &cycle).await), expect("refused", "refused", "accepted"));
    // The same once more changes nothing.
    resolved_together(&office, &cycle, "G4", ("ACCR", ""), &[(&references[1], "RJCR")]).await;
    assert_eq!(state(recalls(&office, &cycle).await), expect("refused", "refused", "accepted"));
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    office.check(&cycle, "entitled 3", "pending 3 = 1500000").await;
    returned(&office, &cycle, "E4", "FOCR").await;
    assert_eq!(state(recalls(&office, &cycle).await), expect("refused", "refused", "over"));
    // That all is given back after all is for a person.
    resolved_together(&office, &cycle, "G5", ("ACCR", ""), &[]).await;
    assert_eq!(office.discrepancies().await, ["contradiction"]);
    office.check(&cycle, "entitled 3", "pending 2 = 1000000, returned 1 = 500000").await;
    office.ends_whole().await;
}

pub(super) async fn a_word_about_a_file_of_which_one_payment_was_asked_back_is_not_believed(
    mut office: TestOffice,
) {
    let (cycle, _) = sent_wrongly(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    let reference = office.said(&cycle, "E1", 1, "", "").await.reference;
    // Beside the payment it says nothing more than that; alone it might be about anything.
    resolved_together(&office, &cycle, "G1", ("PDCR", ""), &[(&reference, "PDCR")]).await;
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    resolved_together(&office, &cycle, "G2", ("ACCR", ""), &[]).await;
    assert_eq!(office.discrepancies().await, ["unmatched"]);
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL pending delivered"]);
    office.ends_whole().await;
}

pub(super) async fn a_file_is_asked_back_by_two_persons_and_decided_at_once(
    mut office: TestOffice,
) {
    agreed(&mut office, TERMS).await;
    office.on_day("2026-10-01");
    office.month("2026-10", &[AN, BINH, DUNG]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let file = office.engine.store.batches(cycle.number).await.unwrap().remove(0).file_name;
    refused(office.engine.recalled_file(&cycle, "other.xml").await, "D124");
    // Something has left, and of it nothing: it is taken back, not asked back.
    office.tamper("update cycle set state = 'settling'", vec![]).await;
    let told = refused(whole_proposed(&office, &cycle, &file).await, "D171");
    assert!(told.contains(&format!("chitra withdraw 2026-10 {file}")), "{told}");
    assert!(told.contains("chitra redate 2026-10"), "{told}");
    office.tamper("update cycle set state = 'released'", vec![]).await;
    office.engine.dispatch(None).await.unwrap();

    // One of them is asked for already.
    made(&office, &cycle, "E1").await;
    assert_eq!(whole_proposed(&office, &cycle, &file).await.unwrap().count, 2);
    refused(whole_proposed(&office, &cycle, &file).await, "D172");
    let (now, all) = (office.now(&cycle).await, whole(&office, &cycle, &file).await);
    let engine = &office.engine;
    let by = APPROVERS[0];
    let told = refused(confirmed(&office, &cycle, "E2").await, "D176");
    assert!(told.contains(&format!("recall confirm 2026-10 --file {file}")), "{told}");
    // Who proposes does not confirm, also when an approver has proposed.
    engine.recall_decline(&now, all, by, &key(by)).await.unwrap();
    engine.recall_propose(&now, all, asking("TECH"), by, &key(by)).await.unwrap();
    let told = refused(engine.recall_confirm(&now, all, by, &key(by)).await, "D177");
    assert!(told.contains(&format!("--file {file}")), "{told}");
    let other = APPROVERS[1];
    let request = engine.recall_confirm(&now, all, other, &key(other)).await.unwrap();
    assert_eq!((request.count, request.files.len()), (2, 1));
    // What has not left is given up as a whole, and does not leave.
    let binh = whom(&office, &cycle, "E2").await;
    let told = refused(engine.recall_give_up(&now, binh, "no", MAKER, &key(MAKER)).await, "D178");
    assert!(told.contains(&format!("give-up 2026-10 --file {file}")), "{told}");
    engine.recall_give_up(&now, all, "it was right", MAKER, &key(MAKER)).await.unwrap();
    let told = engine.dispatch(None).await.unwrap();
    assert_eq!(told.len(), 1, "only the request of one payment leaves: {told:?}");
    assert_eq!(
        recalls(&office, &cycle).await,
        [
            "1 DUPL sent delivered",
            "2 TECH declined no file",
            "3 TECH declined no file",
            "4 TECH given_up withdrawn",
            "5 TECH given_up withdrawn",
        ]
    );
    // By letter it is one letter.
    let by_letter = Asking { by_letter: true, ..asking("TECH") };
    engine.recall_propose(&now, all, by_letter, MAKER, &key(MAKER)).await.unwrap();
    assert!(engine.recall_confirm(&now, all, by, &key(by)).await.unwrap().files.is_empty());
    // What was asked can be given up payment by payment.
    engine.recall_give_up(&now, binh, "the payee needs it", MAKER, &key(MAKER)).await.unwrap();
    let states = recalls(&office, &cycle).await[5..].to_vec();
    assert!(states.iter().any(|one| one.contains("TECH sent no file")), "{states:?}");
    assert!(states.iter().any(|one| one.contains("TECH given_up no file")), "{states:?}");
    office.ends_whole().await;
}

pub(super) async fn what_comes_back_before_the_request_leaves_is_not_waited_for(
    mut office: TestOffice,
) {
    let (cycle, file) = sent_wrongly(&mut office, TERMS).await;
    let request = whole_made(&office, &cycle, &file).await;
    office.on_day("2026-10-08");
    returned(&office, &cycle, "E1", "AC04").await;
    // The bytes are those that were confirmed: they leave for the others, and are made again when they are damaged.
    let sha256 = office.engine.recalls(&cycle).await.unwrap().remove(0).file.unwrap().sha256;
    let archived = crate::support::office::archived_file(&office.dir.join("archive"), &sha256);
    std::fs::remove_file(&archived).unwrap();
    office.engine.dispatch(None).await.unwrap();
    let sent = std::fs::read(office.dir.join("isobank/inbox").join(&request)).unwrap();
    assert_eq!(Digest::of(&sent).to_string(), sha256);
    let mut states = recalls(&office, &cycle).await;
    states.sort_by_key(|one| one[2..].to_owned());
    assert_eq!(
        states.iter().map(|one| &one[2..]).collect::<Vec<_>>(),
        ["TECH over delivered", "TECH sent delivered", "TECH sent delivered",]
    );
    // To what is back by itself the bank says what it likes.
    resolved_together(&office, &cycle, "G1", ("RJCR", "CUST"), &[]).await;
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    assert_eq!(office.engine.recalls_to_look_at().await.unwrap().len(), 2);

    // Of what is back altogether nothing is asked any more.
    let (now, all) = (office.now(&cycle).await, whole(&office, &cycle, &file).await);
    let engine = &office.engine;
    engine.recall_give_up(&now, all, "once more", MAKER, &key(MAKER)).await.unwrap();
    let second = whole_made(&office, &cycle, &file).await;
    returned(&office, &cycle, "E2", "AC04").await;
    returned(&office, &cycle, "E4", "AC04").await;
    assert!(engine.dispatch(None).await.unwrap().is_empty());
    assert_eq!(office.times_sent(&second), 0);
    assert_eq!(
        recalls(&office, &cycle).await[3..],
        ["4 TECH over withdrawn", "5 TECH over withdrawn",]
    );
    refused(whole_proposed(&office, &cycle, &file).await, "D171");
    office.ends_whole().await;
}

pub(super) async fn a_request_for_a_file_leaves_once_whatever_dies(mut office: TestOffice) {
    let (cycle, file) = sent_wrongly(&mut office, TERMS).await;
    let request = whole_made(&office, &cycle, &file).await;
    office.next_fault(Some(Fault::DiesAfterSending));
    office.engine.dispatch(None).await.unwrap_err();
    office.next_fault(None);
    office.reopen().await;
    office.engine.dispatch(None).await.unwrap();
    assert_eq!(office.times_sent(&request), 1);
    let sent = vec!["TECH sent delivered"; 3];
    let states = |recalls: Vec<String>| -> Vec<String> {
        recalls.iter().map(|one| one[2..].to_owned()).collect()
    };
    assert_eq!(states(recalls(&office, &cycle).await), sent);
    let (now, all) = (office.now(&cycle).await, whole(&office, &cycle, &file).await);
    office.engine.recall_give_up(&now, all, "silent", MAKER, &key(MAKER)).await.unwrap();

    // The outcome is lost; the answer to all of it proves that it was there.
    let second = whole_made(&office, &cycle, &file).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(None).await.unwrap();
    office.next_fault(Some(Fault::CannotBeAsked));
    office.on_day("2026-10-05");
    let reference = office.said(&cycle, "E2", 1, "", "").await.reference;
    let case = office.engine.recalls(&cycle).await.unwrap();
    let case = case.iter().rfind(|one| one.reference.as_str() == reference).unwrap();
    let word = Word {
        case: &case.case_id,
        reference: &reference,
        status: "ACCR",
        reason: "",
        amount: "500000",
    };
    resolved(&office, &cycle, "A1", word).await;
    let accepted = states(recalls(&office, &cycle).await)[3..].to_vec();
    assert_eq!(accepted.iter().filter(|one| *one == "TECH accepted delivered").count(), 1);
    assert_eq!(accepted.iter().filter(|one| *one == "TECH sent delivered").count(), 2);
    resolved_together(&office, &cycle, "G1", ("ACCR", ""), &[]).await;
    assert_eq!(
        states(recalls(&office, &cycle).await)[3..],
        ["TECH accepted delivered"; 3].map(str::to_owned)
    );
    office.next_fault(None);
    assert!(office.engine.dispatch(None).await.unwrap().is_empty());
    assert_eq!(office.times_sent(&second), 1);
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    office.ends_whole().await;
}

pub(super) async fn a_word_around_one_payment_is_not_said_of_another_request(
    mut office: TestOffice,
) {
    let (cycle, file) = sent_wrongly(&mut office, TERMS).await;
    asked_back(&office, &cycle, "E1").await;
    let an = office.said(&cycle, "E1", 1, "", "").await.reference;
    let binh = office.said(&cycle, "E2", 1, "", "").await.reference;
    whole_made(&office, &cycle, &file).await;
    office.engine.dispatch(None).await.unwrap();
    let told = |recalls: Vec<String>| -> Vec<String> {
        let mut told: Vec<String> =
            recalls.iter().map(|one| one.split(' ').nth(2).unwrap().to_owned()).collect();
        told.sort();
        told
    };
    office.on_day("2026-10-05");
    // What stands around An's own recall says nothing of the other two.
    resolved_together(&office, &cycle, "G1", ("RJCR", "CUST"), &[(&an, "RJCR")]).await;
    assert_eq!(told(recalls(&office, &cycle).await), ["refused", "sent", "sent"]);
    // Of Bình the answer says that it is not decided, also when it says so for the second time.
    for id in ["G2", "G3"] {
        resolved_together(&office, &cycle, id, ("ACCR", ""), &[(&binh, "PDCR")]).await;
        assert_eq!(told(recalls(&office, &cycle).await), ["accepted", "pending", "refused"]);
    }
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    office.ends_whole().await;
}

pub(super) async fn two_requests_for_a_file_are_not_proposed_at_once(mut office: TestOffice) {
    let (cycle, file) = sent_wrongly(&mut office, TERMS).await;
    proposed(&office, &cycle, "E1", asking("DUPL")).await.unwrap();
    assert_eq!(whole_proposed(&office, &cycle, &file).await.unwrap().count, 2);
    let (now, an) = (office.now(&cycle).await, whom(&office, &cycle, "E1").await);
    let by = APPROVERS[0];
    office.engine.recall_decline(&now, an, by, &key(by)).await.unwrap();
    refused(whole_proposed(&office, &cycle, &file).await, "D172");
    assert_eq!(whole_confirmed(&office, &cycle, &file).await.unwrap().count, 2);
    // The second request is another file; before it has left it is given up alone.
    assert_eq!(whole_proposed(&office, &cycle, &file).await.unwrap().count, 1);
    assert_eq!(whole_confirmed(&office, &cycle, &file).await.unwrap().files.len(), 1);
    office.engine.dispatch(None).await.unwrap();
    let mut states = recalls(&office, &cycle).await;
    states.retain(|one| one.contains("sent delivered"));
    assert_eq!(states.len(), 3);
    // A word about the whole file may be about either.
    office.on_day("2026-10-05");
    resolved_together(&office, &cycle, "G1", ("ACCR", ""), &[]).await;
    assert_eq!(office.discrepancies().await, ["unmatched"]);
    let mut states = recalls(&office, &cycle).await;
    states.retain(|one| one.contains("sent delivered"));
    assert_eq!(states.len(), 3);
    office.ends_whole().await;
}
