//! The command line: one file a command. Everything that a person reads is printed here and nowhere
//! else.
//!
//! Exit codes: 0 done, 1 refused or failed (with a code and a way out), 2 usage.

mod answers;
mod approval;
mod audit;
mod collect;
mod control_note;
mod court_order;
mod cycle;
mod demo;
mod dispatch;
mod explain;
mod formats;
mod funds;
mod halt;
mod heir;
mod hold;
mod import;
mod init;
mod officer;
mod programmes;
mod recall;
mod receivable;
mod redate;
mod report;
mod sandbox;
mod schedule;
mod show;
mod signer;
mod stop;
mod statement;
mod synth;
mod taking_back;
mod unknown;

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
    /// What a partner is told of each file by another way: name, count, total and SHA-256, for a letter
    ControlNote(control_note::ControlNoteCommand),
    /// Take in what providers answered
    Collect(collect::Collect),
    /// Order again what did not arrive, as a list of its own
    Reissue(collect::Reissue),
    /// Payments of which no answer tells the fate
    #[command(subcommand)]
    Unknown(unknown::UnknownCommand),
    /// Release lists that wait
    #[command(subcommand)]
    List(taking_back::ListCommand),
    /// Take back a released file that is proved not to have left
    Withdraw(taking_back::Withdraw),
    /// Take a person's payments off a sealed list before they leave, by two officers
    #[command(subcommand)]
    Stop(stop::StopCommand),
    /// Pay what is still due to somebody who has died to an heir, named by two officers
    #[command(subcommand)]
    Heir(heir::HeirCommand),
    /// Ask payments back that have left and must not be paid, by two officers
    #[command(subcommand)]
    Recall(recall::RecallCommand),
    /// Give files that missed their value date another one; they are approved anew
    Redate(redate::Redate),
    /// Money that is made available to partners before they pay
    #[command(subcommand)]
    Funds(funds::FundsCommand),
    /// Stop a partner, a cycle or everything, and let it go on
    #[command(subcommand)]
    Halt(halt::HaltCommand),
    /// Answers that fit nothing, money to be got back, halts
    #[command(subcommand)]
    Queue(answers::Queue),
    /// Money to be got back: kept back of payments, paid in, given up
    #[command(subcommand)]
    Receivable(receivable::ReceivableCommand),
    /// Orders of courts: what is kept back of benefits for others, and what of it was transferred
    #[command(subcommand)]
    CourtOrder(court_order::CourtOrderCommand),
    /// Statements of the accounts that pay
    #[command(subcommand)]
    Statement(statement::StatementCommand),
    /// What happens by itself, or is reminded of, and when
    #[command(subcommand)]
    Schedule(schedule::ScheduleCommand),
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
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misuse(&error),
    };
    // A database that is slow for a moment is no matter for who reads the answer.
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CHITRA_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,sqlx=error")),
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
                true => eprintln!("{}", complaint(error.code(), &error.to_string())),
                false => eprintln!("{}: {error}", error.code()),
            }
            ExitCode::FAILURE
        }
    }
}

/// Help and version are answers; anything else that cannot be read is told in the form that was asked
/// for, as far as that can be seen.
fn misuse(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().skip(1).take_while(|one| one != "--").any(|one| one == "--json");
    let sentence = error.to_string();
    if error.use_stderr() {
        let sentence = sentence.trim_start_matches("error: ").trim_end();
        match json {
            true => eprintln!("{}", complaint("U101", sentence)),
            false => eprintln!("U101: {sentence}"),
        }
    } else if let Err(untold) = error.print()
        && untold.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("chitra: {untold}");
    }
    match error.use_stderr() {
        true => ExitCode::from(2),
        false => ExitCode::SUCCESS,
    }
}

