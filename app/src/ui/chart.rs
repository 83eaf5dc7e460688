//! Charts drawn on the server as SVG: read without scripts, stretched to the page's width without stretching strokes or
//! text (all text is HTML beside the drawing).

use super::mark::Mood;
use super::words::count;
use chrono::NaiveDate;
use domain::Score;
use domain::trend::Tally;
use leptos::prelude::*;
use std::fmt::Write;

/// One column of a trend.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub start: NaiveDate,
    pub tally: Tally,
}

/// The drawing's own units: wide enough that rounding does not show.
const WIDTH: f64 = 1000.0;
const MOOD_HEIGHT: f64 = 200.0;
const COUNT_HEIGHT: f64 = 100.0;

/// Mood over time above, tickets by label below, on one time axis, with a table that says the same.
#[component]
pub fn TrendChart(
    /// The finding, in one sentence.
    #[prop(into)]
    finding: String,
    columns: Vec<Column>,
    /// `day`, `week` or `month`.
    unit: &'static str,
) -> impl IntoView {
    let most = columns.iter().map(|column| column.tally.analysed).max().unwrap_or(0).max(1);
    let label = format!("{finding}. The table below has the numbers.");
    let axis = axis_dates(&columns).into_iter().map(|date| view! { <span>{date}</span> }).collect_view();
    let scores = [Score::MAX, Score::NEUTRAL, Score::MIN];
    view! {
        <figure class="trend">
            <figcaption><h2>{finding}</h2></figcaption>
            <div class="trend-plot">
                <div class="trend-scale" aria-hidden="true">
                    {scores.map(|score| view! { <Mood score/> }).collect_view()}
                </div>
                <svg class="trend-mood" viewBox=format!("0 0 {WIDTH} {MOOD_HEIGHT}") preserveAspectRatio="none" role="img" aria-label=label>
                    {scores.map(|score| {
                        let y = mood_y(f64::from(score.get()));
                        view! { <path class="trend-grid" d=format!("M0 {y:.1}H{WIDTH}")/> }
                    }).collect_view()}
                    <defs>
                        <linearGradient id="trend-ramp" gradientUnits="userSpaceOnUse" x1="0" y1="0" x2="0" y2=MOOD_HEIGHT>
                            {Score::ALL.map(ramp_stop).into_iter().rev().collect_view()}
                        </linearGradient>
                    </defs>
                    <path class="trend-bridge" d=bridges(&columns)/>
                    <path class="trend-line" d=mood_path(&columns)/>
                    <path class="trend-line trend-lone" d=lone_points(&columns)/>
                    {escalations(&columns)}
                    {hover(&columns, unit, MOOD_HEIGHT)}
                </svg>
                <div class="trend-scale trend-scale-count num" aria-hidden="true"><span>{most}</span><span>"0"</span></div>
                <svg class="trend-count" viewBox=format!("0 0 {WIDTH} {COUNT_HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                    {bars(&columns, most)}
                    {hover(&columns, unit, COUNT_HEIGHT)}
                </svg>
                <div class="trend-axis" aria-hidden="true">{axis}</div>
            </div>
            <p class="trend-key">
                <span><i class="key-line"></i>"mean sentiment, 1 pleased to 5 furious"</span>
                <span><i class="key-escalated"></i>"escalated, larger where more were"</span>
                <span><i class="key-negative"></i>"negative"</span>
                <span><i class="key-neutral"></i>"neutral"</span>
                <span><i class="key-positive"></i>"positive tickets"</span>
            </p>
            <TrendTable columns unit/>
        </figure>
    }
}

/// The line takes the mood's colour at each height: ember at the top, teal at the bottom.
fn ramp_stop(score: Score) -> impl IntoView {
    let offset = (5.0 - f64::from(score.get())) / 4.0;
    view! { <stop class=format!("ramp-{score}") offset=offset/> }
}

#[component]
fn TrendTable(columns: Vec<Column>, unit: &'static str) -> impl IntoView {
    let rows = columns
        .iter()
        .rev()
        .map(|column| {
            let tally = column.tally;
            let mean = tally.mean_sentiment().map_or_else(|| "–".to_owned(), |mean| format!("{mean:.1}"));
            view! {
                <tr>
                    <th scope="row">{date(column.start)}</th>
                    <td class="n">{mean}</td>
                    <td class="n">{tally.negative}</td>
                    <td class="n">{tally.neutral}</td>
                    <td class="n">{tally.positive}</td>
                    <td class="n">{tally.analysed}</td>
                    <td class="n">{tally.escalated}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <details class="twin">
            <summary>"The same as a table"</summary>
            <div class="twin-table">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{match unit { "week" => "Week from", "month" => "Month from", _ => "Day" }}</th>
                            <th scope="col" class="n">"Mean sentiment"</th>
                            <th scope="col" class="n">"Negative"</th>
                            <th scope="col" class="n">"Neutral"</th>
                            <th scope="col" class="n">"Positive"</th>
                            <th scope="col" class="n">"Analysed"</th>
                            <th scope="col" class="n">"Escalated"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
}

fn date(day: NaiveDate) -> String {
    day.format("%-d %b").to_string()
}

/// First, middle and last date of the axis.
fn axis_dates(columns: &[Column]) -> Vec<String> {
    let picks = [columns.first(), columns.get(columns.len() / 2), columns.last()];
    let mut dates: Vec<String> = picks.into_iter().flatten().map(|column| date(column.start)).collect();
    dates.dedup();
    dates
}

fn step(columns: &[Column]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a chart has some hundred columns")]
    let count = columns.len().max(1) as f64;
    WIDTH / count
}

fn centre(columns: &[Column], index: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a chart has some hundred columns")]
    let index = index as f64;
    (index + 0.5) * step(columns)
}

/// 5 at the top (loud), 1 at the bottom (calm), with room for the stroke.
fn mood_y(mean: f64) -> f64 {
    let room = 8.0;
    room + (5.0 - mean) / 4.0 * (MOOD_HEIGHT - 2.0 * room)
}

/// The line through the means; a column without tickets is a gap, a lone column a dot.
fn mood_path(columns: &[Column]) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (index, column) in columns.iter().enumerate() {
        let Some(mean) = column.tally.mean_sentiment() else {
            drawing = false;
            continue;
        };
        let (x, y) = (centre(columns, index), mood_y(mean));
        let command = if drawing { 'L' } else { 'M' };
        let _ = write!(path, "{command}{x:.1} {y:.1}");
        let lone = !drawing && columns.get(index + 1).is_none_or(|next| next.tally.analysed == 0);
        if lone {
            path.push_str("h0.1");
        }
        drawing = true;
    }
    path
}

/// Columns with tickets between two without: no line leads to or from them, so they are dots that can be seen.
fn lone_points(columns: &[Column]) -> String {
    let mean_at = |index: Option<usize>| index.and_then(|index| columns.get(index)?.tally.mean_sentiment());
    let mut path = String::new();
    for index in 0..columns.len() {
        let neighbours = [mean_at(index.checked_sub(1)), mean_at(Some(index + 1))];
        if let (Some(mean), [None, None]) = (mean_at(Some(index)), neighbours) {
            let _ = write!(path, "M{:.1} {:.1}h0.1", centre(columns, index), mood_y(mean));
        }
    }
    path
}

/// Over columns without tickets: from the last mean known to the next, so that the eye finds the way.
fn bridges(columns: &[Column]) -> String {
    let known: Vec<(usize, f64)> = columns
        .iter()
        .enumerate()
        .filter_map(|(index, column)| Some((index, column.tally.mean_sentiment()?)))
        .collect();
    let mut path = String::new();
    for pair in known.windows(2) {
        let [(from, left), (to, right)] = pair else { continue };
        if to - from > 1 {
            let (from, to) = (centre(columns, *from), centre(columns, *to));
            let _ = write!(path, "M{from:.1} {:.1}L{to:.1} {:.1}", mood_y(*left), mood_y(*right));
        }
    }
    path
}

/// A dot for each column in which tickets were escalated, at the foot of the moods. A line of no length keeps its round
/// ends however the drawing is stretched.
fn escalations(columns: &[Column]) -> impl IntoView + use<> {
    columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.tally.escalated > 0)
        .map(|(index, column)| {
            let size = match column.tally.escalated {
                1 => "one",
                2..=4 => "some",
                _ => "many",
            };
            let place = format!("M{:.1} {:.1}h0.1", centre(columns, index), MOOD_HEIGHT - 4.0);
            view! { <path class=format!("trend-escalated trend-escalated-{size}") d=place/> }
        })
        .collect_view()
}

fn bars(columns: &[Column], most: i64) -> impl IntoView + use<> {
    let step = step(columns);
    let width = step * 0.72;
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            #[expect(clippy::cast_precision_loss, reason = "counts of tickets stay far below 2^52")]
            let height = |number: i64| number as f64 / most as f64 * COUNT_HEIGHT;
            let x = centre(columns, index) - width / 2.0;
            let tally = column.tally;
            let mut top = COUNT_HEIGHT;
            let parts = [("negative", tally.negative), ("neutral", tally.neutral), ("positive", tally.positive)];
            parts
                .map(|(name, number)| {
                    let height = height(number);
                    top -= height;
                    view! {
                        <rect class=format!("bar-{name}") x=format!("{x:.1}") width=format!("{width:.1}") y=format!("{top:.1}") height=format!("{height:.1}")/>
                    }
                })
                .collect_view()
        })
        .collect_view()
}

