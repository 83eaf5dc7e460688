//! What is old goes, counts stay, and nothing that is needed is touched.

use crate::support::{self, arrive, at, claim, delivery, plan, read, scored, tenant};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use domain::{ActionState, Mode, Retention, Score, TicketId};
use store::door::{DeliveryFilter, DeliveryState, Disposition};
use store::jobs::Share;
use store::ledger::{Outcome, Rest};
use store::retention::Tidied;
use store::testing::TestStore;
use store::tickets::{TicketFilter, TicketState};
use store::{Actor, TenantStore};

support::on_both_engines! {
    a_workspace_chooses_how_long_its_texts_are_kept,
    a_workspace_is_tidied_by_one_at_a_time_and_again_when_that_one_dies,
    a_choice_made_while_a_workspace_is_tidied_is_not_forgotten,
    the_text_of_an_old_ticket_goes_and_what_counts_stays,
    a_piece_that_was_cut_off_is_done_again_and_the_rest_goes_on,
    what_waits_or_was_given_up_keeps_its_text_and_its_call,
    a_replay_brings_the_text_back_for_as_long_again,
    calls_that_are_done_with_go_and_a_late_repeat_makes_no_second_analysis,
    a_call_that_a_job_goes_back_to_stays,
    what_expired_goes,
}

const DAY: i64 = 86_400;

fn far() -> DateTime<Utc> {
    at(1_000 * DAY)
}

async fn story(tenant: &TenantStore, ticket: TicketId) -> store::tickets::TicketStory {
    tenant.ticket_story(ticket).await.unwrap().unwrap()
}

/// All texts from before, in pieces of this size; how many went in each.
async fn removed(tenant: &TenantStore, before: DateTime<Utc>, limit: u32) -> Vec<u64> {
    let (mut pieces, mut after) = (Vec::new(), None);
    loop {
        let Tidied { removed, next } = tenant.texts_remove(before, after.as_deref(), limit).await.unwrap();
        pieces.push(removed);
        after = next;
        if after.is_none() {
            return pieces;
        }
    }
}

async fn a_workspace_chooses_how_long_its_texts_are_kept(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert_eq!(acme.retention().await.unwrap(), None);
    let ninety = Retention::new(90).unwrap();
    acme.retention_put(Some(ninety), &Actor::System, at(1)).await.unwrap();
    assert_eq!(acme.retention().await.unwrap(), Some(ninety));
    let entry = acme.audit_list(1, None).await.unwrap().rows.remove(0);
    assert_eq!(
        (entry.what.as_str(), entry.detail.as_str()),
        ("retention.saved", "the texts of tickets are kept for 90 days")
    );
    acme.retention_put(None, &Actor::System, at(2)).await.unwrap();
    assert_eq!(acme.retention().await.unwrap(), None);
}

async fn a_workspace_is_tidied_by_one_at_a_time_and_again_when_that_one_dies(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    bolt.retention_put(Some(Retention::new(30).unwrap()), &Actor::System, at(0)).await.unwrap();
    let other = store.reopen().await;
    let first = store.tidy_claim(at(10), at(70)).await.unwrap().unwrap();
    let second = other.tidy_claim(at(10), at(70)).await.unwrap().unwrap();
    assert_ne!(first.tenant, second.tenant);
    let of_bolt = if first.tenant == bolt.tenant_id() { first } else { second };
    assert_eq!(of_bolt.retention, Some(Retention::new(30).unwrap()));
    assert!(other.tidy_claim(at(60), at(120)).await.unwrap().is_none());
    // Acme's is through; bolt's died.
    acme.tidy_done(at(70), at(DAY)).await.unwrap();
    let again = other.tidy_claim(at(70), at(130)).await.unwrap().unwrap();
    assert_eq!((again.tenant, again.until), (bolt.tenant_id(), at(130)));
    // The one that seemed dead comes back: the workspace is not its any more.
    bolt.tidy_done(at(70), far()).await.unwrap();
    assert!(
        store.tidy_claim(at(131), at(200)).await.unwrap().is_some_and(|it| it.tenant == bolt.tenant_id())
    );
    assert!(store.tidy_claim(at(131), at(200)).await.unwrap().is_none());
    other.close().await;
}

