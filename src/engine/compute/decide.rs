//! Decides all rows of one shard, and says what is to be kept of it: evidence of every person, rows
//! that are not entitled, and the lines on their way to the shard of their payee.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use super::evidence::{Evidence, EvidenceLine, EvidenceRow};
use super::judge::{Judge, Judged, PersonRows, by_person, ended_before_the_law, known, reconciled};
use super::listings::Listings;
use super::seen::released;
use super::stored::{self, Listed, Register};
use super::{Loaded, Terms};
use crate::domain::claim::Claim;
use crate::domain::exception::{Exception, RowOutcome, Subject};
use crate::domain::hold::{HoldCode, HoldScope};
use crate::domain::ids::{PayableNo, PersonNo, Shard};
use crate::domain::national_id::NationalId;
use crate::domain::period::Period;
use crate::domain::roster::{Channel, RosterRow};
use crate::domain::state::Named;
use crate::engine::EngineError;
use crate::engine::payout::{PayeeDetail, TravellingLine, write_travelling};
use crate::pipeline::account_name::AccountNames;
use crate::pipeline::assemble::{DueLine, LineKind};
use crate::pipeline::entitle::{self, Entitled};
use crate::rules::{LawBook, Pack};
use crate::store::registry::PersonRow;

/// What one shard gives.
pub struct Decided {
    pub shard: Shard,
    pub evidence: Vec<u8>,
    pub evidence_items: i64,
    pub persons: Vec<PersonRow>,
    pub exceptions: Vec<Exception>,
    /// Rows by outcome, code, programme and province.
    pub tally: BTreeMap<(RowOutcome, String, String, String), i64>,
    /// What was determined for months after the month of a death that is known now, by the payable that
    /// has it.
    pub after_death: BTreeMap<(PayableNo, PersonNo), i64>,
    /// Of those whose estates owe something: who lives or surely died, so that all they owe is among what was
    /// found.
    pub certain: Vec<PersonNo>,
    /// Lines by the shard of their payee, and how many.
    pub travelling: BTreeMap<Shard, (Vec<u8>, i64)>,
}

/// Decides all rows of one shard.
pub fn decide(terms: &Terms, book: &LawBook<'_>, loaded: &Loaded) -> Result<Decided, EngineError> {
    let mut decided = Decided {
        shard: loaded.shard,
        evidence: Vec::new(),
        evidence_items: 0,
        persons: Vec::new(),
        exceptions: Vec::new(),
        tally: BTreeMap::new(),
        after_death: BTreeMap::new(),
        certain: Vec::new(),
        travelling: BTreeMap::new(),
    };
    decided.refused(stored::refused(terms, loaded)?);
    let listed = stored::roster(terms, loaded)?;
    let listings = Listings::read(terms, &loaded.rosters, &listed)?;
    let register = stored::register(terms, loaded)?;
    let decisions = reconciled(terms, &listed, &register);
    let history = by_person(&loaded.claims);
    let mut judge = Judge::new(terms, book, &register);
    let mut entitled = Entitled::default();
    let mut names = AccountNames::default();
    let mut at = 0;
    for these in listed.chunk_by(|a, b| a.person == b.person) {
        let rows = PersonRows { listed: these, decisions: &decisions[at..at + these.len()] };
        at += these.len();
        let person = these[0].person;
        let known_check = loaded.persons.get(&person).copied();
        let made_check = these.iter().map(|row| row.check).find(|check| *check != 0);
        if known_check.is_none() {
            decided.persons.push(person_row(terms, person, made_check.unwrap_or(0), &these[0].row));
        }
        let claims = history.get(&person).map_or(&[][..], Vec::as_slice);
        let check = known_check.or(made_check);
        let ended = ended_before_the_law(terms, &register, rows, check, claims);
        let known = known(terms, rows, &ended, claims, &listings)?;
        let judged = judge.person(rows, ended, &known, &mut entitled)?;
        decided.after_death(terms, &register, rows, &judged, claims);
        decided.lines(terms, book.pack(), rows, &judged, &entitled, (&register, &mut names));
        decided.tell(terms, book, rows, &judged, &entitled)?;
    }
    Ok(decided)
}

impl Decided {
    fn refused(&mut self, rows: Vec<stored::RefusedRow>) {
        for row in rows {
            let key = (RowOutcome::Refused, row.code.clone(), row.programme, row.province);
            *self.tally.entry(key).or_default() += 1;
            self.exceptions.push(Exception {
                shard: self.shard,
                number: self.exceptions.len() as i64,
                subject: Subject::Row,
                outcome: RowOutcome::Refused,
                code: row.code,
                person: row.person,
                enrolment: None,
                payable: None,
                source_line: Some(row.line),
                detail: row.sentence,
            });
        }
    }

