//! Files of partners that speak OpenPGP: what we seal the program `gpg` opens, and the reverse; a key that is
//! expired, revoked or behind a passphrase is not used; what is not whole is refused with nothing applied.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use chitra::channels::envelope::{Format, Identity, Recipient, open, seal};
use chitra::channels::file_signature::{sign, verify};
use chitra::channels::openpgp_keys::{Certificate, SecretKey};
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::domain::state::Named as _;
use jiff::civil::Date;

use crate::envelope::{AN, agreed, lying};
use crate::support::office::{Fault, TestOffice, on_both_databases, refused, run};
use crate::support::real_parts::{RealPart, real_part};

on_both_databases! { run, RealPart::Postgres;
    a_month_of_files_sealed_with_openpgp
    a_month_of_signed_files
}

/// The day of the tests, on which keys are made.
pub const TODAY: Date = Date::constant(2026, 10, 20);

/// A home of the program `gpg`, whose clock stands on the day.
pub struct Gpg {
    program: String,
    home: tempfile::TempDir,
}

impl Gpg {
    /// Nothing where the program is not installed.
    pub fn here() -> Option<Gpg> {
        let program = real_part(RealPart::Gpg)?;
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Some(Gpg { program, home })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The clock stands on the moment (`!`): a key that one call made a second
    /// after it would be of the future for the next call.
    fn command(&self, on: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--homedir").arg(self.home.path());
        command.args(["--batch", "--yes", "--no-tty", "--quiet", "--pinentry-mode", "loopback"]);
        command.args([
            "--faked-system-time",
            &format!("{on}!"),
            "--trust-model",
            "always",
            "--passphrase",
            "",
        ]);
        command.args(arguments).current_dir(self.home.path());
        command
    }

    /// Runs the program on the day, to a good end.
    pub fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let ran = self.command("20261019T120000", arguments).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{arguments:?}: {told}");
        ran.stdout
    }

    /// Whether the program says yes.
    pub fn agrees(&self, arguments: &[&str]) -> bool {
        self.command("20261020T040000", arguments).output().unwrap().status.success()
    }

    /// Makes a key of somebody: its public and its secret half.
    pub fn key(&self, name: &str, algorithm: &str, lasts: &str) -> Pair {
        self.run(&["--quick-gen-key", name, algorithm, "default", lasts]);
        // Ready-made kinds have a part that encrypts; of others it is added.
        if algorithm != "default" && algorithm != "future-default" {
            let listed =
                String::from_utf8(self.run(&["--list-keys", "--with-colons", name])).unwrap();
            let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:"));
            let fingerprint = fingerprint.unwrap().trim_matches(':').to_owned();
            let part = if algorithm.starts_with("rsa") { algorithm } else { "cv25519" };
            self.run(&["--quick-add-key", &fingerprint, part, "encr", lasts]);
        }
        self.pair(name)
    }

    pub fn pair(&self, name: &str) -> Pair {
        Pair {
            public: self.run(&["--armor", "--export", name]),
            secret: self.run(&["--export-secret-keys", name]),
        }
    }
}

pub struct Pair {
    pub public: Vec<u8>,
    pub secret: Vec<u8>,
}

/// Longer than several blocks of any program.
fn bytes() -> Vec<u8> {
    (0..200_001_u32).map(|at| (at % 251) as u8).collect()
}

fn sealed(pair: &Pair, bytes: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let recipient = Recipient::parse(Format::OpenPgp, &pair.public, TODAY).unwrap();
    seal(&recipient, TODAY, &mut { bytes }, &mut sealed).unwrap();
    sealed
}

fn opened(pair: &Pair, sealed: &[u8], bytes_max: u64) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let identity = Identity::parse(Format::OpenPgp, &pair.secret).unwrap();
    match open(&identity, sealed, &mut bytes, bytes_max) {
        Ok(length) => {
            assert_eq!(length, bytes.len() as u64);
            Ok(bytes)
        }
        Err(error) => Err(error.code()),
    }
}

