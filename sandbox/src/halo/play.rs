//! Scenes of the demo, played in this stand-in.

use super::Halo;
use super::data::user;
use super::tickets::NewTicket;
use crate::scenes::{Client, Scene};
use chrono::{DateTime, Utc};
use serde_json::json;

impl Halo {
    /// Ids go on from here: whoever stays when the sandbox starts anew sees no id twice.
    pub fn continue_from(&self, id: i64) {
        let mut state = self.state();
        state.last_id = state.last_id.max(id);
    }

    /// Logs the scene's ticket (and its client, when new); `at` is its time, `None` now.
    pub fn play(&self, scene: &Scene, at: Option<DateTime<Utc>>) -> i64 {
        let (client, users) = self.welcome(scene.client);
        self.create_ticket(NewTicket {
            client,
            user: if scene.machine { None } else { users.get(scene.contact).copied() },
            summary: scene.title.into(),
            details: scene.mail.text.clone(),
            details_html: scene.mail.html.clone(),
            at,
            sla: 0,
            by_monitoring: scene.machine,
            is_silent: false,
        })
    }

    fn welcome(&self, client: Client) -> (i64, Vec<i64>) {
        let lists = &mut self.state().lists;
        let known = lists.clients.iter().find(|one| one["name"] == client.name);
        let id = known.and_then(|one| one["id"].as_i64()).unwrap_or_else(|| {
            let id = 100 + i64::try_from(lists.clients.len()).unwrap_or_default();
            for name in client.contacts {
                let number = 900 + i64::try_from(lists.users.len()).unwrap_or_default();
                lists.users.push(user(number, id, name, &crate::scenes::address(name, client)));
            }
            lists.clients.push(json!({"id": id, "name": client.name}));
            id
        });
        let of_client = lists.users.iter().filter(|one| one["client_id"] == id);
        (id, of_client.filter_map(|one| one["id"].as_i64()).collect())
    }
}
