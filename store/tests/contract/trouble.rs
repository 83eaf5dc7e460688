//! A database that is full, locked or gone: told apart from our own mistakes, and nothing is half kept.

use crate::support::{self, arrive, at, created, delivery, plan, read, scored, tenant};
use domain::Mode;
use futures::future::join_all;
use std::time::Duration;
use store::jobs::Share;
use store::testing::{Stop, TestStore};
use store::tickets::TicketFilter;
use store::{KeyRing, Store, StoreError, TenantStore, VaultError};

support::on_both_engines! {
    a_full_database_takes_nothing_and_recovers,
    a_locked_database_is_unavailable_and_recovers,
    a_closed_store_is_unavailable_after_it_kept_what_waited,
    too_many_callers_are_turned_away_at_once,
    one_failing_operation_of_a_batch_harms_no_other,
    stages_of_many_tickets_on_several_nodes_do_not_stand_in_each_others_way,
    an_unreadable_row_is_named,
    the_database_answers,
}

fn unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
}

async fn a_full_database_takes_nothing_and_recovers(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    store.fill().await;
    let big = |key: &str| {
        let mut big = delivery(acme.tenant_id(), key, created(key), 0);
        big.body = vec![b'x'; 1 << 20];
        big
    };
    for outcome in join_all(["1", "2", "3"].map(|key| store.accept(big(key)))).await {
        unavailable(outcome);
    }
    store.make_room().await;
    let health = store.queue_health().await.unwrap();
    assert_eq!(health.ready, 0, "nothing was kept");
    assert!(!store.accept(big("1")).await.unwrap().repeated);
}

async fn a_locked_database_is_unavailable_and_recovers(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let mut beside = store.beside().await;
    let lock = match store.engine_name() {
        "sqlite" => "BEGIN IMMEDIATE",
        _ => "BEGIN; LOCK TABLE deliveries, prompts IN ACCESS EXCLUSIVE MODE",
    };
    beside.run(lock).await;
    let by = store::Actor::System;
    let (door, other) = tokio::join!(
        store.accept(delivery(acme.tenant_id(), "k", created("7"), 0)),
        acme.prompt_put("template", &by, at(0)),
    );
    unavailable(door);
    unavailable(other);
    beside.run("ROLLBACK").await;
    assert!(!arrive(&acme, "7", 1).await.repeated);
}

async fn a_closed_store_is_unavailable_after_it_kept_what_waited(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let node = store.reopen().await;
    let there = node.tenant(acme.tenant_id());
    let mut waiting: Vec<_> = ["1", "2", "3"].map(|ticket| Box::pin(arrive(&there, ticket, 0))).into();
    for call in &mut waiting {
        assert!(futures::poll!(call).is_pending());
    }
    let (_, answers) = tokio::join!(node.close(), join_all(waiting));
    assert!(answers.iter().all(|accepted| !accepted.repeated));
    unavailable(node.accept(delivery(acme.tenant_id(), "late", created("9"), 0)).await);
    unavailable(node.job_claim(at(1), support::LEASE, 1, Share::of(1)).await);
    unavailable(node.ping().await);
    assert_eq!(store.queue_health().await.unwrap().ready, 3);
}

async fn too_many_callers_are_turned_away_at_once(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let mut calls: Vec<_> = (0..10_000)
        .map(|index| Box::pin(store.accept(delivery(acme.tenant_id(), &index.to_string(), created("7"), 0))))
        .collect();
    let mut turned_away = 0;
    for call in &mut calls {
        if let std::task::Poll::Ready(outcome) = futures::poll!(call) {
            unavailable(outcome);
            turned_away += 1;
        }
    }
    assert!(turned_away > 1000, "{turned_away}");
    drop(calls);
    // The others go through, and then there is room again.
    let room = async {
        while let Err(error) = store.accept(delivery(acme.tenant_id(), "after", created("8"), 1)).await {
            unavailable(Err::<(), _>(error));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), room).await.unwrap();
}

