//! How a tenant's PSA and model are reached, and the tenant's own webhook address. Secrets are sealed in the row.

mod hooks;
mod instances;
mod reseal;
mod state;

use hooks::TABLE_HOOKS;
pub(crate) use hooks::hook_put;
pub use hooks::{Hook, HookChange, HookOwner};
pub use instances::KnownInstance;
use instances::{Leads, Settled};
pub use state::{ConnectionState, Probe};
use state::{StateRow, resume};

use crate::engine::{Tx, execute, fetch_one, fetch_optional, locked, sql};
use crate::rows::{self, Word, clean};
use crate::vault::Place;
use crate::{Actor, KeyRing, Result, TenantStore, audit, sweeps};
use chrono::{DateTime, Utc};
use domain::{ModelSettings, PsaInstance, PsaKind, PsaSettings, Secret, TenantId};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Psa,
    Model,
}

/// One save of a connection's settings. What is found through them is said of it and of no later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Save {
    pub which: Which,
    /// See [`PsaConnection::revision`].
    pub revision: i64,
}

#[derive(Clone, Debug)]
pub struct PsaConnection {
    /// With the secret opened.
    pub settings: PsaSettings,
    /// Which of the systems this workspace was ever connected to.
    pub instance: PsaInstance,
    pub state: ConnectionState,
    /// Rises with each save; whoever keeps an open connection compares it.
    pub revision: i64,
    pub updated_at: DateTime<Utc>,
}

/// What a save came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PsaSaved {
    pub instance: PsaInstance,
    /// What became of the webhook address.
    pub hook: HookChange,
}

#[derive(Clone, Debug)]
pub struct ModelConnection {
    pub settings: ModelSettings,
    pub state: ConnectionState,
    pub revision: i64,
    pub updated_at: DateTime<Utc>,
}

/// Changes whenever something is saved that a tenant's tickets are worked by. Versions and revisions only rise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Stamp {
    policy: Option<i64>,
    prompt: Option<i64>,
    psa: Option<i64>,
    model: Option<i64>,
    pub psa_paused: bool,
    pub model_paused: bool,
    psa_untested: bool,
    model_untested: bool,
}

/// Values picked from the PSA's own lists, for the settings screens: see `server::psa::Lookups`, stored as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedLookups {
    pub kind: PsaKind,
    pub value: Value,
    pub fetched_at: DateTime<Utc>,
}

const TABLE_PSA: &str = "psa_connections";
const TABLE_MODEL: &str = "model_connections";

fn place(tenant: TenantId, table: &'static str, row: &'static str) -> Place {
    Place { tenant, table, row }
}

#[derive(sqlx::FromRow)]
struct ConnectionRow {
    settings: String,
    sealed: Option<Vec<u8>>,
    revision: i64,
    updated_at: DateTime<Utc>,
    #[sqlx(flatten)]
    state: StateRow,
}

#[derive(sqlx::FromRow)]
struct PsaRow {
    #[sqlx(flatten)]
    row: ConnectionRow,
    psa: String,
}

/// The settings with their secret, out of the JSON that shows only a hint of it and the sealed value beside it.
fn open_psa(keys: &KeyRing, tenant: TenantId, settings: &str, sealed: &[u8]) -> Result<PsaSettings> {
    let mut settings: PsaSettings = rows::read_json(TABLE_PSA, "settings", settings)?;
    settings.set_secret(keys.open(place(tenant, TABLE_PSA, "secret"), sealed)?);
    Ok(settings)
}

impl TenantStore {
    /// One small read, by which a copy of policy, prompt and connections is known to be the newest.
    pub async fn stamp(&self) -> Result<Stamp> {
        let mut reader = self.read().await?;
        fetch_one!(
            reader,
            Stamp,
            "SELECT (SELECT max(version) FROM policies WHERE tenant_id = $1) AS policy,
               (SELECT max(version) FROM prompts WHERE tenant_id = $1) AS prompt,
               p.revision AS psa, m.revision AS model,
               coalesce(p.state, '') = 'paused' AS psa_paused, coalesce(m.state, '') = 'paused' AS model_paused,
               coalesce(p.state, '') = 'untested' AS psa_untested, coalesce(m.state, '') = 'untested' AS model_untested
             FROM tenants t
             LEFT JOIN psa_connections p ON p.tenant_id = t.id
             LEFT JOIN model_connections m ON m.tenant_id = t.id
             WHERE t.id = $1",
            self.tenant.0
        )
    }
}

