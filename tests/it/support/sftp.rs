//! SFTP servers for tests: OpenSSH's own on a port of its own, a connection to it that can be cut or
//! held, and a server that breaks the protocol's promises in one chosen way.
//!
//! Reads: nothing but the path of `sshd`. Gives: sites to open channels to, and what lies behind them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chitra::channels::sftp::{HostKey, Site, Times};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode, Version,
};
use tempfile::TempDir;

/// A key for a server or a user, written as OpenSSH does.
pub fn new_key(path: &Path) -> PrivateKey {
    let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
    fs::write(path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    key
}

pub fn public_line(key: &PrivateKey) -> String {
    key.public_key().to_openssh().unwrap()
}

pub fn times(seconds: u64) -> Times {
    let one = Duration::from_secs(seconds);
    Times { connect: one, answer: one, whole: Duration::from_secs(seconds * 3) }
}

/// An OpenSSH server of this test alone.
pub struct Sshd {
    pub folder: TempDir,
    pub port: u16,
    pub host_key: String,
    pub user: String,
    child: Child,
}

impl Sshd {
    /// Starts a server whose three folders are `inbox`, `outbox` and `taken` below its own.
    pub fn start(program: &str) -> Sshd {
        Sshd::start_by(|config| {
            let mut command = Command::new(program);
            command.args(["-D", "-e", "-f"]).arg(config);
            command
        })
    }

    /// A server that cannot write a file longer than `kib` KiB.
    pub fn with_a_full_disk(program: &str, kib: u32) -> Sshd {
        Sshd::start_by(|config| {
            let mut command = Command::new("bash");
            let run = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" -D -e -f \"$1\"");
            command.args(["-c", &run, program]).arg(config);
            command
        })
    }

    fn start_by(command: impl Fn(&Path) -> Command) -> Sshd {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["inbox", "outbox", "taken"] {
            fs::create_dir(path(name)).unwrap();
        }
        let host_key = public_line(&new_key(&path("host")));
        fs::write(path("authorized"), public_line(&new_key(&path("user")))).unwrap();
        // Where it separates privileges, and only there, it wants this folder.
        let _ = fs::create_dir_all("/run/sshd");
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        for _ in 0..8 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {authorized}\n\
                 PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\nLogLevel ERROR\n\
                 MaxStartups 100\n",
                host = path("host").display(),
                authorized = path("authorized").display(),
            );
            fs::write(path("config"), config).unwrap();
            let log = fs::File::create(path("log")).unwrap();
            let mut child = command(&path("config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(20) {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Sshd { folder, port, host_key, user, child };
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("sshd does not start: {}", fs::read_to_string(path("log")).unwrap());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn site(&self) -> Site {
        let folder = |name: &str| self.path(name).display().to_string();
        Site {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: self.user.clone(),
            key_file: self.path("user"),
            host_key: HostKey::parse(&self.host_key).unwrap(),
            inbox: folder("inbox"),
            outbox: folder("outbox"),
            taken: folder("taken"),
            times: times(20),
        }
    }

    /// Everything that lies in a folder, by name.
    pub fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How much passes a connection in each direction before something happens to it.
#[derive(Clone, Copy)]
pub struct Passes {
    pub to_server: u64,
    pub to_client: u64,
    /// Held open in silence, instead of cut.
    pub then_silence: bool,
}

impl Passes {
    pub const ALL: Passes =
        Passes { to_server: u64::MAX, to_client: u64::MAX, then_silence: false };
}

/// A connection in the way, which counts what passes.
pub struct Line {
    pub port: u16,
    passes: Arc<Mutex<Passes>>,
    to_server: Arc<AtomicU64>,
    to_client: Arc<AtomicU64>,
}

impl Line {
    pub fn to(port: u16) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Line {
            port: listener.local_addr().unwrap().port(),
            passes: Arc::new(Mutex::new(Passes::ALL)),
            to_server: Arc::default(),
            to_client: Arc::default(),
        };
        let passes = line.passes.clone();
        let (up, down) = (line.to_server.clone(), line.to_client.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let passes = *passes.lock().unwrap();
                let ends = [(&client, &server), (&server, &client)];
                let [(a, b), (c, d)] =
                    ends.map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()));
                let (up, down) = (up.clone(), down.clone());
                up.store(0, Ordering::SeqCst);
                down.store(0, Ordering::SeqCst);
                std::thread::spawn(move || carry(a, b, passes.to_server, passes.then_silence, &up));
                std::thread::spawn(move || {
                    carry(c, d, passes.to_client, passes.then_silence, &down);
                });
            }
        });
        line
    }

    pub fn lets_pass(&self, passes: Passes) {
        *self.passes.lock().unwrap() = passes;
    }

    /// What passed on the last connection, to the server and to the client.
    pub fn passed(&self) -> (u64, u64) {
        (self.to_server.load(Ordering::SeqCst), self.to_client.load(Ordering::SeqCst))
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, limit: u64, then_silence: bool, sum: &AtomicU64) {
    let mut buffer = [0; 4096];
    let mut left = limit;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) if read > 0 => read,
            _ => break,
        };
        let pass = (read as u64).min(left);
        left -= pass;
        sum.fetch_add(pass, Ordering::SeqCst);
        if to.write_all(&buffer[..pass as usize]).is_err() {
            break;
        }
        if left == 0 {
            if then_silence {
                std::thread::sleep(Duration::from_secs(60));
            }
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The one promise that a false server breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breaks {
    Nothing,
    /// The rename is done and never answered.
    AnswerOfRename,
    /// The rename is answered with success, and the file is nowhere.
    RenameLoses,
    /// The rename is answered with success, and the file has other bytes.
    RenameChanges,
    /// What is written is acknowledged, and other bytes are kept.
    WriteChanges,
    /// Folders list names that lead elsewhere.
    ListsHostileNames,
    /// Folders list a hundred thousand entries.
    ListsWithoutEnd,
    /// Every answer comes, each after the same short while.
    Drips,
}

/// A server in this process, with files in memory.
pub struct FalseServer {
    pub site: Site,
    pub files: Files,
    _folder: TempDir,
}

type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub const HOSTILE: [&str; 6] =
    ["../../etc/passwd", "/etc/shadow", "a\u{1b}[2Jb.csv", "c:\\x", "..", "ok.csv"];

impl FalseServer {
    pub fn start(breaks: Breaks) -> FalseServer {
        let folder = tempfile::tempdir().unwrap();
        let host = new_key(&folder.path().join("host"));
        new_key(&folder.path().join("user"));
        let files: Files = Arc::default();
        let host_key = HostKey::parse(&public_line(&host)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = files.clone();
        std::thread::spawn(move || {
            let runtime = crate::support::office::event_loop();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let config = russh::server::Config { keys: vec![host], ..Default::default() };
                let config = Arc::new(config);
                loop {
                    let (socket, _) = listener.accept().await.unwrap();
                    let door = Door { breaks, files: serving.clone(), channel: None };
                    let config = config.clone();
                    tokio::spawn(async move {
                        if let Ok(running) = russh::server::run_stream(config, socket, door).await {
                            let _ = running.await;
                        }
                    });
                }
            });
        });
        let site = Site {
            host: "127.0.0.1".to_owned(),
            port,
            user: "chitra".to_owned(),
            key_file: folder.path().join("user"),
            host_key,
            inbox: "/inbox".to_owned(),
            outbox: "/outbox".to_owned(),
            taken: "/taken".to_owned(),
            times: times(2),
        };
        FalseServer { site, files, _folder: folder }
    }
}

