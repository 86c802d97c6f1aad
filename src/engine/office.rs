//! An office: a folder with its configuration, database, keys, archive and log.
//!
//! ```text
//! chitra.toml   office.db   import.lock   log.lock   keys/   archive/   log/   refused/   reports/
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::audit::checkpoint::{AuditSigner, Origin};
use crate::audit::log::Log;
use crate::channels::Channel;
use crate::channels::directory::DirectoryChannel;
use crate::channels::http::{Carries, HttpFilesChannel, HttpPaymentsChannel, Quota};
use crate::channels::sftp::SftpChannel;
use crate::disk::Disk;
use crate::disk::archive::Archive;

use crate::domain::period::Period;
use crate::domain::sealed::OfficeKey;
use crate::domain::short_name::ShortName;
use crate::domain::signature::OfficerKey;
use crate::engine::books::Books;
use crate::engine::calendars;
use crate::engine::clock::Clock;
use crate::engine::config::{Config, Way};
use crate::engine::import::private_file;
use crate::engine::names::Keys;
use crate::engine::progress::Progress;
use crate::engine::{Engine, EngineError, Programmes};
use crate::store::Store;

pub const CONFIG: &str = "chitra.toml";
const OFFICE_KEY: &str = "keys/office.key";
/// The folders of an office; the engine creates nothing else at its top.
const FOLDERS: [&str; 6] = ["keys", "keys/officers", "archive", "log", "refused", "reports"];
/// The largest answer file that is taken in. No format of ours writes a million payments into one file, and
/// the longest answers (a status or an entry of ISO 20022 for each payment) have about a kilobyte for one.
pub const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// Parts that come from outside the office: the seams.
#[derive(Clone)]
pub struct Surroundings {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub progress: Arc<dyn Progress>,
    /// Channels that stand in the place of the configured ones.
    pub channels: Option<BTreeMap<String, Arc<dyn Channel>>>,
}

/// Makes a new office in an empty or missing folder. `secret` is 32 random bytes from outside.
pub fn create(dir: &Path, config: &str, secret: [u8; 32]) -> Result<(), EngineError> {
    if dir.join(CONFIG).exists() {
        return Err(EngineError::refused(
            "G110",
            format!(
                "{dir} is an office already; nothing was changed. Use it (chitra --office {dir}), or make the new one in \
                 another folder",
                dir = dir.display()
            ),
        ));
    }
    Config::parse(config, dir)?;
    for folder in std::iter::once("").chain(FOLDERS) {
        std::fs::create_dir_all(dir.join(folder)).map_err(|error| {
            EngineError::io(format!("creating {}", dir.join(folder).display()), error)
        })?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for folder in ["keys", "keys/officers", "archive", "refused", "reports"] {
            std::fs::set_permissions(dir.join(folder), std::fs::Permissions::from_mode(0o700))
                .map_err(|error| EngineError::io("closing a folder to others", error))?;
        }
    }
    write_secret(&dir.join(OFFICE_KEY), &secret)?;
    // The configuration is written last: a folder without it is not an office yet.
    durable_write(&dir.join(CONFIG), config.as_bytes(), false)
}

/// Opens an office: its database is brought up to date, its log checked at the edge.
pub async fn open(dir: &Path, around: Surroundings) -> Result<Engine, EngineError> {
    let config = configured(dir)?;
    let store = Store::open(&config.database).await?;
    open_with(dir, config, store, around).await
}

/// Opens an office to look at it: whoever may read its folder can, and nothing is written. An office in
/// which nothing was done yet has nothing to look at, and is begun.
pub async fn open_to_read(dir: &Path, around: Surroundings) -> Result<Engine, EngineError> {
    let config = configured(dir)?;
    let begun = around
        .disk
        .exists(&dir.join("log/state"))
        .map_err(|error| EngineError::io("looking at the log", error))?;
    if !begun {
        return open(dir, around).await;
    }
    let store = Store::open_to_read(&config.database).await?;
    open_as(dir, config, store, around, true).await
}

fn configured(dir: &Path) -> Result<Config, EngineError> {
    let path = dir.join(CONFIG);
    match std::fs::read_to_string(&path) {
        Ok(text) => Config::parse(&text, dir),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(EngineError::refused(
                "G108",
                format!(
                    "{} cannot be read by this user; give it the right to read the office's folder",
                    path.display()
                ),
            ))
        }
        Err(error) => Err(EngineError::refused(
            "G111",
            format!("{} is no office ({error}); make one with: chitra init DIR", dir.display()),
        )),
    }
}