#[test]
fn what_is_not_for_us_or_not_whole_is_refused() {
    let Some(gpg) = Gpg::here() else { return };
    let ours = gpg.key("Ours <ours@office>", "future-default", "never");
    let others = gpg.key("Others <others@bank>", "future-default", "never");
    let bytes = bytes();
    let whole = sealed(&ours, &bytes);
    assert_eq!(opened(&ours, &whole, 1 << 20), Ok(bytes.clone()));
    assert_eq!(opened(&ours, &sealed(&ours, b""), 0), Ok(Vec::new()));
    assert_eq!(opened(&others, &whole, 1 << 20), Err("N133"));
    assert_eq!(opened(&ours, &whole, bytes.len() as u64 - 1), Err("N135"));
    for unsealed in [&bytes[..], b"", b"STT,So tai khoan", b"-----BEGIN PGP MESSAGE-----\n\n"] {
        assert_eq!(opened(&ours, unsealed, 1 << 20), Err("N132"));
    }
    // What is only signed is not sealed.
    fs::write(gpg.path("plain"), &bytes).unwrap();
    let signed = gpg.run(&["--local-user", "Ours", "--sign", "--output", "-", "plain"]);
    assert_eq!(opened(&ours, &signed, 1 << 20), Err("N132"));

    for length in [200, 300, 1_000, 70_000, 131_000, whole.len() - 22, whole.len() - 1] {
        let code = opened(&ours, &whole[..length], 1 << 20).unwrap_err();
        assert!(["N132", "N133", "N134"].contains(&code), "cut at {length}: {code}");
    }
    for at in [140, 160, 300, 100_000, whole.len() - 21, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let code = opened(&ours, &changed, 1 << 20).unwrap_err();
        assert!(["N133", "N134"].contains(&code), "changed at {at}: {code}");
    }
    let mut endless = Vec::new();
    let for_somebody = &whole[..96];
    endless.extend(std::iter::repeat_n(for_somebody, 20_000).flatten());
    assert!(opened(&ours, &endless, 1 << 20).is_err(), "a head without end");
}

#[test]
fn the_program_gpg_opens_what_we_seal_and_seals_what_we_open() {
    let Some(gpg) = Gpg::here() else { return };
    let bytes = bytes();
    fs::write(gpg.path("plain"), &bytes).unwrap();
    for (name, algorithm) in [("Curve", "future-default"), ("Rsa", "rsa3072")] {
        let pair = gpg.key(&format!("{name} <{name}@bank>"), algorithm, "1y");
        fs::write(gpg.path("ours.pgp"), sealed(&pair, &bytes)).unwrap();
        assert_eq!(gpg.run(&["--decrypt", "ours.pgp"]), bytes, "{name}");

        for how in [
            &["--encrypt"][..],
            &["--armor", "--encrypt"],
            &["--compress-algo", "zlib", "--sign", "--encrypt"],
            &["--compress-algo", "none", "--armor", "--encrypt"],
            &["--throw-keyids", "--encrypt"],
        ] {
            let arguments = [&["--recipient", name, "--output", "-"], how, &["plain"]].concat();
            let theirs = gpg.run(&arguments);
            assert_eq!(opened(&pair, &theirs, 1 << 20).as_ref(), Ok(&bytes), "{name}, {how:?}");
        }
    }
}

#[test]
fn a_key_that_may_not_be_used_is_none() {
    let Some(gpg) = Gpg::here() else { return };
    let usable = |file: &[u8], on: Date| Recipient::parse(Format::OpenPgp, file, on).is_ok();
    let pair = gpg.key("Year <year@bank>", "future-default", "1y");
    assert!(usable(&pair.public, TODAY));
    assert!(usable(&pair.public, Date::constant(2027, 10, 19)));
    assert!(!usable(&pair.public, Date::constant(2027, 10, 21)), "it has expired");
    assert!(!usable(&pair.secret, TODAY), "a secret key is not what a partner gives");
    assert!(Identity::parse(Format::OpenPgp, &pair.public).is_err());
    assert!(!usable(&gpg.run(&["--armor", "--export"])[..40], TODAY));

    let only_signs = "Signs <signs@bank>";
    gpg.run(&["--quick-gen-key", only_signs, "ed25519", "sign", "never"]);
    assert!(!usable(&gpg.pair(only_signs).public, TODAY), "it has no part that encrypts");
    let two = gpg.run(&["--export", "Year", "Signs"]);
    assert!(!usable(&two, TODAY), "which of two keys is meant nobody knows");

    let locked = "Locked <locked@office>";
    let mut command = Command::new(&gpg.program);
    command.arg("--homedir").arg(gpg.home.path()).args(["--batch", "--pinentry-mode", "loopback"]);
    command.args(["--passphrase", "secret", "--quick-gen-key", locked, "future-default"]);
    assert!(command.output().unwrap().status.success());
    let mut command = Command::new(&gpg.program);
    command.arg("--homedir").arg(gpg.home.path()).args(["--batch", "--pinentry-mode", "loopback"]);
    command.args(["--passphrase", "secret", "--export-secret-keys", locked]);
    let file = command.output().unwrap().stdout;
    assert!(!file.is_empty());
    assert!(Identity::parse(Format::OpenPgp, &file).is_err(), "nobody is asked for a passphrase");

    // The bank says that its key is no longer to be used.
    let folder = gpg.home.path().join("openpgp-revocs.d");
    let listed = String::from_utf8(gpg.run(&["--list-keys", "--with-colons", "Year"])).unwrap();
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap();
    let file = folder.join(format!("{}.rev", fingerprint.trim_matches(':')));
    let revocation = fs::read_to_string(file).unwrap().replace(":-----BEGIN", "-----BEGIN");
    fs::write(gpg.path("revocation"), revocation).unwrap();
    gpg.run(&["--import", "revocation"]);
    assert!(!usable(&gpg.pair("Year").public, TODAY), "it was revoked");
}