struct Door {
    breaks: Breaks,
    files: Files,
    channel: Option<russh::Channel<russh::server::Msg>>,
}

impl russh::server::Handler for Door {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: russh::server::VerifiedPublicKey<'_>,
    ) -> Result<russh::server::Auth, russh::Error> {
        Ok(russh::server::Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: russh::Channel<russh::server::Msg>,
        reply: russh::server::ChannelOpenHandle,
        _: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: russh::ChannelId,
        _: &str,
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)?;
        let channel = self.channel.take().expect("a session was opened");
        let shelf = Shelf { breaks: self.breaks, files: self.files.clone(), listed: 0 };
        russh_sftp::server::run(channel.into_stream(), shelf).await;
        Ok(())
    }
}

struct Shelf {
    breaks: Breaks,
    files: Files,
    listed: usize,
}

fn done(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: String::new(),
        language_tag: String::new(),
    }
}

fn file_of(bytes: usize) -> FileAttributes {
    FileAttributes {
        size: Some(bytes as u64),
        permissions: Some(0o100_644),
        ..FileAttributes::empty()
    }
}

impl Shelf {
    fn attrs(&self, path: &str) -> Result<FileAttributes, StatusCode> {
        if ["/inbox", "/outbox", "/taken"].contains(&path) {
            return Ok(FileAttributes { permissions: Some(0o040_755), ..FileAttributes::empty() });
        }
        let files = self.files.lock().unwrap();
        files.get(path).map(|bytes| file_of(bytes.len())).ok_or(StatusCode::NoSuchFile)
    }