async fn one_failing_operation_of_a_batch_harms_no_other(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let tickets: Vec<String> = (0..20).map(|index| index.to_string()).collect();
    join_all(tickets.iter().map(|ticket| arrive(&acme, ticket, 0))).await;
    let jobs = store.job_claim(at(0), support::LEASE, 20, Share::of(20)).await.unwrap();
    // Every other holder has lost its lease: those jobs were claimed by someone else meanwhile.
    let renewed: Vec<_> = jobs.iter().map(|job| job.lease).step_by(2).collect();
    store.job_renew(&renewed, at(1000)).await.unwrap();
    assert_eq!(store.job_claim(at(100), support::LEASE, 20, Share::of(20)).await.unwrap().len(), 10);
    let ends = jobs
        .iter()
        .map(async |job| acme.ticket_read(job.lease, &read(&job.external_ticket, "c"), at(101)).await);
    let outcomes = join_all(ends).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        let kept = renewed.contains(&jobs[index].lease);
        match outcome {
            Ok(_) => assert!(kept),
            Err(error) => assert!(!kept && matches!(error, StoreError::LeaseLost), "{error:?}"),
        }
    }
    assert_eq!(acme.ticket_list(&TicketFilter::default(), 100, None).await.unwrap().rows.len(), 10);
}

async fn stages_of_many_tickets_on_several_nodes_do_not_stand_in_each_others_way(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let tickets: Vec<String> = (0..60).map(|index| index.to_string()).collect();
    join_all(tickets.iter().map(|ticket| arrive(&acme, ticket, 0))).await;
    let nodes = join_all((0..4).map(|_| store.reopen())).await;
    join_all(nodes.iter().map(|node| work(node, acme.tenant_id()))).await;
    let day = acme.today(at(0)).await.unwrap();
    let overview = acme.overview(day, day.succ_opt().unwrap()).await.unwrap();
    assert_eq!((overview.tally.analysed, overview.tally.negative), (60, 60));
}

/// Reads and scores until nothing is left for anyone.
async fn work(node: &Store, tenant: domain::TenantId) {
    let acme = node.tenant(tenant);
    loop {
        let jobs = node.job_claim(at(1), support::LEASE, 8, Share::of(100)).await.unwrap();
        join_all(jobs.iter().map(async |job| match job.ticket {
            None => drop(support::end_read(&acme, job, &read(&job.external_ticket, "c"), 1).await),
            Some(ticket) => {
                let (assessment, plan, provenance) =
                    (support::assessment(5), plan(Mode::Shadow, 5, &["update"]), support::provenance());
                acme.analysis_scored(job.lease, ticket, &assessment, &plan, 1, &provenance, at(2))
                    .await
                    .unwrap();
            }
        }))
        .await;
        let health = node.queue_health().await.unwrap();
        if health.ready + health.leased == 0 {
            return;
        }
    }
}

async fn an_unreadable_row_is_named(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = scored(&acme, "7", "c", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    store.beside().await.run("UPDATE analyses SET plan = '{'; UPDATE tickets SET sentiment = 9").await;
    let error = acme.analysis_latest(ticket).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { table: "analyses", column: "plan", .. }), "{error:?}");
    let error = acme.ticket_list(&TicketFilter::default(), 1, None).await.unwrap_err();
    assert_eq!(error.to_string(), "tickets.sentiment of a row is not readable");
}

async fn the_database_answers(store: TestStore) {
    store.ping().await.unwrap();
    assert!(["sqlite", "postgres"].contains(&store.engine_name()));
    let acme = tenant(&store, "acme").await;
    assert_eq!(acme.store().engine_name(), store.engine_name());
}

