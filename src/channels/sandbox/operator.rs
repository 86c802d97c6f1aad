//! A mobile-money operator that takes one payment a request over HTTP, with books of its own: the judge
//! of what was really credited.
//!
//! What goes wrong next is scripted, request by request; everything else is paid. It forgets everything
//! when it ends; the operator that lasts is in `listening`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::wire::{Asked, Said, let_in, must_be_signed, serve};
use crate::channels::http::Signing;

/// What happens to the next payment that is posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twist {
    /// Credited, and said so.
    Pay,
    /// Refused: no such number.
    Reject,
    /// Taken, and credited when it is first asked about.
    Later,
    /// Credited; the connection closes before anything is said.
    LoseAnswerAfterBooking,
    /// Nothing is done; the connection closes.
    LoseAnswerBeforeBooking,
    /// Credited; the server says that it failed.
    FailAfterBooking,
    /// Nothing is done: too many requests.
    SlowDown,
    /// Nothing is done: the token that came with it counts no more.
    TokenIsGone,
    /// Credited; what stands before the operator says that it is busy.
    BusyAfterBooking,
    /// Nothing is done: what stands before the operator knows no such path.
    Gone,
    /// Nothing is done: it is not there, which is said of the payee's number.
    NoSuchPayee,
    /// Credited, and said so and the contrary in one answer.
    SayBoth,
}

/// What the operator demands and remembers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OperatorRules {
    /// Client id and secret, when it wants a token.
    pub client: Option<(String, String)>,
    /// Whether a repeated key is answered without paying again.
    pub knows_keys: bool,
    /// Whether it can be asked about a payment just now.
    pub can_be_asked: bool,
    /// Whether what it took to carry out later stays undone for now, however often it is asked.
    pub leaves_undone: bool,
}

/// The operator at work, until it is dropped.
pub struct Operator {
    books: Arc<Mutex<Books>>,
    serving: tokio::task::JoinHandle<()>,
    address: std::net::SocketAddr,
}

struct Books {
    rules: OperatorRules,
    /// How requests must be signed, when they must.
    signed: Option<Signing>,
    /// How long it thinks before it answers.
    thinks: Duration,
    /// Requests that are not answered yet, and the most that ever were.
    in_flight: usize,
    in_flight_most: usize,
    script: VecDeque<Twist>,
    /// What is said of each reference.
    payments: BTreeMap<String, Value>,
    /// Every credit: reference and amount, as often as it was given.
    credits: Vec<(String, String)>,
    /// When each payment was posted.
    posted: Vec<Instant>,
}

