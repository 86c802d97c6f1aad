//! Asks who one person is and what the law gives, from the rows that stand on the roster.
//!
//! The month's decision and its explanation later both come from here, so that they cannot differ.

use std::collections::HashMap;

use jiff::civil::Date;

use super::Terms;
use super::listings::{Before, Listings};
use super::seen::released;
use super::stored::{Listed, Register, unwritten};
use crate::domain::claim::Claim;
use crate::domain::exception::RowOutcome;
use crate::domain::hold::{HoldCode, HoldScope};
use crate::domain::identity::{BirthDate, IdentityRecord, Sex as RecordedSex};
use crate::domain::ids::{EnrolmentNo, PersonNo};
use crate::domain::national_id::NationalId;
use crate::domain::period::Period;
use crate::domain::roster::{EnrolmentStatus, RosterRow};
use crate::domain::state::Named;
use crate::engine::EngineError;
use crate::identity::ladder::Rule;
use crate::pipeline::entitle::{self, Entitled, Scratch, entitle_into};
use crate::pipeline::reconcile::{self, ReconcilePolicy, reconcile};
use crate::rules::explain::{Language, held_sentence};
use crate::rules::pack::{BenefitId, BenefitKind};
use crate::rules::question::Unasked;
use crate::rules::{Determined, DobPrecision, EnrolmentCase, FactRow, LawBook, PersonCase, Sex};

/// How one row ended that gives no entitlement.
pub struct Ended {
    pub outcome: RowOutcome,
    pub code: String,
    pub detail: String,
    pub rule: &'static str,
    /// The law is asked all the same about the months for which something was determined.
    is_asked: bool,
}

/// Whether the law is asked about a row.
fn is_asked(ended: &Option<Ended>) -> bool {
    ended.as_ref().is_none_or(|ended| ended.is_asked)
}

/// The rows of one person and how each was reconciled.
#[derive(Clone, Copy)]
pub struct PersonRows<'a> {
    pub listed: &'a [Listed],
    pub decisions: &'a [reconcile::Decision],
}

/// What the law may ask about the rows of one person.
pub struct Known {
    facts: Vec<FactRow>,
    histories: Vec<Vec<Determined>>,
    /// How each row was listed before.
    before: Vec<Before>,
    /// Of enrolments that the law is not asked about.
    unasked: Vec<(EnrolmentNo, BenefitId, Vec<Determined>)>,
}

/// What is decided about one person.
pub struct Judged<'a> {
    /// For every row; None where something is owed.
    pub ended: Vec<Option<Ended>>,
    /// The rows that the law was asked about: their places among the person's rows.
    pub asked: Vec<usize>,
    pub cases: Vec<EnrolmentCase<'a>>,
    unasked: Vec<Unasked<'a>>,
    date_of_birth: Option<(Date, DobPrecision)>,
    sex: Option<Sex>,
    date_of_death: Option<Date>,
    /// The register says so, or two officers have found that it is wrong about a death.
    pub is_living: bool,
}

impl Judged<'_> {
    /// The person as the law was asked.
    pub fn case(&self) -> PersonCase<'_> {
        PersonCase {
            date_of_birth: self.date_of_birth,
            sex: self.sex,
            date_of_death: self.date_of_death,
            enrolments: &self.cases,
            unasked: &self.unasked,
        }
    }
}

