//! An import of past tickets takes each in once, whatever else comes, and forgets none that it listed.

use crate::support::{self, arrive, at, claim, plan, tenant};
use domain::{Dollars, Mode, PsaSettings, Secret};
use store::analyses::Provenance;
use store::imports::{
    Import, ImportAct, ImportCounts, ImportLimits, ImportNext, ImportState, LISTED_AT_MOST,
};
use store::jobs::Share;
use store::sweeps::SweptTicket;
use store::testing::TestStore;
use store::tickets::TicketFilter;
use store::{Actor, StoreError, TenantStore};

support::on_both_engines! {
    what_was_created_before_the_connection_is_listed_once,
    an_import_belongs_to_one_at_a_time_and_again_if_nothing_comes_of_it,
    a_webhook_and_an_import_make_one_job_whichever_is_first,
    each_listed_ticket_is_accounted_for,
    what_could_not_be_read_may_be_tried_by_a_later_import,
    what_is_spent_is_counted_and_ends_where_it_was_allowed,
    an_imported_ticket_stands_where_it_was_created_and_takes_no_time,
    a_usual_reading_is_told_by_what_models_with_tokens_took,
    a_very_long_list_begins_later,
    what_a_cancelled_import_has_not_begun_is_as_if_it_never_was,
    a_past_ticket_that_is_read_again_takes_no_time_either,
}

const DAY: i64 = 86_400;

async fn connected(store: &TestStore) -> TenantStore {
    let acme = tenant(store, "acme").await;
    let settings = PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s"),
        integration_code: "CODE".into(),
        zone_url: None,
    };
    acme.psa_connection_put(settings, &Actor::System, at(0)).await.unwrap();
    acme
}

fn found(ticket: &str, second: i64) -> SweptTicket {
    SweptTicket { external_ticket: ticket.into(), number: None, created_at: at(second) }
}

fn next(second: i64) -> ImportNext {
    ImportNext { at: at(second), reason: None }
}

async fn import(acme: &TenantStore) -> Import {
    acme.import().await.unwrap().unwrap()
}

async fn act(acme: &TenantStore, act: ImportAct, second: i64) -> bool {
    acme.import_act(act, &Actor::System, at(second)).await.unwrap()
}

/// Tickets `1` to `count`, a day apart, the newest first; listed and allowed.
async fn running(acme: &TenantStore, count: i64, limits: ImportLimits) -> Import {
    acme.import_begin(90, &Actor::System, at(1)).await.unwrap();
    let id = import(acme).await.id;
    let list = (1..=count).map(|day| found(&day.to_string(), -day * DAY)).collect();
    assert!(acme.import_keep(id, list, None, next(2)).await.unwrap());
    assert!(act(acme, ImportAct::Start(limits), 3).await);
    import(acme).await
}

async fn feed(acme: &TenantStore, id: uuid::Uuid, room: u32, second: i64) -> u32 {
    acme.import_feed(id, room, at(second), next(second + 15)).await.unwrap()
}

/// Reads and scores the one job that is due.
async fn carried(acme: &TenantStore, second: i64, provenance: &Provenance) {
    let job = claim(acme.store(), second).await;
    assert!(job.past);
    let read = support::read(&job.external_ticket, "c");
    let ticket = acme.ticket_read(job.lease, &read, at(second)).await.unwrap();
    let plan = plan(Mode::Shadow, 4, &["update"]);
    let decided = acme
        .analysis_scored(job.lease, ticket, &support::assessment(4), &plan, 1, provenance, at(second))
        .await
        .unwrap();
    assert!(!decided.left);
}

