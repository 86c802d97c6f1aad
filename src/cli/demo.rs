//! `chitra demo`: a whole month, end to end, in a folder of its own, against the sandbox provider.
//!
//! Nothing is bypassed: the office, its keys, the officers' signatures, the files and the answers are
//! the real ones; only the people are invented, the days are set, and the partners are the sandbox.
//! Killed at any moment and started again, it goes on where it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use jiff::civil::{Date, DateTime, date};
use serde_json::json;

use crate::channels::sandbox::{BehaviourMix, Sandbox, Script};
use crate::cli::show::{grouped, money, payments};
use crate::cli::{Voice, cycle, sandbox, show, synth};
use crate::disk::RealDisk;
use crate::domain::cycle::{Cycle, CycleKind, CycleState};
use crate::domain::digest::Digest;
use crate::domain::ids::ListNo;
use crate::domain::list::{ListState, Role};
use crate::domain::period::Period;
use crate::domain::signature::OfficerKey;
use crate::engine::clock::FixedClock;
use crate::engine::cycle::Opening;
use crate::engine::office::{self, Surroundings};
use crate::engine::{Engine, EngineError};

/// About 4 KiB of disk a person: more would fill it before anything is seen.
const DEMO_PEOPLE_MAX: u64 = 10_000_000;

#[derive(Args)]
pub struct Demo {
    /// How many people are invented
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=DEMO_PEOPLE_MAX))]
    people: u64,
    /// Decides the people, the keys and what the partners do; the same seed gives the same files
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value = "chitra-demo")]
    dir: PathBuf,
    /// Shares of what goes wrong at the partners, as `chitra sandbox --script` reads them
    #[arg(long)]
    script: Option<PathBuf>,
}

/// The month that is paid, and the days on which things happen.
const PERIOD: (i16, i8) = (2026, 11);
const IMPORTED_ON: Date = date(2026, 10, 20);
const SEALED_ON: Date = date(2026, 10, 22);
const APPROVED_ON: Date = date(2026, 10, 23);
const SENT_ON: Date = date(2026, 11, 2);
const VALUE_DATE: Date = date(2026, 11, 3);
/// On these days what came back is ordered again.
const REISSUED_ON: [Date; 2] = [date(2026, 11, 9), date(2026, 11, 18)];
/// The last file's silence must be overdue by then, or its payments would still be pending.
const CLOSED_ON: Date = date(2026, 12, 15);
/// After so many days without an answer a payment is unknown.
const ANSWER_DAYS: i32 = 25;

const MAKER: &str = "lan";
const APPROVERS: [&str; 2] = ["minh", "hoa"];

