//! Reconciliation against synthetic people whose every error is known: who is held, who is linked,
//! in what order, and at what cost.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use chitra::domain::identity::{BirthDate, IdentityRecord, Sex, VitalStatus};
use chitra::domain::national_id::NationalId;
use chitra::domain::period::{Period, parse_date};
use chitra::identity::fold::fold_into;
use chitra::identity::grade::NameComparer;
use chitra::identity::ladder::Verdict;
use chitra::pipeline::reconcile::{
    Decision, Enrolment, Input, Outcome, ReconcilePolicy, reconcile,
};
use chitra::synth::random::Random;
use chitra::synth::rows::{RegisterRow, RosterRow, TruthRow};
use chitra::synth::{Rates, SynthConfig, SynthRow, generate};

fn november() -> Period {
    "2026-11".parse().unwrap()
}

fn run(enrolments: &[Enrolment<'_>], register: &[IdentityRecord<'_>]) -> Vec<Decision> {
    let policy = ReconcilePolicy::default();
    reconcile(Input { enrolments, register, period: november(), policy }).decisions
}

/// A synthetic month, owned, with what reconciliation needs read once.
struct Month {
    register: Vec<(RegisterRow, u64)>,
    roster: Vec<(RosterRow, TruthRow)>,
}

impl Month {
    fn generate(people: u64, seed: u64) -> Month {
        let config = SynthConfig { people, seed, period: november(), rates: Rates::default() };
        let mut month = Month { register: Vec::new(), roster: Vec::new() };
        let mut last = None;
        generate(&config, &mut |row| match row {
            SynthRow::Register(row) => {
                let key = NationalId::parse(&row.national_id).unwrap().key();
                month.register.push((row.clone(), key));
            }
            SynthRow::Roster(row) => last = Some(row.clone()),
            SynthRow::Truth(truth) => {
                // What intake refuses does not come here.
                let row = last.take().unwrap();
                if !truth.errors.iter().any(|error| error.starts_with("malformed")) {
                    month.roster.push((row, truth.clone()));
                }
            }
        });
        month
    }

    /// Records are numbered by their id, so that the truth can name them.
    fn records(&self) -> Vec<IdentityRecord<'_>> {
        let read = |(row, key): &'_ (RegisterRow, u64)| -> (NationalId, u64) {
            (NationalId::parse(&row.national_id).unwrap(), *key)
        };
        let records = self.register.iter().map(|entry| IdentityRecord {
            record_no: read(entry).1,
            national_id: read(entry).0,
            previous_national_id: NationalId::parse(&entry.0.previous_national_id).ok(),
            full_name: &entry.0.full_name,
            born: BirthDate::parse(&entry.0.date_of_birth).ok(),
            sex: Sex::parse(entry.0.sex).unwrap(),
            vital: VitalStatus::parse(entry.0.vital_status, &entry.0.date_of_death).unwrap(),
        });
        records.collect()
    }

    fn enrolments(&self) -> Vec<Enrolment<'_>> {
        let mut accounts: HashMap<&str, u64> = HashMap::new();
        let mut benefits: HashMap<(&str, &str), u16> = HashMap::new();
        let rows = self.roster.iter().enumerate().map(|(at, (row, _))| {
            let next = accounts.len() as u64;
            let next_benefit = benefits.len() as u16;
            let benefit = *benefits.entry((row.programme, row.benefit)).or_insert(next_benefit);
            let account = *accounts.entry(&row.account).or_insert(next);
            Enrolment {
                enrolment_no: at as u64,
                enrolment_id: &row.enrolment_id,
                decided_on: parse_date(&row.decision_date).ok(),
                person_no: at as u64,
                national_id: Some(&row.national_id),
                full_name: &row.full_name,
                born: BirthDate::parse(&row.date_of_birth).ok(),
                sex: Sex::parse(row.sex).unwrap(),
                benefit,
                is_live: true,
                paid_on_death: row.benefit == "funeral",
                account: (!matches!(row.channel, "cash" | "")).then_some(account),
                payee_authorised: row.payee_relation != "self",
            }
        });
        rows.collect()
    }

    /// The record that a row truly is.
    fn truth_no(truth: &TruthRow) -> Option<u64> {
        NationalId::parse(&truth.person_national_id).ok().map(|id| id.key())
    }
}