#[test]
fn the_program_gpg_proves_what_we_sign_and_signs_what_we_prove() {
    let Some(gpg) = Gpg::here() else { return };
    let bytes = bytes();
    fs::write(gpg.path("file"), &bytes).unwrap();
    let moment = UNIX_EPOCH + Duration::from_secs(1_792_468_800);
    let holds = |pair: &Pair, signature: &[u8], bytes: &[u8]| {
        let certificate = Certificate::parse(&pair.public).unwrap();
        verify(&certificate, TODAY, signature, || Ok(bytes)).map_err(|error| error.code())
    };
    for (name, algorithm) in [("Curve", "future-default"), ("Rsa", "rsa3072")] {
        let pair = gpg.key(&format!("{name} <{name}@bank>"), algorithm, "1y");
        let key = SecretKey::parse(&pair.secret).unwrap();
        fs::write(gpg.path("file.sig"), sign(&key, TODAY, moment, &mut &bytes[..]).unwrap())
            .unwrap();
        assert!(gpg.agrees(&["--verify", "file.sig", "file"]), "{name}");

        for how in [&["--detach-sign"][..], &["--armor", "--detach-sign"]] {
            let signature =
                gpg.run(&[&["--local-user", name, "--output", "-"], how, &["file"]].concat());
            assert_eq!(holds(&pair, &signature, &bytes), Ok(()), "{name}, {how:?}");
            assert_eq!(holds(&pair, &signature, &bytes[1..]), Err("N174"), "another file");
            let mut changed = signature.clone();
            let at = changed.len() - 20;
            changed[at] ^= 1;
            assert!(holds(&pair, &changed, &bytes).is_err(), "a changed signature");
        }
    }
    let [curve, rsa] = ["Curve", "Rsa"].map(|name| gpg.pair(name));
    let of_rsa = gpg.run(&["--local-user", "Rsa", "--output", "-", "--detach-sign", "file"]);
    assert_eq!(holds(&curve, &of_rsa, &bytes), Err("N174"), "by another key");
    for nothing in [&b""[..], b"no signature", &bytes] {
        assert_eq!(holds(&rsa, nothing, &bytes), Err("N174"));
    }
    let certificate = Certificate::parse(&rsa.public).unwrap();
    let late = Date::constant(2027, 10, 21);
    let told = verify(&certificate, late, &of_rsa, || Ok(&bytes[..])).unwrap_err();
    assert_eq!(told.code(), "N172", "it has expired");
}

