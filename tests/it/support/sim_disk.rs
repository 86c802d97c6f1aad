//! A disk in memory that keeps only what POSIX promises.
//!
//! Bytes are durable after the file was synced, names after the folder was. A crash drops or tears
//! the rest, at random but by a seed. One fault can be armed for a step, and the disk can be made
//! to lie, so that a test can prove it would notice.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use chitra::disk::{Disk, DiskFile, Listed};

/// What goes wrong at the armed step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The machine stops in the middle of the step; everything fails until `crash`.
    Crash,
    /// An error, and nothing was done. A sync that fails loses the unsynced bytes and forgets it.
    Eio,
    /// The step was done, and an error was reported.
    EioAfter,
    /// No space is left.
    Enospc,
    /// A write takes half of the bytes, and says so.
    ShortWrite,
    /// A write takes half of the bytes, and says that it took all.
    ForgedWrite,
}

impl Fault {
    pub const ALL: [Fault; 6] = [
        Fault::Crash,
        Fault::Eio,
        Fault::EioAfter,
        Fault::Enospc,
        Fault::ShortWrite,
        Fault::ForgedWrite,
    ];
}

/// A handle on a simulated disk; clones share the disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

struct State {
    random: u64,
    step: u64,
    armed: Option<(u64, Fault)>,
    /// Counts the crashes: files opened before one are of no use after it.
    life: u64,
    dead: bool,
    lies_on_sync: bool,
    tokens: u64,
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, Named>,
    durable_names: BTreeMap<PathBuf, Named>,
    /// Changes of names since their folder was synced, in order.
    unsynced: Vec<NameChange>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Folder,
    File(usize),
}

#[derive(Default)]
struct Node {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// A sync failed: the system dropped the bytes and will not say so again.
    lost: bool,
}

#[derive(Clone)]
enum NameChange {
    Added(PathBuf, Named),
    Removed(PathBuf),
    Renamed(PathBuf, PathBuf, Named),
}

impl NameChange {
    fn folder(&self) -> &Path {
        let (NameChange::Added(path, _)
        | NameChange::Removed(path)
        | NameChange::Renamed(path, _, _)) = self;
        path.parent().expect("names lie in folders")
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Named>) {
        match self {
            NameChange::Added(path, named) => {
                names.insert(path.clone(), *named);
            }
            NameChange::Removed(path) => {
                names.remove(path);
            }
            NameChange::Renamed(from, to, named) => {
                names.remove(from);
                names.insert(to.clone(), *named);
            }
        }
    }
}

enum Outcome {
    Do,
    DoHalf { report_all: bool },
    DoAndFail(io::Error),
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(5)
}

fn enospc() -> io::Error {
    io::Error::from_raw_os_error(28)
}

impl SimDisk {
    /// An empty disk with a root folder `/`.
    pub fn new(seed: u64) -> SimDisk {
        let names = BTreeMap::from([(PathBuf::from("/"), Named::Folder)]);
        SimDisk(Arc::new(Mutex::new(State {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            step: 0,
            armed: None,
            life: 0,
            dead: false,
            lies_on_sync: false,
            tokens: 0,
            nodes: Vec::new(),
            durable_names: names.clone(),
            names,
            unsynced: Vec::new(),
        })))
    }

    /// A disk with one durable folder.
    pub fn with_folder(seed: u64, folder: &str) -> SimDisk {
        let disk = SimDisk::new(seed);
        disk.create_dir(Path::new(folder)).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        disk
    }

    /// Lets one step go wrong; steps are counted from 0 at this call.
    pub fn arm(&self, step: u64, fault: Fault) {
        let mut state = self.state();
        state.step = 0;
        state.armed = Some((step, fault));
    }

    pub fn disarm(&self) {
        self.state().armed = None;
    }

    /// Whether the armed step was reached.
    pub fn has_fired(&self) -> bool {
        let state = self.state();
        state.armed.is_none_or(|(at, _)| state.step > at)
    }

    /// From now on, syncing promises and does nothing.
    pub fn lie_on_sync(&self) {
        self.state().lies_on_sync = true;
    }

