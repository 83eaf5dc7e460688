//! Whose rows a transaction may see and write. On PostgreSQL its rules of row security judge by it (migration 0008), so
//! that a statement which renames its tenant finds nothing of another's. SQLite has no such rules, and is told nothing.

use domain::TenantId;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Only what belongs to no tenant: people, sessions, attempts to sign in.
    NoTenant,
    /// What all of [`crate::TenantStore`] runs in.
    Tenant(TenantId),
    /// What by its nature crosses tenants: the door, the queue, probes, sign-in, the operator's commands, migrations.
    EveryTenant,
}

/// The statement that enters the scope. It holds until the transaction ends, or until its savepoint is rolled back: a
/// pooled connection takes none along.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTenant => f.write_str("SET LOCAL undertone.tenant = ''"),
            Self::Tenant(tenant) => write!(f, "SET LOCAL undertone.tenant = '{}'", tenant.0),
            Self::EveryTenant => f.write_str("SET LOCAL undertone.tenant = 'every'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::NewTenant;
    use crate::engine::{Engine, Pools, Tx, execute, fetch_one};
    use crate::testing::TestStore;
    use crate::writer::{Batch, Flush, Operation, Operations, asked};
    use crate::{Result, StoreError};
    use chrono::DateTime;
    use futures::FutureExt;
    use uuid::Uuid;

    async fn tenant(store: &TestStore, name: &str) -> TenantId {
        let new = NewTenant {
            name: name.into(),
            owner_email: format!("owner@{name}.example"),
            owner_name: name.into(),
            password_hash: "none".into(),
        };
        store.tenant_create(new, DateTime::UNIX_EPOCH).await.unwrap().0
    }

    /// How many tenants a statement finds that names none.
    const TENANTS: &str = "SELECT count(*) FROM tenants";

    async fn rename(tx: &mut Tx) -> Result<u64> {
        execute!(tx, "UPDATE tenants SET name = name")
    }

    #[tokio::test]
    async fn what_a_tenant_reads_and_writes_without_naming_itself_is_its_own() {
        let Some(store) = TestStore::postgres().await else { return };
        let (acme, _bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
        let mut reader = store.tenant(acme).read().await.unwrap();
        assert_eq!(fetch_one!(reader, (i64,), TENANTS).unwrap(), (1,));
        for (scope, seen) in [(Scope::NoTenant, 0), (Scope::Tenant(acme), 1), (Scope::EveryTenant, 2)] {
            let mut reader = store.read(scope).await.unwrap();
            assert_eq!(fetch_one!(reader, (i64,), TENANTS).unwrap(), (seen,), "{scope:?}");
        }
        let own = store.tenant(acme);
        assert_eq!(own.write((), |tx, ()| Box::pin(rename(tx))).await.unwrap(), 1);
        let nobodys = store.write(Scope::NoTenant, (), |tx, ()| Box::pin(rename(tx)));
        assert_eq!(nobodys.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_reader_changes_nothing() {
        for store in [Some(TestStore::sqlite().await), TestStore::postgres().await].into_iter().flatten() {
            tenant(&store, "acme").await;
            let mut reader = store.read(Scope::EveryTenant).await.unwrap();
            assert!(execute!(reader, "UPDATE tenants SET name = name").is_err(), "{}", store.engine_name());
        }
    }

    #[tokio::test]
    async fn a_pooled_connection_takes_no_scope_along() {
        let Some(store) = TestStore::postgres().await else { return };
        let acme = store.tenant(tenant(&store, "acme").await);
        let mut reader = acme.read().await.unwrap();
        assert_eq!(fetch_one!(reader, (i64,), TENANTS).unwrap(), (1,));
        drop(reader);
        // Broken off before it has its answer, while the transaction is open.
        let mut reader = acme.read().await.unwrap();
        let cut = async { fetch_one!(reader, (i64,), "SELECT count(*) FROM tenants, pg_sleep(0.1)") }
            .now_or_never();
        assert!(cut.is_none());
        drop(reader);
        acme.write((), |tx, ()| Box::pin(rename(tx))).await.unwrap();
        let failed = acme.write((), |tx, ()| {
            Box::pin(async move {
                tx.enter(Scope::EveryTenant).await?;
                Err::<(), StoreError>(StoreError::LeaseLost)
            })
        });
        assert!(failed.await.is_err());

        let Pools::Postgres(pool) = &store.inner.pools else { panic!("it is PostgreSQL") };
        let (mut connections, mut used) = (Vec::new(), 0);
        for _ in 0..crate::engine::POSTGRES_CONNECTIONS {
            let mut connection = pool.acquire().await.unwrap();
            let said: Option<String> = sqlx::query_scalar("SELECT current_setting('undertone.tenant', true)")
                .fetch_one(&mut *connection)
                .await
                .unwrap();
            used += usize::from(said.is_some());
            assert_eq!(said.unwrap_or_default(), "");
            connections.push(connection);
        }
        assert!(used > 0, "one that was used is among them");
    }

    /// The scope that PostgreSQL is in.
    async fn told(tx: &mut Tx) -> Result<String> {
        match tx.engine() {
            Engine::Postgres => fetch_one!(tx, (String,), "SELECT current_setting('undertone.tenant', true)")
                .map(|(told,)| told),
            Engine::Sqlite => Ok(String::new()),
        }
    }

    #[tokio::test]
    async fn each_operation_of_a_batch_has_its_own_scope_even_after_one_that_failed() {
        let Some(store) = TestStore::postgres().await else { return };
        let (acme, bolt) = (TenantId(Uuid::new_v4()), TenantId(Uuid::new_v4()));
        let scopes = [
            Scope::Tenant(acme),
            Scope::Tenant(bolt),
            Scope::Tenant(bolt),
            Scope::NoTenant,
            Scope::EveryTenant,
            Scope::Tenant(acme),
        ];
        let (mut items, mut answers): (Vec<Box<dyn Operation>>, Vec<_>) = (Vec::new(), Vec::new());
        for scope in scopes {
            let (item, answer) = asked(Flush::Later, scope, (), |tx, ()| Box::pin(told(tx)));
            items.push(item);
            answers.push(answer);
            // It goes into another scope, and fails there.
            let (item, _) = asked(Flush::Later, scope, (), |tx, ()| {
                Box::pin(async move {
                    tx.enter(Scope::EveryTenant).await?;
                    Err::<(), StoreError>(StoreError::LeaseLost)
                })
            });
            items.push(item);
            let (item, answer) = asked(Flush::Later, scope, (), |tx, ()| Box::pin(told(tx)));
            items.push(item);
            answers.push(answer);
        }
        let mut tx = store.inner.pools.begin(Flush::Later, Operations::scope(&items[0])).await.unwrap();
        Operations::carry_out(&mut items, &mut tx).await.unwrap();
        tx.commit().await.unwrap();
        items.into_iter().for_each(|item| Operations::answer(item, None));
        let mut said = Vec::new();
        for answer in answers {
            said.push(answer.await.unwrap().unwrap());
        }
        let wanted = scopes.iter().flat_map(|scope| {
            let value = match scope {
                Scope::NoTenant => String::new(),
                Scope::Tenant(tenant) => tenant.0.to_string(),
                Scope::EveryTenant => "every".into(),
            };
            [value.clone(), value]
        });
        assert_eq!(said, wanted.collect::<Vec<_>>());
    }
}
