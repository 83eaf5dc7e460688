//! The tenant's own webhook address: unguessable, sealed in the row, found by its hash.

use super::{instance_of, open_psa, place};
use crate::accounts::sha256;
use crate::engine::{Scope, Tx, execute, fetch_one, fetch_optional};
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

impl Store {
    /// Whose webhook address this is. By the SHA-256 of the key, so that time tells nothing.
    pub async fn hook_lookup(&self, key: &str) -> Result<Option<HookOwner>> {
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

    /// A new key and secret; the old address stops at once.
    pub async fn hook_rotate(&self, actor: &Actor, now: DateTime<Utc>) -> Result<Hook> {
        self.write((self.clone(), actor.clone(), now), |tx, (this, actor, now)| {
            Box::pin(async move {
                let hook = hook_put(tx, &this.store.inner.keys, this.tenant, *now).await?;
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

/// The present address is kept for when the instance is connected again. Until then nobody is let in by it: what calls it
/// tells of tickets that are elsewhere.
pub(super) async fn leave(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<()> {
    execute!(
        tx,
        "UPDATE psa_instances SET hook_sha256 = h.key_sha256, hook_key = h.sealed_key, hook_secret = h.sealed_secret,
           hook_rotated_at = h.rotated_at
         FROM hooks h
         WHERE h.tenant_id = $1 AND psa_instances.tenant_id = $1 AND psa_instances.psa = $2",
        tenant.0,
        instance.to_string()
    )
    .map(drop)
}

/// The address that the instance had when it was left, or a new one.
pub(super) async fn take_up(
    tx: &mut Tx,
    keys: &KeyRing,
    tenant: TenantId,
    instance: PsaInstance,
    now: DateTime<Utc>,
) -> Result<()> {
    if restore(tx, tenant, instance).await? {
        return Ok(());
    }
    hook_put(tx, keys, tenant, now).await.map(drop)
}

/// The instance was left by mistake, and the address that was made meanwhile is not used: it has its own again. `true`: so
/// it is.
pub(super) async fn take_up_again(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<bool> {
    let called: Option<(i64,)> = fetch_optional!(
        tx,
        (i64,),
        "SELECT CAST(1 AS bigint) FROM hooks h WHERE h.tenant_id = $1 AND EXISTS (
           SELECT 1 FROM deliveries d WHERE d.tenant_id = h.tenant_id AND d.received_at >= h.rotated_at
             AND NOT d.by_sweep)",
        tenant.0
    )?;
    if called.is_none() {
        return restore(tx, tenant, instance).await;
    }
    forget(tx, tenant, instance).await?;
    Ok(false)
}

async fn restore(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<bool> {
    let restored = execute!(
        tx,
        "UPDATE hooks SET key_sha256 = i.hook_sha256, sealed_key = i.hook_key, sealed_secret = i.hook_secret,
           rotated_at = i.hook_rotated_at
         FROM psa_instances i
         WHERE i.tenant_id = $1 AND i.psa = $2 AND i.hook_sha256 IS NOT NULL AND hooks.tenant_id = $1",
        tenant.0,
        instance.to_string()
    )?;
    forget(tx, tenant, instance).await?;
    Ok(restored > 0)
}

async fn forget(tx: &mut Tx, tenant: TenantId, instance: PsaInstance) -> Result<()> {
    execute!(
        tx,
        "UPDATE psa_instances SET hook_sha256 = NULL, hook_key = NULL, hook_secret = NULL, hook_rotated_at = NULL
         WHERE tenant_id = $1 AND psa = $2",
        tenant.0,
        instance.to_string()
    )
    .map(drop)
}
