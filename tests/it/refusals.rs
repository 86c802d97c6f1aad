//! What must be refused, clearly, with nothing lost: each refusal has its code, changes nothing, and
//! the good rows, files and officers beside it go on.

use chitra::domain::batch::BatchState;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::cycle::CycleState;
use chitra::domain::ids::ListNo;
use chitra::domain::list::Role;
use chitra::store::registry::ImportKind;

use crate::support::office::{
    APPROVERS, Base, MAKER, TestOffice, archived_file, key, opening, period, refused, register_of,
    roster_of, run,
};

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const DAY: &str = "2026-09-20";

fn on_sqlite<F: Future<Output = ()>>(story: impl FnOnce(TestOffice) -> F) {
    run(Base::Sqlite, |office| {
        office.on_day(DAY);
        story(office)
    });
}

// --- Rosters --------------------------------------------------------------------------------------

#[test]
fn a_broken_roster_is_refused_whole() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let good = roster_of(&[AN, BINH]);
        let with_month = |month: &str| {
            let mut lines = good.lines();
            let mut text = format!("{},period\n", lines.next().unwrap());
            lines.for_each(|line| text.push_str(&format!("{line},{month}\n")));
            text
        };
        let latin = [good.as_bytes(), b"E9,\xD4\xFF\n"].concat();
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("an unknown column", good.replacen("sex", "gender", 1).into_bytes(), "I110"),
            ("a column twice", good.replacen("sex", "national_id", 1).into_bytes(), "I111"),
            ("a column too few", good.replacen(",sex", "", 1).into_bytes(), "I112"),
            ("nothing", vec![], "I113"),
            ("nothing but a mark of order", b"\xEF\xBB\xBF".to_vec(), "I113"),
            ("a header and no rows", good.lines().next().unwrap().into(), "I114"),
            (
                "a header and empty lines",
                format!("{}\n\n\n", good.lines().next().unwrap()).into_bytes(),
                "I114",
            ),
            ("a quote in a field", good.replace("Trần Thị", "Trần \"Thị").into_bytes(), "I101"),
            (
                "text after a quote",
                good.replace("Trần Thị Bình", "\"Trần\" Thị").into_bytes(),
                "I101",
            ),
            (
                "a quote that stays open",
                good.replace("Trần Thị", "\"Trần Thị").into_bytes(),
                "I102",
            ),
            ("another encoding", latin, "I104"),
            ("a zero byte", good.replace("Trần", "Tr\0n").into_bytes(), "I105"),
            ("another month", with_month("2026-11").into_bytes(), "I121"),
            ("no month that exists", with_month("2026-13").into_bytes(), "I121"),
        ];
        let before = office.snapshot().await;
        let imports =
            office.engine.store.imports(ImportKind::Roster, period("2026-10")).await.unwrap();
        for (what, bytes, code) in cases {
            let path = office.written("roster.csv", bytes);
            let taken =
                office.engine.roster_import(&path, period("2026-10"), MAKER, &key(MAKER)).await;
            refused(taken, code);
            let after =
                office.engine.store.imports(ImportKind::Roster, period("2026-10")).await.unwrap();
            assert_eq!(after, imports, "{what} leaves no import behind");
            assert_eq!(office.snapshot().await, before, "{what}");
        }
        let path = office.written("roster.csv", with_month("2026-10").as_bytes());
        let report = office
            .engine
            .roster_import(&path, period("2026-10"), MAKER, &key(MAKER))
            .await
            .unwrap();
        assert_eq!((report.import.rows, report.import.refused), (2, 0));
        office.ends_whole().await;
    });
}

