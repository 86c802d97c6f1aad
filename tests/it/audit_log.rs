//! The log under crashes, under tampering, and before independent readers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chitra::audit::prove::{
    InclusionProof, check_extension, find_entry, prove_consistency, prove_inclusion,
};
use chitra::audit::{
    Against, AuditSigner, AuditVerifier, Log, LogError, Origin, SignedCheckpoint, Verified,
    VerifyError, verify,
};
use chitra::disk::RealDisk;
use chitra::domain::digest::Digest;
use tlog_tiles::{Hash, HashReader, TileHashReader, TileReader};

use crate::support::sim_disk::{Fault, SimDisk};

const DIR: &str = "/log";

fn signer() -> AuditSigner {
    AuditSigner::from_seed(Origin::parse("payouts.example/log").unwrap(), &[9; 32])
}

fn verifier() -> AuditVerifier {
    signer().verifier()
}

fn leaves(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("{{\"event\":\"batch_sent\",\"n\":{n}}}").into_bytes()).collect()
}

/// A log with leaves and one checkpoint for each of the sizes.
fn log_of(disk: &SimDisk, sizes: &[u64]) -> Vec<SignedCheckpoint> {
    let mut log = Log::create(Arc::new(disk.clone()), DIR, signer()).unwrap();
    let all = leaves(*sizes.last().unwrap());
    let mut checkpoints = Vec::new();
    for size in sizes {
        let from = log.size();
        log.append(from, &all[from as usize..*size as usize]).unwrap();
        checkpoints.push(log.checkpoint().unwrap());
    }
    checkpoints
}

fn new_disk() -> SimDisk {
    SimDisk::with_folder(1, DIR)
}

fn check_log(disk: &SimDisk, known: &[SignedCheckpoint]) -> Result<Verified, VerifyError> {
    verify(disk, Path::new(DIR), &verifier(), Against { leaves: None, known })
}

fn check_with_store(disk: &SimDisk, store: &[Vec<u8>]) -> Result<Verified, VerifyError> {
    let mut leaves = store.iter().map(|leaf| Ok(leaf.clone()));
    verify(disk, Path::new(DIR), &verifier(), Against { leaves: Some(&mut leaves), known: &[] })
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, VerifyError>, code: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
}

// ---- what the log does ----------------------------------------------------------------------

#[test]
fn a_log_grows_and_verifies() {
    let disk = new_disk();
    let sizes = [1, 2, 255, 256, 257, 600];
    let checkpoints = log_of(&disk, &sizes);
    let found: Vec<u64> = checkpoints.iter().map(SignedCheckpoint::size).collect();
    assert_eq!(found, sizes);
    let verified = check_with_store(&disk, &leaves(600)).unwrap();
    assert_eq!((verified.size, verified.checkpoints), (600, 7), "six, and the empty one");
    assert!(verified.compared_with_store);
    check_log(&disk, &checkpoints).unwrap();
}

#[test]
fn the_same_leaves_give_the_same_files() {
    let (first, second) = (new_disk(), SimDisk::with_folder(77, DIR));
    log_of(&first, &[3, 300]);
    log_of(&second, &[3, 300]);
    assert_eq!(first.files(), second.files());

    // Appended again, in other portions, they change nothing.
    let before = first.files();
    let mut log = Log::open(Arc::new(first.clone()), DIR, signer()).unwrap();
    assert_eq!(log.append(0, &leaves(7)).unwrap(), 300);
    assert_eq!(log.append(250, &leaves(300)[250..]).unwrap(), 300);
    assert_eq!(log.checkpoint().unwrap().size(), 300);
    assert_eq!(first.files(), before);
}

