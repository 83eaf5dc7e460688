//! Secrets of connections and webhook addresses under a new key.

use super::{TABLE_HOOKS, TABLE_MODEL, TABLE_PSA, place};
use crate::engine::{Scope, execute, fetch_all};
use crate::{Result, Store};
use uuid::Uuid;

impl Store {
    /// Seals every secret anew under the ring's first key; returns how many rows changed. Safe beside a running server.
    pub async fn reseal_all(&self) -> Result<u64> {
        let mut changed = 0;
        // A webhook address may go from one table to the other meanwhile.
        loop {
            match self.reseal_once().await? {
                0 => return Ok(changed),
                more => changed += more,
            }
        }
    }

    async fn reseal_once(&self) -> Result<u64> {
        let mut changed = 0;
        for (table, row, select, update) in [
            (
                TABLE_PSA,
                "secret",
                "SELECT tenant_id, sealed FROM psa_connections",
                "UPDATE psa_connections SET sealed = $1 WHERE tenant_id = $2 AND sealed = $3",
            ),
            (
                TABLE_MODEL,
                "secret",
                "SELECT tenant_id, sealed FROM model_connections WHERE sealed IS NOT NULL",
                "UPDATE model_connections SET sealed = $1 WHERE tenant_id = $2 AND sealed = $3",
            ),
            (
                TABLE_HOOKS,
                "key",
                "SELECT tenant_id, sealed_key FROM hooks",
                "UPDATE hooks SET sealed_key = $1 WHERE tenant_id = $2 AND sealed_key = $3",
            ),
            (
                TABLE_HOOKS,
                "secret",
                "SELECT tenant_id, sealed_secret FROM hooks",
                "UPDATE hooks SET sealed_secret = $1 WHERE tenant_id = $2 AND sealed_secret = $3",
            ),
            // Of systems that are not connected now.
            (
                TABLE_HOOKS,
                "key",
                "SELECT tenant_id, hook_key FROM psa_instances WHERE hook_key IS NOT NULL",
                "UPDATE psa_instances SET hook_key = $1 WHERE tenant_id = $2 AND hook_key = $3",
            ),
            (
                TABLE_HOOKS,
                "secret",
                "SELECT tenant_id, hook_secret FROM psa_instances WHERE hook_secret IS NOT NULL",
                "UPDATE psa_instances SET hook_secret = $1 WHERE tenant_id = $2 AND hook_secret = $3",
            ),
        ] {
            let mut reader = self.read(Scope::EveryTenant).await?;
            let sealed: Vec<(Uuid, Vec<u8>)> = fetch_all!(reader, (Uuid, Vec<u8>), select)?;
            drop(reader);
            for (tenant, old) in sealed {
                if self.inner.keys.is_current(&old) {
                    continue;
                }
                let place = place(tenant.into(), table, row);
                let new = self.inner.keys.seal(place, &self.inner.keys.open(place, &old)?);
                // Only if nobody saved another value meanwhile: that one is sealed with the present key already.
                changed += self
                    .write(
                        Scope::Tenant(tenant.into()),
                        (update, new, tenant, old),
                        |tx, (update, new, tenant, old)| {
                            Box::pin(async move { execute!(tx, *update, new, *tenant, old) })
                        },
                    )
                    .await?;
            }
        }
        Ok(changed)
    }
}
