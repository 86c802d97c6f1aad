//! One computer that goes wrong by plan: its disk, its database and its lines to the providers share
//! one power supply.
//!
//! Reads: a plan of faults, by the number of the commit, of the disk step, of the sending and of the
//! query. Gives: a disk, a database and channels that fail there, and a count of what was injected.
//! When the machine dies, everything on it fails until it is started again.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chitra::channels::directory::DirectoryChannel;
use chitra::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use chitra::disk::file_name::FileName;
use chitra::disk::{Disk, DiskFile, Listed};
use chitra::domain::digest::Digest;
use chitra::store::database::{Bulk, Dialect, Transaction};
use chitra::store::{Database, Row, StoreError, Value};
use jiff::civil::{Date, DateTime};

use super::dice::Dice;
use crate::support::sim_disk::{Fault, SimDisk};

/// How the machine stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// The process is killed; what it wrote stays.
    Killed,
    /// The power is cut; what was not synced is lost or torn.
    PowerCut,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitFault {
    /// Nothing was committed, and an error is returned.
    Before(Option<Death>),
    /// It was committed, and the reply is lost.
    After(Option<Death>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendFault {
    DeliveredThenDies(Death),
    UnknownThoughDelivered,
    UnknownAndNotDelivered,
    NotDelivered,
}

/// What goes wrong, and when. Counted over the whole run, through all its lives.
#[derive(Clone, Default, Debug)]
pub struct Plan {
    pub commits: BTreeMap<u64, CommitFault>,
    pub disk_steps: BTreeMap<u64, Fault>,
    pub sendings: BTreeMap<u64, SendFault>,
    /// Queries that get no answer.
    pub queries: BTreeMap<u64, ()>,
    /// Mornings on which the clock is wrong, counted as they are lived.
    pub clocks: BTreeMap<u64, ClockFault>,
}

/// How wrong a clock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockFault {
    AnHourBack,
    TheDayBefore,
}

/// Of how many mornings a plan says whether the clock is right.
const MORNINGS: u64 = 600;

/// How much happened in a run.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    pub commits: u64,
    pub disk_steps: u64,
    pub sendings: u64,
    pub queries: u64,
}

impl Plan {
    /// Draws faults for a run that would do about `calm` without any.
    pub fn draw(dice: &mut Dice, calm: Counts) -> Plan {
        let mut plan = Plan::default();
        let death = |dice: &mut Dice| match dice.below(2) {
            0 => Death::Killed,
            _ => Death::PowerCut,
        };
        for _ in 0..2 + dice.below(4) {
            let dies = (dice.below(3) > 0).then(|| death(dice));
            let fault = match dice.below(2) {
                0 => CommitFault::Before(dies),
                _ => CommitFault::After(dies),
            };
            plan.commits.insert(dice.below(calm.commits), fault);
        }
        for _ in 0..2 + dice.below(4) {
            let faults = [
                Fault::Crash,
                Fault::Crash,
                Fault::Eio,
                Fault::EioAfter,
                Fault::Enospc,
                Fault::ShortWrite,
            ];
            let fault = faults[dice.below(faults.len() as u64) as usize];
            plan.disk_steps.insert(dice.below(calm.disk_steps), fault);
        }
        for sending in 0..calm.sendings * 2 {
            let fault = match dice.below(10) {
                0 => SendFault::DeliveredThenDies(death(dice)),
                1 => SendFault::UnknownThoughDelivered,
                2 => SendFault::UnknownAndNotDelivered,
                3 => SendFault::NotDelivered,
                _ => continue,
            };
            plan.sendings.insert(sending, fault);
        }
        for morning in 0..MORNINGS {
            let fault = match dice.below(12) {
                0 => ClockFault::AnHourBack,
                1 => ClockFault::TheDayBefore,
                _ => continue,
            };
            plan.clocks.insert(morning, fault);
        }
        for query in 0..calm.sendings * 2 {
            if dice.below(3) == 0 {
                plan.queries.insert(query, ());
            }
        }
        plan
    }
}

/// A sending as the line saw it: the file, and how far the signed log reached at that moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    pub name: String,
    pub digest: Digest,
    pub signed_leaves: u64,
}

#[derive(Default)]
struct State {
    plan: Plan,
    counts: Counts,
    dead: Option<Death>,
    mornings: u64,
    /// A fault was injected since `excuses` was asked.
    excused: bool,
    injected: BTreeMap<&'static str, u64>,
    sent: Vec<Sent>,
}

impl State {
    fn inject(&mut self, kind: &'static str) {
        *self.injected.entry(kind).or_default() += 1;
        self.excused = true;
    }