/// The partners that the sandbox plays: name, channel, format, answers, and which values of the
/// roster's provider column they serve.
const PARTNERS: [(&str, &str, &str, &str, &str); 5] = [
    ("demobank", "bank", "iso20022-pain001-09", r#""iso20022-pain002", "iso20022-camt054""#, "*"),
    ("sheetbank", "bank", "vn-bank-bulk-csv", r#""vn-bank-bulk-csv-results""#, "970405"),
    ("wallet", "ewallet", "ewallet-csv", r#""ewallet-csv-results""#, "*"),
    (
        "mobile",
        "mobile_money",
        "gsma-mobile-money-batch",
        r#""gsma-mobile-money-completions", "gsma-mobile-money-rejections""#,
        "*",
    ),
    ("paypoint", "cash", "pso-paypoint-csv", r#""pso-paypoint-report""#, "*"),
];

impl Demo {
    pub async fn run(self, voice: &Voice) -> Result<(), EngineError> {
        let begun = Instant::now();
        let steps = Steps { voice, begun };
        let clock = Arc::new(FixedClock::new(at(IMPORTED_ON)));
        // Read before anything is made, so that a script that cannot be read leaves no folder.
        let (mix, around) = sandbox::script(self.script.as_deref())?;
        self.prepare(&steps, &mix, &around)?;
        let engine = office::open(
            &self.dir,
            Surroundings {
                disk: Arc::new(RealDisk),
                clock: clock.clone(),
                progress: show::progress(voice),
                channels: None,
            },
        )
        .await?;
        let partners = self.sandbox(mix, around)?;
        let period = Period::new(PERIOD.0, PERIOD.1).expect("the demo's month exists");
        self.officers(&engine).await?;

        let mut day = self.day()?;
        if day < SEALED_ON {
            let key = self.key(MAKER)?;
            for (kind, file) in [("identity", "identity.csv"), ("roster", "roster.csv")] {
                let path = self.dir.join("input").join(file);
                let report = match kind {
                    "identity" => engine.identity_import(&path, period, MAKER, &key).await,
                    _ => engine.roster_import(&path, period, MAKER, &key).await,
                };
                match report {
                    Ok(report) => steps.done(&format!(
                        "{kind}: {} rows, {} refused",
                        grouped(i128::from(report.import.rows)),
                        grouped(i128::from(report.import.refused))
                    )),
                    // Taken in before the demo was interrupted.
                    Err(error) if error.code() == "I120" => {}
                    Err(error) => return Err(error),
                }
            }
            day = self.advance(SEALED_ON)?;
        }
        if day < APPROVED_ON {
            clock.set(at(SEALED_ON));
            let month = match engine.cycle_find(&period.to_string()).await {
                Ok(cycle) => cycle,
                Err(_) => {
                    engine
                        .cycle_open(
                            Opening {
                                period,
                                kind: CycleKind::Regular,
                                law_known_at: None,
                                value_date: VALUE_DATE,
                                by: MAKER.to_owned(),
                            },
                            &self.key(MAKER)?,
                        )
                        .await?
                }
            };
            let month = cycle::run(&engine, month, false, false).await?;
            let files = engine.store.batches(month.number).await?.len();
            steps.done(&format!(
                "cycle {} is decided, assembled and sealed in {files} files",
                month.label()
            ));
            day = self.advance(APPROVED_ON)?;
        }
        if day < SENT_ON {
            clock.set(at(APPROVED_ON));
            let month = engine.cycle_find(&period.to_string()).await?;
            self.sign_and_release(&engine, &month, ListNo(0)).await?;
            steps.done(&format!(
                "submitted by {MAKER}, approved by {} and {}, released",
                APPROVERS[0], APPROVERS[1]
            ));
            day = self.advance(SENT_ON)?;
        }
        // A day on which the demo was interrupted is lived through to its end: what the partners had said by then is
        // not due any more, and may not have been taken in.
        let mut interrupted = true;
        while day < CLOSED_ON {
            clock.set(at(day));
            // A day on which nobody does anything is passed over.
            let judge = partners.clone();
            let due = tokio::task::spawn_blocking(move || judge.next_due())
                .await
                .map_err(|error| EngineError::Inconsistent(error.to_string()))?
                .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
            let eve = CLOSED_ON.yesterday().map_err(calendar)?;
            if std::mem::take(&mut interrupted)
                || day == SENT_ON
                || REISSUED_ON.contains(&day)
                || due.is_some_and(|due| due <= day)
                || day == eve
            {
                self.live_through(&engine, &partners, &period, day, &steps).await?;
            }
            day = self.advance(day.tomorrow().map_err(calendar)?)?;
        }
        clock.set(at(CLOSED_ON));
        let month = engine.cycle_find(&period.to_string()).await?;
        let month = match month.state {
            CycleState::Closed => month,
            _ => engine.close(&month, MAKER, &self.key(MAKER)?).await?,
        };
        engine.sequence().await?;
        steps.done(&format!("cycle {} is closed", month.label()));
        // From here on nothing is written but reports.
        let (verified, _) = engine.audit_verify().await?;
        engine.audit_rows().await?.must_agree()?;
        steps.done(&format!("the log of {} entries verifies", verified.size));
        let report = engine.cycle_report_write(&month).await?;
        let reports = [report.html, report.csv];
        self.tell(&engine, &partners, &month, &reports, voice, begun).await
    }

    /// One day between sending and closing.
    async fn live_through(
        &self,
        engine: &Engine,
        sandbox: &Arc<Sandbox>,
        period: &Period,
        day: Date,
        steps: &Steps<'_>,
    ) -> Result<(), EngineError> {
        let month = engine.cycle_find(&period.to_string()).await?;
        let reissues = REISSUED_ON.iter().filter(|planned| **planned <= day).count();
        let lists = engine.store.lists(month.number).await?;
        if REISSUED_ON.contains(&day) && lists.len() <= reissues {
            let done = engine.reissue(&month).await?;
            if let Some(list) = &done.list {
                steps.done(&format!(
                    "{day}: {} on list {}, which are ordered again",
                    payments(done.ordered),
                    list.number
                ));
            }
        }
        for list in engine.store.lists(month.number).await? {
            if list.state != ListState::Released {
                let month = engine.cycle_find(&period.to_string()).await?;
                self.sign_and_release(engine, &month, list.number).await?;
            }
        }
        for sent in engine.dispatch(None).await? {
            steps.done(&format!("{day}: {} {}", sent.file_name, sent.state));
        }
        let partner = sandbox.clone();
        tokio::task::spawn_blocking(move || partner.tick(day))
            .await
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?
            .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
        let mut items = 0;
        let mut files = 0;
        for answer in engine.collect_all().await? {
            match answer {
                Ok(collected) => {
                    items += collected.items;
                    files += 1;
                }
                Err((_, error)) => return Err(error),
            }
        }
        if files > 0 {
            let answers = if files == 1 { "answer" } else { "answers" };
            let with = if items == 1 { "item" } else { "items" };
            let items = grouped(i128::from(items));
            steps.done(&format!("{day}: {files} {answers} with {items} {with}"));
        }
        Ok(())
    }

    async fn sign_and_release(
        &self,
        engine: &Engine,
        month: &Cycle,
        number: ListNo,
    ) -> Result<(), EngineError> {
        let label = month.label();
        let list = engine.payment_list(month, number).await?;
        if list.state == ListState::Sealed {
            engine.submit(month, number, MAKER, &self.key(MAKER)?).await?;
        }
        for approver in APPROVERS {
            let month = engine.cycle_find(&label).await?;
            if engine.payment_list(&month, number).await?.state != ListState::Submitted {
                continue;
            }
            match engine.approve(&month, number, approver, &self.key(approver)?).await {
                Ok(_) => {}
                // Signed before the demo was interrupted.
                Err(error) if error.code() == "A108" => {}
                Err(error) => return Err(error),
            }
        }
        let month = engine.cycle_find(&label).await?;
        if engine.payment_list(&month, number).await?.state == ListState::Approved {
            engine.release(&month, number, APPROVERS[1], &self.key(APPROVERS[1])?).await?;
        }
        Ok(())
    }

    fn key(&self, officer: &str) -> Result<OfficerKey, EngineError> {
        office::read_officer_key(&office::officer_key_path(&self.dir, officer))
    }

    /// Makes folder, people and office, or finds what an interrupted demo left.
    fn prepare(
        &self,
        steps: &Steps<'_>,
        mix: &BehaviourMix,
        around: &Script,
    ) -> Result<(), EngineError> {
        let failed = |error| EngineError::io(format!("making {}", self.dir.display()), error);
        let marker = self.dir.join("demo.json");
        let mut wanted = json!({ "people": self.people, "seed": self.seed });
        if self.script.is_some() {
            wanted["script"] = json!({ "mix": mix, "around": around });
        }
        let wanted = wanted.to_string();
        // A demo that was killed before it wrote what it is has left nothing else yet.
        let begun = marker.with_extension("json.part");
        let mut strangers = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        if strangers.any(|entry| entry.path() != begun) {
            let there = std::fs::read_to_string(&marker).unwrap_or_default();
            if there != wanted {
                return Err(EngineError::refused(
                    "G130",
                    format!(
                        "{} is there already and is not this demo; name another folder with --dir, or remove it",
                        self.dir.display()
                    ),
                ));
            }
        } else {
            std::fs::create_dir_all(&self.dir).map_err(failed)?;
            std::fs::write(&begun, &wanted).map_err(failed)?;
            std::fs::rename(&begun, &marker).map_err(failed)?;
        }
        let input = self.dir.join("input");
        if !input.exists() {
            let part = self.dir.join("input.part");
            let period = Period::new(PERIOD.0, PERIOD.1).expect("the demo's month exists");
            let counts = synth::write(&part, self.people, self.seed, period)?;
            std::fs::rename(&part, &input).map_err(failed)?;
            steps.done(&format!(
                "{} people are invented: {} roster rows, {} register rows",
                grouped(i128::from(self.people)),
                grouped(i128::from(counts.roster)),
                grouped(i128::from(counts.register))
            ));
        }
        if !self.dir.join(office::CONFIG).exists() {
            office::create(&self.dir, &self.config(), self.secret("office"))?;
        }
        Ok(())
    }

    async fn officers(&self, engine: &Engine) -> Result<(), EngineError> {
        let known = engine.store.officers().await?;
        let wanted = [
            (MAKER, Role::Officer),
            (APPROVERS[0], Role::Approver),
            (APPROVERS[1], Role::Approver),
        ];
        for (name, role) in wanted {
            if known.iter().any(|officer| officer.name == name) {
                continue;
            }
            let path = office::officer_key_path(&self.dir, name);
            office::write_officer_key(&path, &self.secret(name))?;
            let public = office::read_officer_key(&path)?.public().to_string();
            engine.officer_enrol(name, role, &public).await?;
        }
        Ok(())
    }

    fn sandbox(&self, mix: BehaviourMix, around: Script) -> Result<Arc<Sandbox>, EngineError> {
        let root = self.dir.join("sandbox");
        let failed = |error: crate::channels::sandbox::SandboxError| {
            EngineError::refused(error.code(), error.to_string())
        };
        if !root.join("sandbox.json").exists() {
            sandbox::create(&root, self.seed, mix, around)?;
        }
        Ok(Arc::new(Sandbox::open(Arc::new(RealDisk), &root).map_err(failed)?))
    }

    /// The demo's keys come from its seed, so that the same seed gives the same files. A real office
    /// takes them from the system's randomness.
    fn secret(&self, of: &str) -> [u8; 32] {
        *Digest::of(format!("chitra demo {} {of}", self.seed).as_bytes()).as_bytes()
    }

    fn config(&self) -> String {
        let mut text = String::from(
            r#"# The office of the demo.
[office]
name = "Phòng Nội vụ phường Demo"
prefix = "DEMO"
authority = 1
currency = "VND"
utc_offset = "+07:00"
environment = "test"
database = "sqlite:office.db"
approvals = 2
history_from = "2026-11"

[debtor]
name = "Kho bac Nha nuoc Demo"
id = "1100400"
account = "VN67BHXH0000000011004000001"
bin = "970436"
"#,
        );
        for (name, channel, format, answers, serves) in PARTNERS {
            // It debits our account in the moment in which it credits the payee, and has no message for the
            // credit alone.
            let debit = if name == "demobank" { "debit_is_proof = true\n" } else { "" };
            text.push_str(&format!(
                r#"
[[provider]]
name = "{name}"
{debit}channel = "{channel}"
format = "{format}"
answers = [{answers}]
serves = ["{serves}"]
count_max = 100000
total_max_minor = 900000000000000
amount_max_minor = 400000000
answer_days = {ANSWER_DAYS}
taken_kept_days = 90
inbox = "sandbox/{name}/inbox"
outbox = "sandbox/{name}/outbox"
taken = "sandbox/{name}/taken"
"#
            ));
        }
        text
    }

    /// The day on which the demo is, kept in a file so that a restart goes on.
    fn day(&self) -> Result<Date, EngineError> {
        match std::fs::read_to_string(self.dir.join("demo.day")) {
            Ok(text) => text.trim().parse().map_err(calendar),
            Err(_) => Ok(IMPORTED_ON),
        }
    }

    fn advance(&self, to: Date) -> Result<Date, EngineError> {
        let failed = |error| EngineError::io("keeping the demo's day", error);
        let (path, part) = (self.dir.join("demo.day"), self.dir.join("demo.day.part"));
        std::fs::write(&part, to.to_string()).map_err(failed)?;
        std::fs::rename(part, path).map_err(failed)?;
        Ok(to)
    }

    async fn tell(
        &self,
        engine: &Engine,
        sandbox: &Arc<Sandbox>,
        month: &Cycle,
        reports: &[PathBuf],
        voice: &Voice,
        begun: Instant,
    ) -> Result<(), EngineError> {
        let figures = engine.figures(month).await?;
        let judge = sandbox.clone();
        let credits = tokio::task::spawn_blocking(move || judge.credits())
            .await
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?
            .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
        let kept: Vec<_> = credits.iter().filter(|one| one.returned_on.is_none()).collect();
        let kept_minor: i128 = kept.iter().map(|one| i128::from(one.amount_minor)).sum();
        let mut told = figures.to_json();
        told["sandbox"] = json!({ "credited": kept.len(), "minor": kept_minor.to_string() });
        let currency = engine.config.currency;
        let paid = figures
            .payables
            .get(&crate::domain::payable::PayableState::Paid)
            .copied()
            .unwrap_or_default();
        voice.say(&told, || {
            let mut parts = vec![cycle::text(&figures, currency)];
            parts.push(format!(
                "The partners' own ledger: {}, {} stay credited; our books: {} paid, {}, the rest of theirs is unknown to us.",
                payments(kept.len() as i64),
                money(kept_minor, currency),
                grouped(i128::from(paid.count)),
                money(paid.minor, currency)
            ));
            let dir = self.dir.display();
            let program = program();
            let report = reports.first().map(|path| path.display().to_string()).unwrap_or_default();
            parts.push(format!(
                "{:.1} s. Where to look next:\n  {report}\n  \
                 {program} --office {dir} cycle status {}\n  \
                 {program} --office {dir} hold list {}\n  \
                 {program} --office {dir} explain {}\n  \
                 {program} --office {dir} audit verify\n  \
                 {dir}/sandbox/*/taken (the files that were sent)",
                begun.elapsed().as_secs_f32(),
                month.label(),
                month.label(),
                example_enrolment(&self.dir)
            ));
            parts.join("\n\n")
        });
        Ok(())
    }
}

/// Tells what was done, on a terminal and in a log alike.
struct Steps<'a> {
    voice: &'a Voice,
    begun: Instant,
}

impl Steps<'_> {
    fn done(&self, what: &str) {
        if !self.voice.quiet && !self.voice.json {
            eprintln!("{:>6.1} s  {what}", self.begun.elapsed().as_secs_f32());
        }
    }
}

/// Eight in the morning.
fn at(day: Date) -> DateTime {
    day.at(8, 0, 0, 0)
}

/// How this program was called, so that the hints can be copied before it is installed.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "chitra".to_owned())
}

/// Some enrolment of the roster, to be explained.
fn example_enrolment(dir: &Path) -> String {
    let text = std::fs::File::open(dir.join("input/roster.csv")).ok().and_then(|file| {
        csv::Reader::from_reader(std::io::BufReader::new(file))
            .records()
            .nth(7)
            .and_then(Result::ok)
            .and_then(|record| record.get(0).map(str::to_owned))
    });
    text.unwrap_or_else(|| "PERSON".to_owned())
}

fn calendar(error: jiff::Error) -> EngineError {
    EngineError::Inconsistent(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_month_closes_after_the_last_silence_is_overdue() {
        for sent_on in std::iter::once(SENT_ON).chain(REISSUED_ON) {
            // Looked at every day before the closing, and overdue when more days have passed.
            let last_look = CLOSED_ON.yesterday().unwrap();
            let silent = last_look.since(sent_on).unwrap().get_days();
            assert!(silent > ANSWER_DAYS, "{sent_on}: {silent} days of silence at the closing");
        }
    }
}
