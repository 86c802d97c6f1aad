//! `chitra collect` and `chitra reissue`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::channels::callbacks;
use crate::cli::Voice;
use crate::cli::show::{grouped, money, payments};
use crate::engine::collect::Collected;
use crate::engine::{Engine, EngineError};
use crate::store::StoreError;

#[derive(Args)]
pub struct Collect {
    /// Answer files; everything in the partners' outboxes when none is named
    #[arg(requires = "provider")]
    files: Vec<PathBuf>,
    /// Whose answers the named files are
    #[arg(long, requires = "files")]
    provider: Option<String>,
    /// Take in everything that lies in the outboxes, as when no file is named
    #[arg(long, conflicts_with_all = ["files", "provider"])]
    all: bool,
    /// Take what partners send by themselves ([provider.callbacks]) at this address of this machine, like
    /// 127.0.0.1:8090, until it is stopped; it is taken in by the next collect
    #[arg(long, conflicts_with_all = ["files", "provider", "all"])]
    listen: Option<SocketAddr>,
    /// Watch the outboxes: take in what is new every so many seconds, until it is stopped; only what changed is told.
    /// Beside --listen, what partners send by themselves is taken in as well
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["files", "provider"],
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
}

/// What one collection tells.
#[derive(Default, PartialEq)]
struct Round {
    lines: Vec<String>,
    json: Vec<serde_json::Value>,
}

impl Collect {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        match (self.listen, self.watch) {
            (Some(address), Some(seconds)) => {
                tokio::select! {
                    ended = listen(engine, address, voice) => ended,
                    ended = watch(engine, Duration::from_secs(seconds), voice) => ended,
                }
            }
            (Some(address), None) => listen(engine, address, voice).await,
            (None, Some(seconds)) => watch(engine, Duration::from_secs(seconds), voice).await,
            (None, None) => self.once(engine, voice).await,
        }
    }

    async fn once(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let mut told = Vec::new();
        let mut refused = Vec::new();
        match self.provider {
            Some(provider) => {
                for path in &self.files {
                    told.push(engine.collect_file(&provider, path).await?);
                }
            }
            None => {
                for one in engine.collect_all().await? {
                    match one {
                        Ok(collected) => told.push(collected),
                        Err((file, error)) => refused.push((file, error)),
                    }
                }
            }
        }
        let round = round(engine, &told, &refused).await?;
        voice.say(&json!(round.json), || match round.lines.is_empty() {
            true => "nothing new".to_owned(),
            false => round.lines.join("\n"),
        });
        // The command as a whole is refused with the first of them.
        refused.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// What is told of one collection, and of what is late or missing after it.
async fn round(
    engine: &Engine,
    told: &[Collected],
    refused: &[(String, EngineError)],
) -> Result<Round, EngineError> {
    let refusals = refused.iter().map(|(file, error)| {
        json!({ "file": file, "refused": error.code(), "sentence": error.to_string() })
    });
    let json = told.iter().map(as_json).chain(refusals).collect();
    let late = engine.overdue_acknowledgements(None).await?;
    let statements = engine.statements_seen().await?;
    let gaps =
        statements.iter().filter_map(|one| Some((one, one.gap.as_ref()?))).map(|(one, before)| {
            format!(
                "gap: the statement {} of {} does not begin where {} ended; one may be missing, or this one tell again what that had: \
                 chitra statement list",
                one.statement.id, one.statement.provider, before.id
            )
        });
    let refusals = refused.iter().map(|(file, error)| format!("{file}: {}: {error}", error.code()));
    let late = late.iter().map(|one| format!("late: {}", one.sentence.en));
    let mut lines: Vec<String> =
        told.iter().map(sentence).chain(refusals).chain(late).chain(gaps).collect();
    if !refused.is_empty() {
        lines.push(
            "what is refused is looked at again each time, until it can be read or is set aside: \
             chitra queue discrepancies"
                .to_owned(),
        );
    }
    Ok(Round { lines, json })
}

/// Collects again and again, until the process is asked to end. What is refused stops nothing, and is told when it is
/// new; what is wrong with the office itself ends it.
async fn watch(engine: &Engine, every: Duration, voice: &Voice) -> Result<(), EngineError> {
    let unheard = |error| EngineError::io("waiting for a signal", error);
    let mut terminated = signal(SignalKind::terminate()).map_err(unheard)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(unheard)?;
    let mut before = Round::default();
    loop {
        let now = match collected(engine).await {
            Ok(round) => round,
            // Another command collects at this moment or changed the same rows, or the database is away: all pass.
            Err(error) if passes(&error) => Round {
                lines: vec![format!("{}: {error}", error.code())],
                json: vec![json!({ "refused": error.code(), "sentence": error.to_string() })],
            },
            Err(error) => return Err(error),
        };
        if now != before && !now.lines.is_empty() {
            voice.say(&json!(now.json), || now.lines.join("\n"));
        }
        before = now;
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = terminated.recv() => return Ok(()),
            _ = interrupted.recv() => return Ok(()),
        }
    }
}

