//! Scenes of the demo, played in this stand-in.

use super::Autotask;
use super::data::{company, contact};
use super::tickets::NewTicket;
use crate::scenes::{Client, Scene};
use chrono::{DateTime, Utc};

impl Autotask {
    /// Ids go on from here: whoever stays when the sandbox starts anew sees no id twice.
    pub fn continue_from(&self, id: i64) {
        let mut state = self.state();
        state.last_id = state.last_id.max(id);
    }

    /// Creates the scene's ticket (and its company, when new); `at` is its time, `None` now.
    pub fn play(&self, scene: &Scene, at: Option<DateTime<Utc>>) -> i64 {
        let (company, contacts) = self.welcome(scene.client);
        self.create_ticket(NewTicket {
            company,
            contact: if scene.machine { None } else { contacts.get(scene.contact).copied() },
            title: scene.title.into(),
            description: scene.mail.in_autotask(),
            at,
            by_monitoring: scene.machine,
            is_silent: false,
        })
    }

    fn welcome(&self, client: Client) -> (i64, Vec<i64>) {
        let lists = &mut self.state().lists;
        let known = lists.companies.iter().find(|one| one["companyName"] == client.name);
        let id = known.and_then(|one| one["id"].as_i64()).unwrap_or_else(|| {
            let id = 500 + i64::try_from(lists.companies.len()).unwrap_or_default();
            for name in client.contacts {
                let (first, last) = name.rsplit_once(' ').unwrap_or((name, ""));
                let number = 29_690_000 + i64::try_from(lists.contacts.len()).unwrap_or_default();
                lists.contacts.push(contact(number, id, first, last, &crate::scenes::address(name, client)));
            }
            lists.companies.push(company(id, client.name));
            id
        });
        let of_client = lists.contacts.iter().filter(|one| one["companyID"] == id);
        (id, of_client.filter_map(|one| one["id"].as_i64()).collect())
    }
}