/// Opens an office over a store that is already open.
pub async fn open_with(
    dir: &Path,
    config: Config,
    store: Store,
    around: Surroundings,
) -> Result<Engine, EngineError> {
    open_as(dir, config, store, around, false).await
}

async fn open_as(
    dir: &Path,
    config: Config,
    store: Store,
    around: Surroundings,
    only_reads: bool,
) -> Result<Engine, EngineError> {
    let secret = read_secret(&dir.join(OFFICE_KEY), READERS_OF_THE_OFFICE)?;
    let keys = Keys::of(&OfficeKey::from_bytes(secret));
    let origin = Origin::parse(&format!("chitra.office/{}", config.prefix.as_str()))
        .map_err(|error| EngineError::refused("G112", error.to_string()))?;
    let signer = AuditSigner::from_seed(origin, &keys.log_seed);
    let verifier = signer.verifier();
    let log_dir = dir.join("log");
    let begun = around
        .disk
        .exists(&log_dir.join("state"))
        .map_err(|error| EngineError::io("looking at the log", error))?;
    let log = match begun {
        true if only_reads => Log::open_to_read(around.disk.clone(), &log_dir, signer)?,
        true => Log::open(around.disk.clone(), &log_dir, signer)?,
        // An office whose log has disappeared must notice: only one that never logged begins one.
        false if store.leaf_count().await? == 0 => {
            Log::create(around.disk.clone(), &log_dir, signer)?
        }
        false => {
            return Err(EngineError::refused(
                "G113",
                format!(
                    "the audit log {} is gone although the database has numbered its entries; restore it from a copy",
                    log_dir.display()
                ),
            ));
        }
    };
    if !only_reads {
        must_be_as_new_as_the_log(&store, &log).await?;
    }
    lasting_settings_must_hold(&store, &config, only_reads).await?;
    let mut formats = load_formats(dir)?;
    if let Some(currency) = payment_formats::Currency::parse(config.currency.code()) {
        formats.ordered_in(currency);
    }
    let programmes = Programmes::builtin()?;
    attachable_must_be_known(&config, &programmes)?;
    let calendars = calendars::load(dir, &config)?;
    let archive = Archive::new(
        around.disk.clone(),
        dir.join("archive"),
        OfficeKey::from_bytes(secret).sealing("archive"),
    );
    let channels = around.channels.unwrap_or_else(|| {
        config
            .providers
            .iter()
            .map(|provider| {
                let quota = provider.on(around.clock.today()).quota;
                (provider.name.clone(), channel_of(&provider.way, quota, &around.disk))
            })
            .collect()
    });
    for provider in &config.providers {
        if formats.out(&provider.format).is_none() {
            return Err(EngineError::refused(
                "G114",
                format!(
                    "chitra.toml: provider {} wants the format `{}`, which nobody defines; correct the name (chitra formats \
                     list), or put its definition into formats/",
                    provider.name, provider.format
                ),
            ));
        }
        for answer in &provider.answers {
            if formats.read(answer).is_none() {
                return Err(EngineError::refused(
                    "G115",
                    format!(
                        "chitra.toml: provider {} answers in `{answer}`, which nobody defines; correct the name (chitra \
                         formats list), or put its definition into formats/",
                        provider.name
                    ),
                ));
            }
        }
        let of = |is: fn(&payment_formats::InFormat) -> bool| {
            let mut answers = provider.answers.iter().filter_map(|id| formats.read(id));
            answers.any(is)
        };
        if of(|one| one.is_before_statement()) && !of(|one| one.is_statement()) {
            return Err(EngineError::refused(
                "G124",
                format!(
                    "chitra.toml: provider {} reports within the day and sends no statement; what an entry without a \
                     reference of ours was for is told by the statement alone: agree on iso20022-camt053 too, and add it \
                     to its answers",
                    provider.name
                ),
            ));
        }
    }
    let keys = Arc::new(keys);
    let (clock, offset) = (around.clock.clone(), config.utc_offset.clone());
    let books = Books::new(keys.clone(), clock, offset);
    Ok(Engine {
        dir: dir.to_path_buf(),
        config: Arc::new(config),
        store: store.with_witness(Arc::new(books)),
        disk: around.disk,
        clock: around.clock,
        keys,
        archive: Arc::new(archive),
        log: Arc::new(Mutex::new(log)),
        log_verifier: Arc::new(verifier),
        programmes: Arc::new(programmes),
        calendars: Arc::new(calendars),
        formats: Arc::new(formats),
        channels: Arc::new(channels),
        progress: around.progress,
        only_reads,
        holder: holder(dir),
        half_sent_files: Arc::default(),
        decided_files: Arc::default(),
    })
}

