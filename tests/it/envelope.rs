//! Sealed files: what we seal the program `age` opens and the reverse; what is not sealed, not for us or
//! not whole is refused with nothing applied; and what was sent once is sent again byte for byte.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use chitra::channels::envelope::{Format, Identity, Recipient, open, seal};
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::domain::state::Named as _;
use jiff::civil::Date;

use crate::support::office::{self, Fault, MAKER, TestOffice, on_both_databases, refused, run};
use crate::support::real_parts::{RealPart, real_part};

on_both_databases! { run, RealPart::Postgres;
    a_month_of_sealed_files
    how_the_first_attempt_left_is_how_every_later_one_leaves
}

const TODAY: Date = Date::constant(2026, 10, 20);

struct Keys {
    identity: String,
    recipient: String,
}

fn keys() -> Keys {
    let identity = x25519::Identity::generate();
    Keys {
        identity: format!("# made for a test\n{}\n", identity.to_string().expose_secret()),
        recipient: identity.to_public().to_string(),
    }
}

fn sealed(keys: &Keys, bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let recipient = Recipient::parse(Format::Age, keys.recipient.as_bytes(), TODAY).unwrap();
    seal(&recipient, TODAY, &mut { bytes }, &mut sealed).unwrap();
    sealed
}

fn opened(keys: &Keys, sealed: &[u8], bytes_max: u64) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let identity = Identity::parse(Format::Age, keys.identity.as_bytes()).unwrap();
    match open(&identity, sealed, &mut bytes, bytes_max) {
        Ok(length) => {
            assert_eq!(length, bytes.len() as u64);
            Ok(bytes)
        }
        Err(error) => Err(error.code()),
    }
}

/// Longer than several blocks of the format, which have 64 KiB.
fn bytes() -> Vec<u8> {
    (0..200_001_u32).map(|at| (at % 251) as u8).collect()
}

