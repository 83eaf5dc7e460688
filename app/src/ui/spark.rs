use super::mark::nearest;
use leptos::prelude::*;
use std::fmt::Write;

const WIDTH: f64 = 88.0;
const HEIGHT: f64 = 20.0;

/// A small trend of mean sentiment, on the same scale wherever it stands: 5 at the top. Parts without tickets are gaps.
#[component]
pub fn Spark(means: Vec<Option<f64>>) -> impl IntoView {
    let known: Vec<f64> = means.iter().copied().flatten().collect();
    let Some(last) = known.last().copied() else {
        return view! { <span class="quiet">"–"</span> }.into_any();
    };
    let words: Vec<String> = means
        .iter()
        .map(|mean| mean.map_or_else(|| "none".to_owned(), |mean| format!("{mean:.1}")))
        .collect();
    let label = format!("Mean sentiment over the period, oldest first: {}", words.join(", "));
    let end = nearest(last).map(|score| score.get()).unwrap_or(3);
    let (line, dot) = paths(&means);
    view! {
        <svg class="spark" viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=label>
            <path class="spark-mid" d=format!("M0 {:.1}H{WIDTH}", y(3.0))/>
            <path class="spark-line" d=line/>
            <path class=format!("spark-end mood-stroke-{end}") d=dot/>
        </svg>
    }
    .into_any()
}

fn y(mean: f64) -> f64 {
    3.0 + (5.0 - mean) / 4.0 * (HEIGHT - 6.0)
}

/// The line, and a dot at its end.
fn paths(means: &[Option<f64>]) -> (String, String) {
    #[expect(clippy::cast_precision_loss, reason = "a small trend has a dozen points")]
    let step = (WIDTH - 8.0) / (means.len().saturating_sub(1).max(1) as f64);
    let (mut line, mut dot, mut x, mut drawing) = (String::new(), String::new(), 4.0, false);
    for mean in means {
        match mean {
            Some(mean) => {
                let command = if drawing { 'L' } else { 'M' };
                let _ = write!(line, "{command}{x:.1} {:.1}", y(*mean));
                if !drawing {
                    line.push_str("h0.1");
                }
                dot = format!("M{x:.1} {:.1}h0.1", y(*mean));
                drawing = true;
            }
            None => drawing = false,
        }
        x += step;
    }
    (line, dot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_trend_breaks_where_there_are_no_tickets_and_ends_in_a_dot() {
        let (line, dot) = paths(&[Some(1.0), Some(3.0), None, Some(5.0), None]);
        assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 1), "{line}");
        assert_eq!(dot, format!("M64.0 {:.1}h0.1", y(5.0)));
        assert_eq!(paths(&[]), (String::new(), String::new()));
    }
}