#[test]
fn the_order_of_rows_and_records_changes_nothing() {
    let month = Month::generate(3_000, 11);
    let (mut records, mut rows) = (month.records(), month.enrolments());
    let sorted = |mut decisions: Vec<Decision>| {
        decisions.sort_by_key(|decision| decision.enrolment_no);
        decisions
    };
    let straight = sorted(run(&rows, &records));
    for seed in 0..4 {
        let mut random = Random::stream(seed, 0);
        for at in (1..rows.len()).rev() {
            rows.swap(at, random.below(at as u64 + 1) as usize);
        }
        for at in (1..records.len()).rev() {
            records.swap(at, random.below(at as u64 + 1) as usize);
        }
        let shuffled = run(&rows, &records);
        let in_order = shuffled.iter().zip(&rows).all(|(a, b)| a.enrolment_no == b.enrolment_no);
        assert!(in_order, "decisions must come in input order");
        assert_eq!(sorted(shuffled), straight);
    }
}

#[test]
fn against_the_truth_of_twenty_thousand_the_dead_are_held_and_nobody_becomes_another() {
    let month = Month::generate(20_000, 20_261);
    let (records, rows) = (month.records(), month.enrolments());
    let decisions = run(&rows, &records);
    assert_eq!(decisions.len(), rows.len());
    let (mut wrong_person, mut confirmed, mut duplicates, mut duplicates_held) = (0, 0, 0, 0);
    for ((row, truth), decision) in month.roster.iter().zip(&decisions) {
        let linked_truly = decision.record_no == Month::truth_no(truth);
        let paid = !matches!(decision.outcome, Outcome::Held(_));
        confirmed += u32::from(decision.outcome == Outcome::Confirmed);
        wrong_person += u32::from(paid && !linked_truly);
        let says = |tag: &str| truth.errors.contains(&tag);
        let died_before = truth.vital_status == "deceased"
            && (truth.date_of_death.is_empty() || truth.date_of_death.as_str() < "2026-11-01");
        if died_before && row.benefit != "funeral" && !says("death_unregistered") {
            assert!(!paid, "{} {:?} pays the dead", decision.rule.id(), truth.errors);
        }
        if truth.ghost {
            assert!(!paid, "{} pays a ghost", decision.rule.id());
        }
        if says("enrolled_twice") {
            duplicates += 1;
            // The original may be the one that is held, when only it has something wrong.
            duplicates_held += u32::from(!paid);
        }
    }
    assert_eq!(wrong_person, 0, "paid as someone else");
    let share = confirmed as usize * 1_000 / rows.len();
    assert!(share >= 900, "{share} per mille confirmed");
    assert!(
        duplicates > 50 && duplicates_held * 100 >= duplicates * 80,
        "{duplicates_held}/{duplicates}"
    );
    // Nobody is paid twice in one benefit.
    let mut paid = HashMap::new();
    for (row, decision) in rows.iter().zip(&decisions) {
        if !matches!(decision.outcome, Outcome::Held(_)) {
            let claim = (decision.record_no, row.benefit);
            assert!(paid.insert(claim, row.enrolment_no).is_none(), "{claim:?} twice");
        }
    }
}

