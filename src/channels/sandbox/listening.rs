//! The sandbox over HTTP: the same providers with the same books, in a process of their own.
//!
//! ```text
//! POST /PROVIDER/oauth/token                          a token, where the script wants one
//! POST /PROVIDER/transactions/type/disbursement       one payment (of an operator), as in the GSMA API
//! GET  /PROVIDER/transactions/of/REFERENCE            what became of it
//! POST /PROVIDER/files/NAME                           a payout file
//! GET  /PROVIDER/files/NAME                           which bytes are held under that name
//! GET  /PROVIDER/answers                              the answers, by name
//! GET  /PROVIDER/answers/NAME                         one of them
//! POST /day/2026-11-05                                lets days pass
//! GET  /ledger                                        what was really credited
//! ```
//!
//! Reads: requests, and the sandbox's folder. Gives: answers, with the troubles of the script on their
//! way. Whatever was booked is durable before a word is said.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::behaviour::{Behaviour, Draw};
use super::ledger::{Day, LedgerEntry};
use super::payout_file::payment_of_request;
use super::requests::RequestBooks;
use super::script::Trouble;
use super::wire::{Asked, Said, let_in, must_be_signed, serve};
use super::{FILES_MAX, ProviderKind, Sandbox, SandboxError, SandboxProvider, Tally, failed};
use crate::disk::file_name::FileName;
use crate::disk::publish::publish;
use crate::domain::digest::Digest;

/// Serves until the listener fails. The day is the first that is lived through.
pub async fn listen(
    listener: TcpListener,
    sandbox: Sandbox,
    today: Date,
) -> Result<(), SandboxError> {
    sandbox.tick(today)?;
    let counter = Arc::new(Mutex::new(Counter::open(sandbox, today)?));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let counter = counter.clone();
        tokio::spawn(async move {
            let answer = |asked: Asked| {
                let counter = counter.clone();
                async move {
                    let answering = tokio::task::spawn_blocking(move || {
                        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
                        counter.answer(&asked)
                    });
                    answering.await.unwrap_or(None)
                }
            };
            // A client that goes away in the middle is its own business.
            let _ = serve(stream, answer).await;
        });
    }
}

/// Where requests are taken, one after the other.
struct Counter {
    sandbox: Sandbox,
    today: Date,
    books: BTreeMap<String, RequestBooks>,
    /// How often each request was made: another time has another trouble.
    times: HashMap<String, u32>,
    /// When the payments of the last second were taken.
    recent: HashMap<String, VecDeque<Instant>>,
    over_quota: u64,
}

impl Counter {
    fn open(sandbox: Sandbox, today: Date) -> Result<Counter, SandboxError> {
        let mut books = BTreeMap::new();
        for provider in &sandbox.config.providers {
            if provider.kind == ProviderKind::MobileMoney {
                let ledger = sandbox.folders(&provider.name).ledger;
                let opened = RequestBooks::open(&ledger).map_err(|error| failed(&ledger, error))?;
                books.insert(provider.name.clone(), opened);
            }
        }
        let (times, recent) = (HashMap::new(), HashMap::new());
        Ok(Counter { sandbox, today, books, times, recent, over_quota: 0 })
    }

    /// None: the connection closes without a word.
    fn answer(&mut self, asked: &Asked) -> Option<Said> {
        let path = asked.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let done = match (asked.method.as_str(), parts.as_slice()) {
            ("POST", ["day", day]) => self.day(day),
            ("GET", ["ledger"]) => self.ledger(),
            (_, [provider, rest @ ..]) => {
                let providers = &self.sandbox.config.providers;
                match providers.iter().find(|one| one.name == *provider).cloned() {
                    Some(provider) => return self.of_provider(&provider, asked, rest),
                    None => Ok(missing()),
                }
            }
            _ => Ok(missing()),
        };
        Some(done.unwrap_or_else(broken))
    }

