//! What is done in an officer's name: only by who is registered, may do it and holds the key; and what
//! takes two persons takes two.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use chitra::domain::cycle::CycleKind::{Regular, Supplementary};
use chitra::domain::cycle::CycleState;
use chitra::domain::digest::Digest;
use chitra::domain::exception::Decision;
use chitra::domain::ids::ListNo;
use chitra::domain::list::Role;
use chitra::domain::signature::{OfficerPublicKey, OfficerSignature, Purpose};
use chitra::engine::EngineError;
use chitra::engine::hold::{Counts, Deciding};
use chitra::engine::office as office_room;
use serde_json::Value;

use crate::support::office::{
    APPROVERS, Base, MAKER, TestOffice, deciding, key, on_both_databases, opening, period, run,
};
use crate::support::real_parts::RealPart;

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
/// The same person, enrolled once more in the same benefit.
const BINH_AGAIN: &str = "E3 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const DAY: &str = "2026-09-20";

on_both_databases! { run, RealPart::Postgres;
    a_hold_that_takes_two_persons_takes_two
    a_proposal_that_is_taken_back_cannot_be_confirmed
    who_has_ended_signs_no_more_and_what_was_released_stays
}

fn on_sqlite<F: Future<Output = ()>>(story: impl FnOnce(TestOffice) -> F) {
    run(Base::Sqlite, |office| {
        office.on_day(DAY);
        story(office)
    });
}

/// The result is a refusal with this code.
#[track_caller]
fn refused<T>(result: Result<T, EngineError>, code: &str) -> String {
    let error = result.err().unwrap_or_else(|| panic!("{code} was expected, and it went through"));
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

#[test]
fn a_key_that_others_can_read_signs_nothing() {
    on_sqlite(|office| async move {
        let path = office_room::officer_key_path(&office.dir, MAKER);
        office.hand_over_key(MAKER);
        assert!(office_room::read_officer_key(&path).is_ok());
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            refused(office_room::read_officer_key(&path), "G134");
        }
        // The office's own key may be read by a group that only reads, and by nobody else.
        let key = office.dir.join("keys/office.key");
        for (mode, opens) in [(0o640, true), (0o660, false), (0o644, false)] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
            let mut asked = std::process::Command::new(env!("CARGO_BIN_EXE_chitra"));
            let told =
                asked.arg("--office").arg(&office.dir).args(["cycle", "list"]).output().unwrap();
            let said = String::from_utf8_lossy(&told.stderr);
            assert_eq!(told.status.success(), opens, "{mode:o}: {said}");
            assert!(opens || said.contains("G134"), "{mode:o}: {said}");
        }
    });
}

/// The entries of the log with this event.
async fn logged(office: &TestOffice, event: &str) -> Vec<Value> {
    office.engine.sequence().await.unwrap();
    let leaves = office.engine.store.leaves(0, 10_000).await.unwrap();
    let parsed = leaves.iter().map(|leaf| serde_json::from_slice::<Value>(leaf).unwrap());
    parsed.filter(|leaf| leaf["event"] == event).collect()
}

async fn held(office: &TestOffice, month: &str) -> String {
    let cycle = office.engine.cycle_find(month).await.unwrap();
    let (_, held) = office.engine.holds(&cycle, None, 10).await.unwrap();
    let [one] = held.as_slice() else { panic!("one thing is held: {held:?}") };
    one.name()
}

