//! An operator that takes one payment a request, with books of its own, and the line to it, which goes wrong by
//! plan.
//!
//! Reads: requests and questions as the engine makes them. Gives: what the operator says to each, or what the line
//! made of it. The books are the partner's: no crash of ours takes them.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chitra::channels::one_by_one::{MayLeave, OneByOne, Reply, RequestTerms};
use chitra::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use chitra::disk::file_name::FileName;
use chitra::domain::digest::Digest;
use jiff::Span;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::dice::Dice;
use super::machine::{Death, Machine};

/// Where our reference stands in a request of the GSMA Mobile Money API.
const REFERENCE: &str = "requestingOrganisationTransactionReference";
/// For so many hours it answers a repeated key without paying again.
pub const KEY_HOURS: u32 = 24;

/// What was agreed with it; each office of a population has other terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Agreed {
    pub knows_keys: bool,
    /// That it does not know a reference proves that it never received it.
    pub not_found_is_proof: bool,
}

impl Agreed {
    pub fn of(population: u64) -> Agreed {
        let kind = population % 3;
        Agreed { knows_keys: kind != 1, not_found_is_proof: kind != 0 }
    }
}

/// How a line treats requests of which it has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnRequests {
    /// As the engine was built for: unknown is told as unknown.
    AsBuilt,
    /// The careless system: silence is taken for a request that did not leave.
    TakeSilenceForNotSent,
}

/// What the operator does with a payment, by the seed and its reference.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Behaviour {
    Pay,
    /// It pays, and its first answer is lost.
    PaySilently,
    Reject,
    /// It takes it, and pays after so many days.
    PayLater(i64),
    RejectLater(i64),
}

#[derive(Clone, Debug)]
struct Booked {
    behaviour: Behaviour,
    amount_minor: i64,
    on: Date,
}

impl Booked {
    /// From when on it says what became of it.
    fn decided_on(&self) -> Date {
        let days = match self.behaviour {
            Behaviour::PayLater(days) | Behaviour::RejectLater(days) => days,
            _ => 0,
        };
        self.on.checked_add(Span::new().days(days)).expect("the calendar does not end here")
    }

    fn is_paid(&self, today: Date) -> bool {
        let pays = !matches!(self.behaviour, Behaviour::Reject | Behaviour::RejectLater(_));
        pays && self.decided_on() <= today
    }
}

/// The operator's books; clones are the same.
#[derive(Clone)]
pub struct Operator {
    seed: u64,
    pub agreed: Agreed,
    books: Arc<Mutex<Books>>,
}

struct Books {
    /// By its own calendar.
    today: Date,
    /// Every request that it took, in their order: taken twice, it stands twice.
    booked: Vec<(String, Booked)>,
}

impl Operator {
    pub fn new(seed: u64, agreed: Agreed, today: Date) -> Operator {
        let books = Books { today, booked: Vec::new() };
        Operator { seed, agreed, books: Arc::new(Mutex::new(books)) }
    }

    /// Another day begins there.
    pub fn turn_to(&self, day: Date) {
        self.books().today = day;
    }

    /// Reference and amount of every credit until today: what it paid twice stands twice.
    pub fn credits(&self) -> Vec<(String, i64)> {
        let books = self.books();
        let paid = books.booked.iter().filter(|(_, one)| one.is_paid(books.today));
        paid.map(|(reference, one)| (reference.clone(), one.amount_minor)).collect()
    }

    /// The next day on which it decides something.
    pub fn next_due(&self) -> Option<Date> {
        let books = self.books();
        let decided = books.booked.iter().map(|(_, one)| one.decided_on());
        decided.filter(|day| *day > books.today).min()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nothing panics while it holds the books")
    }

    fn behaviour(&self, reference: &str) -> Behaviour {
        let drawn = Digest::of(reference.as_bytes());
        let first = drawn.as_bytes().first_chunk().expect("a digest is longer");
        let mut dice = Dice::new(self.seed ^ u64::from_be_bytes(*first));
        match dice.below(100) {
            0..15 => Behaviour::Reject,
            15..28 => Behaviour::PayLater(1 + dice.below(14) as i64),
            28..34 => Behaviour::RejectLater(1 + dice.below(14) as i64),
            34..42 => Behaviour::PaySilently,
            _ => Behaviour::Pay,
        }
    }

    /// Takes a request, and says what it says to it; none: its answer is lost.
    fn take(&self, reference: &str, line: &Value) -> Option<Reply> {
        let knows = || self.books().booked.iter().any(|(known, _)| known == reference);
        if self.agreed.knows_keys && knows() {
            return Some(self.said(reference));
        }
        let amount = line["amount"].as_str().and_then(|amount| amount.parse().ok());
        let Some(amount_minor) = amount else {
            return Some(said(400, json!({ "errorCode": "formatError" })));
        };
        let behaviour = self.behaviour(reference);
        let mut books = self.books();
        let booked = Booked { behaviour, amount_minor, on: books.today };
        books.booked.push((reference.to_owned(), booked));
        drop(books);
        (behaviour != Behaviour::PaySilently).then(|| self.said(reference))
    }