/// Refuses a benefit that no programme has: a slip would let an order of a court take nothing, unseen.
fn attachable_must_be_known(config: &Config, programmes: &Programmes) -> Result<(), EngineError> {
    for (programme, benefit) in config.attachable.iter() {
        if programmes.pack.benefit(programme, benefit).is_none() {
            return Err(EngineError::refused(
                "G125",
                format!(
                    "chitra.toml: court_orders: attachable names `{programme}/{benefit}`, and no programme has such a benefit; \
                         write it as rosters name programme and benefit, or take it out (all of them: chitra programmes list)"
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses another currency than the one in whose minor units the database has every amount, and for commands that
/// change something another first month than the one from which the lists were reckoned.
async fn lasting_settings_must_hold(
    store: &Store,
    config: &Config,
    only_reads: bool,
) -> Result<(), EngineError> {
    let known = store.lasting_settings().await?;
    let mut currencies: Vec<String> = known.iter().map(|(_, one)| one.currency.clone()).collect();
    // Of an office that an earlier program wrote its newest list says it.
    if known.is_empty() {
        let body = store.newest_list_body().await?;
        let body = body.and_then(|body| serde_json::from_str::<serde_json::Value>(&body).ok());
        let of_list = body.as_ref().and_then(|body| body["currency"].as_str());
        currencies.extend(of_list.map(str::to_owned));
    }
    let now = config.currency.code();
    if let Some(other) = currencies.into_iter().find(|one| one != now) {
        return Err(EngineError::refused(
            "G135",
            format!(
                "chitra.toml names the currency {now}, and this office has lists in {other}, in whose minor units every \
                 amount is kept; put currency = \"{other}\" back. What is paid in {now} takes an office of its own: \
                 chitra init"
            ),
        ));
    }
    let from = config.history_from;
    let other = known.iter().find(|(_, one)| one.history_from != i64::from(from.as_number()));
    if let Some((cycle, one)) = other.filter(|_| !only_reads) {
        let label = store.cycle(*cycle).await?.map_or(cycle.to_string(), |cycle| cycle.label());
        let before = Period::from_number(one.history_from)
            .map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        return Err(EngineError::refused(
            "G136",
            format!(
                "chitra.toml names history_from = \"{from}\", and list {label} was opened with \"{before}\": the months \
                 between would be paid to everybody, or to nobody. Put it back; what somebody is owed of earlier months is \
                 said of their row (paid_through, changed_from)"
            ),
        ));
    }
    Ok(())
}

/// Refuses a database that does not have what the log has. An entry comes into the log from the database, so
/// a database without it was put back from a backup, or is a replica that lagged: what it says is not yet
/// sent may have been.
async fn must_be_as_new_as_the_log(store: &Store, log: &Log) -> Result<(), EngineError> {
    let (first, newest) = log.newest()?;
    let stored = store.leaf_count().await?;
    if log.size() as i64 > stored {
        return Err(EngineError::refused(
            "G132",
            format!(
                "the log has {} entries and the database {stored}: the database was put back from a backup, \
                 and what happened since then is missing in it, perhaps files that were sent. Nothing is sent or \
                 changed. Put back a copy that is as new as the log (PostgreSQL: recover to the end of its \
                 archived log); meanwhile commands that only read go on",
                log.size()
            ),
        ));
    }
    if store.leaves(first as i64, newest.len() as i64).await? != newest {
        return Err(EngineError::refused(
            "G133",
            "the newest entries of the log are not those of the database: one of the two was put back from a \
             backup and then worked with. Nothing is sent or changed; chitra audit verify tells from where on \
             they differ",
        ));
    }
    Ok(())
}

/// How this host and folder are told apart from others over the same database.
fn holder(dir: &Path) -> String {
    let host = rustix::system::uname();
    let folder = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
    format!("{}:{}", host.nodename().to_string_lossy(), folder.display())
}

/// Opens the way to a partner.
pub fn channel_of(way: &Way, quota: Quota, disk: &Arc<dyn Disk>) -> Arc<dyn Channel> {
    match way {
        Way::Http(settings) => match &settings.carries {
            Carries::Payments { reference_member } => {
                Arc::new(HttpPaymentsChannel::new((**settings).clone(), reference_member, quota))
            }
            Carries::Files { answers_path } => Arc::new(HttpFilesChannel::new(
                (**settings).clone(),
                answers_path,
                quota,
                ANSWER_BYTES_MAX,
            )),
        },
        Way::Folders { inbox, outbox, taken } => Arc::new(
            DirectoryChannel::new(disk.clone(), inbox.clone(), outbox.clone(), ANSWER_BYTES_MAX)
                .with_taken_folder(taken.clone()),
        ),
        Way::Sftp(site) => Arc::new(SftpChannel::new(site.clone(), ANSWER_BYTES_MAX)),
    }
}

/// A name under which an officer can be registered; also a file of keys/officers is called so.
pub fn officer_name(name: &str) -> Result<ShortName, EngineError> {
    ShortName::parse(name).map_err(|error| EngineError::refused("G120", error.to_string()))
}

/// Where an officer's private key lies when it is kept beside the office.
pub fn officer_key_path(dir: &Path, name: &str) -> PathBuf {
    dir.join("keys/officers").join(format!("{name}.key"))
}

/// Writes an officer's private key.
pub fn write_officer_key(path: &Path, seed: &[u8; 32]) -> Result<(), EngineError> {
    write_secret(path, seed)
}

pub fn read_officer_key(path: &Path) -> Result<OfficerKey, EngineError> {
    Ok(OfficerKey::from_seed(&read_secret(path, NOBODY_ELSE)?))
}

fn write_secret(path: &Path, secret: &[u8; 32]) -> Result<(), EngineError> {
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    durable_write(path, format!("{text}\n").as_bytes(), true)
}

/// Who else may do what with an officer's key: nobody anything.
const NOBODY_ELSE: u32 = 0o077;

/// The office's key opens its data: a group may read it, whose members may read everything and are trusted
/// with it; nobody else, and nobody may write it.
const READERS_OF_THE_OFFICE: u32 = 0o037;

fn read_secret(path: &Path, forbidden: u32) -> Result<[u8; 32], EngineError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = std::fs::metadata(path).map_err(|error| {
            EngineError::io(format!("reading the key {}", path.display()), error)
        })?;
        if metadata.permissions().mode() & forbidden != 0 {
            let way_out = match forbidden {
                NOBODY_ELSE => format!(
                    "when nobody has: chmod 600 {}; otherwise end the officer and enrol another key: chitra officer end, \
                     chitra officer enrol",
                    path.display()
                ),
                _ => format!(
                    "when nobody has: chmod 600 {0}, or 640 for a group that may read all that the office has",
                    path.display()
                ),
            };
            return Err(EngineError::refused(
                "G134",
                format!("others may read the key {}, and sign with it; {way_out}", path.display()),
            ));
        }
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| EngineError::io(format!("reading the key {}", path.display()), error))?;
    let text = text.trim();
    let malformed = || {
        EngineError::refused(
            "G116",
            format!(
                "{} is not a key of 64 hexadecimal digits; name the file that chitra officer key made (--key FILE), or put \
                 this one back from a copy",
                path.display()
            ),
        )
    };
    if text.len() != 64 || !text.is_ascii() {
        return Err(malformed());
    }
    let mut secret = [0; 32];
    for (at, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| malformed())?;
    }
    Ok(secret)
}

/// Writes a new small file so that it is there, whole, after a power cut.
fn durable_write(path: &Path, bytes: &[u8], private: bool) -> Result<(), EngineError> {
    use std::io::Write as _;
    let failed = |error| EngineError::io(format!("writing {}", path.display()), error);
    let part = path.with_extension("part");
    let mut file = match private {
        true => private_file(&part),
        false => std::fs::File::create(&part),
    }
    .map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}

/// The library's formats, and the office's own from `formats/*.toml`.
fn load_formats(dir: &Path) -> Result<payment_formats::Formats, EngineError> {
    let mut formats = payment_formats::Formats::built_in();
    let folder = dir.join("formats");
    if !folder.is_dir() {
        return Ok(formats);
    }
    let failed = |error| EngineError::io("reading the office's formats", error);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|kind| kind == "toml")) {
        let text = std::fs::read_to_string(path).map_err(failed)?;
        formats.add(&text).map_err(|faults| {
            let faults: Vec<String> =
                faults.iter().map(|one| format!("{}: {}", one.place, one.message)).collect();
            EngineError::refused(
                "G117",
                format!(
                    "{path} has faults, mend them or take the file away: {}. Check it with: chitra formats check {path}",
                    faults.join("; "),
                    path = path.display()
                ),
            )
        })?;
    }
    Ok(formats)
}
