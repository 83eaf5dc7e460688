//! The mark: mood as a small waveform, urgency and impact as filled steps. Shape carries the meaning; colour repeats it.

use domain::{Dimension, Score};
use leptos::prelude::*;

/// The five shapes, drawn in a box of 24 × 16: a calm swell, a ripple, a flat line, unrest, a jagged burst.
fn wave(score: Score) -> &'static str {
    match score.get() {
        1 => "M2 8C5 1.5 9 1.5 12 8S19 14.5 22 8",
        2 => "M2 8C5 5 9 5 12 8S19 11 22 8",
        3 => "M2 8H22",
        4 => "M2 8H5L8 4L12 12L16 4.5L19 8H22",
        _ => "M2 8H4L6.5 2.5L9.5 14L12.5 1L15.5 15L18 4.5L20 8H22",
    }
}

/// What a sentiment score means, in one word or two.
pub fn mood_word(score: Score) -> &'static str {
    match score.get() {
        1 => "pleased",
        2 => "content",
        3 => "neutral",
        4 => "annoyed",
        _ => "furious",
    }
}

/// A sentiment score: the waveform and the number. `quiet` leaves the number to the text around it.
#[component]
pub fn Mood(score: Score, #[prop(optional)] large: bool, #[prop(optional)] quiet: bool) -> impl IntoView {
    let label = format!("Sentiment {score} of 5, {}", mood_word(score));
    view! {
        <span class=format!("mood mood-{score}") class:mood-large=large title=label>
            <svg viewBox="0 0 24 16" role="img" aria-label=label.clone()><path d=wave(score)/></svg>
            {(!quiet).then(|| view! { <span class="num" aria-hidden="true">{score.get()}</span> })}
        </span>
    }
}

/// A mean sentiment, with the mark of the nearest score.
#[component]
pub fn MeanMood(mean: Option<f64>) -> impl IntoView {
    match mean.and_then(|mean| nearest(mean).map(|score| (mean, score))) {
        Some((mean, score)) => {
            let label = format!("Mean sentiment {mean:.1} of 5, between pleased and furious");
            view! {
                <span class=format!("mood mood-{score}") title=label>
                    <svg viewBox="0 0 24 16" role="img" aria-label=label.clone()><path d=wave(score)/></svg>
                    <span class="num">{format!("{mean:.1}")}</span>
                </span>
            }
            .into_any()
        }
        None => view! { <span class="quiet">"–"</span> }.into_any(),
    }
}

/// The score nearest to a mean; `None` for what is no number.
pub fn nearest(mean: f64) -> Option<Score> {
    Score::ALL.into_iter().filter(|_| mean.is_finite()).min_by(|a, b| {
        let distance = |score: &Score| (f64::from(score.get()) - mean).abs();
        distance(a).total_cmp(&distance(b))
    })
}

/// An urgency (slim rods) or impact (square blocks) score: `n` of five filled, and the number.
#[component]
pub fn Bars(dimension: Dimension, score: Score) -> impl IntoView {
    let label = format!("{} {score} of 5", dimension.word());
    let (width, height, top) =
        if dimension == Dimension::Impact { (4.0, 6.0, 5.0) } else { (2.5, 14.0, 1.0) };
    view! {
        <span class=format!("bars bars-{}", dimension.word()) title=label>
            <svg viewBox="0 0 28 16" role="img" aria-label=label.clone()>
                {Score::ALL
                    .map(|step| view! {
                        <rect
                            class:on=step <= score
                            x=f64::from(step.get() - 1) * 5.5 + 0.5
                            y=top
                            width=width
                            height=height
                            rx="1"
                        />
                    })
                    .collect_view()}
            </svg>
            <span class="num" aria-hidden="true">{score.get()}</span>
        </span>
    }
}

/// The product's own mark: from calm to burst in one line.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
            <path d="M2 17C4 12 7 12 9 17S13 21 15 16L18 7L21 26L24 11L26 17H30"/>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_takes_the_mark_of_the_nearest_score() {
        for (mean, expected) in [(1.0, 1), (1.49, 1), (2.6, 3), (4.4, 4), (4.6, 5), (9.0, 5)] {
            assert_eq!(nearest(mean).map(Score::get), Some(expected), "{mean}");
        }
        assert_eq!(nearest(f64::NAN), None);
    }

    #[test]
    fn the_five_moods_have_five_shapes() {
        let mut shapes: Vec<_> = Score::ALL.map(wave).to_vec();
        shapes.sort_unstable();
        shapes.dedup();
        assert_eq!(shapes.len(), 5);
    }
}