/// Prints what each rule is worth and what a decision costs, when CHITRA_MEASURE is the number of
/// people. Without it the same code runs on two thousand people.
#[test]
fn rules_are_measured() {
    let people = std::env::var("CHITRA_MEASURE").ok().and_then(|text| text.parse().ok());
    let started = Instant::now();
    let month = Month::generate(people.unwrap_or(2_000), 20_261);
    let generated = started.elapsed();
    let (records, rows) = (month.records(), month.enrolments());
    let started = Instant::now();
    let decisions = run(&rows, &records);
    let decided = started.elapsed();

    let mut by_rule: BTreeMap<&str, (u32, u32, u32)> = BTreeMap::new();
    let mut by_outcome: BTreeMap<String, u32> = BTreeMap::new();
    let (mut links, mut true_links, mut linkable) = (0, 0, 0);
    for ((_, truth), decision) in month.roster.iter().zip(&decisions) {
        let right = decision.record_no == Month::truth_no(truth);
        let entry = by_rule.entry(decision.rule.id()).or_default();
        *entry = (
            entry.0 + 1,
            entry.1 + u32::from(right),
            entry.2 + u32::from(decision.record_no.is_some()),
        );
        *by_outcome.entry(format!("{:?}", decision.outcome)).or_default() += 1;
        linkable += u32::from(!truth.ghost);
        if decision.identified_by.verdict() == Verdict::Auto {
            links += 1;
            true_links += u32::from(right);
        }
    }
    assert!(links > 0 && true_links <= links);
    println!("{} rows, {} records; generated in {generated:?}", rows.len(), records.len());
    println!("decided in {decided:?}, {} ns a row", decided.as_nanos() / rows.len() as u128);
    println!("AUTO links {links}, true {true_links}; recall {true_links}/{linkable}");
    for (rule, (count, right, compared)) in by_rule {
        println!(
            "{rule}: {count} rows, {compared} with a record, {right} of them the right person"
        );
    }
    for (outcome, count) in by_outcome {
        println!("{outcome}: {count}");
    }
    let mut by_error: BTreeMap<&str, (u32, u32, u32)> = BTreeMap::new();
    let mut claims: HashMap<(&str, &str), u32> = HashMap::new();
    for ((row, truth), decision) in month.roster.iter().zip(&decisions) {
        *claims.entry((&truth.person_national_id, row.benefit)).or_default() += 1;
        for error in truth.errors.iter().chain(truth.errors.is_empty().then_some(&"none")) {
            let entry = by_error.entry(error).or_default();
            let auto = decision.rule.verdict() == Verdict::Auto;
            let paid = !matches!(decision.outcome, Outcome::Held(_));
            *entry = (entry.0 + 1, entry.1 + u32::from(auto), entry.2 + u32::from(paid));
        }
    }
    for (error, (rows, auto, paid)) in by_error {
        println!("{error}: {rows} rows, {auto} pass by themselves, {paid} not held");
    }
    let second =
        month.roster.iter().zip(&decisions).filter(|(_, decision)| decision.rule.id() == "R60");
    let alone = second
        .filter(|((row, truth), _)| claims[&(truth.person_national_id.as_str(), row.benefit)] == 1);
    println!("R60 on people enrolled once: {}", alone.count());

    // A few thousand names stay in the cache, as they do while a file is read.
    let few = &rows[..rows.len().min(4_096)];
    let mut key = Vec::new();
    let mut bytes = 0;
    let started = Instant::now();
    for _ in 0..50 {
        for row in few {
            fold_into(row.full_name, &mut key);
            bytes += key.len();
        }
    }
    let count = 50 * few.len();
    println!(
        "fold {} ns a name, {} bytes",
        started.elapsed().as_nanos() / count as u128,
        bytes / count
    );
    // Import keeps the texts of a shard side by side, and so does this.
    let row_texts =
        side_by_side(rows.iter().map(|row| (row.national_id.unwrap_or(""), row.full_name)));
    let record_texts = side_by_side(records.iter().map(|record| ("", record.full_name)));
    for shard in [65_536, 4_096] {
        let rows = rows.iter().zip(&row_texts).take(shard);
        let shard: Vec<Enrolment<'_>> = rows
            .map(|(row, (id, name))| Enrolment { national_id: Some(id), full_name: name, ..*row })
            .collect();
        let records: Vec<IdentityRecord<'_>> = records
            .iter()
            .zip(&record_texts)
            .take(shard.len() * 6 / 5)
            .map(|(record, (_, name))| IdentityRecord { full_name: name, ..*record })
            .collect();
        let started = Instant::now();
        for _ in 0..5 {
            std::hint::black_box(run(&shard, &records));
        }
        let each = started.elapsed().as_nanos() / 5 / shard.len() as u128;
        println!("decide {each} ns a row in a shard of {}", shard.len());
    }
    let mut names = NameComparer::default();
    let started = Instant::now();
    for (row, record) in rows.iter().zip(records.iter().cycle()) {
        std::hint::black_box(names.grade(row.full_name, record.full_name));
    }
    println!("grade of unlike names {} ns", started.elapsed().as_nanos() / rows.len() as u128);
}

/// Copies pairs of texts so that neighbours lie beside each other in memory.
fn side_by_side<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(Box<str>, Box<str>)> {
    pairs.map(|(id, name)| (id.into(), name.into())).collect()
}
