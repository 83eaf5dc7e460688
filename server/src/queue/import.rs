//! Imports the past: reads the PSA's list of the days a person asked for, and once that person has allowed it, takes its
//! tickets in a few at a time ([`store::imports`]). What is under way of it never grows beyond [`ROOM`], and comes no faster
//! than [`import::a_minute`]: fresh tickets, and whoever else uses the PSA's API, come first.

use super::{Inner, Tools};
use crate::connections::{ConnectError, Opened};
use crate::outside::CallError;
use crate::psa::{Created, Psa};
use chrono::TimeDelta;
use domain::import;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::imports::{Import, ImportNext, ImportState};
use store::{StoreError, TenantStore};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// Imports gone on with at once by one process.
pub(super) const AT_ONCE: usize = 2;
/// How often one looks whether a step is due.
const LOOK: Duration = Duration::from_secs(5);
/// A step that takes longer goes on later.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a step belongs to the process that took it.
const HELD: TimeDelta = TimeDelta::seconds(90);
/// From one step to the next.
const STEP: TimeDelta = TimeDelta::seconds(15);
const STEPS_A_MINUTE: u32 = 4;
/// Pages of the list in one step.
const PAGES: usize = 3;
/// Tickets of one import under way at once.
const ROOM: u32 = 20;
/// To the next try after a failure, unless the other side asks for more.
const AGAIN: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(900);

impl Inner {
    /// Whether no import is being gone on with.
    pub(super) fn imports_nothing(&self) -> bool {
        self.imports.available_permits() == AT_ONCE
    }

    /// Begins the steps that are due; how many. `now`: whether somebody waits for the answer.
    pub(super) async fn import_due(self: &Arc<Self>, now: bool) -> usize {
        let mut looked = self.imported_at.lock().await;
        let free = self.imports.available_permits();
        if free == 0 || (!now && looked.is_some_and(|at| at.elapsed() < LOOK)) {
            return 0;
        }
        *looked = Some(Instant::now());
        let (at, limit) = (self.tools.clock.now(), u32::try_from(free).unwrap_or(1));
        let due = match self.tools.store.import_claim(at, at + HELD, limit).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not ask which imports are due"
                );
                return 0;
            }
        };
        let count = due.len();
        for tenant in due {
            // Never waits: only this function takes permits, and it asked for no more than were free.
            let Ok(permit) = Arc::clone(&self.imports).try_acquire_owned() else { break };
            let span = tracing::info_span!("import", tenant.id = %tenant);
            let tenant = self.tools.store.tenant(tenant);
            let inner = Arc::clone(self);
            self.jobs.spawn(async move { inner.import(tenant, permit).await }.instrument(span));
        }
        count
    }

    async fn import(self: Arc<Self>, tenant: TenantStore, permit: OwnedSemaphorePermit) {
        let work = AssertUnwindSafe(self.tools.import_step(&tenant)).catch_unwind();
        tokio::select! {
            done = work => match done {
                Ok(Ok(())) => {}
                // The claim runs out, and it is gone on with again.
                Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "could not store a step of an import"),
                Err(_) => tracing::error!("a step of an import panicked"),
            },
            () = self.now.cancelled() => {}
        }
        drop(permit);
        self.nudge.notify_one();
    }
}

impl Tools {
    async fn import_step(&self, tenant: &TenantStore) -> Result<(), StoreError> {
        let Some(import) = tenant.import().await? else { return Ok(()) };
        let (instance, psa) = match self.connections.instance(tenant).await {
            Ok(connected) => connected,
            Err(ConnectError::NoPsa | ConnectError::Elsewhere(_)) => return Ok(()),
            Err(ConnectError::Store(error)) => return Err(error),
        };
        if instance != import.psa {
            let reason = "another ticketing system is connected by now";
            return tenant.import_abandon(import.id, reason, self.clock.now()).await;
        }
        match import.state {
            ImportState::Listing => self.list_past(tenant, &psa, &import).await,
            ImportState::Running => {
                let now = self.clock.now();
                let taken = u32::try_from(import.counts.taken).unwrap_or(ROOM);
                let room = taken.saturating_add(import::a_minute(psa.kind()) / STEPS_A_MINUTE).min(ROOM);
                let fed = tenant.import_feed(import.id, room, now, self.next_step()).await?;
                metrics::counter!("undertone_imported_total").increment(fed.into());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn next_step(&self) -> ImportNext {
        ImportNext { at: self.clock.now() + STEP, reason: None }
    }

    /// Reads on in the PSA's list.
    async fn list_past(
        &self,
        tenant: &TenantStore,
        psa: &Opened<dyn Psa>,
        import: &Import,
    ) -> Result<(), StoreError> {
        let mut cursor = import.cursor.clone();
        let begun = Instant::now();
        for _ in 0..PAGES {
            let page = tokio::time::timeout(LONGEST, psa.created(import.since, cursor.as_deref())).await;
            let Created { tickets, next } = match page {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return self.not_listed(tenant, psa, import, &error).await,
                Err(_) => return Ok(()),
            };
            let goes_on = next.is_some();
            let kept = tenant.import_keep(import.id, tickets, next.clone(), self.next_step()).await?;
            if !kept || !goes_on || begun.elapsed() > LONGEST {
                return Ok(());
            }
            cursor = next;
        }
        Ok(())
    }

    async fn not_listed(
        &self,
        tenant: &TenantStore,
        psa: &Opened<dyn Psa>,
        import: &Import,
        error: &CallError,
    ) -> Result<(), StoreError> {
        tracing::info!(error = error as &dyn std::error::Error, "the list of past tickets could not be read");
        let wait = error.retry_after().unwrap_or_default().clamp(AGAIN, LONGEST_WAIT);
        self.judge(tenant, psa, error).await?;
        let next = ImportNext { at: self.clock.now() + wait, reason: Some(error.to_string()) };
        tenant.import_stuck(import.id, next).await
    }
}
