//! The tenant's own webhook address: unguessable, sealed in the row, found by its hash.

use super::instances::{TABLE, has_worked};
use super::{instance_of, open_psa, place};
use crate::accounts::sha256;
use crate::engine::{Scope, Tx, execute, fetch_one, fetch_optional};
use crate::rows;
use crate::sweeps::Change;
use crate::{Actor, KeyRing, Result, Store, TenantStore, audit};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::{PsaInstance, PsaSettings, Secret, TenantId};
use uuid::Uuid;

pub(super) const TABLE_HOOKS: &str = "hooks";

/// The tenant's own webhook address and what verifies a call.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Unguessable, part of the address (at least 128 bits, URL-safe).
    pub key: String,
    /// Autotask: the HMAC secret. Halo: the Basic password. ConnectWise: unused.
    pub secret: Secret,
    pub rotated_at: DateTime<Utc>,
}

/// What the door needs to know of an address that was called.
#[derive(Clone, Debug)]
pub struct HookOwner {
    pub tenant: TenantId,
    /// `None` while no PSA is connected.
    pub psa: Option<(PsaInstance, PsaSettings)>,
    pub hook: Hook,
}

/// An address of an instance that is not connected, and what is.
#[derive(sqlx::FromRow)]
struct LeftRow {
    tenant_id: Uuid,
    psa: String,
    settings: String,
    merged_into: Option<String>,
    hook_secret: Vec<u8>,
    hook_rotated_at: DateTime<Utc>,
    connected: String,
    connected_settings: String,
    connected_sealed: Vec<u8>,
    connected_has_worked: bool,
}

impl Store {
    /// Whose webhook address this is. By the SHA-256 of the key, so that time tells nothing.
    pub async fn hook_lookup(&self, key: &str) -> Result<Option<HookOwner>> {
        if let Some(owner) = self.shown_hook(key).await? {
            return Ok(Some(owner));
        }
        match self.left_hook(key).await? {
            Some(owner) => Ok(Some(owner)),
            // It may have become the one that is shown between the two questions.
            None => self.shown_hook(key).await,
        }
    }

    async fn shown_hook(&self, key: &str) -> Result<Option<HookOwner>> {
        type Row = (Uuid, Vec<u8>, DateTime<Utc>, Option<String>, Option<Vec<u8>>, Option<String>);
        let mut reader = self.read(Scope::EveryTenant).await?;
        let found = fetch_optional!(
            reader,
            Row,
            "SELECT h.tenant_id, h.sealed_secret, h.rotated_at, p.settings, p.sealed, p.psa
             FROM hooks h LEFT JOIN psa_connections p ON p.tenant_id = h.tenant_id WHERE h.key_sha256 = $1",
            sha256(key)
        )?;
        drop(reader);
        let Some((tenant, sealed_secret, rotated_at, settings, sealed, psa)) = found else { return Ok(None) };
        let (tenant, keys) = (TenantId(tenant), &self.inner.keys);
        let secret = keys.open(place(tenant, TABLE_HOOKS, "secret"), &sealed_secret)?;
        let psa = match (psa, settings, sealed) {
            (Some(psa), Some(settings), Some(sealed)) => {
                let settings = open_psa(keys, tenant, &settings, &sealed)?;
                Some((instance_of(&psa, &settings)?, settings))
            }
            _ => None,
        };
        Ok(Some(HookOwner { tenant, psa, hook: Hook { key: key.to_owned(), secret, rotated_at } }))
    }