#[tokio::test]
async fn a_backup_is_a_whole_database_taken_beside_the_writers() {
    let store = TestStore::sqlite().await;
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "1", 0).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy of it.db");
    let (copied, _) = tokio::join!(store.backup(&copy), arrive(&acme, "2", 1));
    copied.unwrap();
    let restored = Store::open(&format!("sqlite://{}", copy.display()), store.keys().clone()).await.unwrap();
    assert!(restored.pending_migrations().await.unwrap().is_empty());
    let job = claim_first(&restored).await;
    assert_eq!(job, "1");
    assert!(store.backup(&copy).await.is_err(), "what is there is not overwritten");
    arrive(&acme, "3", 2).await;
    assert_eq!(store.queue_health().await.unwrap().ready, 3, "the reader that copied reads on");
}

async fn claim_first(store: &Store) -> String {
    store.job_claim(at(0), support::LEASE, 1, Share::of(1)).await.unwrap().remove(0).external_ticket
}

#[tokio::test]
async fn postgres_is_backed_up_with_its_own_tool() {
    let Some(store) = TestStore::postgres().await else { return };
    let refused = store.backup(std::path::Path::new("/nowhere")).await.unwrap_err();
    assert!(refused.to_string().contains("pg_dump"), "{refused}");
}

#[test]
fn a_key_file_is_read_line_by_line() {
    let one = KeyRing::generate(None);
    let key = one.trim().split_once(':').unwrap().1;
    let good = [one.clone(), KeyRing::generate(Some(&one)), format!("# ours\n\n a:{key} # newest\n")];
    for text in good {
        KeyRing::parse(&text).unwrap();
    }
    for (text, line) in [
        (String::new(), 1),
        ("# nothing\n".into(), 1),
        (format!("{key}\n"), 1),
        (format!("a:{key}\na:{key}\n"), 2),
        (format!("\n:{key}\n"), 2),
        ("a:not base64!\n".into(), 1),
        ("a:AAAA\n".into(), 1),
    ] {
        let error = KeyRing::parse(&text).unwrap_err();
        assert!(matches!(error, VaultError::KeyFile { line: at, .. } if at == line), "{text:?}: {error}");
        assert!(!error.to_string().contains(key), "the key itself is not in the message");
    }
    let ring = KeyRing::parse(&format!("a:{key}\n")).unwrap();
    assert_eq!(format!("{ring:?}"), "[\"a\"]");
}

#[tokio::test]
async fn a_database_that_is_restarted_is_used_again_and_its_news_are_heard_again() {
    let Some(store) = TestStore::postgres_alone().await else { return };
    let (acme, node) = (tenant(&store, "acme").await, store.reopen().await);
    heard(&node, &acme, "before").await;
    for (how, ticket) in [(Stop::Fast, "1"), (Stop::Immediate, "2")] {
        let id = acme.store().accept(delivery(acme.tenant_id(), ticket, created(ticket), 0)).await.unwrap();
        store.stop_server(how).await;
        unavailable(store.accept(delivery(acme.tenant_id(), "x", created("x"), 0)).await);
        unavailable(node.queue_health().await);
        // Long enough that one who listens notices.
        let silence = tokio::time::timeout(Duration::from_millis(300), node.work_arrived()).await;
        drop(silence);
        store.start_server().await;
        assert!(acme.delivery_fetch(id.delivery).await.unwrap().is_some(), "what was accepted is there");
        heard(&node, &acme, &format!("after {ticket}")).await;
    }
}

/// Another node hears of a ticket, however often it has to come: nobody listens for a moment after a restart.
async fn heard(node: &Store, acme: &TenantStore, name: &str) {
    let news = async {
        let mut number = 0;
        loop {
            // Announcements of listening itself are no news: only one right after an arrival counts.
            while tokio::time::timeout(Duration::from_millis(200), node.work_arrived()).await.is_ok() {}
            number += 1;
            arrive(acme, &format!("{name} {number}"), 1).await;
            if tokio::time::timeout(Duration::from_millis(500), node.work_arrived()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), news).await.expect("news are heard");
}
