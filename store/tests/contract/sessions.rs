//! Sessions of signed-in people.

use crate::support;
use std::collections::HashMap;
use store::testing::TestStore;
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};

support::on_both_engines! {
    a_session_is_kept_changed_and_ended,
    an_expired_session_is_not_found,
    expired_sessions_are_swept_out,
    a_session_is_found_from_another_node,
    the_table_does_not_hold_the_ids,
    what_a_session_holds_opens_with_its_id_alone,
}

fn record(minutes: i64) -> Record {
    let data = HashMap::from([("user".to_owned(), serde_json::json!("u-1"))]);
    Record { id: Id::default(), data, expiry_date: OffsetDateTime::now_utc() + Duration::minutes(minutes) }
}

async fn a_session_is_kept_changed_and_ended(store: TestStore) {
    let sessions = store.sessions();
    let mut record = record(10);
    sessions.create(&mut record).await.unwrap();
    let kept = sessions.load(&record.id).await.unwrap().unwrap();
    assert_eq!((kept.id, &kept.data), (record.id, &record.data));
    assert!((kept.expiry_date - record.expiry_date).abs() <= Duration::SECOND);
    record.data.insert("tenant".into(), serde_json::json!({"id": 7}));
    sessions.save(&record).await.unwrap();
    assert_eq!(sessions.load(&record.id).await.unwrap().unwrap().data, record.data);
    sessions.delete(&record.id).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap().is_none());
    assert!(sessions.load(&Id::default()).await.unwrap().is_none());
}

async fn an_expired_session_is_not_found(store: TestStore) {
    let sessions = store.sessions();
    let mut record = record(-1);
    sessions.create(&mut record).await.unwrap();
    assert!(sessions.load(&record.id).await.unwrap().is_none());
}

async fn expired_sessions_are_swept_out(store: TestStore) {
    let sessions = store.sessions();
    for minutes in [-5, -5, 10] {
        sessions.create(&mut record(minutes)).await.unwrap();
    }
    sessions.create(&mut record(10)).await.unwrap();
    let rows: Vec<(i64,)> = store.beside().await.rows("SELECT count(*) FROM sessions").await;
    assert_eq!(rows, [(2,)]);
}

async fn a_session_is_found_from_another_node(store: TestStore) {
    let mut record = record(10);
    store.sessions().create(&mut record).await.unwrap();
    let node = store.reopen().await;
    assert_eq!(node.sessions().load(&record.id).await.unwrap().unwrap().data, record.data);
}

async fn the_table_does_not_hold_the_ids(store: TestStore) {
    let mut record = record(10);
    store.sessions().create(&mut record).await.unwrap();
    let keys: Vec<(Vec<u8>,)> = store.beside().await.rows("SELECT sha256 FROM sessions").await;
    assert_eq!((keys.len(), keys[0].0.len()), (1, 32));
    assert!(!keys[0].0.windows(16).any(|bytes| bytes == record.id.0.to_be_bytes()));
}

async fn what_a_session_holds_opens_with_its_id_alone(store: TestStore) {
    let sessions = store.sessions();
    let (mut one, mut other) = (record(10), record(10));
    one.data.insert("once".into(), "ut_a-token-shown-once".into());
    sessions.create(&mut one).await.unwrap();
    sessions.create(&mut other).await.unwrap();
    let mut beside = store.beside().await;
    let kept: Vec<(String,)> = beside.rows("SELECT data FROM sessions").await;
    assert!(kept.iter().all(|(data,)| !data.contains("shown-once") && !data.contains("u-1")), "{kept:?}");
    // Moved to another person's row, it opens for nobody; and what an earlier version kept is as good as gone.
    beside.run("UPDATE sessions SET data = (SELECT min(data) FROM sessions)").await;
    let opened = [sessions.load(&one.id).await.unwrap(), sessions.load(&other.id).await.unwrap()];
    assert_eq!(opened.iter().flatten().count(), 1);
    beside.run("UPDATE sessions SET data = '{\"user\":\"u-1\"}'").await;
    assert!(sessions.load(&one.id).await.unwrap().is_none());
}