    /// Cuts the power, and starts again with what was durable and some of what was not.
    pub fn crash(&self) {
        let mut state = self.state();
        state.dead = false;
        state.armed = None;
        state.life += 1;
        let mut names = std::mem::take(&mut state.durable_names);
        for change in std::mem::take(&mut state.unsynced) {
            if state.chance(2) {
                change.apply(&mut names);
            }
        }
        // What lies below a folder that is gone is gone too.
        let known: BTreeSet<PathBuf> = names.keys().cloned().collect();
        names.retain(|path, _| path.ancestors().all(|folder| known.contains(folder)));
        state.names = names.clone();
        state.durable_names = names;
        for at in 0..state.nodes.len() {
            let (bytes, durable) = {
                let node = &state.nodes[at];
                (node.bytes.clone(), node.durable.clone())
            };
            let kept = match state.below(4) {
                _ if bytes == durable => durable,
                0 => durable,
                1 if !state.nodes[at].lost => bytes,
                2 => {
                    let cut = state.below(bytes.len() as u64 + 1) as usize;
                    bytes[..cut].to_vec()
                }
                // The length was written, the end of the bytes was not.
                _ => {
                    let cut = state.below(bytes.len() as u64 + 1) as usize;
                    let zeroes = std::iter::repeat_n(0, bytes.len() - cut);
                    bytes[..cut].iter().copied().chain(zeroes).collect()
                }
            };
            state.nodes[at] = Node { bytes: kept.clone(), durable: kept, lost: false };
        }
    }

    /// Kills the process that used the disk, while the machine goes on: nothing is lost, but files
    /// that were open are gone.
    pub fn kill(&self) {
        let mut state = self.state();
        state.dead = false;
        state.armed = None;
        state.life += 1;
    }

    /// The bytes of a file as its readers see them now; none when there is no such file.
    pub fn bytes(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        match state.names.get(path.as_ref()) {
            Some(Named::File(node)) => Some(state.nodes[*node].bytes.clone()),
            _ => None,
        }
    }

    /// All files with their bytes.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let file = |(path, named): (&PathBuf, &Named)| match named {
            Named::File(node) => Some((path.clone(), state.nodes[*node].bytes.clone())),
            Named::Folder => None,
        };
        state.names.iter().filter_map(file).collect()
    }

    /// Puts a durable file in place of whatever was there, as a hand from outside would.
    pub fn put(&self, path: impl AsRef<Path>, bytes: &[u8]) {
        let mut state = self.state();
        let node = Node { bytes: bytes.to_vec(), durable: bytes.to_vec(), lost: false };
        state.nodes.push(node);
        let named = Named::File(state.nodes.len() - 1);
        state.names.insert(path.as_ref().to_path_buf(), named);
        state.durable_names.insert(path.as_ref().to_path_buf(), named);
    }

    /// Takes a file away durably.
    pub fn take(&self, path: impl AsRef<Path>) {
        let mut state = self.state();
        state.names.remove(path.as_ref());
        state.durable_names.remove(path.as_ref());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the disk")
    }
}

impl State {
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % limit
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// Counts a step, and decides what becomes of it.
    fn begin(&mut self) -> io::Result<Outcome> {
        if self.dead {
            return Err(eio());
        }
        let step = self.step;
        self.step += 1;
        match self.armed {
            Some((at, fault)) if at == step => match fault {
                Fault::Crash => {
                    self.dead = true;
                    if self.chance(2) { Ok(Outcome::DoAndFail(eio())) } else { Err(eio()) }
                }
                Fault::Eio => Err(eio()),
                Fault::EioAfter => Ok(Outcome::DoAndFail(eio())),
                Fault::Enospc => Err(enospc()),
                Fault::ShortWrite => Ok(Outcome::DoHalf { report_all: false }),
                Fault::ForgedWrite => Ok(Outcome::DoHalf { report_all: true }),
            },
            _ => Ok(Outcome::Do),
        }
    }

