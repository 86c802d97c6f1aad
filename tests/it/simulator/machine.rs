//! One computer that goes wrong by plan: its disk, its database and its lines to the providers share
//! one power supply.
//!
//! Reads: a plan of faults, by the number of the commit, of the disk step, of the sending and of the
//! query. Gives: a disk, a database and lines that fail there, and a count of what was injected.
//! When the machine dies, everything on it fails until it is started again.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use chitra::disk::{Disk, DiskFile, Listed};
use chitra::domain::digest::Digest;
use chitra::store::StoreError;
use jiff::civil::{Date, DateTime};

use super::dice::Dice;
use super::operator::RequestFault;
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
    /// Requests that pay one by one.
    pub requests: BTreeMap<u64, RequestFault>,
    /// Queries that get no answer, also those about single payments.
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
    pub requests: u64,
    pub queries: u64,
}

impl Counts {
    /// How often something left.
    pub fn left(self) -> u64 {
        self.sendings + self.requests
    }
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
        for request in 0..calm.requests * 2 {
            let fault = match dice.below(20) {
                0 => RequestFault::TakenThenDies(death(dice)),
                1 | 2 => RequestFault::TakenAndSilent,
                3 => RequestFault::TakenAndSaidToFail,
                4 => RequestFault::NotTakenAndSilent,
                5 => RequestFault::NotSent,
                _ => continue,
            };
            plan.requests.insert(request, fault);
        }
        for morning in 0..MORNINGS {
            let fault = match dice.below(12) {
                0 => ClockFault::AnHourBack,
                1 => ClockFault::TheDayBefore,
                _ => continue,
            };
            plan.clocks.insert(morning, fault);
        }
        for query in 0..calm.left() * 2 {
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
pub struct State {
    pub plan: Plan,
    pub counts: Counts,
    pub dead: Option<Death>,
    lost_its_power: bool,
    mornings: u64,
    /// A fault was injected since `excuses` was asked.
    excused: bool,
    injected: BTreeMap<&'static str, u64>,
    pub sent: Vec<Sent>,
    /// For each request that left, how far the signed log reached at that moment.
    requested: Vec<u64>,
}

impl State {
    pub fn inject(&mut self, kind: &'static str) {
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

    /// For each request that may have left, how far the signed log reached at that moment.
    pub fn requested(&self) -> Vec<u64> {
        self.state().requested.clone()
    }

    /// A request leaves, with so many leaves under the signed checkpoint. Gives what goes wrong with it.
    pub fn request(&self, signed_leaves: u64) -> Option<RequestFault> {
        let mut state = self.state();
        let request = state.counts.requests;
        state.counts.requests += 1;
        let fault = state.plan.requests.get(&request).copied();
        if fault != Some(RequestFault::NotSent) {
            state.requested.push(signed_leaves);
        }
        if let Some(fault) = fault {
            state.inject(match fault {
                RequestFault::TakenThenDies(_) => "request: taken, then died",
                RequestFault::TakenAndSilent => "request: time-out, taken",
                RequestFault::TakenAndSaidToFail => "request: taken, said to have failed",
                RequestFault::NotTakenAndSilent => "request: time-out, not taken",
                RequestFault::NotSent => "request: refused",
            });
        }
        fault
    }

    /// Somebody asks a partner: whether it says nothing.
    pub fn is_silent(&self) -> bool {
        let mut state = self.state();
        let query = state.counts.queries;
        state.counts.queries += 1;
        let is_silent = state.plan.queries.contains_key(&query);
        if is_silent {
            state.inject("query: no answer");
        }
        is_silent
    }

    /// How many leaves are under a signed checkpoint now.
    pub fn signed_leaves(&self, checkpoint: &Path) -> u64 {
        let bytes = self.sim.bytes(checkpoint).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or(0)
    }

    pub fn die(&self, death: Death) {
        self.state().die(death);
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

    /// Whether it was without power since this was asked last.
    pub fn lost_its_power(&self) -> bool {
        std::mem::take(&mut self.state().lost_its_power)
    }

    /// Starts the machine, or the process, again.
    pub fn start(&self) {
        let death = self.state().dead.take();
        match death {
            Some(Death::PowerCut) => {
                self.state().lost_its_power = true;
                self.sim.crash();
            }
            Some(Death::Killed) | None => self.sim.kill(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the machine")
    }

    pub fn alive(&self) -> Result<(), StoreError> {
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
