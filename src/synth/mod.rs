//! Synthetic people of Vietnam: a roster, an identity register and the truth, with the slips that
//! real rolls have.
//!
//! Pure and streaming: a seed decides every byte, and memory does not grow with the number of
//! people. Reads: a configuration. Gives: rows to a sink, each person's register row before their
//! enrolments.
//!
//! The rates are assumptions, not measurements of any Vietnamese register: results on these people
//! say whether the machinery works, and not how good it will be on a real roll.

pub mod benefits;
pub mod destinations;
pub mod names;
pub mod people;
pub mod places;
pub mod random;
pub mod rows;
pub mod slips;

use std::collections::VecDeque;

use jiff::Span;
use jiff::civil::Date;

use crate::domain::identity::Sex;
use crate::domain::period::Period;
use crate::identity::legacy::LegacyEncoding;
use crate::synth::benefits::SynthBenefit;
use crate::synth::destinations::Destination;
use crate::synth::names::Name;
use crate::synth::people::{Death, IdOffice, Person};
use crate::synth::random::{Random, Rate};
use crate::synth::rows::{ProviderBehaviour, RegisterRow, RosterRow, TruthRow};

/// What to generate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SynthConfig {
    /// How many beneficiaries; guardians and other payees come on top in the register.
    pub people: u64,
    pub seed: u64,
    /// The month that will be paid.
    pub period: Period,
    pub rates: Rates,
}

/// How often things go wrong, each per enrolment unless it says otherwise. The defaults are
/// assumptions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Names, exclusive of one another.
    pub middle_missing: Rate,
    pub middle_partly_missing: Rate,
    pub given_first: Rate,
    pub regional_variant: Rate,
    /// Names, on top of one another.
    pub initial_confused: Rate,
    pub final_confused: Rate,
    pub tone_confused: Rate,
    pub typo: Rate,
    /// Of the names where the tone can stand on either vowel.
    pub tone_moved: Rate,
    pub y_as_i: Rate,
    /// Encodings, exclusive of one another.
    pub marks_lost: Rate,
    pub bar_lost: Rate,
    pub tones_lost: Rate,
    pub decomposed: Rate,
    pub tcvn3: Rate,
    pub vni: Rate,
    pub upper_case: Rate,
    pub lower_case: Rate,
    pub space_doubled: Rate,
    /// Births.
    pub birth_year_only: Rate,
    pub birth_swapped: Rate,
    pub birth_year_off: Rate,
    pub birth_other_day: Rate,
    pub birth_missing: Rate,
    /// Of the people born before 1965: the register itself knows only the year.
    pub register_year_only: Rate,
    /// Ids, exclusive of one another.
    pub id_old_card: Rate,
    pub id_missing: Rate,
    pub id_digit: Rate,
    pub id_swap: Rate,
    pub id_other_person: Rate,
    pub id_zero_lost: Rate,
    /// People who died, whom the register has; one in ten more it does not have yet.
    pub deceased: Rate,
    pub enrolled_twice: Rate,
    /// Enrolments of nobody.
    pub ghost: Rate,
    /// Accounts that collect for five people each without an authorisation.
    pub account_collects: Rate,
    pub malformed: Rate,
    pub destination_missing: Rate,
    pub fact_missing: Rate,
    /// The row names no decision.
    pub decision_missing: Rate,
    pub suspended: Rate,
    /// What the provider does with the payment.
    pub reject_closed_account: Rate,
    pub return_name_mismatch: Rate,
    pub return_deceased: Rate,
    pub lose_answer: Rate,
    pub late: Rate,
}

