//! Tickets as the lists show them, and their whole stories.

use crate::support::{self, arrive, at, claim, plan, read, scored, tenant};
use domain::{Dimension, Label, Mode, Score, TicketId};
use store::analyses::{AnalysisState, Provenance};
use store::jobs::Share;
use store::testing::{History, TestStore};
use store::tickets::{LOOKED_THROUGH, TicketFilter, TicketState};
use store::{Actor, StoreError, TenantStore};

support::on_both_engines! {
    what_was_read_comes_back_as_it_was,
    a_ticket_left_out_keeps_the_rule_and_is_finished,
    the_list_is_newest_first_in_pages_without_gaps,
    the_list_can_be_narrowed,
    words_are_found_in_title_text_client_and_number,
    a_replay_reads_the_ticket_as_it_stands_now,
    a_replay_of_an_unknown_ticket_is_refused,
    the_story_tells_everything_in_order,
    samples_are_the_newest_tickets_with_text,
    a_policy_is_held_against_the_newest_scores_of_each_ticket,
    text_with_a_nul_is_kept_readable,
    what_was_read_while_the_model_was_out_is_marked_until_it_is_read_again,
    a_ticket_that_was_not_there_does_not_use_up_its_number,
    the_list_is_asked_for_any_time_and_client,
    a_ticket_that_was_not_there_is_looked_for_again_once_at_a_time,
    what_no_index_finds_is_found_page_by_page_and_none_is_left_out,
    words_are_those_of_what_was_read_last,
    tickets_of_one_moment_are_found_by_their_words_page_by_page,
    words_of_another_tenant_are_not_found_and_do_not_hide_ones_own,
    tickets_from_before_are_found_once_their_words_are_put_down,
    places_of_one_microsecond_may_be_more_than_a_thousand,
    the_highest_scores_come_first_page_by_page_whatever_else_is_asked,
    news_are_what_came_in_or_was_scored_since,
}

async fn list(tenant: &TenantStore, filter: TicketFilter) -> Vec<String> {
    let rows = tenant.ticket_list(&filter, 100, None).await.unwrap().rows;
    rows.into_iter().map(|row| row.external_id).collect()
}

async fn what_was_read_comes_back_as_it_was(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let wanted = read("7", "c");
    let id = acme.ticket_read(job.lease, &wanted, at(1)).await.unwrap();
    let (same, kept) = acme.ticket_for_work(id).await.unwrap().unwrap();
    assert_eq!((same, &kept.ticket, &kept.text), (id, &wanted.ticket, &wanted.text));
    assert_eq!((kept.text_remarks, kept.author_name), (wanted.text_remarks, wanted.author_name));
    let row = acme.ticket_list(&TicketFilter::default(), 1, None).await.unwrap().rows.remove(0);
    assert_eq!((row.id, row.state, row.created_at), (id, TicketState::Reading, at(0)));
    assert_eq!((row.client.as_deref(), row.client_id.as_deref()), (Some("Client c"), Some("autotask/c")));
    assert_eq!((row.board.as_deref(), row.number.as_str()), (Some("Help Desk"), "T20260302.7"));
    assert_eq!((row.label, row.sentiment, row.mode, row.analysed_at), (None, None, None, None));
    assert!(acme.analysis_latest(id).await.unwrap().is_none());
    assert!(acme.ticket_for_work(TicketId(uuid::Uuid::nil())).await.unwrap().is_none());
}

async fn a_ticket_left_out_keeps_the_rule_and_is_finished(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let id = acme.ticket_skip(job.lease, &read("7", "c"), "board Alerts is left out", at(1)).await.unwrap();
    let story = acme.ticket_story(id).await.unwrap().unwrap();
    assert_eq!(
        (story.row.state, story.row.reason.as_deref()),
        (TicketState::Skipped, Some("board Alerts is left out"))
    );
    assert_eq!(story.analyses.len(), 1);
    assert_eq!((story.analyses[0].state, story.analyses[0].policy_version), (AnalysisState::Skipped, 1));
    assert_eq!(
        story.events.iter().map(|event| event.what.as_str()).collect::<Vec<_>>(),
        ["received", "read", "skipped"]
    );
    assert_eq!(store.queue_health().await.unwrap(), store::jobs::QueueHealth::default());
}