/// What we send has its signature beside it before it is there itself; an answer counts when its own is there.
async fn a_month_of_signed_files(mut office: TestOffice) {
    let Some(gpg) = Gpg::here() else { return office.ends_whole().await };
    let bank = gpg.key("Bank <bank@bank>", "future-default", "1y");
    let ours = gpg.key("Office <office@office>", "future-default", "never");
    let key = |name: &str| office.dir.join("keys").join(name);
    fs::write(key("bank.asc"), &bank.public).unwrap();
    fs::write(key("ours.pgp"), &ours.secret).unwrap();
    let table =
        "[provider.signature]\nours_file = \"keys/ours.pgp\"\ntheirs_file = \"keys/bank.asc\"\n";
    let ours_file = key("ours.pgp");
    agreed(&mut office, table).await;
    office.on_day("2026-10-20");
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    // A key that others may read is not used: nothing leaves, and no attempt is recorded.
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert!(told[0].detail.starts_with("N171"), "{}", told[0].detail);
    assert!(office.engine.store.deliveries(october.number).await.unwrap().is_empty());
    private(&ours_file, &ours.secret);

    // What became of the signature is lost, so that the file does not follow; meanwhile our key was made anew.
    let inbox = office.dir.join("sheetbank/inbox");
    office.next_fault(Some(Fault::LosesTheOutcome));
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert_eq!(told[0].state.name(), "released", "{}", told[0].detail);
    let first = lying(&inbox);
    let bytes = fs::read(&first[0]).unwrap();
    fs::remove_file(&first[0]).unwrap();
    private(&ours_file, &bank.secret);
    office.next_fault(None);
    office.reopen().await;
    let told = office.engine.dispatch(Some(october.number)).await.unwrap();
    assert_eq!(told[0].state.name(), "delivered", "{}", told[0].detail);
    let sent = lying(&inbox);
    let [file, signature] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((signature, fs::read(signature).unwrap()), (&first[0], bytes), "made once");
    let told = [signature.display().to_string(), file.display().to_string()];
    assert_eq!(told[0], format!("{}.sig", told[1]));
    assert!(gpg.agrees(&["--verify", &told[0], &told[1]]));

    let said = office.said(&october, "E1", 1, "Thành công", "").await;
    let outbox = office.dir.join("sheetbank/outbox");
    refused(office.sheet(&[said]).await, "N173");
    office.check(&october, "entitled 1", "pending 1 = 540000").await;
    assert_eq!(office.discrepancies().await, Vec::<&str>::new(), "it may still come");
    let answer = lying(&outbox).remove(0);
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", answer.display()));
    let answer_name = answer.display().to_string();
    let by = |who: &str| {
        gpg.run(&["--local-user", who, "--output", "-", "--armor", "--detach-sign", &answer_name])
    };
    fs::write(beside(".asc"), by("Office")).unwrap();
    let told = office.engine.collect_all().await.unwrap();
    let codes: Vec<&str> = told.iter().map(|one| one.as_ref().unwrap_err().1.code()).collect();
    assert_eq!(codes, ["N174"]);
    assert_eq!(office.discrepancies().await, ["file_refused"]);
    fs::write(beside(".asc"), by("Bank")).unwrap();
    let told = office.engine.collect_all().await.unwrap();
    assert_eq!(told.iter().map(Result::is_ok).collect::<Vec<_>>(), [true], "{told:?}");
    office.check(&october, "entitled 1", "paid 1 = 540000").await;
    assert_eq!(office.discrepancies().await, Vec::<&str>::new());
    // What a person names is proved by what lies beside it.
    let named = office.written("again.csv", &fs::read(&answer).unwrap());
    refused(office.engine.collect_file("sheetbank", &named).await, "N173");
    fs::copy(beside(".asc"), named.with_extension("csv.asc")).unwrap();
    assert!(office.engine.collect_file("sheetbank", &named).await.unwrap().replayed);
    office.closed(&october).await;
    office.ends_whole().await;
}

async fn a_month_of_files_sealed_with_openpgp(mut office: TestOffice) {
    let Some(gpg) = Gpg::here() else { return office.ends_whole().await };
    let bank = gpg.key("Bank <bank@bank>", "future-default", "1y");
    let ours = gpg.key("Office <office@office>", "rsa3072", "never");
    let key = |name: &str| office.dir.join("keys").join(name);
    fs::write(key("bank.asc"), &bank.public).unwrap();
    private(&key("ours.pgp"), &ours.secret);
    let table = "[provider.envelope]\nencrypt = \"openpgp\"\nrecipient_file = \"keys/bank.asc\"\nidentity_file = \"keys/ours.pgp\"\n";
    agreed(&mut office, table).await;
    office.on_day("2026-10-20");
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let sent = lying(&office.dir.join("sheetbank/inbox")).remove(0);
    let batch = office.engine.store.batches(october.number).await.unwrap().remove(0);
    assert!(sent.display().to_string().ends_with(&format!("{}.pgp", batch.file_name)));
    let plain = gpg.run(&["--decrypt", &sent.display().to_string()]);
    assert_eq!(Some(Digest::of(&plain).to_string()), batch.sha256, "what was approved is inside");

    let said = office.said(&october, "E1", 1, "Thành công", "").await;
    let outbox = office.dir.join("sheetbank/outbox");
    refused(office.sheet(&[said]).await, "N132");
    let answer = lying(&outbox).remove(0);
    fs::copy(&answer, gpg.path("answer.csv")).unwrap();
    fs::remove_file(&answer).unwrap();
    let for_us = ["--recipient", "Office", "--output", "-", "--encrypt", "answer.csv"];
    let whole = gpg.run(&for_us);
    refused(office.answered("sheetbank", "csv.pgp", &whole[..whole.len() - 1]).await, "N134");
    fs::remove_file(lying(&outbox).remove(0)).unwrap();
    office.check(&october, "entitled 1", "pending 1 = 540000").await;
    office.answered("sheetbank", "csv.pgp", &whole).await.unwrap();
    office.check(&october, "entitled 1", "paid 1 = 540000").await;
    office.closed(&october).await;
    office.ends_whole().await;
}

fn private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
