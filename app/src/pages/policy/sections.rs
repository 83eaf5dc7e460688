//! The parts of the policy form, as sentences with choices in them.

use super::acts::PolicyPlaces;
use super::catalogue::{Catalogue, Placed};
use super::form::{MAPPED, RULES};
use super::past::Reach;
use super::words::scope_word;
use super::{PolicySave, PolicyTry};
use crate::form::{Button, Check, Field, Pick, Select, Weight, error_of};
use crate::live::LiveRegion;
use crate::pages::fields::Fields;
use crate::pages::setup::SetupPolicy;
use crate::ui::{Bars, Card, Mood};
use domain::{Choice, Dimension, Lever, PsaKind, Score};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// The whole form. Without a PSA only what needs none of its lists.
pub fn all(
    fields: &Fields,
    catalogue: &Catalogue<'_>,
    psa: Option<PsaKind>,
    reach: Option<&Reach>,
    what_if: AnyView,
) -> AnyView {
    let of_psa = psa.map(|psa| of_psa(fields, catalogue, psa));
    let text = text_rules(fields);
    let text = psa.is_none().then(|| view! { <Card title="Which tickets">{text}</Card> });
    let thresholds = thresholds(fields, reach);
    view! {
        <Card title="When to act" about="A threshold includes its number: “4 or greater” acts on 4 and 5.">{thresholds}{what_if}</Card>
        {of_psa}
        {text}
    }
    .into_any()
}

/// What is chosen from the PSA's lists.
fn of_psa(fields: &Fields, catalogue: &Catalogue<'_>, psa: PsaKind) -> AnyView {
    let levers: Vec<AnyView> = MAPPED
        .iter()
        .filter(|(lever, _)| !catalogue.ranked(lever).is_empty())
        .map(|(lever, word)| lever_table(fields, catalogue, lever, word, psa))
        .collect();
    let no_lists = levers
        .is_empty()
        .then(|| view! { <p class="quiet">"No list of values could be read from your PSA yet."</p> });
    let custom = custom_fields(fields, catalogue);
    let hand_over = hand_over(fields, catalogue, psa);
    let notes = notes(fields);
    let outage = outage(fields);
    let scope = scope(fields, catalogue, psa);
    view! {
        <Card title="Raise fields" about="Only ever towards more severe. What a person changed meanwhile is left alone.">
            {no_lists}{levers}{custom}
        </Card>
        <Card title="Hand over" about="Once per ticket, when sentiment reaches its threshold. Leave empty what should stay.">
            {hand_over}
        </Card>
        <Card title="Notes" about="Always internal: no customer sees them, and no mail is sent.">{notes}</Card>
        <Card title="When the model is out" about="When it refuses the key, or fails several times in a row.">{outage}</Card>
        <Card title="Which tickets" about="A ticket that is left out says which rule left it out.">{scope}</Card>
    }
    .into_any()
}

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// The three thresholds as sentences; with how often each would be reached, where there are tickets to tell by.
pub fn thresholds(fields: &Fields, reach: Option<&Reach>) -> AnyView {
    Dimension::ALL
        .map(|dimension| {
            let (scale, then) = match dimension {
                Dimension::Sentiment => (
                    "1 is pleased, 3 neutral, 5 furious and about to leave.",
                    "the ticket counts as negative and is handed over.",
                ),
                Dimension::Urgency => (
                    "1 is whenever, 3 is this week hurts, 5 is now: work has stopped.",
                    "fields that follow urgency are raised.",
                ),
                Dimension::Impact => (
                    "1 is one person and a nuisance, 3 a team, 5 the whole company, or money and safety.",
                    "fields that follow impact are raised.",
                ),
            };
            view! {
                <fieldset class="threshold">
                    <legend>{format!("{} threshold", dimension.word())}</legend>
                    <p>"From this "<strong>{dimension.word()}</strong>" on, "{then}</p>
                    {steps(fields, dimension, reach)}
                    {wrong(dimension).map(|message| view! { <p class="error">{message}</p> })}
                    <p class="quiet">{scale}{reach.map(|_| " Beneath: how many tickets a day reach it.")}</p>
                </fieldset>
            }
        })
        .collect_view()
        .into_any()
}

fn wrong(dimension: Dimension) -> Option<String> {
    let name = format!("thresholds.{}", dimension.word());
    error_of(PolicySave::url(), &name).or_else(|| error_of(SetupPolicy::url(), &name))
}