    /// The address of an instance that is not connected now. Where that is the connected one by another name, it is as good
    /// as the one that is shown. Where it is another system, calls are kept for it until the connected one has worked:
    /// until then its settings may be a mistake.
    async fn left_hook(&self, key: &str) -> Result<Option<HookOwner>> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let found = fetch_optional!(
            reader,
            LeftRow,
            concat!(
                "SELECT i.tenant_id, i.psa, i.settings, i.merged_into, i.hook_secret, i.hook_rotated_at, p.psa AS connected,
                   p.settings AS connected_settings, p.sealed AS connected_sealed, ",
                has_worked!("c"),
                " AS connected_has_worked
                 FROM psa_instances i
                 JOIN psa_connections p ON p.tenant_id = i.tenant_id
                 JOIN psa_instances c ON c.tenant_id = p.tenant_id AND c.psa = p.psa
                 WHERE i.hook_sha256 = $1"
            ),
            sha256(key)
        )?;
        drop(reader);
        let Some(row) = found else { return Ok(None) };
        let (tenant, keys) = (TenantId(row.tenant_id), &self.inner.keys);
        let left = rows::read_instance(TABLE, &row.psa)?;
        let connected = rows::read_instance(TABLE, &row.connected)?;
        let is_connected = row.merged_into.as_ref() == Some(&row.connected);
        let psa = if is_connected {
            (connected, open_psa(keys, tenant, &row.connected_settings, &row.connected_sealed)?)
        } else if row.connected_has_worked {
            return Ok(None);
        } else {
            (left, rows::read_json(TABLE, "settings", &row.settings)?)
        };
        let secret = keys.open(place(tenant, TABLE_HOOKS, "secret"), &row.hook_secret)?;
        let hook = Hook { key: key.to_owned(), secret, rotated_at: row.hook_rotated_at };
        Ok(Some(HookOwner { tenant, psa: Some(psa), hook }))
    }
}

impl Store {
    /// Whether the keys are those that this database's secrets were sealed with, judged by one of them.
    pub async fn keys_fit(&self) -> Result<()> {
        let mut reader = self.read(Scope::EveryTenant).await?;
        let found = fetch_optional!(
            reader,
            (Uuid, Vec<u8>),
            "SELECT tenant_id, sealed_secret FROM hooks ORDER BY rotated_at DESC LIMIT 1"
        )?;
        let Some((tenant, sealed)) = found else { return Ok(()) };
        self.inner.keys.open(place(tenant.into(), TABLE_HOOKS, "secret"), &sealed)?;
        Ok(())
    }
}

impl TenantStore {
    pub async fn hook(&self) -> Result<Hook> {
        let mut reader = self.read().await?;
        let (key, secret, rotated_at): (Vec<u8>, Vec<u8>, DateTime<Utc>) = fetch_one!(
            reader,
            (Vec<u8>, Vec<u8>, DateTime<Utc>),
            "SELECT sealed_key, sealed_secret, rotated_at FROM hooks WHERE tenant_id = $1",
            self.tenant.0
        )?;
        let open =
            |row, sealed: &[u8]| self.store.inner.keys.open(place(self.tenant, TABLE_HOOKS, row), sealed);
        Ok(Hook { key: open("key", &key)?.expose().to_owned(), secret: open("secret", &secret)?, rotated_at })
    }

    /// A new key and secret; the old address stops at once, as does every other that leads to the connected system.
    pub async fn hook_rotate(&self, actor: &Actor, now: DateTime<Utc>) -> Result<Hook> {
        self.write((self.clone(), actor.clone(), now), |tx, (this, actor, now)| {
            Box::pin(async move {
                let hook = hook_put(tx, &this.store.inner.keys, this.tenant, *now).await?;
                forget_others(tx, this.tenant).await?;
                let by = audit::name(tx, this.tenant, actor).await?;
                audit::append(tx, this.tenant, &by, "hook.rotated", "the webhook address was changed", *now)
                    .await?;
                Ok(hook)
            })
        })
        .await
    }
}

/// Gives a tenant a new webhook address.
pub(crate) async fn hook_put(
    tx: &mut Tx,
    keys: &KeyRing,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Hook> {
    let key = URL_SAFE_NO_PAD.encode(crate::vault::random::<24>());
    let secret = Secret::new(hex::encode(crate::vault::random::<24>()));
    execute!(
        tx,
        "INSERT INTO hooks (tenant_id, key_sha256, sealed_key, sealed_secret, rotated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id) DO UPDATE SET key_sha256 = excluded.key_sha256, sealed_key = excluded.sealed_key,
           sealed_secret = excluded.sealed_secret, rotated_at = excluded.rotated_at",
        tenant.0,
        sha256(&key),
        keys.seal(place(tenant, TABLE_HOOKS, "key"), &Secret::new(key.as_str())),
        keys.seal(place(tenant, TABLE_HOOKS, "secret"), &secret),
        now
    )?;
    Ok(Hook { key, secret, rotated_at: now })
}

/// What a save did to the address that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookChange {
    Same,
    /// Another system's: it must be given to it.
    New,
    /// The one that the instance had when it was left.
    Again,
}

