//! How many processes work on tickets, and what time their database has.

use crate::support::{self, at};
use store::testing::TestStore;

support::on_both_engines! {
    each_process_that_works_is_counted_until_it_goes,
    a_process_that_is_not_heard_of_is_not_counted,
    postgres_has_a_clock_of_its_own,
}

async fn each_process_that_works_is_counted_until_it_goes(store: TestStore) {
    let other = store.reopen().await;
    assert_eq!(store.node_seen(at(0)).await.unwrap(), 1);
    assert_eq!(other.node_seen(at(1)).await.unwrap(), 2);
    assert_eq!(store.node_seen(at(2)).await.unwrap(), 2);
    other.node_gone().await.unwrap();
    other.node_gone().await.unwrap();
    assert_eq!(store.node_seen(at(3)).await.unwrap(), 1);
}

async fn a_process_that_is_not_heard_of_is_not_counted(store: TestStore) {
    let other = store.reopen().await;
    assert_eq!(store.node_seen(at(0)).await.unwrap(), 1);
    assert_eq!(other.node_seen(at(0)).await.unwrap(), 2);
    store.beside().await.run("UPDATE nodes SET seen_at = '2020-01-01 00:00:00+00:00'").await;
    assert_eq!(store.node_seen(at(1)).await.unwrap(), 1);
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is held against the machine's")]
async fn postgres_has_a_clock_of_its_own(store: TestStore) {
    let time = store.database_time().await.unwrap();
    assert_eq!(time.is_some(), store.engine_name() == "postgres");
    // Of this machine here, so the year is the same but at New Year's.
    assert!(time.is_none_or(|time| (time - chrono::Utc::now()).num_hours() == 0));
}
