//! `chitra programmes`: list, check and test the law as data.

use clap::Subcommand;
use serde_json::json;

use crate::cli::Voice;
use crate::cli::show::table;
use crate::engine::{EngineError, Programmes};
use crate::pipeline::prove::run_cases;
use crate::rules::cases::read_cases;
use crate::rules::{builtin_sources, check};

#[derive(Subcommand)]
pub enum ProgrammesCommand {
    /// Benefits, with what they are called
    List,
    /// Types, names and dates of the pack
    Check,
    /// Run the cases that prove the pack
    Test,
}

impl ProgrammesCommand {
    pub fn run(self, voice: &Voice) -> Result<(), EngineError> {
        match self {
            ProgrammesCommand::List => {
                let programmes = Programmes::builtin()?;
                let benefits = programmes.pack.benefits();
                let told: Vec<_> = benefits
                    .iter()
                    .map(|one| {
                        json!({ "programme": one.programme, "benefit": one.code, "vi": one.title.vi, "en": one.title.en })
                    })
                    .collect();
                voice.say(&json!(told), || {
                    let rows: Vec<Vec<String>> = benefits
                        .iter()
                        .map(|one| {
                            vec![
                                one.programme.clone(),
                                one.code.clone(),
                                one.title.vi.clone(),
                                one.title.en.clone(),
                            ]
                        })
                        .collect();
                    table(&["programme", "benefit", "tiếng Việt", "English"], &rows, &[])
                });
                Ok(())
            }
            ProgrammesCommand::Check => {
                let faults = check(builtin_sources("vn"));
                for fault in &faults {
                    eprintln!("{fault}");
                }
                if !faults.is_empty() {
                    return Err(EngineError::refused(
                        "P101",
                        format!(
                            "the pack has {} faults, which are listed; mend them, and check again",
                            faults.len()
                        ),
                    ));
                }
                voice.say(&json!({ "faults": 0 }), || "the pack is right in form".to_owned());
                Ok(())
            }
            ProgrammesCommand::Test => {
                let programmes = Programmes::builtin()?;
                let (cases, faults) = read_cases(&programmes.pack, builtin_sources("vn"));
                for fault in &faults {
                    eprintln!("{fault}");
                }
                let report = run_cases(&programmes.pack, &cases);
                let told: Vec<_> = report
                    .results
                    .iter()
                    .map(|one| {
                        json!({
                            "case": one.id, "name": one.name, "passed": one.passed(),
                            "expected": one.expected, "actual": one.actual,
                        })
                    })
                    .collect();
                let summary = format!(
                    "{} passed, {} failed",
                    report.results.len() - report.failed(),
                    report.failed()
                );
                voice.say(
                    &json!({ "cases": told, "failed": report.failed(), "unproven_clauses": report.unproven }),
                    || {
                        let mut lines: Vec<String> = report
                            .results
                            .iter()
                            .map(|one| {
                                let mark = if one.passed() { "ok    " } else { "FAILED" };
                                format!("{mark} {:<7} {}", one.id, one.name)
                            })
                            .collect();
                        lines.push(summary.clone());
                        lines.join("\n")
                    },
                );
                for one in report.results.iter().filter(|one| !one.passed()) {
                    eprintln!(
                        "{} ({}:{})\n  expected {:?}\n  actual   {:?}",
                        one.id, one.file, one.line, one.expected, one.actual
                    );
                }
                match report.failed() + faults.len() {
                    0 => Ok(()),
                    _ => Err(EngineError::refused(
                        "P102",
                        format!("{summary}: mend the rule or the case, as the law says"),
                    )),
                }
            }
        }
    }
}