async fn a_hold_that_takes_two_persons_takes_two(office: TestOffice) {
    office.on_day(DAY);
    office.enrol("binh", Role::Officer).await;
    office.month("2026-10", &[AN, BINH, BINH_AGAIN]).await;
    let cycle = office.opened("2026-10", Regular).await;
    office.computed(&cycle).await;
    office.check(&cycle, "held 1, entitled 2", "pending 2 = 1000000").await;
    let now = office.now(&cycle).await;
    let hold = held(&office, "2026-10").await;
    let engine = &office.engine;
    let waits = async || {
        let (_, held) = engine.holds(&now, Some("H120"), 10).await.unwrap();
        held[0].decided.as_ref().is_some_and(|one| one.waits_for_another())
    };

    refused(engine.hold_confirm(&now, &hold, "minh", &key("minh")).await, "H905");
    let release = || deciding(Decision::Release);
    let unsaid = Deciding { reason: " ".to_owned(), ..release() };
    refused(engine.hold_decide(&now, &hold, unsaid, MAKER, &key(MAKER)).await, "H907");
    refused(engine.hold_decide(&now, &hold, release(), "minh", &key("hoa")).await, "A104");
    assert!(!waits().await);
    // An approver proposes; who makes lists cannot confirm, nor can the same person, nor another's key.
    let done = engine.hold_decide(&now, &hold, release(), "minh", &key("minh")).await.unwrap();
    assert!(done.resolution.waits_for_another() && waits().await);
    let told =
        refused(engine.hold_decide(&now, &hold, release(), MAKER, &key(MAKER)).await, "H904");
    assert!(told.contains("minh") && told.contains("chitra hold confirm 2026-10"), "{told}");
    refused(engine.hold_confirm(&now, &hold, "minh", &key("minh")).await, "H906");
    refused(engine.hold_confirm(&now, &hold, "hoa", &key("minh")).await, "A104");
    refused(engine.hold_confirm(&now, &hold, "binh", &key("binh")).await, "A111");
    refused(engine.hold_confirm(&now, "9-9", "hoa", &key("hoa")).await, "H902");

    // Between the two it is in force: computing anew holds the row still.
    let again = engine.recompute(&now).await.unwrap();
    let again = office.computed(&again).await;
    office.check(&cycle, "held 1, entitled 2", "pending 2 = 1000000").await;
    assert!(waits().await);

    let done = engine.hold_confirm(&again, &hold, "hoa", &key("hoa")).await.unwrap();
    assert_eq!(done.counts, Counts::WhenRecomputed);
    assert_eq!(done.resolution.confirmed_by.as_deref(), Some("hoa"));
    refused(engine.hold_confirm(&again, &hold, "hoa", &key("hoa")).await, "H905");
    let again = engine.recompute(&office.now(&cycle).await).await.unwrap();
    office.computed(&again).await;
    office.check(&cycle, "entitled 3", "pending 2 = 1500000").await;

    let (first, second) = (
        logged(&office, "hold_release_proposed").await,
        logged(&office, "hold_release_confirmed").await,
    );
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!((&first[0]["officer"], &second[0]["officer"]), (&"minh".into(), &"hoa".into()));
    assert_eq!(first[0]["reason"], second[0]["reason"]);
    office.ends_whole().await;
}

async fn a_proposal_that_is_taken_back_cannot_be_confirmed(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[BINH, BINH_AGAIN]).await;
    let cycle = office.opened("2026-10", Regular).await;
    let cycle = office.computed(&cycle).await;
    let hold = held(&office, "2026-10").await;
    let engine = &office.engine;
    let decide = async |decision| {
        let said = deciding(decision);
        engine.hold_decide(&cycle, &hold, said, MAKER, &key(MAKER)).await.unwrap()
    };
    decide(Decision::Release).await;
    decide(Decision::Keep).await;
    refused(engine.hold_confirm(&cycle, &hold, "hoa", &key("hoa")).await, "H905");
    // A release that counts is taken back by one person: keeping is the safe side.
    decide(Decision::Release).await;
    engine.hold_confirm(&cycle, &hold, "hoa", &key("hoa")).await.unwrap();
    assert_eq!(engine.store.resolutions(period("2026-10")).await.unwrap().len(), 1);
    decide(Decision::Keep).await;
    let in_force = engine.store.resolutions(period("2026-10")).await.unwrap();
    let decisions: Vec<Decision> = in_force.iter().map(|one| one.decision).collect();
    assert_eq!(decisions, [Decision::Keep]);
    office.ends_whole().await;
}