#[test]
fn what_is_not_sealed_for_us_or_not_whole_is_refused() {
    let (ours, others, bytes) = (keys(), keys(), bytes());
    let whole = sealed(&ours, &bytes);
    assert_eq!(opened(&ours, &whole, 1 << 20), Ok(bytes.clone()));
    assert_eq!(opened(&ours, &sealed(&ours, b""), 0), Ok(Vec::new()));
    assert_eq!(opened(&others, &whole, 1 << 20), Err("N133"));
    assert_eq!(opened(&ours, &bytes, 1 << 20), Err("N132"));
    assert_eq!(opened(&ours, b"", 1 << 20), Err("N132"));
    assert_eq!(opened(&ours, &whole, bytes.len() as u64 - 1), Err("N135"));
    for length in [30, 100, 200, 70_000, 131_000, whole.len() - 1] {
        assert_eq!(opened(&ours, &whole[..length], 1 << 20), Err("N134"), "cut at {length}");
    }
    for at in [60, 180, 300, 100_000, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let code = opened(&ours, &changed, 1 << 20).unwrap_err();
        assert!(["N133", "N134"].contains(&code), "changed at {at}: {code}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(opened(&ours, &longer, 1 << 20), Err("N134"));
    let mut endless = b"age-encryption.org/v1\n".to_vec();
    endless.extend(std::iter::repeat_n(b"-> X25519 x\n".as_slice(), 200_000).flatten());
    assert_eq!(opened(&ours, &endless, 1 << 20), Err("N134"), "a header without end");
    for text in ["", "age1", "AGE-SECRET-KEY-1", &format!("{0}\n{0}", ours.recipient)] {
        let text = text.as_bytes();
        assert!(Recipient::parse(Format::Age, text, TODAY).is_err(), "{text:?}");
        assert!(Identity::parse(Format::Age, text).is_err(), "{text:?}");
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn age(program: &str, args: &[&str]) {
    let ran = Command::new(program).args(args).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn the_program_age_opens_what_we_seal_and_seals_what_we_open() {
    let Some(program) = real_part(RealPart::Age) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    let (ours, bytes) = (keys(), bytes());
    private(&path("identity"), &ours.identity);
    fs::write(path("ours.age"), sealed(&ours, &bytes)).unwrap();
    age(&program, &["-d", "-i", &text("identity"), "-o", &text("opened"), &text("ours.age")]);
    assert_eq!(fs::read(path("opened")).unwrap(), bytes);

    fs::write(path("plain"), &bytes).unwrap();
    age(&program, &["-r", &ours.recipient, "-o", &text("theirs.age"), &text("plain")]);
    assert_eq!(opened(&ours, &fs::read(path("theirs.age")).unwrap(), 1 << 20), Ok(bytes));
}

pub const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";

/// Adds a table to the first partner of the test's office, and opens the office anew.
pub async fn agreed(office: &mut TestOffice, table: &str) {
    let config = office.dir.join("chitra.toml");
    let text = fs::read_to_string(&config).unwrap();
    let taken = "taken = \"sheetbank/taken\"\n";
    assert!(text.contains(taken));
    fs::write(&config, text.replace(taken, &format!("{taken}{table}"))).unwrap();
    office.reopen().await;
}

pub fn lying(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

async fn a_month_of_sealed_files(mut office: TestOffice) {
    let (bank, ours, stranger) = (keys(), keys(), keys());
    let key = |name: &str| office.dir.join("keys").join(name);
    fs::write(key("bank.pub"), &bank.recipient).unwrap();
    private(&key("ours"), &ours.identity);
    let recipient_file = key("bank.pub");
    let table = "[provider.envelope]\nencrypt = \"age\"\nrecipient_file = \"keys/bank.pub\"\nidentity_file = \"keys/ours\"\n";
    agreed(&mut office, table).await;
    office.on_day("2026-10-20");
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;

    // A key that is none: nothing leaves, and no attempt is recorded.
    fs::write(&recipient_file, "age1notakey").unwrap();
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert!(told[0].detail.starts_with("N130"), "{}", told[0].detail);
    assert!(office.engine.store.deliveries(october.number).await.unwrap().is_empty());
    fs::write(&recipient_file, &bank.recipient).unwrap();

    // The outcome is lost, and the file with it; meanwhile the bank gave another key.
    let inbox = office.dir.join("sheetbank/inbox");
    office.next_fault(Some(Fault::LosesTheOutcome));
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert_eq!(told[0].state.name(), "unknown");
    let first = lying(&inbox);
    let sent = fs::read(&first[0]).unwrap();
    fs::remove_file(&first[0]).unwrap();
    fs::write(&recipient_file, &stranger.recipient).unwrap();
    office.next_fault(None);
    office.reopen().await;
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert_eq!(told[0].state.name(), "delivered", "{}", told[0].detail);
    assert_eq!(lying(&inbox), first, "one name for ever");
    assert_eq!(fs::read(&first[0]).unwrap(), sent, "the same bytes, sealed once");
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    assert!(first[0].display().to_string().ends_with(&format!("{}.age", batch.file_name)));
    let plain = opened(&bank, &sent, 1 << 20).unwrap();
    assert_eq!(Some(Digest::of(&plain).to_string()), batch.sha256, "what was approved is inside");

    // Answers: in plain, for another key and cut short are refused, and nothing of them is applied.
    let said = office.said(&october, "E1", 1, "Thành công", "").await;
    let outbox = office.dir.join("sheetbank/outbox");
    refused(office.sheet(&[said]).await, "N132");
    let answer = lying(&outbox).remove(0);
    let text = fs::read(&answer).unwrap();
    fs::remove_file(&answer).unwrap();
    let whole = sealed(&ours, &text);
    let cut = &whole[..whole.len() - 1];
    let for_another = sealed(&stranger, &text);
    refused(office.answered("sheetbank", "csv.age", cut).await, "N134");
    fs::remove_file(lying(&outbox).remove(0)).unwrap();
    refused(office.answered("sheetbank", "csv.age", &for_another).await, "N133");
    // Each stands in the queue, and is told until an officer has set it aside.
    assert_eq!(office.discrepancies().await, ["file_refused"; 3]);
    assert_eq!(office.engine.collect_all().await.unwrap().len(), 1);
    for (number, _) in office.engine.store.discrepancies().await.unwrap() {
        let reason = "the bank sends it again";
        office
            .engine
            .discrepancy_resolve(number, reason, MAKER, &office::key(MAKER))
            .await
            .unwrap();
    }
    assert!(office.engine.collect_all().await.unwrap().is_empty());
    fs::remove_file(lying(&outbox).remove(0)).unwrap();
    office.check(&october, "entitled 1", "pending 1 = 540000").await;

    office.answered("sheetbank", "csv.age", &whole).await.unwrap();
    office.check(&october, "entitled 1", "paid 1 = 540000").await;
    let answers = office.engine.store.answers().await.unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].sha256, Digest::of(&text).to_string());
    let arrived = Digest::of(&whole);
    assert!(
        office.engine.archive.contains(&arrived).unwrap(),
        "what arrived is kept as it arrived"
    );
    let store = &office.engine.store;
    let inside = store.answer_opened(&arrived.to_string()).await.unwrap();
    assert_eq!(inside.as_deref(), Some(answers[0].sha256.as_str()));

    // The same bytes again, and the same answer sealed anew: known by what is inside.
    assert!(office.engine.collect_all().await.unwrap().is_empty());
    let path = office.written("again.csv.age", &sealed(&ours, &text));
    assert!(office.engine.collect_file("sheetbank", &path).await.unwrap().replayed);
    assert_eq!(office.engine.store.answers().await.unwrap().len(), 1);
    assert!(lying(&office.dir.join("collecting")).is_empty(), "no opened copy stays");
    assert!(lying(&office.dir.join("sealing")).is_empty(), "no sealed copy stays");
    office.closed(&october).await;
    office.ends_whole().await;
}

async fn how_the_first_attempt_left_is_how_every_later_one_leaves(mut office: TestOffice) {
    office.on_day("2026-10-20");
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    office.next_fault(Some(Fault::LosesTheOutcome));
    office.engine.dispatch(Some(october.number)).await.unwrap();
    let inbox = office.dir.join("sheetbank/inbox");
    let first = lying(&inbox);
    fs::remove_file(&first[0]).unwrap();
    office.next_fault(None);

    // Sealing was agreed after the file had left in plain: under another name it could be there twice.
    let bank = keys();
    fs::write(office.dir.join("keys/bank.pub"), &bank.recipient).unwrap();
    let table = "[provider.envelope]\nencrypt = \"age\"\nrecipient_file = \"keys/bank.pub\"\n";
    agreed(&mut office, table).await;
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert_eq!(told[0].state.name(), "delivered", "{}", told[0].detail);
    assert_eq!(lying(&inbox), first);
    let said = office.said(&october, "E1", 1, "Thành công", "").await;
    office.sheet(&[said]).await.unwrap();
    office.closed(&october).await;
    office.ends_whole().await;
}