/// An empty register would hold everybody as not found.
#[test]
fn a_register_that_names_nobody_is_refused() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let good = register_of(&[AN, BINH]);
        let header = good.lines().next().unwrap();
        let unreadable: String =
            good.lines().skip(1).map(|line| line.replacen("19", "29x", 1) + "\n").collect();
        let before =
            office.engine.store.imports(ImportKind::Identity, period("2026-10")).await.unwrap();
        for (text, code) in [
            (String::new(), "I113"),
            (header.to_owned(), "I114"),
            (format!("{header}\n\n\n"), "I114"),
            (format!("{header}\n{unreadable}"), "I115"),
        ] {
            let path = office.written("identity.csv", text.as_bytes());
            let taken =
                office.engine.identity_import(&path, period("2026-10"), MAKER, &key(MAKER)).await;
            let told = refused(taken, code);
            if code == "I115" {
                assert!(told.contains("refused"), "it says where the rows lie: {told}");
            }
            let after =
                office.engine.store.imports(ImportKind::Identity, period("2026-10")).await.unwrap();
            assert_eq!(after, before, "{text}");
        }
        // What was taken in before stands, and the month goes on with it.
        let cycle = office.sealed("2026-10", Regular).await;
        office.check(&cycle, "entitled 1", "pending 1 = 500000").await;
        office.ends_whole().await;
    });
}

#[test]
fn the_same_file_under_another_name_is_refused() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let before = office.snapshot().await;
        let again = office.written("renamed.csv", roster_of(&[AN]).as_bytes());
        let taken =
            office.engine.roster_import(&again, period("2026-10"), MAKER, &key(MAKER)).await;
        let told = refused(taken, "I120");
        assert!(told.contains("roster.csv"), "it says which file that was: {told}");
        assert_eq!(office.snapshot().await, before);
        // Another roster came after it and counts: that is said, and how the first comes to count again.
        let other = office.written("other.csv", roster_of(&[AN, BINH]).as_bytes());
        office.engine.roster_import(&other, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
        let told = refused(
            office.engine.roster_import(&again, period("2026-10"), MAKER, &key(MAKER)).await,
            "I120",
        );
        assert!(told.contains("other.csv was taken in after it"), "{told}");
        let back = office.written("back.csv", format!("{}\n", roster_of(&[AN])).as_bytes());
        let report = office
            .engine
            .roster_import(&back, period("2026-10"), MAKER, &key(MAKER))
            .await
            .unwrap();
        assert_eq!(report.import.rows, 1);
        // For another month the same people are another roster.
        office.month("2026-11", &[AN]).await;
        office.ends_whole().await;
    });
}

#[test]
fn rows_of_a_cycle_that_is_not_computed_are_undecided() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN, BINH]).await;
        let cycle = office.opened("2026-10", Regular).await;
        let rows = |told: serde_json::Value| {
            ["listed", "entitled", "undecided"].map(|word| told["rows"][word].as_i64())
        };
        let told = office.engine.figures(&cycle).await.unwrap().to_json();
        assert_eq!(rows(told), [Some(2), Some(0), Some(2)]);
        let cycle = office.computed(&cycle).await;
        let told = office.engine.figures(&cycle).await.unwrap().to_json();
        assert_eq!(rows(told), [Some(2), Some(2), Some(0)]);
        office.ends_whole().await;
    });
}

