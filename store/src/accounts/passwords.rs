//! Passwords, and the brake on guessing them.

use super::User;
use crate::engine::{Scope, Tx, execute, fetch_one};
use crate::rows::{self, clean};
use crate::{Result, Store};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Hashing takes 19 MiB and some 30 ms each; a flood of sign-ins must not take the whole machine.
static HASHING: Semaphore = Semaphore::const_new(2);

/// The memory of hashes that are done, for the next ones. Given back to the system it would come to pieces: after a flood of
/// sign-ins the allocator held on to hundreds of megabytes.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// Failed attempts older than this are forgotten.
const ATTEMPTS_KEPT: TimeDelta = TimeDelta::days(1);

/// argon2id with current parameters, off the async threads. For a PHC string to store.
pub async fn hash_password(password: &str) -> String {
    let password = Zeroizing::new(password.to_owned());
    hashing(move || made(password.as_bytes()).expect("the default parameters are valid").to_string()).await
}

/// Compares in the same time whether or not there is a user (`None`): sign-in must not tell whether an address exists.
pub async fn verify_password(user: Option<&User>, password: &str) -> bool {
    let Some(user) = user else {
        hash_password(password).await;
        return false;
    };
    let (hash, password) = (user.password_hash.clone(), Zeroizing::new(password.to_owned()));
    hashing(move || is_right(password.as_bytes(), &hash).unwrap_or(false)).await
}

type Hashed<T> = std::result::Result<T, argon2::password_hash::Error>;

fn made(password: &[u8]) -> Hashed<PasswordHash> {
    let (argon2, salt) = (Argon2::default(), Salt::generate());
    let hash = output(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
    let params = ParamsString::try_from(argon2.params())?;
    let (algorithm, version) = (Algorithm::default().ident(), Some(Version::default().into()));
    Ok(PasswordHash { algorithm, version, params, salt: Some(salt), hash: Some(hash) })
}

/// With the parameters that it was made with.
fn is_right(password: &[u8], hash: &str) -> Hashed<bool> {
    let known = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (&known.salt, &known.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(known.algorithm.as_str())?;
    let version = known.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let argon2 = Argon2::new(algorithm, version, Params::try_from(&known)?);
    // Compares in constant time.
    Ok(output(&argon2, password, salt, expected.len())? == *expected)
}

fn output(argon2: &Argon2<'_>, password: &[u8], salt: &Salt, length: usize) -> Hashed<Output> {
    let kept = || MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = kept().pop().unwrap_or_default();
    memory.resize(argon2.params().block_count(), Block::default());
    let mut out = [0; Output::MAX_LENGTH];
    let out = out.get_mut(..length).ok_or(argon2::password_hash::Error::OutputSize)?;
    let hashed = argon2.hash_password_into_with_memory(password, salt, out, &mut memory);
    kept().push(memory);
    hashed?;
    Ok(Output::new(out)?)
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
        self.write(Scope::NoTenant, (keys, now), |tx, (keys, now)| {
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
        self.write(Scope::NoTenant, ids.to_vec(), |tx, ids| {
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
        let mut reader = self.read(Scope::NoTenant).await?;
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
        self.write(Scope::NoTenant, clean(prefix).into_owned(), |tx, prefix| {
            Box::pin(async move {
                execute!(tx, "DELETE FROM attempts WHERE substr(key, 1, length($1)) = $1", prefix).map(drop)
            })
        })
        .await
    }
}

/// Removes up to `limit` attempts that no longer count. (Each new one does that too; this is for when none comes.)
pub(crate) async fn trim_attempts(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<u64> {
    execute!(
        tx,
        "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at < $1 ORDER BY at LIMIT $2)",
        now - ATTEMPTS_KEPT,
        limit
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_alone_and_memory_is_used_again() {
        let (first, second) = (made(b"correct horse").unwrap(), made(b"correct horse").unwrap());
        assert_ne!(first, second, "each has a salt of its own");
        let first = first.to_string();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert!(is_right(b"correct horse", &first).unwrap());
        assert!(!is_right(b"correct horse ", &first).unwrap());
        assert!(!MEMORY.lock().unwrap().is_empty());
    }

    #[test]
    fn hashes_of_the_library_itself_and_with_other_parameters_are_understood() {
        use argon2::PasswordHasher;
        for params in [Params::default(), Params::new(256, 1, 1, Some(24)).unwrap()] {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash = argon2.hash_password(b"correct horse").unwrap().to_string();
            assert!(is_right(b"correct horse", &hash).unwrap());
            assert!(!is_right(b"wrong", &hash).unwrap());
        }
    }

    #[test]
    fn what_is_no_hash_fits_no_password() {
        for text in ["", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ", "plain"] {
            assert!(!is_right(b"plain", text).unwrap_or(false), "{text}");
        }
    }
}