    /// A step that is done or not done, with no half.
    fn whole(&mut self, done: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        match self.begin()? {
            Outcome::Do | Outcome::DoHalf { .. } => done(self),
            Outcome::DoAndFail(error) => done(self).and(Err(error)),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.names.get(path) {
            Some(Named::File(node)) => Ok(*node),
            Some(Named::Folder) => Err(io::ErrorKind::InvalidInput.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn sync_node(&mut self, node: usize) -> io::Result<()> {
        let lies = self.lies_on_sync;
        let outcome = self.begin();
        let node = &mut self.nodes[node];
        match outcome {
            Err(error) => {
                node.lost |= node.bytes != node.durable;
                Err(error)
            }
            Ok(outcome) => {
                if !lies && !node.lost {
                    node.durable = node.bytes.clone();
                }
                match outcome {
                    Outcome::DoAndFail(error) => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced.push(change);
    }
}

impl Disk for SimDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let mut created = 0;
        state.whole(|state| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if state.names.get(path.parent().expect("files lie in folders")) != Some(&Named::Folder)
            {
                return Err(io::ErrorKind::NotFound.into());
            }
            state.nodes.push(Node::default());
            created = state.nodes.len() - 1;
            state.change(NameChange::Added(path.to_path_buf(), Named::File(created)));
            Ok(())
        })?;
        let life = state.life;
        Ok(Box::new(SimFile { disk: self.clone(), node: created, life }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let mut state = self.state();
        let mut bytes = Vec::new();
        state.whole(|state| {
            bytes = state.nodes[state.file(path)?].bytes.clone();
            Ok(())
        })?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn read_back(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.open(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.file(path)?;
        state.sync_node(node)
    }

    fn rename_no_replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().whole(|state| {
            if state.names.contains_key(to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let named = Named::File(state.file(from)?);
            state.change(NameChange::Renamed(from.to_path_buf(), to.to_path_buf(), named));
            Ok(())
        })
    }

    fn rename_replacing(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().whole(|state| {
            let named = Named::File(state.file(from)?);
            state.change(NameChange::Renamed(from.to_path_buf(), to.to_path_buf(), named));
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.state().whole(|state| {
            if state.lies_on_sync {
                return Ok(());
            }
            let changes = std::mem::take(&mut state.unsynced);
            for change in changes {
                match change.folder() == dir {
                    true => change.apply(&mut state.durable_names),
                    false => state.unsynced.push(change),
                }
            }
            Ok(())
        })
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.state().whole(|state| match state.names.get(dir) {
            Some(Named::Folder) => Ok(()),
            Some(Named::File(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            None if !state.names.contains_key(dir.parent().expect("the root is there")) => {
                Err(io::ErrorKind::NotFound.into())
            }
            None => {
                state.change(NameChange::Added(dir.to_path_buf(), Named::Folder));
                Ok(())
            }
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().whole(|state| {
            state.file(path)?;
            state.change(NameChange::Removed(path.to_path_buf()));
            Ok(())
        })
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let mut state = self.state();
        state.whole(|_| Ok(()))?;
        Ok(state.names.contains_key(path))
    }

    fn list(&self, dir: &Path, limit: usize) -> io::Result<Vec<Listed>> {
        let mut state = self.state();
        state.whole(|state| match state.names.get(dir) {
            Some(Named::Folder) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        })?;
        let listed = state.names.iter().filter_map(|(path, named)| match named {
            Named::File(node) if path.parent() == Some(dir) => Some(Listed {
                name: path.file_name()?.to_str()?.to_owned(),
                bytes: state.nodes[*node].bytes.len() as u64,
                is_text: true,
            }),
            _ => None,
        });
        Ok(listed.take(limit).collect())
    }

    fn part_token(&self) -> String {
        let mut state = self.state();
        state.tokens += 1;
        format!("{}-{}", state.life, state.tokens)
    }
}

struct SimFile {
    disk: SimDisk,
    node: usize,
    life: u64,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.life == self.life { Ok(state) } else { Err(eio()) }
    }
}

impl Write for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state()?;
        let (taken, reported) = match state.begin()? {
            Outcome::Do => (bytes.len(), Ok(bytes.len())),
            Outcome::DoHalf { report_all: true } => (bytes.len() / 2, Ok(bytes.len())),
            Outcome::DoHalf { report_all: false } => {
                let half = bytes.len().div_ceil(2);
                (half, Ok(half))
            }
            Outcome::DoAndFail(error) => (bytes.len(), Err(error)),
        };
        state.nodes[self.node].bytes.extend_from_slice(&bytes[..taken]);
        reported
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn sync(&mut self) -> io::Result<()> {
        let node = self.node;
        self.state()?.sync_node(node)
    }
}
