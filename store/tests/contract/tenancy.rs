//! Another tenant's row is not there: tenant B asks for tenant A's through every function, and gets nothing.

use crate::support::{self, LEASE, arrive, at, claim, plan, provenance, read, tenant, tenant_with_owner};
use chrono::NaiveDate;
use domain::backoff::Pace;
use domain::{
    ActionId, ActionState, AnalysisId, DeliveryId, Dimension, HookState, Mode, ModelSettings, Policy,
    PsaKind, PsaSettings, Secret, TicketId, TokenId, UserId, Verdict,
};
use store::accounts::Tenant;
use store::connections::{ConnectionState, Which};
use store::door::{DeliveryFilter, PipelineHealth};
use store::imports::{ImportAct, ImportNext};
use store::jobs::Job;
use store::ledger::{Outcome, Rest};
use store::sweeps::{SweepEnd, SweptTicket};
use store::testing::TestStore;
use store::tickets::TicketFilter;
use store::trends::{Bucket, Overview, keys_of};
use store::{Actor, Store, StoreError, TenantStore};

support::on_both_engines! {
    lists_and_sums_of_one_tenant_hold_nothing_of_another,
    ids_of_one_tenant_open_nothing_for_another,
    settings_of_one_tenant_are_not_anothers,
    a_sweep_of_one_tenant_finds_nothing_for_another,
    an_import_of_one_tenant_is_out_of_anothers_reach,
    a_job_of_one_tenant_cannot_be_worked_on_as_another,
}

/// A tenant that has one of everything, and a leased job in its act stage.
pub struct Full {
    pub tenant: TenantStore,
    owner: UserId,
    token: TokenId,
    delivery: DeliveryId,
    ticket: TicketId,
    analysis: AnalysisId,
    action: ActionId,
    job: Job,
}

pub fn psa() -> PsaSettings {
    PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new("s3cret"),
        integration_code: "X".into(),
        zone_url: None,
    }
}

fn model() -> ModelSettings {
    ModelSettings::OpenAi {
        api_key: Secret::new("sk"),
        model: "m".into(),
        base_url: "https://llm.example".into(),
        price: None,
    }
}

async fn full(store: &Store) -> Full {
    full_of(store, "acme").await
}

pub async fn full_of(store: &Store, name: &str) -> Full {
    let (id, owner) = tenant_with_owner(store, name).await;
    let tenant = store.tenant(id);
    let by = Actor::System;
    let (token, _) = tenant.token_create("ci", &by, at(0)).await.unwrap();
    tenant.psa_connection_put(psa(), &by, at(0)).await.unwrap();
    tenant.model_connection_put(model(), &by, at(0)).await.unwrap();
    tenant
        .lookups_put(
            tenant.newest_save(Which::Psa).await,
            PsaKind::Autotask,
            serde_json::json!({"of": "acme"}),
            at(0),
        )
        .await
        .unwrap();
    tenant.policy_put(&Policy { mode: Mode::Live, ..Policy::default() }, &by, at(0)).await.unwrap();
    tenant.prompt_put("acme's prompt", &by, at(0)).await.unwrap();
    tenant.client_note_put(&"autotask/c".parse().unwrap(), "to remember", &by, at(0)).await.unwrap();
    tenant.view_put(owner, "acme's", "q=acme", true, at(0)).await.unwrap();
    let ticket =
        support::scored(&tenant, "7", "c", 5, &plan(Mode::Live, 5, &["update", "escalate"]), 0).await;
    let job = claim(store, 3).await;
    let analysis = job.analysis.unwrap();
    let action = tenant.action_list(analysis).await.unwrap()[0].id;
    tenant.feedback_put(analysis, Dimension::Urgency, Some(Verdict::Right), &by, at(3)).await.unwrap();
    let delivery = job.delivery.unwrap();
    let found = SweptTicket { external_ticket: "7".into(), number: None, created_at: at(1) };
    tenant.sweep_keep(PsaKind::Autotask.into(), vec![found], at(1), None, at(2)).await.unwrap();
    tenant.import_begin(30, &by, at(2)).await.unwrap();
    let import = tenant.import().await.unwrap().unwrap().id;
    let past = SweptTicket { external_ticket: "6".into(), number: None, created_at: at(-9) };
    let next = ImportNext { at: at(2), reason: None };
    assert!(tenant.import_keep(import, vec![past], None, next).await.unwrap());
    Full { tenant, owner, token, delivery, ticket, analysis, action, job }
}