    /// Finds what was determined for months after the month of death. Only a death counts that two
    /// factors confirm, and that no officers have looked at and set aside.
    fn after_death(
        &mut self,
        terms: &Terms,
        register: &Register,
        rows: PersonRows<'_>,
        judged: &Judged<'_>,
        claims: &[&Claim],
    ) {
        let died = judged.case().date_of_death.and_then(|day| Period::of(day).ok());
        let is_confirmed = (0..rows.listed.len()).any(|place| {
            !rows.listed[place].is_repeated
                && rows.decisions[place].hold_of_identity() == Some(HoldCode::Deceased)
                && !released(terms, register, rows, place, HoldCode::Deceased)
        });
        let died = died.filter(|_| is_confirmed);
        let person = rows.listed[0].person;
        if terms.estates.contains(&person) && (judged.is_living || died.is_some()) {
            self.certain.push(person);
        }
        let Some(died) = died else { return };
        for claim in claims.iter().filter(|claim| claim.period > died) {
            if let Some(payable) = claim.payable {
                *self.after_death.entry((payable, claim.person)).or_default() += claim.amount_minor;
            }
        }
    }

    /// Sends what is owed to the shard of its payee, with the hold that keeps it back there.
    fn lines(
        &mut self,
        terms: &Terms,
        pack: &Pack,
        rows: PersonRows<'_>,
        judged: &Judged<'_>,
        entitled: &Entitled,
        (register, names): (&Register, &mut AccountNames),
    ) {
        for line in &entitled.lines {
            let place = judged.asked[usize::from(line.enrolment)];
            let listed = &rows.listed[place];
            let decision = &rows.decisions[place];
            let due = due_line(terms, listed, line, pack);
            let held_by_identity =
                |scope: HoldScope| decision.hold_of_identity().filter(|code| code.scope() == scope);
            let of_identity = held_by_identity(HoldScope::Payable);
            let is_shared =
                listed.row.payee.is_none() && terms.shared_accounts.contains(&due.destination);
            // Whom the register confirmed may have an account under the name that the register has.
            let recorded = match held_by_identity(HoldScope::Row) {
                Some(_) => None,
                None => decision.record_no.and_then(|line| register.full_name(line)),
            };
            let is_another_s = !names.account_fits(&listed.row, recorded);
            let holds = of_identity
                .into_iter()
                .chain(is_shared.then_some(HoldCode::AccountShared))
                .chain(is_another_s.then_some(HoldCode::AccountNameDiffers))
                .collect();
            let travelling = TravellingLine { holds, detail: payee_detail(&listed.row), line: due };
            let (bytes, items) = self.travelling.entry(travelling.line.payee.shard()).or_default();
            write_travelling(bytes, &travelling);
            *items += 1;
        }
    }

    /// Writes the evidence of one person, tallies the rows and keeps those that are not entitled.
    fn tell(
        &mut self,
        terms: &Terms,
        book: &LawBook<'_>,
        rows: PersonRows<'_>,
        judged: &Judged<'_>,
        entitled: &Entitled,
    ) -> Result<(), EngineError> {
        let pack = book.pack();
        let person = rows.listed[0].person;
        let mut told_rows = Vec::with_capacity(rows.listed.len());
        let each = rows.listed.iter().zip(rows.decisions).zip(&judged.ended);
        for ((listed, decision), ended) in each {
            let (outcome, code) = match ended {
                Some(ended) => (ended.outcome, ended.code.as_str()),
                None => (RowOutcome::Entitled, ""),
            };
            let key = (
                outcome,
                code.to_owned(),
                listed.row.programme.clone(),
                listed.row.province().to_owned(),
            );
            *self.tally.entry(key).or_default() += 1;
            told_rows.push(EvidenceRow {
                benefit: listed.row.benefit.as_str().into(),
                code: code.into(),
                enrolment: listed.enrolment.to_string().into(),
                identified_by: decision.identified_by.id().into(),
                ladder: decision.ladder_version,
                line: listed.row.line,
                outcome: outcome.name().into(),
                programme: listed.row.programme.as_str().into(),
                rule: decision.rule.id().into(),
                score: decision.score_millibits,
            });
            if let Some(ended) = ended {
                self.exceptions.push(Exception {
                    shard: self.shard,
                    number: self.exceptions.len() as i64,
                    subject: Subject::Row,
                    outcome: ended.outcome,
                    code: ended.code.clone(),
                    person,
                    enrolment: Some(listed.enrolment),
                    payable: None,
                    source_line: Some(listed.row.line),
                    detail: format!("{} (rule {})", ended.detail, ended.rule),
                });
            }
        }
        let told_lines = entitled.lines.iter().map(|line| {
            let listed = &rows.listed[judged.asked[usize::from(line.enrolment)]];
            let rates = line.rates(book);
            EvidenceLine {
                amount: line.amount_minor.to_string().into(),
                benefit: listed.row.benefit.as_str().into(),
                clauses: line.clause_ids(book).map(Cow::from).to_vec(),
                component: pack.component_at(line.component).id.as_str().into(),
                enrolment: listed.enrolment.to_string().into(),
                fund: pack.fund_at(line.fund).id.as_str().into(),
                kind: line.kind.word().into(),
                period: line.period.to_string().into(),
                rates: rates
                    .map(|(name, one)| (name.into(), rate_text(&one.value).into()))
                    .collect(),
                revision: line.revision,
            }
        });
        let told = Evidence {
            law_known_at: terms.cycle.law_known_at.to_string().into(),
            lines: told_lines.collect(),
            pack: format!("{} {}", pack.id(), pack.version()).into(),
            person: person.to_string().into(),
            rows: told_rows,
        };
        serde_json::to_writer(&mut self.evidence, &told)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        self.evidence.push(b'\n');
        self.evidence_items += 1;
        Ok(())
    }
}

