//! PostgreSQL goes wrong under the program: replies are lost, the line is cut or falls silent, a server
//! process is killed, the power or the room on its disk is gone. On a server of the test's own.

use std::path::Path;
use std::sync::Arc;

use chitra::store::StoreError;
use chitra::store::database::Database as _;
use chitra::store::postgres::Postgres;

use crate::support::cluster::{Cluster, Loses, PostgresLine};
use crate::support::injectors::{Mounted, Running};
use crate::support::office::event_loop;
use crate::support::real_parts::{RealPart, real_part};
use crate::support::small_office::{CYCLE, SENT_ON, SmallOffice, TO_RELEASE, copy, text};

/// Offices over databases of one server, reached by a line that can be cut. Each is a copy of one that was
/// brought to a stage once.
struct Server {
    cluster: Arc<Cluster>,
    line: PostgresLine,
    folder: tempfile::TempDir,
}

impl Server {
    /// A server with one office on it, opened, in the database `model`.
    fn start(programs: &str) -> Server {
        let cluster = Arc::new(Cluster::start(programs));
        let line = PostgresLine::to(cluster.port);
        let folder = tempfile::tempdir().unwrap();
        let server = Server { cluster, line, folder };
        server.cluster.sql("postgres", "create database model");
        SmallOffice::over(&server.url("model"), &server.folder.path().join("model"));
        server
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.line.port)
    }

    fn office(&self, name: &str) -> SmallOffice {
        SmallOffice::found(&self.folder.path().join(name))
    }

    /// A copy of an office and its database.
    fn copied(&self, from: &str, name: &str) -> SmallOffice {
        self.cluster.sql("postgres", &format!("create database {name} template {from}"));
        let office = self.folder.path().join(name);
        copy(&self.folder.path().join(from), &office);
        let config = office.join("chitra.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let ends = |database: &str| format!("/{database}\"");
        assert!(text.contains(&ends(from)));
        std::fs::write(&config, text.replace(&ends(from), &ends(name))).unwrap();
        SmallOffice::found(&office)
    }

    /// The model, and an office that is released.
    fn released(&self) -> SmallOffice {
        let office = self.copied("model", "released");
        office.go_on_to_release();
        office
    }
}

const NEVER: u64 = u64::MAX;

/// The commits of a command at which something is done: all when they are few, some spread over them.
fn some_of(commits: u64, most: u64) -> impl Iterator<Item = u64> {
    let step = commits.div_ceil(most).max(1);
    (1..=commits).step_by(step as usize)
}

#[test]
fn a_commit_whose_reply_is_lost_is_read_and_not_repeated() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let server = Server::start(&programs);
    server.released();
    let mut number = 0;
    for (from, day, arguments, most) in [
        ("released", SENT_ON, &["dispatch", CYCLE][..], 5),
        ("model", TO_RELEASE[0].0, TO_RELEASE[0].1, 2),
    ] {
        let calm = server.copied(from, &format!("calm_{from}"));
        server.line.will(NEVER, Loses::Reply);
        calm.run(day, arguments).said();
        let commits = server.line.carried();
        assert!(commits > 3, "{arguments:?} commits {commits} times");
        for at in some_of(commits, most) {
            number += 1;
            let office = server.copied(from, &format!("office_{number}"));
            // Now the reply is lost, now the commit itself: the program cannot tell which.
            server.line.will(at, if number % 3 == 0 { Loses::Commit } else { Loses::Reply });
            let ran = office.run(day, arguments);
            assert_ne!(ran.code(), "killed", "commit {at} of {arguments:?}: {}", ran.stderr);
            server.line.will(NEVER, Loses::Reply);
            if from == "model" {
                office.go_on_to_release();
            }
            office.ends_as_undisturbed();
        }
    }
}