/// Another tenant, with nothing but what each begins with.
async fn other(store: &Store) -> TenantStore {
    tenant(store, "bolt").await
}

async fn lists_and_sums_of_one_tenant_hold_nothing_of_another(store: TestStore) {
    let a = full(&store).await;
    let b = other(&store).await;
    assert!(b.delivery_list(&DeliveryFilter::default(), 10, None).await.unwrap().rows.is_empty());
    assert_eq!(b.pipeline_health(at(9)).await.unwrap(), PipelineHealth::default());
    assert!(b.ticket_list(&TicketFilter::default(), 10, None).await.unwrap().rows.is_empty());
    let named = TicketFilter {
        client: Some("autotask/c".into()),
        q: Some("printer".into()),
        ..TicketFilter::default()
    };
    assert!(b.ticket_list(&named, 10, None).await.unwrap().rows.is_empty());
    assert_eq!(b.words_catch_up(10).await.unwrap(), 0);
    let ranked = b.ticket_ranked(Dimension::Sentiment, &TicketFilter::default(), 10, None).await.unwrap();
    assert!(ranked.rows.is_empty());
    assert_eq!(b.ticket_news(&TicketFilter::default(), at(-9), 10).await.unwrap(), 0);
    // Shared means shared within the workspace.
    let kept = a.tenant.view_list(a.owner).await.unwrap();
    assert!(b.view_list(a.owner).await.unwrap().is_empty());
    assert!(!b.view_delete(a.owner, kept[0].id).await.unwrap());
    b.view_put(a.owner, "acme's", "q=bolt", true, at(9)).await.unwrap();
    assert_eq!(a.tenant.view_list(a.owner).await.unwrap(), kept);
    assert!(b.ticket_samples(10).await.unwrap().is_empty());
    let system = PsaKind::Autotask.into();
    assert!(!a.tenant.tickets_of(system, 10).await.unwrap().is_empty());
    assert!(b.tickets_of(system, 10).await.unwrap().is_empty());
    assert_eq!(a.tenant.assessed_newest(10).await.unwrap().len(), 1);
    assert!(b.assessed_newest(10).await.unwrap().is_empty());
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    assert_eq!(a.tenant.overview(day(1), day(9)).await.unwrap().tally.analysed, 1);
    assert_eq!(b.overview(day(1), day(9)).await.unwrap(), Overview::default());
    for client in [None, Some("autotask/c")] {
        let trend = b.trend(day(1), day(9), Bucket::Month, client).await.unwrap();
        assert!(trend.iter().all(|point| point.tally.analysed == 0));
    }
    assert!(b.client_tallies(day(1), day(9), 10).await.unwrap().is_empty());
    let theirs = a.tenant.client_tallies(day(1), day(9), 10).await.unwrap();
    assert!(!theirs.is_empty() && b.client_sums(day(1), day(9), &keys_of(&theirs)).await.unwrap().is_empty());
    let client = theirs[0].client_id.parse().unwrap();
    let (from, to) = (at(-9), at(999_999));
    a.tenant.client_note_put(&client, "A remembers", &Actor::System, at(1)).await.unwrap();
    assert!(!a.tenant.client_contacts(&client, from, to).await.unwrap().is_empty());
    assert!(!a.tenant.client_quotes(&client, from, to, 9).await.unwrap().is_empty());
    assert_eq!(b.client_name(&client).await.unwrap(), None);
    assert_eq!(b.client_note(&client).await.unwrap(), None);
    assert!(b.client_contacts(&client, from, to).await.unwrap().is_empty());
    assert!(b.client_quotes(&client, from, to, 9).await.unwrap().is_empty());
    assert!(b.client_means(day(1), day(9), 4, &keys_of(&theirs)).await.unwrap().is_empty());
    assert_eq!(b.hours(day(1), day(9)).await.unwrap(), Box::default());
    assert_eq!(a.tenant.client_names(day(1), 10).await.unwrap().len(), 1);
    assert!(b.client_names(day(1), 10).await.unwrap().is_empty());
    assert!(b.token_list().await.unwrap().is_empty());
    assert_eq!(b.member_list().await.unwrap().len(), 1);
    assert_ne!(b.member_list().await.unwrap()[0].user, a.owner);
    assert!(b.audit_list(10, None).await.unwrap().rows.iter().all(|entry| entry.what == "tenant.created"));
    // A cursor of another tenant is a place in time, and shows nothing of theirs.
    arrive(&a.tenant, "8", 5).await;
    let cursor = a.tenant.delivery_list(&DeliveryFilter::default(), 1, None).await.unwrap().next;
    assert!(
        b.delivery_list(&DeliveryFilter::default(), 10, cursor.as_deref()).await.unwrap().rows.is_empty()
    );
    // Rebuilding one's trends leaves the other's.
    b.trends_rebuild().await.unwrap();
    assert_eq!(a.tenant.overview(day(1), day(9)).await.unwrap().tally.analysed, 1);
    assert_eq!(b.today(at(0)).await.unwrap(), day(2));
}

