use super::mark::nearest;
use super::words::count;
use domain::trend::Tally;
use leptos::prelude::*;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Fewer tickets than these in an hour make no finding.
const FEWEST: i64 = 5;

/// When tickets turn sour: hour by weekday. A cell's number is that of its negative tickets, its colour the mean mood.
#[component]
pub fn HeatMap(hours: Box<[[Tally; 24]; 7]>) -> impl IntoView {
    let heads = (0..24_usize)
        .map(|hour| view! { <span role="columnheader" class="heat-hour num" aria-label=format!("{hour} o’clock")>{hour}</span> })
        .collect_view();
    let finding = finding(&hours);
    let rows = hours
        .iter()
        .zip(DAYS)
        .map(|(hours, day)| {
            let cells = hours.iter().enumerate().map(|(hour, tally)| cell(day, hour, *tally)).collect_view();
            view! { <div role="row" class="heat-row"><span role="rowheader" class="heat-day">{day}</span>{cells}</div> }
        })
        .collect_view();
    view! {
        <figure class="heat-figure">
            <figcaption><h2>{finding}</h2></figcaption>
            <div role="table" class="heat" aria-label="Negative tickets by weekday and hour">
                <div role="row" class="heat-row"><span role="columnheader" class="heat-day"><span class="hidden">"Weekday"</span></span>{heads}</div>
                {rows}
            </div>
            <p class="trend-key">
                <span>"number: negative tickets that arrived in that hour"</span>
                <span class="heat-key">"mean mood: pleased"{(1..=5_u8).map(|score| view! { <i class=format!("heat-{score}")></i> }).collect_view()}"furious"</span>
            </p>
        </figure>
    }
}

fn cell(day: &str, hour: usize, tally: Tally) -> impl IntoView + use<> {
    let Some(mean) = tally.mean_sentiment() else {
        return view! { <span role="cell" class="heat-cell"><span class="hidden">"none"</span></span> }
            .into_any();
    };
    let score = nearest(mean).map(|score| score.get()).unwrap_or(3);
    let words = format!(
        "{day} {hour}:00 to {}:00: {} of {} negative, mean sentiment {mean:.1}",
        hour + 1,
        tally.negative,
        count(tally.analysed, "ticket", "tickets")
    );
    let number = (tally.negative > 0).then_some(tally.negative);
    let title = words.clone();
    view! {
        <span role="cell" class=format!("heat-cell heat-{score} num") title=title>
            <span aria-hidden="true">{number}</span><span class="hidden">{words}</span>
        </span>
    }
    .into_any()
}

/// The hour of the week in which most tickets are negative.
fn finding(hours: &[[Tally; 24]; 7]) -> String {
    let all = hours.iter().flatten().fold(Tally::default(), |sum, tally| sum.plus(*tally));
    let each = hours
        .iter()
        .zip(DAYS)
        .flat_map(|(hours, day)| hours.iter().enumerate().map(move |(hour, tally)| (day, hour, *tally)));
    let worst = each.filter(|(_, _, tally)| tally.analysed >= FEWEST && tally.negative > 1).max_by(
        |(.., a), (.., b)| {
            (a.negative * b.analysed).cmp(&(b.negative * a.analysed)).then(a.negative.cmp(&b.negative))
        },
    );
    match worst {
        Some((day, hour, tally)) if tally.negative_share() > all.negative_share() => format!(
            "Tickets turn sour most on {day} from {hour}:00 to {}:00: {} of {} are negative",
            hour + 1,
            tally.negative,
            tally.analysed
        ),
        _ => "No hour of the week stands out".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(sums: &[(usize, usize, i64, i64)]) -> [[Tally; 24]; 7] {
        let mut hours = [[Tally::default(); 24]; 7];
        for &(day, hour, analysed, negative) in sums {
            hours[day][hour] = Tally { analysed, negative, sentiment_sum: 3 * analysed, ..Tally::default() };
        }
        hours
    }

    #[test]
    fn the_worst_hour_of_the_week_is_named_where_one_stands_out() {
        let sour = hours(&[(0, 9, 20, 8), (0, 10, 40, 10), (4, 16, 10, 6), (5, 3, 1, 1)]);
        assert_eq!(finding(&sour), "Tickets turn sour most on Fri from 16:00 to 17:00: 6 of 10 are negative");
        for even in [hours(&[]), hours(&[(0, 9, 10, 5)]), hours(&[(0, 9, 4, 4)])] {
            assert_eq!(finding(&even), "No hour of the week stands out");
        }
    }

    #[test]
    fn each_hour_is_told_in_words() {
        let html = Owner::new()
            .with(|| view! { <HeatMap hours=Box::new(hours(&[(0, 9, 20, 8)]))/> }.to_html())
            .replace("<!>", "");
        assert!(html.contains("Mon 9:00 to 10:00: 8 of 20 tickets negative, mean sentiment 3.0"), "{html}");
        assert_eq!(html.matches("role=\"cell\"").count(), 168);
    }
}