/// Reconciles the rows of a shard with the register: one decision for each row, in its order.
pub fn reconciled(
    terms: &Terms,
    listed: &[Listed],
    register: &Register,
) -> Vec<reconcile::Decision> {
    let pack = &terms.programmes.pack;
    let records: Vec<IdentityRecord<'_>> = register
        .rows()
        .iter()
        .filter_map(|row| {
            Some(IdentityRecord {
                record_no: row.line,
                national_id: NationalId::parse(&row.national_id).ok()?,
                previous_national_id: NationalId::parse(&row.previous_national_id).ok(),
                full_name: &row.full_name,
                born: row.date_of_birth,
                sex: row.sex,
                vital: row.vital,
            })
        })
        .collect();
    let enrolments: Vec<reconcile::Enrolment<'_>> = listed
        .iter()
        .map(|one| {
            let benefit = pack.benefit(&one.row.programme, &one.row.benefit);
            let entry = benefit.map(|benefit| pack.benefit_at(benefit));
            reconcile::Enrolment {
                enrolment_no: one.enrolment.number() as u64,
                enrolment_id: &one.row.enrolment_id,
                decided_on: one.row.decision_date,
                person_no: one.person.number() as u64,
                national_id: Some(one.row.national_id.as_str()),
                full_name: &one.row.full_name,
                born: one.row.date_of_birth,
                sex: one.row.sex,
                benefit: benefit.map_or(u16::MAX, |benefit| benefit.0),
                is_live: one.row.status == EnrolmentStatus::Active && !one.is_repeated,
                paid_on_death: entry.is_some_and(|benefit| benefit.kind == BenefitKind::OneOff),
                // Accounts are compared across shards, at import.
                account: None,
                payee_authorised: one.row.payee.is_some(),
            }
        })
        .collect();
    reconcile(reconcile::Input {
        enrolments: &enrolments,
        register: &records,
        period: terms.cycle.period,
        policy: ReconcilePolicy { beneficiaries_per_account_max: terms.account_max },
    })
    .decisions
}

/// What was determined before, by person.
pub fn by_person(claims: &[Claim]) -> HashMap<PersonNo, Vec<&Claim>> {
    let mut found: HashMap<PersonNo, Vec<&Claim>> = HashMap::new();
    for claim in claims {
        found.entry(claim.person).or_default().push(claim);
    }
    found
}

/// Gathers what the law may ask. `claims` are the person's.
pub fn known(
    terms: &Terms,
    rows: PersonRows<'_>,
    ended: &[Option<Ended>],
    claims: &[&Claim],
    listings: &Listings,
) -> Result<Known, EngineError> {
    let before = rows.listed.iter().map(|one| listings.before(terms, one.enrolment));
    let before = before.collect::<Result<_, _>>()?;
    let facts =
        rows.listed.iter().map(|one| fact_row(terms, &one.row)).collect::<Result<_, _>>()?;
    let asked = |enrolment: EnrolmentNo| {
        let mut both = rows.listed.iter().zip(ended);
        both.any(|(one, ended)| one.enrolment == enrolment && is_asked(ended))
    };
    let mut histories: Vec<Vec<Determined>> = Vec::with_capacity(rows.listed.len());
    let mut inherited: Vec<(&str, &str)> = Vec::new();
    let mut of_others: Vec<&Claim> =
        claims.iter().copied().filter(|claim| !asked(claim.enrolment)).collect();
    for (one, ended) in rows.listed.iter().zip(ended) {
        let own: Vec<&Claim> =
            claims.iter().copied().filter(|claim| claim.enrolment == one.enrolment).collect();
        let mut counted = own.clone();
        let benefit = (one.row.programme.as_str(), one.row.benefit.as_str());
        // A sender may give an enrolment another id. What the person got under the old one for a month
        // in which this row runs has been determined, and goes to the first row of the benefit.
        if ended.is_none() && !inherited.contains(&benefit) && claims.len() > own.len() {
            inherited.push(benefit);
            let start = one.row.entitled_from.or(one.row.decision_date);
            let start = start.and_then(|day| Period::of(day).ok());
            let (same, others) = of_others.into_iter().partition(|claim| {
                (claim.programme.as_str(), claim.benefit.as_str()) == benefit
                    && start.is_none_or(|start| claim.period >= start)
                    && !own.iter().any(|owned| {
                        owned.period == claim.period && owned.component == claim.component
                    })
            });
            let same: Vec<&Claim> = same;
            counted.extend(same);
            of_others = others;
        }
        histories.push(determined(terms, &counted));
    }
    Ok(Known { facts, histories, before, unasked: unasked(terms, &of_others) })
}

/// Decides the persons of one shard, one after another.
pub struct Judge<'s, 'p> {
    pub terms: &'s Terms,
    pub book: &'s LawBook<'p>,
    pub register: &'s Register,
    scratch: Scratch,
}

impl<'s, 'p> Judge<'s, 'p> {
    pub fn new(terms: &'s Terms, book: &'s LawBook<'p>, register: &'s Register) -> Judge<'s, 'p> {
        Judge { terms, book, register, scratch: Scratch::default() }
    }