#[test]
fn leaves_that_do_not_fit_the_log_are_refused() {
    let disk = new_disk();
    log_of(&disk, &[300]);
    let mut log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    let code = |result: Result<u64, LogError>| result.unwrap_err().code();
    assert_eq!(code(log.append(301, &[b"x"])), "T509");
    assert_eq!(code(log.append(10, &[b"x"])), "T510");
    assert_eq!(code(log.append(299, &[b"x"])), "T510");
    assert_eq!(code(log.append(300, &[b""])), "T511");
    let long = vec![b'x'; 65_536];
    assert_eq!(code(log.append(300, &[b"fits".to_vec(), long])), "T511");
    assert_eq!(log.size(), 300, "a refused call adds nothing");
    assert_eq!(log.append(300, &[vec![b'x'; 65_535]]).unwrap(), 301);
    log.checkpoint().unwrap();
    check_log(&disk, &[]).unwrap();
}

#[test]
fn a_log_is_created_once_and_opened_only_where_it_is() {
    let disk = new_disk();
    let open = |disk: &SimDisk| Log::open(Arc::new(disk.clone()), DIR, signer()).map(|_| ());
    assert_eq!(open(&disk).unwrap_err().code(), "T501");
    log_of(&disk, &[3]);
    let again = Log::create(Arc::new(disk.clone()), DIR, signer()).map(|_| ());
    assert_eq!(again.unwrap_err().code(), "T502");
    let other = AuditSigner::from_seed(Origin::parse("other.example/log").unwrap(), &[9; 32]);
    let other = Log::open(Arc::new(disk.clone()), DIR, other).map(|_| ());
    assert_eq!(other.unwrap_err().code(), "T407");
    let other = AuditSigner::from_seed(Origin::parse("payouts.example/log").unwrap(), &[8; 32]);
    let other = Log::open(Arc::new(disk.clone()), DIR, other).map(|_| ());
    assert_eq!(other.unwrap_err().code(), "T405");
}

#[test]
fn a_second_writer_cannot_fork_the_log() {
    let disk = new_disk();
    log_of(&disk, &[3]);
    let open = || Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    let (mut first, mut second) = (open(), open());
    first.append(3, &[b"one"]).unwrap();
    second.append(3, &[b"another"]).unwrap();
    first.checkpoint().unwrap();
    let refused = second.checkpoint().unwrap_err();
    assert_eq!(refused.code(), "T508");
    assert_eq!(second.checkpoint().unwrap_err().code(), "T512");
}

#[test]
fn a_writer_takes_over_what_another_has_written() {
    let disk = new_disk();
    log_of(&disk, &[3]);
    let open = || Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    let (mut first, mut second) = (open(), open());
    let all = leaves(600);
    for (size, writer) in [(250, true), (256, false), (300, false), (512, true), (600, false)] {
        let log = if writer { &mut first } else { &mut second };
        log.catch_up().unwrap();
        let from = log.size() as usize;
        log.append(from as u64, &all[from..size]).unwrap();
        log.checkpoint().unwrap();
        let (at, newest) = log.newest().unwrap();
        assert_eq!(newest, all[at as usize..size], "the newest of {size}");
        assert!((1..=256).contains(&newest.len()));
    }
    check_with_store(&disk, &all).unwrap();

    // What was rolled back under a writer is not taken over.
    let old_state = disk.bytes("/log/state").unwrap();
    second.append(600, &[b"one more"]).unwrap();
    second.checkpoint().unwrap();
    disk.put("/log/state", &old_state);
    assert_eq!(second.catch_up().unwrap_err().code(), "T506");
}

