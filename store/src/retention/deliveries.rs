//! Webhook calls that are done with go when nobody asks for them any more.
//!
//! That a ticket was taken in is kept elsewhere (`intake`), so a call that is repeated after its row is gone makes no
//! second analysis.

use super::{Tidied, going_on, one_of};
use crate::engine::{Query, Tx, execute_query, fetch_all, sql};
use crate::rows::{self, Cursor};
use crate::{Result, TenantStore};
use chrono::{DateTime, Utc};
use uuid::Uuid;

impl TenantStore {
    /// Removes calls that came before `before` and were analysed or left alone, oldest first. What waits or was given up
    /// stays, and so does the call that a job goes back to. Looks at `limit` of them at most, from `after` on (begin with
    /// `None`).
    pub async fn deliveries_trim(
        &self,
        before: DateTime<Utc>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Tidied> {
        let after = Cursor::read(after)?.map_or(Uuid::nil(), |after| after.id);
        self.write_later((self.tenant.0, before, after, limit), |tx, (tenant, before, after, limit)| {
            Box::pin(remove(tx, *tenant, *before, *after, *limit))
        })
        .await
    }
}

/// `$1` tenant, `$2` after which, `$3` before which, `$4` how many.
macro_rules! old {
    ($lock:literal) => {
        concat!(
            "SELECT id, received_at FROM deliveries
             WHERE tenant_id = $1 AND id > $2 AND id < $3 AND state IN ('ignored', 'done') ORDER BY id LIMIT $4",
            $lock
        )
    };
}

async fn remove(tx: &mut Tx, tenant: Uuid, before: DateTime<Utc>, after: Uuid, limit: u32) -> Result<Tidied> {
    // Locked first: from then on no job can come to need one, and those that do are seen below.
    let seen: Vec<(Uuid, DateTime<Utc>)> = fetch_all!(
        tx,
        (Uuid, DateTime<Utc>),
        sql!(tx, sqlite: old!(""), postgres: old!(" FOR UPDATE SKIP LOCKED")),
        tenant,
        after,
        rows::first_id_at(before),
        i64::from(limit)
    )?;
    let next = going_on(seen.len(), limit, seen.last().map(|&(id, at)| Cursor { at, id }));
    if seen.is_empty() {
        return Ok(Tidied { removed: 0, next });
    }
    let mut query = Query::new("DELETE FROM deliveries WHERE tenant_id = ");
    query.bind(tenant).push(" AND ");
    one_of(&mut query, "id", seen.iter().map(|(id, _)| *id));
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant_id = deliveries.tenant_id AND j.delivery_id = deliveries.id)",
    );
    Ok(Tidied { removed: execute_query!(tx, query)?, next })
}
