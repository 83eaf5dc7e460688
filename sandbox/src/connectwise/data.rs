//! What the stand-in holds, and the shop it starts with.

use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub(super) struct Company {
    pub id: u64,
    pub identifier: String,
    pub name: String,
}

#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub id: u64,
    pub company: u64,
    pub name: String,
    pub email: String,
}

#[derive(Clone, Debug)]
pub(super) struct Named {
    pub id: u64,
    pub name: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct Status {
    pub id: u64,
    pub name: &'static str,
    pub sort: u64,
    pub is_default: bool,
    pub closes: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Team {
    pub id: u64,
    pub name: &'static str,
    pub members: Vec<u64>,
}

#[derive(Clone, Debug)]
pub(super) struct Board {
    pub id: u64,
    pub name: &'static str,
    pub is_project: bool,
    pub statuses: Vec<Status>,
    pub teams: Vec<Team>,
    pub types: Vec<Named>,
}

#[derive(Clone, Debug)]
pub(super) struct Priority {
    pub id: u64,
    pub name: &'static str,
    /// Lower is more urgent.
    pub sort: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub id: u64,
    pub identifier: &'static str,
    pub first: &'static str,
    pub last: &'static str,
    /// `A` is an API member.
    pub license: &'static str,
}

impl Member {
    pub fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// Severity (urgency in the product's screens) and impact know these three, whatever labels people see.
pub(super) const LEVELS: [&str; 3] = ["Low", "Medium", "High"];

#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub id: u64,
    pub summary: String,
    pub record_type: &'static str,
    pub company: u64,
    pub contact: Option<u64>,
    pub board: u64,
    pub status: u64,
    pub kind: Option<u64>,
    pub team: Option<u64>,
    pub owner: Option<u64>,
    pub source: u64,
    pub priority: u64,
    pub severity: String,
    pub impact: String,
    pub merged_into: Option<u64>,
    pub customer_updated: bool,
    pub entered_at: DateTime<Utc>,
    pub entered_by: String,
    pub updated_at: DateTime<Utc>,
    pub updated_by: String,
    pub notes: Vec<Note>,
    pub history: Vec<Changed>,
}

#[derive(Clone, Debug)]
pub(super) struct Note {
    pub id: u64,
    pub text: String,
    pub discussion: bool,
    pub internal: bool,
    pub resolution: bool,
    pub member: Option<u64>,
    pub contact: Option<u64>,
    pub created_by: String,
    pub at: DateTime<Utc>,
    /// Whether it would have mailed the contact.
    pub notifies: bool,
}

/// One field that one save changed; empty text stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub at: DateTime<Utc>,
    pub who: String,
    pub what: &'static str,
    pub from: String,
    pub to: String,
}

#[derive(Clone, Debug)]
pub(super) struct Callback {
    pub id: u64,
    pub url: String,
    pub description: String,
    pub object_id: u64,
    pub kind: String,
    pub level: String,
    pub member: u64,
    pub is_inactive: bool,
    pub is_self_suppressed: bool,
    pub guid: String,
}

pub(super) struct Shop {
    pub companies: Vec<Company>,
    pub contacts: Vec<Contact>,
    pub boards: Vec<Board>,
    pub priorities: Vec<Priority>,
    pub members: Vec<Member>,
    pub sources: Vec<Named>,
    pub tickets: BTreeMap<u64, Ticket>,
    pub callbacks: Vec<Callback>,
    pub denied: BTreeSet<super::Right>,
    pub next_id: u64,
}

/// The API member whose keys the stand-in accepts.
pub(super) const API_MEMBER: u64 = 243;
/// The mail connector and the product itself write under this name; it is no member that a list shows.
pub(super) const SYSTEM: &str = "zadmin";
pub(super) const EMAIL_SOURCE: u64 = 2;
pub(super) const SLA: u64 = 3;

impl Shop {
    pub fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
    pub fn board(&self, id: u64) -> Option<&Board> {
        self.boards.iter().find(|board| board.id == id)
    }
    pub fn status(&self, ticket: &Ticket) -> Option<&Status> {
        self.board(ticket.board)?.statuses.iter().find(|status| status.id == ticket.status)
    }
    pub fn team(&self, ticket: &Ticket) -> Option<&Team> {
        self.board(ticket.board)?.teams.iter().find(|team| Some(team.id) == ticket.team)
    }
    pub fn kind(&self, ticket: &Ticket) -> Option<&Named> {
        self.board(ticket.board)?.types.iter().find(|kind| Some(kind.id) == ticket.kind)
    }
    pub fn member(&self, id: u64) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }
    pub fn contact(&self, id: u64) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.id == id)
    }
    pub fn company(&self, id: u64) -> Option<&Company> {
        self.companies.iter().find(|company| company.id == id)
    }
    pub fn priority(&self, id: u64) -> Option<&Priority> {
        self.priorities.iter().find(|priority| priority.id == id)
    }
    /// The SLA's matrix: the hotter impact and urgency together, the more urgent.
    pub fn matrix(&self, impact: &str, severity: &str) -> u64 {
        let heat = |level: &str| LEVELS.iter().position(|known| *known == level).unwrap_or(1);
        let sort = match heat(impact) + heat(severity) {
            4 => 1,
            3 => 2,
            2 => 3,
            _ => 4,
        };
        self.priorities.iter().find(|priority| priority.sort == sort).map_or(0, |priority| priority.id)
    }

    /// A small managed service provider.
    pub fn example() -> Self {
        let mut shop = Self {
            companies: Vec::new(),
            contacts: Vec::new(),
            boards: boards(),
            priorities: [
                (6, "Priority 1 - Critical"),
                (15, "Priority 2 - High"),
                (7, "Priority 3 - Medium"),
                (8, "Priority 4 - Low"),
                (9, "Priority 5 - Service Request"),
            ]
            .into_iter()
            .zip(1..)
            .map(|((id, name), sort)| Priority { id, name, sort })
            .collect(),
            members: members(),
            sources: [(EMAIL_SOURCE, "Email Connector"), (3, "Phone"), (4, "Portal"), (11, "Automate")]
                .map(named)
                .into(),
            tickets: BTreeMap::new(),
            callbacks: Vec::new(),
            denied: BTreeSet::new(),
            next_id: 945_300,
        };
        for (company, identifier, name, contacts) in [
            (19_301, "Alder", "Alder Dental Group", [("Priya Nair", "priya"), ("Tom Reed", "tom")]),
            (19_302, "Brightwater", "Brightwater Hotels", [("Maria Costa", "maria"), ("Sven Olsen", "sven")]),
            (19_303, "Cobalt", "Cobalt Freight", [("Dana Whitfield", "dana"), ("Luis Romero", "luis")]),
            (
                19_304,
                "Dunmore",
                "Dunmore & Hale Solicitors",
                [("Aoife Byrne", "aoife"), ("George Hale", "george")],
            ),
        ] {
            shop.companies.push(Company { id: company, identifier: identifier.into(), name: name.into() });
            for (contact, mailbox) in contacts {
                let id = 17_700 + u64::try_from(shop.contacts.len()).unwrap_or_default();
                let email = format!("{mailbox}@{}.example", identifier.to_lowercase());
                shop.contacts.push(Contact { id, company, name: contact.into(), email });
            }
        }
        shop
    }
}

