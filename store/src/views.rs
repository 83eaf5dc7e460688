//! Lists of tickets that people keep under a name.

use crate::engine::{execute, fetch_all, fetch_one};
use crate::rows::{self, clean};
use crate::{Result, StoreError, TenantStore};
use chrono::{DateTime, Utc};
use domain::UserId;
use uuid::Uuid;

/// Views that one person may keep.
pub const MOST_VIEWS: i64 = 30;

/// A list under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketView {
    pub id: Uuid,
    pub name: String,
    /// Filters, order and columns as they stand in the address, without `?`.
    pub query: String,
    /// Everybody of the workspace sees it.
    pub shared: bool,
    /// The person who asked keeps it, and may let it go.
    pub own: bool,
}

impl TenantStore {
    /// A person's own, and those that others share, by name.
    pub async fn view_list(&self, user: UserId) -> Result<Vec<TicketView>> {
        let mut reader = self.read().await?;
        let found: Vec<(Uuid, String, String, bool, Uuid)> = fetch_all!(
            reader,
            (Uuid, String, String, bool, Uuid),
            "SELECT id, name, query, shared, user_id FROM ticket_views WHERE tenant_id = $1 AND (user_id = $2 OR shared)",
            self.tenant.0,
            user.0
        )?;
        let views = found.into_iter().map(|(id, name, query, shared, of)| TicketView {
            id,
            name,
            query,
            shared,
            own: of == user.0,
        });
        let mut views: Vec<TicketView> = views.collect();
        views.sort_by_cached_key(|view| (view.name.to_lowercase(), view.id));
        Ok(views)
    }

    /// Keeps a list under a name; one of that name that the person has is replaced.
    /// [`StoreError::Conflict`]: there are [`MOST_VIEWS`] already.
    pub async fn view_put(
        &self,
        user: UserId,
        name: &str,
        query: &str,
        shared: bool,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let input = (self.tenant.0, user.0, clean(name).into_owned(), clean(query).into_owned(), shared, now);
        self.write(input, |tx, (tenant, user, name, query, shared, now)| {
            Box::pin(async move {
                execute!(
                    tx,
                    "DELETE FROM ticket_views WHERE tenant_id = $1 AND user_id = $2 AND name = $3",
                    *tenant,
                    *user,
                    name
                )?;
                let (count,): (i64,) = fetch_one!(
                    tx,
                    (i64,),
                    "SELECT count(*) FROM ticket_views WHERE tenant_id = $1 AND user_id = $2",
                    *tenant,
                    *user
                )?;
                if count >= MOST_VIEWS {
                    return Err(StoreError::Conflict { what: "room for views" });
                }
                execute!(
                    tx,
                    "INSERT INTO ticket_views (tenant_id, id, user_id, name, query, shared, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    *tenant,
                    rows::id_at(*now),
                    *user,
                    name,
                    query,
                    *shared,
                    *now
                )
                .map(drop)
            })
        })
        .await
    }

    /// Lets one of a person's own go. `false`: there is none.
    pub async fn view_delete(&self, user: UserId, id: Uuid) -> Result<bool> {
        self.write((self.tenant.0, user.0, id), |tx, (tenant, user, id)| {
            Box::pin(async move {
                let gone = execute!(
                    tx,
                    "DELETE FROM ticket_views WHERE tenant_id = $1 AND user_id = $2 AND id = $3",
                    *tenant,
                    *user,
                    *id
                )?;
                Ok(gone > 0)
            })
        })
        .await
    }
}
