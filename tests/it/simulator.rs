//! The simulator: months of fifty to two hundred people in a world that goes wrong by a seed.
//!
//! The machine dies at commits, disk steps and sendings, comes up again and goes on; then the
//! promises are held against the providers' own books. Everything follows from the seed: there is no
//! clock and no other randomness, so that a failing seed is replayed with
//!
//! ```text
//! CHITRA_SIM_SEED=17 cargo test --test it simulator::promises_hold
//! CHITRA_SIM_SEEDS=1000 cargo test --test it simulator::promises_hold
//! ```
//!
//! A seed says which shape of run it is: one month or several, few people or many, with officers who
//! take back, move, stop, ask back, release, name heirs, enter orders of courts and decide on the way or without.
//!
//! A simulator that finds nothing may be blind, so careless copies of the office are put in its place,
//! and it must find them out.

mod asking_back;
mod courts;
mod database;
mod dice;
mod heirs;
mod line;
mod machine;
mod months;
mod operator;
mod promises;
mod queue;
mod race;
mod world;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Instant;

use chitra::engine::EngineError;
use chitra::store::StoreError;

use database::OnCommits;
use dice::Dice;
use line::{OnRecalls, OnTimeOut};
use machine::{Counts, Plan};
use months::{Months, Race, Stopped};
use operator::OnRequests;
use promises::{Entitled, Found, credited_again, examine};
use world::{CAREFUL, Manners, Shape, World};

/// How many seeds the suite runs; `CHITRA_SIM_SEEDS` says otherwise.
const SEEDS: u64 = 200;
/// What is lived through, by the seed; each has its own run without faults.
const SHAPES: [Shape; 10] = [
    shape(0, 50, 1, false),
    shape(1, 50, 3, true),
    shape(2, 50, 1, true),
    shape(3, 50, 2, true),
    shape(4, 200, 1, true),
    shape(5, 60, 2, true),
    shape(6, 50, 1, true),
    shape(7, 50, 1, false),
    shape(8, 60, 1, true),
    shape(9, 50, 1, true),
];

const fn shape(population: u64, people: u64, months: usize, officers_act: bool) -> Shape {
    Shape { population, people, months, officers_act }
}

/// A run that comes up more often than this does not come to its end.
const LIVES_MAX: u64 = 200;
/// A careless copy must be found out within so many seeds.
const SEEDS_TO_CATCH_MAX: u64 = 10;

/// One run that came to its end.
struct Run {
    found: Found,
    lives: u64,
    counts: Counts,
    injected: BTreeMap<&'static str, u64>,
    refused: Option<String>,
}

/// What a run does otherwise than the office that is tested.
#[derive(Clone, Copy)]
struct Variant {
    manners: Manners,
    race: Race,
    drops_one_live: bool,
    has_faults: bool,
}

const AS_BUILT: Variant =
    Variant { manners: CAREFUL, race: Race::None, drops_one_live: false, has_faults: true };

/// The run without faults of one shape: how much happens in it, and what comes out.
fn calm(shape: Shape) -> (Counts, Entitled) {
    static RUNS: LazyLock<Mutex<BTreeMap<Shape, (Counts, Entitled)>>> =
        LazyLock::new(Mutex::default);
    let mut runs = RUNS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let made = || {
        let variant = Variant { has_faults: false, ..AS_BUILT };
        let run = live(shape.population, shape, Plan::default(), variant)
            .unwrap_or_else(|error| panic!("{shape:?} without faults: {error}"));
        assert!(run.found.broken.is_empty(), "without faults: {:?}", run.found.broken);
        assert_eq!(run.lives, 1);
        (run.counts, run.found.entitled)
    };
    runs.entry(shape).or_insert_with(made).clone()
}

fn shape_of(seed: u64) -> Shape {
    SHAPES[seed as usize % SHAPES.len()]
}

