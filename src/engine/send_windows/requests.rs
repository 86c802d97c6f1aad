//! Requests to a partner that are under way at once, as many as was agreed.

use std::sync::{Arc, OnceLock};

use tokio::task::JoinSet;

use super::lines::Line;
use crate::channels::Reason;
use crate::channels::one_by_one::{MayLeave, OneByOne, Reply};
use crate::engine::EngineError;

/// Why no request begins any more, once it is proved of one that it could not be sent.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<OnceLock<Reason>>);

impl Stop {
    /// The first reason counts.
    pub fn put(&self, reason: &Reason) {
        self.0.get_or_init(|| reason.clone());
    }

    pub fn why(&self) -> Option<&Reason> {
        self.0.get()
    }
}

#[derive(Clone)]
enum Asking {
    /// Each request leaves only while this holds.
    Send(MayLeave),
    Status,
}

/// Requests of which each has begun or stays, and not each has been answered. Those that wait for their turn
/// stay, too, when another could not be sent meanwhile.
pub(super) struct Requests {
    replies: Vec<(Line, Reply)>,
    running: JoinSet<(Line, Reply)>,
    stop: Stop,
}

/// Sends lines, and returns when the last has begun: others may begin behind it.
pub(super) async fn begun(
    partner: &Arc<dyn OneByOne>,
    lines: Vec<Line>,
    still_held: Arc<dyn Fn() -> bool + Send + Sync>,
    stop: Stop,
) -> Result<Requests, EngineError> {
    let stopped = stop.clone();
    let may_leave: MayLeave = Arc::new(move || match (stopped.why(), still_held()) {
        (Some(reason), _) => Err(reason.clone()),
        (None, true) => Ok(()),
        (None, false) => Err(Reason::new(
            "sender_was_succeeded",
            "another process may have taken over, so that this one sends no more",
        )),
    });
    Requests::begun(partner, lines, Asking::Send(may_leave), stop).await
}

/// Asks what became of lines.
pub(super) async fn asked_about(
    partner: &Arc<dyn OneByOne>,
    lines: Vec<Line>,
) -> Result<Vec<(Line, Reply)>, EngineError> {
    Requests::begun(partner, lines, Asking::Status, Stop::default()).await?.answered().await
}

impl Requests {
    /// None of these lines is sent.
    pub fn none(lines: Vec<Line>, why: &Reason) -> Requests {
        let stays = |line| (line, Reply::NotSent(why.clone()));
        let replies = lines.into_iter().map(stays).collect();
        Requests { replies, running: JoinSet::new(), stop: Stop::default() }
    }

    async fn begun(
        partner: &Arc<dyn OneByOne>,
        lines: Vec<Line>,
        asking: Asking,
        stop: Stop,
    ) -> Result<Requests, EngineError> {
        let concurrency = partner.terms().concurrency.max(1) as usize;
        let mut requests = Requests { replies: Vec::new(), running: JoinSet::new(), stop };
        for line in lines {
            while requests.running.len() >= concurrency {
                requests.next_reply().await?;
            }
            if let Some(reason) = requests.stop.why() {
                requests.replies.push((line, Reply::NotSent(reason.clone())));
                continue;
            }
            let (partner, asking, stop) = (partner.clone(), asking.clone(), requests.stop.clone());
            requests.running.spawn(async move {
                let reply = match asking {
                    Asking::Send(may_leave) => {
                        partner.send(&line.reference, line.bytes.clone(), may_leave).await
                    }
                    Asking::Status => partner.ask(&line.reference).await,
                };
                if let Reply::NotSent(reason) = &reply {
                    stop.put(reason);
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
