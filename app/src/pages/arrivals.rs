//! Whether every ticket reached us: what the PSA says was created, what its webhooks told, and what our own look-up found.

use crate::AppError;
use crate::pages::parts::NextTry;
use crate::ui::words::{count, thousands};
use crate::ui::{Badge, Table, Tone, When};
use crate::viewer::Viewer;
use chrono::{DateTime, Days, Duration, NaiveDate, Utc};
use domain::{HookState, PsaKind};
use leptos::prelude::*;
use store::sweeps::{Arrivals, Sweep};

/// How far back the table goes.
const DAYS: u64 = 14;
/// A way that told us of a ticket so recently works, though the PSA lists no webhook of ours.
const HEARD: Duration = Duration::hours(24);

pub struct Coming {
    /// `None` while no PSA is connected.
    sweep: Option<Sweep>,
    /// One for each day, newest first.
    days: Vec<Arrivals>,
    /// A webhook arrived a while ago at most.
    heard: bool,
}

pub async fn load(viewer: &Viewer) -> Result<Coming, AppError> {
    let today = viewer.store.today(viewer.now).await?;
    let first = today.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(today);
    let found = viewer.store.arrivals(first).await?;
    let last = viewer.store.pipeline_health(viewer.now).await?.last_delivery_at;
    Ok(Coming {
        sweep: viewer.store.sweep().await?,
        days: each_day(today, &found),
        heard: last.is_some_and(|at| viewer.now - at < HEARD),
    })
}

/// Days without a ticket too.
fn each_day(today: NaiveDate, found: &[Arrivals]) -> Vec<Arrivals> {
    let of = |day| {
        let nothing = Arrivals { day, created: 0, seen: 0, recovered: 0 };
        found.iter().find(|one| one.day == day).copied().unwrap_or(nothing)
    };
    (0..DAYS).filter_map(|back| today.checked_sub_days(Days::new(back))).map(of).collect()
}

impl Coming {
    /// Since when the PSA's webhook is switched off.
    pub fn off(&self) -> Option<(PsaKind, DateTime<Utc>)> {
        let sweep = self.sweep.as_ref()?;
        let (state, since) = sweep.hook?;
        (state == HookState::Off).then_some((sweep.psa.kind, since))
    }

    /// No webhook calls us, and none is switched off: tickets come by the look-up alone.
    fn polls(&self) -> bool {
        let hook = self.sweep.as_ref().and_then(|sweep| sweep.hook);
        hook.is_some_and(|(state, _)| state == HookState::Absent) && !self.heard
    }

    /// In one sentence; `None` before the first look.
    fn sentence(&self) -> Option<String> {
        self.sweep.as_ref()?.swept_at?;
        Some(sentence(&self.days))
    }
}

fn sentence(days: &[Arrivals]) -> String {
    let sum = |of: fn(&Arrivals) -> i64| days.iter().map(of).sum::<i64>();
    let (created, recovered, waiting) =
        (sum(|day| day.created), sum(|day| day.recovered), sum(Arrivals::waiting));
    let (reached, span) = (created - waiting, format!("of the last {DAYS} days"));
    let whose = match (created, waiting) {
        (0, _) => return format!("As far as your PSA says, no ticket was created in the last {DAYS} days."),
        (1, 0) => format!("The one ticket {span} reached us"),
        (_, 0) => format!("All {} tickets {span} reached us", thousands(created)),
        _ => format!("{} of {} {span} reached us", thousands(reached), count(created, "ticket", "tickets")),
    };
    let how = match recovered {
        0 if reached == 0 => String::new(),
        0 => " by webhook".into(),
        some if some == reached => " by our own look-up".into(),
        some => format!("; {} of them by our own look-up", thousands(some)),
    };
    let rest = match waiting {
        0 => String::new(),
        1 => "; the other one is given a few minutes for its webhook".into(),
        _ => "; the others are given a few minutes for their webhooks".into(),
    };
    format!("{whose}{how}{rest}.")
}

/// The sentence, with the way to the table.
#[component]
pub fn ArrivalsLine(coming: Coming) -> impl IntoView {
    let words = coming.sentence();
    view! {
        <SwitchedOff off=coming.off()/>
        {words.map(|words| view! { <p>{words}" "<a href="/connections#arrivals">"Day by day"</a></p> })}
    }
}

/// That the PSA has switched the webhook off, and what to do.
#[component]
pub fn SwitchedOff(off: Option<(PsaKind, DateTime<Utc>)>) -> impl IntoView {
    off.map(|(psa, since)| {
        view! {
            <div class="notice notice-failed" role="status">
                <p>
                    <strong>{psa.name()}" has switched our webhook off."</strong>" We found it so "<When at=since/>". "{why(psa)}
                    " Tickets still come in, by our own look-up once a minute. To switch it on again, press “Register the webhook” under "
                    <a href="/connections#webhook">"Connections"</a>"."
                </p>
            </div>
        }
    })
}

/// When a product does that.
fn why(psa: PsaKind) -> &'static str {
    match psa {
        PsaKind::ConnectWise => "It does so after calls have failed on three days in a row.",
        PsaKind::Autotask => {
            "It does so after 25 calls in a row have failed, or when its fields are missing."
        }
        PsaKind::HaloPsa => "It may do so by itself after calls have failed, or a colleague did.",
    }
}

