//! Everything that is asked of a store.

use crate::{now, support};
use chrono::{Days, Duration, NaiveDate};
use domain::{Label, Mode, Score, UserId};
use store::door::{DeliveryFilter, DeliveryState, Disposition};
use store::jobs::{Job, Share, Stage};
use store::tickets::{TicketFilter, TicketState};
use store::trends::{Bucket, keys_of};
use store::{Actor, Store, TenantStore};

const PAGE: u32 = 50;

/// The lists as people narrow them, alone and together; with and without anything to find.
fn filters() -> Vec<TicketFilter> {
    let all = TicketFilter::default;
    let rare = || Some("no such client".to_owned());
    vec![
        all(),
        TicketFilter { from: Some(now() - Duration::days(30)), ..all() },
        TicketFilter {
            from: Some(now() - Duration::days(300)),
            to: Some(now() - Duration::days(270)),
            ..all()
        },
        TicketFilter { label: Some(Label::Negative), ..all() },
        TicketFilter { client: Some("3".into()), ..all() },
        TicketFilter { client: rare(), ..all() },
        TicketFilter { state: Some(TicketState::Failed), ..all() },
        TicketFilter { state: Some(TicketState::Analysed), ..all() },
        TicketFilter { state: Some(TicketState::Reading), ..all() },
        TicketFilter { min_sentiment: Some(Score::MAX), ..all() },
        TicketFilter { escalated: Some(true), ..all() },
        TicketFilter { escalated: Some(false), ..all() },
        TicketFilter { degraded: true, ..all() },
        TicketFilter { q: Some("smokes".into()), ..all() },
        TicketFilter { q: Some("nothing like this".into()), ..all() },
        TicketFilter { q: Some("T999990".into()), state: Some(TicketState::Acted), ..all() },
        TicketFilter {
            client: Some("3".into()),
            label: Some(Label::Positive),
            state: Some(TicketState::Failed),
            ..all()
        },
        TicketFilter { client: rare(), label: Some(Label::Positive), q: Some("smokes".into()), ..all() },
        TicketFilter {
            degraded: true,
            escalated: Some(true),
            min_sentiment: Some(Score::MAX),
            from: Some(now() - Duration::days(399)),
            ..all()
        },
        TicketFilter {
            escalated: Some(true),
            client: Some("39".into()),
            label: Some(Label::Negative),
            ..all()
        },
    ]
}

pub async fn of_the_screens(store: &Store, tenant: &TenantStore) {
    for filter in filters() {
        let page = tenant.ticket_list(&filter, PAGE, None).await.unwrap();
        if let Some(next) = page.next {
            tenant.ticket_list(&filter, 200, Some(&next)).await.unwrap();
        }
    }
    for by in domain::Dimension::ALL {
        for filter in filters() {
            let page = tenant.ticket_ranked(by, &filter, PAGE, None).await.unwrap();
            if let Some(next) = page.next {
                tenant.ticket_ranked(by, &filter, 200, Some(&next)).await.unwrap();
            }
        }
    }
    tenant.ticket_news(&TicketFilter::default(), now() - Duration::hours(2), 100).await.unwrap();
    let page = tenant.ticket_list(&TicketFilter::default(), PAGE, None).await.unwrap();
    for row in page.rows.iter().take(12) {
        let story = tenant.ticket_story(row.id).await.unwrap().unwrap();
        assert!(!story.text.is_empty());
        tenant.analysis_latest(row.id).await.unwrap();
        tenant.escalated_before(row.id).await.unwrap();
    }
    let old = TicketFilter { to: Some(now() - Duration::days(380)), ..TicketFilter::default() };
    let removed = tenant.ticket_list(&old, 1, None).await.unwrap().rows.remove(0);
    assert!(tenant.ticket_story(removed.id).await.unwrap().unwrap().row.text_removed);
    trends(tenant).await;
    for state in [
        None,
        Some(DeliveryState::Dead),
        Some(DeliveryState::Queued),
        Some(DeliveryState::Done),
        Some(DeliveryState::Ignored),
    ] {
        let filter = DeliveryFilter { state };
        let page = tenant.delivery_list(&filter, PAGE, None).await.unwrap();
        if let Some(next) = page.next {
            tenant.delivery_list(&filter, PAGE, Some(&next)).await.unwrap();
        }
        if let Some(row) = page.rows.first() {
            tenant.delivery_fetch(row.id).await.unwrap();
        }
    }
    let trail = tenant.audit_list(25, None).await.unwrap();
    tenant.audit_list(25, trail.next.as_deref()).await.unwrap();
    settings(store, tenant).await;
    assert_eq!(tenant.assessed_newest(50).await.unwrap().len(), 50);
    assert_eq!(tenant.ticket_samples(10).await.unwrap().len(), 10);
}