#[test]
fn a_log_that_was_altered_signs_nothing() {
    for (path, code) in [
        ("/log/tile/0/001.p/44", "T505"),
        ("/log/tile/1/000.p/1", "T505"),
        ("/log/tile/entries/001.p/44", "T505"),
        ("/log/checkpoint", "T403"),
    ] {
        let disk = new_disk();
        log_of(&disk, &[300]);
        let mut bytes = disk.bytes(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        disk.put(path, &bytes);
        let opened = Log::open(Arc::new(disk.clone()), DIR, signer()).map(|_| ());
        assert_eq!(opened.unwrap_err().code(), code, "{path}");
    }
}

#[test]
fn a_state_that_was_rolled_back_signs_nothing() {
    let disk = new_disk();
    log_of(&disk, &[5]);
    let old_state = disk.bytes("/log/state").unwrap();
    let mut log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    log.append(5, &leaves(9)[5..]).unwrap();
    log.checkpoint().unwrap();
    disk.put("/log/state", &old_state);
    let opened = Log::open(Arc::new(disk.clone()), DIR, signer()).map(|_| ());
    assert_eq!(opened.unwrap_err().code(), "T506");
}

#[test]
fn a_log_that_was_rolled_back_whole_cannot_sign_the_lost_size_again() {
    // Somebody restores an old copy of the folder but the signed checkpoints are still there.
    let disk = new_disk();
    log_of(&disk, &[5]);
    let old = disk.files();
    let mut log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    log.append(5, &leaves(9)[5..]).unwrap();
    log.checkpoint().unwrap();
    for name in ["state", "checkpoint"] {
        let path = Path::new(DIR).join(name);
        disk.put(&path, &old[&path]);
    }
    refused(check_log(&disk, &[]), "T604");
    let mut log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    log.append(5, &[b"a", b"b", b"c", b"d"]).unwrap();
    assert_eq!(log.checkpoint().unwrap_err().code(), "V204");
}

// ---- crashes and errors ---------------------------------------------------------------------

/// What the log does in a month, in order: (leaves up to here, then a checkpoint).
const ROUNDS: [u64; 3] = [3, 255, 260];

/// Lives through the rounds from wherever the disk stands; gives what was handed out.
fn live(disk: &SimDisk, handed_out: &mut Vec<SignedCheckpoint>) -> Result<(), LogError> {
    let shared = Arc::new(disk.clone());
    let mut log = match Log::open(shared.clone(), DIR, signer()) {
        Err(LogError::LogMustExist(_)) => Log::create(shared, DIR, signer())?,
        opened => opened?,
    };
    let all = leaves(*ROUNDS.last().unwrap());
    for size in ROUNDS {
        // Before the checkpoint the store cannot know how far the log came, and begins again.
        let from = log.last_checkpoint().size();
        if size > from {
            log.append(from, &all[from as usize..size as usize])?;
            handed_out.push(log.checkpoint()?);
        }
    }
    Ok(())
}

/// Lives with one fault at every step in turn, then recovers and checks everything.
fn at_every_step(fault: Fault, seeds: u64, after: fn(&SimDisk)) {
    let undisturbed = SimDisk::with_folder(0, DIR);
    live(&undisturbed, &mut Vec::new()).unwrap();
    let expected = settled(&undisturbed);
    for seed in 0..seeds {
        for step in (seed..).step_by(seeds as usize) {
            let disk = SimDisk::with_folder(seed * 10_000 + step, DIR);
            let mut handed_out = Vec::new();
            disk.arm(step, fault);
            let lived = live(&disk, &mut handed_out);
            if !disk.has_fired() {
                assert!(lived.is_ok() && step > 100, "{step} {lived:?}");
                break;
            }
            after(&disk);
            live(&disk, &mut handed_out)
                .unwrap_or_else(|error| panic!("{fault:?} {step}: {error}"));
            disk.crash();
            check_log(&disk, &handed_out).unwrap_or_else(|e| panic!("{fault:?} {step}: {e}"));
            check_with_store(&disk, &leaves(260)).unwrap();
            assert_eq!(settled(&disk), expected, "{fault:?} at {step}");
        }
    }
}

/// The files that readers see: all but the parts of writers that died.
fn settled(disk: &SimDisk) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_part = |path: &Path| path.extension().is_some_and(|end| end == "part");
    disk.files().into_iter().filter(|(path, _)| !is_part(path)).collect()
}

#[test]
fn after_a_power_cut_at_any_step_the_log_goes_on_and_no_checkpoint_was_in_vain() {
    at_every_step(Fault::Crash, 3, SimDisk::crash);
}

