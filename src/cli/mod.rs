//! The command line: one file a command. Everything that a person reads is printed here and nowhere
//! else.
//!
//! Exit codes: 0 done, 1 refused or failed (with a code and a way out), 2 usage.

mod answers;
mod approval;
mod audit;
mod collect;
mod cycle;
mod demo;
mod dispatch;
mod explain;
mod formats;
mod hold;
mod import;
mod init;
mod officer;
mod programmes;
mod report;
mod sandbox;
mod show;
mod signer;
mod synth;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

use crate::disk::RealDisk;
use crate::domain::period::parse_date;
use crate::engine::clock::{Clock, FixedClock, SystemClock};
use crate::engine::config::Config;
use crate::engine::office::{self, Surroundings};
use crate::engine::{Engine, EngineError};

/// Social-security benefit payments: from a roster to a closed, audited month.
#[derive(Parser)]
#[command(name = "chitra", version, about)]
struct Arguments {
    /// The office's folder
    #[arg(long, global = true, default_value = ".", value_name = "DIR")]
    office: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Print only what goes wrong
    #[arg(long, global = true)]
    quiet: bool,
    /// Live through this day instead of today; only where `environment` is `test`
    #[arg(long, global = true, value_name = "DAY")]
    today: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A whole month, end to end, in a folder of its own
    Demo(demo::Demo),
    /// Make a new office
    Init(init::Init),
    /// Write a synthetic roster, identity register and truth
    Synth(synth::Synth),
    /// Rosters of beneficiaries
    #[command(subcommand)]
    Roster(import::Roster),
    /// Identity registers
    #[command(subcommand)]
    Identity(import::Identity),
    /// Officers and their keys
    #[command(subcommand)]
    Officer(officer::OfficerCommand),
    /// Payment cycles
    #[command(subcommand)]
    Cycle(cycle::CycleCommand),
    /// The queue of what is held
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    /// The maker presents a sealed list
    Submit(approval::Sign),
    /// An approver agrees to a list
    Approve(approval::Sign),
    /// Let the files of an approved list go
    Release(approval::Release),
    /// Send what is released and ask about what is unknown
    Dispatch(dispatch::Dispatch),
    /// Take in what providers answered
    Collect(collect::Collect),
    /// Order again what did not arrive, as a list of its own
    Reissue(collect::Reissue),
    /// Answers that fit nothing, money to be got back, halts
    #[command(subcommand)]
    Queue(answers::Queue),
    /// Why a person gets what they get
    Explain(explain::Explain),
    /// The report of a cycle
    Report(report::Report),
    /// The tamper-evident log
    #[command(subcommand)]
    Audit(audit::Audit),
    /// The law as data
    #[command(subcommand)]
    Programmes(programmes::ProgrammesCommand),
    /// What banks, wallets and operators read and write
    #[command(subcommand)]
    Formats(formats::FormatsCommand),
    /// Run the sandbox provider
    Sandbox(sandbox::SandboxCommand),
}

/// How a command talks.
pub(crate) struct Voice {
    pub json: bool,
    pub quiet: bool,
}

impl Voice {
    /// Prints a value as JSON, or a text for people.
    pub fn say(&self, json: &serde_json::Value, text: impl FnOnce() -> String) {
        let told = match (self.json, self.quiet) {
            (true, _) => format!("{json:#}"),
            (false, true) => return,
            (false, false) => text(),
        };
        print(&told);
    }
}

/// Set when something could not be printed: a script that reads a cut-off file must learn of it.
static UNTOLD: AtomicBool = AtomicBool::new(false);

/// Prints lines. The work is done by then, so a reader who has read enough (`| head`) and gone away
/// is no failure.
pub(crate) fn print(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n'))
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        UNTOLD.store(true, Ordering::Relaxed);
        eprintln!("chitra: it is done, but cannot be told: {error}");
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CHITRA_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("chitra: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let json = arguments.json;
    match runtime.block_on(run(arguments)) {
        Ok(()) if UNTOLD.load(Ordering::Relaxed) => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match json {
                true => eprintln!(
                    "{}",
                    serde_json::json!({ "error": error.code(), "sentence": error.to_string() })
                ),
                false => eprintln!("{}: {error}", error.code()),
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), EngineError> {
    let voice = Voice { json: arguments.json, quiet: arguments.quiet };
    let dir = arguments.office;
    let today = arguments.today.as_deref();
    match arguments.command {
        Command::Demo(command) => command.run(&voice).await,
        Command::Init(command) => command.run(&voice),
        Command::Synth(command) => command.run(&voice),
        Command::Programmes(command) => command.run(&voice),
        Command::Formats(command) => command.run(&voice),
        Command::Sandbox(command) => command.run(&voice).await,
        Command::Roster(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Identity(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Officer(officer::OfficerCommand::Key { file }) => officer::make_key(&file, &voice),
        Command::Officer(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Cycle(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Hold(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Submit(command) => command.submit(&open(&dir, today, &voice).await?, &voice).await,
        Command::Approve(command) => {
            command.approve(&open(&dir, today, &voice).await?, &voice).await
        }
        Command::Release(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Dispatch(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Collect(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Reissue(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Queue(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Explain(command) => {
            command.run(&open_as(true, &dir, today, &voice).await?, &voice).await
        }
        Command::Report(command) => {
            command.run(&open_as(true, &dir, today, &voice).await?, &voice).await
        }
        Command::Audit(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
    }
}

/// Opens the office with the machine's disk, and its clock unless a day is said.
async fn open(dir: &Path, today: Option<&str>, voice: &Voice) -> Result<Engine, EngineError> {
    open_as(false, dir, today, voice).await
}

/// Opens the office; a command that only reads needs no more than the right to read its folder.
async fn open_as(
    only_reads: bool,
    dir: &Path,
    today: Option<&str>,
    voice: &Voice,
) -> Result<Engine, EngineError> {
    // The offset is the office's; a folder that is no office is told by `office::open`.
    let config = std::fs::read_to_string(dir.join(office::CONFIG))
        .ok()
        .and_then(|text| Config::parse(&text, dir).ok());
    let clock: Arc<dyn Clock> = match (today, &config) {
        (Some(_), Some(config)) if config.environment != payment_formats::Environment::Test => {
            return Err(EngineError::refused(
                "G131",
                "--today is for an office whose environment is `test`; this one lives by the clock",
            ));
        }
        (Some(day), _) => {
            let day =
                parse_date(day).map_err(|error| EngineError::refused("G102", error.to_string()))?;
            Arc::new(FixedClock::new(day.at(8, 0, 0, 0)))
        }
        (None, config) => {
            Arc::new(SystemClock::new(config.as_ref().map_or(0, |config| config.offset_minutes)))
        }
    };
    let around = Surroundings {
        disk: Arc::new(RealDisk),
        clock,
        progress: show::progress(voice),
        channels: None,
    };
    match only_reads {
        true => office::open_to_read(dir, around).await,
        false => office::open(dir, around).await,
    }
}
