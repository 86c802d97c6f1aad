//! Lives through a month: every step looks first at what is done, so that a run that was cut off goes
//! on where the office's own state says.

use std::sync::Arc;

use chitra::domain::batch::BatchState;
use chitra::domain::cycle::{Cycle, CycleKind, CycleState};
use chitra::domain::ids::ListNo;
use chitra::domain::list::{ListState, Role};
use chitra::engine::cycle::Opening;
use chitra::engine::{Engine, EngineError};
use chitra::store::Database;
use jiff::civil::{Date, date};

use super::race::race;
use super::world::{World, officer_key, period};

const IMPORTED_ON: Date = date(2026, 10, 20);
const SEALED_ON: Date = date(2026, 10, 22);
const APPROVED_ON: Date = date(2026, 10, 23);
const SENT_ON: Date = date(2026, 11, 2);
const VALUE_DATE: Date = date(2026, 11, 3);
const REISSUED_ON: [Date; 2] = [date(2026, 11, 9), date(2026, 11, 18)];
/// After the last file's answers are overdue, also when it was sent some days late.
const CLOSED_ON: Date = date(2026, 12, 22);

const MAKER: &str = "lan";
const APPROVERS: [&str; 2] = ["minh", "hoa"];

/// Why a run stopped before its end.
#[derive(Debug)]
pub enum Stopped {
    /// The engine gave up; it may be the fault that was injected.
    Engine(EngineError),
    /// A promise is broken already.
    Broken(String),
}

impl From<EngineError> for Stopped {
    fn from(error: EngineError) -> Stopped {
        Stopped::Engine(error)
    }
}

/// Two processes that order again from one read state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Race {
    /// Nobody else reissues.
    None,
    /// The second process is the engine as it is.
    AsBuilt,
    /// The second process lacks every other guard: its lists, files and attempts have numbers of their
    /// own, and it does not look whether a payable is still as it was read.
    WithoutOtherGuards,
}

/// The officers' calendar. It is theirs, not the office's: no crash takes it.
pub struct Month {
    day: Date,
    race: Race,
    /// How the second process of the race was refused, if it was.
    pub refused: Option<String>,
}

impl Month {
    pub fn new(race: Race) -> Month {
        Month { day: IMPORTED_ON, race, refused: None }
    }

    /// Goes on until the month is closed.
    pub async fn live(
        &mut self,
        world: &World,
        engine: &Engine,
        database: &Arc<dyn Database>,
    ) -> Result<(), Stopped> {
        world.set_day(self.day);
        if self.day == IMPORTED_ON {
            self.begin(world, engine).await?;
            self.day = SEALED_ON;
        }
        if self.day == SEALED_ON {
            world.set_day(self.day);
            self.seal(engine).await?;
            self.day = APPROVED_ON;
        }
        if self.day == APPROVED_ON {
            world.set_day(self.day);
            let month = engine.cycle_find(&period().to_string()).await?;
            sign_and_release(engine, &month, ListNo(0)).await?;
            self.day = SENT_ON;
        }
        while self.day <= CLOSED_ON {
            world.set_day(self.day);
            self.live_day(world, engine, database).await?;
            if self.day == CLOSED_ON {
                break;
            }
            self.day = self.next_day(world, engine).await?;
        }
        let month = engine.cycle_find(&period().to_string()).await?;
        if month.state != CycleState::Closed {
            engine.close(&month, MAKER, &officer_key(MAKER)).await?;
        }
        engine.sequence().await?;
        Ok(())
    }

    async fn begin(&self, world: &World, engine: &Engine) -> Result<(), Stopped> {
        let known = engine.store.officers().await.map_err(EngineError::from)?;
        let wanted = [
            (MAKER, Role::Officer),
            (APPROVERS[0], Role::Approver),
            (APPROVERS[1], Role::Approver),
        ];
        for (name, role) in wanted {
            if !known.iter().any(|officer| officer.name == name) {
                let public = officer_key(name).public().to_string();
                engine.officer_enrol(name, role, &public).await?;
            }
        }
        let input = world.dir().join("input");
        let register = engine.identity_import(&input.join("identity.csv"), period(), MAKER).await;
        already_there(register.map(|_| ()), "I120")?;
        let roster = engine.roster_import(&input.join("roster.csv"), period(), MAKER).await;
        already_there(roster.map(|_| ()), "I120")?;
        Ok(())
    }

