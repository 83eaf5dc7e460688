//! The clients' moods, worst first, each against its own norm.

use super::period::{Period, Periods};
use crate::AppError;
use crate::screen::{Nav, Screen, screen};
use crate::ui::words::thousands;
use crate::ui::{Empty, MeanMood, PageHeader, ShareBar, Spark, Table};
use crate::viewer::Viewer;
use chrono::Days;
use domain::Permission;
use domain::trend::{Shift, Tally};
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use store::trends::{ClientTally, keys_of};

/// More clients than anybody reads; the rest is in the API.
const MOST: u32 = 500;
/// A client's norm is what it was in so many days before the period.
pub const NORM_DAYS: u64 = 90;
/// Points of a small trend.
const POINTS: usize = 12;

/// A client in a list.
#[derive(Clone, Debug)]
pub struct ClientLine {
    client: ClientTally,
    norm: Tally,
    /// The period in equal parts; `None` where a part has no tickets.
    means: Vec<Option<f64>>,
}

impl ClientLine {
    /// Worst first.
    pub(super) async fn worst(viewer: &Viewer, period: Period, limit: u32) -> Result<Vec<Self>, AppError> {
        let store = &viewer.store;
        let clients = store.client_tallies(period.from, period.to, limit).await?;
        let keys = keys_of(&clients);
        let mut norms = store.client_sums(period.from - Days::new(NORM_DAYS), period.from, &keys).await?;
        let parts = POINTS.min(usize::try_from(period.days()).unwrap_or(POINTS)).max(1);
        let mut means = store.client_means(period.from, period.to, parts, &keys).await?;
        let lines = clients.into_iter().map(|client| Self {
            norm: norms.remove(&client.client_id).unwrap_or_default(),
            means: means.remove(&client.client_id).unwrap_or_default(),
            client,
        });
        Ok(lines.collect())
    }
}

#[component]
pub fn ClientsPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let period = Period::of(&asked, viewer.store.today(viewer.now).await?);
        let clients = ClientLine::worst(&viewer, period, MOST).await?;
        let about = format!(
            "Worst first over {}. A client’s norm is its own mean of the {NORM_DAYS} days before that.",
            period.words()
        );
        let body = if clients.is_empty() {
            view! {
                <div class="card">
                    <Empty title="No tickets in this period" text="Choose a longer period, or look whether webhooks arrive." action=("/activity", "See activity")/>
                </div>
            }
            .into_any()
        } else {
            view! { <ClientRows clients period/> }.into_any()
        };
        let page = view! {
            <PageHeader title="Clients" about><Periods period path="/clients".to_owned()/></PageHeader>
            {body}
        };
        Ok(Screen::new(Nav::Clients, "Clients", page))
    })
}

/// Clients with their moods; each row leads to the client.
#[component]
pub fn ClientRows(clients: Vec<ClientLine>, period: Period) -> impl IntoView {
    let rows = clients.into_iter().map(|line| client_row(line, period)).collect_view();
    let heads = vec!["Client", "Mood", "Against its norm", "Trend", "Negative", "#Tickets"];
    view! { <Table caption="Clients, worst first" heads class="table-cards clients">{rows}</Table> }
}

fn client_row(line: ClientLine, period: Period) -> impl IntoView {
    let ClientLine { client, norm, means } = line;
    let href = format!("{}?{}", client_path(&client.client_id), period.query());
    let name = if client.name.is_empty() { "Without a name".to_owned() } else { client.name };
    view! {
        <tr>
            <td class="lead"><a class="row-link" href=href><span class="cell-title" dir="auto">{name}</span></a></td>
            <td class="fit"><MeanMood mean=client.tally.mean_sentiment()/></td>
            <td class="fit"><AgainstNorm now=client.tally norm/></td>
            <td class="fit cell-spark"><Spark means/></td>
            <td class="fit" data-label="negative"><ShareBar share=client.tally.negative_share()/></td>
            <td class="n" data-label="tickets">{thousands(client.tally.analysed)}</td>
        </tr>
    }
}

/// The address of a client's page.
pub fn client_path(key: &str) -> String {
    let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (psa, id) = key.split_once('/').unwrap_or((key, ""));
    format!("/clients/{}/{}", part(psa).replace("%3A", ":"), part(id))
}

/// How far a mood is from the client's own norm.
#[component]
pub fn AgainstNorm(now: Tally, norm: Tally) -> impl IntoView {
    let Some(shift) = Shift::of(now, norm) else {
        return view! { <span class="quiet">"too few to tell"</span> }.into_any();
    };
    let usual = norm.mean_sentiment().map(|mean| format!("{mean:.1}")).unwrap_or_default();
    let (class, text) = match (shift.is_notable, shift.by > 0.0) {
        (false, _) => ("shift", format!("as usual, {usual}")),
        (true, true) => ("shift shift-worse", format!("▲ {:.1} over {usual}", shift.by)),
        (true, false) => ("shift shift-better", format!("▼ {:.1} under {usual}", -shift.by)),
    };
    view! { <span class=format!("{class} num")>{text}</span> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_an_address() {
        for (key, path) in
            [("halopsa/7", "/clients/halopsa/7"), ("halopsa:2/a b/ü", "/clients/halopsa:2/a%20b%2F%C3%BC")]
        {
            assert_eq!(client_path(key), path);
        }
    }
}