#[test]
fn a_bad_value_refuses_its_row_and_no_other() {
    let cases: &[(&str, &str, &str)] = &[
        ("monthly_pension=0", "monthly_pension=1e3", "I207"),
        ("monthly_pension=0", "monthly_pension=-500", "I207"),
        ("monthly_pension=0", "monthly_pension=\"1,000\"", "I207"),
        ("monthly_pension=0", "monthly_pension=1111111111222222222233333333334444444444", "I207"),
        ("monthly_pension=0", "monthly_pension=540.000", "I207"),
        ("monthly_pension=0", "monthly_pension=0x10", "I207"),
        ("monthly_pension=0", "monthly_pension=٥٠٠", "I207"),
        ("monthly_pension=0", "monthly_pension=0 household_poverty=rich", "I207"),
        ("1944-03-14", "1944-02-30", "I203"),
        ("1944-03-14", "14/03/1944", "I203"),
        ("bank 970405 0711000001", "bank 970405 0711000001 | decision_date=2025-06-31", "I203"),
        ("bank 970405 0711000001", "bank 970405 0711000001 | entitled_from=2025-00-01", "I203"),
        ("bank 970405 0711000001", "bank 970405 0711000001 | paid_through=2026-11", "I211"),
        ("bank 970405 0711000001", "bank 970405 0711000001 | changed_from=2026-11", "I212"),
        (
            "bank 970405 0711000001",
            "bank 970405 0711000001 | entitled_from=2026-09-20 | entitled_to=2026-09-10",
            "I214",
        ),
        ("bank 970405 0711000001", "bank 970405 0711000001 | decision_date=1943-12-31", "I214"),
        ("social_pension/monthly", "social_pension/weekly", "I205"),
        ("social_pension/monthly", "social_pension_2/monthly", "I205"),
        ("| male |", "| m/f |", "I206"),
        ("bank 970405", "cheque 970405", "I206"),
        ("bank 970405", "unnamed 970405", "I206"),
        ("bank 970405 0711000001", "bank 970405 0711000001 | status=alive", "I206"),
        ("| Nguyễn Văn An |", "| |", "I202"),
        ("Nguyễn Văn An", "Nguyễn Văn An,", "I201"),
    ];
    on_sqlite(|office| async move {
        let mut people = vec![BINH.to_owned()];
        for (at, (from, to, _)) in cases.iter().enumerate() {
            let one =
                AN.replace("E1", &format!("B{at}")).replace("000101", &format!("0002{at:02}"));
            people.push(one.replace(from, to));
        }
        people.push(AN.to_owned());
        office.month("2026-10", &[AN, BINH]).await;
        let lines: Vec<&str> = people.iter().map(String::as_str).collect();
        let path = office.written("roster.csv", roster_of(&lines).as_bytes());
        let report = office
            .engine
            .roster_import(&path, period("2026-10"), MAKER, &key(MAKER))
            .await
            .unwrap();
        assert_eq!(report.import.rows, cases.len() as i64 + 2);
        assert_eq!(report.import.refused, cases.len() as i64);

        // The file to be mended has every refused row as it stood, with its line and code.
        let mend = std::fs::read_to_string(report.refused_file.unwrap()).unwrap();
        let told: Vec<&str> = mend.lines().skip(1).collect();
        assert_eq!(told.len(), cases.len(), "{mend}");
        for ((at, (_, to, code)), line) in cases.iter().enumerate().zip(told) {
            let place = format!(",{},{code},", at + 3);
            assert!(line.starts_with(&format!("B{at},")) && line.contains(&place), "{to}: {line}");
        }

        let cycle = office.sealed("2026-10", Regular).await;
        let refused = cases.len();
        let rows = format!("refused {refused}, entitled 2");
        office.check(&cycle, &rows, "pending 2 = 1000000").await;
        office.ends_whole().await;
    });
}

// --- Answers --------------------------------------------------------------------------------------

const PAIN_002: &str = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10";

fn status_report(namespace: &str, reference: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{namespace}">
  <CstmrPmtStsRpt>
    <GrpHdr><MsgId>STATUS-1</MsgId><CreDtTm>2026-10-05T09:00:00</CreDtTm></GrpHdr>
    <OrgnlGrpInfAndSts><OrgnlMsgId>NOTPROVIDED</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInfAndSts>
    <OrgnlPmtInfAndSts>
      <OrgnlPmtInfId>NOTPROVIDED</OrgnlPmtInfId>
      <TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>ACCC</TxSts></TxInfAndSts>
    </OrgnlPmtInfAndSts>
  </CstmrPmtStsRpt>
</Document>
"#
    )
}