    /// Decides one person, whose rows in `ended` are not for the law, but for what it takes back; what it gives is left in `entitled`.
    pub fn person<'a>(
        &mut self,
        rows: PersonRows<'_>,
        ended: Vec<Option<Ended>>,
        known: &'a Known,
        entitled: &mut Entitled,
    ) -> Result<Judged<'a>, EngineError> {
        let Judge { terms, book, register, scratch } = self;
        let pack = book.pack();
        let asked: Vec<usize> = (0..ended.len()).filter(|place| is_asked(&ended[*place])).collect();
        let mut cases = Vec::with_capacity(asked.len());
        for &place in &asked {
            let one = &rows.listed[place];
            cases.push(EnrolmentCase {
                key: one.enrolment.number() as u64,
                benefit: pack.benefit(&one.row.programme, &one.row.benefit).ok_or_else(|| {
                    EngineError::Inconsistent(
                        "a stored row names a benefit that the pack no longer has".to_owned(),
                    )
                })?,
                decision_date: one.row.decision_date,
                entitled_from: one.row.entitled_from,
                entitled_to: one.row.entitled_to,
                paid_through: one.row.paid_through,
                facts: &known.facts[place],
                history: &known.histories[place],
                before: &known.before[place].listings,
                absent: &known.before[place].absent,
                absent_is_owed: released(terms, register, rows, place, HoldCode::BackAfterAbsence),
                is_ended: ended[place].is_some(),
            });
        }
        let goes_on = asked.iter().find(|place| ended[**place].is_none());
        let first = goes_on.or(asked.first()).copied().unwrap_or(0);
        let first = &rows.listed[first].row;
        let record = rows
            .listed
            .iter()
            .zip(rows.decisions)
            .filter(|(one, _)| !one.is_repeated)
            .find_map(|(_, decision)| decision.record_no);
        // Two officers have found that the register is wrong: the law is asked about a living person.
        let lives = rows.decisions.iter().enumerate().any(|(place, decision)| {
            decision.hold_of_identity() == Some(HoldCode::Deceased)
                && released(terms, register, rows, place, HoldCode::Deceased)
        });
        let mut judged = Judged {
            ended,
            asked,
            cases,
            unasked: known.unasked.iter().map(unasked_case).collect(),
            date_of_birth: first.date_of_birth.map(birth),
            sex: first.sex.map(sex),
            date_of_death: record.filter(|_| !lives).and_then(|line| register.died_on(line)),
            is_living: lives || record.is_some_and(|line| register.says_alive(line)),
        };
        if judged.cases.is_empty() {
            *entitled = Entitled::default();
            return Ok(judged);
        }
        entitle_into(book, &terms.months, &judged.case(), scratch, entitled);
        for (outcome, place) in entitled.outcomes.iter().zip(&judged.asked) {
            let rule = rows.decisions[*place].rule.id();
            if judged.ended[*place].is_some() && *outcome != entitle::Outcome::Entitled {
                continue;
            }
            judged.ended[*place] = match outcome {
                entitle::Outcome::Entitled => None,
                entitle::Outcome::Nil(clause) => {
                    let clause = pack.clause_at(*clause);
                    Some(Ended {
                        outcome: RowOutcome::Nil,
                        code: clause.id.clone(),
                        detail: clause.reason.en.clone(),
                        rule,
                        is_asked: false,
                    })
                }
                entitle::Outcome::Held { held, missing } => {
                    let names: Vec<String> =
                        missing.iter().map(|input| pack.input_name(*input)).collect();
                    Some(Ended {
                        outcome: RowOutcome::Held,
                        code: held.code().to_owned(),
                        detail: match names.is_empty() {
                            true => held_sentence(pack, held, missing, Language::English),
                            false => format!("missing: {}", names.join(", ")),
                        },
                        rule,
                        is_asked: false,
                    })
                }
            };
        }
        Ok(judged)
    }
}

