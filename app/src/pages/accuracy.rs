//! How often people find the scores right: by dimension, client, model and prompt, and whether the right tickets were
//! escalated.

use super::clients::client_path;
use crate::screen::{Nav, Screen, screen};
use crate::ui::words::thousands;
use crate::ui::{Card, Empty, PageHeader, Table, When};
use chrono::Days;
use domain::{Dimension, Permission, TicketId, Verdict};
use leptos::prelude::*;
use std::collections::BTreeMap;
use store::feedback::Judged;

/// Judgements that are looked at, the newest.
pub const MOST: u32 = 5_000;
/// And of so many days.
pub const DAYS: u64 = 365;
/// Clients and models in the tables.
const LINES: usize = 20;
/// Judgements listed one by one.
const NEWEST: usize = 20;
/// Fewer say nothing about how often a score is right.
const TOO_FEW: u32 = 10;

/// How scores were judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    right: u32,
    too_high: u32,
    too_low: u32,
}

impl Said {
    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Right => self.right += 1,
            Verdict::TooHigh => self.too_high += 1,
            Verdict::TooLow => self.too_low += 1,
        }
    }
    fn all(self) -> u32 {
        self.right + self.too_high + self.too_low
    }
    fn share(self, part: u32) -> Option<f64> {
        (self.all() > 0).then(|| f64::from(part) / f64::from(self.all()))
    }
}

/// Judged tickets by what was done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Escalations {
    /// Escalated, and no score that led to it was found too high.
    rightly: u32,
    /// Escalated, though a score that led to it was too high.
    over: u32,
    /// Not escalated, though a score was too low.
    under: u32,
    /// Not escalated, and no score was found too low.
    left: u32,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    dimensions: BTreeMap<&'static str, Said>,
    /// By key, with the name.
    clients: Vec<(Option<String>, String, Said)>,
    /// By model and prompt version.
    origins: Vec<(String, i64, Said)>,
    escalations: Escalations,
}

impl Figures {
    fn of(judged: &[Judged]) -> Self {
        let mut dimensions = BTreeMap::new();
        let mut clients: BTreeMap<Option<String>, (String, Said)> = BTreeMap::new();
        let mut origins: BTreeMap<(String, i64), Said> = BTreeMap::new();
        let mut tickets: BTreeMap<TicketId, (bool, Said)> = BTreeMap::new();
        for it in judged {
            dimensions.entry(it.dimension.word()).or_insert_with(Said::default).add(it.verdict);
            let client = clients.entry(it.client_id.clone()).or_default();
            client.0 = it.client.clone().unwrap_or_default();
            client.1.add(it.verdict);
            origins.entry((it.model.clone(), it.prompt_version)).or_default().add(it.verdict);
            let ticket = tickets.entry(it.ticket).or_default();
            ticket.0 = it.escalated;
            // What did not reach its threshold escalated nothing, however high it is.
            if it.verdict != Verdict::TooHigh || it.reached != Some(false) {
                ticket.1.add(it.verdict);
            }
        }
        let mut escalations = Escalations::default();
        for (escalated, said) in tickets.into_values() {
            let count = match (escalated, said) {
                (true, Said { too_high: 1.., .. }) => &mut escalations.over,
                (true, _) => &mut escalations.rightly,
                (false, Said { too_low: 1.., .. }) => &mut escalations.under,
                (false, _) => &mut escalations.left,
            };
            *count += 1;
        }
        // Those of which most was said.
        let mut clients: Vec<_> = clients.into_iter().map(|(key, (name, said))| (key, name, said)).collect();
        clients.sort_by_key(|(_, _, said)| std::cmp::Reverse(said.all()));
        let mut origins: Vec<_> =
            origins.into_iter().map(|((model, prompt), said)| (model, prompt, said)).collect();
        origins.sort_by_key(|(_, _, said)| std::cmp::Reverse(said.all()));
        Self { dimensions, clients, origins, escalations }
    }