fn due_line(terms: &Terms, listed: &Listed, line: &entitle::Line, pack: &Pack) -> DueLine {
    let row = &listed.row;
    let payee = match &row.payee {
        None => listed.person,
        Some(payee) if payee.national_id.is_empty() => {
            terms.keys.payee_of_name(&row.enrolment_id, &payee.name)
        }
        Some(payee) => terms.keys.person_of_id(&payee.national_id),
    };
    let account = match row.channel {
        Channel::Cash => pay_point(row),
        _ => row.account.as_str(),
    };
    DueLine {
        payee,
        beneficiary: listed.person,
        owner: listed.person,
        fund: pack.fund_at(line.fund).id.clone(),
        programme: row.programme.clone(),
        province: row.province().to_owned(),
        enrolment: listed.enrolment,
        benefit: row.benefit.clone(),
        component: pack.component_at(line.component).id.clone(),
        period: line.period,
        kind: LineKind::from_name(line.kind.word()).unwrap_or(LineKind::Regular),
        revision: line.revision,
        amount_minor: line.amount_minor,
        destination: terms.keys.destination(row.channel, &row.provider, account),
        heir: None,
        carried_from: None,
        lowers_unpaid: false,
        apart: None,
    }
}

/// Cash is paid out in the commune, unless the roster names another pay point.
fn pay_point(row: &RosterRow) -> &str {
    match (row.channel, row.account.is_empty()) {
        (Channel::Cash, false) => &row.account,
        _ => &row.commune_code,
    }
}

fn payee_detail(row: &RosterRow) -> PayeeDetail {
    let payee = row.payee.as_ref();
    let name = payee.map_or(&row.full_name, |payee| &payee.name).clone();
    let national_id = payee.map_or(&row.national_id, |payee| &payee.national_id).clone();
    let is_another = payee.is_some_and(|payee| match payee.national_id.is_empty() {
        true => payee.name != row.full_name,
        false => NationalId::parse(&payee.national_id) != NationalId::parse(&row.national_id),
    });
    let of_another = |text: &str| if is_another { text.to_owned() } else { String::new() };
    let words: Vec<&str> =
        [name.as_str(), &national_id].into_iter().filter(|word| !word.is_empty()).collect();
    PayeeDetail {
        collector: of_another(&words.join(", ")),
        beneficiary: of_another(&row.full_name),
        beneficiary_id: of_another(&row.national_id),
        name,
        national_id,
        channel: row.channel,
        named: row.provider.clone(),
        account: row.account.clone(),
        // Cash has no account; what is left over there from another way names nobody.
        account_name: match row.channel {
            Channel::Cash => String::new(),
            _ => row.account_name.clone(),
        },
        pay_point: pay_point(row).to_owned(),
        home_address: row.home_address.clone(),
    }
}

/// A rate as evidence keeps it: exact digits.
fn rate_text(value: &crate::rules::value::Value<'_>) -> String {
    use crate::rules::value::Value;
    match value {
        Value::Int(number) => number.to_string(),
        Value::Decimal(exact) | Value::Money(exact) => exact.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Period(period) => period.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Enum(at) => at.to_string(),
        Value::Text(text) => (*text).to_owned(),
        Value::Unknown(_) => String::new(),
    }
}

fn person_row(terms: &Terms, person: PersonNo, check_hash: i64, row: &RosterRow) -> PersonRow {
    let told = json!({
        "national_id": row.national_id,
        "full_name": row.full_name,
        "date_of_birth": row.date_of_birth.map(|born| born.to_string()),
        "sex": row.sex.map(|sex| sex.word()),
    });
    PersonRow {
        number: person,
        check_hash,
        first_cycle: terms.cycle.number.0,
        sealed: terms
            .keys
            .persons
            .seal(&person.number().to_be_bytes(), told.to_string().as_bytes()),
    }
}