#[test]
fn a_hostile_answer_is_refused_whole_and_the_others_go_on() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN, BINH]).await;
        let october = office.paid_out("2026-10", Regular).await;
        let reference = office.said(&october, "E2", 1, "", "").await.reference;
        let good = status_report(PAIN_002, &reference);
        let declared = good.replacen(
            "?>\n",
            "?>\n<!DOCTYPE Document [<!ENTITY a \"ACCC\"><!ENTITY b \"&a;&a;&a;&a;\">]>\n",
            1,
        );
        let deep =
            good.replace("<TxSts>", &("<X>".repeat(200_000) + &"</X>".repeat(200_000) + "<TxSts>"));
        let cases: &[(&str, Vec<u8>, &str)] = &[
            ("a document type", declared.into_bytes(), "M140"),
            ("an entity of its own", good.replace("ACCC", "&paid;").into_bytes(), "M141"),
            ("a second root", format!("{good}<Document/>").into_bytes(), "M146"),
            (
                "another namespace",
                status_report("urn:example:status", &reference).into_bytes(),
                "L101",
            ),
            (
                "no namespace",
                good.replace(&format!(" xmlns=\"{PAIN_002}\""), "").into_bytes(),
                "L101",
            ),
            (
                "another message",
                good.replace("pain.002.001.10", "pain.001.001.09").into_bytes(),
                "L101",
            ),
            ("200 000 levels", deep.into_bytes(), "M118"),
            ("half of it", good.as_bytes()[..good.len() / 2].to_vec(), "M137"),
            ("no text", vec![0xFF; 4096], "L101"),
            ("nothing", vec![], "L101"),
        ];
        let before = office.snapshot().await;
        for (what, bytes, code) in cases {
            refused(office.answered("isobank", "xml", bytes).await, code);
            assert_eq!(office.snapshot().await, before, "{what}");
        }
        // A sheet whose total does not agree is not applied up to there, either.
        let mut item = office.said(&october, "E1", 1, "Thành công", "").await;
        item.reason = "a, b".to_owned();
        refused(office.sheet(&[item]).await, "M112");
        assert_eq!(office.snapshot().await, before);

        let collected = office.answered("isobank", "xml", good.as_bytes()).await.unwrap();
        assert_eq!((collected.items, collected.replayed), (1, false));
        assert_eq!(office.attempts(&october, "E2").await, "1 settled");
        assert_eq!(office.attempts(&october, "E1").await, "1 in_batch");
        office.ends_whole().await;
    });
}

#[test]
fn an_answer_of_a_partner_that_nobody_knows_is_refused() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let before = office.snapshot().await;
        let path = office.written("answer.csv", b"STT\n");
        refused(office.engine.collect_file("nobody", &path).await, "G118");
        assert_eq!(office.snapshot().await, before);
        assert!(office.engine.store.answers().await.unwrap().is_empty());
        office.ends_whole().await;
    });
}

#[test]
fn money_that_a_partner_did_not_carry_is_not_paid_by_its_word() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN, BINH]).await;
        let october = office.paid_out("2026-10", Regular).await;
        // The bank carried An's payment; the wallet says that it paid him.
        let an = office.said(&october, "E1", 1, "SUCCESS", "").await;
        office.wallet(&[an]).await.unwrap();
        assert_eq!(office.attempts(&october, "E1").await, "1 in_batch");
        assert_eq!(office.discrepancies().await, ["contradiction"]);
        office.check(&october, "entitled 2", "pending 2 = 1000000").await;
        office.ends_whole().await;
    });
}

// --- Approval -------------------------------------------------------------------------------------

/// A refusal names the place and the way out.
#[track_caller]
fn names(told: &str, parts: &[&str]) {
    for part in parts {
        assert!(told.contains(part), "`{part}` is missing in: {told}");
    }
}

