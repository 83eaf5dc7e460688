//! The clients' moods, worst first, each against its own past.

use super::overview::{Period, Periods, client_row};
use crate::screen::{Nav, Screen, screen};
use crate::ui::{Empty, PageHeader, Table};
use domain::Permission;
use leptos::prelude::*;

/// More clients than anybody reads; the rest is in the API.
const MOST: u32 = 500;

#[component]
pub fn ClientsPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let period = Period::of(&asked, viewer.store.today(viewer.now).await?);
        let clients = viewer.store.client_tallies(period.from, period.to, MOST).await?;
        let about = format!(
            "Worst first, over the last {} days; “before” is the same client over the {0} days before that.",
            period.days
        );
        let body = if clients.is_empty() {
            view! {
                <div class="card">
                    <Empty title="No tickets in this period" text="Choose a longer period, or look whether webhooks arrive." action=("/activity", "See activity")/>
                </div>
            }
            .into_any()
        } else {
            let rows = clients.into_iter().map(|client| client_row(client, period)).collect_view();
            view! {
                <Table caption="Clients, worst first" heads=vec!["Client", "Mood", "Before", "Negative", "#Tickets"] class="table-cards clients">{rows}</Table>
            }
            .into_any()
        };
        let page = view! {
            <PageHeader title="Clients" about><Periods period path="/clients"/></PageHeader>
            {body}
        };
        Ok(Screen::new(Nav::Clients, "Clients", page))
    })
}