    async fn dawdles(&self) {
        if self.breaks == Breaks::Drips {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }
}

impl russh_sftp::server::Handler for Shelf {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(
        &mut self,
        _: u32,
        _: std::collections::HashMap<String, String>,
    ) -> Result<Version, StatusCode> {
        Ok(Version::new())
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        self.dawdles().await;
        let mut files = self.files.lock().unwrap();
        match (flags.contains(OpenFlags::CREATE), files.contains_key(&filename)) {
            (true, true) => return Err(StatusCode::Failure),
            (true, false) => drop(files.insert(filename.clone(), Vec::new())),
            (false, true) => {}
            (false, false) => return Err(StatusCode::NoSuchFile),
        }
        Ok(Handle { id, handle: filename })
    }

    async fn close(&mut self, id: u32, _: String) -> Result<Status, StatusCode> {
        self.dawdles().await;
        Ok(done(id))
    }

    async fn read(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        len: u32,
    ) -> Result<Data, StatusCode> {
        self.dawdles().await;
        let files = self.files.lock().unwrap();
        let bytes = files.get(&handle).ok_or(StatusCode::NoSuchFile)?;
        let from = (offset as usize).min(bytes.len());
        let to = (from + len as usize).min(bytes.len());
        match from == to {
            true => Err(StatusCode::Eof),
            false => Ok(Data { id, data: bytes[from..to].to_vec() }),
        }
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        offset: u64,
        mut data: Vec<u8>,
    ) -> Result<Status, StatusCode> {
        self.dawdles().await;
        if self.breaks == Breaks::WriteChanges {
            data.fill(0);
        }
        let mut files = self.files.lock().unwrap();
        let bytes = files.get_mut(&handle).ok_or(StatusCode::NoSuchFile)?;
        let end = offset as usize + data.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[offset as usize..end].copy_from_slice(&data);
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        self.dawdles().await;
        Ok(Attrs { id, attrs: self.attrs(&path)? })
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: self.attrs(&path)? })
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        self.listed = 0;
        Ok(Handle { id, handle: path })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Result<Name, StatusCode> {
        let page = self.listed;
        self.listed += 1;
        let names: Vec<String> = match (self.breaks, page) {
            (Breaks::ListsWithoutEnd, 0..1000) => {
                (0..100).map(|at| format!("{page}-{at}.csv")).collect()
            }
            (Breaks::ListsHostileNames, 0) => HOSTILE.map(str::to_owned).to_vec(),
            (_, 0) => {
                let files = self.files.lock().unwrap();
                let begin = format!("{handle}/");
                files
                    .keys()
                    .filter_map(|path| path.strip_prefix(&begin))
                    .map(str::to_owned)
                    .collect()
            }
            _ => return Err(StatusCode::Eof),
        };
        let files = names.into_iter().map(|name| File::new(name, file_of(1))).collect();
        Ok(Name { id, files })
    }

    async fn remove(&mut self, id: u32, filename: String) -> Result<Status, StatusCode> {
        let removed = self.files.lock().unwrap().remove(&filename);
        removed.map(|_| done(id)).ok_or(StatusCode::NoSuchFile)
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, StatusCode> {
        {
            let mut files = self.files.lock().unwrap();
            if files.contains_key(&to) {
                return Err(StatusCode::Failure);
            }
            let mut bytes = files.remove(&from).ok_or(StatusCode::NoSuchFile)?;
            if self.breaks == Breaks::RenameChanges {
                bytes.push(b'!');
            }
            if self.breaks != Breaks::RenameLoses {
                files.insert(to, bytes);
            }
        }
        if self.breaks == Breaks::AnswerOfRename {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        Ok(done(id))
    }
}