    async fn seal(&self, engine: &Engine) -> Result<(), Stopped> {
        let mut month = match engine.cycle_find(&period().to_string()).await {
            Ok(month) => month,
            Err(error) if error.code() == "C103" => {
                engine
                    .cycle_open(
                        Opening {
                            period: period(),
                            kind: CycleKind::Regular,
                            law_known_at: None,
                            value_date: VALUE_DATE,
                            by: MAKER.to_owned(),
                        },
                        &officer_key(MAKER),
                    )
                    .await?
            }
            Err(error) => return Err(error.into()),
        };
        if month.state == CycleState::Open {
            month = engine.compute(&month).await?;
            month = engine.assemble(&month).await?;
        }
        if month.state == CycleState::Computed {
            engine.seal(&month).await?;
        }
        engine.sequence().await?;
        Ok(())
    }

    async fn live_day(
        &mut self,
        world: &World,
        engine: &Engine,
        database: &Arc<dyn Database>,
    ) -> Result<(), Stopped> {
        let month = engine.cycle_find(&period().to_string()).await?;
        if month.state == CycleState::Closed {
            return Ok(());
        }
        let planned = REISSUED_ON.iter().filter(|planned| **planned <= self.day).count();
        let lists = engine.store.lists(month.number).await.map_err(EngineError::from)?;
        if REISSUED_ON.contains(&self.day) && lists.len() <= planned {
            if self.race != Race::None && planned == 1 {
                self.refused = race(world, engine, database, &month, self.race).await?;
            } else {
                engine.reissue(&month).await?;
            }
        }
        for list in engine.store.lists(month.number).await.map_err(EngineError::from)? {
            if list.state != ListState::Released {
                let month = engine.cycle_find(&period().to_string()).await?;
                sign_and_release(engine, &month, list.number).await?;
            }
        }
        engine.dispatch(None).await?;
        if world.machine.is_dead() {
            return Err(Stopped::Engine(EngineError::Inconsistent(
                "the machine is off".to_owned(),
            )));
        }
        let ticked = world.sandbox.tick(self.day).map_err(|error| {
            Stopped::Broken(format!("the sandbox cannot live through {}: {error}", self.day))
        })?;
        if let Some(file) = ticked.refused.first() {
            let told = format!("{} refuses the file {} as a whole", file.provider, file.name);
            return Err(Stopped::Broken(told));
        }
        for answer in engine.collect_all().await? {
            if let Err((name, error)) = answer {
                // A disk or a line that failed says nothing about the answer: it is collected again.
                if matches!(error, EngineError::Collect(_)) {
                    return Err(Stopped::Engine(error));
                }
                return Err(Stopped::Broken(format!("the answer {name} is refused: {error}")));
            }
        }
        let halts = engine.store.halts().await.map_err(EngineError::from)?;
        match halts.first() {
            Some(halt) => Err(Stopped::Broken(format!("{} is halted: {}", halt.scope, halt.cause))),
            None => Ok(()),
        }
    }

    /// Tomorrow while something is on its way out, else the next day on which anything happens.
    async fn next_day(&self, world: &World, engine: &Engine) -> Result<Date, Stopped> {
        let tomorrow = self.day.tomorrow().expect("the calendar does not end here");
        let open = engine.store.batches_to_send().await.map_err(EngineError::from)?;
        if open.iter().any(|batch| batch.state != BatchState::Delivered) {
            return Ok(tomorrow);
        }
        let said = world
            .sandbox
            .next_due()
            .map_err(|error| Stopped::Broken(format!("the sandbox's books: {error}")))?;
        let next = REISSUED_ON.into_iter().chain(said).filter(|day| *day > self.day).min();
        Ok(next.unwrap_or(CLOSED_ON).max(tomorrow).min(CLOSED_ON))
    }
}

async fn sign_and_release(engine: &Engine, month: &Cycle, number: ListNo) -> Result<(), Stopped> {
    let label = month.label();
    if engine.payment_list(month, number).await?.state == ListState::Sealed {
        engine.submit(month, number, MAKER, &officer_key(MAKER)).await?;
    }
    for approver in APPROVERS {
        let month = engine.cycle_find(&label).await?;
        if engine.payment_list(&month, number).await?.state == ListState::Submitted {
            let signed = engine.approve(&month, number, approver, &officer_key(approver)).await;
            already_there(signed.map(|_| ()), "A108")?;
        }
    }
    let month = engine.cycle_find(&label).await?;
    if engine.payment_list(&month, number).await?.state == ListState::Approved {
        engine.release(&month, number, APPROVERS[1], &officer_key(APPROVERS[1])).await?;
    }
    Ok(())
}

/// Takes a refusal because it was done before for done.
fn already_there(done: Result<(), EngineError>, code: &str) -> Result<(), EngineError> {
    match done {
        Err(error) if error.code() == code => Ok(()),
        done => done,
    }
}
