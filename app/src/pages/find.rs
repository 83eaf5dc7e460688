//! What the palette finds besides pages: clients by name and tickets by their words.

use super::clients::client_path;
use crate::AppError;
use crate::palette::Place;
use crate::viewer::viewer;
use chrono::Days;
use domain::Permission;
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use store::tickets::TicketFilter;

const CLIENTS: usize = 5;
const TICKETS: u32 = 6;
/// Clients that were heard of so long ago are found still.
const HEARD: Days = Days::new(400);
/// More clients than most workspaces have.
const NAMES: u32 = 2_000;

/// Finds what fits; an empty list where nothing is asked for.
#[server(prefix = "/do", endpoint = "find")]
pub async fn find(#[server(default)] q: String) -> Result<Vec<Place>, AppError> {
    let viewer = viewer(Permission::Read).await?;
    let words = q.trim();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let today = viewer.store.today(viewer.now).await?;
    let names = viewer.store.client_names(today - HEARD, NAMES).await?;
    let lower = words.to_lowercase();
    let clients = names.into_iter().filter(|(_, name)| name.to_lowercase().contains(&lower)).take(CLIENTS);
    let clients = clients.map(|(client, name)| place(name, "Client", client_path(&client)));
    let filter = TicketFilter { q: Some(words.to_owned()), ..TicketFilter::default() };
    let tickets = viewer.store.ticket_list(&filter, TICKETS, None).await?.rows;
    let tickets = tickets.into_iter().map(|ticket| {
        let detail = format!("Ticket {} · {}", ticket.number, ticket.client.unwrap_or_default());
        place(ticket.title, detail.trim_end_matches(" · "), format!("/tickets/{}", ticket.id))
    });
    let all = format!("/tickets?q={}", utf8_percent_encode(words, NON_ALPHANUMERIC));
    Ok(clients.chain(tickets).chain([place(format!("All tickets with “{words}”"), "Tickets", all)]).collect())
}

fn place(word: String, detail: &str, href: String) -> Place {
    Place { word, detail: detail.to_owned(), href, key: String::new() }
}
