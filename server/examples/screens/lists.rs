//! The lists of the three PSAs, as a middling MSP has them.

use domain::{Choice, CustomField, Lookups, Placed, PsaKind};

fn choices(words: &[&str]) -> Vec<Choice> {
    words.iter().zip(1..).map(|(word, id)| Choice::new(id.to_string(), *word)).collect()
}

/// Ids go on over all boards, as they do in ConnectWise.
fn on_boards(boards: &[(&str, &[&str])]) -> Vec<Placed> {
    let all = boards.iter().flat_map(|(board, words)| words.iter().map(move |word| (*board, *word)));
    all.zip(1..)
        .map(|((board, word), id)| Placed {
            choice: Choice::new(id.to_string(), word),
            board: Some(board.to_owned()),
            closed: word.starts_with("Closed"),
        })
        .collect()
}

fn anywhere(words: &[&str]) -> Vec<Placed> {
    let place = |choice: Choice| Placed {
        closed: matches!(choice.label.as_str(), "Complete" | "Closed"),
        choice,
        board: None,
    };
    choices(words).into_iter().map(place).collect()
}

const CLIENTS: [&str; 24] = [
    "Adventure Works Cycles of Greater Wolverhampton and the Western Counties",
    "Alpine Ski House",
    "Bellows College",
    "Best For You Organics",
    "Contoso Logistics",
    "Consolidated Messenger",
    "Fabrikam",
    "First Up Consultants",
    "Fourth Coffee",
    "Graphic Design Institute",
    "Humongous Insurance",
    "Lamna Healthcare",
    "Liberty's Delightful Sinful Bakery",
    "Litware",
    "Lucerne Publishing",
    "Margie's Travel",
    "Munson's Pickles",
    "Nod Publishers",
    "Northwind Traders",
    "Proseware",
    "Relecloud",
    "Trey Research",
    "Wide World Importers",
    "Woodgrove Bank",
];

pub fn of(psa: PsaKind) -> Lookups {
    let common = Lookups {
        owners: choices(&["Ada Novak", "Dana Reyes", "Jo Lind", "Lee Okoye", "Sam Okafor", "Yuki Tanaka"]),
        clients: choices(&CLIENTS),
        ..Lookups::empty(psa)
    };
    match psa {
        PsaKind::ConnectWise => connectwise(common),
        PsaKind::Autotask => autotask(common),
        PsaKind::HaloPsa => halo(common),
    }
}

fn connectwise(common: Lookups) -> Lookups {
    Lookups {
        priorities: choices(&[
            "Priority 4 - Scheduled",
            "Priority 3 - Medium",
            "Priority 2 - Quick",
            "Priority 1 - Critical",
        ]),
        severities: choices(&["Low", "Medium", "High"]),
        impacts: choices(&["Low", "Medium", "High"]),
        boards: choices(&["Service Desk", "Escalations", "Alerts", "On-site"]),
        statuses: on_boards(&[
            ("1", &["New", "Assigned", "In progress", "Waiting on client", "Closed"]),
            ("2", &["New", "Escalated", "With the manager", "Closed"]),
            ("3", &["New", "Closed automatically"]),
            ("4", &["New", "Scheduled", "Closed"]),
        ]),
        teams: on_boards(&[
            ("1", &["First line", "Second line"]),
            ("2", &["Escalation team", "Account managers"]),
            ("4", &["Field team"]),
        ]),
        kinds: choices(&["Incident", "Request", "Change", "Alert"]),
        sources: choices(&["Email", "Phone", "Portal", "Monitoring"]),
        ..common
    }
}

fn autotask(common: Lookups) -> Lookups {
    let mood = CustomField {
        name: "AI Sentiment".into(),
        values: choices(&["1 pleased", "2 content", "3 neutral", "4 annoyed", "5 furious"]),
    };
    Lookups {
        priorities: choices(&["Low", "Medium", "High", "Critical"]),
        boards: choices(&["Client Portal", "Level I Support", "Level II Support", "Monitoring Alert", "Recurring Tickets"]),
        statuses: anywhere(&["New", "In Progress", "Waiting Customer", "Escalate", "Complete"]),
        teams: anywhere(&["Client Portal", "Level I Support", "Level II Support", "Monitoring Alert"]),
        kinds: choices(&["Standard", "AEM Alert", "Datto Networking Alert"]),
        sources: choices(&["Email", "Phone", "Client Portal", "Monitoring Alert"]),
        custom_fields: vec![mood, CustomField { name: "AI Urgency".into(), values: Vec::new() }],
        missing: vec![
            "Technicians: not allowed. In the API user’s security level, allow Resources: view (Admin → Security Levels).".into(),
        ],
        owners: Vec::new(),
        ..common
    }
}

fn halo(common: Lookups) -> Lookups {
    Lookups {
        priorities: choices(&["Low", "Medium", "High", "Critical"]),
        severities: choices(&["Low", "Medium", "High"]),
        impacts: choices(&["Single user", "Department", "Company wide"]),
        boards: choices(&["1st Line Support", "2nd Line Support", "Account Management"]),
        statuses: anywhere(&["New", "In Progress", "With User", "Escalated", "Closed"]),
        teams: anywhere(&["1st Line Support", "2nd Line Support", "Account Management"]),
        kinds: choices(&["Incident", "Service Request", "Change Request", "Alert"]),
        sources: choices(&["Email", "Self-service portal", "Manual", "Teams"]),
        ..common
    }
}