#[test]
fn signatures_that_do_not_count_are_refused() {
    on_sqlite(|office| async move {
        office.enrol("tu", Role::Viewer).await;
        office.enrol("thu", Role::Operator).await;
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        let (engine, list) = (&office.engine, ListNo(0));

        let sealed = office.snapshot().await;
        let now = office.now(&cycle).await;
        let told = refused(engine.submit(&now, list, "tu", &key("tu")).await, "A103");
        names(&told, &["list 0 of cycle 2026-10", "chitra submit 2026-10 --list 0 --as OFFICER"]);
        refused(engine.submit(&now, list, APPROVERS[0], &key(APPROVERS[0])).await, "A103");
        refused(engine.submit(&now, list, MAKER, &key("tu")).await, "A104");
        refused(engine.submit(&now, list, "nobody", &key("nobody")).await, "A102");
        let told = refused(engine.submit(&now, ListNo(7), MAKER, &key(MAKER)).await, "A112");
        names(&told, &["list 7", "chitra cycle status 2026-10", "chitra reissue 2026-10"]);
        refused(engine.approve(&now, list, "minh", &key("minh")).await, "A109");
        refused(engine.release(&now, list, "minh", &key("minh")).await, "A109");
        assert_eq!(office.snapshot().await, sealed);

        engine.submit(&now, list, MAKER, &key(MAKER)).await.unwrap();
        let submitted = office.snapshot().await;
        let now = office.now(&cycle).await;
        let told = refused(engine.submit(&now, list, MAKER, &key(MAKER)).await, "A108");
        let approving = "chitra approve 2026-10 --list 0 --as OFFICER";
        names(&told, &["list 0 of cycle 2026-10", approving]);
        let told = refused(engine.approve(&now, list, MAKER, &key(MAKER)).await, "A103");
        names(&told, &["a registered approver", approving]);
        refused(engine.approve(&now, list, "tu", &key("tu")).await, "A103");
        refused(engine.approve(&now, list, "minh", &key("hoa")).await, "A104");
        let told = refused(engine.release(&now, list, "minh", &key("minh")).await, "A107");
        names(&told, &["list 0 of cycle 2026-10", "0 of 2 approvals", approving]);
        assert_eq!(office.snapshot().await, submitted);

        engine.approve(&now, list, "minh", &key("minh")).await.unwrap();
        let half = office.snapshot().await;
        refused(engine.approve(&now, list, "minh", &key("minh")).await, "A108");
        refused(engine.release(&now, list, "minh", &key("minh")).await, "A107");
        assert!(engine.dispatch(None).await.unwrap().is_empty());
        assert_eq!(office.snapshot().await, half);

        engine.approve(&now, list, "hoa", &key("hoa")).await.unwrap();
        let approved = office.snapshot().await;
        let now = office.now(&cycle).await;
        refused(engine.release(&now, list, "tu", &key("tu")).await, "A111");
        refused(engine.release(&now, list, MAKER, &key(MAKER)).await, "A111");
        assert_eq!(office.snapshot().await, approved);
        engine.release(&now, list, "thu", &key("thu")).await.unwrap();
        office.ends_whole().await;
    });
}

#[test]
fn a_signature_that_was_written_into_the_database_releases_nothing() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        office.approved(&cycle, 0).await;
        let forged = "update signature set signature = (select signature from signature where officer = 'minh')
             where officer = 'hoa'";
        assert_eq!(office.tamper(forged, vec![]).await, 1);
        let before = office.snapshot().await;
        let now = office.now(&cycle).await;
        refused(office.engine.release(&now, ListNo(0), "minh", &key("minh")).await, "A104");
        assert_eq!(office.snapshot().await, before);
        assert!(office.engine.dispatch(None).await.unwrap().is_empty());
        office.ends_tampered_with("V212").await;
    });
}