    /// What it says of a reference today.
    fn said(&self, reference: &str) -> Reply {
        let books = self.books();
        let today = books.today;
        let Some(at) = books.booked.iter().position(|(known, _)| known == reference) else {
            return Reply::Absent;
        };
        let one = &books.booked[at].1;
        let status = match (one.decided_on() <= today, one.is_paid(today), one.behaviour) {
            (true, false, Behaviour::Reject) => {
                return said(400, json!({ "errorCode": "identifierError" }));
            }
            (true, false, _) => "failed",
            (true, true, _) => "completed",
            (false, ..) => "pending",
        };
        let body = json!({
            "transactionReference": format!("MM{at}"), "transactionStatus": status,
            "amount": one.amount_minor.to_string(), "currency": "VND",
        });
        said(200, body)
    }
}

fn said(http: u16, body: Value) -> Reply {
    Reply::Said { http, body: body.to_string() }
}

/// What goes wrong with a request on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestFault {
    TakenThenDies(Death),
    TakenAndSilent,
    /// What stands before the operator says that it failed.
    TakenAndSaidToFail,
    NotTakenAndSilent,
    NotSent,
}

/// The line to the operator.
#[derive(Clone)]
pub struct OperatorLine {
    pub machine: Machine,
    pub operator: Operator,
    /// The signed checkpoint of the office's log.
    pub checkpoint: PathBuf,
    pub on_requests: OnRequests,
}

impl OperatorLine {
    fn lost(&self) -> Reply {
        let why = Reason::new("time_out", "the line was cut");
        match self.on_requests {
            OnRequests::AsBuilt => Reply::Unknown(why),
            OnRequests::TakeSilenceForNotSent => Reply::NotSent(why),
        }
    }
}

#[async_trait]
impl OneByOne for OperatorLine {
    fn terms(&self) -> RequestTerms {
        let Agreed { knows_keys, not_found_is_proof } = self.operator.agreed;
        RequestTerms {
            // A line a window, and one window at a time: what happens follows from the seed.
            per_second: 1,
            concurrency: 1,
            idempotency_hours: knows_keys.then_some(KEY_HOURS),
            not_found_is_proof,
            can_be_asked: true,
        }
    }

    fn reference(&self, line: &[u8]) -> Option<String> {
        let line: Value = serde_json::from_slice(line).ok()?;
        line[REFERENCE].as_str().map(str::to_owned)
    }

    async fn send(&self, reference: &str, line: Vec<u8>, may_leave: MayLeave) -> Reply {
        if let Err(why) = may_leave() {
            return Reply::NotSent(why);
        }
        if self.machine.is_dead() {
            return self.lost();
        }
        let line: Value = serde_json::from_slice(&line).expect("the engine sends lines of JSON");
        let signed_leaves = self.machine.signed_leaves(&self.checkpoint);
        match self.machine.request(signed_leaves) {
            None => self.operator.take(reference, &line).unwrap_or_else(|| self.lost()),
            Some(RequestFault::NotSent) => Reply::NotSent(Reason::new("refused", "no connection")),
            Some(RequestFault::NotTakenAndSilent) => self.lost(),
            Some(fault) => {
                self.operator.take(reference, &line);
                match fault {
                    RequestFault::TakenThenDies(death) => {
                        self.machine.die(death);
                        self.lost()
                    }
                    RequestFault::TakenAndSaidToFail => said(500, json!({})),
                    _ => self.lost(),
                }
            }
        }
    }

    async fn ask(&self, reference: &str) -> Reply {
        match self.machine.is_dead() || self.machine.is_silent() {
            true => Reply::Unknown(Reason::new("time_out", "the line was cut")),
            false => self.operator.said(reference),
        }
    }
}

impl Channel for OperatorLine {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        panic!("{} leaves as a file, and its partner takes requests", parcel.name)
    }

    fn query(&self, name: &FileName, _: &Digest) -> QueryOutcome {
        panic!("{name} is asked about as a file, and its partner knows payments")
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        Ok(Answers::default())
    }

    fn fetch(&self, name: &FileName, _: &mut dyn Write) -> Result<Fetched, CollectError> {
        Err(CollectError::AnswerMustBeThere(name.clone()))
    }

    fn one_by_one(&self) -> Option<Arc<dyn OneByOne>> {
        Some(Arc::new(self.clone()))
    }
}
