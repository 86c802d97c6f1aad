//! A PostgreSQL server of one test alone, which may be killed, and a line to it that loses what it is told to.
//!
//! Reads: the folder of PostgreSQL's programs. Gives: URLs of databases on it.

use std::fs;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::injectors::system;
use crate::support::small_office::{Ran, text};

/// How PostgreSQL's wire says that a transaction is to be committed, as sqlx does.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

pub struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    pub port: u16,
    process: u32,
    _folder: Option<TempDir>,
}

impl Cluster {
    /// A new server in a folder of its own.
    pub fn start(programs: &str) -> Cluster {
        // In memory where there is such a place: these servers lose no power, and syncs take their time.
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let folder = folder.expect("a folder for the server");
        let mut cluster = Cluster::in_folder(programs, folder.path());
        cluster._folder = Some(folder);
        cluster
    }

    /// A new server in a folder that was made for it, such as a disk that may fail.
    pub fn in_folder(programs: &str, folder: &Path) -> Cluster {
        let programs = PathBuf::from(programs);
        own(folder);
        let data = folder.join("data");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = port.expect("a port is free").port();
        let mut cluster = Cluster { programs, data, port, process: 0, _folder: None };
        cluster.run("initdb", &["--username=postgres", "--auth=trust", "--data-checksums"]);
        let config = cluster.data.join("postgresql.conf");
        let mut settings = fs::read_to_string(&config).expect("initdb wrote it");
        settings.push_str(&format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
             max_wal_size = '64MB'\nmin_wal_size = '32MB'\nshared_buffers = '16MB'\n"
        ));
        fs::write(&config, settings).expect("the folder is ours");
        cluster.up();
        cluster
    }

    /// Starts it, from whatever it was left in.
    pub fn up(&mut self) {
        let log = self.data.with_file_name("log");
        self.run("pg_ctl", &["start", "--wait", "--timeout=60", "--silent", "--log", text(&log)]);
        let written = fs::read_to_string(self.data.join("postmaster.pid")).expect("it is up");
        let process = written.lines().next().and_then(|line| line.parse().ok());
        self.process = process.expect("its number is the first line");
    }

    /// Ends it without a checkpoint, as a crash does, also when its disk can no longer be read.
    pub fn down(&self) {
        let process = self.process.to_string();
        let is_there = || {
            let asked = ["-c", "kill -0 \"$0\" 2>/dev/null", &process];
            Ran::of(Command::new("bash").args(asked)).status.success()
        };
        // It may have given up by itself.
        let _ =
            Command::new("bash").args(["-c", "kill -QUIT \"$0\" 2>/dev/null", &process]).status();
        let begun = Instant::now();
        while is_there() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = as_postgres(&program);
        command.args(arguments).arg("--pgdata").arg(&self.data);
        // A server that is started would keep a pipe of ours open.
        let null = || std::process::Stdio::null();
        let said = tempfile::NamedTempFile::new().expect("there is room for what it says");
        let stderr = said.reopen().expect("it was made a moment ago");
        let status = command.stdin(null()).stdout(null()).stderr(stderr).status();
        let told = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        assert!(
            status.expect("it can be run").success(),
            "{}: {arguments:?}\n{}\n{}",
            program.display(),
            told(said.path()),
            told(&self.data.with_file_name("log"))
        );
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the superuser, and gives what it says, one row a line.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(self.programs.join("psql"));
        command.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let ran = Ran::of(command.arg(self.url(database)));
        assert!(ran.status.success(), "{sql}: {}", ran.stderr);
        ran.stdout.trim().to_owned()
    }

    /// Waits until it takes connections again.
    pub fn answers(&self) {
        let ready = || {
            let mut command = Command::new(self.programs.join("pg_isready"));
            let ran =
                Ran::of(command.args(["-q", "-h", "127.0.0.1", "-p"]).arg(self.port.to_string()));
            ran.status.success()
        };
        let begun = Instant::now();
        while !ready() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not come back");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills the server process of a connection.
    pub fn kill_backend_of(&self, client_port: u16) {
        let asked = format!("select pid from pg_stat_activity where client_port = {client_port}");
        system("bash", &["-c", "kill -KILL \"$0\"", &self.sql("postgres", &asked)]);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut command = as_postgres(&self.programs.join("pg_ctl"));
        command.args(["stop", "--mode=immediate", "--silent", "--pgdata"]).arg(&self.data);
        let _ = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
    }
}

fn is_root() -> bool {
    Ran::of(Command::new("id").arg("-u")).stdout.trim() == "0"
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        }
        false => Command::new(program),
    };
    command.current_dir("/");
    command
}

fn own(folder: &Path) {
    if is_root() {
        system("chown", &["postgres", text(folder)]);
    }
}

