//! Passwords, and the brake on guessing them.

use super::User;
use crate::engine::{execute, fetch_one};
use crate::rows::{self, clean};
use crate::{Result, Store};
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Hashing takes 19 MiB and some 30 ms each; a flood of sign-ins must not take the whole machine.
static HASHING: Semaphore = Semaphore::const_new(2);

/// Failed attempts older than this are forgotten.
const ATTEMPTS_KEPT: TimeDelta = TimeDelta::days(1);

/// argon2id with current parameters, off the async threads. For a PHC string to store.
pub async fn hash_password(password: &str) -> String {
    let password = Zeroizing::new(password.to_owned());
    hashing(move || {
        Argon2::default()
            .hash_password(password.as_bytes())
            .expect("the default parameters are valid, and without randomness from the system nothing can be kept secret")
            .to_string()
    })
    .await
}

/// Compares in the same time whether or not there is a user (`None`): sign-in must not tell whether an address exists.
pub async fn verify_password(user: Option<&User>, password: &str) -> bool {
    let Some(user) = user else {
        hash_password(password).await;
        return false;
    };
    let (hash, password) = (user.password_hash.clone(), Zeroizing::new(password.to_owned()));
    hashing(move || {
        PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    })
    .await
}

async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = HASHING.acquire().await.expect("this semaphore is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: nobody will ask for the result.
            Err(_) => std::future::pending().await,
        },
    }
}

impl Store {
    /// Notes an attempt under each of the keys (an address, a network) and forgets old ones. By the returned ids one that
    /// turns out well is taken back.
    pub async fn attempt_noted(&self, keys: &[String], now: DateTime<Utc>) -> Result<Vec<Uuid>> {
        let keys: Vec<String> = keys.iter().map(|key| clean(key).into_owned()).collect();
        self.write((keys, now), |tx, (keys, now)| {
            Box::pin(async move {
                execute!(tx, "DELETE FROM attempts WHERE at < $1", *now - ATTEMPTS_KEPT)?;
                let mut ids = Vec::with_capacity(keys.len());
                for key in keys {
                    let id = rows::id_at(*now);
                    execute!(tx, "INSERT INTO attempts (id, key, at) VALUES ($1, $2, $3)", id, key, *now)?;
                    ids.push(id);
                }
                Ok(ids)
            })
        })
        .await
    }

    /// Takes attempts back.
    pub async fn attempt_forgotten(&self, ids: &[Uuid]) -> Result<()> {
        self.write(ids.to_vec(), |tx, ids| {
            Box::pin(async move {
                for id in ids {
                    execute!(tx, "DELETE FROM attempts WHERE id = $1", *id)?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Failed attempts under `key` within `window`.
    pub async fn attempts_within(&self, key: &str, window: Duration, now: DateTime<Utc>) -> Result<i64> {
        let since = TimeDelta::from_std(window).ok().and_then(|window| now.checked_sub_signed(window));
        let mut reader = self.read().await?;
        let (count,): (i64,) = fetch_one!(
            reader,
            (i64,),
            "SELECT count(*) FROM attempts WHERE key = $1 AND at > $2",
            clean(key),
            since.unwrap_or(DateTime::UNIX_EPOCH)
        )?;
        Ok(count)
    }

    /// Forgets the attempts under every key that begins with `prefix`.
    pub async fn attempts_clear(&self, prefix: &str) -> Result<()> {
        self.write(clean(prefix).into_owned(), |tx, prefix| {
            Box::pin(async move {
                execute!(tx, "DELETE FROM attempts WHERE substr(key, 1, length($1)) = $1", prefix).map(drop)
            })
        })
        .await
    }
}