/// The address that is shown goes with the instance it was made for. `way`: the instance that is left, and the one that is
/// connected in its place.
pub(super) async fn pass_on(
    tx: &mut Tx,
    keys: &KeyRing,
    tenant: TenantId,
    way: [PsaInstance; 2],
    change: Change,
    now: DateTime<Utc>,
) -> Result<HookChange> {
    let [left, connected] = way;
    let own: Option<(Uuid,)> = fetch_optional!(
        tx,
        (Uuid,),
        "SELECT tenant_id FROM psa_instances WHERE tenant_id = $1 AND psa = $2 AND hook_sha256 IS NOT NULL",
        tenant.0,
        connected.to_string()
    )?;
    if own.is_none() && change == Change::Mended {
        // It was made for this one, whose address was wrong.
        return Ok(HookChange::Same);
    }
    execute!(
        tx,
        "UPDATE psa_instances SET hook_sha256 = h.key_sha256, hook_key = h.sealed_key, hook_secret = h.sealed_secret,
           hook_rotated_at = h.rotated_at
         FROM hooks h
         WHERE h.tenant_id = $1 AND psa_instances.tenant_id = $1 AND psa_instances.psa = $2",
        tenant.0,
        left.to_string()
    )?;
    if own.is_none() {
        hook_put(tx, keys, tenant, now).await?;
        return Ok(HookChange::New);
    }
    execute!(
        tx,
        "UPDATE hooks SET key_sha256 = i.hook_sha256, sealed_key = i.hook_key, sealed_secret = i.hook_secret,
           rotated_at = i.hook_rotated_at
         FROM psa_instances i WHERE i.tenant_id = $1 AND i.psa = $2 AND hooks.tenant_id = $1",
        tenant.0,
        connected.to_string()
    )?;
    execute!(
        tx,
        "UPDATE psa_instances SET hook_sha256 = NULL, hook_key = NULL, hook_secret = NULL, hook_rotated_at = NULL
         WHERE tenant_id = $1 AND psa = $2",
        tenant.0,
        connected.to_string()
    )?;
    Ok(HookChange::Again)
}

/// Addresses that lead to the connected instance beside the one that is shown end with that one; and, if it works, those of
/// systems that were left, which would take no calls any more.
async fn forget_others(tx: &mut Tx, tenant: TenantId) -> Result<()> {
    execute!(
        tx,
        concat!(
            "UPDATE psa_instances AS i SET hook_sha256 = NULL, hook_key = NULL, hook_secret = NULL, hook_rotated_at = NULL
             WHERE i.tenant_id = $1 AND EXISTS (
               SELECT 1 FROM psa_connections p JOIN psa_instances c ON c.tenant_id = p.tenant_id AND c.psa = p.psa
               WHERE p.tenant_id = i.tenant_id AND (i.merged_into = p.psa OR ",
            has_worked!("c"),
            "))"
        ),
        tenant.0
    )
    .map(drop)
}

/// A system that worked is connected again: addresses that were made for one that never let us in lead nowhere.
pub(super) async fn forget_mistakes(tx: &mut Tx, tenant: TenantId, connected: PsaInstance) -> Result<()> {
    execute!(
        tx,
        concat!(
            "UPDATE psa_instances AS i SET hook_sha256 = NULL, hook_key = NULL, hook_secret = NULL, hook_rotated_at = NULL
             WHERE i.tenant_id = $1 AND i.psa <> $2 AND i.merged_into IS NULL AND NOT ",
            has_worked!("i")
        ),
        tenant.0,
        connected.to_string()
    )
    .map(drop)
}