    fn die(&mut self, death: Death) {
        self.dead = Some(death);
    }
}

/// The machine; clones are the same machine.
#[derive(Clone)]
pub struct Machine {
    state: Arc<Mutex<State>>,
    pub sim: SimDisk,
    /// Below these folders nothing is synced: the careless copy that the simulator must notice.
    unsynced: Arc<Vec<PathBuf>>,
}

impl Machine {
    pub fn new(seed: u64, plan: Plan, unsynced: Vec<PathBuf>) -> Machine {
        let state = State { plan, ..State::default() };
        Machine {
            state: Arc::new(Mutex::new(state)),
            sim: SimDisk::new(seed),
            unsynced: Arc::new(unsynced),
        }
    }

    pub fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(MachineDisk(self.clone()))
    }

    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.state().injected.clone()
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    pub fn is_dead(&self) -> bool {
        self.state().dead.is_some()
    }

    /// Whether a fault was injected since this was asked last: an error is then no surprise.
    pub fn excuses(&self) -> bool {
        std::mem::take(&mut self.state().excused)
    }

    /// The moment that its clock shows when a day begins on which files leave and are answered. A wrong clock excuses no
    /// error. What officers enter is of a day, so that the clock shows another one only where `only_answers` are
    /// waited for.
    pub fn morning(&self, day: Date, only_answers: bool) -> DateTime {
        let mut state = self.state();
        state.mornings += 1;
        let (right, mornings) = (day.at(8, 0, 0, 0), state.mornings);
        let (kind, shown) = match state.plan.clocks.get(&mornings) {
            None => return right,
            Some(ClockFault::AnHourBack) => ("clock: an hour back", day.at(7, 0, 0, 0)),
            Some(ClockFault::TheDayBefore) if only_answers => match day.yesterday() {
                Ok(before) => ("clock: the day before", before.at(23, 50, 0, 0)),
                Err(_) => return right,
            },
            Some(ClockFault::TheDayBefore) => return right,
        };
        *state.injected.entry(kind).or_default() += 1;
        shown
    }

    /// Starts the machine, or the process, again.
    pub fn start(&self) {
        match self.state().dead.take() {
            Some(Death::PowerCut) => self.sim.crash(),
            Some(Death::Killed) | None => self.sim.kill(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the machine")
    }

    fn alive(&self) -> Result<(), StoreError> {
        match self.is_dead() {
            true => Err(StoreError::Injected),
            false => Ok(()),
        }
    }

    /// Does one disk step, with the fault that is planned for it.
    fn step<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let fault = {
            let mut state = self.state();
            if state.dead.is_some() {
                return Err(io::Error::other("the machine is off"));
            }
            let step = state.counts.disk_steps;
            state.counts.disk_steps += 1;
            let fault = state.plan.disk_steps.get(&step).copied();
            if let Some(fault) = fault {
                state.inject(match fault {
                    Fault::Crash => "disk: power cut",
                    Fault::Eio => "disk: error, not done",
                    Fault::EioAfter => "disk: error, but done",
                    Fault::Enospc => "disk: no space",
                    Fault::ShortWrite => "disk: half a write",
                    Fault::ForgedWrite => "disk: forged write",
                });
            }
            fault
        };
        let Some(fault) = fault else { return work() };
        self.sim.arm(0, fault);
        let done = work();
        match fault {
            Fault::Crash => self.state().die(Death::PowerCut),
            _ => self.sim.disarm(),
        }
        done
    }

    fn is_unsynced(&self, path: &Path) -> bool {
        self.unsynced.iter().any(|folder| path.starts_with(folder))
    }
}

struct MachineDisk(Machine);

impl Disk for MachineDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.0.step(|| self.0.sim.create_new(path))?;
        let syncs = !self.0.is_unsynced(path);
        Ok(Box::new(MachineFile { machine: self.0.clone(), file, syncs }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.0.step(|| self.0.sim.open(path))
    }

    fn read_back(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.0.step(|| self.0.sim.read_back(path))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        match self.0.is_unsynced(path) {
            true => Ok(()),
            false => self.0.step(|| self.0.sim.sync_file(path)),
        }
    }

    fn rename_no_replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.step(|| self.0.sim.rename_no_replace(from, to))
    }

    fn rename_replacing(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.step(|| self.0.sim.rename_replacing(from, to))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        match self.0.is_unsynced(dir) {
            true => Ok(()),
            false => self.0.step(|| self.0.sim.sync_dir(dir)),
        }
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.step(|| self.0.sim.create_dir(dir))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.step(|| self.0.sim.remove(path))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.0.step(|| self.0.sim.exists(path))
    }

    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<Listed>> {
        self.0.step(|| self.0.sim.list(dir, limit))
    }

    fn part_token(&self) -> String {
        self.0.sim.part_token()
    }
}

