//! A roster whose import died half-way is taken in as if it had never been begun.

use std::fs;
use std::sync::Arc;

use chitra::disk::RealDisk;
use chitra::domain::ids::{EnrolmentNo, ImportNo, PersonNo, Shard};
use chitra::domain::list::Role;
use chitra::engine::clock::FixedClock;
use chitra::engine::office::{self, Surroundings};
use chitra::engine::progress::Silent;
use chitra::engine::{Engine, EngineError};
use chitra::store::Changes;
use chitra::store::registry::{Import, ImportKind, ImportState};
use jiff::civil::date;

use crate::support::office::key;

const ROSTER: &str = "\
enrolment_id,national_id,full_name,date_of_birth,sex,commune_code,programme,benefit,decision_no,\
decision_date,entitled_from,status,channel
E1,001141000001,Nguyễn Thị Ánh Đào,1941-04-27,female,00001,social_pension,monthly,63/QĐ-UBND,\
2025-09-02,2025-09-01,active,cash
";

const REGISTER: &str = "\
national_id,full_name,date_of_birth,sex,vital_status
001141000001,Nguyễn Thị Ánh Đào,1941-04-27,female,alive
";

const CONFIG: &str = r#"
[office]
name = "Phong Noi vu phuong Ben Nghe"
prefix = "BNGE"
authority = 1
currency = "VND"
utc_offset = "+07:00"
environment = "test"
database = "sqlite:office.db"
approvals = 2
history_from = "2026-11"

[debtor]
name = "Kho bac Nha nuoc"
id = "1100400"
account = "VN67BHXH0000000011004000001"
bin = "970436"
"#;

/// The broken import said that the enrolment is somebody else's: of that, nothing may stay.
#[test]
fn who_is_enrolled_is_what_a_whole_file_said() {
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    runtime.block_on(live()).unwrap_or_else(|error| panic!("{error}"));
}

async fn live() -> Result<(), EngineError> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("roster.csv");
    fs::write(&path, ROSTER).expect("the folder is ours");
    let month = "2026-11".parse().expect("a month");

    let undisturbed = open(&folder.path().join("undisturbed")).await?;
    let register = folder.path().join("identity.csv");
    fs::write(&register, REGISTER).expect("the folder is ours");
    undisturbed.identity_import(&register, month, "lan", &key("lan")).await?;
    undisturbed.roster_import(&path, month, "lan", &key("lan")).await?;
    let expected = enrolled(&undisturbed).await?;
    let [(enrolment, person)] = expected.as_slice() else { panic!("one row: {expected:?}") };
    let stranger = PersonNo::from_number(person.number() ^ 1).expect("a number of a person");

    for of_month in ["2026-11", "2026-10"] {
        let engine = open(&folder.path().join(of_month)).await?;
        let mut changes = Changes::new();
        changes.import_started(&Import {
            number: ImportNo(1),
            kind: ImportKind::Roster,
            period: of_month.parse().expect("a month"),
            sha256: "0".repeat(64),
            read_with: ImportNo(0),
            file_name: "roster-of-yesterday.csv".to_owned(),
            state: ImportState::Loading,
            rows: 0,
            refused: 0,
            imported_at: "2026-10-20T08:00:00+07:00".to_owned(),
            imported_by: "lan".to_owned(),
        });
        changes.enrolments(ImportNo(1), [(*enrolment, stranger)]);
        engine.store.commit(changes).await?;
        engine.identity_import(&register, month, "lan", &key("lan")).await?;
        engine.roster_import(&path, month, "lan", &key("lan")).await?;
        assert_eq!(enrolled(&engine).await?, expected, "broken in {of_month}");
    }
    Ok(())
}

async fn enrolled(engine: &Engine) -> Result<Vec<(EnrolmentNo, PersonNo)>, EngineError> {
    let mut found = Vec::new();
    for shards in Shard::groups() {
        found.extend(engine.store.enrolments(&shards).await?);
    }
    Ok(found)
}

async fn open(root: &std::path::Path) -> Result<Engine, EngineError> {
    office::create(root, CONFIG, [7; 32])?;
    let around = Surroundings {
        disk: Arc::new(RealDisk),
        clock: Arc::new(FixedClock::new(date(2026, 10, 20).at(8, 0, 0, 0))),
        progress: Arc::new(Silent),
        channels: None,
    };
    let engine = office::open(root, around).await?;
    engine.officer_enrol("lan", Role::Officer, &key("lan").public().to_string()).await?;
    Ok(engine)
}
