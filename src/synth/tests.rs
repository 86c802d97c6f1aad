//! Synthetic people hold together: numbers, decisions, shares and errors.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::domain::identity::{BirthDate, VitalStatus};
use crate::domain::national_id::NationalId;
use crate::synth::rows::{REGISTER_COLUMNS, ROSTER_COLUMNS, TRUTH_COLUMNS, fill_record};

fn config(people: u64, seed: u64) -> SynthConfig {
    SynthConfig { people, seed, period: "2026-11".parse().unwrap(), rates: Rates::default() }
}

struct Month {
    register: Vec<RegisterRow>,
    roster: Vec<RosterRow>,
    truth: Vec<TruthRow>,
}

fn month(config: SynthConfig) -> Month {
    let mut month = Month { register: Vec::new(), roster: Vec::new(), truth: Vec::new() };
    generate(&config, &mut |row| match row {
        SynthRow::Register(row) => month.register.push(row.clone()),
        SynthRow::Roster(row) => month.roster.push(row.clone()),
        SynthRow::Truth(row) => month.truth.push(row.clone()),
    });
    month
}

/// Hashes every field of every row, in order.
fn digest(config: SynthConfig) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let mut errors = String::new();
    generate(&config, &mut |row| match row {
        SynthRow::Register(row) => row.fields().hash(&mut hasher),
        SynthRow::Roster(row) => row.fields().hash(&mut hasher),
        SynthRow::Truth(row) => row.fields(&mut errors).hash(&mut hasher),
    });
    hasher.finish()
}

#[test]
fn a_seed_decides_every_byte() {
    assert_eq!(digest(config(3_000, 7)), digest(config(3_000, 7)));
    assert_ne!(digest(config(3_000, 7)), digest(config(3_000, 8)));
}

#[test]
fn every_enrolment_has_its_truth_and_every_person_their_record() {
    let month = month(config(20_000, 1));
    assert_eq!(month.roster.len(), month.truth.len());
    let register: HashMap<&str, &RegisterRow> =
        month.register.iter().map(|row| (row.national_id.as_str(), row)).collect();
    assert_eq!(register.len(), month.register.len(), "an id was given twice");
    let mut enrolments = HashSet::new();
    for (row, truth) in month.roster.iter().zip(&month.truth) {
        assert_eq!(row.enrolment_id, truth.enrolment_id);
        assert!(enrolments.insert(&row.enrolment_id));
        assert_eq!(truth.ghost, truth.person_national_id.is_empty());
        if !truth.ghost {
            let record = register[truth.person_national_id.as_str()];
            let unregistered = truth.errors.contains(&"death_unregistered");
            assert_eq!(record.vital_status == truth.vital_status, !unregistered);
        }
        let damaged = |tag: &str| truth.errors.iter().any(|error| error.starts_with(tag));
        if !damaged("malformed") {
            let born = &row.date_of_birth;
            assert!(born.is_empty() || BirthDate::parse(born).is_ok(), "{born}");
            assert!(!row.full_name.is_empty());
        }
        assert_eq!(row.decision_no.is_empty(), truth.errors.contains(&"decision_missing"));
        if !damaged("id_") && !truth.ghost {
            assert_eq!(row.national_id, truth.person_national_id, "{:?}", truth.errors);
        }
        if row.payee_relation == "guardian" || row.payee_relation == "authorised" {
            assert!(register.contains_key(row.payee_national_id.as_str()));
        }
    }
    for record in &month.register {
        NationalId::parse(&record.national_id).unwrap();
        VitalStatus::parse(record.vital_status, &record.date_of_death).unwrap();
        BirthDate::parse(&record.date_of_birth).unwrap();
    }
}

#[test]
fn shares_and_rates_come_out_as_configured() {
    let month = month(config(40_000, 2));
    let rows = month.roster.len();
    let share = |what: &str, expected_per_mille: std::ops::Range<usize>, count: usize| {
        let actual = count * 1_000 / rows;
        assert!(expected_per_mille.contains(&actual), "{what}: {actual} per mille of {rows}");
    };
    let channel = |word: &str| month.roster.iter().filter(|row| row.channel == word).count();
    share("bank", 590..660, channel("bank"));
    share("ewallet", 50..110, channel("ewallet"));
    share("mobile money", 130..170, channel("mobile_money"));
    share("cash", 120..180, channel("cash"));
    let benefit = |code: &str| month.roster.iter().filter(|row| row.benefit == code).count();
    share("social pension", 340..400, benefit("monthly"));
    share("disability", 320..380, benefit("k6"));
    share("care", 40..80, benefit("care_household"));
    let tagged = |tag: &str| month.truth.iter().filter(|row| row.errors.contains(&tag)).count();
    share("old card", 40..80, tagged("id_old_card"));
    share("marks lost", 105..130, tagged("name_marks_lost"));
    share("id missing", 25..36, tagged("id_missing"));
    share("enrolled twice", 3..8, tagged("enrolled_twice"));
    share("no decision", 0..2, tagged("decision_missing"));
    let paid = month.truth.iter().filter(|row| row.behaviour == ProviderBehaviour::Pay).count();
    share("pay", 950..970, paid);
}

#[test]
fn rows_have_a_field_for_every_column() {
    let month = month(config(10, 3));
    let mut record = csv::ByteRecord::new();
    let mut errors = String::new();
    fill_record(&mut record, &month.roster[0].fields());
    assert_eq!(record.len(), ROSTER_COLUMNS.len());
    fill_record(&mut record, &month.register[0].fields());
    assert_eq!(record.len(), REGISTER_COLUMNS.len());
    fill_record(&mut record, &month.truth[0].fields(&mut errors));
    assert_eq!(record.len(), TRUTH_COLUMNS.len());
    for columns in [&ROSTER_COLUMNS[..], &REGISTER_COLUMNS, &TRUTH_COLUMNS] {
        assert_eq!(columns.iter().collect::<HashSet<_>>().len(), columns.len());
    }
}

#[test]
fn nothing_goes_wrong_when_every_rate_is_never() {
    let never = Rate::NEVER;
    let rates = Rates {
        middle_missing: never,
        middle_partly_missing: never,
        given_first: never,
        regional_variant: never,
        initial_confused: never,
        final_confused: never,
        tone_confused: never,
        typo: never,
        tone_moved: never,
        y_as_i: never,
        marks_lost: never,
        bar_lost: never,
        tones_lost: never,
        decomposed: never,
        tcvn3: never,
        vni: never,
        upper_case: never,
        lower_case: never,
        space_doubled: never,
        birth_year_only: never,
        birth_swapped: never,
        birth_year_off: never,
        birth_other_day: never,
        birth_missing: never,
        register_year_only: never,
        id_old_card: never,
        id_missing: never,
        id_digit: never,
        id_swap: never,
        id_other_person: never,
        id_zero_lost: never,
        deceased: never,
        enrolled_twice: never,
        ghost: never,
        account_collects: never,
        malformed: never,
        destination_missing: never,
        fact_missing: never,
        decision_missing: never,
        suspended: never,
        reject_closed_account: never,
        return_name_mismatch: never,
        return_deceased: never,
        lose_answer: never,
        late: never,
    };
    let month = month(SynthConfig { rates, ..config(2_000, 4) });
    assert!(month.truth.iter().all(|row| row.errors.is_empty()));
}