    /// The sentence over it all.
    fn finding(&self) -> String {
        let Escalations { rightly, over, under, .. } = self.escalations;
        let escalated = rightly + over;
        let first = match escalated {
            0 => "No judged ticket was escalated".to_owned(),
            _ => format!("{rightly} of {escalated} judged escalations were right"),
        };
        match under {
            0 => format!("{first}; none that was left alone should have been seen sooner"),
            1 => format!("{first}; one that was left alone was scored too low"),
            _ => format!("{first}; {under} that were left alone were scored too low"),
        }
    }
}

#[component]
pub fn AccuracyPage() -> impl IntoView {
    screen(Permission::Read, |viewer, _asked| async move {
        let judged = viewer.store.feedback_list(viewer.now - Days::new(DAYS), MOST).await?;
        let about = "What people said of the scores on tickets’ own pages, in the last year.";
        let body = if judged.is_empty() {
            view! {
                <div class="card">
                    <Empty title="Nobody has judged a score yet" text="Open a ticket and say of a score whether it is right, too high or too low. Here it adds up, by client, model and prompt." action=("/tickets", "To the tickets")/>
                </div>
            }
            .into_any()
        } else {
            figures(&judged)
        };
        let page = view! {
            <PageHeader title="Accuracy" about>
                {(!judged.is_empty()).then(|| view! { <a class="button" href="/accuracy.csv" download="">"CSV with texts"</a> })}
            </PageHeader>
            {body}
        };
        Ok(Screen::new(Nav::Accuracy, "Accuracy", page))
    })
}

fn figures(judged: &[Judged]) -> AnyView {
    let figures = Figures::of(judged);
    let finding = figures.finding();
    let Escalations { rightly, over, under, left } = figures.escalations;
    let dimensions = Dimension::ALL.into_iter().map(|dimension| {
        let said = figures.dimensions.get(dimension.word()).copied().unwrap_or_default();
        line(view! { {capital(dimension.word())} }.into_any(), said)
    });
    let clients = figures.clients.into_iter().take(LINES).map(|(key, name, said)| {
        let name = if name.is_empty() { "Without a client".to_owned() } else { name };
        let lead = match key {
            Some(key) => view! { <a class="row-link" href=client_path(&key)><span class="cell-title" dir="auto">{name}</span></a> }.into_any(),
            None => view! { {name} }.into_any(),
        };
        line(lead, said)
    });
    let origins = figures.origins.into_iter().take(LINES).map(|(model, prompt, said)| {
        let prompt = if prompt == 0 { "built-in prompt".to_owned() } else { format!("prompt {prompt}") };
        line(view! { {model} <span class="quiet">" · "{prompt}</span> }.into_any(), said)
    });
    let heads = |first: &'static str| vec![first, "Right", "#Too high", "#Too low", "#Judged"];
    let (dimensions, clients, origins) =
        (dimensions.collect::<Vec<_>>(), clients.collect::<Vec<_>>(), origins.collect::<Vec<_>>());
    let newest = judged.iter().take(NEWEST).map(newest).collect::<Vec<_>>();
    view! {
        <Card title=finding class="card-table">
            <Table caption="Judged tickets by what was done" heads=vec!["", "#Scored right", "#Scored wrong"]>
                <tr><th scope="row">"Escalated"</th><td class="n">{rightly}</td><td class="n">{over}" too high"</td></tr>
                <tr><th scope="row">"Not escalated"</th><td class="n">{left}</td><td class="n">{under}" too low"</td></tr>
            </Table>
        </Card>
        <section class="card card-table"><h2>"By score"</h2>
            <Table caption="Judgements by score" heads=heads("Score") class="judged">{dimensions}</Table>
        </section>
        <section class="card card-table"><h2>"By model and prompt"</h2>
            <Table caption="Judgements by model and prompt" heads=heads("Model") class="judged">{origins}</Table>
        </section>
        <section class="card card-table"><h2>"By client"</h2>
            <Table caption="Judgements by client" heads=heads("Client") class="judged">{clients}</Table>
        </section>
        <section class="card card-table"><h2>"The newest"</h2>
            <Table caption="The newest judgements" heads=vec!["Ticket", "Score", "Judged", "By", "#When"] class="table-cards">{newest}</Table>
        </section>
    }
    .into_any()
}