    fn of_provider(
        &mut self,
        provider: &SandboxProvider,
        asked: &Asked,
        rest: &[&str],
    ) -> Option<Said> {
        let script = self.sandbox.config.script.clone();
        if let Some((id, secret)) = script.client.as_deref().and_then(|one| one.split_once(':')) {
            let token_path = format!("/{}/oauth/token", provider.name);
            if let Some(said) = let_in(asked, &token_path, id, secret) {
                return Some(said);
            }
        }
        if let Some(signed) = &script.signing {
            let below = asked.path.strip_prefix(&format!("/{}", provider.name));
            let signing = signed.signing(&self.sandbox.root);
            let said = must_be_signed(asked, below.unwrap_or(&asked.path), &signing);
            if said.is_some() {
                return said;
            }
        }
        let is_payment = asked.method == "POST" && rest.first() == Some(&"transactions");
        if is_payment && !self.is_within_quota(&provider.name) {
            self.over_quota += 1;
            return Some(slow_down());
        }
        let request = format!("{} {} {}", asked.method, asked.path, Digest::of(&asked.body));
        let time = self.times.entry(request.clone()).or_default();
        *time += 1;
        let trouble = script.requests.trouble(self.sandbox.config.seed, &request, *time);
        match trouble {
            Some(Trouble::SlowDown) => return Some(slow_down()),
            Some(Trouble::LoseBefore) => return None,
            _ => {}
        }
        let done = match (asked.method.as_str(), rest) {
            ("POST", ["transactions", "type", "disbursement"]) => self.pay(provider, asked),
            ("GET", ["transactions", "of", reference]) => Ok(self.told(provider, reference)),
            ("POST", ["files", name]) => self.take(provider, name, &asked.body).map(Some),
            ("GET", ["files", name]) => self.held(provider, name).map(Some),
            ("GET", ["answers"]) => self.answers(provider).map(Some),
            ("GET", ["answers", name]) => self.fetch(provider, name).map(Some),
            _ => Ok(Some(missing())),
        };
        let mut said = done.unwrap_or_else(|error| Some(broken(error)))?;
        match trouble {
            Some(Trouble::LoseAfter) => return None,
            Some(Trouble::FailAfter) => return Some(Said::json(500, json!({}))),
            Some(Trouble::Drip) => said.drips = true,
            _ => {}
        }
        Some(said)
    }

    fn is_within_quota(&mut self, provider: &str) -> bool {
        let Some(quota) = self.sandbox.config.script.quota_per_second else { return true };
        let recent = self.recent.entry(provider.to_owned()).or_default();
        let now = Instant::now();
        while recent.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        let within = recent.len() < quota as usize;
        if within {
            recent.push_back(now);
        }
        within
    }

    /// One payment: booked, then answered as its account behaves.
    fn pay(
        &mut self,
        provider: &SandboxProvider,
        asked: &Asked,
    ) -> Result<Option<Said>, SandboxError> {
        let config = &self.sandbox.config;
        let Some(books) = self.books.get_mut(&provider.name) else { return Ok(Some(missing())) };
        let Some(payment) = payment_of_request(&asked.body) else {
            return Ok(Some(Said::json(400, json!({ "errorCode": "formatError" }))));
        };
        let reference = payment.end_to_end_id.clone();
        let key = asked.header("x-correlation-id");
        if config.script.knows_keys && key == reference && books.find(&reference).is_some() {
            return Ok(self.told(provider, &reference));
        }
        let draw = Draw::of(config.seed, &config.mix, &provider.name, &payment.account);
        let fate = draw.fate(provider.kind, self.today);
        let said = match draw.behaviour {
            Behaviour::Late => fate.said_on,
            _ => Some(self.today),
        };
        let entry = LedgerEntry {
            n: 0,
            e2e: payment.end_to_end_id,
            account: payment.account,
            name: payment.name,
            batch: String::new(),
            amount_minor: payment.amount_minor,
            behaviour: draw.behaviour,
            credited: fate.credited_on.map(Day),
            said: said.map(Day),
            returned: None,
        };
        let ledger = self.sandbox.folders(&provider.name).ledger;
        books.book(entry).map_err(|error| failed(&ledger, error))?;
        Ok(match draw.behaviour {
            Behaviour::LoseAnswer => None,
            Behaviour::Late => Some(Said::json(202, json!({ "status": "pending" }))),
            _ => self.told(provider, &reference),
        })
    }

    /// What is said of a payment today.
    fn told(&self, provider: &SandboxProvider, reference: &str) -> Option<Said> {
        let Some(books) = self.books.get(&provider.name) else { return Some(missing()) };
        let Some(entry) = books.find(reference) else { return Some(missing()) };
        let is_decided = entry.said.is_none_or(|said| said.0 <= self.today);
        if entry.credited.is_none() {
            let reason = match entry.behaviour {
                Behaviour::RejectName | Behaviour::ReturnDeceased => "requestDeclined",
                _ => "identifierError",
            };
            return Some(Said::json(400, json!({ "errorCode": reason })));
        }
        let status = if is_decided { "completed" } else { "pending" };
        let body = json!({
            "transactionReference": format!("MM{}", entry.n),
            "transactionStatus": status,
            "amount": entry.amount_minor.to_string(),
            "currency": "VND",
        });
        Some(Said::json(200, body))
    }

