//! `chitra synth`: synthetic people of Vietnam, with realistic errors and the truth.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::domain::period::Period;
use crate::engine::EngineError;
use crate::synth::rows::{REGISTER_COLUMNS, ROSTER_COLUMNS, TRUTH_COLUMNS, fill_record};
use crate::synth::{Rates, SynthConfig, SynthRow, generate};

/// Twice the people of Vietnam: more is a slip of the hand that fills the disk.
pub const PEOPLE_MAX: u64 = 200_000_000;

#[derive(Args)]
pub struct Synth {
    /// How many beneficiaries
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=PEOPLE_MAX))]
    people: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The month that will be paid
    #[arg(long, default_value = "2026-11")]
    period: String,
    /// The folder for roster.csv, identity.csv and truth.csv
    #[arg(long)]
    out: PathBuf,
}

impl Synth {
    pub fn run(self, voice: &Voice) -> Result<(), EngineError> {
        let period = crate::cli::import::period(&self.period)?;
        let counts = write(&self.out, self.people, self.seed, period)?;
        voice.say(
            &json!({ "roster_rows": counts.roster, "register_rows": counts.register }),
            || {
                format!(
                    "{} roster rows and {} register rows in {}",
                    counts.roster,
                    counts.register,
                    self.out.display()
                )
            },
        );
        Ok(())
    }
}

pub struct Counts {
    pub roster: u64,
    pub register: u64,
}

/// Writes the three files.
pub fn write(out: &Path, people: u64, seed: u64, period: Period) -> Result<Counts, EngineError> {
    let failed = |error| EngineError::io(format!("writing to {}", out.display()), error);
    std::fs::create_dir_all(out).map_err(failed)?;
    let create =
        |name: &str, columns: &[&str]| -> Result<csv::Writer<BufWriter<File>>, EngineError> {
            let file = File::create(out.join(name)).map_err(failed)?;
            let mut writer = csv::Writer::from_writer(BufWriter::with_capacity(1 << 17, file));
            writer.write_record(columns).map_err(|error| failed(error.into()))?;
            Ok(writer)
        };
    let mut roster = create("roster.csv", &[&ROSTER_COLUMNS[..], &["period"]].concat())?;
    let mut register = create("identity.csv", &REGISTER_COLUMNS)?;
    let mut truth = create("truth.csv", &TRUTH_COLUMNS)?;
    let mut counts = Counts { roster: 0, register: 0 };
    let mut record = csv::ByteRecord::new();
    let mut errors = String::new();
    let month = period.to_string();
    let mut broken: Option<csv::Error> = None;
    let config = SynthConfig { people, seed, period, rates: Rates::default() };
    generate(&config, &mut |row| {
        let written = match row {
            SynthRow::Roster(row) => {
                counts.roster += 1;
                fill_record(&mut record, &row.fields());
                record.push_field(month.as_bytes());
                roster.write_byte_record(&record)
            }
            SynthRow::Register(row) => {
                counts.register += 1;
                fill_record(&mut record, &row.fields());
                register.write_byte_record(&record)
            }
            SynthRow::Truth(row) => {
                fill_record(&mut record, &row.fields(&mut errors));
                truth.write_byte_record(&record)
            }
        };
        if let Err(error) = written {
            broken.get_or_insert(error);
        }
    });
    match broken {
        Some(error) => Err(failed(error.into())),
        None => {
            for mut writer in [roster, register, truth] {
                writer.flush().map_err(failed)?;
            }
            Ok(counts)
        }
    }
}