async fn collected(engine: &Engine) -> Result<Round, EngineError> {
    let (mut told, mut refused) = (Vec::new(), Vec::new());
    for one in engine.collect_all().await? {
        match one {
            Ok(collected) => told.push(collected),
            Err(error) => refused.push(error),
        }
    }
    round(engine, &told, &refused).await
}

fn passes(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Refused { .. }
            | EngineError::Store(StoreError::Database { .. } | StoreError::Conflict { .. })
    )
}

/// Takes callbacks. Others reach this machine through what ends their TLS here.
async fn listen(engine: &Engine, address: SocketAddr, voice: &Voice) -> Result<(), EngineError> {
    if !address.ip().is_loopback() {
        return Err(EngineError::refused(
            "N163",
            format!(
                "{address} can be reached from outside without TLS; listen at 127.0.0.1 or [::1], behind a server \
                 that ends TLS"
            ),
        ));
    }
    let callbacks = engine.callbacks()?;
    let unheard = |error| EngineError::io(format!("listening at {address}"), error);
    let listener = tokio::net::TcpListener::bind(address).await.map_err(unheard)?;
    let at = listener.local_addr().map_err(unheard)?;
    let partners: Vec<String> = callbacks.partners.keys().cloned().collect();
    voice.say(&json!({ "listening": at.to_string(), "partners": partners }), || {
        format!("http://{at}/callbacks/PARTNER takes what is sent by {}", partners.join(", "))
    });
    callbacks::receive(listener, callbacks).await.map_err(unheard)
}

fn as_json(one: &Collected) -> serde_json::Value {
    json!({ "file": one.file_name, "format": one.format, "items": one.items, "repeated": one.repeated, "replayed": one.replayed })
}

fn sentence(one: &Collected) -> String {
    match one.replayed {
        true => format!("{}: taken in before, nothing was changed", one.file_name),
        false => {
            let repeated = match one.repeated {
                0 => String::new(),
                count => {
                    format!(", {} of which were known before", grouped(i128::from(count)))
                }
            };
            format!(
                "{}: {} items{repeated} ({})",
                one.file_name,
                grouped(i128::from(one.items)),
                one.format
            )
        }
    }
}

#[derive(Args)]
pub struct Reissue {
    cycle: String,
}

impl Reissue {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        let cycle = engine.cycle_find(&self.cycle).await?;
        let done = engine.reissue(&cycle).await?;
        engine.sequence().await?;
        let told = json!({
            "list": done.list.as_ref().map(|list| list.number.0),
            "digest": done.list.as_ref().map(|list| list.digest.clone()),
            "ordered": done.ordered,
            "ordered_minor": done.ordered_minor.to_string(),
            "waiting": done.waiting,
        });
        voice.say(&told, || {
            let mut text = match &done.list {
                Some(list) => format!(
                    "list {} orders {} again, {}; it is submitted and approved like the first: \
                     chitra submit {} --list {} --as OFFICER",
                    list.number,
                    payments(done.ordered),
                    money(done.ordered_minor, engine.config.currency),
                    cycle.label(),
                    list.number
                ),
                None => "nothing can be ordered again".to_owned(),
            };
            for (why, count) in &done.waiting {
                text.push_str(&format!("\n  {} wait: {why}", grouped(i128::from(*count))));
            }
            text
        });
        Ok(())
    }
}