    /// A payout file: put into the inbox under its name, and taken from there at once.
    fn take(
        &mut self,
        provider: &SandboxProvider,
        name: &str,
        body: &[u8],
    ) -> Result<Said, SandboxError> {
        let name = FileName::parse(name)?;
        let digest = Digest::of(body);
        if let Some((found, bytes)) = self.found(provider, &name)? {
            return Ok(match found == digest {
                true => Said::json(200, holding(&name, &found, bytes)),
                false => Said::json(409, json!({ "error": "another file has this name" })),
            });
        }
        let inbox = self.sandbox.folders(&provider.name).inbox;
        publish(&*self.sandbox.disk, &inbox, &name, &digest, &mut { body })?;
        self.sandbox.tick(self.today)?;
        Ok(Said::json(202, holding(&name, &digest, body.len() as u64)))
    }

    fn held(&self, provider: &SandboxProvider, name: &str) -> Result<Said, SandboxError> {
        let name = FileName::parse(name)?;
        Ok(match self.found(provider, &name)? {
            Some((digest, bytes)) => Said::json(200, holding(&name, &digest, bytes)),
            None => missing(),
        })
    }

    fn found(
        &self,
        provider: &SandboxProvider,
        name: &FileName,
    ) -> Result<Option<(Digest, u64)>, SandboxError> {
        let folders = self.sandbox.folders(&provider.name);
        for folder in [&folders.inbox, &folders.taken] {
            let path = folder.join(name.as_str());
            let opened = self.sandbox.disk.open(&path);
            match opened.and_then(|mut file| Digest::of_reader(&mut file)) {
                Ok(found) => return Ok(Some(found)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(&path, error)),
            }
        }
        Ok(None)
    }

    fn answers(&self, provider: &SandboxProvider) -> Result<Said, SandboxError> {
        let outbox = self.sandbox.folders(&provider.name).outbox;
        let listed = self.sandbox.disk.list(&outbox, FILES_MAX);
        let listed = listed.map_err(|error| failed(&outbox, error))?;
        let answers: Vec<Value> = listed
            .iter()
            .filter(|file| FileName::parse(&file.name).is_ok())
            .map(|file| json!({ "name": file.name, "bytes": file.bytes }))
            .collect();
        Ok(Said::json(200, json!({ "answers": answers })))
    }

    fn fetch(&self, provider: &SandboxProvider, name: &str) -> Result<Said, SandboxError> {
        let name = FileName::parse(name)?;
        let path = self.sandbox.folders(&provider.name).outbox.join(name.as_str());
        let mut body = Vec::new();
        let read = self.sandbox.disk.open(&path).and_then(|mut file| file.read_to_end(&mut body));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(missing()),
            Err(error) => return Err(failed(&path, error)),
        }
        let digest = STANDARD.encode(Digest::of(&body).as_bytes());
        let headers = vec![("content-type", "application/octet-stream".to_owned())];
        let said = Said { status: 200, headers, body, drips: false };
        Ok(said.with("content-digest", format!("sha-256=:{digest}:")))
    }

    fn day(&mut self, day: &str) -> Result<Said, SandboxError> {
        let Ok(day) = day.parse::<Date>() else {
            return Ok(Said::json(400, json!({ "error": "a day is written 2026-11-05" })));
        };
        let ticked = self.sandbox.tick(day)?;
        self.today = day;
        Ok(Said::json(200, json!({ "today": day.to_string(), "answered": ticked.answered.len() })))
    }

    fn ledger(&self) -> Result<Said, SandboxError> {
        let totals = self.sandbox.totals()?;
        let tally = |one: &Tally| json!({ "count": one.count, "minor": one.sum_minor.to_string() });
        let providers: Vec<Value> = totals
            .providers
            .iter()
            .map(|one| {
                json!({
                    "provider": one.provider,
                    "credited": tally(&one.credited),
                    "returned": tally(&one.returned),
                    "rejected": tally(&one.rejected),
                })
            })
            .collect();
        Ok(Said::json(
            200,
            json!({
                "today": self.today.to_string(),
                "providers": providers,
                "credited_again": totals.credited_again.len(),
                "over_quota": self.over_quota,
            }),
        ))
    }
}

fn holding(name: &FileName, digest: &Digest, bytes: u64) -> Value {
    json!({ "name": name.as_str(), "sha256": digest.to_string(), "bytes": bytes })
}

fn missing() -> Said {
    Said::json(404, json!({ "errorCode": "identifierError" }))
}

fn slow_down() -> Said {
    Said::json(429, json!({ "errorCode": "rateLimitError" })).with("retry-after", 1)
}

/// What the sandbox could not do, to whoever runs it; a name that is none is the client's fault.
fn broken(error: SandboxError) -> Said {
    let status = match error {
        SandboxError::NameMustBePlain(_) | SandboxError::DayMustNotGoBack { .. } => 400,
        _ => 500,
    };
    Said::json(status, json!({ "error": error.to_string() }))
}
