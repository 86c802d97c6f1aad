//! Rows that somebody changes by SQL: `audit verify` tells each with what the log says of it. A month in which
//! everything happened that leaves a trace, then one change after another. On both databases.

use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::exception::Decision;
use chitra::domain::fate::Verdict;
use chitra::domain::receivable::ReceiptSource;
use chitra::engine::funds::Funding;
use chitra::engine::receivable::Receiving;
use chitra::store::Database;
use jiff::civil::date;

use crate::support::office::{
    APPROVERS, MAKER, TestOffice, archived_file, deciding, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    rows_that_were_changed_by_hand_are_told
    ways_that_were_changed_by_hand_are_told
    what_is_committed_and_not_yet_numbered_counts
    claims_are_held_wherever_they_were_carried
    a_hold_of_two_officers_that_was_made_one_of_one_is_told
    files_that_are_gone_from_the_archive_are_told
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001 | register.account=0711999999 | register.provider=970405";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | cash";
const CHI: &str = "E3 | 001145000103 | Lê Thị Chi | 1945-07-03 | female | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";
const DEAD: &str = "E4 | 001044000104 | Phạm Văn Dũng | 1944-05-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000004 | register.vital_status=deceased | register.date_of_death=2026-07-15";

/// One change by hand, and what must be told of it. What is told has its parts in this order.
struct Tampering {
    table: &'static str,
    sql: &'static str,
    code: &'static str,
    told: &'static str,
}

const fn by_hand(
    table: &'static str,
    sql: &'static str,
    code: &'static str,
    told: &'static str,
) -> Tampering {
    Tampering { table, sql, code, told }
}

const TAMPERINGS: &[Tampering] = &[
    // What answers told.
    by_hand(
        "transaction_told",
        "delete from transaction_told",
        "V312",
        "transactions of answer|rows with the sum|0 rows",
    ),
    by_hand(
        "transaction_told",
        "update transaction_told set reference = reference || 'x'",
        "V312",
        "transactions of answer|rows with the sum",
    ),
    by_hand(
        "discrepancy",
        "update discrepancy set reported_minor = 1",
        "V312",
        "queue of answer|rows with the sum",
    ),
    // A cycle, before and after it is sealed.
    by_hand(
        "cycle",
        "update cycle set value_date = '2026-10-09' where cycle_no = 1",
        "V207",
        "cycle 1|value_date 2026-10-03|value_date 2026-10-09",
    ),
    by_hand(
        "cycle",
        "update cycle set manifest = manifest || ' ' where cycle_no = 1",
        "V311",
        "cycle 1|manifest |when list 0 was sealed|manifest ",
    ),
    // Who may sign.
    by_hand(
        "officer",
        "update officer set role = 'approver' where name = 'lan'",
        "V207",
        "officer lan|role officer|role approver",
    ),
    by_hand(
        "officer",
        "update officer set public_key = public_key || 'x' where name = 'minh'",
        "V207",
        "officer minh|public_key",
    ),
    by_hand(
        "officer",
        "update officer set ended_at = '2026-09-21' where name = 'minh'",
        "V207",
        "officer minh|standing registered|standing ended",
    ),
    by_hand(
        "officer",
        "insert into officer (name, role, public_key, enrolled_at) values ('mallory', 'approver', 'k', '2026-09-01')",
        "V208",
        "officer mallory|nothing of it|role approver",
    ),
    by_hand(
        "officer",
        "delete from officer where name = 'hoa'",
        "V209",
        "officer hoa|role approver",
    ),
    // What was signed.
    by_hand(
        "signature",
        "delete from signature where officer = 'hoa' and list_no = 0",
        "V209",
        "signature 1/0/|hoa|act approve",
    ),
    by_hand(
        "signature",
        "update signature set officer = 'mallory' where officer = 'hoa' and list_no = 0",
        "V208",
        "signature 1/0/|mallory|nothing of it",
    ),
    by_hand(
        "signature",
        "update signature set signature = (select max(s.signature) from signature s) where act = 'approve'",
        "V212",
        "signature 1/|does not verify",
    ),
    by_hand(
        "signature",
        "update signature set voided_at = '2026-09-21' where officer = 'minh' and list_no = 0",
        "V207",
        "signature 1/0/|standing valid|standing void",
    ),
    by_hand(
        "payment_list",
        "update payment_list set digest = 'ab' where list_no = 0",
        "V207",
        "list 1/0|digest |digest ab",
    ),
    by_hand(
        "payment_list",
        "update payment_list set body = replace(body, '\"total_minor\":\"', '\"total_minor\":\"9') where list_no = 0",
        "V207",
        "list 1/0|body ",
    ),
    by_hand(
        "payment_list",
        "update payment_list set state = 'approved' where list_no = 0",
        "V207",
        "list 1/0|state released|state approved",
    ),
    // What was sent.
    by_hand(
        "batch",
        "update batch set state = 'released' where batch_no = 1",
        "V207",
        "file 1/1|state delivered|state released",
    ),
    by_hand(
        "batch",
        "update batch set total_minor = total_minor + 1 where batch_no = 1",
        "V213",
        "of list 1/0|total_minor 1000000|total_minor 1000001",
    ),
    by_hand(
        "batch",
        "update batch set item_count = item_count + 1 where batch_no = 1",
        "V213",
        "of list 1/0|count 2|count 3",
    ),
    by_hand(
        "batch",
        "update batch set sha256 = 'ab' where batch_no = 1",
        "V213",
        "of list 1/0|sha256 |sha256 ab",
    ),
    by_hand("batch", "delete from batch where batch_no = 1", "V209", "file 1/1|state delivered"),
    by_hand(
        "delivery",
        "update delivery set outcome = 'not_delivered' where batch_no = 1",
        "V207",
        "delivery 1/1/1|outcome delivered|outcome not_delivered",
    ),
    by_hand(
        "delivery",
        "delete from delivery where batch_no = 1",
        "V209",
        "delivery 1/1/1|outcome delivered",
    ),
    // What became of money.
    by_hand(
        "payable",
        "update payable set state = 'rejected' where channel = 'cash'",
        "V211",
        "payable |says paid|says rejected",
    ),
    by_hand(
        "payable",
        "update payable set amount_minor = 5000000 where channel = 'cash'",
        "V211",
        "payable |says 500000|says 5000000",
    ),
    by_hand("payable", "delete from payable where channel = 'cash'", "V210", "cycle 1 in shard "),
    by_hand(
        "instruction",
        "update instruction set state = 'returned' where grade = 'signature'",
        "V211",
        "order TEST|says settled|says returned",
    ),
    by_hand(
        "instruction",
        "update instruction set grade = 'provider_result' where grade = 'decision'",
        "V211",
        "order TEST|settled proved by decision|settled proved by provider_result",
    ),
    by_hand(
        "instruction",
        "update instruction set amount_minor = 1 where grade = 'decision'",
        "V211",
        "order TEST|says 500000|says 1",
    ),
    by_hand(
        "instruction",
        "update instruction set batch_no = 1 where grade = 'signature'",
        "V211",
        "order TEST|in file 2|in file 1",
    ),
    by_hand(
        "instruction",
        "update instruction set outcome_on = '2026-01-01' where grade = 'signature'",
        "V210",
        "cycle 1 in shard ",
    ),
    by_hand("instruction", "delete from instruction where grade = 'signature'", "V210", "cycle 1"),
    // What is found by its shard and cycle, which its number says as well.
    by_hand(
        "transaction_told",
        "update transaction_told set shard = (shard + 1) % 256",
        "V314",
        "table transaction_told|rows elsewhere",
    ),
    by_hand(
        "instruction",
        "update instruction set cycle_no = 9 where grade = 'signature'",
        "V314",
        "table instruction|1 rows elsewhere",
    ),
    by_hand(
        "payable",
        "update payable set cycle_no = 9 where channel = 'cash'",
        "V314",
        "table payable|1 rows elsewhere",
    ),
    // What has been determined, so that nobody is paid it again.
    by_hand(
        "claim",
        "update claim set period = period + 100 where enrolment_no = (select min(enrolment_no) from claim)",
        "V221",
        "claim of enrolment |for 2027-10|says month 2026-10|says month 2027-10",
    ),
    by_hand(
        "claim",
        "update claim set revision = 1 where enrolment_no = (select min(enrolment_no) from claim)",
        "V221",
        "claim of enrolment |says revision 0|says revision 1",
    ),
    by_hand(
        "claim",
        "update claim set amount_minor = 1 where enrolment_no = (select min(enrolment_no) from claim)",
        "V221",
        "claim of enrolment |says amount 500000|says amount 1",
    ),
    by_hand(
        "claim",
        "delete from claim where enrolment_no = (select min(enrolment_no) from claim)",
        "V220",
        "claims of cycle 1 in shard |says 1 rows|says 0 rows",
    ),
    by_hand("claim", "delete from claim", "V220", "claims of cycle 1 in shard |says 1 rows"),
    by_hand(
        "claim",
        "insert into claim (shard, period, enrolment_no, person_no, programme, benefit, component, revision, \
         amount_minor, cycle_no, payable_no) \
         select shard, period + 1, enrolment_no, person_no, programme, benefit, component, revision, \
         amount_minor, cycle_no, payable_no from claim where enrolment_no = (select min(enrolment_no) from claim)",
        "V222",
        "claim of enrolment |for 2026-11|nothing of it",
    ),
    by_hand(
        "claim",
        "insert into claim (shard, period, enrolment_no, person_no, programme, benefit, component, revision, \
         amount_minor, cycle_no) \
         select shard, period + 1, enrolment_no, person_no, programme, benefit, component, revision, \
         amount_minor, 9 from claim where enrolment_no = (select min(enrolment_no) from claim)",
        "V222",
        "claim of enrolment |for 2026-11|in no payable|nothing of it",
    ),
    by_hand(
        "claim",
        "update claim set programme = 'another' where enrolment_no = (select min(enrolment_no) from claim)",
        "V220",
        "claims of cycle 1 in shard ",
    ),
    by_hand(
        "claim",
        "update claim set payable_no = null where enrolment_no = (select min(enrolment_no) from claim)",
        "V220",
        "claims of cycle 1 in shard ",
    ),
    by_hand(
        "claim",
        "update claim set carried_from = payable_no where enrolment_no = (select min(enrolment_no) from claim)",
        "V220",
        "claims of cycle 1 in shard ",
    ),
    by_hand(
        "answer",
        "update answer set applied_count = 0 where answer_no = 1",
        "V207",
        "answer 1|applied 1|applied 0",
    ),
    by_hand("answer", "delete from answer where answer_no = 1", "V209", "answer 1|applied 1"),
    by_hand(
        "discrepancy",
        "delete from discrepancy where discrepancy_no = 1",
        "V209",
        "queue of answer |items 1",
    ),
    by_hand(
        "discrepancy",
        "update discrepancy set resolved_by = 'mallory' where discrepancy_no = 1",
        "V207",
        "resolved discrepancy 1|officer lan|officer mallory",
    ),
    by_hand(
        "discrepancy",
        "update discrepancy set state = 'open' where discrepancy_no = 1",
        "V209",
        "resolved discrepancy 1|officer lan",
    ),
    // What officers decided.
    by_hand(
        "resolution",
        "update resolution set decision = 'release'",
        "V207",
        "decision on a hold 1|decision keep|decision release",
    ),
    by_hand(
        "resolution",
        "update resolution set subject_no = 17",
        "V207",
        "decision on a hold 1|subject |subject 17",
    ),
    by_hand(
        "resolution",
        "update resolution set seen = 17",
        "V207",
        "decision on a hold 1|seen |seen 17",
    ),
    by_hand(
        "resolution",
        "update resolution set decided_by = 'mallory'",
        "V207",
        "decision on a hold 1|officer lan|officer mallory",
    ),
    by_hand(
        "fate",
        "update fate set verdict = 'not_paid'",
        "V207",
        "decision on unknown payments 1|verdict paid|verdict not_paid",
    ),
    by_hand(
        "fate",
        "update fate set confirmed_by = 'mallory'",
        "V208",
        "confirmed decisions 1/mallory/|nothing of it",
    ),
    by_hand(
        "stop",
        "update stop set state = 'confirmed'",
        "V207",
        "stop |state refused|state confirmed",
    ),
    by_hand("stop", "delete from stop", "V209", "stop |state refused"),
    by_hand(
        "halt",
        "update halt set second_lift_by = 'mallory' where halt_no = 1",
        "V207",
        "lifting of halt 1|second_lift_by hoa|second_lift_by mallory",
    ),
    by_hand(
        "halt",
        "update halt set first_lift_by = 'minh', second_lift_by = 'hoa', lifted_at = '2026-10-21' where halt_no = 2",
        "V208",
        "lifting of halt 2|nothing of it|standing lifted",
    ),
    by_hand("halt", "delete from halt where halt_no = 2", "V209", "halt 2|scope all"),
    by_hand(
        "funds",
        "update funds set amount_minor = amount_minor * 10",
        "V207",
        "funds 1|amount_minor 5000000|amount_minor 50000000",
    ),
    by_hand(
        "funds",
        "update funds set given_back = 1",
        "V207",
        "funds 1|given_back 0|given_back 1",
    ),
    by_hand(
        "receivable",
        "update receivable set amount_minor = amount_minor - 1",
        "V214",
        "receivable 1|another amount",
    ),
    by_hand(
        "receivable",
        "update receivable set state = 'open'",
        "V209",
        "receivable 1|state written_off",
    ),
    by_hand("receivable", "delete from receivable", "V209", "receivable 1|that it is owed"),
    by_hand(
        "receipt",
        "update receipt set take_back_proposed_by = 'minh', taken_back_by = 'hoa', taken_back_at = '2026-09-20'",
        "V208",
        "receipt 1/|taken back 1|nothing of it",
    ),
    by_hand(
        "receipt",
        "update receipt set amount_minor = amount_minor * 2",
        "V207",
        "receipt 1/|amount_minor 120000|amount_minor 240000",
    ),
    by_hand(
        "write_off",
        "update write_off set confirmed_by = 'mallory'",
        "V207",
        "write-off 1|confirmed_by hoa|confirmed_by mallory",
    ),
    // The month itself.
    by_hand(
        "cycle",
        "update cycle set state = 'settling'",
        "V207",
        "cycle 1|state closed|state settling",
    ),
    by_hand(
        "cycle",
        "update cycle set roster_import = 7",
        "V207",
        "cycle 1|roster_import 2|roster_import 7",
    ),
    by_hand(
        "import",
        "update import set sha256 = 'ab' where import_no = 2",
        "V207",
        "import 2|sha256 |sha256 ab",
    ),
];

/// How a payable goes, where it is counted, and what keeps it.
const WAYS: &[Tampering] = &[
    by_hand(
        "payable",
        "update payable set code = 'H121' where channel = 'cash'",
        "V317",
        "payable |says code nothing|says code H121",
    ),
    by_hand(
        "payable",
        "update payable set channel = 'bank' where channel = 'cash'",
        "V317",
        "payable |says channel cash|says channel bank",
    ),
    by_hand(
        "payable",
        "update payable set provider = 'wallet' where channel = 'cash'",
        "V317",
        "payable |says provider paypoint|says provider wallet",
    ),
    by_hand(
        "payable",
        "update payable set province = 'ZZ' where channel = 'cash'",
        "V317",
        "payable |says province 01|says province ZZ",
    ),
    by_hand(
        "payable",
        "update payable set line_count = 2 where channel = 'cash'",
        "V317",
        "payable |says lines 1|says lines 2",
    ),
    by_hand(
        "payable",
        "update payable set batch_no = 1 where channel = 'cash'",
        "V317",
        "payable |says file 2|says file 1",
    ),
    by_hand(
        "payable",
        "update payable set batch_no = null where channel = 'cash'",
        "V317",
        "payable |says file 2|says file nothing",
    ),
    by_hand(
        "payable",
        "update payable set channel = 'bank', provider = 'sheetbank' where channel = 'cash'",
        "V316",
        "ways of payables of cycle 1 in shard |says 1 rows|says 1 rows",
    ),
    by_hand(
        "payable",
        "delete from payable where channel = 'cash'",
        "V316",
        "ways of payables of cycle 1 in shard |says 1 rows|says 0 rows",
    ),
];

/// A month with everything in it of which the log speaks.
async fn eventful(office: &TestOffice) -> Cycle {
    let engine = &office.engine;
    let (lan, [first, second]) = (key(MAKER), APPROVERS);
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH, CHI, DEAD]).await;
    let cycle = office.opened("2026-10", Regular).await;
    let cycle = office.computed(&cycle).await;
    let (_, held) = engine.holds(&cycle, None, 10).await.unwrap();
    let keep = deciding(Decision::Keep);
    engine.hold_decide(&cycle, &held[0].name(), keep, MAKER, &lan).await.unwrap();
    let cycle = engine.seal(&office.now(&cycle).await).await.unwrap();
    office.released(&cycle, 0).await;
    let (chi, now) = (office.person("E3").await, office.now(&cycle).await);
    engine.stop_propose(&now, chi, "she is said to have died", MAKER, &lan).await.unwrap();
    engine.stop_refuse(&now, chi, first, &key(first)).await.unwrap();
    let funding = Funding {
        provider: "sheetbank".to_owned(),
        amount_minor: 5_000_000,
        cleared_on: date(2026, 9, 20),
        reference: "KB 2026/12".to_owned(),
        is_given_back: false,
    };
    engine.funds_record(funding, MAKER, &lan).await.unwrap();
    engine.dispatch(None).await.unwrap();

    // An is ordered again, and then the first order turns out to be paid too.
    let no = office.said(&cycle, "E1", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    engine.reissue(&office.now(&cycle).await).await.unwrap();
    office.sent(&cycle, 1).await;
    for attempt in [2, 1] {
        let yes = office.said(&cycle, "E1", attempt, "Thành công", "").await;
        office.sheet(&[yes]).await.unwrap();
    }
    let binh = office.said(&cycle, "E2", 1, "Đã chi", "").await;
    office.paypoint(&[binh]).await.unwrap();
    let number = engine.store.discrepancies().await.unwrap()[0].0;
    engine.discrepancy_resolve(number, "it is known", MAKER, &lan).await.unwrap();
    for approver in APPROVERS {
        engine.halt_lift(1, approver, &key(approver)).await.unwrap();
    }
    let receiving = Receiving {
        amount_minor: 120_000,
        source: ReceiptSource::Person,
        reference: "PT-17".to_owned(),
        on: date(2026, 9, 20),
    };
    engine.receivable_received(1, receiving, MAKER, &lan).await.unwrap();
    engine.receivable_write_off(1, "nothing left", MAKER, &lan).await.unwrap();
    engine.receivable_write_off(1, "agreed", second, &key(second)).await.unwrap();

    // Of Chi nobody says anything, until two officers decide.
    office.on_day("2026-10-20");
    engine.collect_all().await.unwrap();
    let of_chi = vec![office.said(&cycle, "E3", 1, "", "").await.reference];
    let now = office.now(&cycle).await;
    let reason = "the bank's letter";
    engine.fate_propose(&now, &of_chi, Verdict::Paid, reason, MAKER, &lan).await.unwrap();
    engine.fate_confirm(&now, &of_chi, first, &key(first)).await.unwrap();
    let cycle = office.closed(&cycle).await;
    engine.halt_put("all", "an auditor looks", MAKER, &lan).await.unwrap();
    cycle
}