async fn trends(tenant: &TenantStore) {
    let today = tenant.today(now()).await.unwrap();
    let span = |days: u64| -> (NaiveDate, NaiveDate) { (today - Days::new(days), today + Days::new(1)) };
    for days in [6, 29, 89] {
        let (from, to) = span(days);
        assert!(tenant.overview(from, to).await.unwrap().tally.analysed > 0);
        assert_eq!(tenant.client_tallies(from, to, 8).await.unwrap().len(), 8);
        assert_eq!(tenant.client_tallies(from, to, 500).await.unwrap().len(), 40);
        for client in [None, Some("autotask/3")] {
            tenant.trend(from, to, Bucket::Day, client).await.unwrap();
        }
    }
    let client = "autotask/3".parse().unwrap();
    let (from, to) = (now() - Duration::days(90), now());
    assert!(tenant.client_name(&client).await.unwrap().is_some());
    tenant.client_quotes(&client, from, to, 6).await.unwrap();
    assert!(!tenant.client_contacts(&client, from, to).await.unwrap().is_empty());
    tenant.client_note(&client).await.unwrap();
    let (from, to) = span(89);
    let tallies = tenant.client_tallies(from, to, 500).await.unwrap();
    assert_eq!(tenant.client_sums(from - Days::new(90), from, &keys_of(&tallies)).await.unwrap().len(), 40);
    assert_eq!(tenant.client_means(from, to, 12, &keys_of(&tallies)).await.unwrap().len(), 40);
    assert!(tenant.hours(from, to).await.unwrap().iter().flatten().all(|hour| hour.analysed > 0));
    assert_eq!(tenant.client_names(today - Days::new(365), 200).await.unwrap().len(), 40);
    tenant.pipeline_health(now()).await.unwrap();
}

async fn settings(store: &Store, tenant: &TenantStore) {
    let nobody = UserId(uuid::Uuid::nil());
    tenant.tenant_fetch().await.unwrap();
    tenant.member_list().await.unwrap();
    tenant.token_list().await.unwrap();
    tenant.policy_versions(20).await.unwrap();
    tenant.prompt_versions(20).await.unwrap();
    tenant.psa_connection().await.unwrap();
    tenant.model_connection().await.unwrap();
    tenant.lookups_get().await.unwrap();
    tenant.hook().await.unwrap();
    tenant.stamp().await.unwrap();
    tenant.retention().await.unwrap();
    store.memberships(nobody).await.unwrap();
    store.membership(nobody, tenant.tenant_id()).await.unwrap();
    store.queue_health().await.unwrap();
}

/// From the door to the last note, a repeated call, an event that is left alone, and replays.
pub async fn of_a_ticket_on_its_way(store: &Store, tenant: &TenantStore) {
    let update = Disposition::Ignore { external_ticket: Some("new".into()), reason: "an update".into() };
    let plan = support::plan(Mode::Live, 5, &["update", "escalate", "note:update"]);
    let ticket = support::scored(tenant, "new", "3", 5, &plan, 0).await;
    support::arrive(tenant, "new", 1).await;
    store.accept(support::delivery(tenant.tenant_id(), "an update of new", update, 2)).await.unwrap();
    let job = support::claim(store, 3).await;
    end_actions(tenant, &job, ticket).await;

    let by = Actor::System;
    assert!(tenant.ticket_replay(ticket, &by, support::at(10)).await.unwrap());
    let job = support::claim(store, 10).await;
    store.job_renew(&[job.lease], support::at(70)).await.unwrap();
    store.job_identify(job.lease, "new").await.unwrap();
    tenant.ticket_skip(job.lease, &support::read("new", "3"), "no", support::at(11)).await.unwrap();
    assert_eq!(tenant.tickets_replay_degraded(3, &by, support::at(12)).await.unwrap(), 3);
    for job in store.job_claim(support::at(13), support::LEASE, 10, Share::of(10)).await.unwrap() {
        store.job_bury(job.lease, "enough", support::at(14)).await.unwrap();
    }
    let dead = DeliveryFilter { state: Some(DeliveryState::Dead) };
    let dead = tenant.delivery_list(&dead, 1, None).await.unwrap().rows.remove(0);
    assert!(tenant.delivery_replay(dead.id, &by, support::at(15)).await.unwrap());
    let job = support::claim(store, 16).await;
    store.job_finish(job.lease, support::at(17)).await.unwrap();
}

async fn end_actions(tenant: &TenantStore, job: &Job, ticket: domain::TicketId) {
    use store::ledger::{Outcome, Rest};
    assert_eq!(job.stage, Stage::Act);
    let rows = tenant.action_list(job.analysis.unwrap()).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    tenant.actions_begin(job.lease, &ids).await.unwrap();
    let done = Outcome { state: domain::ActionState::Done, effects: vec![], detail: None, receipt: None };
    let ended: Vec<_> = ids.iter().map(|id| (*id, done.clone())).collect();
    tenant.actions_end(job.lease, ticket, &ended, Rest::Finished, support::at(5)).await.unwrap();
}

pub async fn of_tidying(store: &Store, tenant: &TenantStore) {
    let long_ago = now() - Duration::days(300);
    let first = tenant.texts_remove(long_ago, None, 100).await.unwrap();
    // Failed ones wait for a replay; the others go.
    assert!(first.removed > 90, "{first:?}");
    tenant.texts_remove(long_ago, first.next.as_deref(), 100).await.unwrap();
    let first = tenant.deliveries_trim(now() - Duration::days(60), None, 500).await.unwrap();
    assert_eq!(first.removed, 500);
    tenant.deliveries_trim(now() - Duration::days(60), first.next.as_deref(), 500).await.unwrap();
    tenant.deliveries_trim(now() - Duration::days(89), None, 500).await.unwrap();
    let claimed = store.tidy_claim(now(), now() + Duration::minutes(10)).await.unwrap().unwrap();
    store.tenant(claimed.tenant).tidy_done(claimed.until, now() + Duration::days(1)).await.unwrap();
    store.expired_trim(now(), 100).await.unwrap();
}
