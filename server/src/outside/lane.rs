//! One connection's share of the outside: how many requests at once, how many in a span, what the other side says is
//! left, and a breaker that stops asking a side that has stopped answering.

mod allowance;
mod breaker;
mod pace;

use super::Limits;
use crate::clock::Clock;
use allowance::Allowances;
use breaker::{Breaker, Noted};
use http::HeaderMap;
use pace::Pace;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Among how many processes limits are divided. Cheap to clone; clones share the number.
#[derive(Clone)]
pub(super) struct Sharers(Arc<AtomicU32>);

impl Sharers {
    pub fn set(&self, count: u32) {
        self.0.store(count.max(1), Ordering::Relaxed);
    }
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Sharers {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

/// Shared by all callers of one lane.
pub(super) struct Lane {
    /// For the metrics.
    pub kind: &'static str,
    /// Of all processes together.
    pub limits: Limits,
    sharers: Sharers,
    clock: Clock,
    /// By the object that a request is about. The names are those of an interface, hence few.
    slots: Mutex<HashMap<String, Slots>>,
    pace: Mutex<Pace>,
    allowances: Mutex<Allowances>,
    breaker: Mutex<Breaker>,
    came_back: AtomicBool,
}

/// Why a request was not sent at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeldBack {
    /// The limits are used up for longer than a caller should wait: ours, or those that the other side told.
    #[error("the limit of requests is used up")]
    Busy { wait: Duration },
    /// The other side failed too often in a row; asking pauses.
    #[error("requests pause because the last ones failed")]
    Open { wait: Duration },
}

impl Lane {
    pub fn new(kind: &'static str, limits: Limits, sharers: Sharers, clock: Clock) -> Self {
        Self {
            kind,
            limits,
            sharers,
            clock,
            slots: Mutex::default(),
            pace: Mutex::default(),
            allowances: Mutex::default(),
            breaker: Mutex::default(),
            came_back: AtomicBool::new(false),
        }
    }

    /// Waits for a turn for a request about `object` that will cost so many `tokens`, at most `patience`.
    pub async fn enter(&self, object: &str, tokens: u32, patience: Duration) -> Result<Turn, HeldBack> {
        // Asked before waiting, so that a queue does not build up behind a side that is down …
        hold(&self.breaker).peek(self.clock.monotonic()).map_err(|wait| HeldBack::Open { wait })?;
        let (free, surplus) = self.slots(object);
        let slot = match tokio::time::timeout(patience, free.acquire_owned()).await {
            Ok(Ok(slot)) => slot,
            _ => return Err(HeldBack::Busy { wait: patience }),
        };
        let wait = self.wait(tokens, patience).map_err(|wait| HeldBack::Busy { wait })?;
        // Even a sleep of no time lasts until the timer's next tick, a millisecond a call.
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        // … and again when it is our turn; only this may start the probe of a half-open breaker.
        hold(&self.breaker).admit(self.clock.monotonic()).map_err(|wait| HeldBack::Open { wait })?;
        Ok(Turn { slot: Some(slot), surplus })
    }

    fn slots(&self, object: &str) -> (Arc<Semaphore>, Arc<AtomicUsize>) {
        let count = self.ours().parallel;
        let mut slots = hold(&self.slots);
        if let Some(known) = slots.get_mut(object) {
            known.resize(count);
            return (Arc::clone(&known.free), Arc::clone(&known.surplus));
        }
        let fresh = Slots { free: Arc::new(Semaphore::new(count)), surplus: Arc::default(), count };
        let both = (Arc::clone(&fresh.free), Arc::clone(&fresh.surplus));
        slots.insert(object.to_owned(), fresh);
        both
    }

    /// This process's part of the limits.
    fn ours(&self) -> Limits {
        self.limits.among(self.sharers.count())
    }

    fn wait(&self, tokens: u32, patience: Duration) -> Result<Duration, Duration> {
        let now = self.clock.monotonic();
        let mut allowances = hold(&self.allowances);
        let allowed = allowances.wait(tokens, now);
        if allowed > patience {
            return Err(allowed);
        }
        let paced = hold(&self.pace).reserve(self.ours(), patience, now)?;
        allowances.take(tokens, now);
        Ok(allowed.max(paced))
    }

    /// Tells the breaker how a request that had its turn went.
    pub fn note(&self, healthy: bool) {
        match hold(&self.breaker).note(healthy, self.clock.monotonic()) {
            Noted::Nothing => {}
            Noted::Opened => {
                metrics::counter!("undertone_breaker_opened_total", "kind" => self.kind).increment(1);
            }
            Noted::Closed => self.came_back.store(true, Ordering::Relaxed),
        }
    }