/// What the line to the server does at the nth commit that it carries, counted from 1.
pub enum Loses {
    /// The commit arrives and is done; its reply does not come, and the line is cut.
    Reply,
    /// The line is cut before the commit arrives.
    Commit,
    /// The commit arrives and is done; from then on nothing is heard, and nothing is cut. What was said meanwhile
    /// is heard with `hears_again`.
    Voice,
    /// This is done, with the port of the connection to the server, before the commit goes on.
    Nothing(Box<dyn Fn(u16) + Send + Sync>),
}

struct Plan {
    at: u64,
    loses: Loses,
}

/// A line to a server. What passes is unchanged but for the one commit.
pub struct PostgresLine {
    pub port: u16,
    commits: Arc<AtomicU64>,
    plan: Arc<Mutex<Option<Arc<Plan>>>>,
    /// How often lines that had fallen silent were mended.
    mended: Arc<AtomicU64>,
}

impl PostgresLine {
    pub fn to(port: u16) -> PostgresLine {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let line = PostgresLine {
            port: listener.local_addr().expect("it is bound").port(),
            commits: Arc::default(),
            plan: Arc::default(),
            mended: Arc::default(),
        };
        let (commits, plan) = (line.commits.clone(), line.plan.clone());
        let mended = line.mended.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                    let _ = client.shutdown(Shutdown::Both);
                    continue;
                };
                let silent = Arc::new(AtomicBool::new(false));
                let cut = Arc::new(AtomicBool::new(false));
                let both = |stream: &TcpStream| stream.try_clone().expect("streams can be shared");
                let (commits, plan) = (commits.clone(), plan.clone());
                let (from, to) = (both(&client), both(&server));
                let (is_silent, is_cut) = (silent.clone(), cut.clone());
                std::thread::spawn(move || up(from, to, &commits, &plan, &is_silent, &is_cut));
                let mended = mended.clone();
                std::thread::spawn(move || down(server, client, &silent, &cut, &mended));
            }
        });
        line
    }

    /// From now on counts anew, and does this at the nth commit.
    pub fn will(&self, at: u64, loses: Loses) {
        self.commits.store(0, Ordering::SeqCst);
        *self.plan.lock().expect("no thread panics with it") = Some(Arc::new(Plan { at, loses }));
    }

    /// What was said on lines that have fallen silent is heard after all.
    pub fn hears_again(&self) {
        self.mended.fetch_add(1, Ordering::SeqCst);
    }

    /// How many commits were carried since.
    pub fn carried(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }
}

fn up(
    mut from: TcpStream,
    mut to: TcpStream,
    commits: &AtomicU64,
    plan: &Mutex<Option<Arc<Plan>>>,
    silent: &AtomicBool,
    cut: &AtomicBool,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let bytes = &buffer[..read];
        if bytes.windows(COMMIT.len()).any(|window| window == COMMIT) {
            let number = commits.fetch_add(1, Ordering::SeqCst) + 1;
            let plan = plan.lock().expect("no thread panics with it").clone();
            match plan.filter(|plan| plan.at == number).as_deref().map(|plan| &plan.loses) {
                None => {}
                Some(Loses::Commit) => {
                    let _ = from.shutdown(Shutdown::Both);
                    break;
                }
                Some(Loses::Reply) => cut.store(true, Ordering::SeqCst),
                Some(Loses::Voice) => silent.store(true, Ordering::SeqCst),
                Some(Loses::Nothing(done)) => {
                    done(to.local_addr().expect("it is connected").port());
                }
            }
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    if !silent.load(Ordering::SeqCst) {
        let _ = from.shutdown(Shutdown::Both);
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn down(
    mut from: TcpStream,
    mut to: TcpStream,
    silent: &AtomicBool,
    cut: &AtomicBool,
    mended: &AtomicU64,
) {
    let mended_before = mended.load(Ordering::SeqCst);
    let mut buffer = vec![0; 64 * 1024];
    let mut unheard = Vec::new();
    from.set_read_timeout(Some(Duration::from_millis(20))).expect("it is not zero");
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => 0,
            Err(_) => break,
        };
        // The server has answered, so the commit is done; only now the line may break.
        if read > 0 && cut.load(Ordering::SeqCst) {
            break;
        }
        unheard.extend_from_slice(&buffer[..read]);
        if silent.load(Ordering::SeqCst) && mended.load(Ordering::SeqCst) == mended_before {
            continue;
        }
        if to.write_all(&unheard).is_err() {
            break;
        }
        unheard.clear();
    }
    let is_silent = silent.load(Ordering::SeqCst) && mended.load(Ordering::SeqCst) == mended_before;
    if !is_silent {
        let _ = to.shutdown(Shutdown::Both);
    }
    let _ = from.shutdown(Shutdown::Both);
}
