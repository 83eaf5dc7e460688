//! Small tickets, policies and assessments for the tests.

use domain::*;
use std::collections::BTreeMap;

pub fn score(value: i64) -> Score {
    Score::new(value).unwrap()
}

pub fn choice(id: &str) -> Choice {
    Choice::new(id, format!("the {id}"))
}

pub fn party(id: &str, name: &str) -> Party {
    Party { id: id.into(), name: name.into() }
}

pub fn ticket(psa: PsaKind, levers: &[(Lever, &str)]) -> Ticket {
    Ticket {
        psa,
        external_id: "7001".into(),
        number: "7001".into(),
        title: "Printer".into(),
        client: Some(party("12", "Contoso")),
        contact: None,
        contact_email: None,
        board: Some(party("3", "Service")),
        kind: None,
        source: Some(party("5", "Email")),
        closed: false,
        set_aside: None,
        levers: levers.iter().map(|(lever, id)| (lever.clone().into(), choice(id))).collect(),
        created_at: None,
        updated_at: None,
        url: None,
    }
}

pub fn assessment(sentiment: i64, urgency: i64, impact: i64) -> Assessment {
    let reading = |value| Reading { score: score(value), reason: "because".into(), quote: String::new() };
    Assessment { sentiment: reading(sentiment), urgency: reading(urgency), impact: reading(impact) }
}

pub fn table(entries: &[(i64, &str)]) -> BTreeMap<Score, Choice> {
    entries.iter().map(|&(value, id)| (score(value), choice(id))).collect()
}

/// `low < medium < high < critical`; 4 gives high, 5 critical.
pub fn rule(driver: Driver) -> LeverRule {
    let ranking = ["low", "medium", "high", "critical"].map(choice).to_vec();
    LeverRule { driver, values: table(&[(4, "high"), (5, "critical")]), ranking }
}

/// Live, everything from 4 on, priority after the highest score, escalation to dana.
pub fn policy() -> Policy {
    Policy {
        mode: Mode::Live,
        updates: Updates { priority: Some(rule(Driver::Highest)), ..Updates::default() },
        escalation: Escalation { owner: Some(choice("dana")), ..Escalation::default() },
        ..Policy::default()
    }
}