#[test]
fn a_list_that_was_changed_in_the_database_releases_nothing() {
    // What was changed by hand and stays, because the month that was given up keeps it, is told at the end.
    let changes: &[(&'static str, Option<&str>)] = &[
        ("update batch set total_minor = total_minor + 1", None),
        ("update batch set provider = 'wallet'", None),
        ("update batch set value_date = '2026-12-31'", None),
        ("update batch set sha256 = (select sha256 from import where kind = 'roster')", None),
        ("update payable set channel = 'cash'", None),
        ("update chunk set sha256 = 'x' where kind = 'payout'", None),
        ("update cycle set value_date = '2026-12-31'", Some("V207")),
        ("update cycle set manifest = '{}'", None),
    ];
    for (sql, stays) in changes {
        on_sqlite(|office| async move {
            office.month("2026-10", &[AN]).await;
            let cycle = office.sealed("2026-10", Regular).await;
            office.approved(&cycle, 0).await;
            assert_eq!(office.tamper(sql, vec![]).await, 1, "{sql}");
            let now = office.now(&cycle).await;
            refused(office.engine.release(&now, ListNo(0), "minh", &key("minh")).await, "A113");
            assert_eq!(office.now(&cycle).await.state, CycleState::Sealed, "{sql}");
            let signatures = office.engine.store.signatures(cycle.number).await.unwrap();
            assert!(signatures.iter().all(|one| one.voided_at.is_some()), "{sql}");
            // It stays refused; the way on is a new list.
            let now = office.now(&cycle).await;
            refused(office.engine.submit(&now, ListNo(0), MAKER, &key(MAKER)).await, "A113");
            let now = office.now(&cycle).await;
            office
                .engine
                .cycle_cancel(&now, "changed by a stranger", MAKER, &key(MAKER))
                .await
                .unwrap();
            let second = office.sealed("2026-10", Regular).await;
            office.sent(&second, 0).await;
            match stays {
                None => office.ends_whole().await,
                Some(code) => office.ends_tampered_with(code).await,
            }
        });
    }
}

#[test]
fn a_file_that_was_changed_after_release_does_not_leave() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        office.released(&cycle, 0).await;
        let batch = office.engine.store.batches(cycle.number).await.unwrap().remove(0);
        let sha256 = batch.sha256.clone().unwrap();
        let archived = archived_file(&office.dir.join("archive"), &sha256);
        let whole = std::fs::read(&archived).unwrap();
        let mut edited = whole.clone();
        *edited.last_mut().unwrap() ^= 1;
        std::fs::write(&archived, &edited).unwrap();
        let more = "update instruction set amount_minor = amount_minor + 1";
        assert_eq!(office.tamper(more, vec![]).await, 1);
        let before = office.snapshot().await;
        let told = office.engine.dispatch(None).await.unwrap().remove(0);
        assert_eq!(told.state, BatchState::Released);
        assert!(told.detail.contains("A115") && told.detail.contains("backup"), "{}", told.detail);
        assert_eq!(office.snapshot().await, before, "no attempt is recorded, nothing left");

        std::fs::write(&archived, &whole).unwrap();
        let less = "update instruction set amount_minor = amount_minor - 1";
        assert_eq!(office.tamper(less, vec![]).await, 1);
        office.engine.dispatch(None).await.unwrap();
        let sent = office.dir.join("sheetbank/inbox").join(&batch.file_name);
        let sent = std::fs::read(sent).unwrap();
        assert_eq!(chitra::domain::digest::Digest::of(&sent).to_string(), sha256);
        office.ends_whole().await;
    });
}

/// An officer has one role; who changes it in the database makes nobody approve what he made.
#[test]
fn the_maker_does_not_approve_under_another_role() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        office.engine.submit(&cycle, ListNo(0), MAKER, &key(MAKER)).await.unwrap();
        let promoted = "update officer set role = 'approver' where name = 'lan'";
        assert_eq!(office.tamper(promoted, vec![]).await, 1);
        let before = office.snapshot().await;
        let now = office.now(&cycle).await;
        refused(office.engine.approve(&now, ListNo(0), MAKER, &key(MAKER)).await, "A106");
        assert_eq!(office.snapshot().await, before);
        office.ends_tampered_with("V207").await;
    });
}

// --- Cycles ---------------------------------------------------------------------------------------