/// How the rows ended that do not go on to the law. `check` is the second hash of the national id under
/// which the person is known; `claims` are the person's.
pub fn ended_before_the_law(
    terms: &Terms,
    register: &Register,
    rows: PersonRows<'_>,
    check: Option<i64>,
    claims: &[&Claim],
) -> Vec<Option<Ended>> {
    let mut ended: Vec<Option<Ended>> = Vec::with_capacity(rows.listed.len());
    for (place, (listed, decision)) in rows.listed.iter().zip(rows.decisions).enumerate() {
        let end = |outcome, code: &str, detail: &str| {
            Some(Ended {
                outcome,
                code: code.to_owned(),
                detail: detail.to_owned(),
                rule: decision.rule_of(code).id(),
                is_asked: false,
            })
        };
        let collides =
            listed.check != 0 && check.is_some_and(|known| known != 0 && known != listed.check);
        ended.push(if listed.is_repeated {
            end(RowOutcome::Refused, "I209", "this enrolment id stands on the roster twice")
        } else if collides {
            end(RowOutcome::Refused, "I210", "the person's number belongs to another national id")
        } else if listed.row.status != EnrolmentStatus::Active {
            let detail = "the sender reports the enrolment as ended or paused";
            end(RowOutcome::Ceased, listed.row.status.name(), detail)
        } else if is_paid_for_another_benefit(terms, listed, claims) {
            let detail = "another benefit was paid under this enrolment id: a move to another benefit has an id of its own";
            end(RowOutcome::Refused, "I213", detail)
        } else {
            let mut holds = holds_before_the_law(terms, listed, decision);
            let in_force = holds.find(|code| !released(terms, register, rows, place, *code));
            in_force.and_then(|code| end(RowOutcome::Held, code.text(), code.entry().en))
        });
    }
    for place in 0..ended.len() {
        let settles = settles_what_was_determined(terms, register, rows, place, &ended, claims);
        if let Some(ended) = &mut ended[place] {
            ended.is_asked = settles;
        }
    }
    ended
}

/// Whether the law is asked about an ended row: what was determined for months after its end is taken back, and
/// law that changed since is worked out for those before. Not where the row would be held, where its id was paid
/// another benefit, and where what it got has gone on to another row of the benefit; and of what is owed once only
/// when it has ended before its month.
fn settles_what_was_determined(
    terms: &Terms,
    register: &Register,
    rows: PersonRows<'_>,
    place: usize,
    ended: &[Option<Ended>],
    claims: &[&Claim],
) -> bool {
    let (listed, decision) = (&rows.listed[place], &rows.decisions[place]);
    let pack = &terms.programmes.pack;
    let is_ended = ended[place].as_ref().is_some_and(|one| one.outcome == RowOutcome::Ceased)
        && listed.row.status == EnrolmentStatus::Ceased;
    let Some(benefit) = pack.benefit(&listed.row.programme, &listed.row.benefit) else {
        return false;
    };
    let mut holds = holds_before_the_law(terms, listed, decision);
    let mut is_held = || holds.any(|code| !released(terms, register, rows, place, code));
    let goes_on_elsewhere = || {
        let mut others = rows.listed.iter().zip(ended);
        others.any(|(one, ended)| {
            let of = (&one.row.programme, &one.row.benefit);
            ended.is_none() && of == (&listed.row.programme, &listed.row.benefit)
        })
    };
    let once = pack.benefit_at(benefit).kind == BenefitKind::OneOff;
    is_ended
        && claims.iter().any(|claim| claim.enrolment == listed.enrolment)
        && !is_paid_for_another_benefit(terms, listed, claims)
        && !goes_on_elsewhere()
        && (!once || is_paid_after_its_end(terms, listed, claims))
        && !is_held()
}

/// Whether a row has ended before what was determined under its enrolment: what it says counts from the month of
/// the list, or from an earlier one that it names.
fn is_paid_after_its_end(terms: &Terms, listed: &Listed, claims: &[&Claim]) -> bool {
    let named = listed.row.changed_from.unwrap_or(terms.cycle.period);
    let from = named.min(terms.cycle.period);
    let after = |claim: &&&Claim| claim.enrolment == listed.enrolment && claim.period >= from;
    let after: Vec<&Claim> = claims.iter().filter(after).copied().collect();
    determined(terms, &after).iter().any(|one| one.amount_minor != 0)
}

/// Whether something was determined under the row's enrolment id in another benefit, and not taken back.
fn is_paid_for_another_benefit(terms: &Terms, listed: &Listed, claims: &[&Claim]) -> bool {
    let benefit = (&listed.row.programme, &listed.row.benefit);
    let of_another = |claim: &&&Claim| {
        claim.enrolment == listed.enrolment && (&claim.programme, &claim.benefit) != benefit
    };
    let claims: Vec<&Claim> = claims.iter().filter(of_another).copied().collect();
    determined(terms, &claims).iter().any(|one| one.amount_minor != 0)
}