    /// Whether it answers again after asking had paused; said once.
    pub fn came_back(&self) -> bool {
        self.came_back.swap(false, Ordering::Relaxed)
    }

    /// Whoever asked could not pass it on.
    pub fn say_again(&self) {
        self.came_back.store(true, Ordering::Relaxed);
    }

    /// Whether asking pauses.
    pub fn is_out(&self) -> bool {
        hold(&self.breaker).peek(self.clock.monotonic()).is_err()
    }

    /// The other side says that it is too much.
    pub fn throttled(&self, after: Option<Duration>) {
        hold(&self.pace).throttled(after, self.clock.monotonic());
    }

    /// Which part of a budget that others use too is used up.
    pub fn used(&self, part: f64) {
        hold(&self.pace).used(part);
    }

    /// What an answer says is left of the other side's limits.
    pub fn told(&self, headers: &HeaderMap) {
        hold(&self.allowances).told(headers, self.clock.monotonic());
    }
}

/// The requests that may be under way at once.
struct Slots {
    free: Arc<Semaphore>,
    /// So many of those in use are not to be given back: whoever waits for one must not get it.
    surplus: Arc<AtomicUsize>,
    count: usize,
}

impl Slots {
    fn resize(&mut self, count: usize) {
        if count > self.count {
            let more = count - self.count;
            let kept = (0..more).take_while(|_| one_less(&self.surplus)).count();
            self.free.add_permits(more - kept);
        } else if count < self.count {
            let fewer = self.count - count;
            self.surplus.fetch_add(fewer - self.free.forget_permits(fewer), Ordering::SeqCst);
        }
        self.count = count;
    }
}

/// Whether there was one to take away.
fn one_less(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1)).is_ok()
}

/// The right to send one request; given back on drop, or to nobody if there are too many by now.
pub(super) struct Turn {
    slot: Option<OwnedSemaphorePermit>,
    surplus: Arc<AtomicUsize>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take()
            && one_less(&self.surplus)
        {
            slot.forget();
        }
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn lane(parallel: usize, sharers: &Sharers) -> Lane {
        let limits = Limits { parallel, requests: 1_000, per: seconds(1) };
        Lane::new("other", limits, sharers.clone(), Clock::system())
    }

    /// As many turns as there are at once.
    async fn turns(lane: &Lane) -> Vec<Turn> {
        let mut turns = Vec::new();
        while let Ok(turn) = lane.enter("Tickets", 0, Duration::from_millis(20)).await {
            turns.push(turn);
        }
        turns
    }

    #[tokio::test]
    async fn requests_at_once_are_counted_by_object_and_given_back() {
        let lane = lane(1, &Sharers::default());
        let moment = Duration::from_millis(10);
        let turn = lane.enter("Tickets", 0, seconds(1)).await;
        assert!(turn.is_ok());
        assert!(matches!(lane.enter("Tickets", 0, moment).await, Err(HeldBack::Busy { .. })));
        assert!(lane.enter("Tickets/Notes", 0, moment).await.is_ok(), "another object has its own");
        drop(turn);
        assert!(lane.enter("Tickets", 0, seconds(1)).await.is_ok());
    }

    #[tokio::test]
    async fn requests_at_once_are_divided_among_processes_as_they_come_and_go() {
        let sharers = Sharers::default();
        let lane = lane(6, &sharers);
        let all = turns(&lane).await;
        assert_eq!(all.len(), 6);
        sharers.set(3);
        assert!(turns(&lane).await.is_empty(), "those under way count");
        let mut waits = std::pin::pin!(lane.enter("Tickets", 0, seconds(9)));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        let mut all = all.into_iter();
        for _ in 0..4 {
            drop(all.next());
            assert!(futures::poll!(waits.as_mut()).is_pending(), "there are too many under way still");
        }
        drop(all.next());
        drop(waits.await);
        drop(all);
        assert_eq!(turns(&lane).await.len(), 2);
        for (count, expected) in [(1, 6), (2, 3), (6, 1), (100, 1), (0, 6)] {
            sharers.set(count);
            assert_eq!(turns(&lane).await.len(), expected, "{count} processes");
        }
    }

    #[tokio::test]
    async fn who_was_told_to_slow_down_sends_nothing_meanwhile() {
        let lane = lane(4, &Sharers::default());
        assert!(lane.enter("", 0, seconds(1)).await.is_ok());
        lane.throttled(Some(seconds(30)));
        let held = lane.enter("", 0, seconds(10)).await.err();
        assert!(matches!(held, Some(HeldBack::Busy { wait }) if wait > seconds(29)), "{held:?}");
    }
}
