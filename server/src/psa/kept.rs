//! What a connection learns and keeps for a while: a token, a zone, picklists, names.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// One value, fetched when first needed and again when it is old. Callers that come while it is being fetched wait for the
/// same fetch, so that a burst of tickets asks for one token, not for fifty.
pub struct Kept<T> {
    slot: tokio::sync::Mutex<Option<(Instant, Arc<T>)>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { slot: tokio::sync::Mutex::new(None) }
    }
}

impl<T> Kept<T> {
    /// The kept value, or what `fetch` brings together with how long it holds. `fetch` runs only when needed.
    pub async fn get<E>(&self, fetch: impl Future<Output = Result<(T, Duration), E>>) -> Result<Arc<T>, E> {
        let mut slot = self.slot.lock().await;
        if let Some((until, value)) = slot.as_ref()
            && Instant::now() < *until
        {
            return Ok(value.clone());
        }
        let (value, holds) = fetch.await?;
        let value = Arc::new(value);
        *slot = Some((Instant::now() + holds, value.clone()));
        Ok(value)
    }

    /// Puts a value in place of whatever is kept.
    pub async fn put(&self, value: T, holds: Duration) -> Arc<T> {
        let value = Arc::new(value);
        *self.slot.lock().await = Some((Instant::now() + holds, value.clone()));
        value
    }

    /// The next [`Kept::get`] fetches again.
    pub async fn forget(&self) {
        *self.slot.lock().await = None;
    }

    /// Like [`Kept::forget`], unless somebody has fetched a newer value meanwhile.
    pub async fn forget_this(&self, value: &Arc<T>) {
        let mut slot = self.slot.lock().await;
        if slot.as_ref().is_some_and(|(_, kept)| Arc::ptr_eq(kept, value)) {
            *slot = None;
        }
    }
}

/// Many small values by key, each for an hour, never more than [`Shelf::ROOM`].
pub struct Shelf<K, V> {
    map: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { map: Mutex::new(HashMap::new()) }
    }
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    const ROOM: usize = 5_000;
    const HOLDS: Duration = Duration::from_secs(3_600);

    pub fn get(&self, key: &K) -> Option<V> {
        let map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(key).filter(|(until, _)| Instant::now() < *until).map(|(_, value)| value.clone())
    }

    pub fn put(&self, key: K, value: V) {
        let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= Self::ROOM {
            map.clear();
        }
        map.insert(key, (Instant::now() + Self::HOLDS, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_value_is_fetched_once_until_it_is_old_or_forgotten() {
        let (kept, fetches) = (Kept::default(), AtomicU32::new(0));
        let fetch = || async {
            let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
            Ok::<_, Infallible>((number, Duration::from_secs(60)))
        };
        let (one, same) = tokio::join!(kept.get(fetch()), kept.get(fetch()));
        assert_eq!((*one.unwrap(), *same.unwrap()), (1, 1));
        tokio::time::advance(Duration::from_secs(61)).await;
        let second = kept.get(fetch()).await.unwrap();
        assert_eq!(*second, 2);
        kept.forget_this(&Arc::new(2)).await;
        assert_eq!(*kept.get(fetch()).await.unwrap(), 2, "another value is not this one");
        kept.forget_this(&second).await;
        assert_eq!(*kept.get(fetch()).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_failed_fetch_keeps_nothing() {
        let kept: Kept<u32> = Kept::default();
        assert_eq!(kept.get(async { Err::<(u32, Duration), _>("down") }).await, Err("down"));
        assert_eq!(kept.get(async { Ok::<_, &str>((5, Duration::from_secs(1))) }).await, Ok(Arc::new(5)));
    }
}