/// The database refuses what a careless engine would write.
#[test]
fn one_person_is_not_two_for_the_database_either() {
    on_sqlite(|office| async move {
        office.month("2026-10", &[BINH, BINH_AGAIN]).await;
        let cycle = office.opened("2026-10", Regular).await;
        let cycle = office.computed(&cycle).await;
        let hold = held(&office, "2026-10").await;
        let said = deciding(Decision::Release);
        let proposed =
            office.engine.hold_decide(&cycle, &hold, said, "hoa", &key("hoa")).await.unwrap();
        let mut changes = chitra::store::Changes::new();
        changes.resolution_confirmed(proposed.resolution.number, "hoa", "2026-09-20");
        office.engine.store.commit(changes).await.unwrap_err();
        office.ends_whole().await;
    });
}

#[test]
fn a_hold_of_a_sealed_list_says_with_which_list_it_is_paid() {
    on_sqlite(|office| async move {
        let other_name = format!("{BINH} | register.full_name=Đặng Quốc Khánh");
        office.month("2026-10", &[AN, &other_name]).await;
        let cycle = office.paid_out("2026-10", Regular).await;
        office.check(&cycle, "held 1, entitled 1", "pending 1 = 500000").await;
        let hold = held(&office, "2026-10").await;
        let said = deciding(Decision::Release);
        let engine = &office.engine;
        let done = engine.hold_decide(&cycle, &hold, said, MAKER, &key(MAKER)).await.unwrap();
        assert_eq!(done.counts, Counts::WithNextList);
        assert!(engine.reissue(&cycle).await.unwrap().list.is_none());

        // It is as it was said: a supplementary list of the month pays exactly this row.
        let more = office.sealed("2026-10", Supplementary).await;
        office.check(&more, "entitled 2", "pending 1 = 500000").await;
        office.ends_whole().await;
    });
}

#[test]
fn a_name_without_the_key_or_the_role_changes_nothing() {
    on_sqlite(|office| async move {
        office.enrol("tu", Role::Viewer).await;
        office.enrol("thu", Role::Operator).await;
        let other_name = format!("{BINH} | register.full_name=Đặng Quốc Khánh");
        office.month("2026-10", &[AN, &other_name]).await;
        let engine = &office.engine;
        let by = |name: &str| {
            let mut opening = opening("2026-10", Regular);
            opening.by = name.to_owned();
            opening
        };
        let before = office.snapshot().await;
        refused(engine.cycle_open(by("nobody"), &key("nobody")).await, "A102");
        refused(engine.cycle_open(by("tu"), &key("tu")).await, "A111");
        refused(engine.cycle_open(by(MAKER), &key("tu")).await, "A104");
        assert_eq!(office.snapshot().await, before);

        let cycle = office.sealed("2026-10", Regular).await;
        let now = office.now(&cycle).await;
        let hold = held(&office, "2026-10").await;
        let sealed = office.snapshot().await;
        for (name, signed, code) in
            [("nobody", "nobody", "A102"), ("tu", "tu", "A111"), (MAKER, "tu", "A104")]
        {
            let key = key(signed);
            refused(engine.cycle_cancel(&now, "no reason", name, &key).await, code);
            refused(engine.close(&now, name, &key).await, code);
            let said = deciding(Decision::Release);
            refused(engine.hold_decide(&now, &hold, said, name, &key).await, code);
            refused(engine.discrepancy_resolve(1, "seen", name, &key).await, code);
        }
        refused(engine.halt_lift(1, MAKER, &key(MAKER)).await, "A111");
        refused(engine.halt_lift(1, "minh", &key(MAKER)).await, "A104");
        let told = refused(engine.halt_lift(1, "minh", &key("minh")).await, "D101");
        assert!(told.contains("chitra halt list"), "{told}");
        assert_eq!(office.snapshot().await, sealed);

        office.approved(&cycle, 0).await;
        let now = office.now(&cycle).await;
        refused(engine.release(&now, ListNo(0), "minh", &key("hoa")).await, "A104");
        refused(engine.release(&now, ListNo(0), MAKER, &key(MAKER)).await, "A111");
        engine.release(&now, ListNo(0), "thu", &key("thu")).await.unwrap();
        office.ends_whole().await;
    });
}