/// One step for each score and one for off, mildest left; what lies from the chosen one on is marked.
fn steps(fields: &Fields, dimension: Dimension, reach: Option<&Reach>) -> AnyView {
    let name = format!("thresholds.{}", dimension.word());
    let chosen = value(fields, &name).to_owned();
    let step = |value: String, words: String, mark: AnyView, beneath: Option<AnyView>| {
        view! {
            <label class="step">
                <input type="radio" name=name.clone() value=value.clone() checked=value == chosen aria-label=words/>
                <span class="step-mark" aria-hidden="true">{mark}</span>
                {beneath}
            </label>
        }
    };
    let scores = Score::ALL
        .map(|score| {
            let mark = match dimension {
                Dimension::Sentiment => view! { <Mood score/> }.into_any(),
                _ => view! { <Bars dimension score/> }.into_any(),
            };
            let often = reach.map(|reach| reach.a_day(dimension, score));
            let words = super::words::or_greater(score);
            let words =
                often.as_ref().map_or(words.clone(), |often| format!("{words}: {often} tickets a day"));
            let beneath = reach.zip(often).map(|(reach, often)| {
                let height = reach.percent(dimension, score);
                view! {
                    <svg class="step-bar" viewBox="0 0 10 100" preserveAspectRatio="none" aria-hidden="true">
                        <rect x="0" y=100 - height width="10" height=height/>
                    </svg>
                    <span class="step-often num" aria-hidden="true">{often}</span>
                }
                .into_any()
            });
            step(score.to_string(), words, mark, beneath)
        })
        .collect_view();
    let off = step(String::new(), "off: never".into(), view! { "off" }.into_any(), None);
    view! { <div class="steps">{scores}{off}</div> }.into_any()
}

/// "Priority follows [urgency]", the five scores, and the order of severity.
fn lever_table(
    fields: &Fields,
    catalogue: &Catalogue<'_>,
    lever: &Lever,
    word: &str,
    psa: PsaKind,
) -> AnyView {
    let name = format!("updates.{word}");
    let all = catalogue.ranked(lever);
    let title = lever.word(psa).to_owned();
    let driver_name = format!("{name}.driver");
    let driver = value(fields, &driver_name).to_owned();
    let columns = score_columns(fields, &name, &all, &title, "as before");
    let drivers = vec![
        Pick::new("", "stays as it is"),
        Pick::new("urgency", "follows urgency"),
        Pick::new("impact", "follows impact"),
        Pick::new("sentiment", "follows sentiment"),
        Pick::new("highest", "follows the highest score that reached its threshold"),
    ];
    let values_error = error_of(PolicySave::url(), &format!("{name}.values"))
        .map(|message| view! { <p class="error">{message}</p> });
    view! {
        <fieldset class="lever">
            <legend class="hidden">{title.clone()}</legend>
            <div class="sentence-line">
                <strong class="capital">{title.clone()}</strong>" "
                <Select inline=true label=format!("{title} follows") name=driver_name options=drivers value=driver/>
            </div>
            <div class="lever-body">
                {columns}
                {values_error}
                {ranking(fields, &name, &all, &title)}
            </div>
        </fieldset>
    }
    .into_any()
}

/// One choice per score, mildest left.
fn score_columns(fields: &Fields, name: &str, all: &[Choice], title: &str, empty: &str) -> AnyView {
    let columns = Score::ALL
        .map(|score| {
            let field = format!("{name}.values.{score}");
            let chosen = value(fields, &field).to_owned();
            let none = if score == Score::MIN { "no change".to_owned() } else { empty.to_owned() };
            view! {
                <div class="score-column">
                    <span class="score-head num" aria-hidden="true">{score.get()}</span>
                    <Select inline=true label=format!("{title} for score {score}") name=field options=picks(all, &none) value=chosen/>
                </div>
            }
        })
        .collect_view();
    view! { <div class="score-columns" role="group" aria-label=format!("{title} per score")>{columns}</div> }
        .into_any()
}

fn picks(all: &[Choice], none: &str) -> Vec<Pick> {
    let mut picks = vec![Pick::new("", none)];
    picks.extend(all.iter().map(|choice| Pick::new(choice.id.clone(), choice.shown())));
    picks
}