async fn what_was_created_before_the_connection_is_listed_once(store: TestStore) {
    let acme = connected(&store).await;
    assert_eq!(acme.import().await.unwrap(), None);
    let nobody = tenant(&store, "bolt").await;
    let refused = nobody.import_begin(30, &Actor::System, at(1)).await;
    assert!(matches!(refused, Err(StoreError::NotConnected)), "{refused:?}");

    acme.import_begin(30, &Actor::System, at(9)).await.unwrap();
    let refused = acme.import_begin(30, &Actor::System, at(9)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    let begun = import(&acme).await;
    assert_eq!((begun.state, begun.since, begun.until), (ImportState::Listing, at(-30 * DAY), at(0)));
    assert!(
        !act(&acme, ImportAct::Start(ImportLimits::default()), 10).await,
        "nobody knows what that means yet"
    );

    let page = vec![found("new", 0), found("1", -1), found("old", -31 * DAY)];
    assert!(acme.import_keep(begun.id, page, Some("on".into()), next(20)).await.unwrap());
    assert_eq!((import(&acme).await.cursor.as_deref(), import(&acme).await.counts.waiting), (Some("on"), 1));
    // Tickets were created meanwhile: the first page's stand on the second, too.
    let page = vec![found("1", -1), found("2", -2)];
    assert!(acme.import_keep(begun.id, page, None, next(30)).await.unwrap());
    let listed = import(&acme).await;
    assert_eq!((listed.state, listed.counts.waiting, listed.cursor), (ImportState::Listed, 2, None));
    assert!(!acme.import_keep(begun.id, vec![found("3", -3)], None, next(30)).await.unwrap());
    assert_eq!(feed(&acme, begun.id, 9, 31).await, 0, "nobody has allowed it");
}

async fn an_import_belongs_to_one_at_a_time_and_again_if_nothing_comes_of_it(store: TestStore) {
    let acme = connected(&store).await;
    let due = async |second| store.import_claim(at(second), at(second + 90), 4).await.unwrap();
    assert!(due(0).await.is_empty());
    acme.import_begin(30, &Actor::System, at(1)).await.unwrap();
    assert_eq!(due(1).await, [acme.tenant_id()]);
    assert!(due(2).await.is_empty(), "somebody is at it");
    assert_eq!(due(91).await, [acme.tenant_id()], "who took it died");
    acme.connection_paused(
        acme.newest_save(store::connections::Which::Psa).await,
        "refused",
        domain::backoff::Pace::USUAL,
        0.5,
        at(92),
    )
    .await
    .unwrap();
    assert!(due(300).await.is_empty(), "its key is refused");
}

async fn a_webhook_and_an_import_make_one_job_whichever_is_first(store: TestStore) {
    let acme = connected(&store).await;
    arrive(&acme, "1", 1).await;
    let id = running(&acme, 3, ImportLimits::default()).await.id;
    assert_eq!(import(&acme).await.counts, ImportCounts { waiting: 2, known: 1, ..ImportCounts::default() });
    arrive(&acme, "2", 4).await;
    assert_eq!(feed(&acme, id, 9, 5).await, 1, "2 came by itself meanwhile");
    arrive(&acme, "3", 6).await;
    let jobs = store.job_claim(at(7), support::LEASE, 9, Share::of(9)).await.unwrap();
    let mut jobs: Vec<(&str, bool)> =
        jobs.iter().map(|job| (job.external_ticket.as_str(), job.past)).collect();
    jobs.sort_unstable();
    assert_eq!(jobs, [("1", false), ("2", false), ("3", true)]);
    assert_eq!(import(&acme).await.counts, ImportCounts { taken: 1, known: 2, ..ImportCounts::default() });
}

async fn each_listed_ticket_is_accounted_for(store: TestStore) {
    let acme = connected(&store).await;
    let id = running(&acme, 4, ImportLimits::default()).await.id;
    // The newest first, and no more under way than there is room for.
    for (second, ticket) in [(10, "1"), (20, "2"), (30, "3")] {
        assert_eq!(feed(&acme, id, 1, second).await, 1);
        assert_eq!(feed(&acme, id, 1, second).await, 0, "there is no room");
        match ticket {
            "2" => {
                let job = claim(&store, second).await;
                let left =
                    acme.ticket_skip(job.lease, &support::read("2", "c"), "too short", at(second)).await;
                left.unwrap();
            }
            "3" => {
                let job = claim(&store, second).await;
                acme.ticket_read(job.lease, &support::read("3", "c"), at(second)).await.unwrap();
                store.job_bury(job.lease, "the model knows no such model", at(second)).await.unwrap();
            }
            _ => carried(&acme, second, &support::provenance()).await,
        }
    }
    let counts = import(&acme).await.counts;
    let expected = ImportCounts { waiting: 1, scored: 1, left: 1, failed: 1, ..ImportCounts::default() };
    assert_eq!((counts, counts.listed(), counts.used(), counts.through()), (expected, 4, 3, 3));
    assert_eq!(import(&acme).await.failures, [("3".to_owned(), "the model knows no such model".to_owned())]);
    // A job that is gone with something else is no ticket under way for ever.
    assert_eq!(feed(&acme, id, 1, 40).await, 1);
    store.beside().await.run("DELETE FROM jobs WHERE external_ticket = '4'").await;
    feed(&acme, id, 1, 50).await;
    let done = import(&acme).await;
    assert!(done.state.is_over() && !ImportState::Paused.is_over());
    assert_eq!(
        (done.state, done.counts.left, done.counts.taken, done.ended_at),
        (ImportState::Done, 2, 0, Some(at(50)))
    );
    assert_eq!(done.ran.as_secs(), 40, "from the first step to the last");
    // The failed one is read again at a person's wish, and is still none to act on.
    let failed = TicketFilter { state: Some(store::tickets::TicketState::Failed), ..TicketFilter::default() };
    let row = acme.ticket_list(&failed, 9, None).await.unwrap().rows.remove(0);
    assert!(acme.ticket_replay(row.id, &Actor::System, at(60)).await.unwrap());
    assert!(claim(&store, 60).await.past);
}

async fn what_could_not_be_read_may_be_tried_by_a_later_import(store: TestStore) {
    let acme = connected(&store).await;
    let id = running(&acme, 1, ImportLimits::default()).await.id;
    assert_eq!(feed(&acme, id, 9, 10).await, 1);
    let job = claim(&store, 10).await;
    store.job_bury(job.lease, "the PSA answers with nonsense", at(11)).await.unwrap();
    feed(&acme, id, 9, 20).await;
    assert_eq!((import(&acme).await.state, import(&acme).await.counts.failed), (ImportState::Done, 1));
    assert_eq!(store.queue_health().await.unwrap().dead, 0);
    let again = running(&acme, 1, ImportLimits::default()).await;
    assert_eq!(again.counts.waiting, 1);
    assert_eq!(feed(&acme, again.id, 9, 30).await, 1);
}

async fn what_is_spent_is_counted_and_ends_where_it_was_allowed(store: TestStore) {
    let acme = connected(&store).await;
    let limits = ImportLimits { tickets: None, cost: Some("0.05".parse().unwrap()) };
    let id = running(&acme, 20, limits).await.id;
    let cost: Dollars = "0.01".parse().unwrap();
    let provenance =
        Provenance { tokens_in: 1_000, tokens_out: 100, cost: Some(cost), ..support::provenance() };
    let mut second = 10;
    while import(&acme).await.state == ImportState::Running {
        let fed = feed(&acme, id, 1, second).await;
        if fed > 0 {
            carried(&acme, second, &provenance).await;
        }
        second += 10;
        assert!(second < 500, "it never ends");
    }
    let reached = import(&acme).await;
    assert_eq!((reached.counts.scored, reached.counts.spent().to_string()), (5, "0.05".to_owned()));
    assert_eq!((reached.counts.tokens_in, reached.counts.tokens_out), (5_000, 500));
    assert!(reached.reason.unwrap().contains("cost"));
    assert!(
        act(&acme, ImportAct::Start(ImportLimits { cost: Some("0.06".parse().unwrap()), ..limits }), second)
            .await
    );
    assert_eq!(feed(&acme, id, 9, second).await, 1, "as many as the rest pays for");
}

async fn an_imported_ticket_stands_where_it_was_created_and_takes_no_time(store: TestStore) {
    let acme = connected(&store).await;
    let id = running(&acme, 1, ImportLimits::default()).await.id;
    feed(&acme, id, 9, 10).await;
    assert_eq!(
        acme.pipeline_health(at(10)).await.unwrap().oldest_waiting_at,
        None,
        "it waits since now, not since then"
    );
    carried(&acme, 12, &support::provenance()).await;
    let row = acme.ticket_list(&TicketFilter::default(), 9, None).await.unwrap().rows.remove(0);
    assert_eq!(row.created_at, at(-DAY));
    let durations: Vec<(i64, i64)> =
        store.beside().await.rows("SELECT count(*), count(duration_ms) FROM tickets").await;
    assert_eq!(durations, [(1, 0)]);
    let story = acme.ticket_story(row.id).await.unwrap().unwrap();
    assert!(
        story.events.iter().any(|event| event.detail.contains("import of the past")),
        "{:?}",
        story.events
    );
}

async fn a_usual_reading_is_told_by_what_models_with_tokens_took(store: TestStore) {
    let acme = connected(&store).await;
    assert_eq!(acme.usual_reading().await.unwrap(), None);
    let id = running(&acme, 3, ImportLimits::default()).await.id;
    for (second, tokens_in) in [(10, 1_000), (20, 2_000), (30, 0)] {
        feed(&acme, id, 1, second).await;
        let provenance = Provenance { tokens_in, tokens_out: 100, ..support::provenance() };
        carried(&acme, second, &provenance).await;
    }
    let usual = acme.usual_reading().await.unwrap().unwrap();
    assert_eq!((usual.readings, usual.tokens_in, usual.tokens_out), (2, 1_500, 100));
}

async fn a_very_long_list_begins_later(store: TestStore) {
    let acme = connected(&store).await;
    acme.import_begin(365, &Actor::System, at(1)).await.unwrap();
    let id = import(&acme).await.id;
    let most = usize::try_from(LISTED_AT_MOST).unwrap();
    // The oldest first, as some PSAs list them.
    let second = |ticket: usize| i64::try_from(ticket).unwrap() - 100_000;
    let list = |from: usize, to: usize| {
        (from..to).map(|ticket| found(&ticket.to_string(), second(ticket))).collect::<Vec<_>>()
    };
    assert!(acme.import_keep(id, list(0, most), Some("on".into()), next(2)).await.unwrap());
    assert!(acme.import_keep(id, list(most, most + 5), None, next(3)).await.unwrap());
    let listed = import(&acme).await;
    assert_eq!((listed.state, listed.counts.waiting), (ImportState::Listed, LISTED_AT_MOST));
    assert_eq!(listed.since, at(second(4)), "the five oldest are left out");
}

async fn what_a_cancelled_import_has_not_begun_is_as_if_it_never_was(store: TestStore) {
    let acme = connected(&store).await;
    let first = running(&acme, 4, ImportLimits::default()).await.id;
    assert_eq!(feed(&acme, first, 3, 10).await, 3);
    let jobs = store.job_claim(at(10), support::LEASE, 1, Share::of(1)).await.unwrap();
    let begun = jobs[0].external_ticket.clone();
    assert!(act(&acme, ImportAct::Cancel, 11).await);
    let cancelled = import(&acme).await.counts;
    assert_eq!((cancelled.taken, cancelled.waiting), (1, 3));
    assert!(store.job_claim(at(12), support::LEASE, 9, Share::of(9)).await.unwrap().is_empty());

    // The next one finds all but the one that is being read, which says nothing of it.
    let next = running(&acme, 4, ImportLimits::default()).await;
    assert_eq!((next.counts.waiting, next.counts.known), (3, 1));
    let job = &jobs[0];
    let ticket = acme.ticket_read(job.lease, &support::read(&begun, "c"), at(13)).await.unwrap();
    acme.analysis_scored(
        job.lease,
        ticket,
        &support::assessment(4),
        &plan(Mode::Shadow, 4, &[]),
        1,
        &support::provenance(),
        at(13),
    )
    .await
    .unwrap();
    assert_eq!(import(&acme).await.counts, next.counts);
    // One that could not be read and waits again stands in nobody's way either.
    assert_eq!(feed(&acme, next.id, 1, 20).await, 1);
    let job = claim(&store, 20).await;
    assert!(act(&acme, ImportAct::Cancel, 21).await);
    store.job_retry(job.lease, at(900), "the PSA is away", true).await.unwrap();
    let again = running(&acme, 4, ImportLimits::default()).await;
    assert_eq!((again.counts.waiting, again.counts.known), (3, 1));
}

async fn a_past_ticket_that_is_read_again_takes_no_time_either(store: TestStore) {
    let acme = connected(&store).await;
    let id = running(&acme, 1, ImportLimits::default()).await.id;
    feed(&acme, id, 9, 10).await;
    carried(&acme, 12, &support::provenance()).await;
    let row = acme.ticket_list(&TicketFilter::default(), 9, None).await.unwrap().rows.remove(0);
    assert!(acme.ticket_replay(row.id, &Actor::System, at(20)).await.unwrap());
    let job = claim(&store, 21).await;
    assert_eq!(job.made_at(), at(20));
    support::give_back(&store, &job).await;
    carried(&acme, 22, &support::provenance()).await;
    let durations: Vec<(i64, i64)> =
        store.beside().await.rows("SELECT count(*), count(duration_ms) FROM tickets").await;
    assert_eq!(durations, [(1, 0)]);
}
