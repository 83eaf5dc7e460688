//! Scenes of the demo, played in this stand-in.

use super::data::{Company, Contact};
use super::{ConnectWise, NewTicket, Sender, locked};
use crate::scenes::{Client, Scene};
use chrono::{DateTime, Utc};

impl ConnectWise {
    /// Ticket numbers go on from here: whoever stays when the sandbox starts anew sees no number twice.
    pub fn continue_from(&self, id: u64) {
        let mut shop = locked(&self.0.shop);
        shop.next_id = shop.next_id.max(id);
    }

    /// Creates the scene's ticket (and its client, when new); `at` is its time, `None` now.
    pub fn play(&self, scene: &Scene, at: Option<DateTime<Utc>>) -> u64 {
        let (company, contacts) = self.welcome(scene.client);
        let contact = if scene.machine { None } else { contacts.get(scene.contact).copied() };
        self.create_ticket(NewTicket {
            title: scene.title.into(),
            note: scene.mail.in_connectwise(),
            company: Some(company),
            contact: contact.map_or(Sender::Unknown, Sender::Contact),
            at,
            ..NewTicket::default()
        })
    }

    fn welcome(&self, client: Client) -> (u64, Vec<u64>) {
        let mut shop = locked(&self.0.shop);
        let known =
            shop.companies.iter().find(|company| company.name == client.name).map(|company| company.id);
        let company = known.unwrap_or_else(|| {
            let id = 19_400 + u64::try_from(shop.companies.len()).unwrap_or_default();
            let identifier: String = client.name.chars().filter(char::is_ascii_alphabetic).take(20).collect();
            for &name in client.contacts {
                let contact = 18_000 + u64::try_from(shop.contacts.len()).unwrap_or_default();
                let email = crate::scenes::address(name, client);
                shop.contacts.push(Contact { id: contact, company: id, name: name.into(), email });
            }
            shop.companies.push(Company { id, identifier, name: client.name.into() });
            id
        });
        (company, shop.contacts.iter().filter(|one| one.company == company).map(|one| one.id).collect())
    }
}