async fn said_past_the_engine(database: &dyn Database, statements: &[String]) {
    let mut open = database.begin().await.unwrap();
    for sql in statements {
        if let Err(error) = open.execute(sql.clone().into(), vec![]).await {
            panic!("{sql}: {error}");
        }
    }
    open.commit().await.unwrap();
}

async fn rows_that_were_changed_by_hand_are_told(office: TestOffice) {
    each_is_told(office, TAMPERINGS).await;
}

async fn ways_that_were_changed_by_hand_are_told(office: TestOffice) {
    each_is_told(office, WAYS).await;
}

async fn each_is_told(office: TestOffice, tamperings: &[Tampering]) {
    eventful(&office).await;
    let engine = &office.engine;
    engine.sequence().await.unwrap();
    let untouched = engine.audit_rows().await.unwrap();
    assert_eq!(untouched.differences, []);
    assert!(untouched.not_compared.is_empty(), "{:?}", untouched.not_compared);
    untouched.must_agree().unwrap();

    let mut wrong = Vec::new();
    for one in tamperings {
        let table = one.table;
        let database = office.database().await;
        let change = [format!("create table kept as select * from {table}"), one.sql.to_owned()];
        said_past_the_engine(database.as_ref(), &change).await;
        let compared = engine.audit_rows().await.unwrap();
        let parts: Vec<&str> = one.told.split('|').collect();
        let fits = |sentence: &str| {
            let mut rest = Some(sentence);
            for part in &parts {
                rest = rest.and_then(|text| text.split_once(part)).map(|(_, after)| after);
            }
            rest.is_some()
        };
        let found = &compared.differences;
        if !found.iter().any(|told| told.code == one.code && fits(&told.sentence)) {
            wrong.push(format!("{}\n  {} {}\n  told: {found:#?}", one.sql, one.code, one.told));
        } else {
            refused(compared.must_agree(), "V215");
        }
        let back = [
            format!("delete from {table}"),
            format!("insert into {table} select * from kept"),
            "drop table kept".to_owned(),
        ];
        said_past_the_engine(database.as_ref(), &back).await;
        database.close().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Put back, everything is again what the log says.
    office.ends_whole().await;
}

async fn what_is_committed_and_not_yet_numbered_counts(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    let compared = office.engine.audit_rows().await.unwrap();
    assert_eq!(compared.differences, []);

    // A cycle that is given up leaves nothing that the log would still expect.
    let now = office.now(&cycle).await;
    office.engine.cycle_cancel(&now, "another day", MAKER, &key(MAKER)).await.unwrap();
    let waiting = office.engine.store.outbox(100).await.unwrap();
    assert!(!waiting.is_empty(), "the event of a cancelled cycle waits for a number");
    let compared = office.engine.audit_rows().await.unwrap();
    assert_eq!(compared.differences, []);
    office.ends_whole().await;
}

/// Chi's money of October comes back, and is carried to November and on to December; months that are given
/// up or computed anew put it back where it was.
async fn claims_are_held_wherever_they_were_carried(office: TestOffice) {
    let agrees = async |office: &TestOffice, claims: &str| {
        let compared = office.engine.audit_rows().await.unwrap();
        assert_eq!(compared.differences, [], "{claims}");
        assert!(compared.not_compared.is_empty(), "{:?}", compared.not_compared);
        assert_eq!(office.claims("E3").await, [claims]);
    };
    let given_up = async |office: &TestOffice, cycle: &Cycle| {
        let now = office.now(cycle).await;
        office.engine.cycle_cancel(&now, "another day", MAKER, &key(MAKER)).await.unwrap();
    };
    office.on_day("2026-09-20");
    office.month("2026-10", &[CHI]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let no = office.said(&october, "E3", 1, "Không thành công", "Sai số tài khoản").await;
    office.sheet(&[no]).await.unwrap();
    office.closed(&october).await;
    agrees(&office, "2026-10 r0 500000 cycle 1").await;

    office.month("2026-11", &[BINH]).await;
    let november = office.sealed("2026-11", Regular).await;
    agrees(&office, "2026-10 r0 500000 cycle 2").await;
    given_up(&office, &november).await;
    agrees(&office, "2026-10 r0 500000 cycle 1").await;
    let november = office.paid_out("2026-11", Regular).await;
    agrees(&office, "2026-10 r0 500000 cycle 3").await;
    let binh = office.said(&november, "E2", 1, "Đã chi", "").await;
    office.paypoint(&[binh]).await.unwrap();
    office.closed(&november).await;

    office.month("2026-12", &[BINH]).await;
    let december = office.opened("2026-12", Regular).await;
    let december = office.computed(&december).await;
    office.engine.seal(&december).await.unwrap();
    agrees(&office, "2026-10 r0 500000 cycle 4").await;
    given_up(&office, &december).await;
    agrees(&office, "2026-10 r0 500000 cycle 3").await;
    office.sealed("2026-12", Regular).await;
    agrees(&office, "2026-10 r0 500000 cycle 5").await;

    let forgotten = "update claim set carried_from = null where carried_from is not null";
    assert_eq!(office.tamper(forgotten, vec![]).await, 1);
    office.ends_tampered_with("V220").await;
}

/// Two officers stop An's payment; somebody makes of it a hold that one officer releases, and one does. It is
/// told before that, and after.
async fn a_hold_of_two_officers_that_was_made_one_of_one_is_told(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, CHI]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let engine = &office.engine;
    let (an, by, now) = (office.person("E1").await, APPROVERS[0], office.now(&cycle).await);
    engine.stop_propose(&now, an, "he is said to have died", MAKER, &key(MAKER)).await.unwrap();
    let others = engine.stop_confirm(&now, an, by, &key(by)).await.unwrap().list.unwrap();
    office.sent(&cycle, others.number.0).await;
    assert_eq!(engine.audit_rows().await.unwrap().differences, []);

    for sql in [
        "update payable set code = 'H121' where code = 'H160'",
        "update exception set code = 'H121' where code = 'H160'",
    ] {
        assert_eq!(office.tamper(sql, vec![]).await, 1);
    }
    let told = engine.audit_rows().await.unwrap().differences;
    let [one] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(one.code, "V317");
    assert!(one.sentence.contains("says code H160, the database says code H121"), "{one:?}");

    // One officer is enough for such a hold; that the payment goes on wipes nothing out.
    let (_, held) = engine.holds(&now, Some("H121"), 10).await.unwrap();
    let release = deciding(Decision::Release);
    let done = engine.hold_decide(&now, &held[0].name(), release, MAKER, &key(MAKER)).await;
    assert!(!done.unwrap().resolution.waits_for_another());
    assert_eq!(engine.reissue(&office.now(&cycle).await).await.unwrap().ordered, 1);
    office.ends_tampered_with("V316").await;
}

/// A file that came in is taken away, one that went out is damaged, and both are told.
async fn files_that_are_gone_from_the_archive_are_told(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let engine = &office.engine;
    assert_eq!(engine.audit_rows().await.unwrap().differences, []);
    let archive = office.dir.join("archive");
    let roster = engine.store.import(cycle.roster).await.unwrap().unwrap();
    let files = engine.store.batches(cycle.number).await.unwrap();
    let roster_file = archived_file(&archive, &roster.sha256);
    let sent = archived_file(&archive, files[0].sha256.as_deref().unwrap());
    let bytes = std::fs::read(&sent).unwrap();
    std::fs::remove_file(&roster_file).unwrap();
    std::fs::remove_file(&sent).unwrap();
    std::fs::write(&sent, &bytes[..bytes.len() - 1]).unwrap();
    let compared = engine.audit_rows().await.unwrap();
    let told: Vec<&str> = compared.differences.iter().map(|one| one.sentence.as_str()).collect();
    assert!(compared.differences.iter().all(|one| one.code == "V313"), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter().any(|one| one.starts_with("import ") && one.contains("nothing")),
        "{told:?}"
    );
    assert!(told.iter().any(|one| one.starts_with("file ") && one.contains("damaged")), "{told:?}");
    office.ends_tampered_with("V313").await;
}
