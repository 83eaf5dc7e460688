//! Both engines have the same migrations, and they make the same tables.

use std::collections::BTreeSet;
use std::path::Path;
use store::testing::TestStore;
use store::{KeyRing, Store, StoreError};

fn files(engine: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(engine);
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn both_engines_have_the_same_migrations() {
    let sqlite = files("sqlite");
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite, files("postgres"));
}

#[test]
fn sqlite_tables_are_strict() {
    for name in files("sqlite") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite").join(&name);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.matches("CREATE TABLE").count(), text.matches(") STRICT").count(), "{name}");
    }
}

/// What finds tickets by their words is each engine's own: SQLite's full-text index with its tables, and `tsvector`.
fn is_of_words(table: &str) -> bool {
    table == "ticket_words" || table.starts_with("ticket_words_index")
}

/// Table, column, type, may be empty.
type Column = (String, String, String, bool);

#[tokio::test]
async fn both_engines_yield_the_same_tables_columns_and_indexes() {
    let sqlite = TestStore::sqlite().await;
    let Some(postgres) = TestStore::postgres().await else { return };
    let (mut here, mut there) = (sqlite.beside().await, postgres.beside().await);
    let mut of_sqlite: Vec<Column> = here
        .rows(
            "SELECT t.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_schema t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> '_sqlx_migrations'",
        )
        .await;
    let of_postgres: Vec<Column> = there
        .rows(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable = 'YES' FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
        )
        .await;
    of_sqlite.retain(|(table, ..)| !is_of_words(table));
    let mut of_postgres: Vec<Column> = of_postgres
        .into_iter()
        .filter(|(table, ..)| !is_of_words(table))
        .map(|(table, column, kind, empty)| {
            let kind = match kind.as_str() {
                "uuid" | "bytea" => "BLOB",
                "text" | "date" | "timestamp with time zone" => "TEXT",
                "bigint" | "boolean" => "INTEGER",
                other => panic!("{table}.{column} is {other}, which SQLite's twin has no word for"),
            };
            (table, column, kind.to_owned(), empty)
        })
        .collect();
    of_sqlite.sort();
    of_postgres.sort();
    assert!(of_sqlite.len() > 100);
    assert_eq!(of_sqlite, of_postgres);

    let of_sqlite: BTreeSet<(String, String)> = here
        .rows("SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        .await
        .into_iter()
        .collect();
    let of_postgres: BTreeSet<(String, String)> = there
        .rows(
            "SELECT tablename::text, indexname::text FROM pg_indexes
             WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)",
        )
        .await
        .into_iter()
        .filter(|(table, _): &(String, String)| !is_of_words(table))
        .collect();
    assert_eq!(of_sqlite, of_postgres);
}

#[tokio::test]
async fn what_is_missing_is_named_until_it_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("undertone.db").display());
    let store = Store::open(&url, KeyRing::parse(&KeyRing::generate(None)).unwrap()).await.unwrap();
    let pending = store.pending_migrations().await.unwrap();
    assert_eq!(pending.len(), files("sqlite").len());
    assert_eq!(pending[0], "0001 accounts");
    store.migrate().await.unwrap();
    assert!(store.pending_migrations().await.unwrap().is_empty());
    store.migrate().await.unwrap();
    if let Some(postgres) = TestStore::postgres().await {
        assert!(postgres.pending_migrations().await.unwrap().is_empty());
        postgres.beside().await.run("DROP TABLE _sqlx_migrations").await;
        assert_eq!(postgres.pending_migrations().await.unwrap(), pending);
    }
}

#[tokio::test]
async fn an_address_of_another_kind_is_refused() {
    let keys = KeyRing::parse(&KeyRing::generate(None)).unwrap();
    let refused = Store::open("mysql://localhost/undertone", keys).await;
    assert!(matches!(refused, Err(StoreError::Unsupported(_))));
}