/// Who did what is proved from the log alone, and what officers wrote as reasons is not in it, nor in
/// the database in the clear.
#[test]
fn acts_are_signed_in_the_log_and_reasons_are_sealed() {
    on_sqlite(|office| async move {
        let other_name = format!("{BINH} | register.full_name=Đặng Quốc Khánh");
        office.month("2026-10", &[AN, &other_name]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        let engine = &office.engine;
        let hold = held(&office, "2026-10").await;
        let now = office.now(&cycle).await;
        let said = deciding(Decision::Release);
        let reason = said.reason.clone();
        let decided = engine.hold_decide(&now, &hold, said, MAKER, &key(MAKER)).await.unwrap();
        let opened = engine.keys.opened_reason(
            &format!("resolution {}", decided.resolution.number),
            &decided.resolution.reason,
        );
        assert_eq!(opened.unwrap(), reason);
        engine.cycle_cancel(&now, &reason, APPROVERS[0], &key(APPROVERS[0])).await.unwrap();

        for (event, officer) in
            [("cycle_opened", MAKER), ("hold_resolved", MAKER), ("cycle_cancelled", APPROVERS[0])]
        {
            let [mut leaf] = logged(&office, event).await.try_into().unwrap();
            assert_eq!(leaf["officer"], officer);
            let signature = leaf.as_object_mut().unwrap().remove("signature").unwrap();
            let digits = signature.as_str().unwrap();
            let bytes: Vec<u8> = (0..64)
                .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap())
                .collect();
            let signature = OfficerSignature::from_bytes(bytes.try_into().unwrap());
            let unsigned = chitra::audit::leaf::canonical_json(&leaf).unwrap();
            let [registered] = logged(&office, "officer_enrolled")
                .await
                .into_iter()
                .filter(|one| one["officer"] == officer)
                .collect::<Vec<_>>()
                .try_into()
                .unwrap();
            OfficerPublicKey::parse(registered["public_key"].as_str().unwrap())
                .unwrap()
                .verify(Purpose::OfficerAct, &Digest::of(&unsigned), &signature)
                .unwrap();
        }
        let clear = reason.as_bytes();
        let found = |bytes: &[u8]| bytes.windows(clear.len()).any(|part| part == clear);
        for leaf in engine.store.leaves(0, 10_000).await.unwrap() {
            assert!(!found(&leaf), "{}", String::from_utf8_lossy(&leaf));
        }
        for file in ["office.db", "office.db-wal"] {
            let bytes = std::fs::read(office.dir.join(file)).unwrap_or_default();
            assert!(!found(&bytes), "a reason stands in {file} in the clear");
        }
        office.ends_whole().await;
    });
}

#[test]
fn a_name_that_the_log_would_refuse_is_refused_when_it_comes_in() {
    on_sqlite(|office| async move {
        let public = key("new").public().to_string();
        let before = office.engine.store.officers().await.unwrap();
        for name in ["", "Thi Lan", "nguyễn", "lan-079123456789", "../lan", "-lan"] {
            let enrolled = office.engine.officer_enrol(name, Role::Officer, &public).await;
            refused(enrolled, "G120");
        }
        assert_eq!(office.engine.store.officers().await.unwrap(), before);
        office.ends_whole().await;
    });
}

