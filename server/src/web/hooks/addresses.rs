//! Whose webhook address a key is, remembered for a second: bursts ask the database once, and a revoked key stops at
//! once for all practical purposes.

use domain::PsaKind;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::connections::HookOwner;
use store::{Result, Store};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How long an answer is believed: the longest time that a revoked key still works.
const FRESH: Duration = Duration::from_secs(1);
/// Answers kept; beyond that the stale ones go, and then all of them. Guessed keys fill it, hence the bound.
const MAX_KEPT: usize = 20_000;
/// Longer keys are not ours.
const MAX_KEY: usize = 128;
/// Look-ups at once, so that guessing keys does not take the database away from those who know theirs.
const LOOKUPS: usize = 16;

pub struct Addresses {
    store: Store,
    kept: Mutex<HashMap<String, Kept>>,
    lookups: Semaphore,
}

#[derive(Clone)]
struct Kept {
    owner: Option<Arc<HookOwner>>,
    at: Instant,
}

impl Addresses {
    pub fn new(store: Store) -> Self {
        Self { store, kept: Mutex::default(), lookups: Semaphore::new(LOOKUPS) }
    }

    /// `None`: nobody's.
    pub async fn owner(&self, key: &str, psa: PsaKind) -> Result<Option<Arc<HookOwner>>> {
        if key.len() > MAX_KEY {
            return Ok(None);
        }
        if let Some(kept) = self.fresh(key, psa) {
            return Ok(kept.owner);
        }
        // Never closed, so this only waits.
        let _turn = self.lookups.acquire().await;
        if let Some(kept) = self.fresh(key, psa) {
            return Ok(kept.owner);
        }
        // The time before the question: what changed while it was under way is found again soon enough.
        let at = Instant::now();
        let owner = self.store.hook_lookup(key).await?.map(Arc::new);
        self.keep(key, Kept { owner: owner.clone(), at });
        Ok(owner)
    }

    /// A workspace that is called by another PSA than the one remembered may have changed over a moment ago.
    fn fresh(&self, key: &str, psa: PsaKind) -> Option<Kept> {
        let fits = |kept: &&Kept| {
            kept.at.elapsed() < FRESH && kept.owner.as_ref().is_none_or(|owner| is_of(owner, psa))
        };
        self.map().get(key).filter(fits).cloned()
    }

    fn keep(&self, key: &str, kept: Kept) {
        let mut map = self.map();
        if map.len() >= MAX_KEPT {
            map.retain(|_, kept| kept.at.elapsed() < FRESH);
        }
        if map.len() >= MAX_KEPT {
            map.clear();
        }
        map.insert(key.to_owned(), kept);
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this PSA's calls are meant for the address.
pub fn is_of(owner: &HookOwner, psa: PsaKind) -> bool {
    owner.psa.as_ref().is_none_or(|(instance, _)| instance.kind == psa)
}