fn line(lead: AnyView, said: Said) -> AnyView {
    let right = match said.share(said.right) {
        Some(_) if said.all() < TOO_FEW => format!("{} of {}", said.right, said.all()),
        Some(share) => format!("{:.0}\u{a0}%", share * 100.0),
        None => "—".to_owned(),
    };
    view! {
        <tr>
            <td class="lead">{lead}</td>
            <td class="fit num">{right}</td>
            <td class="n">{said.too_high}</td>
            <td class="n">{said.too_low}</td>
            <td class="n">{thousands(i64::from(said.all()))}</td>
        </tr>
    }
    .into_any()
}

fn newest(it: &Judged) -> AnyView {
    let title = if it.title.trim().is_empty() { it.number.clone() } else { it.title.clone() };
    let title: String = title.chars().take(300).collect();
    let score = it.score.map(|score| format!("{} {score}", it.dimension.word()));
    view! {
        <tr>
            <td class="lead"><a class="row-link" href=format!("/tickets/{}", it.ticket)><span class="cell-title" dir="auto">{title}</span></a></td>
            <td class="fit num">{score}</td>
            <td class="fit">{it.verdict.words()}</td>
            <td class="cell-sub"><span class="cell-title" dir="auto">{it.said_by.clone()}</span></td>
            <td class="n cell-sub"><When at=it.said_at/></td>
        </tr>
    }
    .into_any()
}

fn capital(word: &str) -> String {
    let mut signs = word.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn judged(ticket: u128, escalated: bool, dimension: Dimension, verdict: Verdict) -> Judged {
        Judged {
            ticket: TicketId(uuid::Uuid::from_u128(ticket)),
            number: ticket.to_string(),
            title: String::new(),
            client_id: (ticket < 3).then(|| "halopsa/1".to_owned()),
            client: (ticket < 3).then(|| "Contoso".to_owned()),
            escalated,
            reached: Some(dimension != Dimension::Impact),
            dimension,
            verdict,
            score: None,
            model: if ticket == 1 { "a" } else { "b" }.to_owned(),
            prompt_version: 0,
            said_at: DateTime::UNIX_EPOCH,
            said_by: "pat".into(),
        }
    }

    #[test]
    fn what_was_said_adds_up_by_score_client_model_and_ticket() {
        use Dimension::{Impact, Sentiment, Urgency};
        use Verdict::{Right, TooHigh, TooLow};
        let all = [
            judged(1, true, Sentiment, Right),
            judged(1, true, Urgency, TooHigh),
            judged(2, true, Sentiment, Right),
            judged(2, true, Impact, TooHigh),
            judged(3, false, Sentiment, TooLow),
            judged(4, false, Impact, TooHigh),
        ];
        let figures = Figures::of(&all);
        assert_eq!(figures.escalations, Escalations { rightly: 1, over: 1, under: 1, left: 1 });
        assert_eq!(figures.dimensions["sentiment"], Said { right: 2, too_high: 0, too_low: 1 });
        let clients: Vec<_> =
            figures.clients.iter().map(|(_, name, said)| (name.as_str(), said.all())).collect();
        assert_eq!(clients, [("Contoso", 4), ("", 2)]);
        let origins: Vec<_> =
            figures.origins.iter().map(|(model, _, said)| (model.as_str(), said.all())).collect();
        assert_eq!(origins, [("b", 4), ("a", 2)]);
        assert_eq!(
            figures.finding(),
            "1 of 2 judged escalations were right; one that was left alone was scored too low"
        );
        assert!(Figures::of(&[]).finding().starts_with("No judged ticket was escalated"));
    }
}