impl TenantStore {
    pub async fn psa_connection(&self) -> Result<Option<PsaConnection>> {
        let mut reader = self.read().await?;
        let found = fetch_optional!(
            reader,
            PsaRow,
            "SELECT settings, sealed, state, state_since, state_reason, retry_at, retries, revision, updated_at, psa
             FROM psa_connections WHERE tenant_id = $1",
            self.tenant.0
        )?;
        let Some(PsaRow { row, psa }) = found else { return Ok(None) };
        let sealed = row.sealed.as_deref().unwrap_or_default();
        let settings = open_psa(&self.store.inner.keys, self.tenant, &row.settings, sealed)?;
        Ok(Some(PsaConnection {
            instance: instance_of(&psa, &settings)?,
            settings,
            state: row.state.state(TABLE_PSA)?,
            revision: row.revision,
            updated_at: row.updated_at,
        }))
    }

    /// Saves, as untested. An empty secret keeps the one that is set, if it goes to the same address as before.
    ///
    /// Which system it is, is judged by the address. Another one than before is called by another webhook address.
    pub async fn psa_connection_put(
        &self,
        settings: PsaSettings,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<PsaSaved> {
        self.psa_save(settings, Leads::ByAddress, actor, now).await
    }

    /// As [`Self::psa_connection_put`] for a system that is none of those that are known, though its address fits one: what is
    /// known of that one was looked for there, and is not.
    pub async fn psa_connection_begin(
        &self,
        settings: PsaSettings,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<PsaSaved> {
        self.psa_save(settings, Leads::ToAnother, actor, now).await
    }

    /// As [`Self::psa_connection_put`] for a system that moved: it is `instance`, wherever the settings lead. Whoever says so
    /// has looked: a ticket's number means another ticket in another system.
    /// [`StoreError::NotConnected`](crate::StoreError::NotConnected): the workspace was never connected to it.
    /// [`StoreError::AnotherSystem`](crate::StoreError::AnotherSystem): another one with tickets of its own is there.
    pub async fn psa_connection_move(
        &self,
        settings: PsaSettings,
        instance: PsaInstance,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<PsaSaved> {
        self.psa_save(settings, Leads::To(instance), actor, now).await
    }

    async fn psa_save(
        &self,
        settings: PsaSettings,
        leads: Leads,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<PsaSaved> {
        let input = (self.clone(), settings, leads, actor.clone(), now);
        self
            .write(input, |tx, (this, settings, leads, actor, now)| {
                Box::pin(async move {
                    let before = before(tx, this.tenant).await?;
                    let present = before.as_ref().map(|before| before.instance);
                    let keys = &this.store.inner.keys;
                    let Settled { instance, change, hook, swept } =
                        instances::settle(tx, keys, this.tenant, settings, *leads, present, *now).await?;
                    let kept = before.filter(|before| settings.is_same_place(&before.settings));
                    let sealed = match kept.filter(|_| settings.secret().is_empty()) {
                        Some(kept) => kept.sealed,
                        None => keys.seal(place(this.tenant, TABLE_PSA, "secret"), settings.secret()),
                    };
                    execute!(
                        tx,
                        "INSERT INTO psa_connections (tenant_id, settings, sealed, state, revision, updated_at, psa)
                         VALUES ($1, $2, $3, 'untested', 1, $4, $5)
                         ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings, sealed = excluded.sealed,
                           state = 'untested', state_since = NULL, state_reason = NULL, retry_at = NULL, retries = 0,
                           psa = excluded.psa, revision = psa_connections.revision + 1, updated_at = excluded.updated_at",
                        this.tenant.0,
                        rows::json(&without_secret(settings))?,
                        sealed,
                        *now,
                        instance.to_string()
                    )?;
                    resume(tx, this.tenant, Which::Psa).await?;
                    sweeps::connected(tx, this.tenant, instance, change, swept, *now).await?;
                    let by = audit::name(tx, this.tenant, actor).await?;
                    let detail = told(settings.kind(), *leads, instance, change, hook);
                    audit::append(tx, this.tenant, &by, "connection.psa.saved", &detail, *now).await?;
                    Ok(PsaSaved { instance, hook })
                })
            })
            .await
    }

    /// The built-in analyser when nothing was saved.
    pub async fn model_connection(&self) -> Result<ModelConnection> {
        let mut reader = self.read().await?;
        let found = fetch_optional!(
            reader,
            ConnectionRow,
            "SELECT settings, sealed, state, state_since, state_reason, retry_at, retries, revision, updated_at
             FROM model_connections WHERE tenant_id = $1",
            self.tenant.0
        )?;
        let Some(row) = found else {
            return Ok(ModelConnection {
                settings: ModelSettings::Builtin {},
                state: ConnectionState::Untested,
                revision: 0,
                updated_at: DateTime::UNIX_EPOCH,
            });
        };
        let mut settings: ModelSettings = rows::read_json(TABLE_MODEL, "settings", &row.settings)?;
        // Without a sealed key there is none; what the JSON shows in its place is not one.
        let key = match &row.sealed {
            Some(sealed) => self.store.inner.keys.open(place(self.tenant, TABLE_MODEL, "secret"), sealed)?,
            None => Secret::default(),
        };
        settings.set_secret(key);
        Ok(ModelConnection {
            settings,
            state: row.state.state(TABLE_MODEL)?,
            revision: row.revision,
            updated_at: row.updated_at,
        })
    }

    /// Saves, as untested. An empty key keeps the one that is set, if it goes to the same address as before.
    pub async fn model_connection_put(
        &self,
        settings: ModelSettings,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let input = (self.clone(), settings, actor.clone(), now);
        self
            .write(input, |tx, (this, settings, actor, now)| {
                Box::pin(async move {
                    let sealed = match settings.secret() {
                        None => None,
                        Some(secret) if secret.is_empty() => this.kept_model_secret(tx, settings).await?,
                        Some(secret) => {
                            Some(this.store.inner.keys.seal(place(this.tenant, TABLE_MODEL, "secret"), secret))
                        }
                    };
                    let mut shown = settings.clone();
                    shown.set_secret(Secret::default());
                    execute!(
                        tx,
                        "INSERT INTO model_connections (tenant_id, settings, sealed, state, revision, updated_at)
                         VALUES ($1, $2, $3, 'untested', 1, $4)
                         ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings, sealed = excluded.sealed,
                           state = 'untested', state_since = NULL, state_reason = NULL, retry_at = NULL, retries = 0,
                           revision = model_connections.revision + 1, updated_at = excluded.updated_at",
                        this.tenant.0,
                        rows::json(&shown)?,
                        sealed,
                        *now
                    )?;
                    resume(tx, this.tenant, Which::Model).await?;
                    let by = audit::name(tx, this.tenant, actor).await?;
                    let detail = format!("{} was saved", clean(&settings.shown()));
                    audit::append(tx, this.tenant, &by, "connection.model.saved", &detail, *now).await
                })
            })
            .await
    }

    async fn kept_model_secret(&self, tx: &mut Tx, settings: &ModelSettings) -> Result<Option<Vec<u8>>> {
        let kept: Option<(String, Option<Vec<u8>>)> = fetch_optional!(
            tx,
            (String, Option<Vec<u8>>),
            locked!(tx, "SELECT settings, sealed FROM model_connections WHERE tenant_id = $1"),
            self.tenant.0
        )?;
        let Some((before, sealed)) = kept else { return Ok(None) };
        let before: ModelSettings = rows::read_json(TABLE_MODEL, "settings", &before)?;
        Ok(sealed.filter(|_| settings.is_same_place(&before)))
    }

    pub async fn lookups_get(&self) -> Result<Option<CachedLookups>> {
        let mut reader = self.read().await?;
        let found: Option<(String, String, DateTime<Utc>)> = fetch_optional!(
            reader,
            (String, String, DateTime<Utc>),
            "SELECT psa, value, fetched_at FROM lookups WHERE tenant_id = $1",
            self.tenant.0
        )?;
        let Some((psa, value, fetched_at)) = found else { return Ok(None) };
        let kind = PsaKind::read("lookups", "psa", &psa)?;
        Ok(Some(CachedLookups { kind, value: rows::read_json("lookups", "value", &value)?, fetched_at }))
    }

    pub async fn lookups_put(
        &self,
        save: Save,
        kind: PsaKind,
        value: Value,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.write((self.tenant, save, kind, value, now), |tx, (tenant, save, kind, value, now)| {
            Box::pin(async move {
                if !holds(tx, *tenant, *save).await? {
                    return Ok(());
                }
                execute!(
                    tx,
                    "INSERT INTO lookups (tenant_id, psa, value, fetched_at) VALUES ($1, $2, $3, $4)
                         ON CONFLICT (tenant_id) DO UPDATE SET psa = excluded.psa, value = excluded.value,
                           fetched_at = excluded.fetched_at",
                    tenant.0,
                    kind.slug(),
                    value.to_string(),
                    *now
                )
                .map(drop)
            })
        })
        .await
    }
}

/// What the audit trail says of a save.
fn told(
    kind: PsaKind,
    leads: Leads,
    instance: PsaInstance,
    change: sweeps::Change,
    hook: HookChange,
) -> String {
    let mut told = format!("{} was saved", kind.name());
    match (change, leads) {
        (_, Leads::To(_)) => told += &format!(", as {instance} at another address"),
        (sweeps::Change::Another, _) => told += &format!(" as {instance}, another system than before"),
        _ => {}
    }
    match hook {
        HookChange::Same => {}
        HookChange::New => told += "; it has a webhook address of its own",
        HookChange::Again => told += "; it has the webhook address again that it had before",
    }
    told
}

/// A process of the release before leaves the word out or as it was, and knows one instance of a product.
fn instance_of(psa: &str, settings: &PsaSettings) -> Result<PsaInstance> {
    let known = if psa.is_empty() { None } else { Some(rows::read_instance(TABLE_PSA, psa)?) };
    Ok(known.filter(|known| known.kind == settings.kind()).unwrap_or_else(|| settings.kind().into()))
}

/// The connection that a save replaces.
struct Before {
    settings: PsaSettings,
    /// The secret. It is kept only for the same place: whoever may change an address must not have it sent there.
    sealed: Vec<u8>,
    instance: PsaInstance,
}

async fn before(tx: &mut Tx, tenant: TenantId) -> Result<Option<Before>> {
    let found: Option<(String, Vec<u8>, String)> = fetch_optional!(
        tx,
        (String, Vec<u8>, String),
        locked!(tx, "SELECT settings, sealed, psa FROM psa_connections WHERE tenant_id = $1"),
        tenant.0
    )?;
    let Some((settings, sealed, psa)) = found else { return Ok(None) };
    let settings = rows::read_json(TABLE_PSA, "settings", &settings)?;
    Ok(Some(Before { instance: instance_of(&psa, &settings)?, settings, sealed }))
}

/// Whether this is the save that holds, which no other one takes the place of until the transaction ends.
pub(crate) async fn holds(tx: &mut Tx, tenant: TenantId, save: Save) -> Result<bool> {
    let text = match save.which {
        Which::Psa => sql!(
            tx,
            sqlite: "SELECT revision FROM psa_connections WHERE tenant_id = $1",
            postgres: "SELECT revision FROM psa_connections WHERE tenant_id = $1 FOR SHARE",
        ),
        Which::Model => sql!(
            tx,
            sqlite: "SELECT revision FROM model_connections WHERE tenant_id = $1",
            postgres: "SELECT revision FROM model_connections WHERE tenant_id = $1 FOR SHARE",
        ),
    };
    let found: Option<(i64,)> = fetch_optional!(tx, (i64,), text, tenant.0)?;
    Ok(found.is_some_and(|(revision,)| revision == save.revision))
}

fn without_secret(settings: &PsaSettings) -> PsaSettings {
    let mut shown = settings.clone();
    shown.set_secret(Secret::default());
    shown
}