#[test]
fn after_a_kill_at_any_step_the_log_goes_on() {
    at_every_step(Fault::Crash, 3, SimDisk::kill);
}

/// Grows a log of 3 leaves to 9 and is killed at a step; gives whether that step was reached.
fn killed_while_growing(disk: &SimDisk, step: u64) -> bool {
    log_of(disk, &[3]);
    disk.arm(step, Fault::Crash);
    let grow = || {
        let mut log = Log::open(Arc::new(disk.clone()), DIR, signer())?;
        log.append(3, &leaves(9)[3..])?;
        log.checkpoint()
    };
    let grown = grow();
    let killed = disk.has_fired();
    assert!(killed || grown.is_ok());
    disk.kill();
    killed
}

#[test]
fn a_state_that_is_not_durable_is_not_signed() {
    // Killed at one step, opened again, and at a step of that the power goes: whatever was signed
    // by then must stand under a state that is still there.
    let mut signed_at = 0;
    for step in 0.. {
        for later in 0..24 {
            let disk = SimDisk::with_folder(step * 100 + later, DIR);
            if !killed_while_growing(&disk, step) {
                assert!(step > 20 && signed_at > 20, "{step} {signed_at}");
                return;
            }
            disk.arm(later, Fault::Crash);
            let _ = Log::open(Arc::new(disk.clone()), DIR, signer());
            let signed = disk.bytes("/log/checkpoints/9").is_some();
            disk.crash();
            let log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
            assert!(!signed || log.last_checkpoint().size() == 9, "{step} {later}");
            signed_at += u64::from(signed);
        }
    }
}

#[test]
fn tiles_that_no_checkpoint_covers_make_way() {
    let disk = new_disk();
    log_of(&disk, &[3]);
    let mut log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    log.append(3, &leaves(600)[3..]).unwrap();
    drop(log);
    assert!(disk.bytes("/log/tile/0/001").is_some());

    // The store took these leaves back, and others have their indexes now.
    let mut others = leaves(3);
    others.extend((3..520).map(|n| format!("other {n}").into_bytes()));
    let mut log = Log::open(Arc::new(disk.clone()), DIR, signer()).unwrap();
    assert_eq!(log.size(), 3);
    log.append(3, &others[3..]).unwrap();
    log.checkpoint().unwrap();
    check_with_store(&disk, &others).unwrap();
}

#[test]
fn after_an_error_at_any_step_the_log_goes_on() {
    for fault in [Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::ShortWrite] {
        at_every_step(fault, 3, SimDisk::disarm);
    }
}

#[test]
fn a_disk_that_lies_is_caught_by_this_simulation() {
    let mut caught = 0;
    for seed in 0..10 {
        let disk = SimDisk::with_folder(seed, DIR);
        disk.lie_on_sync();
        let mut handed_out = Vec::new();
        live(&disk, &mut handed_out).unwrap();
        disk.crash();
        caught += u64::from(check_log(&disk, &handed_out).is_err());
    }
    assert!(caught > 5, "only {caught} of 10 lost logs were noticed");
}

// ---- tampering ------------------------------------------------------------------------------

#[track_caller]
fn check_tampering(tamper: impl FnOnce(&SimDisk), code: &str) {
    let disk = new_disk();
    log_of(&disk, &[200, 300]);
    check_log(&disk, &[]).unwrap();
    tamper(&disk);
    refused(check_log(&disk, &[]), code);
}

fn edit(disk: &SimDisk, path: &str, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.bytes(path).unwrap();
    edit(&mut bytes);
    disk.put(path, &bytes);
}