async fn ids_of_one_tenant_open_nothing_for_another(store: TestStore) {
    let a = full(&store).await;
    let b = other(&store).await;
    let by = Actor::System;
    assert!(b.delivery_fetch(a.delivery).await.unwrap().is_none());
    assert!(!b.delivery_replay(a.delivery, &by, at(9)).await.unwrap());
    assert!(b.ticket_story(a.ticket).await.unwrap().is_none());
    assert!(b.ticket_for_work(a.ticket).await.unwrap().is_none());
    assert!(!b.ticket_replay(a.ticket, &by, at(9)).await.unwrap());
    assert_eq!(b.tickets_replay_degraded(10, &by, at(9)).await.unwrap(), 0);
    assert!(b.analysis_latest(a.ticket).await.unwrap().is_none());
    assert!(b.action_list(a.analysis).await.unwrap().is_empty());
    a.tenant
        .actions_begin(a.job.lease, &[a.tenant.action_list(a.analysis).await.unwrap()[1].id])
        .await
        .unwrap();
    assert!(a.tenant.escalated_before(a.ticket).await.unwrap());
    assert!(!b.escalated_before(a.ticket).await.unwrap());
    assert!(!b.token_revoke(a.token, &by, at(9)).await.unwrap());
    assert_eq!(a.tenant.token_list().await.unwrap().len(), 1);
    assert!(!b.member_remove(a.owner, &by, at(9)).await.unwrap());
    assert_eq!(a.tenant.member_list().await.unwrap().len(), 1);
    assert_eq!(b.texts_remove(at(1_000_000), None, 10).await.unwrap().removed, 0);
    assert_eq!(b.deliveries_trim(at(1_000_000), None, 10).await.unwrap().removed, 0);
    assert!(a.tenant.ticket_for_work(a.ticket).await.unwrap().is_some());
    // A token of another tenant has no name here.
    b.audit_append(&Actor::Token(a.token), "x.y", "z", at(9)).await.unwrap();
    assert_ne!(b.audit_list(1, None).await.unwrap().rows[0].actor, "ci");
    assert!(store.membership(a.owner, b.tenant_id()).await.unwrap().is_none());
}

