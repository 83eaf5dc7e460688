//! The model's card: choosing one, its form, its test.

use super::form::{ModelKind, model_fields, parse_model};
use super::{Shown, back_to, entry_of, input_fields, left_report, secret_tail, show_report, values_list};
use crate::AppError;
use crate::form::{Button, Form, Hidden, Weight, came_back, done, typed_or};
use crate::pages::fields::Fields;
use crate::pages::parts::{ReportList, StateLine};
use crate::ui::{Badge, Tone};
use crate::viewer::{Viewer, viewer};
use domain::{ModelSettings, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::connections::{ConnectionState, ModelConnection};

const KIND: &str = "kind";
const SECRETS: [&str; 1] = ["api_key"];

/// What the card shows.
pub struct ModelView {
    page: &'static str,
    saved: ModelConnection,
    kind: ModelKind,
    fields: Fields,
    secret: Option<String>,
    may_change: bool,
}

pub async fn load(viewer: &Viewer, shown: Shown) -> Result<ModelView, AppError> {
    let saved = viewer.store.model_connection().await?;
    let in_use = ModelKind::of(&saved.settings);
    let came_back_kind =
        ModelKind::from_slug(&typed_or(ModelSave::url(), KIND, "")).filter(|_| came_back(ModelSave::url()));
    let kind = came_back_kind.or(shown.model).unwrap_or(in_use);
    let (fields, secret) = if kind == in_use {
        (model_fields(&saved.settings), saved.settings.secret().and_then(secret_tail))
    } else {
        (first_values(kind), None)
    };
    Ok(ModelView {
        page: shown.page,
        saved,
        kind,
        fields,
        secret,
        may_change: viewer.can(Permission::Configure),
    })
}

/// What a form starts with: OpenAI's own address, so that most people need not think about it.
fn first_values(kind: ModelKind) -> Fields {
    match kind {
        ModelKind::OpenAi => Fields::from([("base_url".to_owned(), "https://api.openai.com/v1".to_owned())]),
        ModelKind::Builtin | ModelKind::Azure => Fields::new(),
    }
}

#[component]
pub fn ModelCard(card: ModelView) -> impl IntoView {
    let ModelView { page, saved, kind, fields, secret, may_change } = card;
    let in_use = ModelKind::of(&saved.settings);
    if !may_change {
        return view! {
            {state_line(&saved)}
            <h3>{in_use.name()}</h3>
            {values_list(in_use.inputs(), &fields, secret.as_deref())}
        }
        .into_any();
    }
    view! {
        {(kind == in_use).then(|| state_line(&saved))}
        <TestResult/>
        <KindChoice page in_use chosen=kind/>
        <ModelForm page kind fields secret is_in_use=kind == in_use/>
        {(kind == in_use).then(|| view! { <TestForm page/> })}
    }
    .into_any()
}

/// The built-in analyser works before anybody has tested it.
fn state_line(saved: &ModelConnection) -> AnyView {
    match (&saved.settings, &saved.state) {
        (ModelSettings::Builtin {}, ConnectionState::Untested) => {
            view! { <p class="state-line"><Badge tone=Tone::Good text="ready"/>" It needs no account and no network."</p> }.into_any()
        }
        (_, state) => view! { <StateLine state=state.clone()/> }.into_any(),
    }
}

#[component]
fn KindChoice(page: &'static str, in_use: ModelKind, chosen: ModelKind) -> impl IntoView {
    let separator = if page.contains('?') { '&' } else { '?' };
    let choices = ModelKind::ALL
        .map(|kind| {
            view! {
                <a class="choice" href=format!("{page}{separator}model={}#model", kind.slug()) aria-current=(chosen == kind).then_some("true")>
                    <strong>{kind.name()}{(in_use == kind).then_some(" · in use")}</strong>
                    <span class="quiet">{kind.pitch()}</span>
                </a>
            }
        })
        .collect_view();
    view! { <nav class="choices" aria-label="Which model">{choices}</nav> }
}

#[component]
fn ModelForm(
    page: &'static str,
    kind: ModelKind,
    fields: Fields,
    secret: Option<String>,
    is_in_use: bool,
) -> impl IntoView {
    let words = match (kind, is_in_use) {
        (ModelKind::Builtin, true) => return ().into_any(),
        (ModelKind::Builtin, false) => "Use the built-in analyser",
        _ => "Save",
    };
    view! {
        <Form to=ModelSave::url() prefix="model-">
            <Hidden name="page" value=page/>
            <Hidden name=KIND value=kind.slug()/>
            {input_fields(ModelSave::url(), kind.inputs(), &fields, secret.as_deref())}
            <p class="buttons"><Button>{words}</Button></p>
        </Form>
    }
    .into_any()
}

#[component]
fn TestForm(page: &'static str) -> impl IntoView {
    view! {
        <Form to=ModelTest::url() prefix="model-test-" class="test-form">
            <Hidden name="page" value=page/>
            <Button weight=Weight::Quiet>"Test the model"</Button>
            <p class="quiet">"Scores one short made-up ticket and checks the answer."</p>
        </Form>
    }
}

#[component]
fn TestResult() -> impl IntoView {
    left_report(ModelTest::url()).map(|report| {
        let line = crate::pages::setup::progress::report_line(&report);
        view! { <div class="report" role="status"><h3>{line}</h3><ReportList report/></div> }
    })
}

/// Saves how the model is reached; an empty key keeps the one that is set.
#[server(prefix = "/do", endpoint = "model-save")]
pub async fn model_save(
    kind: String,
    #[server(default)] page: String,
    #[server(flatten)] fields: Fields,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let kind = ModelKind::from_slug(&kind)
        .ok_or_else(|| AppError::invalid(KIND, "Choose one of the three kinds of model."))?;
    let page = back_to(&page).to_owned();
    let saved = viewer.store.model_connection().await?.settings;
    match parse_model(kind, &fields, &saved) {
        Ok(settings) => {
            let words = saved_words(&settings);
            viewer.store.model_connection_put(settings, &viewer.actor, viewer.now).await?;
            done(&page, &words).await
        }
        Err(problems) => {
            let entry = entry_of(ModelSave::url(), page, &fields, &SECRETS, problems).keep(KIND, kind.slug());
            entry.send_back().await
        }
    }
}

fn saved_words(settings: &ModelSettings) -> String {
    format!("From now on tickets are scored by: {}. Test it next.", settings.shown())
}

/// Tries the saved model.
#[server(prefix = "/do", endpoint = "model-test")]
pub async fn model_test(#[server(default)] page: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let outcome = viewer.ops.model_test(&viewer.store).await;
    show_report(ModelTest::url(), back_to(&page), outcome).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::connections::form::InputKind;

    #[test]
    fn every_key_is_kept_out_of_the_session() {
        for kind in ModelKind::ALL {
            for input in kind.inputs().iter().filter(|input| input.kind == InputKind::Secret) {
                assert!(SECRETS.contains(&input.name), "{}", input.name);
            }
        }
    }
}
