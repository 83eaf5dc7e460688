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
    let tickets: Vec<i64> = (0..6).map(|_| bench.angry()).collect();
    let mut known = known(&bench, &tickets).await;
    // In the order of their creation, a minute apart.
    for (minute, ticket) in known.iter_mut().rev().enumerate() {
        let created = format!("2026-11-20T10:{minute:02}:00");
        for field in ["datecreated", "dateoccurred"] {
            bench.sandbox.edit_ticket(ticket.external_id.parse().unwrap(), field, json!(created));
        }
        ticket.created_at = Some(format!("{created}Z").parse().unwrap());
    }
    let lacking = |missing: &[usize], count: usize| {
        let mut known = known[..count].to_vec();
        for &index in missing {
            known[index].external_id = format!("90{}", known[index].external_id);
        }
        known
    };
    for (missing, count) in [(&[][..], 6), (&[0], 6), (&[1, 3], 6), (&[2, 3, 4, 5], 6), (&[], 1), (&[1], 2)] {
        shows(&*bench.psa, &lacking(missing, count)).await.unwrap();
    }
    // A copy that was made before the newest; and no more than one, which is gone.
    for (missing, count, first) in [(&[0, 1][..], 6, 1), (&[0, 1, 2, 3, 4, 5], 6, 1), (&[0], 1, 0)] {
        let doubt = shows(&*bench.psa, &lacking(missing, count)).await.unwrap_err();
        let number = &known[first].number;
        assert!(matches!(&doubt, Doubt::Missing { number: told } if told == number), "{missing:?}: {doubt}");
    }
    // Those of which nothing is known but the number tell nothing, and without any other nobody can tell.
    let mut undated = lacking(&[0, 1, 2], 6);
    undated[..3].iter_mut().for_each(|ticket| ticket.created_at = None);
    shows(&*bench.psa, &undated).await.unwrap();
    for known in [&undated[..3], &[]] {
        assert!(matches!(shows(&*bench.psa, known).await.unwrap_err(), Doubt::NothingKnown));
    }
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