async fn settings_of_one_tenant_are_not_anothers(store: TestStore) {
    let a = full(&store).await;
    let b = other(&store).await;
    let by = Actor::System;
    assert!(b.psa_connection().await.unwrap().is_none());
    let stamp = b.stamp().await.unwrap();
    a.tenant.policy_put(&Policy { mode: Mode::Live, ..Policy::default() }, &by, at(9)).await.unwrap();
    assert_eq!(b.stamp().await.unwrap(), stamp, "what A saves does not touch B");
    assert_eq!(b.model_connection().await.unwrap().settings, ModelSettings::Builtin {});
    assert!(b.lookups_get().await.unwrap().is_none());
    assert_eq!(b.policy().await.unwrap().body, Policy::default());
    assert_eq!(b.policy_versions(10).await.unwrap().len(), 1);
    assert!(b.prompt().await.unwrap().is_none());
    assert!(b.prompt_versions(10).await.unwrap().is_empty());
    assert_ne!(b.hook().await.unwrap().key, a.tenant.hook().await.unwrap().key);

    // What B saves changes nothing of A's.
    let (hook, policy) = (a.tenant.hook().await.unwrap().key, a.tenant.policy().await.unwrap());
    let mut empty = psa();
    empty.set_secret(Secret::default());
    b.psa_connection_put(empty.clone(), &by, at(9)).await.unwrap();
    assert_eq!(b.psa_connection().await.unwrap().unwrap().settings, empty, "A's secret is not kept for B");
    b.model_connection_put(ModelSettings::Builtin {}, &by, at(9)).await.unwrap();
    for which in [Which::Psa, Which::Model] {
        b.connection_used(b.newest_save(which).await, at(9)).await.unwrap();
        b.connection_paused(b.newest_save(which).await, "B's own", Pace::USUAL, 0.5, at(9)).await.unwrap();
        b.connection_still_paused(b.newest_save(which).await, "B's own", Pace::USUAL, 0.5, at(9))
            .await
            .unwrap();
        b.connection_resumed(b.newest_save(which).await, at(9)).await.unwrap();
        b.connection_answers(which).await.unwrap();
        b.strays_hand_over(PsaKind::Autotask.into()).await.unwrap();
        b.connection_paused(b.newest_save(which).await, "B's own", Pace::USUAL, 0.5, at(9)).await.unwrap();
    }
    b.lookups_put(b.newest_save(Which::Psa).await, PsaKind::HaloPsa, serde_json::json!({}), at(9))
        .await
        .unwrap();
    b.policy_put(&Policy { mode: Mode::Live, ..Policy::default() }, &by, at(9)).await.unwrap();
    b.prompt_put("B's prompt", &by, at(9)).await.unwrap();
    for verdict in [Some(Verdict::TooLow), None] {
        assert!(!b.feedback_put(a.analysis, Dimension::Urgency, verdict, &by, at(9)).await.unwrap());
    }
    assert!(b.feedback_of(a.analysis).await.unwrap().is_empty());
    assert!(b.feedback_list(at(-9), 10).await.unwrap().is_empty());
    assert_eq!(a.tenant.feedback_of(a.analysis).await.unwrap().len(), 1);
    let client = "autotask/c".parse().unwrap();
    b.client_note_put(&client, "", &by, at(9)).await.unwrap();
    assert_eq!(a.tenant.client_note(&client).await.unwrap().unwrap().text, "to remember");
    b.psa_connection_move(psa(), PsaKind::Autotask.into(), &by, at(9)).await.unwrap();
    assert_eq!(b.psa_instances().await.unwrap().len(), 1);
    b.psa_connection_begin(psa(), &by, at(9)).await.unwrap();
    b.psa_connection_move(psa(), PsaKind::Autotask.into(), &by, at(9)).await.unwrap();
    b.hook_rotate(&by, at(9)).await.unwrap();
    b.tenant_update("Bolt", "Asia/Tokyo", &by, at(9)).await.unwrap();
    b.retention_put(Some(domain::Retention::new(30).unwrap()), &by, at(9)).await.unwrap();
    b.tidy_done(at(60), at(120)).await.unwrap();
    assert_eq!(a.tenant.retention().await.unwrap(), None);
    b.token_create("ci", &by, at(9)).await.unwrap();
    let (_, stranger) = tenant_with_owner(&store, "third").await;
    b.member_link(stranger, domain::Role::Viewer, &by, at(9)).await.unwrap();
    b.member_add("new@bolt.example", "N", domain::Role::Viewer, "x", &by, at(9)).await.unwrap();

    let kept = a.tenant.psa_connection().await.unwrap().unwrap();
    assert_eq!((kept.settings, kept.state), (psa(), ConnectionState::Untested));
    let kept = a.tenant.model_connection().await.unwrap();
    assert_eq!((kept.settings, kept.state), (model(), ConnectionState::Untested));
    assert_eq!(a.tenant.lookups_get().await.unwrap().unwrap().value, serde_json::json!({"of": "acme"}));
    assert_eq!(a.tenant.policy().await.unwrap(), policy);
    assert_eq!(a.tenant.prompt().await.unwrap().unwrap().body, "acme's prompt");
    assert_eq!(a.tenant.hook().await.unwrap().key, hook);
    let Tenant { name, time_zone, .. } = a.tenant.tenant_fetch().await.unwrap().unwrap();
    assert_eq!((name.as_str(), time_zone.as_str()), ("acme", "UTC"));
    assert_eq!(a.tenant.member_list().await.unwrap().len(), 1);
}