/// Each wrong line is refused when the configuration is read, before anything is made.
#[test]
fn a_configuration_that_would_fail_late_is_refused_early() {
    on_sqlite(|office| async move {
        let text = office.engine.config.text.clone();
        let swap = |key: &str, to: &str| {
            let old = text.lines().find(|line| line.starts_with(key)).unwrap();
            text.replacen(old, to, 1)
        };
        let folder = tempfile::tempdir().unwrap();
        for (line, code) in [
            ("database = \"my office\"", "G104"),
            ("database = \"sqlite:\"", "G104"),
            ("database = \"sqlite::memory:\"", "G104"),
            ("database = \"postgres://host\"", "G104"),
            ("database = \"mysql://host/office\"", "G104"),
            ("name = \"\"", "G101"),
            ("name = \"two\\nlines\"", "G101"),
        ] {
            let key = line.split_inclusive('=').next().unwrap();
            let dir = folder.path().join("office");
            let wrong = swap(key, line);
            refused(chitra::engine::office::create(&dir, &wrong, [1; 32]), code);
            assert!(!dir.exists(), "{line}");
        }
        for name in ["My Bank", "ngân-hàng", "bank-0711000001", "Bank"] {
            let wrong = text.replace("name = \"sheetbank\"", &format!("name = \"{name}\""));
            let dir = folder.path().join("office");
            refused(chitra::engine::office::create(&dir, &wrong, [1; 32]), "G105");
            assert!(!dir.exists(), "{name}");
        }
        office.ends_whole().await;
    });
}

/// From now on `chitra.toml` asks for so many approvers.
async fn asks_for(office: &mut TestOffice, approvals: &str) {
    let path = office.dir.join(chitra::engine::office::CONFIG);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("approvals = ").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    std::fs::write(&path, format!("{before}approvals = {approvals}\n{after}")).unwrap();
    office.reopen().await;
}

#[test]
fn fewer_approvers_than_were_sealed_do_not_count() {
    on_sqlite(async |mut office| {
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        let sealed = &logged(&office, "list_sealed").await[0];
        assert_eq!(sealed["approvals"], 2);
        asks_for(&mut office, "1").await;
        let now = office.now(&cycle).await;
        let [first, second] = APPROVERS;
        office.engine.submit(&now, ListNo(0), MAKER, &key(MAKER)).await.unwrap();
        let now = office.now(&cycle).await;
        let told =
            refused(office.engine.release(&now, ListNo(0), first, &key(first)).await, "A107");
        assert!(told.contains("0 of 2 approvals"), "{told}");
        let list = office.engine.approve(&now, ListNo(0), first, &key(first)).await.unwrap();
        assert_eq!(list.state.to_string(), "submitted");
        let told =
            refused(office.engine.release(&now, ListNo(0), first, &key(first)).await, "A107");
        assert!(told.contains("1 of 2 approvals"), "{told}");
        let list = office.engine.approve(&now, ListNo(0), second, &key(second)).await.unwrap();
        assert_eq!(list.state.to_string(), "approved");

        // More count at once, also for a list that had enough before.
        asks_for(&mut office, "3").await;
        office.enrol("bich", Role::Approver).await;
        let now = office.now(&cycle).await;
        let told =
            refused(office.engine.release(&now, ListNo(0), first, &key(first)).await, "A107");
        assert!(told.contains("2 of 3 approvals"), "{told}");
        office.engine.approve(&now, ListNo(0), "bich", &key("bich")).await.unwrap();
        office.engine.release(&now, ListNo(0), first, &key(first)).await.unwrap();
        asks_for(&mut office, "2").await;
        office.ends_whole().await;
    });
}

#[test]
fn a_list_that_was_released_with_fewer_approvers_is_told() {
    on_sqlite(async |office| {
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        office.released(&cycle, 0).await;
        let one_less = "delete from signature where officer = $1 and act = 'approve'";
        assert_eq!(office.tamper(one_less, vec![APPROVERS[1].into()]).await, 1);
        office.ends_tampered_with("V310").await;
    });
}

