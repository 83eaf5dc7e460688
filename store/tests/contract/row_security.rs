//! PostgreSQL itself keeps tenants apart: a statement without its WHERE finds nothing of another tenant's. The tables are
//! read from the catalog, so that a new one is tried too.

use crate::support::{at, tenant};
use crate::tenancy::{Full, full_of, psa};
use domain::backoff::Pace;
use store::Actor;
use store::connections::Which;
use store::testing::{Beside, TestStore};
use uuid::Uuid;

/// A table whose rows belong to tenants, and the column that says to which.
struct Table {
    name: String,
    tenant: String,
}

async fn tables_of_tenants(beside: &mut Beside) -> Vec<Table> {
    let found: Vec<(String, String)> = beside
        .rows(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND (column_name = 'tenant_id' OR (table_name = 'tenants' AND column_name = 'id'))
             ORDER BY table_name",
        )
        .await;
    assert!(found.len() >= 19, "{found:?}");
    found.into_iter().map(|(name, tenant)| Table { name, tenant }).collect()
}

/// What the lines in the failure's text make of it.
fn policy(table: &Table) -> String {
    format!(
        "tenancy * true (( SELECT undertone_every_tenant() AS undertone_every_tenant) OR ({} = ( SELECT undertone_tenant() AS undertone_tenant)))",
        table.tenant
    )
}

#[tokio::test]
async fn every_table_of_tenants_has_its_policy_and_not_even_the_owner_is_let_through() {
    let Some(store) = TestStore::postgres().await else { return };
    let mut beside = store.beside().await;
    for table in tables_of_tenants(&mut beside).await {
        let name = &table.name;
        let forced: Vec<(bool,)> = beside
            .rows(&format!(
                "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = '{name}'::regclass"
            ))
            .await;
        // A restrictive one lets through less, never more.
        let policies: Vec<(String,)> = beside
            .rows(&format!(
                "SELECT concat_ws(' ', polname, polcmd::text, CASE WHEN polpermissive THEN 'true' END,
                   pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
                 FROM pg_policy WHERE polrelid = '{name}'::regclass AND polroles = '{{0}}' AND polpermissive"
            ))
            .await;
        assert!(
            forced == [(true,)] && policies == [(policy(&table),)],
            "{name} is not walled off (it has {policies:?}). Its migration for PostgreSQL needs these lines:\n\
             ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n\
             CREATE POLICY tenancy ON {name} USING ((SELECT undertone_every_tenant()) OR {} = (SELECT undertone_tenant()));",
            table.tenant
        );
    }
}

/// Two tenants with rows in every table, and how many each has.
struct Two {
    acme: Uuid,
    bolt: Uuid,
    /// With acme's rows and bolt's.
    tables: Vec<(Table, u64, u64)>,
}

async fn two(store: &TestStore) -> Two {
    let Full { tenant: acme, .. } = full_of(store, "acme").await;
    let Full { tenant: bolt, .. } = full_of(store, "bolt").await;
    let (acme, bolt) = (acme.tenant_id().0, bolt.tenant_id().0);
    let mut beside = store.beside().await;
    // As an update leaves it: nothing in the program puts anything there.
    beside.run("INSERT INTO ticket_words_due (tenant_id, ticket_id) SELECT tenant_id, id FROM tickets").await;
    let mut tables = Vec::new();
    for table in tables_of_tenants(&mut beside).await {
        let (of_acme, of_bolt) =
            (count(&mut beside, &table, acme).await, count(&mut beside, &table, bolt).await);
        assert!(of_acme > 0 && of_bolt > 0, "{} is empty: let tenancy.rs::full_of fill it", table.name);
        tables.push((table, of_acme, of_bolt));
    }
    Two { acme, bolt, tables }
}

async fn count(beside: &mut Beside, table: &Table, tenant: Uuid) -> u64 {
    let Table { name, tenant: column } = table;
    let rows: Vec<(i64,)> =
        beside.rows(&format!("SELECT count(*) FROM {name} WHERE {column} = '{tenant}'")).await;
    rows[0].0.unsigned_abs()
}

async fn enter(beside: &mut Beside, scope: impl std::fmt::Display) {
    beside.run(&format!("SET undertone.tenant = '{scope}'")).await;
}

/// The distinct tenants whose rows a statement without WHERE finds.
async fn visible(beside: &mut Beside, table: &Table) -> Vec<(Uuid,)> {
    let Table { name, tenant } = table;
    beside.rows(&format!("SELECT DISTINCT {tenant} FROM {name} ORDER BY {tenant}")).await
}

/// Tries to write acme's first row again as bolt's.
async fn forge(beside: &mut Beside, table: &Table, bolt: Uuid) -> Result<u64, String> {
    let Table { name, tenant } = table;
    let columns: Vec<(String,)> = beside
        .rows(&format!(
            "SELECT string_agg(CASE WHEN column_name = '{tenant}' THEN '''{bolt}''::uuid' ELSE quote_ident(column_name) END,
               ', ' ORDER BY ordinal_position) FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{name}'"
        ))
        .await;
    beside.attempt(&format!("INSERT INTO {name} SELECT {} FROM {name} LIMIT 1", columns[0].0)).await
}

fn refused(outcome: &Result<u64, String>) -> bool {
    outcome.as_ref().is_err_and(|error| error.contains("row-level security"))
}

#[tokio::test]
async fn a_statement_without_its_where_reads_one_tenants_rows() {
    let Some(store) = TestStore::postgres().await else { return };
    let Two { acme, bolt, tables } = two(&store).await;
    let mut beside = store.stranger().await;
    for (table, ..) in &tables {
        for tenant in [acme, bolt] {
            enter(&mut beside, tenant).await;
            assert_eq!(visible(&mut beside, table).await, [(tenant,)], "{}", table.name);
        }
        enter(&mut beside, "every").await;
        assert_eq!(visible(&mut beside, table).await, [(acme,), (bolt,)], "{}", table.name);
    }
}