impl Default for Rates {
    fn default() -> Rates {
        Rates {
            middle_missing: Rate::percent(3),
            middle_partly_missing: Rate::percent(3),
            given_first: Rate::per_100k(1_500),
            regional_variant: Rate::percent(1),
            initial_confused: Rate::percent(2),
            final_confused: Rate::per_100k(1_500),
            tone_confused: Rate::percent(2),
            typo: Rate::per_100k(1_500),
            tone_moved: Rate::percent(25),
            y_as_i: Rate::percent(4),
            marks_lost: Rate::percent(12),
            bar_lost: Rate::percent(2),
            tones_lost: Rate::percent(1),
            decomposed: Rate::percent(5),
            tcvn3: Rate::per_100k(500),
            vni: Rate::per_100k(500),
            upper_case: Rate::percent(25),
            lower_case: Rate::percent(2),
            space_doubled: Rate::percent(2),
            birth_year_only: Rate::percent(6),
            birth_swapped: Rate::per_100k(1_500),
            birth_year_off: Rate::per_100k(1_500),
            birth_other_day: Rate::percent(1),
            birth_missing: Rate::percent(1),
            register_year_only: Rate::percent(18),
            id_old_card: Rate::percent(8),
            id_missing: Rate::percent(3),
            id_digit: Rate::per_100k(1_500),
            id_swap: Rate::per_100k(500),
            id_other_person: Rate::per_100k(500),
            id_zero_lost: Rate::percent(1),
            deceased: Rate::per_100k(400),
            enrolled_twice: Rate::per_100k(500),
            ghost: Rate::per_100k(500),
            account_collects: Rate::per_100k(50),
            malformed: Rate::per_100k(100),
            destination_missing: Rate::per_100k(300),
            fact_missing: Rate::per_100k(100),
            decision_missing: Rate::per_100k(100),
            suspended: Rate::per_100k(200),
            reject_closed_account: Rate::percent(1),
            return_name_mismatch: Rate::percent(1),
            return_deceased: Rate::per_100k(500),
            lose_answer: Rate::per_100k(500),
            late: Rate::percent(1),
        }
    }
}