struct MachineFile {
    machine: Machine,
    file: Box<dyn DiskFile>,
    syncs: bool,
}

impl Write for MachineFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let MachineFile { machine, file, .. } = self;
        machine.step(|| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for MachineFile {
    fn sync(&mut self) -> io::Result<()> {
        let MachineFile { machine, file, syncs } = self;
        match syncs {
            true => machine.step(|| file.sync()),
            false => Ok(()),
        }
    }
}

/// A database that fails where the plan says, and whenever the machine is dead.
pub struct MachineDatabase {
    pub machine: Machine,
    pub inner: Arc<dyn Database>,
}

#[async_trait]
impl Database for MachineDatabase {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }

    async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.machine.alive()?;
        self.inner.query(sql, args).await
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>, StoreError> {
        self.machine.alive()?;
        let inner = self.inner.begin().await?;
        Ok(Box::new(MachineTransaction { machine: self.machine.clone(), inner }))
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

struct MachineTransaction {
    machine: Machine,
    inner: Box<dyn Transaction>,
}

#[async_trait]
impl Transaction for MachineTransaction {
    async fn query(&mut self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.machine.alive()?;
        self.inner.query(sql, args).await
    }

    async fn execute(
        &mut self,
        sql: Cow<'static, str>,
        args: Vec<Value>,
    ) -> Result<u64, StoreError> {
        self.machine.alive()?;
        self.inner.execute(sql, args).await
    }

    async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.machine.alive()?;
        self.inner.script(sql).await
    }

    async fn insert(&mut self, bulk: Bulk) -> Result<(), StoreError> {
        self.machine.alive()?;
        self.inner.insert(bulk).await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.machine.alive()?;
        let fault = {
            let mut state = self.machine.state();
            let commit = state.counts.commits;
            state.counts.commits += 1;
            let fault = state.plan.commits.get(&commit).copied();
            if let Some(CommitFault::Before(death)) = fault {
                state.inject(match death {
                    None => "commit: refused, process goes on",
                    Some(_) => "commit: died before",
                });
                state.dead = death;
            }
            fault
        };
        match fault {
            None => self.inner.commit().await,
            Some(CommitFault::Before(_)) => Err(StoreError::Injected),
            Some(CommitFault::After(death)) => {
                self.inner.commit().await?;
                let mut state = self.machine.state();
                state.inject(match death {
                    None => "commit: reply lost, process goes on",
                    Some(_) => "commit: died after",
                });
                state.dead = death;
                Err(StoreError::Injected)
            }
        }
    }
}

/// How a line treats a sending whose outcome it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnTimeOut {
    /// As the engine was built for: unknown is told as unknown.
    Tell,
    /// The careless system: a time-out is taken for a refusal, told so, and the engine sends again
    /// under the same name.
    SayNotDelivered,
    /// The more careless one: it sends at once again, under a new name.
    SendUnderANewName,
}

/// How a line treats requests to give payments back, and the answers to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnRecalls {
    AsBuilt,
    /// The careless system: after a crash or a time-out it does not ask whether a request is there, and sends it
    /// once more under another name.
    SendAgainUnderANewName,
    /// Another: it takes the word that the money will be given back for the money.
    TakeTheWordForTheMoney,
}

/// A line to a provider's folders.
pub struct MachineChannel {
    pub machine: Machine,
    pub inner: DirectoryChannel,
    /// The signed checkpoint of the office's log.
    pub checkpoint: PathBuf,
    pub on_time_out: OnTimeOut,
    pub on_recalls: OnRecalls,
}

/// What stands in the name of every request to give a payment back.
const OF_A_RECALL: &str = "-RECALL";

impl MachineChannel {
    /// How many leaves are under the signed checkpoint now.
    fn signed_leaves(&self) -> u64 {
        let bytes = self.machine.sim.bytes(&self.checkpoint).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
    }

    fn forgets(&self, name: &FileName) -> bool {
        self.on_recalls == OnRecalls::SendAgainUnderANewName && name.as_str().contains(OF_A_RECALL)
    }

    fn lost(&self) -> DeliveryOutcome {
        DeliveryOutcome::Unknown(Reason::new("time_out", "the line was cut"))
    }
}