/// Runs one seed, and compares it with the run without faults.
fn run(seed: u64, variant: Variant) -> Result<Run, String> {
    let shape = match variant.race {
        Race::None => shape_of(seed),
        _ => SHAPES[0],
    };
    let (counts, entitled) = calm(shape);
    let plan = match variant.has_faults {
        true => Plan::draw(&mut Dice::new(seed), counts),
        false => Plan::default(),
    };
    let mut run = live(seed, shape, plan, variant)?;
    if run.found.entitled != entitled {
        let told = format!(
            "faults changed what is owed or the files of the first list: {:?}, not {entitled:?}",
            run.found.entitled
        );
        run.found.broken.push(told);
    }
    match run.found.broken.is_empty() {
        true => Ok(run),
        false => Err(run.found.broken.join("; ")),
    }
}

/// Lives through the months, coming up again after every death.
fn live(seed: u64, shape: Shape, plan: Plan, variant: Variant) -> Result<Run, String> {
    let world = World::new(seed, shape, plan, variant.manners);
    let mut month = Months::new(shape, variant.race);
    let mut lives = 0;
    loop {
        lives += 1;
        if lives > LIVES_MAX {
            return Err("the months do not come to their end".to_owned());
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let stopped = runtime.block_on(one_life(&world, &mut month, variant));
        // Waits for whatever the life had running beside it.
        drop(runtime);
        match stopped {
            Ok(found) => {
                let (counts, injected) = (world.machine.counts(), world.machine.injected());
                return Ok(Run { found, lives, counts, injected, refused: month.refused });
            }
            Err(Stopped::Broken(what)) => return Err(after(&world, what)),
            Err(Stopped::Engine(error)) => {
                // A log whose write failed asks to be opened again, which is what happens now.
                let is_explained =
                    world.machine.excuses() || world.machine.is_dead() || error.code() == "T512";
                if !is_explained {
                    let what = format!("no fault explains {}: {error}", error.code());
                    return Err(after(&world, what));
                }
            }
        }
        world.machine.start();
    }
}

/// Why a run stopped, and what harm was done by then.
fn after(world: &World, what: String) -> String {
    std::iter::once(what).chain(credited_again(world)).collect::<Vec<_>>().join("; ")
}

/// From opening the office to its end or its death. After an error the same process tries once more,
/// as a service would, before it is started again.
async fn one_life(world: &World, month: &mut Months, variant: Variant) -> Result<Found, Stopped> {
    let database = world.database().await?;
    let done = async {
        let engine = world.office(database.clone()).await?;
        if variant.drops_one_live {
            let mut tx = database.begin().await.map_err(EngineError::from)?;
            tx.script("drop index if exists one_live").await.map_err(EngineError::from)?;
            tx.commit().await.map_err(EngineError::from)?;
        }
        match month.live(world, &engine, &database).await {
            Err(Stopped::Engine(_)) if !world.machine.is_dead() && world.machine.excuses() => {
                month.live(world, &engine, &database).await?;
            }
            done => done?,
        }
        world.machine.excuses();
        let examined = examine(world, &engine, month.count()).await;
        // A disk that failed while it was looked says nothing about what lies there.
        let is_whole = examined.as_ref().is_ok_and(|found| found.broken.is_empty());
        match !is_whole && world.machine.excuses() {
            true if world.machine.is_dead() => Err(Stopped::Engine(StoreError::Injected.into())),
            true => examine(world, &engine, month.count()).await.map_err(Stopped::Broken),
            false => examined.map_err(Stopped::Broken),
        }
    }
    .await;
    database.close().await;
    done
}

#[test]
fn promises_hold_in_a_month() {
    promises_hold(|shape| shape.months == 1 && shape.people < 100);
}

#[test]
fn promises_hold_over_months() {
    promises_hold(|shape| shape.months > 1);
}

#[test]
fn promises_hold_for_two_hundred_people() {
    promises_hold(|shape| shape.people >= 100);
}

/// Runs the seeds whose shape is meant.
fn promises_hold(is_meant: fn(&Shape) -> bool) {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} must be a number, not {text}")))
    };
    let from = number("CHITRA_SIM_FROM").unwrap_or(0);
    let seeds = match number("CHITRA_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("CHITRA_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let seeds: Vec<u64> = seeds.filter(|seed| is_meant(&shape_of(*seed))).collect();
    let begun = Instant::now();
    let mut injected: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut payables: BTreeMap<String, i64> = BTreeMap::new();
    let mut recalls: BTreeMap<String, i64> = BTreeMap::new();
    let (mut lives, mut lists, mut to_heirs, mut for_courts) = (0, 0, 0, 0);
    let mut failed = Vec::new();
    for (seed, ran) in run_all(&seeds, AS_BUILT) {
        match ran {
            Ok(run) => {
                lives += run.lives;
                lists += run.found.lists;
                to_heirs += run.found.to_heirs;
                for_courts += run.found.for_courts;
                for (kind, times) in run.injected {
                    *injected.entry(kind).or_default() += times;
                }
                for (state, count) in run.found.payables {
                    *payables.entry(state).or_default() += count;
                }
                for (state, count) in run.found.recalls {
                    *recalls.entry(state).or_default() += count;
                }
            }
            Err(what) => failed.push(format!(
                "seed {seed}: {what}\n  replay: CHITRA_SIM_SEED={seed} cargo test --test it simulator::promises_hold"
            )),
        }
    }
    println!(
        "{} seeds in {:.1} s, {lives} lives, {lists} lists; injected {injected:?}; payables {payables:?}; recalls {recalls:?}; paid to heirs {to_heirs}; kept for courts {for_courts}",
        seeds.len(),
        begun.elapsed().as_secs_f32()
    );
    assert!(
        failed.is_empty(),
        "{} of {} seeds failed:\n{}",
        failed.len(),
        seeds.len(),
        failed.join("\n")
    );
}

