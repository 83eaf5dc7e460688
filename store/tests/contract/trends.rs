//! Roll-ups always equal the sum of the tickets.

use crate::support::{self, arrive, at, claim, plan, read, scored, tenant};
use chrono::NaiveDate;
use domain::trend::Tally;
use domain::{ActionState, Choice, Effect, Lever, Mode};
use store::ledger::{Outcome, Rest};
use store::testing::TestStore;
use store::trends::{Bucket, Overview, keys_of};
use store::{Actor, TenantStore};

support::on_both_engines! {
    analysed_tickets_are_counted_by_label,
    skipped_tickets_are_not_counted,
    what_was_done_in_the_psa_is_counted_once,
    a_replay_replaces_what_the_ticket_counted_as,
    a_replay_that_skips_takes_the_ticket_out,
    buckets_without_tickets_are_there_and_zero,
    clients_come_worst_first_and_a_single_ticket_does_not_outweigh_a_bad_month,
    a_renamed_client_has_its_newest_name,
    the_median_is_of_the_first_way_through,
    rebuilding_gives_what_counting_gave,
    an_update_adds_up_the_days_that_were_counted_before_it,
    hours_are_those_of_the_tenants_clocks,
    an_update_tells_whose_clients_they_are,
    the_clients_of_a_span_are_named_newest_first_by_their_newest_names,
}

const DAY: i64 = 86_400;

fn march(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, day).unwrap()
}

/// On the second of March and `days` later; sentiments in the order of arrival.
async fn tickets(tenant: &TenantStore, client: &str, days: i64, sentiments: &[i64]) {
    for (index, sentiment) in sentiments.iter().enumerate() {
        let external = format!("{client}-{days}-{index}");
        scored(tenant, &external, client, *sentiment, &plan(Mode::Shadow, *sentiment, &[]), days * DAY).await;
    }
}

/// What is kept, which is always what counting anew gives.
async fn tally(tenant: &TenantStore) -> Tally {
    let seen = async || {
        let days = tenant.trend(march(1), march(31), Bucket::Day, None).await.unwrap();
        let clients = tenant.client_tallies(march(1), march(31), 10).await.unwrap();
        (tenant.overview(march(1), march(31)).await.unwrap().tally, days, clients)
    };
    let kept = seen().await;
    tenant.trends_rebuild().await.unwrap();
    assert_eq!(seen().await, kept);
    kept.0
}

async fn analysed_tickets_are_counted_by_label(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert_eq!(acme.overview(march(1), march(31)).await.unwrap(), Overview::default());
    tickets(&acme, "c", 0, &[5, 4, 3, 1]).await;
    tickets(&acme, "c", 7, &[2]).await;
    let expected = Tally {
        analysed: 5,
        negative: 2,
        neutral: 1,
        positive: 2,
        sentiment_sum: 15,
        updated: 0,
        escalated: 0,
    };
    assert_eq!(tally(&acme).await, expected);
    let week = acme.overview(march(9), march(16)).await.unwrap();
    assert_eq!((week.tally.analysed, week.before.analysed, week.before.negative), (1, 4, 2));
}

async fn skipped_tickets_are_not_counted(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    acme.ticket_skip(job.lease, &read("7", "c"), "an alert", at(1)).await.unwrap();
    assert_eq!(tally(&acme).await, Tally::default());
}