#[test]
fn tampering_is_refused_with_a_code() {
    let entries = "/log/tile/entries/000";
    check_tampering(|disk| edit(disk, entries, |b| b[20] ^= 1), "T601");
    check_tampering(|disk| edit(disk, entries, |b| b[1] ^= 1), "T303");
    check_tampering(|disk| edit(disk, entries, |b| b.truncate(99)), "T303");
    check_tampering(|disk| disk.take(entries), "T301");
    check_tampering(|disk| edit(disk, "/log/tile/0/000", |b| b[40] ^= 1), "T601");
    check_tampering(|disk| edit(disk, "/log/tile/1/000.p/1", |b| b[0] ^= 1), "T602");
    check_tampering(|disk| edit(disk, "/log/tile/1/000.p/1", |b| b.push(0)), "T302");
    let to_301 = |note: &mut Vec<u8>| {
        *note = String::from_utf8(note.clone()).unwrap().replace("\n300\n", "\n301\n").into();
    };
    check_tampering(|disk| edit(disk, "/log/checkpoint", to_301), "T406");
    check_tampering(|disk| edit(disk, "/log/checkpoints/300", to_301), "T406");
    check_tampering(|disk| disk.take("/log/checkpoint"), "T504");
}

#[test]
fn the_first_difference_is_told() {
    let disk = new_disk();
    log_of(&disk, &[300]);
    // Entries are 26 to 28 bytes here, after two bytes of length: this is inside entry 270.
    let path = "/log/tile/entries/001.p/44";
    let at = disk.bytes(path).unwrap();
    let inside = at.windows(3).position(|bytes| bytes == b"270").unwrap();
    edit(&disk, path, |bytes| bytes[inside] = b'9');
    match check_log(&disk, &[]) {
        Err(VerifyError::EntryMustMatchItsTile { index }) => assert_eq!(index, 270),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_rewritten_with_all_its_hashes_does_not_have_the_signed_root() {
    // Whoever can write the folder but not sign replaces an entry and every hash above it.
    let disk = new_disk();
    log_of(&disk, &[300]);
    let honest =
        (disk.bytes("/log/checkpoint").unwrap(), disk.bytes("/log/checkpoints/300").unwrap());
    let forged = SimDisk::with_folder(2, DIR);
    let mut log = Log::create(Arc::new(forged.clone()), DIR, signer()).unwrap();
    let mut all = leaves(300);
    all[17] = b"{\"event\":\"batch_sent\",\"n\":71}".to_vec();
    log.append(0, &all).unwrap();
    log.checkpoint().unwrap();
    forged.put("/log/checkpoint", &honest.0);
    forged.put("/log/checkpoints/300", &honest.1);
    refused(check_log(&forged, &[]), "T603");
}

#[test]
fn a_log_that_was_cut_or_forked_is_refused_by_who_kept_a_checkpoint() {
    let disk = new_disk();
    let kept = log_of(&disk, &[200, 300]);

    let cut = new_disk();
    log_of(&cut, &[200]);
    refused(check_log(&cut, &kept), "T604");

    let forked = new_disk();
    let mut log = Log::create(Arc::new(forked.clone()), DIR, signer()).unwrap();
    let mut all = leaves(400);
    all[250] = b"another decision".to_vec();
    log.append(0, &all).unwrap();
    let fork = log.checkpoint().unwrap();
    check_log(&forked, &kept[..1]).unwrap();
    refused(check_log(&forked, &kept), "T603");

    // The same before a witness, who has no log, only the proof it is given.
    let (_, proof) = prove_consistency(&forked, Path::new(DIR), &verifier(), 200).unwrap();
    check_extension(kept[0].checkpoint(), fork.checkpoint(), &proof).unwrap();
    let (_, proof) = prove_consistency(&forked, Path::new(DIR), &verifier(), 300).unwrap();
    let code = |old: &SignedCheckpoint, new: &SignedCheckpoint, proof: &[Digest]| {
        check_extension(old.checkpoint(), new.checkpoint(), proof).unwrap_err().code()
    };
    assert_eq!(code(&kept[1], &fork, &proof), "T705");
    assert_eq!(code(&kept[1], &kept[0], &[]), "T704");
}

#[test]
fn the_store_and_the_log_are_compared_both_ways() {
    let disk = new_disk();
    log_of(&disk, &[300]);
    refused(check_with_store(&disk, &leaves(299)), "T606");
    refused(check_with_store(&disk, &leaves(301)), "T607");
    let mut altered = leaves(300);
    altered[260] = b"altered".to_vec();
    match check_with_store(&disk, &altered) {
        Err(VerifyError::EntryMustBeTheLeafOfTheStore { index }) => assert_eq!(index, 260),
        other => panic!("{other:?}"),
    }
    let mut failing = [Err("the database is gone".to_owned())].into_iter();
    let against = Against { leaves: Some(&mut failing), known: &[] };
    refused(verify(&disk, Path::new(DIR), &verifier(), against), "T608");
}

// ---- proofs ---------------------------------------------------------------------------------

#[test]
fn a_proof_travels_as_text() {
    let disk = new_disk();
    log_of(&disk, &[300]);
    let (entry, proof) = prove_inclusion(&disk, Path::new(DIR), &verifier(), 270).unwrap();
    assert_eq!(entry, leaves(300)[270]);
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 270\n"));
    let read = InclusionProof::parse(&text, &verifier()).unwrap();
    assert_eq!(read, proof);
    assert!(read.holds(&entry));
    assert!(!read.holds(b"another entry"));
    let with_extra = text.replace("@v1\n", "@v1\nextra AAAA\n");
    assert_eq!(InclusionProof::parse(&with_extra, &verifier()).unwrap(), proof);

    let moved = InclusionProof::parse(&text.replace("index 270", "index 271"), &verifier());
    assert!(!moved.unwrap().holds(&entry));
    for (broken, code) in [
        (text.replace("\n300\n", "\n301\n"), "T406"),
        (text.replace("@v1", "@v2"), "T703"),
        (text.replace("index 270", "index x"), "T703"),
        (text.replace("\n\n", "\n"), "T703"),
        (String::new(), "T703"),
    ] {
        assert_eq!(InclusionProof::parse(&broken, &verifier()).unwrap_err().code(), code);
    }
    let missing = prove_inclusion(&disk, Path::new(DIR), &verifier(), 300).unwrap_err();
    assert_eq!(missing.code(), "T701");
    let found = |entry: &[u8]| find_entry(&disk, Path::new(DIR), &verifier(), entry).unwrap();
    assert_eq!(found(&entry), Some(270));
    assert_eq!(found(b"never logged"), None);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_reading_a_proof_panic(text in "(c2sp.org/tlog-proof@v1\n)?(index [0-9]{1,25}\n)?\\PC{0,60}(\n\n)?\\PC{0,20}") {
        let _ = InclusionProof::parse(&text, &verifier());
    }
}

// ---- independent readers --------------------------------------------------------------------

/// Gives the tiles on a disk to the tlog_tiles library, whose paths name the height too.
struct Tiles<'a>(&'a SimDisk);

impl TileReader for Tiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            let path = tile.path().replace("tile/8/", "/log/tile/");
            self.0.bytes(&path).unwrap_or_else(|| panic!("{path} is missing"))
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn independent_libraries_agree_at_every_shape_of_the_tree() {
    use signed_note::{Note, StandardVerifier, VerifierList};
    let sizes = [1, 255, 256, 257, 65_537];
    let disk = new_disk();
    let checkpoints = log_of(&disk, &sizes);
    let all = leaves(65_537);
    let known =
        VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier().to_string()).unwrap())]);

    let mut roots: Vec<(u64, Hash)> = Vec::new();
    for checkpoint in &checkpoints {
        let note = Note::from_bytes(checkpoint.note().as_bytes()).unwrap();
        let (verified, others) = note.verify(&known).unwrap();
        assert_eq!((verified.len(), others.len()), (1, 0));
        let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!(theirs.size(), checkpoint.size());
        assert_eq!(theirs.hash().0, *checkpoint.root().as_bytes());
        roots.push((theirs.size(), *theirs.hash()));
    }
    for (size, root) in &roots {
        let tiles = Tiles(&disk);
        // Reading through this reader proves each tile against the signed root.
        let reader = TileHashReader::new(*size, *root, &tiles);
        for index in [0, 1, 254, 255, 256, 65_535, 65_536].into_iter().filter(|i| i < size) {
            let proof = tlog_tiles::prove_record(*size, index, &reader).unwrap();
            let hash = tlog_tiles::record_hash(&all[index as usize]);
            tlog_tiles::check_record(&proof, *size, *root, index, hash).unwrap();
            let stored = tlog_tiles::stored_hash_index(0, index);
            assert_eq!(reader.read_hashes(&[stored]).unwrap()[0].0, hash.0);
            if *size == 65_537 {
                let (entry, ours) =
                    prove_inclusion(&disk, Path::new(DIR), &verifier(), index).unwrap();
                assert_eq!(entry, all[index as usize]);
                let theirs: Vec<_> = proof.iter().map(|hash| hash.0).collect();
                let ours: Vec<_> = ours.hashes.iter().map(|hash| *hash.as_bytes()).collect();
                assert_eq!(ours, theirs);
            }
        }
    }
    let (last_size, last_root) = roots[4];
    for (size, root) in &roots[..4] {
        let (_, ours) = prove_consistency(&disk, Path::new(DIR), &verifier(), *size).unwrap();
        let ours: Vec<Hash> = ours.iter().map(|hash| Hash(*hash.as_bytes())).collect();
        tlog_tiles::check_tree(&ours, last_size, last_root, *size, *root).unwrap();
        let forked = Hash([7; 32]);
        assert!(tlog_tiles::check_tree(&ours, last_size, last_root, *size, forked).is_err());
    }
    check_with_store(&disk, &all).unwrap();
}