/// The order by which "more severe" is judged. Numbers, so that it works without scripts.
fn ranking(fields: &Fields, name: &str, all: &[Choice], title: &str) -> AnyView {
    let places = (0..all.len()).map(|index| format!("{name}.ranking.{index}"));
    let errors: Vec<String> = places
        .chain([format!("{name}.ranking")])
        .filter_map(|field| error_of(PolicySave::url(), &field))
        .collect();
    let wrong = !errors.is_empty();
    let mut rows: Vec<(u32, AnyView)> = all
        .iter()
        .enumerate()
        .map(|(index, choice)| {
            let field = format!("{name}.ranking.{index}");
            let position = value(fields, &field).to_owned();
            let order = position.parse().unwrap_or(u32::MAX);
            let row = view! {
                <li>
                    <input type="hidden" name=format!("{name}.ranked.{index}") value=choice.id.clone()/>
                    <input type="number" min="1" max="999" id=field.clone() name=field.clone() value=position/>
                    <label for=field>{choice.shown().to_owned()}</label>
                </li>
            };
            (order, row.into_any())
        })
        .collect();
    rows.sort_by_key(|(order, _)| *order);
    let rows: Vec<AnyView> = rows.into_iter().map(|(_, row)| row).collect();
    view! {
        <details class="ranking" open=wrong>
            <summary>"Order of "{title.to_owned()}", mildest to most severe"</summary>
            <p class="quiet">
                "“Raise, never lower” is judged by this order alone. 1 is the mildest. A value without a number is never changed."
            </p>
            {errors.into_iter().map(|message| view! { <p class="error">{message}</p> }).collect_view()}
            <ol>{rows}</ol>
        </details>
    }
    .into_any()
}

/// Autotask's user-defined fields: one per score.
fn custom_fields(fields: &Fields, catalogue: &Catalogue<'_>) -> Option<AnyView> {
    let listed = catalogue.lookups.map(|lookups| lookups.custom_fields.clone()).unwrap_or_default();
    let saved = &catalogue.saved.updates.score_fields;
    if listed.is_empty() && saved.is_empty() {
        return None;
    }
    let mut names: Vec<String> = listed.iter().map(|field| field.name.clone()).collect();
    names.extend(
        saved
            .iter()
            .map(|field| field.field.clone())
            .filter(|name| !listed.iter().any(|field| field.name == *name)),
    );
    let rows = Dimension::ALL
        .map(|dimension| {
            let name = format!("updates.score_fields.{}", dimension.word());
            let field_name = format!("{name}.field");
            let chosen = value(fields, &field_name).to_owned();
            let mut options = vec![Pick::new("", "no field")];
            options.extend(names.iter().map(|name| Pick::new(name.clone(), name.clone())));
            let values = listed.iter().find(|field| field.name == chosen).map(|field| field.values.clone()).unwrap_or_default();
            let columns = (!values.is_empty()).then(|| score_columns(fields, &name, &values, dimension.word(), "as before"));
            view! {
                <div class="sentence-line">
                    "Write the "<strong>{dimension.word()}</strong>" score into "
                    <Select inline=true label=format!("Field for the {} score", dimension.word()) name=field_name options value=chosen/>
                </div>
                {columns}
            }
        })
        .collect_view();
    let errors = ["updates.score_fields", "updates.score_fields.field", "updates.score_fields.values"]
        .into_iter()
        .filter_map(|field| error_of(PolicySave::url(), field))
        .map(|message| view! { <p class="error">{message}</p> })
        .collect_view();
    Some(view! { <fieldset class="lever"><legend class="hidden">"User-defined fields"</legend>{rows}{errors}</fieldset> }.into_any())
}

fn hand_over(fields: &Fields, catalogue: &Catalogue<'_>, psa: PsaKind) -> AnyView {
    let owner = value(fields, "escalation.owner").to_owned();
    let board = value(fields, "escalation.board").to_owned();
    let has_boards =
        catalogue.statuses().iter().chain(catalogue.teams().iter()).any(|placed| placed.board.is_some());
    let boards = has_boards.then(|| {
        view! {
            <Select label="Move to the board" name="escalation.board" options=picks(&catalogue.boards(), "stays on its board") value=board
                hint="Statuses and teams belong to one board each, so choose the board first."/>
            <noscript><Button weight=Weight::Quiet to=PolicyTry::url()>"Show this board’s teams and statuses"</Button></noscript>
        }
    });
    let places = places(fields, catalogue, psa);
    view! {
        <div class="input-grid">
            <Select label="Hand to" name="escalation.owner" options=picks(&catalogue.owners(), "nobody in particular") value=owner/>
            {boards}
        </div>
        <LiveRegion to=PolicyPlaces::url().to_owned() only="escalation.board".to_owned() announced=false>{places}</LiveRegion>
    }
    .into_any()
}

/// Team and status: those of the chosen board where they belong to boards.
pub fn places(fields: &Fields, catalogue: &Catalogue<'_>, psa: PsaKind) -> AnyView {
    let board = value(fields, "escalation.board").to_owned();
    let teams = here(&catalogue.teams(), &board);
    let statuses = here(&catalogue.statuses(), &board);
    let team_word = Lever::Team.word(psa);
    let team = value(fields, "escalation.team").to_owned();
    let status = value(fields, "escalation.status").to_owned();
    view! {
        <div class="input-grid">
            <Select label=format!("Into the {team_word}") name="escalation.team" options=picks(&teams, "stays") value=team/>
            <Select label="With status" name="escalation.status" options=picks(&statuses, "stays") value=status/>
        </div>
    }
    .into_any()
}