async fn what_was_done_in_the_psa_is_counted_once(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let keys = ["update", "escalate", "note:update"];
    let ticket = scored(&acme, "7", "c", 5, &plan(Mode::Live, 5, &keys), 0).await;
    let job = claim(&store, 3).await;
    let asked = Choice::new("1", "Critical");
    let effect = Effect {
        lever: Lever::Priority,
        before: None,
        asked: asked.clone(),
        after: Some(asked),
        left_alone: None,
    };
    let done = Outcome { state: ActionState::Done, effects: vec![effect], detail: None, receipt: None };
    let rows = acme.action_list(job.analysis.unwrap()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let ended: Vec<_> = ids.iter().map(|id| (*id, done.clone())).collect();
    acme.actions_begin(job.lease, &ids).await.unwrap();
    for rest in [Rest::Unsent(vec![]), Rest::Finished] {
        acme.actions_end(job.lease, ticket, &ended, rest, at(5)).await.unwrap();
    }
    let counted = tally(&acme).await;
    assert_eq!((counted.analysed, counted.updated, counted.escalated), (1, 1, 1));
}

async fn rescored(tenant: &TenantStore, external: &str, client: &str, sentiment: i64, second: i64) {
    let rows = tenant.ticket_list(&store::tickets::TicketFilter::default(), 100, None).await.unwrap().rows;
    let ticket = rows.iter().find(|row| row.external_id == external).unwrap().id;
    tenant.ticket_replay(ticket, &Actor::System, at(second)).await.unwrap();
    let job = claim(tenant.store(), second).await;
    tenant.ticket_read(job.lease, &read(external, client), at(second)).await.unwrap();
    let plan = plan(Mode::Shadow, sentiment, &[]);
    let (assessment, provenance) = (support::assessment(sentiment), support::provenance());
    tenant.analysis_scored(job.lease, ticket, &assessment, &plan, 1, &provenance, at(second)).await.unwrap();
}

async fn a_replay_replaces_what_the_ticket_counted_as(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    scored(&acme, "7", "c1", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    // Days later, and the ticket belongs to another client by now.
    rescored(&acme, "7", "c2", 2, 5 * DAY).await;
    let expected = Tally { analysed: 1, positive: 1, sentiment_sum: 2, ..Tally::default() };
    assert_eq!(tally(&acme).await, expected);
    assert_eq!(
        acme.overview(march(2), march(3)).await.unwrap().tally,
        expected,
        "on the day it was taken in"
    );
    let clients = acme.client_tallies(march(1), march(31), 10).await.unwrap();
    assert_eq!(clients.iter().map(|client| client.client_id.as_str()).collect::<Vec<_>>(), ["autotask/c2"]);
}

async fn a_replay_that_skips_takes_the_ticket_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = scored(&acme, "7", "c1", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    acme.ticket_replay(ticket, &Actor::System, at(10)).await.unwrap();
    let job = claim(&store, 10).await;
    acme.ticket_skip(job.lease, &read("7", "c1"), "left out now", at(11)).await.unwrap();
    assert_eq!(tally(&acme).await, Tally::default());
}

async fn buckets_without_tickets_are_there_and_zero(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    tickets(&acme, "c1", 0, &[5]).await;
    tickets(&acme, "c2", 2, &[1, 1]).await;
    tickets(&acme, "c1", 8, &[3]).await;
    let points = async |from, to, bucket, client| {
        let points = acme.trend(march(from), march(to), bucket, client).await.unwrap();
        points.into_iter().map(|point| (point.start, point.tally.analysed)).collect::<Vec<_>>()
    };
    assert_eq!(points(2, 5, Bucket::Day, None).await, [(march(2), 1), (march(3), 0), (march(4), 2)]);
    // From a Wednesday: the week begins on the Monday before, but Monday's ticket is not asked for.
    assert_eq!(points(4, 17, Bucket::Week, None).await, [(march(2), 2), (march(9), 1), (march(16), 0)]);
    assert_eq!(points(1, 31, Bucket::Month, None).await, [(march(1), 4)]);
    assert_eq!(points(1, 31, Bucket::Month, Some("autotask/c1")).await, [(march(1), 2)]);
    assert_eq!(points(5, 5, Bucket::Day, None).await, []);
}

async fn clients_come_worst_first_and_a_single_ticket_does_not_outweigh_a_bad_month(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    tickets(&acme, "bad-month", 8, &[5, 5, 4, 4, 5]).await;
    tickets(&acme, "one-bad-day", 8, &[5]).await;
    tickets(&acme, "content", 8, &[1, 2]).await;
    tickets(&acme, "content", 0, &[5]).await;
    let clients = acme.client_tallies(march(9), march(16), 10).await.unwrap();
    let order: Vec<&str> = clients.iter().map(|client| client.client_id.as_str()).collect();
    assert_eq!(order, ["autotask/bad-month", "autotask/one-bad-day", "autotask/content"]);
    let keys = keys_of(&clients);
    let before = acme.client_sums(march(2), march(9), &keys).await.unwrap();
    assert_eq!((clients[2].tally.analysed, before.len(), before["autotask/content"].negative), (2, 1, 1));
    let ways = acme.client_means(march(1), march(31), 6, &keys_of(&clients[2..])).await.unwrap();
    let way = &ways["autotask/content"];
    assert_eq!((ways.len(), &way[..]), (1, &[Some(5.0), Some(1.5), None, None, None, None][..]));
    let ways = acme.client_means(march(1), march(31), 30, &keys_of(&clients[2..])).await.unwrap();
    let days: Vec<_> = (0..30).filter(|&day| ways["autotask/content"][day].is_some()).collect();
    assert_eq!(days, [1, 9]);
    assert!(acme.client_means(march(1), march(31), 6, &[]).await.unwrap().is_empty());
    assert_eq!(clients[0].name, "Client bad-month");
    assert_eq!(acme.client_tallies(march(9), march(16), 2).await.unwrap().len(), 2);
}

async fn a_renamed_client_has_its_newest_name(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (external, name, days) in [("1", "Zeta Ltd", 0), ("2", "Alpha Ltd", 3)] {
        arrive(&acme, external, days * DAY).await;
        let job = claim(&store, days * DAY).await;
        let mut read = read(external, "c");
        read.ticket.client.as_mut().unwrap().name = name.into();
        let ticket = acme.ticket_read(job.lease, &read, at(days * DAY)).await.unwrap();
        let (assessment, provenance) = (support::assessment(3), support::provenance());
        let plan = plan(Mode::Live, 3, &[]);
        acme.analysis_scored(job.lease, ticket, &assessment, &plan, 1, &provenance, at(days * DAY))
            .await
            .unwrap();
    }
    let clients = acme.client_tallies(march(1), march(31), 10).await.unwrap();
    assert_eq!((clients.len(), clients[0].name.as_str()), (1, "Alpha Ltd"));
}

async fn the_median_is_of_the_first_way_through(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    // scored() takes two seconds.
    scored(&acme, "1", "c", 3, &plan(Mode::Live, 3, &[]), 0).await;
    assert_eq!(acme.overview(march(2), march(3)).await.unwrap().median_seconds, Some(2.0));
    let ticket = scored(&acme, "2", "c", 5, &plan(Mode::Live, 5, &["note"]), 10).await;
    let job = claim(&store, 20).await;
    acme.actions_end(job.lease, ticket, &[], Rest::Finished, at(19)).await.unwrap();
    assert_eq!(acme.overview(march(2), march(3)).await.unwrap().median_seconds, Some(5.5));
    rescored(&acme, "1", "c", 3, 2 * DAY).await;
    assert_eq!(acme.overview(march(2), march(3)).await.unwrap().median_seconds, Some(5.5));
    assert_eq!(acme.overview(march(3), march(9)).await.unwrap().median_seconds, None);
}

async fn rebuilding_gives_what_counting_gave(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    tickets(&acme, "c1", 0, &[5, 4, 1]).await;
    tickets(&acme, "c2", 3, &[2, 3]).await;
    rescored(&acme, "c1-0-0", "c2", 1, 4 * DAY).await;
    let seen = async || {
        let clients = acme.client_tallies(march(1), march(31), 10).await.unwrap();
        let trend = async |client| acme.trend(march(1), march(31), Bucket::Day, client).await.unwrap();
        let all = acme.overview(march(1), march(31)).await.unwrap().tally;
        (
            trend(None).await,
            trend(Some("autotask/c1")).await,
            all,
            clients,
            acme.hours(march(1), march(31)).await.unwrap(),
        )
    };
    let counted = seen().await;
    let of_days = counted.0.iter().fold(Tally::default(), |sum, point| sum.plus(point.tally));
    let of_clients = counted.3.iter().fold(Tally::default(), |sum, client| sum.plus(client.tally));
    let of_hours = counted.4.iter().flatten().fold(Tally::default(), |sum, tally| sum.plus(*tally));
    assert_eq!((of_days, of_clients, of_hours), (counted.2, counted.2, counted.2), "they add up to the same");
    let mut beside = store.beside().await;
    for table in ["tallies", "day_tallies", "hour_tallies"] {
        beside.run(&format!("UPDATE {table} SET analysed = 77")).await;
        assert_ne!(seen().await, counted);
    }
    acme.trends_rebuild().await.unwrap();
    assert_eq!(seen().await, counted);
}

async fn hours_are_those_of_the_tenants_clocks(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let hour = |hours: &store::trends::Hours, day: usize, hour: usize| hours[day][hour].analysed;
    tickets(&acme, "c1", 0, &[5, 4, 1]).await;
    tickets(&acme, "c1", 7, &[5]).await;
    let (first, end) = (march(1), march(31));
    let hours = acme.hours(first, end).await.unwrap();
    let (weekday, at_hour) = (0, usize::try_from(chrono::Timelike::hour(&at(0))).unwrap());
    assert_eq!(hour(&hours, weekday, at_hour), 4, "both Mondays");
    assert_eq!(hour(&acme.hours(first, march(9)).await.unwrap(), weekday, at_hour), 3);
    // Two hours further east; told so, the past is counted anew.
    acme.tenant_update("acme", "Africa/Harare", &Actor::System, at(9 * DAY)).await.unwrap();
    acme.trends_rebuild().await.unwrap();
    assert_eq!(hour(&acme.hours(first, end).await.unwrap(), weekday, at_hour + 2), 4);
    // Tickets from before hours were kept have none, until somebody counts anew.
    let mut beside = store.beside().await;
    beside.run("UPDATE tickets SET hour = NULL; DELETE FROM hour_tallies").await;
    rescored(&acme, "c1-7-0", "c1", 1, 10 * DAY).await;
    assert_eq!(acme.hours(first, end).await.unwrap(), Box::default());
    acme.trends_rebuild().await.unwrap();
    assert_eq!(hour(&acme.hours(first, end).await.unwrap(), weekday, at_hour + 2), 4);
}

async fn an_update_adds_up_the_days_that_were_counted_before_it(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    tickets(&acme, "c1", 0, &[5, 4, 1]).await;
    tickets(&acme, "c2", 0, &[2]).await;
    tickets(&acme, "c2", 3, &[2, 3]).await;
    tickets(&bolt, "c1", 3, &[5]).await;
    let seen = async || {
        let trend = async |of: &TenantStore| of.trend(march(1), march(31), Bucket::Day, None).await.unwrap();
        (trend(&acme).await, trend(&bolt).await)
    };
    let counted = seen().await;
    // As it was before the thirteenth migration, which makes the table.
    let mut beside = store.beside().await;
    beside.run("DROP TABLE day_tallies; DELETE FROM _sqlx_migrations WHERE version = 13").await;
    store.migrate().await.unwrap();
    assert_eq!(seen().await, counted);
}

async fn an_update_tells_whose_clients_they_are(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let halo = domain::PsaSettings::HaloPsa {
        url: "https://acme.halopsa.com".into(),
        client_id: "id".into(),
        client_secret: domain::Secret::new("s3cret"),
        tenant: None,
        auth_url: None,
    };
    acme.psa_connection_put(halo, &Actor::System, at(0)).await.unwrap();
    tickets(&acme, "c1", 0, &[5, 4, 1]).await;
    tickets(&acme, "c2", 3, &[2]).await;
    let seen = async || {
        let clients = acme.client_tallies(march(1), march(31), 10).await.unwrap();
        (clients, acme.client_names(march(1), 10).await.unwrap())
    };
    let counted = seen().await;
    let mut beside = store.beside().await;
    // As it was before the eighteenth migration. These tickets came without a connection to Autotask; its word is lost
    // where no ticket has it.
    for statement in [
        "UPDATE tickets SET client_id = substr(client_id, 10)",
        "UPDATE tallies SET client_id = substr(client_id, 10)",
        "INSERT INTO psa_instances (tenant_id, psa, settings) SELECT id, 'autotask', '{}' FROM tenants",
        "ALTER TABLE tickets DROP COLUMN hour",
        "DROP TABLE hour_tallies",
        "DELETE FROM _sqlx_migrations WHERE version = 18",
    ] {
        beside.run(statement).await;
    }
    store.migrate().await.unwrap();
    assert_eq!(seen().await, counted);
}

async fn the_clients_of_a_span_are_named_newest_first_by_their_newest_names(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert!(acme.client_names(march(1), 10).await.unwrap().is_empty());
    for (client, day) in [("a", 0), ("b", 3), ("c", 1), ("b", 1)] {
        tickets(&acme, client, day, &[3]).await;
    }
    let ids = async |since, limit| -> Vec<String> {
        let named = acme.client_names(since, limit).await.unwrap();
        let id = |(key, name): &(String, String)| {
            let id = name.strip_prefix("Client ").unwrap().to_owned();
            assert_eq!(*key, format!("autotask/{id}"));
            id
        };
        named.iter().map(id).collect()
    };
    assert_eq!(ids(march(1), 10).await, ["b", "c", "a"]);
    assert_eq!(ids(march(3), 10).await, ["b", "c"]);
    assert_eq!(ids(march(1), 2).await, ["b", "c"]);
}