/// The cores on which this process may run; none where that is not told.
fn cores() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    if let Ok(may) = rustix::thread::sched_getaffinity(None) {
        return (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| may.is_set(*core)).collect();
    }
    Vec::new()
}

/// Keeps this thread, and those that it begins, on one core: those of a run wait for each other in turn, and
/// nearly half of its time went into waking one on another core.
fn stay_on(core: usize) {
    #[cfg(target_os = "linux")]
    {
        let mut only = rustix::thread::CpuSet::new();
        only.set(core);
        // A machine that does not allow it is slower, and nothing else.
        let _ = rustix::thread::sched_setaffinity(None, &only);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}

/// Runs seeds on every core, and gives what became of each, in their order.
fn run_all(seeds: &[u64], variant: Variant) -> Vec<(u64, Result<Run, String>)> {
    let next = AtomicUsize::new(0);
    let ran = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let cores = cores();
    std::thread::scope(|scope| {
        for number in 0..threads {
            let core = cores.get(number % cores.len().max(1)).copied();
            let (next, ran) = (&next, &ran);
            scope.spawn(move || {
                if let Some(core) = core {
                    stay_on(core);
                }
                let more = || seeds.get(next.fetch_add(1, Ordering::Relaxed));
                while let Some(&seed) = more() {
                    let one = (seed, run(seed, variant));
                    ran.lock().expect("no thread panics while it holds the list").push(one);
                }
            });
        }
    });
    let mut ran = ran.into_inner().expect("no thread panics while it holds the list");
    ran.sort_by_key(|(seed, _)| *seed);
    ran
}

/// Expects that a careless copy of the office is found out, and for the right reason.
#[track_caller]
fn check_caught(sentence: &str, variant: Variant, reasons: &[&str]) {
    let mut otherwise = Vec::new();
    for seed in 0..SEEDS_TO_CATCH_MAX {
        match run(seed, variant) {
            Err(what) if reasons.iter().any(|reason| what.contains(reason)) => {
                println!(
                    "{sentence}: caught after {} seeds (stopped otherwise before: {otherwise:?}): {what}",
                    seed + 1
                );
                return;
            }
            Err(what) => otherwise.push((seed, what)),
            Ok(_) => {}
        }
    }
    panic!(
        "{sentence}: not caught in {SEEDS_TO_CATCH_MAX} seeds; otherwise stopped: {otherwise:?}"
    );
}

/// Expects that what is careless here does no harm, because something else guards.
#[track_caller]
fn check_harmless(sentence: &str, seeds: u64, variant: Variant) -> Vec<Run> {
    let mut runs = Vec::new();
    for seed in 0..seeds {
        match run(seed, variant) {
            Ok(run) => runs.push(run),
            Err(what) => panic!("{sentence}: seed {seed}: {what}"),
        }
    }
    runs
}

#[test]
fn two_processes_that_order_again_are_found_out_without_the_one_live_index() {
    let race = Variant { has_faults: false, race: Race::AsBuilt, ..AS_BUILT };
    // The engine has other guards before this one: with all of them the index may even be missing.
    for drops_one_live in [false, true] {
        for run in check_harmless("as built", 1, Variant { drops_one_live, ..race }) {
            assert!(run.refused.is_some(), "the second process was not refused");
        }
    }
    let unguarded = Variant { race: Race::WithoutOtherGuards, ..race };
    for run in check_harmless("the index alone", 1, unguarded) {
        let refused = run.refused.expect("the index refuses the second order");
        // Shard and payable are the index's columns; the primary key has the attempt as well.
        assert!(refused.ends_with("instruction.payable_no"), "{refused}");
    }
    let bare = Variant { drops_one_live: true, ..unguarded };
    check_caught("without the one-live index", bare, &["was credited 2 times"]);
}

#[test]
fn sending_again_on_a_time_out_is_found_out() {
    let manners = |on_time_out| Variant { manners: Manners { on_time_out, ..CAREFUL }, ..AS_BUILT };
    // Under the same name it is harmless: the provider's folder tells that the file is there.
    // What the partner answers before that contradicts what we hold, and halts the partner: also
    // a way in which nobody is paid twice.
    for seed in 0..2 {
        if let Err(what) = run(seed, manners(OnTimeOut::SayNotDelivered)) {
            let what = what.to_string();
            assert!(what.contains("never left"), "the same name again: seed {seed}: {what}");
        }
    }
    check_caught(
        "a new name on a time-out",
        manners(OnTimeOut::SendUnderANewName),
        &["was credited 2 times"],
    );
}

#[test]
fn a_database_that_forgets_what_it_acknowledged_is_found_out() {
    let manners = Manners { on_commits: OnCommits::ForgetInAPowerCut, ..CAREFUL };
    // What left is not in the database, and is in the log: nothing is sent any more.
    check_caught(
        "commits that are not synced",
        Variant { manners, ..AS_BUILT },
        &["no fault explains G132"],
    );
}

#[test]
fn silence_to_a_request_that_is_taken_for_not_sent_is_found_out() {
    let manners = Manners { on_requests: OnRequests::TakeSilenceForNotSent, ..CAREFUL };
    check_caught(
        "silence for not sent",
        Variant { manners, ..AS_BUILT },
        &["was credited 2 times"],
    );
}

#[test]
fn a_file_that_is_not_synced_before_its_name_is_found_out() {
    let manners = Manners { syncs_inboxes: false, ..CAREFUL };
    check_caught(
        "no sync before the rename",
        Variant { manners, ..AS_BUILT },
        &["with other bytes than approved", "and is not there", "as a whole"],
    );
}

#[test]
fn a_request_that_is_sent_again_under_another_name_is_found_out() {
    let manners = Manners { on_recalls: OnRecalls::SendAgainUnderANewName, ..CAREFUL };
    check_caught(
        "a request under a second name",
        Variant { manners, ..AS_BUILT },
        &["had one content under 2 names"],
    );
}

#[test]
fn an_agreement_that_is_taken_for_the_money_is_found_out() {
    let manners = Manners { on_recalls: OnRecalls::TakeTheWordForTheMoney, ..CAREFUL };
    check_caught(
        "a word for the money",
        Variant { manners, ..AS_BUILT },
        &["is said to be back, and the payee has the money"],
    );
}

#[test]
fn a_seed_is_the_same_run_again() {
    let told =
        |run: Run| (run.lives, run.counts, run.injected, run.found.payables, run.found.lists);
    let again = || told(run(1, AS_BUILT).unwrap_or_else(|what| panic!("seed 1: {what}")));
    assert_eq!(again(), again());
}