#[test]
fn a_server_process_that_dies_in_a_transaction_undoes_it_whole() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let server = Server::start(&programs);
    server.released();
    for (number, (from, day, arguments, at)) in [
        ("model", TO_RELEASE[0].0, TO_RELEASE[0].1, 2),
        ("released", SENT_ON, &["dispatch", CYCLE][..], 9),
    ]
    .into_iter()
    .enumerate()
    {
        let office = server.copied(from, &format!("office_{number}"));
        let cluster = server.cluster.clone();
        server.line.will(at, Loses::Nothing(Box::new(move |port| cluster.kill_backend_of(port))));
        let ran = office.run(day, arguments);
        assert_eq!(ran.code(), "B106", "{arguments:?}: {}", ran.stderr);
        server.line.will(NEVER, Loses::Reply);
        server.cluster.answers();
        office.go_on_to_release();
        office.ends_as_undisturbed();
    }
}

/// One host hears nothing of the database any more, in the middle of its work; another takes over when
/// the lease is over.
#[test]
fn who_hears_nothing_of_the_database_is_fenced() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let server = Server::start(&programs);
    server.released();
    let calm = server.copied("released", "calm");
    server.line.will(NEVER, Loses::Reply);
    calm.dispatch().said();
    let mut fenced = 0;
    for (number, at) in some_of(server.line.carried(), 3).enumerate() {
        let office = server.copied("released", &format!("office_{number}"));
        server.line.will(at, Loses::Voice);
        let deaf = Running::of(&mut office.command(Some(SENT_ON), &["dispatch", CYCLE]));
        let begun = std::time::Instant::now();
        while server.line.carried() < at && begun.elapsed().as_secs() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // The other host: the same folder by another way, so that it is another holder.
        let other = server.folder.path().join(format!("other_{number}"));
        std::os::unix::fs::symlink(&office.dir, &other).unwrap();
        let other = SmallOffice::found(&other);
        let told = other.run("2026-11-03", &["dispatch", CYCLE]).said();
        for file in told.as_array().unwrap() {
            assert_eq!(file["state"], "delivered", "{file}");
        }
        // What it was told reaches it at last: it finds nothing left to do, or that it lost its lease.
        server.line.hears_again();
        let ran = deaf.ends();
        match ran.code().as_str() {
            "D150" => fenced += 1,
            "done" => {}
            code => panic!("{at}: {code}: {}", ran.stderr),
        }
        office.ends_as_undisturbed();
    }
    assert!(fenced > 0, "nobody was in the middle of it");
}

/// A replica that took over without the last commits is a database older than the log.
#[test]
fn a_database_that_lags_behind_the_log_sends_nothing() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let server = Server::start(&programs);
    server.released();
    let office = server.copied("released", "office");
    server.cluster.sql("postgres", "create database lagging template office");
    office.dispatch().said();
    for (name, _) in office.inboxes() {
        std::fs::remove_file(office.dir.join("sandbox").join(name)).unwrap();
    }
    server.cluster.sql("postgres", "drop database office with (force)");
    server.cluster.sql("postgres", "alter database lagging rename to office");
    let ran = office.dispatch();
    assert_eq!(ran.code(), "G132", "{}", ran.stderr);
    assert!(office.inboxes().is_empty());
}

#[test]
fn sessions_that_the_server_ended_are_begun_anew() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let cluster = Cluster::start(&programs);
    let ends = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'chitra'";
    event_loop().block_on(async {
        let database = Postgres::open(&cluster.url("postgres")).await.unwrap();
        let begun = database.begin().await.unwrap();
        begun.commit().await.unwrap();
        for _ in 0..3 {
            assert_eq!(cluster.sql("postgres", ends), "2", "one that reads, one that writes");
            let rows = database.query("select cast(1 as bigint)", &[]).await.unwrap();
            assert_eq!(rows[0].int(0).unwrap(), 1);
            database.begin().await.unwrap().commit().await.unwrap();
        }
        // What only reads cannot write.
        let error = database.query("create table never (n bigint)", &[]).await.unwrap_err();
        assert!(matches!(error, StoreError::MustBeWritable { .. }), "{error}");
        // A mistake of ours is no loss of the connection.
        database.query("select nothing", &[]).await.unwrap_err();
        assert_eq!(cluster.sql("postgres", ends), "2");
    });
}