/// One row, borrowed from the generator until the sink returns.
pub enum SynthRow<'a> {
    Register(&'a RegisterRow),
    Roster(&'a RosterRow),
    /// Follows the roster row that it is about.
    Truth(&'a TruthRow),
}

/// Generates everything, in one order that the configuration decides.
pub fn generate(config: &SynthConfig, sink: &mut dyn FnMut(SynthRow<'_>)) {
    let mut office = Office {
        config: *config,
        today: config.period.first_day(),
        ids: IdOffice::new(config.seed),
        enrolments: 0,
        neighbours: VecDeque::with_capacity(NEIGHBOURS),
        collector: None,
        fraud: None,
        repeats: VecDeque::new(),
    };
    for person in 0..config.people {
        let mut random = Random::stream(config.seed, person);
        office.enrol(&mut random, person, sink);
        while office.repeats.front().is_some_and(|repeat| repeat.after <= person) {
            office.repeat(&mut random, sink);
        }
    }
    let mut random = Random::stream(config.seed, u64::MAX);
    while !office.repeats.is_empty() {
        office.repeat(&mut random, sink);
    }
}

/// How many people back an id is taken by mistake: the row above, the next of the family.
const NEIGHBOURS: usize = 64;

/// Turns a seed into that of the missing decisions.
const DECISIONS: u64 = 0x5155_5945_5444_4e48;

/// The state that one person leaves to the next. Bounded.
struct Office {
    config: SynthConfig,
    today: Date,
    ids: IdOffice,
    enrolments: u64,
    neighbours: VecDeque<String>,
    /// A son or daughter who collects for one parent and may collect for the other.
    collector: Option<(Person, Destination)>,
    /// An account that collects without authorisation, and for how many more.
    fraud: Option<(Destination, u32)>,
    /// Second enrolments waiting to be written, some way down the roll.
    repeats: VecDeque<Repeat>,
}

struct Repeat {
    /// The number of the person after whom the row is written.
    after: u64,
    person: Person,
    benefit: SynthBenefit,
    row: RosterRow,
}

/// Who receives the money of an enrolment, and where.
struct Receiver {
    /// None when it is the beneficiary.
    payee: Option<Person>,
    /// True when the register already has the payee.
    known: bool,
    relation: &'static str,
    destination: Destination,
}

impl Office {
    fn enrol(&mut self, random: &mut Random, nth: u64, sink: &mut dyn FnMut(SynthRow<'_>)) {
        let rates = self.config.rates;
        let benefit = SynthBenefit::draw(random);
        let age = benefit.draw_age(random);
        let female = benefit.female_percent();
        let year_only = rates.register_year_only;
        let mut person = people::draw(random, &mut self.ids, self.today, age, female, year_only);
        person.death = self.draw_death(random, benefit, &person);
        let ghost = !benefit.is_paid_on_death() && random.happens(rates.ghost);
        // One death in ten is not registered yet.
        let registered =
            person.death == Death::Alive || benefit.is_paid_on_death() || random.below(11) != 0;
        let Receiver { payee, known, relation, destination } =
            self.draw_receiver(random, &person, benefit, age);
        if let Some(payee) = payee.as_ref().filter(|_| known) {
            // The second parent of a child who already collects lives where the first does.
            (person.province, person.commune) = (payee.province, payee.commune);
        }
        let receiver = payee.as_ref().unwrap_or(&person);
        if !ghost {
            let own = payee.is_none().then_some(&destination);
            sink(SynthRow::Register(&register_row(&person, registered, own)));
        }
        if let Some(payee) = &payee
            && !known
        {
            sink(SynthRow::Register(&register_row(payee, true, Some(&destination))));
        }

        let mut row = self.clean_row(random, &person, benefit, age);
        row.payee_name = receiver.name.full();
        row.payee_national_id = receiver.national_id.clone();
        row.payee_relation = relation;
        row.account_name = slips::bank_form(&row.payee_name);
        (row.channel, row.provider, row.account) =
            (destination.channel.word(), destination.provider, destination.account);
        let clean = row.clone();
        let mut truth = self.truth(&person, ghost);
        if !registered {
            truth.errors.push("death_unregistered");
        }
        truth.behaviour = draw_behaviour(random, &rates, person.death);
        self.damage(random, &person, &mut row, &mut truth);
        self.damage_destination(random, &mut row, &mut truth);
        damage_row(random, &rates, &mut row, &mut truth);
        // From a stream of its own, so that the people of a seed are those that they were without it.
        if Random::stream(self.config.seed ^ DECISIONS, nth).happens(rates.decision_missing) {
            row.decision_no.clear();
            truth.errors.push("decision_missing");
        }
        self.emit(&mut row, &mut truth, sink);
        self.emit_care(random, &person, benefit, &row, &truth, sink);

        if !ghost && !benefit.is_paid_on_death() && random.happens(rates.enrolled_twice) {
            let row = RosterRow { enrolment_id: row.enrolment_id.clone(), ..clean };
            let after = nth + random.below(2_000);
            let at = self.repeats.partition_point(|repeat| repeat.after <= after);
            self.repeats.insert(at, Repeat { after, person: person.clone(), benefit, row });
        }
        if !ghost {
            if self.neighbours.len() == NEIGHBOURS {
                self.neighbours.pop_front();
            }
            self.neighbours.push_back(person.national_id);
        }
    }

    /// Writes the next second enrolment: the same person and benefit, decided again elsewhere.
    fn repeat(&mut self, random: &mut Random, sink: &mut dyn FnMut(SynthRow<'_>)) {
        let Some(Repeat { person, benefit, mut row, .. }) = self.repeats.pop_front() else {
            return;
        };
        let mut truth = self.truth(&person, false);
        truth.duplicate_of = std::mem::take(&mut row.enrolment_id);
        truth.errors.push("enrolled_twice");
        truth.behaviour = draw_behaviour(random, &self.config.rates, person.death);
        if random.below(2) == 0 {
            row.commune_code = format!("{:05}", person.province.pick_commune(random));
        }
        row.decision_no = decision_no(random);
        // Decided under the old card and again under the citizen id is how it mostly happens.
        if random.below(2) == 0
            && let Some(previous) = &person.previous_national_id
        {
            row.national_id = previous.clone();
            truth.errors.push("id_old_card");
        }
        debug_assert_eq!(row.benefit, benefit.code());
        let errors = self.config.rates;
        damage_name(random, &errors, &person.name, &mut row, &mut truth);
        self.emit(&mut row, &mut truth, sink);
    }

    fn draw_death(&self, random: &mut Random, benefit: SynthBenefit, person: &Person) -> Death {
        let days_ago = |days: i64| {
            let on = self.today.checked_sub(Span::new().days(days)).unwrap_or(self.today);
            Death::On(on.max(person.born))
        };
        if benefit.is_paid_on_death() {
            return days_ago(random.between(1, 45));
        }
        if !random.happens(self.config.rates.deceased) {
            return Death::Alive;
        }
        match random.below(100) {
            0..=84 => days_ago(random.between(1, 330)),
            85..=96 => days_ago(-random.between(0, 27)),
            _ => Death::DayUnknown,
        }
    }

    /// Who receives: the person, a guardian, an authorised child, who organised the burial.
    fn draw_receiver(
        &mut self,
        random: &mut Random,
        person: &Person,
        benefit: SynthBenefit,
        age: i64,
    ) -> Receiver {
        if age >= 70 && !benefit.is_paid_on_death() {
            if let Some((child, destination)) = self.collector.take_if(|_| random.below(3) == 0) {
                let payee = Some(child);
                return Receiver { payee, known: true, relation: "authorised", destination };
            }
            if random.below(100) < 6 {
                let years = random.between(25, 38);
                let receiver = self.draw_other(random, person, "authorised", age - years);
                let child = receiver.payee.clone();
                self.collector = child.map(|child| (child, receiver.destination.clone()));
                return receiver;
            }
        }
        match benefit {
            _ if benefit.is_paid_on_death() => {
                let younger = random.between(22, 40);
                self.draw_other(random, person, "organiser", (age - younger).max(18))
            }
            _ if age < 16 => {
                let older = random.between(20, 45);
                self.draw_other(random, person, "guardian", age + older)
            }
            SynthBenefit::Disability if random.below(100) < 12 => {
                let apart = random.between(-25, 25);
                self.draw_other(random, person, "guardian", (age + apart).max(20))
            }
            _ => {
                let destination = destinations::draw(random, person.serial, person.commune, age);
                Receiver { payee: None, known: true, relation: "self", destination }
            }
        }
    }

    fn draw_other(
        &mut self,
        random: &mut Random,
        person: &Person,
        relation: &'static str,
        age: i64,
    ) -> Receiver {
        let payee = people::draw_relative(random, &mut self.ids, person, self.today, age);
        let destination = destinations::draw(random, payee.serial, payee.commune, age);
        Receiver { payee: Some(payee), known: false, relation, destination }
    }

    /// The day on which the sender writes the roster, which names no later decision: the twentieth of the month
    /// before.
    fn listed_on(&self) -> Date {
        let month = self.config.period.plus(-1).first_day();
        month.checked_add(Span::new().days(19)).unwrap_or(month)
    }

    /// The enrolment as it should be written.
    fn clean_row(
        &self,
        random: &mut Random,
        person: &Person,
        benefit: SynthBenefit,
        age: i64,
    ) -> RosterRow {
        let (from_age, to_age) = benefit.ages(age);
        let birthday = |years: i64| person.born.checked_add(Span::new().years(years)).ok();
        let months_ago = |months: i32| self.config.period.plus(-months).first_day();
        let earliest = birthday(from_age).unwrap_or(person.born).max(months_ago(60));
        let earliest = match (benefit, person.death) {
            (SynthBenefit::Funeral | SynthBenefit::PensionerFuneral, Death::On(on)) => on,
            (SynthBenefit::SocialPension, _) => earliest.max(social_pension_began()),
            _ => earliest,
        };
        let latest = self.today.max(earliest);
        let days = earliest.until(latest).map(|span| i64::from(span.get_days())).unwrap_or(0);
        let decided = earliest
            .checked_add(Span::new().days(random.between(0, days.max(0))))
            .unwrap_or(latest)
            .min(self.listed_on())
            .max(earliest);
        let ends = to_age.and_then(birthday).map(|day| day.last_of_month().to_string());
        let mut facts = benefit.draw_facts(random, age, person.sex == Sex::Female);
        if benefit == SynthBenefit::OrphanStudent {
            // Courses end in June of this school year or of one of the next.
            let years = i16::from(self.today.month() > 6) + random.between(0, 2) as i16;
            facts.study_ends = format!("{}-06-30", self.today.year() + years);
        }
        if !facts.disability_level.is_empty() {
            let certified = decided.checked_sub(Span::new().days(random.between(5, 60)));
            facts.disability_certificate_date =
                certified.unwrap_or(decided).max(person.born).to_string();
        }
        RosterRow {
            national_id: person.national_id.clone(),
            full_name: person.name.full(),
            date_of_birth: birth_text(person),
            sex: person.sex.word(),
            commune_code: format!("{:05}", person.commune),
            programme: benefit.programme(),
            benefit: benefit.code(),
            decision_no: decision_no(random),
            decision_date: decided.to_string(),
            entitled_from: decided.first_of_month().to_string(),
            entitled_to: ends.unwrap_or_default(),
            status: "active",
            household_id: format!("HH{:09}", person.serial),
            facts,
            ..RosterRow::default()
        }
    }

    fn truth(&self, person: &Person, ghost: bool) -> TruthRow {
        let (vital_status, date_of_death) = vital(person.death);
        TruthRow {
            person_national_id: if ghost { String::new() } else { person.national_id.clone() },
            vital_status,
            date_of_death,
            ghost,
            ..TruthRow::default()
        }
    }

    /// Name, birth and id, as they go wrong.
    fn damage(
        &mut self,
        random: &mut Random,
        person: &Person,
        row: &mut RosterRow,
        truth: &mut TruthRow,
    ) {
        let rates = self.config.rates;
        damage_name(random, &rates, &person.name, row, truth);
        if let Some((text, tag)) = damaged_birth(random, &rates, person) {
            row.date_of_birth = text;
            truth.errors.push(tag);
        }
        let neighbour = match self.neighbours.len() {
            0 => None,
            count => self.neighbours.get(random.below(count as u64) as usize).cloned(),
        };
        let ladder = [
            (rates.id_old_card, "id_old_card"),
            (rates.id_missing, "id_missing"),
            (rates.id_digit, "id_digit"),
            (rates.id_swap, "id_swap"),
            (rates.id_other_person, "id_other_person"),
            (rates.id_zero_lost, "id_zero_lost"),
        ];
        let Some(tag) = one_of(random, &ladder) else {
            return;
        };
        let damaged = match tag {
            "id_old_card" => person.previous_national_id.clone(),
            "id_missing" => Some(String::new()),
            "id_digit" => slips::digit_mistyped(random, &person.national_id),
            "id_swap" => slips::digits_swapped(random, &person.national_id),
            "id_other_person" => neighbour,
            _ => slips::zero_lost(&person.national_id),
        };
        if let Some(id) = damaged {
            truth.errors.push(tag);
            row.national_id = id;
        }
    }

    fn damage_destination(
        &mut self,
        random: &mut Random,
        row: &mut RosterRow,
        truth: &mut TruthRow,
    ) {
        let rates = self.config.rates;
        if row.channel != "cash" && random.happens(rates.account_collects) {
            let (destination, left) = match self.fraud.take() {
                Some(fraud) => fraud,
                None => {
                    let serial = self.ids.serial();
                    let mut destination = destinations::draw(random, serial, 0, 40);
                    while destination.channel == destinations::SynthChannel::Cash {
                        destination = destinations::draw(random, serial, 0, 40);
                    }
                    (destination, 5)
                }
            };
            row.payee_relation = "self";
            row.payee_name = row.full_name.clone();
            row.payee_national_id = row.national_id.clone();
            (row.channel, row.provider) = (destination.channel.word(), destination.provider);
            row.account = destination.account.clone();
            truth.errors.push("account_shared");
            self.fraud = (left > 1).then_some((destination, left - 1));
        }
        if truth.behaviour == ProviderBehaviour::ReturnNameMismatch {
            let other = Name::draw(random, Sex::Male, 1975, false);
            row.account_name = slips::bank_form(&other.full());
        }
        if random.happens(rates.destination_missing) {
            (row.channel, row.provider) = ("", "");
            row.account.clear();
            row.account_name.clear();
            truth.errors.push("destination_missing");
        }
    }

    /// Care is an enrolment of its own beside that of the person cared for, paid to the carer.
    fn emit_care(
        &mut self,
        random: &mut Random,
        person: &Person,
        benefit: SynthBenefit,
        cared_for: &RosterRow,
        truth: &TruthRow,
        sink: &mut dyn FnMut(SynthRow<'_>),
    ) {
        let (care, percent) = match benefit {
            SynthBenefit::Disability if cared_for.facts.pregnant == "yes" => {
                let mut row = RosterRow {
                    benefit: SynthBenefit::Maternity.code(),
                    decision_no: decision_no(random),
                    ..cared_for.clone()
                };
                row.facts.children_under_36_months = *random.pick_early(&["0", "1", "2"]);
                let mut truth = truth.clone();
                truth.errors.retain(|error| *error != "decision_missing");
                self.emit(&mut row, &mut truth, sink);
                return;
            }
            SynthBenefit::Disability if cared_for.facts.disability_level == "especially_severe" => {
                (SynthBenefit::CareHousehold, 70)
            }
            SynthBenefit::Orphan => (SynthBenefit::CareFoster, 12),
            _ => return,
        };
        if random.below(100) >= percent {
            return;
        }
        let age = person.age_on(self.today);
        let carer_age = (age + random.between(-10, 35)).clamp(20, 85);
        let carer = people::draw_relative(random, &mut self.ids, person, self.today, carer_age);
        let destination = destinations::draw(random, carer.serial, carer.commune, carer_age);
        sink(SynthRow::Register(&register_row(&carer, true, Some(&destination))));
        let payee_name = carer.name.full();
        let mut row = RosterRow {
            programme: care.programme(),
            benefit: care.code(),
            decision_no: decision_no(random),
            account_name: slips::bank_form(&payee_name),
            payee_name,
            payee_national_id: carer.national_id,
            payee_relation: "carer",
            channel: destination.channel.word(),
            provider: destination.provider,
            account: destination.account,
            ..cared_for.clone()
        };
        let mut truth = TruthRow {
            behaviour: draw_behaviour(random, &self.config.rates, person.death),
            ..truth.clone()
        };
        // What went wrong with the other row's destination, form or decision is not copied with the person.
        truth.errors.retain(|error| {
            !matches!(
                *error,
                "account_shared" | "destination_missing" | "malformed_benefit" | "decision_missing"
            )
        });
        self.emit(&mut row, &mut truth, sink);
    }

    fn emit(
        &mut self,
        row: &mut RosterRow,
        truth: &mut TruthRow,
        sink: &mut dyn FnMut(SynthRow<'_>),
    ) {
        self.enrolments += 1;
        row.enrolment_id = format!("E{:010}", self.enrolments);
        truth.enrolment_id.clone_from(&row.enrolment_id);
        sink(SynthRow::Roster(row));
        sink(SynthRow::Truth(truth));
    }
}

/// The social pension is paid since 1 July 2025 (Law 41/2024/QH15).
fn social_pension_began() -> Date {
    Date::constant(2025, 7, 1)
}

fn register_row(person: &Person, death_registered: bool, own: Option<&Destination>) -> RegisterRow {
    let (vital_status, date_of_death) = match death_registered {
        true => vital(person.death),
        false => ("alive", String::new()),
    };
    // The register knows the account of about three in five, through the national application.
    let own =
        own.filter(|own| person.serial % 5 < 3 && own.channel != destinations::SynthChannel::Cash);
    RegisterRow {
        national_id: person.national_id.clone(),
        previous_national_id: person.previous_national_id.clone().unwrap_or_default(),
        full_name: person.name.full(),
        date_of_birth: birth_text(person),
        sex: person.sex.word(),
        vital_status,
        date_of_death,
        commune_code: format!("{:05}", person.commune),
        account: own.map(|own| own.account.clone()).unwrap_or_default(),
        provider: own.map_or("", |own| own.provider),
    }
}

fn vital(death: Death) -> (&'static str, String) {
    match death {
        Death::Alive => ("alive", String::new()),
        Death::On(on) => ("deceased", on.to_string()),
        Death::DayUnknown => ("deceased", String::new()),
    }
}

/// Half of those with a year only are written as a year, half with the first of January.
fn birth_text(person: &Person) -> String {
    match person.year_only && person.serial.is_multiple_of(2) {
        true => person.born.year().to_string(),
        false => person.born.to_string(),
    }
}

fn decision_no(random: &mut Random) -> String {
    format!("{}/QĐ-UBND", random.between(1, 2_999))
}

/// At most one of several exclusive slips.
fn one_of(random: &mut Random, ladder: &[(Rate, &'static str)]) -> Option<&'static str> {
    let mut draw = random.below(100_000);
    for (rate, tag) in ladder {
        let parts = u64::from(rate.parts_per_100k());
        if draw < parts {
            return Some(tag);
        }
        draw -= parts;
    }
    None
}

fn damage_name(
    random: &mut Random,
    rates: &Rates,
    name: &Name,
    row: &mut RosterRow,
    truth: &mut TruthRow,
) {
    let parts = one_of(
        random,
        &[
            (rates.middle_missing, "name_middle_missing"),
            (rates.middle_partly_missing, "name_middle_partly_missing"),
            (rates.given_first, "name_given_first"),
            (rates.regional_variant, "name_regional_variant"),
        ],
    );
    let mut text = name.full();
    let mut slip = |damaged: Option<String>, tag: &'static str, text: &mut String| {
        if let Some(damaged) = damaged {
            *text = damaged;
            truth.errors.push(tag);
        }
    };
    let reordered = match parts {
        Some("name_middle_missing") => slips::middle_missing(name),
        Some("name_middle_partly_missing") => slips::middle_partly_missing(random, name),
        Some("name_given_first") => slips::given_first(name),
        Some("name_regional_variant") => slips::regional_variant(name),
        _ => None,
    };
    slip(reordered, parts.unwrap_or(""), &mut text);
    if random.happens(rates.initial_confused) {
        slip(slips::initial_confused(random, &text), "name_initial_confused", &mut text);
    }
    if random.happens(rates.final_confused) {
        slip(slips::final_confused(random, &text), "name_final_confused", &mut text);
    }
    if random.happens(rates.tone_confused) {
        slip(slips::tone_confused(&text), "name_tone_confused", &mut text);
    }
    if random.happens(rates.typo) {
        slip(slips::typo(random, &text), "name_typo", &mut text);
    }
    if random.happens(rates.tone_moved) {
        slip(slips::tone_moved(&text), "name_tone_moved", &mut text);
    }
    if random.happens(rates.y_as_i) {
        slip(slips::y_as_i(&text), "name_y_as_i", &mut text);
    }
    let encoding = one_of(
        random,
        &[
            (rates.marks_lost, "name_marks_lost"),
            (rates.bar_lost, "name_bar_lost"),
            (rates.tones_lost, "name_tones_lost"),
            (rates.decomposed, "name_decomposed"),
            (rates.tcvn3, "name_tcvn3"),
            (rates.vni, "name_vni"),
        ],
    );
    // Capitals come first: an old encoding has no capitals to make afterwards.
    let case =
        one_of(random, &[(rates.upper_case, "name_upper"), (rates.lower_case, "name_lower")]);
    match case {
        Some("name_upper") => slip(Some(text.to_uppercase()), "name_upper", &mut text),
        Some("name_lower") => slip(Some(text.to_lowercase()), "name_lower", &mut text),
        _ => {}
    }
    let encoded = match encoding {
        Some("name_marks_lost") => slips::marks_lost(&text),
        Some("name_bar_lost") => slips::bar_lost(&text),
        Some("name_tones_lost") => slips::tones_lost(&text),
        Some("name_decomposed") => slips::decomposed(&text),
        Some("name_tcvn3") => Some(LegacyEncoding::Tcvn3.damage(&text)),
        Some("name_vni") => Some(LegacyEncoding::Vni.damage(&text)),
        _ => None,
    };
    let encoded = encoded.filter(|encoded| *encoded != text);
    slip(encoded, encoding.unwrap_or(""), &mut text);
    if random.happens(rates.space_doubled) {
        slip(slips::space_doubled(&text), "name_space_doubled", &mut text);
    }
    row.full_name = text;
}

/// The date of birth as a clerk wrote it, and the slip's name.
fn damaged_birth(
    random: &mut Random,
    rates: &Rates,
    person: &Person,
) -> Option<(String, &'static str)> {
    let tag = one_of(
        random,
        &[
            (rates.birth_year_only, "birth_year_only"),
            (rates.birth_swapped, "birth_swapped"),
            (rates.birth_year_off, "birth_year_off"),
            (rates.birth_other_day, "birth_other_day"),
            (rates.birth_missing, "birth_missing"),
        ],
    )?;
    let born = person.born;
    let (year, month, day) = (born.year(), born.month(), born.day());
    let off = if random.below(2) == 0 { -1 } else { 1 };
    let written = match tag {
        "birth_year_only" if !person.year_only => match random.below(10) {
            0..=6 => format!("{year}-01-01"),
            _ => year.to_string(),
        },
        "birth_swapped" if day <= 12 && day != month && !person.year_only => {
            format!("{year}-{day:02}-{month:02}")
        }
        "birth_year_off" if person.year_only => (year + off).to_string(),
        // A birthday that the other year lacks is not what anybody wrote.
        "birth_year_off" => Date::new(year + off, month, day).ok()?.to_string(),
        "birth_other_day" if !person.year_only => {
            Date::new(year, month, 1 + (day + random.between(1, 20) as i8) % 28).ok()?.to_string()
        }
        "birth_missing" => String::new(),
        _ => return None,
    };
    Some((written, tag))
}

/// What the row as a whole suffers: a form that intake refuses, a fact left out, a suspension.
fn damage_row(random: &mut Random, rates: &Rates, row: &mut RosterRow, truth: &mut TruthRow) {
    if random.happens(rates.malformed) {
        let tag = *random.pick(&["malformed_date", "malformed_benefit", "malformed_name"]);
        truth.errors.push(tag);
        match tag {
            "malformed_date" => row.date_of_birth = "1950-02-31".to_string(),
            "malformed_benefit" => row.benefit = "k99",
            _ => row.full_name.clear(),
        }
    }
    if random.happens(rates.fact_missing) {
        let facts = &mut row.facts;
        let needed = [&mut facts.disability_level, &mut facts.studying, &mut facts.raised_children];
        if let Some(fact) = needed.into_iter().find(|fact| !fact.is_empty()) {
            *fact = "";
            truth.errors.push("fact_missing");
        }
    }
    if random.happens(rates.suspended) {
        row.status = "suspended";
        truth.errors.push("suspended");
    }
}

fn draw_behaviour(random: &mut Random, rates: &Rates, death: Death) -> ProviderBehaviour {
    let drawn = one_of(
        random,
        &[
            (rates.reject_closed_account, "reject_closed_account"),
            (rates.return_name_mismatch, "return_name_mismatch"),
            (rates.return_deceased, "return_deceased"),
            (rates.lose_answer, "lose_answer"),
            (rates.late, "late"),
        ],
    );
    // A bank learns of most deaths, whether or not the register has.
    if death != Death::Alive && random.below(10) < 6 {
        return ProviderBehaviour::ReturnDeceased;
    }
    drawn.and_then(ProviderBehaviour::parse).unwrap_or_default()
}

#[cfg(test)]
mod tests;