/// What is said of a refusal where JSON was asked for.
fn complaint(code: &str, sentence: &str) -> serde_json::Value {
    serde_json::json!({ "error": code, "sentence": sentence })
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
        Command::List(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Withdraw(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Stop(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Heir(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Recall(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Redate(command) => command.run(&open(&dir, today, &voice).await?, &voice).await,
        Command::Funds(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Halt(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Receivable(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::CourtOrder(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Schedule(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Unknown(command) => {
            let engine = open_as(command.only_reads(), &dir, today, &voice).await?;
            command.run(&engine, &voice).await
        }
        Command::Statement(command) => {
            command.run(&open_as(true, &dir, today, &voice).await?, &voice).await
        }
        Command::Explain(command) => {
            command.run(&open_as(true, &dir, today, &voice).await?, &voice).await
        }
        Command::ControlNote(command) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use std::collections::BTreeSet;

    /// Texts in which commands are named, of the whole repository.
    fn texts() -> Vec<(PathBuf, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders = vec![root.to_path_buf()];
        let mut texts = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the repository can be read") {
                let path = entry.expect("its entries can be read").path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let skipped =
                    name.starts_with('.') || name.starts_with("target") || name == "tests";
                if path.is_dir() && !skipped && !path.join("demo.json").exists() {
                    folders.push(path);
                } else if name.ends_with(".rs") || name.ends_with(".md") {
                    let text = std::fs::read_to_string(&path).expect("sources are text");
                    texts.push((path, text));
                }
            }
        }
        texts
    }

    /// What is wrong with a command as a message or a page names it.
    fn fault(line: &str) -> Option<String> {
        let mut command = Arguments::command();
        command.build();
        let mut at = &command;
        let mut walking = true;
        let mut words =
            line.split_whitespace().map(|word| word.trim_end_matches([',', ';', '.', ':']));
        while let Some(word) = words.next() {
            if let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) {
                let known = |one: &clap::Arg| one.get_long() == Some(flag);
                let arguments = || at.get_arguments().chain(command.get_arguments());
                let argument = arguments().find(|one| known(one));
                match argument {
                    Some(one) if one.get_action().takes_values() => _ = words.next(),
                    Some(_) => {}
                    None if ["help", "version"].contains(&flag) => {}
                    None => return Some(format!("`{}` has no --{flag}", at.get_name())),
                }
            } else if word.starts_with('{') {
                // What stands there is put in when the message is made.
                return None;
            } else if walking && at.has_subcommands() {
                match at.find_subcommand(word) {
                    Some(found) => at = found,
                    None => return Some(format!("`{}` has no command `{word}`", at.get_name())),
                }
            } else {
                walking = false;
            }
        }
        None
    }

    /// The commands that a text names: after a back quote, a bracket, a colon or at the start of a line,
    /// up to the end of the line or of what encloses it.
    fn named(text: &str) -> BTreeSet<String> {
        let text = text.replace("\\n", "\n").replace("{dir} ", "DIR ");
        let mut found = BTreeSet::new();
        for line in text.lines() {
            let line = line.trim_start();
            let mut from = 0;
            while let Some(at) = line[from..].find("chitra ").map(|at| at + from) {
                from = at + "chitra ".len();
                let before = line[..at].trim_end_matches(' ');
                let opens = |c: char| "`(:>".contains(c);
                let quoted = before.ends_with('"') && at == before.len();
                if !(before.is_empty() || before.ends_with(opens) || quoted) {
                    continue;
                }
                let ends = |c: char| "`\"|<\\#)".contains(c);
                let rest = line[from..].split(ends).next().unwrap_or("");
                let rest = rest.split(" (").next().unwrap_or("").trim();
                // Words that are signed or hashed begin so too.
                if !rest.is_empty() && !rest.ends_with(" v1") {
                    found.insert(rest.to_owned());
                }
            }
            if let Some(rest) = line.strip_prefix("on 2026-").and_then(|rest| rest.split_once(' '))
            {
                found.insert(rest.1.split('#').next().unwrap_or("").trim().to_owned());
            }
        }
        found
    }

    #[test]
    fn every_command_that_is_named_exists() {
        let mut findings = Vec::new();
        let mut count = 0;
        for (path, text) in texts() {
            // The lines of this module that show the check at work.
            let text = text.split("mod tests {").next().unwrap_or("");
            for line in named(text) {
                count += 1;
                findings.extend(
                    fault(&line).map(|fault| format!("{}: chitra {line}: {fault}", path.display())),
                );
            }
        }
        assert!(count > 60, "only {count} commands were found");
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn a_command_that_does_not_exist_is_found() {
        for (line, wrong) in [
            ("queue halts", false),
            ("halt begin", true),
            ("hold resolve 2026-11 1-0 --as lan --decision release", false),
            ("hold resolve 2026-11 1-0 --officer lan", true),
            ("--office DIR officer enrol NAME --role officer --new-key", false),
            ("cycle", false),
            ("cycle begin", true),
        ] {
            assert_eq!(fault(line).is_some(), wrong, "{line}: {:?}", fault(line));
        }
        let page = "see: chitra halt list\n`chitra queue halts`, and\nchitra is a program\n";
        assert_eq!(named(page).len(), 3);
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
