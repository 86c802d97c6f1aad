//! A partner's quota: never more than agreed leaves, and hardly less.
//!
//! GCRA by `governor`, at 98 of a hundred parts of the quota: in any stretch of T seconds no more than
//! burst + T × 0.98 × quota requests begin, and from the beginning of a process no more than T × 0.98 × quota. The
//! two parts that are left are for the way: requests that begin evenly do not arrive so.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Rate, RateLimiter};

/// How much of the quota is used, of a hundred.
const USED: u64 = 98;
const NANOSECONDS: u64 = 1_000_000_000;

/// What a partner takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    pub per_second: u32,
    pub burst: u32,
    pub concurrency: u32,
}

pub struct Pace<C: Clock = DefaultClock> {
    limiter: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    clock: C,
    /// Who came first begins first: of many that wait one would else be overtaken again and again.
    turn: tokio::sync::Mutex<()>,
    /// Until then the partner has asked for rest.
    rest_until: tokio::sync::Mutex<Option<Instant>>,
}

impl Pace {
    pub fn new(quota: Quota) -> Pace {
        Pace::with_clock(quota, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Pace<C> {
    pub fn with_clock(quota: Quota, clock: C) -> Pace<C> {
        let burst = NonZeroU32::new(quota.burst).unwrap_or(NonZeroU32::MIN);
        let between = NANOSECONDS * 100 / (USED * u64::from(quota.per_second.max(1)));
        let every = |between| Rate::with_period(Duration::from_nanos(between));
        // Nothing at all would be the wait only at a quota of a thousand millions.
        let rate = every(between).or_else(|| every(1)).expect("a nanosecond is some time");
        let rate = rate.allow_burst(burst);
        let limiter = RateLimiter::direct_with_clock(rate, clock.clone());
        // What an earlier process has just used of the burst is not known, so that none is left at first:
        // the quota holds across processes too.
        let _ = limiter.check_n(burst);
        let turn = tokio::sync::Mutex::new(());
        Pace { limiter, clock, turn, rest_until: tokio::sync::Mutex::new(None) }
    }

    /// Takes one place, or says how long to wait before asking again.
    pub fn take(&self) -> Result<(), Duration> {
        self.limiter.check().map_err(|not_yet| not_yet.wait_time_from(self.clock.now()))
    }

    /// Returns when a request may begin; in the order in which it was asked.
    pub async fn ready(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let rest = *self.rest_until.lock().await;
            let rest = rest.map(|until| until.saturating_duration_since(Instant::now()));
            if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
                tokio::time::sleep(rest).await;
                continue;
            }
            match self.take() {
                Ok(()) => return,
                Err(wait) => asleep(wait).await,
            }
        }
    }

    /// Nothing begins for so long.
    pub async fn slow_down(&self, rest: Duration) {
        let until = Instant::now() + rest;
        let mut held = self.rest_until.lock().await;
        *held = Some(held.map_or(until, |before| before.max(until)));
    }
}

/// Waits to a tenth of a millisecond: the runtime's own clock goes by whole ones, and with a wait of three between
/// requests a third of the quota would be lost by it.
async fn asleep(wait: Duration) {
    const COARSE: Duration = Duration::from_millis(50);
    if let Some(long) = wait.checked_sub(COARSE) {
        tokio::time::sleep(long).await;
    }
    let rest = wait.min(COARSE);
    // It fails only when the runtime ends, which ends this request too.
    let _ = tokio::task::spawn_blocking(move || std::thread::sleep(rest)).await;
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn no_more_than_the_quota_leaves_and_hardly_less() {
        for (per_second, burst) in [(1, 1), (10, 1), (50, 50), (333, 20)] {
            let clock = FakeRelativeClock::default();
            let pace = Pace::with_clock(Quota { per_second, burst, concurrency: 1 }, clock.clone());
            let mut now = Duration::ZERO;
            let mut left: Vec<Duration> = Vec::new();
            while now < Duration::from_secs(60) {
                match pace.take() {
                    Ok(()) => left.push(now),
                    Err(wait) => {
                        let wait = wait.max(Duration::from_nanos(1));
                        clock.advance(wait);
                        now += wait;
                    }
                }
            }
            for (at, began) in left.iter().enumerate() {
                let within =
                    left[at..].iter().take_while(|one| **one < *began + Duration::from_secs(1));
                let most = per_second as usize + 1;
                assert!(within.count() <= most, "more than {most} in a second from {began:?}");
            }
            let agreed = 60 * per_second as usize;
            assert!(left.len() <= agreed, "{} of {agreed}", left.len());
            assert!(left.len() * 100 >= agreed * 95, "{} of {agreed}", left.len());
        }
    }

    #[tokio::test]
    async fn who_waits_longest_begins_next() {
        let quota = Quota { per_second: 200, burst: 1, concurrency: 20 };
        let pace = std::sync::Arc::new(Pace::new(quota));
        let began = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (pace, began) = (pace.clone(), began.clone());
            waiting.spawn(async move {
                pace.ready().await;
                began.lock().unwrap().push(number);
            });
        }
        waiting.join_all().await;
        assert_eq!(*began.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}
