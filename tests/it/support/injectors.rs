//! Makes happen to the program what happens to programs: system calls that fail, a process that is killed or
//! stopped in one of them, file systems that are full, read-only or without power, limits of a process.
//!
//! Reads: the real part that does it. Gives: how the program ended.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::small_office::{Ran, SmallOffice, text};

/// Of which file the system calls are meant.
#[derive(Clone, Copy)]
pub enum Of<'a> {
    /// The file or folder of this name.
    Name(&'a Path),
    /// The part under which a file of this name is written.
    PartOf(&'a Path),
}

/// So many parts a process can have written before the one that is meant.
const PARTS_MAX: u32 = 200;

/// `strace -e inject=…` of calls that concern one file. The program is the child itself, and has its exit
/// code; strace follows it.
pub struct Traced {
    trace: PathBuf,
    command: Command,
}

impl Traced {
    /// `inject` is of strace's form: `fsync:error=EIO`, `renameat2:signal=KILL`.
    pub fn new(
        strace: &str,
        office: &SmallOffice,
        of: Of,
        inject: &str,
        day: &str,
        arguments: &[&str],
    ) -> Traced {
        let trace = office.dir.with_extension("trace");
        let _ = fs::remove_file(&trace);
        let call = inject.split(':').next().expect("an injection names a call");
        // The shell's number becomes strace's and then the program's, so that the name of the part is known.
        let script = format!(
            "paths=(); for at in {{0..{PARTS_MAX}}}; do paths+=(-P \"$1.$$-$at.part\"); done\n\
             [ \"$2\" = name ] && paths=(-P \"$1\")\n\
             shift 2\n\
             exec {strace} -D -f -qq -o {} \"${{paths[@]}}\" -e trace={call} -e inject={inject} \"$@\"",
            text(&trace)
        );
        let (path, kind) = match of {
            Of::Name(path) => (path, "name"),
            Of::PartOf(path) => (path, "part"),
        };
        let mut command = Command::new("bash");
        command.args(["-c", &script, "bash", text(path), kind]);
        command.args(office.line(Some(day), arguments)).env_remove("RUST_BACKTRACE");
        Traced { trace, command }
    }

    /// Runs it to its end, and tells how often the call was met, as strace wrote it down.
    pub fn run(mut self) -> (Ran, Vec<String>) {
        let ran = Ran::of(&mut self.command);
        // strace may still be writing when its child has ended.
        let begun = Instant::now();
        let read = || fs::read_to_string(&self.trace).unwrap_or_default();
        while !read().contains('(') && begun.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        // A call that another thread was in when the program ended is no call that was met.
        let is_call = |line: &&str| line.contains('(') && !line.contains("<detached");
        let calls = read().lines().filter(is_call).map(str::to_owned).collect();
        (ran, calls)
    }

    /// Starts it, and waits until the call was met.
    pub fn start(mut self) -> Running {
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bash can be run");
        let running = Running { child: Some(child) };
        let begun = Instant::now();
        while !fs::read_to_string(&self.trace).unwrap_or_default().contains("SIGSTOP") {
            assert!(begun.elapsed() < Duration::from_secs(30), "the program was not stopped");
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }
}

/// A program that runs beside the test; ended with it.
pub struct Running {
    child: Option<Child>,
}

impl Running {
    pub fn of(command: &mut Command) -> Running {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: Some(command.spawn().expect("the program can be run")) }
    }

    pub fn signal(&self, name: &str) {
        let child = self.child.as_ref().expect("it runs until it is waited for");
        let number = child.id().to_string();
        system("bash", &["-c", "kill -\"$0\" \"$1\"", name, &number]);
    }

    pub fn ends(mut self) -> Ran {
        let child = self.child.take().expect("it runs until it is waited for");
        let output = child.wait_with_output().expect("it was started");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The program under a line of a shell that sets limits first: `ulimit -n 20`.
pub fn limited(office: &SmallOffice, limit: &str, day: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("{limit} && exec \"$@\""), "bash"]);
    Ran::of(command.args(office.line(Some(day), arguments)).env_remove("RUST_BACKTRACE"))
}

/// A file system of this test alone; taken away with it.
pub struct Mounted {
    pub at: PathBuf,
    /// Of a disk: the file that it lies in.
    image: Option<PathBuf>,
}

impl Mounted {
    /// In memory, of so many KiB.
    pub fn in_memory(at: &Path, kib: u64) -> Mounted {
        fs::create_dir_all(at).expect("the folder is ours");
        system("mount", &["-t", "tmpfs", "-o", &format!("size={kib}k"), "none", text(at)]);
        Mounted { at: at.to_owned(), image: None }
    }

    /// An ext4 on a disk of its own, of so many MiB.
    pub fn disk(mkfs: &str, at: &Path, mib: u64) -> Mounted {
        fs::create_dir_all(at).expect("the folder is ours");
        let image = at.with_extension("image");
        let file = fs::File::create(&image).expect("the folder is ours");
        file.set_len(mib << 20).expect("files may have holes");
        system(mkfs, &["-q", "-m", "0", text(&image)]);
        let mounted = Mounted { at: at.to_owned(), image: Some(image) };
        mounted.mount();
        mounted
    }

    /// Fills it but for so many KiB.
    pub fn fill(&self, left_kib: u64) {
        let mut file = fs::File::create(self.filler()).expect("the folder is ours");
        while file.write_all(&[0x5a; 1024]).is_ok() {}
        let bytes = file.metadata().expect("it is open").len();
        file.set_len(bytes.saturating_sub(left_kib << 10)).expect("files can be cut");
    }

    /// There is room again, and for good: a power cut does not bring back what filled it.
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).expect("it was filled");
        let folder = fs::File::open(&self.at).expect("it is mounted");
        folder.sync_all().expect("a folder can be synced");
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    fn mount(&self) {
        let image = self.image.as_ref().expect("only disks come again");
        system("mount", &["-o", "loop", text(image), text(&self.at)]);
    }

    /// `ro`, `rw`, `size=64k`.
    pub fn remount(&self, options: &str) {
        system("mount", &["-o", &format!("remount,{options}"), text(&self.at)]);
    }

    /// From now on nothing reaches the disk, and what had not reached it is lost: `FS_IOC_SHUTDOWN` without
    /// flushing the journal, the nearest to pulling the plug.
    pub fn cut_power(&self) {
        let script = "my $no_flush = pack('I', 2); open(my $f, '<', $ARGV[0]) or die; \
                      ioctl($f, 0x8004587d, $no_flush) or die $!";
        system("perl", &["-e", script, text(&self.at)]);
    }

    /// The power is back: only what was durable is there.
    pub fn power_returns(&self) {
        // Whoever had files open on it is ending.
        let begun = Instant::now();
        while !Ran::of(Command::new("umount").arg(&self.at)).status.success() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{} is in use", self.at.display());
            std::thread::sleep(Duration::from_millis(50));
        }
        self.mount();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", text(&self.at)]).status();
    }
}

/// Runs a command that must succeed.
#[track_caller]
pub fn system(program: &str, arguments: &[&str]) {
    let ran = Ran::of(Command::new(program).args(arguments));
    assert!(ran.status.success(), "{program} {arguments:?}: {}", ran.stderr);
}