/// One line for the list of what is running.
pub fn health_line(coming: &Coming) -> AnyView {
    if let Some((psa, since)) = coming.off() {
        return view! {
            <li>
                <Badge tone=Tone::Failed text="webhook off"/>
                <span>
                    {psa.name()}" has switched our webhook off; we found it so "<When at=since/>
                    ". Tickets come in by our own look-up meanwhile. "<a href="/connections#webhook">"Switch it on again"</a>
                </span>
            </li>
        }
        .into_any();
    }
    let problem = coming.sweep.as_ref().and_then(|sweep| sweep.problem.clone());
    if let Some(problem) = problem {
        return view! {
            <li><Badge tone=Tone::Waiting text="look-up"/><span>"The list of new tickets could not be read: "{problem}" "<a href="/connections#arrivals">"To connections"</a></span></li>
        }
        .into_any();
    }
    let Some(words) = coming.sentence() else { return ().into_any() };
    let (tone, text) = if coming.polls() { (Tone::Plain, "look-up") } else { (Tone::Good, "complete") };
    let waiting = coming.days.iter().any(|day| day.waiting() > 0);
    let (tone, text) = if waiting { (Tone::Waiting, "look-up") } else { (tone, text) };
    view! { <li><Badge tone text/><span>{words}" "<a href="/connections#arrivals">"Day by day"</a></span></li> }.into_any()
}

/// The table, day by day, and when the next look is.
#[component]
pub fn ArrivalsCard(coming: Coming) -> impl IntoView {
    let Some(sweep) = coming.sweep.clone() else {
        return view! { <p>"Save the connection above first."</p> }.into_any();
    };
    // Before the first look there is nothing to tell of any day.
    let sentence = coming.sentence();
    let days = sentence.is_some().then(|| view! { <Days days=coming.days.clone()/> });
    let words = sentence.unwrap_or_else(|| {
        "The list was not read yet: the first look comes two minutes after the connection is saved.".into()
    });
    let polls = coming.polls().then(|| {
        view! { <p>"No webhook calls us: tickets come in by this look-up alone, once a minute. With a webhook they come at once."</p> }
    });
    let problem = sweep.problem.clone().map(|problem| {
        view! { <p class="state-line"><Badge tone=Tone::Waiting text="not read"/>" The last time the list could not be read: "{problem}</p> }
    });
    view! {
        <p>{words}</p>
        {polls}
        {problem}
        {days}
        <p class="quiet">
            "Created: as your PSA says. Seen: told by a webhook. Recovered: told by none, and taken in by us. Waiting: given a few minutes for the webhook. "
            {sweep.swept_at.map(|at| view! { "Last read "<When at/>", again "<NextTry at=sweep.next_at/>". " })}
        </p>
        <p class="quiet">
            "Whatever is found is taken in: which tickets are analysed is up to the scope in your "<a href="/policy">"policy"</a>
            ", not to which of them the webhook tells. Tickets from before the connection was made are left alone."
        </p>
    }
    .into_any()
}

#[component]
fn Days(days: Vec<Arrivals>) -> impl IntoView {
    let rows = days
        .into_iter()
        .map(|day| {
            let cell = |number: i64| if number == 0 { "–".to_owned() } else { thousands(number) };
            view! {
                <tr>
                    <td class="fit">{day.day.format("%a %-d %b").to_string()}</td>
                    <td class="n num">{cell(day.created)}</td>
                    <td class="n num">{cell(day.seen)}</td>
                    <td class="n num">{cell(day.recovered)}</td>
                    <td class="n num">{cell(day.waiting())}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Table caption="Tickets by day of creation, newest first" heads=vec!["Day", "#Created", "#Seen", "#Recovered", "#Waiting"] class="by-day">{rows}</Table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(created: i64, seen: i64, recovered: i64) -> Arrivals {
        Arrivals { day: NaiveDate::from_ymd_opt(2026, 3, 2).unwrap(), created, seen, recovered }
    }

    #[test]
    fn the_sentence_says_what_the_table_shows() {
        let cases = [
            (vec![], "As far as your PSA says, no ticket was created in the last 14 days."),
            (vec![day(1, 1, 0)], "The one ticket of the last 14 days reached us by webhook."),
            (
                vec![day(200, 200, 0), day(12, 12, 0)],
                "All 212 tickets of the last 14 days reached us by webhook.",
            ),
            (
                vec![day(200, 198, 2), day(12, 11, 1)],
                "All 212 tickets of the last 14 days reached us; 3 of them by our own look-up.",
            ),
            (vec![day(9, 0, 9)], "All 9 tickets of the last 14 days reached us by our own look-up."),
            (
                vec![day(9, 7, 1)],
                "8 of 9 tickets of the last 14 days reached us; 1 of them by our own look-up; the other one is given a few \
                 minutes for its webhook.",
            ),
            (
                vec![day(2, 0, 0)],
                "0 of 2 tickets of the last 14 days reached us; the others are given a few minutes for their webhooks.",
            ),
        ];
        for (days, expected) in cases {
            assert_eq!(sentence(&days), expected);
        }
    }

    #[test]
    fn every_day_has_its_row() {
        let today = NaiveDate::from_ymd_opt(2026, 3, 4).unwrap();
        let days = each_day(today, &[day(5, 4, 1)]);
        assert_eq!((days.len(), days[0].created, days[2].created), (14, 0, 5));
        assert_eq!(days[13].day, NaiveDate::from_ymd_opt(2026, 2, 19).unwrap());
    }
}
