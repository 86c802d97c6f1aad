//! A month in which two officers ask payments back of a bank that has books of its own.

use std::path::Path;
use std::sync::Arc;

use chitra::channels::sandbox::{
    Behaviour, BehaviourMix, ProviderKind, RecallBehaviour, RecallMix, Sandbox, SandboxConfig,
    SandboxProvider, Script,
};
use chitra::disk::RealDisk;
use chitra::domain::payable::PayableState;
use chitra::domain::period::parse_date;

use super::*;

const BANK: &str = "isobank";
/// The sandbox's bank debits us in the moment in which it credits the payee, and says nothing of the credit alone.
const TERMS: &str =
    "debit_is_proof = true\nrecalls = { format = \"iso20022-camt055-09\", answer_days = 10 }";

/// Who is asked for, each at an account that behaves in one way; the last is not asked for.
const ASKED: [(&str, Behaviour, RecallBehaviour); 10] = [
    ("Nguyễn Văn An", Behaviour::Pay, RecallBehaviour::Agree),
    ("Trần Văn Bình", Behaviour::Pay, RecallBehaviour::Agree),
    ("Lê Văn Châu", Behaviour::Pay, RecallBehaviour::AgreeLater),
    ("Phạm Văn Dũng", Behaviour::Pay, RecallBehaviour::AgreeTwice),
    ("Hoàng Văn Giang", Behaviour::Pay, RecallBehaviour::Refuse),
    ("Phan Văn Hải", Behaviour::Pay, RecallBehaviour::PendThenAgree),
    ("Vũ Văn Khôi", Behaviour::Pay, RecallBehaviour::PendThenRefuse),
    ("Đặng Văn Long", Behaviour::Pay, RecallBehaviour::Ignore),
    ("Bùi Văn Minh", Behaviour::ReturnDeceased, RecallBehaviour::Agree),
    ("Đỗ Văn Nam", Behaviour::Pay, RecallBehaviour::Agree),
];

/// A bank of this mix in the folders in which the office's bank is.
fn bank(dir: &Path, answers_groups: bool) -> Sandbox {
    let config = SandboxConfig {
        seed: 7,
        providers: vec![SandboxProvider { name: BANK.to_owned(), kind: ProviderKind::Bank }],
        mix: BehaviourMix { return_deceased: 200, ..BehaviourMix::ALL_PAY },
        script: Script {
            recalls: RecallMix {
                agree_later: 140,
                agree_twice: 140,
                refuse: 140,
                pend_then_agree: 140,
                pend_then_refuse: 140,
                ignore: 140,
            },
            answers_groups,
            ..Script::default()
        },
    };
    Sandbox::create(Arc::new(RealDisk), dir, &config).unwrap()
}

/// Rows of the roster, each at an account that behaves as is wanted.
fn rows(bank: &Sandbox) -> Vec<String> {
    let mut accounts = 711_000_001..711_010_000;
    let mut row = |(at, (name, behaviour, recall)): (
        usize,
        &(&str, Behaviour, RecallBehaviour),
    )| {
        let fits = |account: &String| {
            bank.behaviour(BANK, account) == *behaviour
                && bank.recall_behaviour(BANK, account) == *recall
        };
        let account = accounts.by_ref().map(|number| format!("0{number}")).find(fits);
        let account = account.expect("one of ten thousand accounts behaves so");
        format!(
            "E{n} | 0010440001{n:02} | {name} | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970436 {account}",
            n = at + 1
        )
    };
    ASKED.iter().enumerate().map(&mut row).collect()
}

/// Lives through a day: files leave, the bank works, its answers are taken in.
async fn lives(office: &TestOffice, bank: &Sandbox, day: &str) {
    office.on_day(day);
    office.engine.dispatch(None).await.unwrap();
    bank.tick(parse_date(day).unwrap()).unwrap();
    for taken in office.engine.collect_all().await.unwrap() {
        if let Err((name, error)) = taken {
            panic!("{day}: {name}: {error}");
        }
    }
}