async fn a_choice_made_while_a_workspace_is_tidied_is_not_forgotten(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    store.tidy_claim(at(0), at(60)).await.unwrap().unwrap();
    acme.retention_put(Some(Retention::new(30).unwrap()), &Actor::System, at(1)).await.unwrap();
    acme.tidy_done(at(60), at(DAY)).await.unwrap();
    let claimed = store.tidy_claim(at(2), at(62)).await.unwrap().unwrap();
    assert_eq!(claimed.retention, Some(Retention::new(30).unwrap()));
}

/// A ticket that was acted on, with everything that a text can be in.
async fn acted(tenant: &TenantStore, external: &str, seconds: i64) -> TicketId {
    let ticket = scored(
        tenant,
        external,
        "c",
        5,
        &plan(Mode::Live, 5, &["update", "escalate", "note:update"]),
        seconds,
    )
    .await;
    let job = claim(tenant.store(), seconds + 3).await;
    let rows = tenant.action_list(job.analysis.unwrap()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    tenant.actions_begin(job.lease, &ids).await.unwrap();
    let done = Outcome {
        state: ActionState::Done,
        effects: vec![],
        detail: Some("Dear Pat, we raised it.".into()),
        receipt: Some("note 99".into()),
    };
    let ended: Vec<_> = ids.iter().map(|id| (*id, done.clone())).collect();
    tenant.actions_end(job.lease, ticket, &ended, Rest::Finished, at(seconds + 5)).await.unwrap();
    ticket
}

async fn the_text_of_an_old_ticket_goes_and_what_counts_stays(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (old, young) = (acted(&acme, "7", 0).await, acted(&acme, "8", 100 * DAY).await);
    let (before, kept) = (story(&acme, old).await, story(&acme, young).await);
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    let counted = acme.overview(day(1), day(9)).await.unwrap();
    assert_eq!(counted.tally.analysed, 1);

    assert_eq!(removed(&acme, at(50 * DAY), 10).await, [1]);

    let after = story(&acme, old).await;
    assert!(after.row.text_removed && after.row.title.is_empty() && after.row.reason.is_none());
    assert_eq!((after.text.as_str(), after.author_name.as_str(), after.ticket.title.as_str()), ("", "", ""));
    assert_eq!((&after.ticket.contact, &after.ticket.contact_email), (&None, &None));
    assert_eq!(after.ticket.client, before.ticket.client);
    let same = |story: &store::tickets::TicketStory| {
        let row = story.row.clone();
        (
            row.number,
            row.client,
            row.created_at,
            row.analysed_at,
            row.state,
            row.sentiment,
            row.escalated,
            row.updated,
        )
    };
    assert_eq!(same(&after), same(&before));
    let (then, now) = (&before.analyses[0], &after.analyses[0]);
    let (read, scores) = (then.assessment.clone().unwrap(), now.assessment.clone().unwrap());
    assert_eq!(scores.sentiment.score, read.sentiment.score);
    assert_eq!((scores.sentiment.reason.as_str(), scores.sentiment.quote.as_str()), ("", ""));
    assert!(!then.provenance.prompt.is_empty() && now.provenance.prompt.is_empty());
    assert_eq!((now.provenance.answer.as_str(), &now.provenance.model), ("", &then.provenance.model));
    assert!(now.plan.is_none());
    assert_eq!(after.actions.len(), 3);
    for (then, now) in before.actions.iter().zip(&after.actions) {
        assert_eq!((now.state, &now.reference, &now.receipt), (then.state, &then.reference, &then.receipt));
        assert_eq!(now.action.key, then.action.key);
        assert_eq!(now.detail, None);
    }
    let text = format!("{after:?}");
    for word in ["fire", "smokes", "Pat", "pat@", "says so", "Critical", "Because", "Dear"] {
        assert!(format!("{before:?}").contains(word), "{word} was there");
        assert!(!text.contains(word), "{word} is still there: {text}");
    }
    assert_eq!(after.events.len(), before.events.len());
    assert!(after.events.iter().all(|event| event.detail.is_empty()));
    assert!(acme.ticket_for_work(old).await.unwrap().is_none());
    assert!(acme.escalated_before(old).await.unwrap(), "what was done once is known for good");

    assert_eq!(acme.overview(day(1), day(9)).await.unwrap(), counted);
    acme.trends_rebuild().await.unwrap();
    assert_eq!(acme.overview(day(1), day(9)).await.unwrap(), counted, "and counting anew gives the same");
    assert_eq!(format!("{:?}", story(&acme, young).await), format!("{kept:?}"), "the young one is as it was");
    let found = TicketFilter { q: Some("smokes".into()), ..TicketFilter::default() };
    assert_eq!(acme.ticket_list(&found, 10, None).await.unwrap().rows.len(), 1);
    let number = TicketFilter { q: Some("client".into()), ..TicketFilter::default() };
    assert_eq!(
        acme.ticket_list(&number, 10, None).await.unwrap().rows.len(),
        2,
        "by what stays, both are found"
    );
    let severe = TicketFilter { min_sentiment: Some(Score::MAX), ..TicketFilter::default() };
    assert_eq!(acme.ticket_list(&severe, 10, None).await.unwrap().rows.len(), 2);
}

async fn a_piece_that_was_cut_off_is_done_again_and_the_rest_goes_on(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let mut tickets = Vec::new();
    for index in 0..7 {
        tickets.push(acted(&acme, &index.to_string(), index * 10).await);
    }
    // The first piece is done; what was to come next is lost with the process.
    assert_eq!(acme.texts_remove(far(), None, 3).await.unwrap().removed, 3);
    let other = store.reopen().await;
    assert_eq!(removed(&other.tenant(acme.tenant_id()), far(), 3).await, [3, 1]);
    for ticket in tickets {
        let story = story(&acme, ticket).await;
        assert!(story.row.text_removed);
        assert_eq!((story.row.state, story.actions.len()), (TicketState::Acted, 3));
    }
    assert_eq!(removed(&acme, far(), 3).await, [0]);
    other.close().await;
}

async fn what_waits_or_was_given_up_keeps_its_text_and_its_call(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    // One given up, one under way, one not begun.
    arrive(&acme, "dead", 0).await;
    let job = claim(&store, 0).await;
    let dead = acme.ticket_read(job.lease, &read("dead", "c"), at(1)).await.unwrap();
    store.job_bury(job.lease, "no way", at(2)).await.unwrap();
    arrive(&acme, "under way", 10).await;
    let job = claim(&store, 10).await;
    let under_way = acme.ticket_read(job.lease, &read("under way", "c"), at(11)).await.unwrap();
    arrive(&acme, "waiting", 20).await;

    assert_eq!(removed(&acme, far(), 1).await, [0, 0, 0]);
    assert_eq!(acme.deliveries_trim(far(), None, 10).await.unwrap(), Tidied { removed: 0, next: None });
    assert_eq!(acme.delivery_list(&DeliveryFilter::default(), 10, None).await.unwrap().rows.len(), 3);
    for ticket in [dead, under_way] {
        assert!(acme.ticket_for_work(ticket).await.unwrap().is_some_and(|(_, read)| !read.text.is_empty()));
    }
    let health = store.queue_health().await.unwrap();
    assert_eq!((health.ready, health.leased, health.dead), (1, 1, 1));
}

async fn a_replay_brings_the_text_back_for_as_long_again(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = acted(&acme, "7", 0).await;
    assert_eq!(removed(&acme, far(), 10).await, [1]);
    assert_eq!(acme.deliveries_trim(far(), None, 10).await.unwrap().removed, 1);

    let again = 500 * DAY;
    assert!(acme.ticket_replay(ticket, &Actor::System, at(again)).await.unwrap());
    let job = claim(&store, again).await;
    assert_eq!((job.ticket, job.delivery), (Some(ticket), None));
    assert_eq!(acme.ticket_read(job.lease, &read("7", "c"), at(again)).await.unwrap(), ticket);
    assert_eq!(removed(&acme, far(), 10).await, [0], "it is under way");
    let (mode, sentiment) = (plan(Mode::Live, 4, &["update"]), support::assessment(4));
    acme.analysis_scored(job.lease, ticket, &sentiment, &mode, 1, &support::provenance(), at(again))
        .await
        .unwrap();
    let story = story(&acme, ticket).await;
    assert!(!story.row.text_removed && !story.text.is_empty() && story.row.title.contains("fire"));
    assert_eq!(story.analyses.len(), 2);
    assert_eq!(
        story.actions.iter().filter(|row| row.state == ActionState::Done).count(),
        3,
        "nothing is done twice"
    );

    assert_eq!(removed(&acme, at(again), 10).await, [0], "it was read again since");
    assert_eq!(removed(&acme, at(again) + Duration::days(1), 10).await, [1]);
}

async fn calls_that_are_done_with_go_and_a_late_repeat_makes_no_second_analysis(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    acted(&acme, "7", 0).await;
    for index in 0..5 {
        let ignore = Disposition::Ignore { external_ticket: Some("7".into()), reason: "an update".into() };
        store
            .accept(delivery(acme.tenant_id(), &format!("update {index}"), ignore, 10 + index))
            .await
            .unwrap();
    }
    let shown = async || acme.delivery_list(&DeliveryFilter::default(), 100, None).await.unwrap().rows;
    assert_eq!(acme.deliveries_trim(at(13), None, 3).await.unwrap().removed, 3);
    assert_eq!(shown().await.len(), 3);
    let Tidied { removed, next } = acme.deliveries_trim(at(13), None, 3).await.unwrap();
    assert_eq!((removed, next), (1, None), "those that came at that time or later stay");
    assert_eq!(shown().await.len(), 2);

    // The PSA sends its first call once more, as if nothing had happened.
    let late = arrive(&acme, "7", 100 * DAY).await;
    assert!(!late.repeated);
    let rows = shown().await;
    assert_eq!((rows[0].state, rows[0].id), (DeliveryState::Ignored, late.delivery));
    assert!(store.job_claim(at(100 * DAY), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());
}

async fn a_call_that_a_job_goes_back_to_stays(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = acted(&acme, "7", 0).await;
    acme.ticket_replay(ticket, &Actor::System, at(10)).await.unwrap();
    assert_eq!(acme.deliveries_trim(far(), None, 10).await.unwrap().removed, 0);
    let job = claim(&store, 10).await;
    assert!(acme.delivery_fetch(job.delivery.unwrap()).await.unwrap().is_some());
    store.job_finish(job.lease, at(11)).await.unwrap();
    assert_eq!(acme.deliveries_trim(far(), None, 10).await.unwrap().removed, 1);
}

async fn what_expired_goes(store: TestStore) {
    let keys = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
    store.attempt_noted(&keys, at(0)).await.unwrap();
    let past = "2001-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let future = "2101-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let mut beside = store.beside().await;
    let literal = |at: DateTime<Utc>| at.to_rfc3339();
    let bytes =
        |n: u8| if store.engine_name() == "sqlite" { format!("x'0{n}'") } else { format!("'\\x0{n}'") };
    for (n, expires) in [(1, past), (2, past), (3, future)] {
        beside
            .run(&format!(
                "INSERT INTO sessions (sha256, data, expires_at) VALUES ({}, 'sealed', '{}')",
                bytes(n),
                literal(expires)
            ))
            .await;
    }
    let expired = store.expired_trim(at(60), 10).await.unwrap();
    assert_eq!((expired.sessions, expired.attempts), (2, 0), "attempts of an hour ago count");
    let expired = store.expired_trim(at(2 * DAY), 2).await.unwrap();
    assert_eq!((expired.sessions, expired.attempts), (0, 2), "no more than were asked for");
    assert_eq!(store.expired_trim(at(2 * DAY), 2).await.unwrap().attempts, 1);
    let left: Vec<(i64,)> = beside.rows("SELECT count(*) FROM sessions").await;
    assert_eq!(left, [(1,)]);
}