async fn a_sweep_of_one_tenant_finds_nothing_for_another(store: TestStore) {
    let a = full(&store).await;
    let b = other(&store).await;
    let day = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
    let found = || {
        let created_at = at(1);
        vec![SweptTicket { external_ticket: "7".into(), number: None, created_at }]
    };
    a.tenant.sweep_keep(PsaKind::Autotask.into(), found(), at(2), None, at(2)).await.unwrap();
    assert_eq!(b.sweep().await.unwrap(), None);
    assert!(b.arrivals(day).await.unwrap().is_empty());

    b.psa_connection_put(psa(), &Actor::System, at(0)).await.unwrap();
    let before = (a.tenant.sweep().await.unwrap(), a.tenant.arrivals(day).await.unwrap());
    b.sweep_keep(PsaKind::Autotask.into(), found(), at(9), Some("on".into()), at(9)).await.unwrap();
    b.hook_found(PsaKind::Autotask.into(), Some(HookState::Off), at(9)).await.unwrap();
    b.sweep_end(
        PsaKind::Autotask.into(),
        SweepEnd { next_at: at(99), quiet: 9, problem: Some("B's own".into()) },
        at(9),
    )
    .await
    .unwrap();
    assert_eq!(
        b.sweep_missing(PsaKind::Autotask.into(), at(9), 10).await.unwrap(),
        found(),
        "A's ticket 7 was told to A alone"
    );
    assert!(a.tenant.sweep_missing(PsaKind::Autotask.into(), at(9), 10).await.unwrap().is_empty());
    assert_eq!((a.tenant.sweep().await.unwrap(), a.tenant.arrivals(day).await.unwrap()), before);
    assert_eq!(before.1[0].seen, 1);
}

async fn an_import_of_one_tenant_is_out_of_anothers_reach(store: TestStore) {
    let a = full(&store).await;
    let b = other(&store).await;
    let before = a.tenant.import().await.unwrap().unwrap();
    assert_eq!((before.counts.waiting, b.import().await.unwrap()), (1, None));
    assert_eq!(b.usual_reading().await.unwrap(), None);
    b.psa_connection_put(psa(), &Actor::System, at(3)).await.unwrap();
    b.import_begin(30, &Actor::System, at(3)).await.unwrap();
    let next = || ImportNext { at: at(9), reason: Some("B's own".into()) };
    assert!(!b.import_keep(before.id, Vec::new(), None, next()).await.unwrap());
    assert_eq!(b.import_feed(before.id, 9, at(9), next()).await.unwrap(), 0);
    b.import_stuck(before.id, next()).await.unwrap();
    b.import_abandon(before.id, "B's own", at(9)).await.unwrap();
    assert!(b.import_act(ImportAct::Cancel, &Actor::System, at(9)).await.unwrap());
    assert_eq!(a.tenant.import().await.unwrap().unwrap(), before);
}

async fn a_job_of_one_tenant_cannot_be_worked_on_as_another(store: TestStore) {
    let a = full(&store).await;
    let b = other(&store).await;
    let lease = a.job.lease;
    let lost = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::LeaseLost)), "{outcome:?}")
    };
    let (plan, assessment) = (plan(Mode::Live, 5, &[]), support::assessment(5));
    let done = Outcome { state: ActionState::Done, effects: vec![], detail: None, receipt: None };
    lost(b.ticket_read(lease, &read("7", "c"), at(9)).await.map(drop));
    lost(b.ticket_skip(lease, &read("7", "c"), "no", at(9)).await.map(drop));
    lost(b.ticket_unseen(lease, &read("7", "c"), "gone", at(9)).await.map(drop));
    lost(b.analysis_scored(lease, a.ticket, &assessment, &plan, 1, &provenance(), at(9)).await.map(drop));
    lost(b.analysis_skipped(lease, a.ticket, "no", 1, &provenance(), at(9)).await.map(drop));
    let ended = [(a.action, done)];
    lost(b.actions_begin(lease, &[a.action]).await.map(drop));
    for rest in [Rest::Unsent(vec![a.action]), Rest::Finished] {
        lost(b.actions_end(lease, a.ticket, &ended, rest, at(9)).await);
    }

    // With a lease of its own, B still reaches nothing of A's.
    arrive(&b, "7", 4).await;
    let mine = claim(&store, 4).await;
    let ticket = b.ticket_read(mine.lease, &read("7", "c"), at(5)).await.unwrap();
    assert_ne!(ticket, a.ticket);
    lost(
        b.analysis_scored(mine.lease, a.ticket, &assessment, &plan, 1, &provenance(), at(9)).await.map(drop),
    );
    lost(b.actions_begin(mine.lease, &[a.action]).await.map(drop));
    lost(b.actions_end(mine.lease, a.ticket, &ended, Rest::Finished, at(9)).await);
    b.actions_end(mine.lease, ticket, &ended, Rest::Unsent(vec![a.action]), at(9)).await.unwrap();

    let rows = a.tenant.action_list(a.analysis).await.unwrap();
    assert_eq!(rows[0].state, ActionState::Planned);
    assert_eq!(store.job_renew(&[lease], at(9) + LEASE).await.unwrap(), [a.job.id()], "A's job is as it was");
}
