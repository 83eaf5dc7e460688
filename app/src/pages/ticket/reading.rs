//! How the note was read: three scores with their reasons, and what stands behind them.

use super::feedback::Saying;
use crate::ui::words::{count, thousands};
use crate::ui::{Bars, Mood, Section, When, mood_word};
use domain::{Dimension, Price, Reading, Score};
use leptos::prelude::*;
use store::analyses::{Analysis, AnalysisState, Provenance};
use store::feedback::Feedback;

pub(super) fn reading(analysis: &Analysis, said: Vec<Feedback>, may_say: bool) -> AnyView {
    let about = match analysis.state {
        AnalysisState::Scored => match &analysis.provenance.degraded {
            Some(why) => format!(
                "By {}, because {why}. Replay reads it again with your model.",
                shown_model(&analysis.provenance)
            ),
            None => format!("By {}.", shown_model(&analysis.provenance)),
        },
        AnalysisState::Skipped => "No scores.".to_owned(),
    };
    let reached = analysis.plan.iter().flat_map(|plan| plan.reached.clone()).collect::<Vec<_>>();
    match &analysis.assessment {
        Some(assessment) => {
            let readings = Dimension::ALL
                .map(|dimension| {
                    let own = said.iter().find(|said| said.dimension == dimension).cloned();
                    let ask = may_say.then_some((analysis.ticket, analysis.id));
                    let saying = view! { <Saying dimension own ask/> }.into_any();
                    one(
                        dimension,
                        assessment.reading(dimension).clone(),
                        reached.contains(&dimension),
                        saying,
                    )
                })
                .into_iter()
                .collect_view();
            view! { <Section title="The reading" about><div class="readings">{readings}</div></Section> }
                .into_any()
        }
        None => {
            let reason = analysis.reason.clone().unwrap_or_else(|| "no reason was kept".into());
            view! { <Section title="The reading" about><p>{reason}</p></Section> }.into_any()
        }
    }
}

fn shown_model(provenance: &Provenance) -> String {
    if provenance.model.is_empty() { "an unnamed model".into() } else { provenance.model.clone() }
}

fn one(dimension: Dimension, reading: Reading, reached: bool, saying: AnyView) -> AnyView {
    let score = reading.score;
    let mark = match dimension {
        Dimension::Sentiment => view! { <Mood score large=true/> }.into_any(),
        Dimension::Urgency | Dimension::Impact => {
            view! { <span class="bars-large"><Bars dimension score/></span> }.into_any()
        }
    };
    let quote = (!reading.quote.trim().is_empty()).then(|| {
        view! { <p class="reading-quote"><q class=format!("quote-{}", dimension.word()) dir="auto">{reading.quote}</q></p> }
    });
    view! {
        <div class="reading" class:reading-reached=reached>
            <h3><span>{dimension.word()}</span>{reached.then(|| view! { <span class="reached">"threshold reached"</span> })}</h3>
            <div class="reading-mark">{mark}</div>
            <p class="quiet">{meaning(dimension, score)}</p>
            {(!reading.reason.is_empty()).then(|| view! { <p dir="auto">{reading.reason}</p> })}
            {quote}
            {saying}
        </div>
    }
    .into_any()
}

/// What a score means on its scale.
fn meaning(dimension: Dimension, score: Score) -> &'static str {
    let words = match dimension {
        Dimension::Sentiment => return mood_word(score),
        Dimension::Urgency => ["whenever", "soon", "this week hurts", "today", "now, work has stopped"],
        Dimension::Impact => ["one person", "a few people", "a team", "a department", "the whole company"],
    };
    words.get(usize::from(score.get() - 1)).copied().unwrap_or_default()
}

/// The prompt, the raw answer and what it took; earlier readings below.
pub(super) fn behind(analysis: Analysis, earlier: Vec<Analysis>) -> AnyView {
    let provenance = analysis.provenance;
    let earlier = (!earlier.is_empty()).then(|| {
        let lines = earlier
            .into_iter()
            .map(|analysis| {
                let scores = analysis.assessment.map_or_else(
                    || analysis.reason.unwrap_or_else(|| "not scored".into()),
                    |read| Dimension::ALL.map(|d| format!("{} {}", d.word(), read.score(d))).join(", "),
                );
                view! { <li><When at=analysis.at/>": "{scores}", by "{shown_model(&analysis.provenance)}</li> }
            })
            .collect_view();
        view! { <h3>"Earlier readings"</h3><ul class="remarks">{lines}</ul> }
    });
    view! {
        <Section title="Behind the reading" about="What was sent, and what came back.">
            {cost(&provenance)}
            {raw("The prompt as sent", provenance.prompt)}
            {raw("The answer as it came", provenance.answer)}
            {earlier}
        </Section>
    }
    .into_any()
}

fn cost(provenance: &Provenance) -> impl IntoView + use<> {
    let prompt = match provenance.prompt_version {
        0 => "the built-in template".to_owned(),
        version => format!("template version {version}"),
    };
    let tokens = (provenance.tokens_in + provenance.tokens_out > 0).then(|| {
        format!(
            "{} in, {} out",
            count(provenance.tokens_in, "token", "tokens"),
            thousands(provenance.tokens_out)
        )
    });
    view! {
        <dl class="facts">
            <dt>"Model"</dt><dd>{shown_model(provenance)}</dd>
            <dt>"Prompt"</dt><dd>{prompt}</dd>
            {tokens.map(|tokens| view! { <dt>"Tokens"</dt><dd class="num">{tokens}</dd><dt>"Cost"</dt><dd>{paid(provenance)}</dd> })}
            <dt>"Time"</dt><dd class="num">{format!("{} ms", thousands(provenance.model_ms))}</dd>
            {provenance.repaired.then(|| view! { <dt>"Repair"</dt><dd>"The first answer was unusable; one repair was asked for."</dd> })}
        </dl>
    }
}

fn paid(provenance: &Provenance) -> AnyView {
    match provenance.cost.zip(provenance.price) {
        Some((cost, Price { input, output })) => view! {
            <span class="num">{format!("US$ {cost}")}</span>
            <span class="quiet">{format!(" at US$ {input} for a million tokens read and US$ {output} written")}</span>
        }
        .into_any(),
        None => view! { <a href="/connections#model">"Say what your model costs"</a>" to see it from then on." }.into_any(),
    }
}

fn raw(title: &'static str, text: String) -> Option<AnyView> {
    (!text.is_empty()).then(|| {
        view! { <details class="twin"><summary>{title}</summary><pre class="code" tabindex="0" dir="auto">{text}</pre></details> }.into_any()
    })
}