/// A title over each column: what the pointer rests on is said in words.
fn hover(columns: &[Column], unit: &'static str, height: f64) -> impl IntoView + use<> {
    let step = step(columns);
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let x = centre(columns, index) - step / 2.0;
            view! {
                <rect class="trend-hover" x=format!("{x:.1}") y="0" width=format!("{step:.1}") height=height>
                    <title>{column_words(column, unit)}</title>
                </rect>
            }
        })
        .collect_view()
}

fn column_words(column: &Column, unit: &str) -> String {
    let tally = column.tally;
    let when = match unit {
        "week" => format!("Week from {}", date(column.start)),
        "month" => column.start.format("%B %Y").to_string(),
        _ => date(column.start),
    };
    match tally.mean_sentiment() {
        Some(mean) => format!(
            "{when}: mean sentiment {mean:.1}; {}: {} negative, {} neutral, {} positive; {} escalated",
            count(tally.analysed, "ticket", "tickets"),
            tally.negative,
            tally.neutral,
            tally.positive,
            tally.escalated
        ),
        None => format!("{when}: no tickets"),
    }
}

/// A share as a bar within a table cell; the number stands beside it.
#[component]
pub fn ShareBar(share: Option<f64>) -> impl IntoView {
    share.map(|share| {
        let percent = (share * 100.0).clamp(0.0, 100.0);
        view! {
            <span class="share">
                <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="share-all" width="100" height="6"/>
                    <rect class="share-part" width=format!("{percent:.0}") height="6"/>
                </svg>
                <span class="num">{format!("{percent:.0}\u{a0}%")}</span>
            </span>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(sums: &[(i64, i64)]) -> Vec<Column> {
        let start = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        sums.iter()
            .zip(0..)
            .map(|(&(analysed, sentiment_sum), day)| Column {
                start: start + chrono::Days::new(day),
                tally: Tally { analysed, sentiment_sum, ..Tally::default() },
            })
            .collect()
    }

    #[test]
    fn days_without_tickets_are_gaps_and_lone_days_dots() {
        let path = mood_path(&columns(&[(1, 3), (1, 5), (0, 0), (2, 4), (0, 0)]));
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert_eq!(path.matches('L').count(), 1, "{path}");
        assert!(path.ends_with("h0.1"), "{path}");
        let lone = lone_points(&columns(&[(1, 3), (1, 5), (0, 0), (2, 4), (0, 0), (1, 1)]));
        assert_eq!(lone.matches('M').count(), 2, "{lone}");
    }

    #[test]
    fn a_gap_is_bridged_from_the_last_mean_to_the_next() {
        let gap = bridges(&columns(&[(1, 3), (1, 5), (0, 0), (2, 4), (0, 0)]));
        assert_eq!((gap.matches('M').count(), gap.matches('L').count()), (1, 1), "{gap}");
        assert_eq!(bridges(&columns(&[(1, 3), (1, 5)])), "");
    }

    #[test]
    fn an_empty_chart_is_drawn_without_harm() {
        assert_eq!(mood_path(&[]), "");
        assert!(axis_dates(&[]).is_empty());
        let html = Owner::new()
            .with(|| view! { <TrendChart finding="No tickets" columns=Vec::new() unit="day"/> }.to_html());
        assert!(html.contains("No tickets") && !html.contains("NaN"), "{html}");
    }

    #[test]
    fn furious_is_at_the_top_and_pleased_at_the_bottom() {
        assert!(mood_y(5.0) < mood_y(3.0) && mood_y(3.0) < mood_y(1.0));
        assert!(mood_y(5.0) > 0.0 && mood_y(1.0) < MOOD_HEIGHT);
    }
}