#[test]
fn independent_libraries_refuse_an_edited_checkpoint() {
    use signed_note::{Note, StandardVerifier, VerifierList};
    let disk = new_disk();
    let note = log_of(&disk, &[3])[0].note().replace("\n3\n", "\n4\n");
    let known =
        VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier().to_string()).unwrap())]);
    assert!(Note::from_bytes(note.as_bytes()).unwrap().verify(&known).is_err());
}

/// Runs Go's own library over a log folder; none when it is not installed.
fn verified_by_go(dir: &Path) -> Option<bool> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/external/tlog/verify.sh");
    let output = std::process::Command::new(script)
        .arg(dir)
        .arg(verifier().to_string())
        .output()
        .expect("the script is in the repository and can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Some(true),
        Some(1) => Some(false),
        Some(77) => {
            eprintln!("not compared with Go's transparency-log library: {said}");
            None
        }
        code => panic!("verify.sh ended with {code:?}: {said}"),
    }
}

#[test]
fn the_transparency_log_library_of_go_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let mut log = Log::create(Arc::new(RealDisk), dir, signer()).unwrap();
    let all = leaves(600);
    for size in [1, 255, 257, 600] {
        let from = log.size();
        log.append(from, &all[from as usize..size]).unwrap();
        log.checkpoint().unwrap();
    }
    let Some(verified) = verified_by_go(dir) else { return };
    assert!(verified);

    let damaged = |path: &str, damage: fn(&mut Vec<u8>)| {
        let path = dir.join(path);
        let honest = std::fs::read(&path).unwrap();
        let mut bytes = honest.clone();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        assert!(verify(&RealDisk, dir, &verifier(), Against::default()).is_err());
        let verified = verified_by_go(dir).unwrap();
        std::fs::write(&path, honest).unwrap();
        verified
    };
    assert!(!damaged("tile/entries/001", |bytes| bytes[20] ^= 1));
    assert!(!damaged("checkpoint", |bytes| bytes[25] ^= 1));
    assert!(!damaged("tile/0/000", |bytes| bytes[20] ^= 1));
    assert!(verified_by_go(dir).unwrap());
}
