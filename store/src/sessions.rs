//! tower-sessions kept in the database. (The published sqlx store wants an older sqlx.)
//!
//! A row is found by the SHA-256 of the session's id and sealed under a key made of the id, which only the person's
//! browser has: who reads the database can sign in as nobody, and sees nothing of what is on its way to a page.

use crate::engine::{Scope, Tx, execute, fetch_optional};
use crate::{Result, Store, StoreError, rows, vault};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use std::fmt;
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store;

/// The sessions of all people. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    store: Store,
}

impl Store {
    pub fn sessions(&self) -> Sessions {
        Sessions { store: self.clone() }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

/// tower-sessions computes expiry dates by the system's clock, whatever ours says; so they are compared with it.
fn now() -> Result<DateTime<Utc>, session_store::Error> {
    instant(time::OffsetDateTime::now_utc())
}

fn instant(at: time::OffsetDateTime) -> Result<DateTime<Utc>, session_store::Error> {
    let nanos = at.nanosecond() / 1_000 * 1_000;
    DateTime::from_timestamp(at.unix_timestamp(), nanos)
        .ok_or_else(|| session_store::Error::Encode("the expiry date is out of range".to_owned()))
}

fn key(id: &Id) -> Vec<u8> {
    Sha256::digest(id.0.to_be_bytes()).to_vec()
}

/// The id is 128 random bits; with a word before it, its hash says nothing of [`key`].
fn data_key(id: &Id) -> [u8; 32] {
    Sha256::new().chain_update("session data\0").chain_update(id.0.to_be_bytes()).finalize().into()
}

fn seal(id: &Id, data: &str) -> String {
    BASE64.encode(vault::encrypt(&data_key(id), data.as_bytes(), &key(id)))
}

fn open(id: &Id, sealed: &str) -> Option<Vec<u8>> {
    vault::decrypt(&data_key(id), &BASE64.decode(sealed).ok()?, &key(id))
}

fn backend(error: StoreError) -> session_store::Error {
    // The text is ours, the cause may be the driver's; neither holds anything of the session.
    match std::error::Error::source(&error) {
        Some(cause) => session_store::Error::Backend(format!("{error}: {cause}")),
        None => session_store::Error::Backend(error.to_string()),
    }
}

#[async_trait]
impl SessionStore for Sessions {
    /// Also sweeps out what has expired. Ids are 128 random bits: two never meet.
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let now = now()?;
        self.store
            .write(Scope::NoTenant, now, |tx, now| {
                Box::pin(
                    async move { execute!(tx, "DELETE FROM sessions WHERE expires_at < $1", *now).map(drop) },
                )
            })
            .await
            .map_err(backend)?;
        self.save(record).await
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let data =
            rows::json(&record.data).map_err(|error| session_store::Error::Encode(error.to_string()))?;
        let data = seal(&record.id, &data);
        self.store
            .write(Scope::NoTenant, (key(&record.id), data, instant(record.expiry_date)?), |tx, (key, data, expires_at)| {
                Box::pin(async move {
                    execute!(
                        tx,
                        "INSERT INTO sessions (sha256, data, expires_at) VALUES ($1, $2, $3)
                         ON CONFLICT (sha256) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at",
                        key,
                        data,
                        *expires_at
                    )
                    .map(drop)
                })
            })
            .await
            .map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = self.find(key(id), now()?).await.map_err(backend)?;
        let Some((sealed, expires_at)) = found else { return Ok(None) };
        // What does not open was kept by an earlier version, or altered: that person signs in again.
        let Some(data) = open(id, &sealed) else { return Ok(None) };
        let data =
            serde_json::from_slice(&data).map_err(|error| session_store::Error::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(expires_at.timestamp())
            .map_err(|error| session_store::Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.store
            .write(Scope::NoTenant, key(id), |tx, key| {
                Box::pin(async move { execute!(tx, "DELETE FROM sessions WHERE sha256 = $1", key).map(drop) })
            })
            .await
            .map_err(backend)
    }
}

impl Sessions {
    async fn find(&self, key: Vec<u8>, now: DateTime<Utc>) -> Result<Option<(String, DateTime<Utc>)>> {
        let mut reader = self.store.read(Scope::NoTenant).await?;
        fetch_optional!(
            reader,
            (String, DateTime<Utc>),
            "SELECT data, expires_at FROM sessions WHERE sha256 = $1 AND expires_at > $2",
            key,
            now
        )
    }
}

/// Removes up to `limit` sessions that are over, by the clock that they were made with. (Each new one does that too; this
/// is for when nobody signs in.)
pub(crate) async fn trim(tx: &mut Tx, limit: i64) -> Result<u64> {
    let now = now().map_err(|error| StoreError::Driver(sqlx::Error::Decode(Box::new(error))))?;
    execute!(
        tx,
        "DELETE FROM sessions WHERE sha256 IN (
           SELECT sha256 FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        now,
        limit
    )
}