/// What would keep a row back before the law is asked, whether officers released it or not. The first in
/// force counts: a second enrolment before what else holds it, because that takes two officers.
pub fn holds_before_the_law(
    terms: &Terms,
    listed: &Listed,
    decision: &reconcile::Decision,
) -> impl Iterator<Item = HoldCode> {
    let is_second = decision.rule == Rule::EnrolledTwice
        || terms.under_both_numbers.contains(&listed.enrolment);
    let of_identity = decision.hold_of_identity().filter(|code| code.scope() == HoldScope::Row);
    let is_unnumbered = listed.row.decision_no.is_empty()
        && terms.programmes.pack.needs_decision_number(&listed.row.programme);
    let is_to_come = listed.row.decision_date.is_some_and(|day| day > terms.opened_on);
    let is_perhaps_known = terms.perhaps_known.contains(&listed.enrolment);
    [
        is_second.then_some(HoldCode::EnrolledTwice),
        is_perhaps_known.then_some(HoldCode::PerhapsKnown),
        of_identity,
        is_unnumbered.then_some(HoldCode::DecisionNumberMissing),
        is_to_come.then_some(HoldCode::DecisionNotInForce),
    ]
    .into_iter()
    .flatten()
}

fn fact_row(terms: &Terms, row: &RosterRow) -> Result<FactRow, EngineError> {
    let pack = &terms.programmes.pack;
    let mut facts = pack.fact_row();
    for (at, text) in row.facts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        facts.set(at, pack.parse_fact(at, text).map_err(|_| unwritten())?);
    }
    Ok(facts)
}

fn unasked_case(
    (enrolment, benefit, history): &(EnrolmentNo, BenefitId, Vec<Determined>),
) -> Unasked<'_> {
    Unasked { key: enrolment.number() as u64, benefit: *benefit, history }
}

/// What was determined for enrolments that the law is not asked about, by enrolment and benefit.
fn unasked(terms: &Terms, claims: &[&Claim]) -> Vec<(EnrolmentNo, BenefitId, Vec<Determined>)> {
    let pack = &terms.programmes.pack;
    let mut by_benefit: Vec<(EnrolmentNo, BenefitId, Vec<&Claim>)> = Vec::new();
    for &claim in claims {
        let Some(benefit) = pack.benefit(&claim.programme, &claim.benefit) else { continue };
        let known = by_benefit
            .iter_mut()
            .find(|(enrolment, of, _)| (*enrolment, *of) == (claim.enrolment, benefit));
        match known {
            Some((_, _, claims)) => claims.push(claim),
            None => by_benefit.push((claim.enrolment, benefit, vec![claim])),
        }
    }
    let summed = by_benefit.into_iter();
    summed.map(|(enrolment, benefit, of)| (enrolment, benefit, determined(terms, &of))).collect()
}

/// What earlier cycles determined for an enrolment, by month and component.
fn determined(terms: &Terms, claims: &[&Claim]) -> Vec<Determined> {
    let pack = &terms.programmes.pack;
    let mut found: Vec<Determined> = Vec::new();
    for claim in claims {
        let Some(component) = pack.component(&claim.component) else { continue };
        match found.iter_mut().find(|one| one.period == claim.period && one.component == component)
        {
            Some(one) => {
                one.amount_minor += claim.amount_minor;
                one.revision = one.revision.max(claim.revision);
            }
            None => found.push(Determined {
                period: claim.period,
                component,
                revision: claim.revision,
                amount_minor: claim.amount_minor,
            }),
        }
    }
    found
}

fn birth(born: BirthDate) -> (Date, DobPrecision) {
    let precision = match (born.date(), born.month()) {
        (Some(_), _) => DobPrecision::Day,
        (None, Some(_)) => DobPrecision::Month,
        (None, None) => DobPrecision::Year,
    };
    (born.reckoned(), precision)
}

fn sex(sex: RecordedSex) -> Sex {
    match sex {
        RecordedSex::Female => Sex::Female,
        RecordedSex::Male => Sex::Male,
    }
}