impl Operator {
    /// Listens on a free port of this machine.
    pub async fn start(rules: OperatorRules) -> std::io::Result<Operator> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let books = Arc::new(Mutex::new(Books {
            rules,
            signed: None,
            thinks: Duration::ZERO,
            in_flight: 0,
            in_flight_most: 0,
            script: VecDeque::new(),
            payments: BTreeMap::new(),
            credits: Vec::new(),
            posted: Vec::new(),
        }));
        let held = books.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let books = held.clone();
                tokio::spawn(async move {
                    let answer = |asked: Asked| {
                        let (said, thinks) = lock(&books).begin(&asked);
                        let books = books.clone();
                        async move {
                            tokio::time::sleep(thinks).await;
                            lock(&books).in_flight -= 1;
                            said
                        }
                    };
                    // A client that goes away in the middle is its own business.
                    let _ = serve(stream, answer).await;
                });
            }
        });
        Ok(Operator { books, serving, address })
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn script(&self, twists: &[Twist]) {
        lock(&self.books).script.extend(twists);
    }

    pub fn set_rules(&self, change: impl FnOnce(&mut OperatorRules)) {
        change(&mut lock(&self.books).rules);
    }

    /// From now on whoever has not signed a request so is refused.
    pub fn must_be_signed(&self, signing: Signing) {
        lock(&self.books).signed = Some(signing);
    }

    /// From now on it thinks so long before it answers.
    pub fn think(&self, thinks: Duration) {
        lock(&self.books).thinks = thinks;
    }

    /// The most requests that were ever under way at one moment.
    pub fn in_flight_most(&self) -> usize {
        lock(&self.books).in_flight_most
    }

    /// Every credit, in the order of references: a reference that was paid twice stands twice.
    pub fn credits(&self) -> Vec<(String, String)> {
        let mut credits = lock(&self.books).credits.clone();
        credits.sort();
        credits
    }

    /// When each payment was posted.
    pub fn posted(&self) -> Vec<Instant> {
        lock(&self.books).posted.clone()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Books {
    fn begin(&mut self, asked: &Asked) -> (Option<Said>, Duration) {
        self.in_flight += 1;
        self.in_flight_most = self.in_flight_most.max(self.in_flight);
        (self.answer(asked), self.thinks)
    }

    fn answer(&mut self, asked: &Asked) -> Option<Said> {
        if let Some((id, secret)) = &self.rules.client
            && let Some(said) = let_in(asked, "/oauth/token", id, secret)
        {
            return Some(said);
        }
        if let Some(signing) = &self.signed
            && let Some(said) = must_be_signed(asked, &asked.path, signing)
        {
            return Some(said);
        }
        if asked.method == "GET" {
            if !self.rules.can_be_asked {
                return Some(Said::json(500, json!({})));
            }
            let reference = asked.path.rsplit('/').next().unwrap_or("").to_owned();
            return Some(match self.payments.get(&reference).cloned() {
                None => Said::json(404, json!({ "errorCode": "identifierError" })),
                Some(mut said) => {
                    if said["transactionStatus"] == "pending" && !self.rules.leaves_undone {
                        said["transactionStatus"] = json!("completed");
                        let amount = said["amount"].as_str().unwrap_or("").to_owned();
                        self.credits.push((reference.clone(), amount));
                        self.payments.insert(reference, said.clone());
                    }
                    Said::json(200, said)
                }
            });
        }
        self.posted.push(Instant::now());
        let twist = self.script.pop_front().unwrap_or(Twist::Pay);
        if twist == Twist::SlowDown {
            return Some(
                Said::json(429, json!({ "errorCode": "rateLimitError" })).with("retry-after", 1),
            );
        }
        if twist == Twist::TokenIsGone {
            return Some(Said::json(401, json!({ "errorCode": "clientAuthorisationError" })));
        }
        if twist == Twist::NoSuchPayee {
            let said = json!({ "errorCategory": "identification", "errorCode": "identifierError" });
            return Some(Said::json(404, said));
        }
        if twist == Twist::Gone {
            return Some(Said::json(404, json!({ "errorCode": "notFound" })));
        }
        let Ok(order) = serde_json::from_slice::<Value>(&asked.body) else {
            return Some(Said::json(400, json!({ "errorCode": "formatError" })));
        };
        let word = |name: &str| order[name].as_str().unwrap_or("").to_owned();
        let reference = word("requestingOrganisationTransactionReference");
        if self.rules.knows_keys
            && asked.header("x-correlation-id") == reference
            && let Some(said) = self.payments.get(&reference)
        {
            return Some(Said::json(201, said.clone()));
        }
        if twist == Twist::LoseAnswerBeforeBooking {
            return None;
        }
        if twist == Twist::Reject {
            return Some(Said::json(400, json!({ "errorCode": "identifierError" })));
        }
        let mut said = json!({
            "transactionReference": format!("MM{}", self.payments.len() + 1),
            "transactionStatus": "completed",
            "amount": word("amount"),
            "currency": word("currency"),
        });
        if twist == Twist::Later {
            said["transactionStatus"] = json!("pending");
            self.payments.insert(reference, said);
            return Some(Said::json(202, json!({ "status": "pending" })));
        }
        self.credits.push((reference.clone(), word("amount")));
        self.payments.insert(reference, said.clone());
        match twist {
            Twist::LoseAnswerAfterBooking => None,
            Twist::FailAfterBooking => Some(Said::json(500, json!({}))),
            Twist::BusyAfterBooking => Some(Said::json(503, json!({})).with("retry-after", 1)),
            Twist::SayBoth => {
                let both = said.to_string().replacen('{', "{\"transactionStatus\":\"failed\",", 1);
                Some(Said { body: both.into_bytes(), ..Said::json(201, said) })
            }
            _ => Some(Said::json(201, said)),
        }
    }
}
