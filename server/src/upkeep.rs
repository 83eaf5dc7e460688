//! Tidies up by itself, in small pieces: texts whose time is up, webhook calls that are done with, what has expired. Of
//! several processes one looks after a workspace at a time; one that dies in the middle leaves the rest to the next.

use crate::clock::{Clock, Luck};
use crate::queue::Checkpoints;
use chrono::{DateTime, TimeDelta, Utc};
use domain::TenantId;
use futures::FutureExt;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use store::retention::{Tidied, Tidy};
use store::{Result, Store, TenantStore};
use tokio_util::sync::CancellationToken;

/// How often one looks whether a workspace is due.
const LOOK: Duration = Duration::from_secs(60);
/// How often a workspace is tidied.
const EVERY: TimeDelta = TimeDelta::hours(12);
/// How long a workspace belongs to the process that took it: if it is not through by then, another takes it.
const HELD: TimeDelta = TimeDelta::minutes(10);
/// Tickets and calls in one transaction: some milliseconds, so that nobody who writes waits long.
const TICKETS: u32 = 100;
const CALLS: u32 = 500;
/// Pieces before another workspace has its turn, far fewer than fit into [`HELD`].
const PIECES: u32 = 200;
/// Sessions and attempts removed at once; there are few.
const EXPIRED: u32 = 10_000;
/// How long one may ask what became of a webhook call. Their number is a multiple of the tickets'.
const CALLS_KEPT: TimeDelta = TimeDelta::days(90);

/// What tidying needs.
pub struct Upkeep {
    pub store: Store,
    pub clock: Clock,
    pub luck: Luck,
    /// How long texts are kept where a workspace has not chosen; `None`: for good.
    pub texts_kept: Option<TimeDelta>,
    pub checkpoints: Checkpoints,
}

/// Where the last turn of a workspace stopped that was not through: what it left behind stays for reasons of its own.
type Places = HashMap<(TenantId, What), String>;

impl Upkeep {
    /// Returns when `stop` is cancelled. A piece that has been handed to the store is finished by it.
    pub async fn run(self, stop: CancellationToken) {
        let mut places = Places::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                done = AssertUnwindSafe(self.round(&mut places)).catch_unwind() => match done {
                    Ok(Ok(())) => {}
                    // What was claimed is due again when its time is up.
                    Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "could not tidy up"),
                    Err(_) => tracing::error!("tidying up panicked"),
                },
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK.mul_f64(0.8 + 0.4 * self.luck.next())) => {}
            }
        }
    }

    /// Tidies until nothing is due.
    async fn round(&self, places: &mut Places) -> Result<()> {
        let mut any = false;
        loop {
            let now = self.clock.now();
            let Some(due) = self.store.tidy_claim(now, now + HELD).await? else { break };
            any = true;
            if let Err(error) = self.tidy(due, places).await {
                tracing::warn!(tenant.id = %due.tenant, error = &error as &dyn std::error::Error, "could not tidy a workspace");
            }
        }
        if any {
            let expired = self.store.expired_trim(self.clock.now(), EXPIRED).await?;
            count("sessions", expired.sessions);
            count("attempts", expired.attempts);
        }
        Ok(())
    }

    async fn tidy(&self, Tidy { tenant, retention, until }: Tidy, places: &mut Places) -> Result<()> {
        let (tenant, now) = (self.store.tenant(tenant), self.clock.now());
        let own = retention.map(|retention| TimeDelta::days(i64::from(retention.days())));
        let kept = own.or(self.texts_kept);
        let mut more = self.words(&tenant).await?;
        if let Some(kept) = kept {
            more |= self.pieces(&tenant, What::Texts, now - kept, places).await?;
        }
        let before = now - kept.map_or(CALLS_KEPT, |kept| kept.min(CALLS_KEPT));
        more |= self.pieces(&tenant, What::Deliveries, before, places).await?;
        let next = if more { now } else { now + EVERY };
        tenant.tidy_done(until, next).await
    }

    /// Tickets from before an update are found by their words from then on.
    async fn words(&self, tenant: &TenantStore) -> Result<bool> {
        for _ in 0..PIECES {
            let begun = Instant::now();
            let put_down = tenant.words_catch_up(TICKETS).await?;
            count("words", put_down);
            if put_down < u64::from(TICKETS) {
                return Ok(false);
            }
            // At most half of a writer's time.
            tokio::time::sleep(begun.elapsed()).await;
        }
        Ok(true)
    }

    /// `true`: there is more than one turn takes.
    async fn pieces(
        &self,
        tenant: &TenantStore,
        what: What,
        before: DateTime<Utc>,
        places: &mut Places,
    ) -> Result<bool> {
        let place = (tenant.tenant_id(), what);
        let mut after = places.remove(&place);
        for _ in 0..PIECES {
            let begun = Instant::now();
            let Tidied { removed, next } = match what {
                What::Texts => tenant.texts_remove(before, after.as_deref(), TICKETS).await?,
                What::Deliveries => tenant.deliveries_trim(before, after.as_deref(), CALLS).await?,
            };
            count(what.word(), removed);
            self.checkpoints.pass("tidied", what.word()).await;
            if next.is_none() {
                return Ok(false);
            }
            after = next;
            // At most half of a writer's time.
            tokio::time::sleep(begun.elapsed()).await;
        }
        places.extend(after.map(|after| (place, after)));
        Ok(true)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Texts,
    Deliveries,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Deliveries => "deliveries",
        }
    }
}

fn count(what: &'static str, removed: u64) {
    if removed > 0 {
        metrics::counter!("undertone_tidied_total", "what" => what).increment(removed);
    }
}
