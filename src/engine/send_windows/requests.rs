//! Requests to a partner that are under way at once, as many as was agreed.

use std::sync::{Arc, OnceLock};

use tokio::task::JoinSet;

use super::lines::Line;
use crate::channels::Reason;
use crate::channels::one_by_one::{MayLeave, OneByOne, Reply};
use crate::engine::EngineError;
use crate::engine::dispatch::Waits;

/// Why no request of a round leaves any more: one could not be sent, something was halted, the hours ended, or
/// something failed beside them.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<OnceLock<Waits>>);

impl Stop {
    /// The first reason counts.
    pub fn put(&self, why: Waits) {
        self.0.get_or_init(|| why);
    }

    pub fn why(&self) -> Option<&Waits> {
        self.0.get()
    }

    /// The same, for a request that stays.
    pub fn reason(&self) -> Option<Reason> {
        self.why().map(|why| Reason::new("stopped", &why.why))
    }
}

/// Whether one line may leave at this moment, or why not.
pub(super) type LineMayLeave = Arc<dyn Fn(&Line) -> Result<(), Reason> + Send + Sync>;

#[derive(Clone)]
enum Asking {
    Send(LineMayLeave),
    Status,
}

/// Requests of which each is set going, and not each has been answered. Those that wait for their turn stay when
/// the round is stopped meanwhile.
pub(super) struct Requests {
    replies: Vec<(Line, Reply)>,
    running: JoinSet<(Line, Reply)>,
}

/// Sends lines, and returns when the last is set going: others may queue up behind it.
pub(super) async fn set_going(
    partner: &Arc<dyn OneByOne>,
    lines: Vec<Line>,
    may_leave: LineMayLeave,
    stop: &Stop,
) -> Result<Requests, EngineError> {
    Requests::set_going(partner, lines, &Asking::Send(may_leave), stop).await
}

/// Asks what became of lines.
pub(super) async fn asked_about(
    partner: &Arc<dyn OneByOne>,
    lines: Vec<Line>,
) -> Result<Vec<(Line, Reply)>, EngineError> {
    let stop = Stop::default();
    Requests::set_going(partner, lines, &Asking::Status, &stop).await?.answered().await
}

impl Requests {
    /// None of these lines is sent.
    pub fn none(lines: Vec<Line>, why: &Reason) -> Requests {
        let stays = |line| (line, Reply::NotSent(why.clone()));
        Requests { replies: lines.into_iter().map(stays).collect(), running: JoinSet::new() }
    }

    async fn set_going(
        partner: &Arc<dyn OneByOne>,
        lines: Vec<Line>,
        asking: &Asking,
        stop: &Stop,
    ) -> Result<Requests, EngineError> {
        let concurrency = partner.terms().concurrency.max(1) as usize;
        let mut requests = Requests { replies: Vec::new(), running: JoinSet::new() };
        for line in lines {
            while requests.running.len() >= concurrency {
                requests.next_reply().await?;
            }
            if let Some(reason) = stop.reason() {
                requests.replies.push((line, Reply::NotSent(reason)));
                continue;
            }
            let (partner, asking, stop) = (partner.clone(), asking.clone(), stop.clone());
            requests.running.spawn(async move {
                let reply = match asking {
                    Asking::Send(may_leave) => {
                        let (stopped, of_line) = (stop.clone(), line.clone());
                        let may_leave: MayLeave = Arc::new(move || match stopped.reason() {
                            Some(reason) => Err(reason),
                            None => may_leave(&of_line),
                        });
                        partner.send(&line.reference, line.bytes.clone(), may_leave).await
                    }
                    Asking::Status => partner.ask(&line.reference).await,
                };
                if let Reply::NotSent(reason) = &reply {
                    stop.put(Waits::for_somebody(reason.sentence.clone()));
                }
                (line, reply)
            });
        }
        Ok(requests)
    }

    /// What came back for each line.
    pub async fn answered(mut self) -> Result<Vec<(Line, Reply)>, EngineError> {
        while !self.running.is_empty() {
            self.next_reply().await?;
        }
        Ok(self.replies)
    }

    async fn next_reply(&mut self) -> Result<(), EngineError> {
        if let Some(done) = self.running.join_next().await {
            let reply = done.map_err(|error| {
                EngineError::Inconsistent(format!("a request ended early: {error}"))
            })?;
            self.replies.push(reply);
        }
        Ok(())
    }
}