#[test]
fn a_cycle_is_opened_over_a_register_and_then_a_roster() {
    on_sqlite(|office| async move {
        let engine = &office.engine;
        refused(engine.cycle_open(opening("2026-10", Regular), &key(MAKER)).await, "C105");
        let register = office.written("identity.csv", register_of(&[AN, BINH]).as_bytes());
        engine.identity_import(&register, period("2026-10"), MAKER, &key(MAKER)).await.unwrap();
        let told =
            refused(engine.cycle_open(opening("2026-10", Regular), &key(MAKER)).await, "C105");
        assert!(told.contains("roster"), "{told}");
        office.month("2026-11", &[AN]).await;
        refused(engine.cycle_open(opening("2026-10", Regular), &key(MAKER)).await, "C105");
        assert!(engine.store.cycles().await.unwrap().is_empty());
        let report = office.month("2026-10", &[AN, BINH]).await;
        assert_eq!(report.import.refused, 0);
        let cycle = office.sealed("2026-10", Regular).await;
        refused(engine.cycle_open(opening("2026-10", Regular), &key(MAKER)).await, "C102");
        office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
        office.ends_whole().await;
    });
}

#[test]
fn what_does_not_balance_is_not_sealed() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN, BINH]).await;
        let cycle = office.opened("2026-10", Regular).await;
        let cycle = office.computed(&cycle).await;
        let one = office.payable(&cycle, "E1").await.number.number();
        let more = "update payable set amount_minor = amount_minor + 1 where payable_no = $1";
        assert_eq!(office.tamper(more, vec![one.into()]).await, 1);
        refused(office.engine.seal(&cycle).await, "C120");
        assert_eq!(office.now(&cycle).await.state, CycleState::Computed);
        assert!(office.engine.store.lists(cycle.number).await.unwrap().is_empty());

        // Computed again, it seals: with a manifest of that day, not of the day that was refused.
        office.on_day("2026-09-22");
        let cycle = office.engine.recompute(&office.now(&cycle).await).await.unwrap();
        let cycle = office.computed(&cycle).await;
        let cycle = office.engine.seal(&office.now(&cycle).await).await.unwrap();
        assert_eq!(cycle.sealed_at.as_deref(), Some("2026-09-22T09:00:00+07:00"));
        assert!(cycle.manifest.as_ref().unwrap().contains("2026-09-22T09:00:00"));
        office.check(&cycle, "entitled 2", "pending 2 = 1000000").await;
        office.ends_whole().await;
    });
}

#[test]
fn what_does_not_balance_or_is_pending_is_not_closed() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        let before = office.snapshot().await;
        refused(office.engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await, "C100");
        refused(office.engine.reissue(&office.now(&cycle).await).await, "C130");
        refused(office.engine.recompute(&office.now(&cycle).await).await, "C100");
        assert_eq!(office.snapshot().await, before);
        office.released(&cycle, 0).await;
        refused(office.engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await, "C100");
        let released = office.now(&cycle).await;
        refused(
            office.engine.cycle_cancel(&released, "too late", MAKER, &key(MAKER)).await,
            "C100",
        );
        office.engine.dispatch(None).await.unwrap();
        let before = office.snapshot().await;
        let told = refused(
            office.engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await,
            "C140",
        );
        names(&told, &["1 payables", "chitra collect", "chitra unknown list 2026-10"]);
        assert_eq!(office.snapshot().await, before);

        let paid = office.said(&cycle, "E1", 1, "Thành công", "").await;
        office.sheet(&[paid]).await.unwrap();
        let one = office.payable(&cycle, "E1").await.number.number();
        let more = "update payable set amount_minor = amount_minor + 1 where payable_no = $1";
        office.tamper(more, vec![one.into()]).await;
        let before = office.snapshot().await;
        let closing = office.engine.close(&office.now(&cycle).await, MAKER, &key(MAKER)).await;
        names(&refused(closing, "C140"), &["is not", "chitra audit verify"]);
        assert_eq!(office.snapshot().await, before);
        let less = "update payable set amount_minor = amount_minor - 1 where payable_no = $1";
        office.tamper(less, vec![one.into()]).await;
        office.closed(&cycle).await;
        let closed = office.now(&cycle).await;
        refused(office.engine.close(&closed, MAKER, &key(MAKER)).await, "C100");
        refused(office.engine.reissue(&closed).await, "C130");
        office.ends_whole().await;
    });
}