#[test]
fn a_server_that_would_forget_is_refused() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let server = Server::start(&programs);
    let office = server.office("model");
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        server.cluster.sql("postgres", &format!("alter system set {setting} = off"));
        server.cluster.sql("postgres", "select pg_reload_conf()");
        // Connections that are new have the setting as soon as the server has read it.
        let asked = format!("show {setting}");
        let begun = std::time::Instant::now();
        while server.cluster.sql("postgres", &asked) != "off" {
            assert!(begun.elapsed().as_secs() < 10, "{setting} stays on");
        }
        let ran = office.run(TO_RELEASE[0].0, TO_RELEASE[0].1);
        assert_eq!(ran.code(), "B104", "{setting}: {}", ran.stderr);
        assert!(ran.stderr.contains(setting), "{}", ran.stderr);
        server.cluster.sql("postgres", &format!("alter system reset {setting}"));
        server.cluster.sql("postgres", "select pg_reload_conf()");
        while server.cluster.sql("postgres", &asked) != "on" {
            assert!(begun.elapsed().as_secs() < 20, "{setting} stays off");
        }
    }
    office.go_on_to_release();
    office.ends_as_undisturbed();
}

/// The server's disk is full, then without power, then has rotten.
#[test]
fn a_servers_disk_may_be_full_or_lose_its_power() {
    let Some(programs) = real_part(RealPart::PostgresPrograms) else { return };
    let Some(mkfs) = real_part(RealPart::Mounts) else { return };
    // Directly below the folder of temporary files: the server's user must be able to enter it.
    let folder = tempfile::tempdir().unwrap();
    let place = std::env::temp_dir().join(format!("chitra-disk-{}", std::process::id()));
    let disk = Mounted::disk(&mkfs, &place, 200);
    let remains = Remains(place.clone());
    let mut cluster = Cluster::in_folder(&programs, &disk.at);
    let office = SmallOffice::over(&cluster.url("postgres"), &folder.path().join("office"));

    // Full: the step fails and is done when there is room.
    let (day, run) = TO_RELEASE[0];
    disk.fill(0);
    let ran = office.run(day, run);
    assert_eq!(ran.code(), "B106", "{}{}", ran.stdout, ran.stderr);
    disk.make_room();
    cluster.answers();

    // Without power after each step that was acknowledged.
    for (day, arguments) in TO_RELEASE.iter().chain(&[(SENT_ON, &["dispatch", CYCLE][..])]) {
        office.run(day, arguments).said();
        let said = office.run(day, &["cycle", "status", CYCLE]).said();
        disk.cut_power();
        cluster.down();
        disk.power_returns();
        cluster.up();
        let found = office.run(day, &["cycle", "status", CYCLE]).said();
        assert_eq!(found, said, "after {arguments:?}");
    }
    office.ends_as_undisturbed();

    // Rotten: the server's checksums tell, and nothing goes on.
    let table = cluster.sql("postgres", "select pg_relation_filepath('payable')");
    cluster.sql("postgres", "checkpoint");
    cluster.down();
    rot(&disk.at.join("data").join(table));
    cluster.up();
    let ran = office.run("2026-11-10", &["reissue", CYCLE]);
    assert_eq!(ran.code(), "B112", "{}{}", ran.stdout, ran.stderr);
    drop(cluster);
    drop(disk);
    drop(remains);
}

fn rot(table: &Path) {
    let mut bytes = std::fs::read(table).unwrap();
    for page in bytes.chunks_mut(8192) {
        page[4_000..8_000].iter_mut().for_each(|byte| *byte ^= 0x55);
    }
    std::fs::write(table, bytes).unwrap();
}

/// What a disk leaves behind when it is taken away.
struct Remains(std::path::PathBuf);

impl Drop for Remains {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
        let _ = std::fs::remove_file(Path::new(&format!("{}.image", text(&self.0))));
    }
}
