//! A client's period on paper: what one would hand over in a meeting. The browser prints it, or saves it as PDF.

use super::{ClientView, Contacts, Quotes, figures};
use crate::screen::{Nav, Screen, screen};
use crate::ui::{Empty, Mood, Table, TrendChart, When};
use domain::Permission;
use leptos::prelude::*;
use store::tickets::{TicketFilter, TicketRow};

/// Escalated tickets that it lists.
const ESCALATED: u32 = 20;

#[component]
pub fn ReportPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let client = Box::pin(ClientView::load(&viewer, &asked)).await?;
        let (from, to) = client.period.moments(viewer.time_zone);
        let escalated = TicketFilter {
            client: Some(client.key.to_string()),
            from: Some(from),
            to: Some(to),
            escalated: Some(true),
            ..TicketFilter::default()
        };
        let escalated = viewer.store.ticket_list(&escalated, ESCALATED, None).await?.rows;
        let title = format!("{}, {}", client.name, client.period.words());
        Ok(Screen::new(Nav::Clients, title, report(client, viewer.tenant.name.clone(), escalated)))
    })
}

fn report(client: ClientView, workspace: String, escalated: Vec<TicketRow>) -> AnyView {
    let back = format!("{}?{}", client.path(), client.period.query());
    let (finding, figures, period) = (client.finding(), figures(&client), client.period);
    let ClientView { name, columns, quotes, contacts, note, .. } = client;
    let note = note.map(|note| {
        view! { <section class="card"><h2>"To talk about"</h2><p class="remembered" dir="auto">{note.text}</p></section> }
    });
    view! {
        <p class="crumb no-print"><a href=back>"Back to the client"</a></p>
        <article class="report-page">
            <header>
                <p class="quiet" dir="auto">{workspace}</p>
                <h1 dir="auto">{name}</h1>
                <p class="about">{format!("Tickets and their tone, {}", period.words())}</p>
            </header>
            <p class="no-print notice">"Print this page, or choose “Save as PDF” there: navigation and buttons are left out on paper."</p>
            {figures}
            <div class="card"><TrendChart finding columns unit=period.bucket().1/></div>
            {note}
            <Escalated rows=escalated/>
            <Quotes quotes/>
            <Contacts contacts/>
        </article>
    }
    .into_any()
}

#[component]
fn Escalated(rows: Vec<TicketRow>) -> impl IntoView {
    let body = if rows.is_empty() {
        view! { <Empty title="Nothing was escalated" text="No ticket of this period reached the threshold."/> }.into_any()
    } else {
        let rows = rows
            .into_iter()
            .map(|row| {
                view! {
                    <tr>
                        <td class="lead"><a class="row-link" href=format!("/tickets/{}", row.id)><span class="cell-title" dir="auto">{row.title}</span></a></td>
                        <td class="fit cell-sub num">{row.number}</td>
                        <td class="fit">{row.sentiment.map(|score| view! { <Mood score/> })}</td>
                        <td class="n cell-sub"><When at=row.created_at/></td>
                    </tr>
                }
            })
            .collect_view();
        view! { <Table caption="Escalated tickets" heads=vec!["Ticket", "Number", "Mood", "#When"] class="table-cards">{rows}</Table> }
            .into_any()
    };
    view! { <section class="card card-table"><h2>"Escalated"</h2>{body}</section> }
}