async fn the_list_is_newest_first_in_pages_without_gaps(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for index in 0..13 {
        let external = index.to_string();
        arrive(&acme, &external, index / 3).await;
        let job = claim(&store, index / 3).await;
        acme.ticket_skip(job.lease, &read(&external, "c"), "no", at(50)).await.unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = acme.ticket_list(&TicketFilter::default(), 5, cursor.as_deref()).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.external_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..13).rev().map(|index| index.to_string()).collect::<Vec<_>>());
    assert!(matches!(
        acme.ticket_list(&TicketFilter::default(), 5, Some("AAAA")).await,
        Err(StoreError::BadCursor)
    ));
}

async fn the_list_can_be_narrowed(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    scored(&acme, "1", "c1", 5, &plan(Mode::Shadow, 5, &["update"]), 0).await;
    scored(&acme, "2", "c1", 1, &plan(Mode::Live, 1, &[]), 100).await;
    scored(&acme, "3", "c2", 3, &plan(Mode::Live, 3, &[]), 200).await;
    let all = TicketFilter::default;
    let cases = [
        (all(), vec!["3", "2", "1"]),
        (TicketFilter { from: Some(at(100)), ..all() }, vec!["3", "2"]),
        (TicketFilter { to: Some(at(100)), ..all() }, vec!["1"]),
        (TicketFilter { from: Some(at(100)), to: Some(at(200)), ..all() }, vec!["2"]),
        (TicketFilter { label: Some(Label::Positive), ..all() }, vec!["2"]),
        (TicketFilter { client: Some("autotask/c1".into()), ..all() }, vec!["2", "1"]),
        (TicketFilter { state: Some(TicketState::Shadowed), ..all() }, vec!["1"]),
        (
            TicketFilter { state: Some(TicketState::Analysed), client: Some("autotask/c1".into()), ..all() },
            vec!["2"],
        ),
        (TicketFilter { min_sentiment: Some(Score::NEUTRAL), ..all() }, vec!["3", "1"]),
        (TicketFilter { escalated: Some(true), ..all() }, vec![]),
        (TicketFilter { escalated: Some(false), ..all() }, vec!["3", "2", "1"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(list(&acme, filter.clone()).await, expected, "{filter:?}");
    }
}

async fn words_are_found_in_title_text_client_and_number(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (external, client, title, text) in [
        ("1", "apple", "VPN down", "100% of us, my_host too"),
        ("2", "berry", "Printer", "It says VPN! and more"),
        ("3", "cherry", "Mail", "x"),
    ] {
        arrive(&acme, external, external.parse().unwrap()).await;
        let job = claim(&store, 9).await;
        let mut read = read(external, client);
        read.ticket.title = title.into();
        read.text = text.into();
        acme.ticket_skip(job.lease, &read, "no", at(10)).await.unwrap();
    }
    for (q, expected) in [
        ("vpn", vec!["2", "1"]),
        ("VPN down", vec!["1"]),
        ("CLIENT cherry", vec!["3"]),
        ("t20260302.2", vec!["2"]),
        ("100%", vec!["1"]),
        ("9%9", vec![]),
        ("my_host", vec!["1"]),
        ("y_h%t", vec![]),
        ("vpn!", vec!["2", "1"]),
        ("prin", vec!["2"]),
        ("p", vec![]),
        ("x", vec!["3"]),
        ("rinter", vec![]),
        ("PRÍNTÉR says", vec!["2"]),
        ("pat contoso", vec![]),
        ("vpn OR mail", vec![]),
        ("vpn NOT down", vec![]),
        ("vpn\" OR \"mail", vec![]),
        ("vpn' | 'mail", vec![]),
        ("vpn:* & mail", vec![]),
        ("words:vpn", vec![]),
        ("?!", vec![]),
        ("", vec!["3", "2", "1"]),
        ("'; DROP TABLE tickets; --", vec![]),
    ] {
        assert_eq!(
            list(&acme, TicketFilter { q: Some(q.into()), ..TicketFilter::default() }).await,
            expected,
            "{q:?}"
        );
    }
}

fn words(q: &str) -> TicketFilter {
    TicketFilter { q: Some(q.into()), ..TicketFilter::default() }
}

async fn words_are_those_of_what_was_read_last(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = scored(&acme, "7", "c1", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    assert_eq!(list(&acme, words("printer c1")).await, ["7"]);
    acme.ticket_replay(ticket, &Actor::System, at(100)).await.unwrap();
    let job = claim(&store, 100).await;
    let mut now = read("7", "c2");
    (now.ticket.title, now.text) = ("Solved".into(), "Thank you.".into());
    acme.ticket_read(job.lease, &now, at(101)).await.unwrap();
    assert_eq!(list(&acme, words("solved thank c2")).await, ["7"]);
    assert!(list(&acme, words("printer")).await.is_empty());
    assert!(list(&acme, words("c1")).await.is_empty());
}

async fn tickets_of_one_moment_are_found_by_their_words_page_by_page(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for n in 0..12 {
        // Five at one moment, four at another, three the day before.
        let moment = [50, 50, 50, 50, 50, 80, 80, 80, 80, -90_000, -90_000, -90_000][n];
        arrive(&acme, &n.to_string(), moment).await;
        let job = claim(&store, 90).await;
        acme.ticket_skip(job.lease, &read(&n.to_string(), "c"), "no", at(90)).await.unwrap();
    }
    let everything = acme.ticket_list(&TicketFilter::default(), 100, None).await.unwrap().rows;
    let everything: Vec<String> = everything.into_iter().map(|row| row.external_id).collect();
    for filter in [words("printer"), TicketFilter { state: Some(TicketState::Skipped), ..words("printer") }] {
        for limit in [1, 2, 3, 5, 11, 12, 50] {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = acme.ticket_list(&filter, limit, cursor.as_deref()).await.unwrap();
                assert!(page.rows.len() <= limit as usize);
                found.extend(page.rows.into_iter().map(|row| row.external_id));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, everything, "pages of {limit}");
        }
    }
    let between = TicketFilter { from: Some(at(50)), to: Some(at(80)), ..words("printer") };
    assert_eq!(list(&acme, between).await.len(), 5, "from inclusive, to exclusive");
}

async fn words_of_another_tenant_are_not_found_and_do_not_hide_ones_own(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    for (own, external, moment) in [(&acme, "1", 0), (&bolt, "2", 1), (&bolt, "3", 2)] {
        arrive(own, external, moment).await;
        let job = claim(&store, 9).await;
        own.ticket_skip(job.lease, &read(external, "c"), "no", at(9)).await.unwrap();
    }
    let page = acme.ticket_list(&words("printer"), 1, None).await.unwrap();
    assert_eq!((page.rows[0].external_id.as_str(), page.next), ("1", None));
    let named = bolt.tenant_id().0.simple().to_string();
    for q in [named.clone(), format!("¦{named}"), format!("{named}/20514")] {
        assert!(list(&acme, words(&q)).await.is_empty(), "{q}");
    }
}

/// As an update leaves it.
async fn forget_words(store: &TestStore) {
    let mut beside = store.beside().await;
    for statement in [
        "INSERT INTO ticket_words_due (tenant_id, ticket_id) SELECT tenant_id, id FROM tickets",
        "DELETE FROM ticket_words",
    ] {
        beside.run(statement).await;
    }
}

async fn tickets_from_before_are_found_once_their_words_are_put_down(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (external, moment) in [("1", 0), ("2", 500), ("3", 600)] {
        scored(&acme, external, "c", 2, &plan(Mode::Shadow, 2, &[]), moment).await;
    }
    assert_eq!(acme.texts_remove(at(400), None, 9).await.unwrap().removed, 1);
    forget_words(&store).await;
    assert!(list(&acme, words("printer")).await.is_empty());
    assert_eq!(acme.words_catch_up(2).await.unwrap(), 2);
    assert_eq!(list(&acme, words("printer")).await, ["3", "2"], "the newest first");
    assert_eq!(acme.words_catch_up(2).await.unwrap(), 1);
    assert_eq!(acme.words_catch_up(2).await.unwrap(), 0);
    assert_eq!(list(&acme, words("printer")).await, ["3", "2"], "the text of the oldest is gone");
    assert_eq!(list(&acme, words("client c")).await, ["3", "2", "1"], "its client is known");
}

async fn places_of_one_microsecond_may_be_more_than_a_thousand(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let history = History { tickets: 1_030, days: 1, clients: 1, until: at(0) };
    store.make_history(acme.tenant_id(), history).await;
    let statement = if store.engine_name() == "sqlite" {
        "UPDATE tickets SET taken_in_at = (SELECT max(taken_in_at) FROM tickets)"
    } else {
        "UPDATE tickets SET taken_in_at = (SELECT max(taken_in_at) FROM tickets), text_removed = true"
    };
    store.beside().await.run(statement).await;
    forget_words(&store).await;
    while acme.words_catch_up(500).await.unwrap() > 0 {}
    let page = acme.ticket_list(&words("on"), 2_000, None).await.unwrap();
    // The text of the oldest tenth is gone.
    assert_eq!((page.rows.len(), page.next), (927, None));
}

async fn a_replay_reads_the_ticket_as_it_stands_now(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = scored(&acme, "7", "c1", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    assert!(acme.ticket_replay(ticket, &Actor::System, at(100)).await.unwrap());
    assert_eq!(acme.ticket_story(ticket).await.unwrap().unwrap().row.state, TicketState::Reading);
    let job = claim(&store, 100).await;
    let mut now = read("7", "c2");
    now.text = "Solved, thank you.".into();
    assert_eq!(acme.ticket_read(job.lease, &now, at(101)).await.unwrap(), ticket);
    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    assert_eq!(
        (story.text.as_str(), story.row.client_id.as_deref()),
        ("Solved, thank you.", Some("autotask/c2"))
    );
    assert_eq!(story.row.created_at, at(0), "when it was taken in does not change");
    let what: Vec<&str> = story.events.iter().map(|event| event.what.as_str()).collect();
    assert_eq!(what, ["received", "read", "scored", "decided", "replayed", "read"]);
    let trail = acme.audit_list(1, None).await.unwrap().rows;
    assert_eq!(trail[0].what, "ticket.replayed");
}

async fn a_replay_of_an_unknown_ticket_is_refused(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert!(!acme.ticket_replay(TicketId(uuid::Uuid::nil()), &Actor::System, at(1)).await.unwrap());
    assert!(acme.ticket_story(TicketId(uuid::Uuid::nil())).await.unwrap().is_none());
}

async fn the_story_tells_everything_in_order(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let ticket = scored(&acme, "7", "c", 5, &plan(Mode::Live, 5, &["update", "note:update"]), 0).await;
    let update = store::door::Disposition::Ignore {
        external_ticket: Some("7".into()),
        reason: "our own change".into(),
    };
    store.accept(support::delivery(acme.tenant_id(), "echo", update, 4)).await.unwrap();
    let job = claim(&store, 5).await;
    store.job_retry(job.lease, at(9), "the PSA did not answer", false).await.unwrap();
    let story = acme.ticket_story(ticket).await.unwrap().unwrap();
    let lines: Vec<(&str, &str)> =
        story.events.iter().map(|event| (event.what.as_str(), event.detail.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("received", "webhook call from Autotask PSA"),
            ("read", "read from Autotask PSA"),
            ("scored", "sentiment 5, urgency 3, impact 2 by a model"),
            ("decided", "negative, to do: update, note:update"),
            ("retry", "the PSA did not answer"),
        ]
    );
    assert_eq!(
        story.deliveries.iter().map(|delivery| delivery.received_at).collect::<Vec<_>>(),
        [at(0), at(4)]
    );
    assert!(story.deliveries.iter().all(|delivery| delivery.ticket == Some(ticket)));
    assert_eq!(story.brought_in_by(), job.delivery, "and not the echo of our own change");
    assert_eq!(story.actions.iter().map(|row| row.position).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((story.analyses.len(), story.author_name.as_str()), (1, "Pat"));
    assert!(!lines.iter().any(|(_, detail)| detail.contains("smokes")), "no words of the customer");
}

async fn samples_are_the_newest_tickets_with_text(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (external, second, text) in [("1", 1, "one"), ("2", 2, ""), ("3", 3, "three")] {
        arrive(&acme, external, second).await;
        let job = claim(&store, second).await;
        let mut read = read(external, "c");
        read.text = text.into();
        acme.ticket_skip(job.lease, &read, "no", at(10)).await.unwrap();
    }
    let samples = acme.ticket_samples(10).await.unwrap();
    assert_eq!(samples.iter().map(|(_, read)| read.text.as_str()).collect::<Vec<_>>(), ["three", "one"]);
    assert_eq!(acme.ticket_samples(1).await.unwrap().len(), 1);
}

async fn a_policy_is_held_against_the_newest_scores_of_each_ticket(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (external, sentiment, second) in [("1", 5, 0), ("2", 3, 10), ("3", 1, 20)] {
        scored(&acme, external, "c", sentiment, &plan(Mode::Shadow, sentiment, &[]), second).await;
    }
    arrive(&acme, "4", 30).await;
    let job = claim(&store, 30).await;
    acme.ticket_skip(job.lease, &read("4", "c"), "an alert", at(31)).await.unwrap();
    // The first is scored again, and so is the newest now.
    let first = acme.ticket_list(&TicketFilter::default(), 10, None).await.unwrap().rows.remove(3);
    acme.ticket_replay(first.id, &Actor::System, at(40)).await.unwrap();
    let job = claim(&store, 40).await;
    acme.ticket_read(job.lease, &read("1", "c"), at(41)).await.unwrap();
    let (again, plan) = (support::assessment(2), plan(Mode::Shadow, 2, &[]));
    acme.analysis_scored(job.lease, first.id, &again, &plan, 1, &support::provenance(), at(42))
        .await
        .unwrap();
    let seen = async |limit| {
        let rows = acme.assessed_newest(limit).await.unwrap();
        rows.into_iter()
            .map(|one| (one.read.ticket.external_id, one.assessment.sentiment.score.get()))
            .collect::<Vec<_>>()
    };
    let all = [("1".to_owned(), 2), ("3".to_owned(), 1), ("2".to_owned(), 3)];
    assert_eq!(seen(10).await, all);
    assert_eq!(seen(2).await, all[..2]);
}

async fn text_with_a_nul_is_kept_readable(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let mut odd = read("7", "c\0");
    odd.ticket.title = "a\0b".into();
    odd.text = "c\0d".into();
    odd.author_name = "e\0f".into();
    let id = acme.ticket_skip(job.lease, &odd, "no\0", at(1)).await.unwrap();
    let story = acme.ticket_story(id).await.unwrap().unwrap();
    assert_eq!((story.row.title.as_str(), story.text.as_str()), ("a\u{fffd}b", "c\u{fffd}d"));
    assert_eq!(story.ticket.title, "a\0b", "the ticket itself is as the PSA gave it");
}

async fn what_was_read_while_the_model_was_out_is_marked_until_it_is_read_again(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let degraded = TicketFilter { degraded: true, ..TicketFilter::default() };
    let stand_in = Provenance { degraded: Some("gpt refused the key".into()), ..support::provenance() };
    let plan = plan(Mode::Shadow, 3, &[]);
    let mut second = 0;
    for (external, how) in [("1", &stand_in), ("2", &support::provenance()), ("3", &stand_in)] {
        arrive(&acme, external, second).await;
        let job = claim(&store, second).await;
        let id = acme.ticket_read(job.lease, &read(external, "c"), at(second)).await.unwrap();
        acme.analysis_scored(job.lease, id, &support::assessment(3), &plan, 1, how, at(second))
            .await
            .unwrap();
        second += 10;
    }
    assert_eq!(list(&acme, degraded.clone()).await, ["3", "1"]);
    let story = acme.ticket_list(&degraded, 1, None).await.unwrap().rows.remove(0);
    assert!(story.degraded);
    let kept = acme.analysis_latest(story.id).await.unwrap().unwrap().provenance.degraded;
    assert_eq!(kept.as_deref(), Some("gpt refused the key"));

    // The oldest first, a few at a time; what is being read is not asked for again.
    assert_eq!(acme.tickets_replay_degraded(1, &Actor::System, at(50)).await.unwrap(), 1);
    let job = claim(&store, 50).await;
    assert_eq!((job.external_ticket.as_str(), job.replay), ("1", true));
    assert_eq!(acme.tickets_replay_degraded(10, &Actor::System, at(51)).await.unwrap(), 1);
    let id = acme.ticket_read(job.lease, &read("1", "c"), at(52)).await.unwrap();
    let how = support::provenance();
    acme.analysis_scored(job.lease, id, &support::assessment(3), &plan, 1, &how, at(53)).await.unwrap();
    // One that a rule leaves out now has no scores that could be marked.
    let job = claim(&store, 54).await;
    acme.ticket_skip(job.lease, &read("3", "c"), "an alert", at(55)).await.unwrap();
    assert!(list(&acme, degraded).await.is_empty());
    assert_eq!(acme.tickets_replay_degraded(10, &Actor::System, at(56)).await.unwrap(), 0);
}

async fn a_ticket_that_was_not_there_does_not_use_up_its_number(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let id = acme.ticket_unseen(job.lease, &read("7", "c"), "there is no such ticket", at(1)).await.unwrap();
    assert_eq!(acme.ticket_story(id).await.unwrap().unwrap().row.state, TicketState::Skipped);
    assert!(store.job_claim(at(1), support::LEASE, 10, Share::of(10)).await.unwrap().is_empty());

    let same = arrive(&acme, "7", 1).await;
    assert!(!same.repeated, "it may be the one that comes when the ticket is there");
    let job = claim(&store, 1).await;
    acme.ticket_unseen(job.lease, &read("7", "c"), "there is no such ticket", at(1)).await.unwrap();

    let later = support::delivery(acme.tenant_id(), "the true call", support::created("7"), 2);
    store.accept(later).await.unwrap();
    let job = claim(&store, 2).await;
    assert_eq!(acme.ticket_read(job.lease, &read("7", "c"), at(3)).await.unwrap(), id);
    acme.analysis_scored(
        job.lease,
        id,
        &support::assessment(3),
        &plan(Mode::Shadow, 3, &[]),
        1,
        &support::provenance(),
        at(4),
    )
    .await
    .unwrap();
    assert_eq!(acme.ticket_story(id).await.unwrap().unwrap().row.state, TicketState::Analysed);
    let day = at(0).date_naive();
    let counted = acme.overview(day, day + chrono::Days::new(1)).await.unwrap().tally;
    assert_eq!(counted.analysed, 1, "it is counted once");
}

async fn the_list_is_asked_for_any_time_and_client(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    scored(&acme, "1", "c", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    let (least, most) = (chrono::DateTime::<chrono::Utc>::MIN_UTC, chrono::DateTime::<chrono::Utc>::MAX_UTC);
    let between = |from, to| TicketFilter { from: Some(from), to: Some(to), ..TicketFilter::default() };
    assert_eq!(list(&acme, between(least, most)).await, ["1"]);
    assert!(list(&acme, between(least, least)).await.is_empty());
    assert!(
        list(&acme, TicketFilter { client: Some("c\0".into()), ..TicketFilter::default() }).await.is_empty()
    );
    let (first, last) = (chrono::NaiveDate::MIN, chrono::NaiveDate::MAX);
    let far = chrono::NaiveDate::from_ymd_opt(-5000, 1, 1).unwrap();
    assert_eq!(acme.overview(first, last).await.unwrap().tally.analysed, 1);
    assert_eq!(acme.overview(far, first).await.unwrap().tally.analysed, 0);
    assert!(acme.client_tallies(first, far, 10).await.unwrap().is_empty());
    assert!(acme.trend(first, far, store::trends::Bucket::Day, Some("\0")).await.unwrap().is_empty());
}

async fn a_ticket_that_was_not_there_is_looked_for_again_once_at_a_time(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    arrive(&acme, "7", 0).await;
    let job = claim(&store, 0).await;
    let id = acme.ticket_skip(job.lease, &read("7", "c"), "an alert", at(1)).await.unwrap();
    acme.ticket_replay(id, &Actor::System, at(2)).await.unwrap();
    let job = claim(&store, 2).await;
    // Asked for once more while it is being read: the job will begin anew.
    acme.ticket_replay(id, &Actor::System, at(3)).await.unwrap();
    acme.ticket_unseen(job.lease, &read("7", "c"), "there is no such ticket", at(4)).await.unwrap();
    let later = support::delivery(acme.tenant_id(), "another call", support::created("7"), 5);
    store.accept(later).await.expect("it is taken, and makes no second job");
    assert_eq!(store.job_claim(at(5), support::LEASE, 10, Share::of(10)).await.unwrap().len(), 1);
}

async fn what_no_index_finds_is_found_page_by_page_and_none_is_left_out(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let history = History { tickets: 2 * LOOKED_THROUGH + 500, days: 400, clients: 7, until: at(0) };
    store.make_history(acme.tenant_id(), history).await;
    let all = TicketFilter::default;
    let cases = [
        TicketFilter { min_sentiment: Some(Score::MAX), ..all() },
        TicketFilter { q: Some("T4321".into()), ..all() },
        TicketFilter { q: Some("T77".into()), label: Some(Label::Neutral), ..all() },
        TicketFilter {
            client: Some("2".into()),
            label: Some(Label::Negative),
            state: Some(TicketState::Acted),
            ..all()
        },
        TicketFilter { escalated: Some(true), label: Some(Label::Positive), ..all() },
    ];
    let mut expected: Vec<Vec<String>> = vec![Vec::new(); cases.len()];
    let mut cursor = None;
    loop {
        let page = acme.ticket_list(&all(), 500, cursor.as_deref()).await.unwrap();
        for row in &page.rows {
            for (found, filter) in expected.iter_mut().zip(&cases) {
                // The history says the number in the title too, without its T.
                let has = |q: &String| row.number.starts_with(q);
                let fits = filter.min_sentiment.is_none_or(|least| row.sentiment >= Some(least))
                    && filter.q.as_ref().is_none_or(has)
                    && (filter.label.is_none() || row.label == filter.label)
                    && (filter.state.is_none() || Some(row.state) == filter.state)
                    && (filter.client.is_none() || row.client_id == filter.client)
                    && filter.escalated.is_none_or(|escalated| row.escalated == escalated);
                found.extend(fits.then(|| row.number.clone()));
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    for (filter, expected) in cases.iter().zip(expected) {
        let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = acme.ticket_list(filter, 50, cursor.as_deref()).await.unwrap();
            found.extend(page.rows.into_iter().map(|row| row.number));
            (cursor, pages) = (page.next, pages + 1);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
        assert!(pages < 30, "{pages} pages for {filter:?}");
    }
}

async fn the_highest_scores_come_first_page_by_page_whatever_else_is_asked(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let history = History { tickets: 700, days: 60, clients: 7, until: at(0) };
    store.make_history(acme.tenant_id(), history).await;
    let all = acme.ticket_list(&TicketFilter::default(), 1_000, None).await.unwrap().rows;
    for (filter, fits) in [
        (TicketFilter::default(), None),
        (words("smokes"), None),
        (TicketFilter { client: Some("autotask/2".into()), ..words("fire") }, Some("autotask/2")),
        (TicketFilter { client: Some("autotask/2".into()), ..TicketFilter::default() }, Some("autotask/2")),
    ] {
        let has_text = filter.q.is_some();
        let mut expected: Vec<&store::tickets::TicketRow> = all
            .iter()
            .filter(|row| row.urgency.is_some() && (!has_text || !row.text_removed))
            .filter(|row| fits.is_none() || row.client_id.as_deref() == fits)
            .collect();
        expected.sort_by_key(|row| std::cmp::Reverse((row.urgency, row.created_at, row.id)));
        let expected: Vec<&str> = expected.into_iter().map(|row| row.number.as_str()).collect();
        assert!(expected.len() > 30);
        for limit in [1, 7, 50, 900] {
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page =
                    acme.ticket_ranked(Dimension::Urgency, &filter, limit, cursor.as_deref()).await.unwrap();
                assert!(page.rows.len() <= limit as usize);
                found.extend(page.rows.into_iter().map(|row| row.number));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{filter:?} in pages of {limit}");
        }
    }
    for place in ["x", "6.", "0.", "5.x", ".", "5"] {
        let refused = acme.ticket_ranked(Dimension::Impact, &TicketFilter::default(), 5, Some(place)).await;
        assert!(matches!(refused, Err(StoreError::BadCursor)), "{place}");
    }
}

async fn news_are_what_came_in_or_was_scored_since(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let all = TicketFilter::default;
    scored(&acme, "1", "c", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    arrive(&acme, "2", 50).await;
    let job = claim(&store, 50).await;
    let id = support::end_read(&acme, &job, &read("2", "c"), 51).await;
    let since = at(60);
    assert_eq!(acme.ticket_news(&all(), since, 10).await.unwrap(), 0);
    // One that was there is scored, and another comes in.
    let job = claim(&store, 70).await;
    support::end_score(&acme, &job, id, &support::assessment(5), &plan(Mode::Shadow, 5, &[]), 70).await;
    scored(&acme, "3", "d", 1, &plan(Mode::Shadow, 1, &[]), 80).await;
    assert_eq!(acme.ticket_news(&all(), since, 10).await.unwrap(), 2);
    assert_eq!(acme.ticket_news(&all(), since, 1).await.unwrap(), 1, "no more are counted than asked");
    let of_client = TicketFilter { client: Some("autotask/d".into()), ..all() };
    assert_eq!(acme.ticket_news(&of_client, since, 10).await.unwrap(), 1);
    assert_eq!(acme.ticket_news(&words("nothing like it"), since, 10).await.unwrap(), 0);
    assert_eq!(acme.ticket_news(&all(), at(9_000), 10).await.unwrap(), 0);
}