/// What our books say is paid is what the bank says its customers have, order by order.
async fn agrees(office: &TestOffice, bank: &Sandbox, cycle: &Cycle) {
    let mut kept: Vec<(String, i64)> = bank
        .credits()
        .unwrap()
        .into_iter()
        .filter(|credit| credit.returned_on.is_none())
        .map(|credit| (credit.end_to_end_id, credit.amount_minor))
        .collect();
    let mut paid = Vec::new();
    for (at, _) in ASKED.iter().enumerate() {
        let enrolment = format!("E{}", at + 1);
        let payable = office.payable(cycle, &enrolment).await;
        if payable.state == PayableState::Paid {
            let said = office.said(cycle, &enrolment, 1, "", "").await;
            paid.push((said.reference, payable.amount_minor));
        }
    }
    kept.sort();
    paid.sort();
    assert_eq!(kept, paid);
    let totals = bank.totals().unwrap();
    assert!(totals.credited_again.is_empty() && totals.content_again.is_empty(), "{totals:?}");
    assert!(totals.refused_files.is_empty(), "{totals:?}");
}

pub(super) async fn a_month_in_which_the_bank_answers_in_every_way(mut office: TestOffice) {
    agreed(&mut office, TERMS).await;
    let bank = bank(&office.dir, false);
    office.on_day("2026-10-01");
    let rows = rows(&bank);
    office.month("2026-10", &rows.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    // Seen on the day itself: it is stopped before it is booked.
    asked_back(&office, &cycle, "E1").await;
    lives(&office, &bank, "2026-10-01").await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    assert_eq!(office.attempts(&cycle, "E1").await, "1 cancelled");
    lives(&office, &bank, "2026-10-02").await;
    office.check(&cycle, "entitled 10", "paid 9 = 4500000, rejected 1 = 500000").await;
    for enrolment in ["E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9"] {
        made(&office, &cycle, enrolment).await;
    }
    lives(&office, &bank, "2026-10-02").await;
    lives(&office, &bank, "2026-10-03").await;
    // What is agreed to and not back is paid, in our books and in those of the bank.
    assert_eq!(
        recalls(&office, &cycle).await,
        [
            "1 DUPL over delivered",
            "2 DUPL over delivered",
            "3 DUPL accepted delivered",
            "4 DUPL over delivered",
            "5 DUPL refused delivered",
            "6 DUPL pending delivered",
            "7 DUPL pending delivered",
            "8 DUPL sent delivered",
            "9 DUPL accepted delivered",
        ]
    );
    assert_eq!(office.attempts(&cycle, "E3").await, "1 settled");
    agrees(&office, &bank, &cycle).await;
    for day in 4..=14 {
        lives(&office, &bank, &format!("2026-10-{day:02}")).await;
        agrees(&office, &bank, &cycle).await;
    }
    assert_eq!(
        recalls(&office, &cycle).await[2..],
        [
            "3 DUPL over delivered",
            "4 DUPL over delivered",
            "5 DUPL refused delivered",
            "6 DUPL over delivered",
            "7 DUPL refused delivered",
            "8 DUPL sent delivered late",
            "9 DUPL over delivered",
        ]
    );
    let look = office.engine.recalls_to_look_at().await.unwrap();
    let told: Vec<_> = look.iter().map(|(_, one)| one.recall.answer_reason.as_deref()).collect();
    assert_eq!(told, [Some("CUST"), Some("NOAS"), None]);
    // What is back is not asked back again.
    refused(proposed(&office, &cycle, "E2", asking("CUST")).await, "D171");
    for enrolment in ["E5", "E7", "E8"] {
        let (now, whom) = (office.now(&cycle).await, whom(&office, &cycle, enrolment).await);
        let reason = "the bank does not give it back";
        office.engine.recall_give_up(&now, whom, reason, MAKER, &key(MAKER)).await.unwrap();
    }
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    office
        .check(&cycle, "entitled 10", "paid 4 = 2000000, rejected 1 = 500000, returned 5 = 2500000")
        .await;
    agrees(&office, &bank, &cycle).await;
    let cycle = office.closed(&cycle).await;
    assert_eq!(
        office.figures(&cycle).await.identities.iter().filter(|one| !one.holds()).count(),
        0
    );
    office.ends_whole().await;
}

/// The bank gives it back by itself, and says to the request that came meanwhile that it is back.
pub(super) async fn what_is_back_by_itself_meanwhile_is_no_contradiction(mut office: TestOffice) {
    agreed(&mut office, TERMS).await;
    let bank = bank(&office.dir, false);
    office.on_day("2026-10-01");
    let rows = rows(&bank);
    office.month("2026-10", &[&rows[8], &rows[9]]).await;
    let cycle = office.paid_out("2026-10", Regular).await;
    lives(&office, &bank, "2026-10-01").await;
    lives(&office, &bank, "2026-10-02").await;
    // The money is back at the bank, and we have not read it yet when the request leaves.
    let back = bank.next_due().unwrap().unwrap().to_string();
    office.on_day(&back);
    made(&office, &cycle, "E9").await;
    lives(&office, &bank, &back).await;
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    let next = bank.next_due().unwrap().unwrap().to_string();
    lives(&office, &bank, &next).await;
    assert_eq!(bank.next_due().unwrap(), None);
    assert_eq!(recalls(&office, &cycle).await, ["1 DUPL over delivered"]);
    assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
    office.check(&cycle, "entitled 2", "paid 1 = 500000, returned 1 = 500000").await;
    office.ends_whole().await;
}

/// Everything of the file is asked back, and the bank says one word for all whom it does not name.
pub(super) async fn the_bank_answers_for_a_whole_file(mut office: TestOffice) {
    for form in ["iso20022-camt055-09", "iso20022-camt056-08"] {
        let path = office.dir.join(office::CONFIG);
        let text = std::fs::read_to_string(&path).unwrap();
        let is_first = !text.contains("debit_is_proof");
        if is_first {
            agreed(&mut office, TERMS).await;
        } else {
            std::fs::write(&path, text.replace("iso20022-camt055-09", form)).unwrap();
            office.reopen().await;
        }
        let bank = bank(&office.dir, true);
        let rows = rows(&bank);
        // Three agree, of whom one takes time to give back, and one refuses; each is told so on the first day.
        let people = [1, 2, 9, 4].map(|at| rows[at].as_str());
        let (month, first) = if is_first { ("2026-10", 1) } else { ("2026-11", 20) };
        office.on_day(&format!("2026-10-{first:02}"));
        office.month(month, &people).await;
        let cycle = office.paid_out(month, Regular).await;
        lives(&office, &bank, &format!("2026-10-{first:02}")).await;
        lives(&office, &bank, &format!("2026-10-{:02}", first + 1)).await;
        let batches = office.engine.store.batches(cycle.number).await.unwrap();
        let file = &batches.iter().find(|one| one.provider == BANK).unwrap().file_name;
        let whom = office.engine.recalled_file(&cycle, file).await.unwrap();
        let (now, by) = (office.now(&cycle).await, APPROVERS[0]);
        let engine = &office.engine;
        engine.recall_propose(&now, whom, asking("TECH"), MAKER, &key(MAKER)).await.unwrap();
        engine.recall_confirm(&now, whom, by, &key(by)).await.unwrap();
        for day in first + 2..first + 10 {
            lives(&office, &bank, &format!("2026-10-{day:02}")).await;
        }
        let taken = std::fs::read_dir(office.dir.join("isobank/outbox")).unwrap();
        let groups = taken
            .filter_map(|one| std::fs::read_to_string(one.unwrap().path()).ok())
            .filter(|text| text.contains("CxlSts>ACCR</PmtInf") || text.contains("<GrpCxlSts>ACCR"))
            .count();
        assert_eq!(groups, if is_first { 1 } else { 2 });
        let mut states = recalls(&office, &cycle).await;
        states.sort_by_key(|one| one[2..].to_owned());
        assert_eq!(
            states.iter().map(|one| &one[2..]).collect::<Vec<_>>(),
            [
                "TECH over delivered",
                "TECH over delivered",
                "TECH over delivered",
                "TECH refused delivered",
            ]
        );
        let kept = bank.credits().unwrap().iter().filter(|one| one.returned_on.is_none()).count();
        let mut paid = 0;
        for (state, part) in &office.figures(&cycle).await.payables {
            if *state == PayableState::Paid {
                paid += part.count;
            }
        }
        assert_eq!((paid, kept), (1, if is_first { 1 } else { 2 }));
        assert!(office.discrepancies().await.is_empty(), "{:?}", office.discrepancies().await);
        office.closed(&cycle).await;
    }
    office.ends_whole().await;
}
