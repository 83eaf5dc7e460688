//! Whether an address leads to a system that is known.

use super::Bench;
use domain::Ticket;
use serde_json::json;
use server::same_system::{Doubt, shows};

/// As they are known here, newest first.
async fn known(bench: &Bench, tickets: &[i64]) -> Vec<Ticket> {
    let mut known = Vec::new();
    for ticket in tickets.iter().rev() {
        known.push(bench.psa.fetch(&ticket.to_string()).await.unwrap().unwrap().ticket);
    }
    known
}

#[tokio::test]
async fn a_system_is_known_by_its_newest_tickets() {
    let bench = Bench::new().await;
    let tickets: Vec<i64> = (0..5).map(|_| bench.angry()).collect();
    let known = known(&bench, &tickets).await;
    assert!(known.iter().all(|ticket| ticket.created_at.is_some()));
    shows(&*bench.psa, &known).await.unwrap();
    // One may be gone since, two are a copy that was made before them.
    let lacking = |count: usize| {
        let mut known = known.clone();
        for ticket in &mut known[..count] {
            ticket.external_id = format!("90{}", ticket.external_id);
        }
        known
    };
    shows(&*bench.psa, &lacking(1)).await.unwrap();
    let doubt = shows(&*bench.psa, &lacking(2)).await.unwrap_err();
    assert!(matches!(&doubt, Doubt::Missing { number } if *number == known[1].number), "{doubt}");
    let doubt = shows(&*bench.psa, &lacking(1)[..1]).await.unwrap_err();
    assert!(matches!(doubt, Doubt::Missing { .. }), "the only one: {doubt}");
    // What has no tickets here cannot be taken for another.
    shows(&*bench.psa, &[]).await.unwrap();
}

#[tokio::test]
async fn the_same_numbers_in_another_system_are_other_tickets() {
    let (bench, other) = (Bench::new().await, Bench::new().await);
    let tickets: Vec<i64> = (0..5).map(|_| bench.angry()).collect();
    let known = known(&bench, &tickets).await;
    let theirs: Vec<i64> = (0..5).map(|_| other.angry()).collect();
    assert_eq!(theirs, tickets);
    for field in ["datecreated", "dateoccurred"] {
        other.sandbox.edit_ticket(theirs[4], field, json!("2026-01-01T08:00:00"));
    }
    let doubt = shows(&*other.psa, &known).await.unwrap_err();
    assert!(matches!(&doubt, Doubt::Other { number } if *number == known[0].number), "{doubt}");
    assert!(doubt.to_string().contains("Nothing is saved"), "{doubt}");
    let Bench { psa, running, .. } = other;
    drop(running);
    assert!(matches!(shows(&*psa, &known).await.unwrap_err(), Doubt::Call(_)));
}
