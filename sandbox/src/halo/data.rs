//! What a stock instance holds: SLAs with priorities, statuses, teams, agents, clients.

use serde_json::{Value, json};

/// Everything that is configured rather than written by tickets.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    pub slas: Vec<Value>,
    pub priorities: Vec<Value>,
    /// With `closes`, which the API does not show.
    pub statuses: Vec<Value>,
    pub teams: Vec<Value>,
    pub agents: Vec<Value>,
    pub kinds: Vec<Value>,
    pub outcomes: Vec<Value>,
    pub impacts: Vec<Value>,
    pub urgencies: Vec<Value>,
    pub clients: Vec<Value>,
    pub users: Vec<Value>,
}

/// The agent that the API application signs in as.
pub const OWN_AGENT: i64 = 20;
/// The record that stands for nobody.
pub const UNASSIGNED: i64 = 1;

fn named(list: &[(i64, &str)]) -> Vec<Value> {
    list.iter().map(|(id, name)| json!({"id": id, "name": name})).collect()
}

fn priorities(sla: i64, names: &[&str]) -> Vec<Value> {
    let row = |(name, level): (&&str, i64)| {
        json!({"id": uuid::Uuid::new_v4().to_string(), "slaid": sla, "priorityid": level, "name": name,
               "ishidden": false, "colour": "#aa0000", "responsetime": level, "fixtime": level * 4})
    };
    names.iter().zip(1..).map(row).collect()
}

fn agent(id: i64, name: &str, team: &str, is_api: bool) -> Value {
    json!({"id": id, "name": name, "email": format!("agent{id}@example-msp.com"), "team": team, "isdisabled": false,
           "isapiagent": is_api})
}

fn outcome(id: i64, name: &str, sends_mail: bool) -> Value {
    json!({"id": id, "outcome": name, "buttonname": name, "hidden": false, "sendemail": sends_mail,
           "hidefromuser": !sends_mail})
}

pub fn user(id: i64, client: i64, name: &str, email: &str) -> Value {
    json!({"id": id, "client_id": client, "name": name, "emailaddress": email})
}

impl Lists {
    /// As a new instance has it, plus a second SLA with names of its own.
    pub fn stock() -> Self {
        let mut levels = priorities(1, &["Critical", "High", "Medium", "Low"]);
        levels.extend(priorities(2, &["Emergency", "Urgent", "Routine"]));
        let mut hidden = priorities(1, &["Retired"]);
        hidden[0]["priorityid"] = json!(5);
        hidden[0]["ishidden"] = json!(true);
        levels.extend(hidden);
        Self {
            slas: named(&[(1, "Standard"), (2, "Gold")]),
            priorities: levels,
            statuses: [(1, "New", false), (2, "In Progress", false), (4, "With User", false), (23, "Escalated", false), (9, "Closed", true)]
                .iter()
                .map(|(id, name, closes)| json!({"id": id, "name": name, "type": 0, "sequence": id, "colour": "#888888", "closes": closes}))
                .collect(),
            teams: [(1, "1st Line Support"), (5, "Escalations"), (6, "Projects")]
                .iter()
                .map(|(id, name)| json!({"id": id, "name": name, "department_name": "Support", "forrequests": true, "inactive": false}))
                .collect(),
            agents: vec![
                agent(UNASSIGNED, "Unassigned", "", false),
                agent(7, "Grace Hall", "Escalations", false),
                agent(8, "Ivan Petrov", "1st Line Support", false),
                agent(OWN_AGENT, "Undertone API", "1st Line Support", true),
            ],
            kinds: named(&[(1, "Incident"), (3, "Service Request"), (21, "Alert")]),
            outcomes: vec![outcome(1, "Email User", true), outcome(7, "Internal Note", false), outcome(3, "Re-Assign", false)],
            impacts: named(&[(0, "Unknown"), (1, "Company Wide"), (2, "Multiple Users"), (3, "Single User")]),
            urgencies: named(&[(0, "Unknown"), (1, "High"), (2, "Medium"), (3, "Low")]),
            clients: named(&[(12, "Sunrise Bakery Group"), (13, "Peak Legal"), (14, "Delta Clinics")]),
            users: vec![
                user(77, 12, "Sam Sample", "sam@sunrise.example"),
                user(78, 12, "Ruth Adeyemi", "ruth@sunrise.example"),
                user(80, 13, "Karl Brandt", "karl@peaklegal.example"),
                user(84, 14, "Aiko Mori", "aiko@delta.example"),
            ],
        }
    }
}

/// The name of an id in a list; empty where there is none.
pub fn name_of(list: &[Value], id: &Value) -> String {
    let found = list.iter().find(|item| item["id"] == *id);
    found.and_then(|item| item["name"].as_str()).unwrap_or_default().to_owned()
}

/// A number or a text as text; nothing as empty text.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A number, also as text.
pub fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