fn named((id, name): (u64, &'static str)) -> Named {
    Named { id, name }
}

fn boards() -> Vec<Board> {
    let board =
        |id, name, is_project, statuses: &[(u64, &'static str)], teams: &[(u64, &'static str)]| Board {
            id,
            name,
            is_project,
            statuses: statuses
                .iter()
                .zip(1..)
                .map(|(&(id, name), sort)| Status {
                    id,
                    name,
                    sort,
                    is_default: sort == 1,
                    closes: name.starts_with("Closed"),
                })
                .collect(),
            teams: teams.iter().map(|&(id, name)| Team { id, name, members: vec![318, 638] }).collect(),
            types: [(id * 10, "Incident"), (id * 10 + 1, "Request")].map(named).into(),
        };
    vec![
        board(
            30,
            "Help Desk",
            false,
            &[(545, "New"), (550, "In Progress"), (553, "Escalated"), (559, "Closed")],
            &[(10, "First Line"), (11, "Second Line")],
        ),
        board(
            12,
            "Client Care",
            false,
            &[(300, "New"), (301, "Call the customer"), (309, "Closed")],
            &[(44, "Account Managers"), (45, "Duty Managers")],
        ),
        board(90, "Projects", true, &[(900, "New"), (909, "Closed")], &[(91, "Project Crew")]),
    ]
}

fn members() -> Vec<Member> {
    [
        (API_MEMBER, "UndertoneApi", "Undertone", "API", "A"),
        (244, "RmmApi", "Monitoring", "API", "A"),
        (318, "jdoe", "Jordan", "Doe", "F"),
        (638, "rcole", "Riley", "Cole", "F"),
        (640, "mkhan", "Mina", "Khan", "F"),
    ]
    .map(|(id, identifier, first, last, license)| Member { id, identifier, first, last, license })
    .into()
}