#[test]
fn two_officers_do_not_share_a_key() {
    on_sqlite(async |office| {
        let public = key(MAKER).public().to_string();
        let enrolled = office.engine.officer_enrol("nga", Role::Approver, &public).await;
        let told = refused(enrolled, "A118");
        assert!(told.contains(&format!("is that of `{MAKER}`")), "{told}");
        office.ends_whole().await;
    });
}

async fn who_has_ended_signs_no_more_and_what_was_released_stays(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.month("2026-11", &[AN, BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    office.approved(&november, 0).await;

    let (engine, [minh, hoa]) = (&office.engine, APPROVERS);
    refused(engine.officer_end("nga", MAKER, &key(MAKER)).await, "A102");
    refused(engine.officer_end(minh, MAKER, &key(hoa)).await, "A104");
    let ended = engine.officer_end(minh, MAKER, &key(MAKER)).await.unwrap();
    assert_eq!(ended.signed_anew, [("2026-11".to_owned(), ListNo(0))]);
    refused(engine.officer_end(minh, MAKER, &key(MAKER)).await, "A119");

    // Neither the name nor the key comes back.
    let another = key("another").public().to_string();
    refused(engine.officer_enrol(minh, Role::Approver, &another).await, "G121");
    let same = key(minh).public().to_string();
    refused(engine.officer_enrol("nga", Role::Approver, &same).await, "A118");

    // What he approved and is not released is signed anew, without him.
    let now = office.now(&november).await;
    assert_eq!(now.state, CycleState::Sealed);
    refused(engine.release(&now, ListNo(0), hoa, &key(hoa)).await, "A109");
    engine.submit(&now, ListNo(0), MAKER, &key(MAKER)).await.unwrap();
    let now = office.now(&november).await;
    refused(engine.approve(&now, ListNo(0), minh, &key(minh)).await, "A119");
    engine.approve(&now, ListNo(0), hoa, &key(hoa)).await.unwrap();
    let now = office.now(&november).await;
    refused(engine.release(&now, ListNo(0), hoa, &key(hoa)).await, "A107");
    office.enrol("nga", Role::Approver).await;
    engine.approve(&now, ListNo(0), "nga", &key("nga")).await.unwrap();
    let now = office.now(&november).await;
    refused(engine.release(&now, ListNo(0), minh, &key(minh)).await, "A119");
    engine.release(&now, ListNo(0), hoa, &key(hoa)).await.unwrap();
    assert_eq!(engine.dispatch(Some(november.number)).await.unwrap().len(), 2);

    // What he released before stays proved.
    let told = logged(&office, "officer_ended").await;
    assert_eq!((&told[0]["ended"], &told[0]["officer"]), (&minh.into(), &MAKER.into()));
    assert!(engine.figures(&office.now(&october).await).await.unwrap().balanced());
    office.ends_whole().await;
}

#[test]
fn an_officer_who_is_brought_back_by_hand_is_told() {
    on_sqlite(async |office| {
        let [minh, hoa] = APPROVERS;
        office.engine.officer_end(minh, hoa, &key(hoa)).await.unwrap();
        let back = "update officer set ended_at = null where name = $1";
        assert_eq!(office.tamper(back, vec![minh.into()]).await, 1);
        // And what is done in that name is no act of his.
        office.month("2026-10", &[AN]).await;
        let cycle = office.sealed("2026-10", Regular).await;
        office.approved(&cycle, 0).await;
        let now = office.now(&cycle).await;
        office.engine.release(&now, ListNo(0), minh, &key(minh)).await.unwrap();
        office.engine.sequence().await.unwrap();
        let error = office.engine.audit_verify().await.expect_err("it is told");
        assert!(
            error.to_string().contains("is not signed by the officer whom it names"),
            "{error}"
        );
    });
}