impl Channel for MachineChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        let Parcel { name, source, digest, count, total } = parcel;
        let mut bytes = Vec::new();
        if let Err(error) = source.read_to_end(&mut bytes) {
            return DeliveryOutcome::NotDelivered(Reason::new("V101", error));
        }
        let signed_leaves = self.signed_leaves();
        let mut name = name;
        let fault = {
            let mut state = self.machine.state();
            let times = state.sent.iter().filter(|one| one.digest == digest).count();
            if self.forgets(&name) && times > 0 {
                let again = format!("AGAIN{times}-{}", name.as_str());
                name = FileName::parse(&again).expect("a plain name after a plain word");
            }
            let sending = state.counts.sendings;
            state.counts.sendings += 1;
            state.sent.push(Sent { name: name.as_str().to_owned(), digest, signed_leaves });
            let fault = state.plan.sendings.get(&sending).copied();
            if let Some(fault) = fault {
                state.inject(match fault {
                    SendFault::DeliveredThenDies(_) => "sending: delivered, then died",
                    SendFault::UnknownThoughDelivered => "sending: time-out, delivered",
                    SendFault::UnknownAndNotDelivered => "sending: time-out, not delivered",
                    SendFault::NotDelivered => "sending: refused",
                });
            }
            fault
        };
        let send = |name: FileName| {
            let source = &mut bytes.as_slice();
            self.inner.deliver(Parcel { name, source, digest, count, total })
        };
        let outcome = match fault {
            Some(SendFault::NotDelivered) => {
                return DeliveryOutcome::NotDelivered(Reason::new("refused", "no connection"));
            }
            Some(SendFault::UnknownAndNotDelivered) => self.lost(),
            Some(SendFault::UnknownThoughDelivered) => match send(name.clone()) {
                DeliveryOutcome::Delivered(_) => self.lost(),
                other => other,
            },
            Some(SendFault::DeliveredThenDies(death)) => {
                let outcome = send(name.clone());
                self.machine.state().die(death);
                return outcome;
            }
            None => send(name.clone()),
        };
        match (outcome, self.on_time_out) {
            (DeliveryOutcome::Unknown(reason), OnTimeOut::SayNotDelivered) => {
                DeliveryOutcome::NotDelivered(reason)
            }
            (DeliveryOutcome::Unknown(_), OnTimeOut::SendUnderANewName) => {
                let again = FileName::parse(&format!("R-{}", name.as_str()));
                send(again.expect("a plain name with two plain letters before it"))
            }
            (outcome, _) => outcome,
        }
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        if self.forgets(name) {
            return QueryOutcome::NotThere;
        }
        let is_silent = {
            let mut state = self.machine.state();
            let query = state.counts.queries;
            state.counts.queries += 1;
            let is_silent = state.plan.queries.contains_key(&query);
            if is_silent {
                state.inject("query: no answer");
            }
            is_silent
        };
        match is_silent {
            true => QueryOutcome::Unavailable(Reason::new("time_out", "the line was cut")),
            false => self.inner.query(name, digest),
        }
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        self.inner.answers()
    }

    fn fetch(&self, name: &FileName, into: &mut dyn Write) -> Result<Fetched, CollectError> {
        if self.on_recalls != OnRecalls::TakeTheWordForTheMoney {
            return self.inner.fetch(name, into);
        }
        let mut bytes = Vec::new();
        self.inner.fetch(name, &mut bytes)?;
        let text = String::from_utf8(bytes).expect("answers are text");
        let bytes = returned_instead(&text).unwrap_or(text).into_bytes();
        into.write_all(&bytes).expect("the office can take an answer in");
        Ok(Fetched { digest: Digest::of(&bytes), bytes: bytes.len() as u64 })
    }
}

/// A word of agreement, told as if it were a notification of what came back: every payment in it that is agreed
/// to. None: it is no such word.
fn returned_instead(resolution: &str) -> Option<String> {
    let between = |text: &str, from: &str, to: &str| -> Option<String> {
        let (_, after) = text.split_once(from)?;
        Some(after.split_once(to)?.0.to_owned())
    };
    if !resolution.contains("camt.029") {
        return None;
    }
    let day = between(resolution, "<CreDtTm>", "T")?;
    let entries: String = resolution
        .split("<TxInfAndSts>")
        .filter(|case| case.contains("<TxCxlSts>ACCR<"))
        .filter_map(|case| {
            let reference = between(case, "<OrgnlEndToEndId>", "<")?;
            let amount = between(case, "Ccy=\"VND\">", "<")?;
            Some(format!(
                "<Ntry><Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
                 <BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>\
                 <Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
                 <RtrInf><Rsn><Cd>FOCR</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>"
            ))
        })
        .collect();
    let id = Digest::of(resolution.as_bytes()).to_string();
    (!entries.is_empty()).then(|| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn>\
             <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{day}T08:00:00Z</CreDtTm></GrpHdr><Ntfctn><Id>{id}</Id>\
             <Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>{entries}\
             </Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n",
            id = &id[..20],
        )
    })
}
