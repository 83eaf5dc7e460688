//! One client: what it said, who says it, and what is to be remembered of it.

use crate::support::{self, arrive, at, claim, plan, read, scored, tenant};
use domain::{ClientKey, Mode};
use store::clients::ClientContact;
use store::testing::TestStore;
use store::{Actor, TenantStore};

support::on_both_engines! {
    what_made_a_client_angry_is_quoted_worst_first,
    people_who_write_again_are_counted,
    what_is_remembered_of_a_client_is_kept_until_it_is_emptied,
}

const DAY: i64 = 86_400;

fn client(id: &str) -> ClientKey {
    format!("autotask/{id}").parse().unwrap()
}

async fn what_made_a_client_angry_is_quoted_worst_first(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (ticket, of, sentiment, day) in [
        ("1", "c", 4, 0),
        ("2", "c", 5, 1),
        ("3", "c", 2, 2),
        ("4", "other", 5, 2),
        ("5", "c", 5, 9),
        ("6", "c", 4, 3),
    ] {
        scored(&acme, ticket, of, sentiment, &plan(Mode::Shadow, sentiment, &[]), day * DAY).await;
    }
    let quotes = async |limit| {
        let found = acme.client_quotes(&client("c"), at(0), at(8 * DAY), limit).await.unwrap();
        found
            .into_iter()
            .map(|quote| (quote.number, quote.sentiment.get(), quote.reading.quote))
            .collect::<Vec<_>>()
    };
    let all = quotes(9).await;
    let order: Vec<_> = all.iter().map(|(number, sentiment, _)| (number.as_str(), *sentiment)).collect();
    assert_eq!(order, [("T20260302.2", 5), ("T20260302.6", 4), ("T20260302.1", 4)]);
    assert_eq!(all[0].2, support::assessment(5).sentiment.quote);
    assert_eq!(quotes(1).await.len(), 1);
    assert_eq!(acme.client_name(&client("c")).await.unwrap().as_deref(), Some("Client c"));
    assert_eq!(acme.client_name(&client("nobody")).await.unwrap(), None);
}

async fn written(tenant: &TenantStore, ticket: &str, author: &str, day: i64) {
    arrive(tenant, ticket, day * DAY).await;
    let job = claim(tenant.store(), day * DAY).await;
    let mut read = read(ticket, "c");
    read.author_name = author.into();
    support::end_read(tenant, &job, &read, day * DAY).await;
    let job = claim(tenant.store(), day * DAY).await;
    tenant.store().job_finish(job.lease, at(day * DAY)).await.unwrap();
}

async fn people_who_write_again_are_counted(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for (ticket, author, day) in
        [("1", "Dana", 0), ("2", "Eli", 1), ("3", "Dana", 3), ("4", "", 4), ("5", "Dana", 40)]
    {
        written(&acme, ticket, author, day).await;
    }
    let found = acme.client_contacts(&client("c"), at(0), at(10 * DAY)).await.unwrap();
    let contact =
        |name: &str, tickets, repeats| ClientContact { name: name.into(), tickets, repeats, negative: 0 };
    assert_eq!(found, [contact("Dana", 2, 1), contact("Eli", 1, 0)]);
}

async fn what_is_remembered_of_a_client_is_kept_until_it_is_emptied(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let note = async || acme.client_note(&client("c")).await.unwrap();
    assert_eq!(note().await, None);
    for (second, text) in [(1, "Renewal in May."), (2, "  Renewal in June.\n")] {
        acme.client_note_put(&client("c"), text, &Actor::System, at(second)).await.unwrap();
    }
    let kept = note().await.unwrap();
    assert_eq!(
        (kept.text.as_str(), kept.updated_at, kept.updated_by.as_str()),
        ("Renewal in June.", at(2), "system")
    );
    assert_eq!(acme.client_note(&client("d")).await.unwrap(), None);
    acme.client_note_put(&client("c"), " ", &Actor::System, at(3)).await.unwrap();
    assert_eq!(note().await, None);
    assert_eq!(acme.audit_list(1, None).await.unwrap().rows[0].what, "client.noted");
}