#[tokio::test]
async fn a_statement_without_its_where_changes_one_tenants_rows() {
    let Some(store) = TestStore::postgres().await else { return };
    let Two { acme, bolt, tables } = two(&store).await;
    let mut beside = store.stranger().await;
    for (table, of_acme, of_bolt) in &tables {
        let Table { name, tenant } = table;
        enter(&mut beside, acme).await;
        let same = beside.attempt(&format!("UPDATE {name} SET {tenant} = {tenant}")).await;
        assert_eq!(same, Ok(*of_acme), "{name}");
        let given_away = beside.attempt(&format!("UPDATE {name} SET {tenant} = '{bolt}'")).await;
        assert!(refused(&given_away), "{name}: {given_away:?}");
        let forged = forge(&mut beside, table, bolt).await;
        assert!(refused(&forged), "{name}: {forged:?}");
        beside.run("BEGIN").await;
        assert_eq!(beside.attempt(&format!("DELETE FROM {name}")).await, Ok(*of_acme), "{name}");
        beside.run("SET LOCAL undertone.tenant = 'every'").await;
        assert_eq!(visible(&mut beside, table).await, [(bolt,)], "{name}");
        assert_eq!(count(&mut beside, table, bolt).await, *of_bolt, "{name}");
        beside.run("ROLLBACK").await;
    }
}

#[tokio::test]
async fn who_does_not_say_whose_rows_it_wants_has_none() {
    let Some(store) = TestStore::postgres().await else { return };
    let Two { bolt, tables, .. } = two(&store).await;
    // One that never said, and one whose transaction did and is over.
    let never = store.stranger().await;
    let mut before = store.stranger().await;
    before.run("BEGIN; SET LOCAL undertone.tenant = 'every'; COMMIT").await;
    for mut beside in [never, before] {
        for (table, ..) in &tables {
            let Table { name, tenant } = table;
            assert!(visible(&mut beside, table).await.is_empty(), "{name}");
            assert_eq!(
                beside.attempt(&format!("UPDATE {name} SET {tenant} = {tenant}")).await,
                Ok(0),
                "{name}"
            );
            assert_eq!(beside.attempt(&format!("DELETE FROM {name}")).await, Ok(0), "{name}");
        }
        let written = format!("INSERT INTO intake VALUES ('{bolt}', 'autotask', '9', '{bolt}', now())");
        let written = beside.attempt(&written).await;
        assert!(refused(&written), "{written:?}");
    }
}

#[tokio::test]
async fn row_security_does_not_keep_a_statement_from_its_index() {
    let Some(store) = TestStore::postgres().await else { return };
    let acme = tenant(&store, "acme").await.tenant_id().0;
    let mut beside = store.stranger().await;
    enter(&mut beside, acme).await;
    // With few rows the planner would read them all.
    beside.run("SET enable_seqscan = off; SET enable_bitmapscan = off").await;
    let plan: Vec<(String,)> = beside
        .rows(&format!(
            "EXPLAIN SELECT id FROM tickets WHERE tenant_id = '{acme}' AND state = 'failed'
               AND (taken_in_at, id) < (now(), '{acme}') AND lower(title) LIKE '%x%' ORDER BY taken_in_at DESC, id DESC"
        ))
        .await;
    let plan: Vec<String> = plan.into_iter().map(|(line,)| line).collect();
    let by_index = plan.iter().find(|line| line.contains("Index Cond")).map_or("", String::as_str);
    for part in ["tenant_id", "state", "taken_in_at"] {
        assert!(by_index.contains(part), "{part} in {plan:#?}");
    }
    let once = plan.iter().filter(|line| line.contains("InitPlan")).count();
    assert_eq!(once, 2, "whose rows are visible is asked once a statement: {plan:#?}");
}

#[tokio::test]
async fn a_migration_that_changes_rows_finds_them() {
    let Some(store) = TestStore::postgres().await else { return };
    let acme = tenant(&store, "acme").await;
    acme.psa_connection_put(psa(), &Actor::System, at(0)).await.unwrap();
    acme.connection_paused(acme.newest_save(Which::Psa).await, "no", Pace::USUAL, 0.5, at(1)).await.unwrap();
    // As it was before the fifth migration, which gives paused connections the time of their next try.
    let mut beside = store.beside().await;
    for table in ["psa_connections", "model_connections"] {
        beside.run(&format!("ALTER TABLE {table} DROP COLUMN retry_at, DROP COLUMN retries")).await;
    }
    beside.run("DELETE FROM _sqlx_migrations WHERE version = 5").await;
    store.migrate().await.unwrap();
    let due: Vec<(bool,)> = beside.rows("SELECT retry_at = state_since FROM psa_connections").await;
    assert_eq!(due, [(true,)]);
}

#[tokio::test]
async fn a_role_that_row_security_does_not_bind_is_named() {
    assert_eq!(TestStore::sqlite().await.unbound_role().await.unwrap(), None);
    let Some(store) = TestStore::postgres().await else { return };
    let unbound = store.unbound_role().await.unwrap();
    assert_eq!(unbound, None, "UNDERTONE_TEST_PG must name an ordinary role with CREATEDB");
    // A server that was given may have no such superuser, or ask it for a password.
    let Some(mighty) = store.reopen_as_superuser().await else { return };
    assert_eq!(mighty.unbound_role().await.unwrap().as_deref(), Some("postgres"));
    mighty.close().await;
}