/// The values of one board, and those that belong to none.
fn here(all: &[Placed<'_>], board: &str) -> Vec<Choice> {
    all.iter()
        .filter(|placed| placed.board.is_none_or(|home| home == board))
        .map(|placed| placed.choice.clone())
        .collect()
}

fn notes(fields: &Fields) -> AnyView {
    let options = vec![
        Pick::new("per_action", "one note for changed fields, one for the hand-over"),
        Pick::new("folded", "one note that tells everything"),
    ];
    view! {
        <div class="sentence-line">
            "Write "<Select inline=true label="Notes" name="notes" options value=value(fields, "notes")/>"."
        </div>
    }
    .into_any()
}

fn outage(fields: &Fields) -> AnyView {
    let options = vec![
        Pick::new("wait", "wait, and go on when it is back"),
        Pick::new("builtin", "are read by the built-in analyser"),
    ];
    view! {
        <div class="sentence-line">
            "Then tickets "<Select inline=true label="When the model is out, tickets" name="outage" options value=value(fields, "outage")/>"."
        </div>
        <p class="hint">"What the built-in analyser read is marked wherever it appears, and can be read again with your model later."</p>
    }
    .into_any()
}

fn scope(fields: &Fields, catalogue: &Catalogue<'_>, psa: PsaKind) -> AnyView {
    let rules: Vec<AnyView> = RULES
        .iter()
        .filter_map(|which| {
            let all = catalogue.scope(which);
            (!all.is_empty()).then(|| scope_rule(fields, which, &all, scope_word(which, psa)))
        })
        .collect();
    view! { {rules} {text_rules(fields)} }.into_any()
}

fn scope_rule(fields: &Fields, which: &str, all: &[Choice], word: &'static str) -> AnyView {
    let name = format!("scope.{which}.mode");
    let mode = value(fields, &name).to_owned();
    let options = vec![
        Pick::new("any", format!("every {word}")),
        Pick::new("only", format!("only these: {word}")),
        Pick::new("except", format!("all but these: {word}")),
    ];
    let prefix = format!("scope.{which}.items.");
    let ticked: Vec<&str> =
        fields.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, id)| id.as_str()).collect();
    let boxes = all
        .iter()
        .enumerate()
        .map(|(index, choice)| {
            let checked = ticked.contains(&choice.id.as_str());
            view! { <Check name=format!("{prefix}{index}") label=choice.shown() value=choice.id.clone() checked/> }
        })
        .collect_view();
    let count = ticked.len();
    let summary = if count == 0 {
        format!("Choose from {}", all.len())
    } else {
        format!("{count} of {} chosen", all.len())
    };
    view! {
        <fieldset class="scope-rule">
            <legend class="hidden">{word}</legend>
            <div class="sentence-line">"Read tickets of "<Select inline=true label=format!("Which {word}") name options value=mode/></div>
            <details class="scope-list" open=count != 0>
                <summary>{summary}</summary>
                <div class="scope-boxes" tabindex="0">{boxes}</div>
            </details>
        </fieldset>
    }
    .into_any()
}

fn text_rules(fields: &Fields) -> AnyView {
    let options = vec![Pick::new("skip", "skipped"), Pick::new("score", "scored like any other")];
    view! {
        <div class="sentence-line">
            "Alerts, bounces and auto-replies are "
            <Select inline=true label="Machine text" name="scope.machine_text" options value=value(fields, "scope.machine_text")/>"."
        </div>
        <Field kind="number" label="Fewest words" name="scope.min_words" value=value(fields, "scope.min_words") required=true
            hint="A ticket with fewer words, its title included, is skipped: there is nothing to read a mood from."/>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::policy::form::tests;

    #[test]
    fn only_the_chosen_boards_teams_and_open_statuses_are_offered() {
        let lists = tests::lookups();
        let policy = tests::full_policy();
        let catalogue = Catalogue { lookups: Some(&lists), saved: &policy };
        let draw = |board: &str| {
            let fields = Fields::from([("escalation.board".to_owned(), board.to_owned())]);
            Owner::new().with(|| places(&fields, &catalogue, PsaKind::ConnectWise).to_html())
        };
        let escalations = draw("11");
        assert!(escalations.contains("Tier 3") && escalations.contains("Escalated"));
        assert!(!escalations.contains("Tier 1") && !escalations.contains("Closed"));
        assert!(!draw("").contains("Tier"));
    }
}
