//! `chitra report CYCLE`: the report that an auditor signs, and its figures.

use std::io::ErrorKind;

use clap::Args;
use serde_json::json;

use crate::cli::{Voice, print};
use crate::domain::ids::ListNo;
use crate::engine::{Engine, EngineError};
use crate::report::words::Language;
use crate::report::{cycle_csv, cycle_html};

#[derive(Args)]
pub struct Report {
    cycle: String,
    /// cycle, or cash: the sheets to be signed at the pay points, with names
    #[arg(long, default_value = "cycle")]
    kind: String,
    /// Of cash: the list whose payments stand on the sheets
    #[arg(long, default_value_t = 0)]
    list: i64,
    /// Print to standard output as html, csv or json; files in reports/ when not said
    #[arg(long)]
    format: Option<String>,
}

impl Report {
    pub async fn run(self, engine: &Engine, voice: &Voice) -> Result<(), EngineError> {
        if self.kind == "cash" {
            let cycle = engine.cycle_find(&self.cycle).await?;
            let path = engine.pay_sheet_write(&cycle, ListNo(self.list)).await?;
            let path = path.display().to_string();
            voice.say(&json!({ "html": path }), || path.clone());
            return Ok(());
        }
        if self.kind != "cycle" {
            return Err(EngineError::refused(
                "G106",
                format!("there is no report `{}`: cycle or cash", self.kind),
            ));
        }
        let cycle = engine.cycle_find(&self.cycle).await?;
        match self.format.as_deref() {
            None => {
                let files =
                    engine.cycle_report_write(&cycle).await.map_err(|error| match error {
                        EngineError::Io { doing, source }
                            if matches!(
                                source.kind(),
                                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                            ) =>
                        {
                            EngineError::refused(
                                "E110",
                                format!(
                                    "{doing}: {source}; print it instead, with --format html or csv"
                                ),
                            )
                        }
                        error => error,
                    })?;
                let (html, csv) =
                    (files.html.display().to_string(), files.csv.display().to_string());
                voice.say(&json!({ "html": html, "csv": csv }), || format!("{html}\n{csv}"));
            }
            Some("html") => {
                let report = engine.cycle_report(&cycle).await?;
                print(&cycle_html::html(&report, Language::Both));
            }
            Some("csv") => print(&cycle_csv::csv(&engine.cycle_report(&cycle).await?)),
            Some("json") => print(&format!("{:#}", engine.figures(&cycle).await?.to_json())),
            Some(other) => {
                return Err(EngineError::refused(
                    "G107",
                    format!("`{other}` is no format of a report: html, csv or json"),
                ));
            }
        }
        Ok(())
    }
}
