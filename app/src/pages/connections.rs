//! How the PSA and the model are reached, and the address the PSA calls.

pub mod form;
pub mod guide;
mod hook;
mod model;
mod psa;
mod register;

pub use hook::{HookCard, HookGuide, HookRotate, hook_rotate};
pub use model::{ModelCard, ModelSave, ModelTest, load as model_view, model_save, model_test};
pub use psa::{PsaCard, PsaSave, PsaTest, load as psa_view, psa_save, psa_test};
pub use register::{HookRegister, Register, hook_register};

use crate::AppError;
use crate::form::Entry;
use crate::ops::OpsError;
use crate::pages::arrivals::{self, ArrivalsCard};
use crate::pages::fields::{Fields, Problem};
use crate::pages::parts::ReadOnlyLine;
use crate::screen::{Nav, Screen, screen};
use crate::ui::{PageHeader, Section};
use crate::viewer::safe_next;
use domain::{Permission, PsaKind, Report};
use form::ModelKind;
use leptos::prelude::*;

#[component]
pub fn ConnectionsPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let shown = Shown {
            page: "/connections",
            psa: asked.query("psa").and_then(|slug| slug.parse().ok()),
            model: asked.query("model").and_then(|slug| ModelKind::from_slug(&slug)),
            from_sandbox: asked.query("fill").is_some(),
        };
        let psa = psa::load(&viewer, shown).await?;
        let model = model::load(&viewer, shown).await?;
        let hook = hook::load(&viewer, "/connections").await?;
        let coming = arrivals::load(&viewer).await?;
        let may_change = viewer.can(Permission::Configure);
        let body = view! {
            <PageHeader title="Connections" about="Your PSA, the model that reads the tickets, and the address your PSA calls."/>
            {(!may_change).then(|| view! { <ReadOnlyLine/> })}
            <Section title="PSA" about="Where tickets are read and changed.">
                <div id="psa"><PsaCard card=psa/></div>
            </Section>
            <Section title="Model" about="What reads a ticket and gives the three scores.">
                <div id="model"><ModelCard card=model/></div>
            </Section>
            <Section title="Webhook" about="Your PSA calls this address when a ticket is created.">
                <div id="webhook"><HookCard card=hook/></div>
            </Section>
            <Section title="Missed tickets" about="Webhooks get lost. Every few minutes we ask your PSA which tickets were created, and take in those that no webhook told us of.">
                <div id="arrivals"><ArrivalsCard coming/></div>
            </Section>
            <Section title="The past" about="Tickets from before the connection was made are left alone, unless you import them: read and scored in shadow.">
                <p><a class="button" href="/import">"Import the past"</a></p>
            </Section>
        };
        Ok(Screen::new(Nav::Connections, "Connections", body))
    })
}

/// Which forms are open, and where they stand.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The page that the forms lead back to.
    pub page: &'static str,
    /// A kind chosen in the address, before it is saved.
    pub psa: Option<PsaKind>,
    pub model: Option<ModelKind>,
    /// Fill the address of the sandbox in.
    pub from_sandbox: bool,
}

impl Shown {
    pub fn on(page: &'static str) -> Self {
        Self { page, psa: None, model: None, from_sandbox: false }
    }
}

/// The page a form came from; these forms stand on two pages.
fn back_to(page: &str) -> &str {
    match safe_next(page) {
        "/" => "/connections",
        page => page,
    }
}

/// Keeps what was typed, except in `secrets`, and notes what is wrong.
fn entry_of(form: &str, page: String, fields: &Fields, secrets: &[&str], problems: Vec<Problem>) -> Entry {
    let mut entry = Entry::new(form, page);
    for (name, value) in fields.iter().filter(|(name, _)| !secrets.contains(&name.as_str())) {
        entry = entry.keep(name, value);
    }
    for Problem { field, message } in problems {
        entry.wrong(&field, message);
    }
    entry
}

/// Where the report of a test waits for the page that shows it.
const REPORT: &str = "report";

/// Leads back to the page with the report of a test, or with why there is none.
async fn show_report(form: &str, page: &str, outcome: Result<Report, OpsError>) -> Result<(), AppError> {
    let mut entry = Entry::new(form, page);
    match outcome {
        Ok(report) => {
            let json = serde_json::to_string(&report).map_err(AppError::broken)?;
            entry = entry.keep(REPORT, &json);
        }
        Err(OpsError::NotSetUp(message) | OpsError::Outside(message) | OpsError::Invalid { message, .. }) => {
            entry.wrong("", message)
        }
        Err(broken @ OpsError::Broken(_)) => return Err(broken.into()),
    }
    entry.send_back().await
}

/// The report that the last test left for this page.
fn left_report(form: &str) -> Option<Report> {
    serde_json::from_str(&crate::form::typed_or(form, REPORT, "")).ok()
}

/// The inputs of one connection.
fn input_fields(
    to: &'static str,
    inputs: &'static [form::Input],
    saved: &Fields,
    secret_hint: Option<&str>,
) -> AnyView {
    let fields: Vec<AnyView> = inputs
        .iter()
        .map(|input| one_field(to, input, saved.get(input.name).cloned().unwrap_or_default(), secret_hint))
        .collect();
    view! { <div class="input-grid">{fields}</div> }.into_any()
}

fn one_field(to: &'static str, input: &'static form::Input, value: String, kept: Option<&str>) -> AnyView {
    use crate::form::Field;
    if input.kind != form::InputKind::Secret {
        return view! {
            <Field label=input.label name=input.name value hint=input.hint placeholder=input.example required=input.required mono=true/>
        }
        .into_any();
    }
    let (hint, placeholder) = match kept {
        Some(tail) => (format!("Set, {tail}. Leave empty to keep it. {}", input.hint), "unchanged"),
        None => (input.hint.to_owned(), ""),
    };
    view! { <SecretField to input hint placeholder is_set=kept.is_some()/> }.into_any()
}

/// A secret is never put into the page, and not required by the browser where one is set: empty keeps it.
#[component]
fn SecretField(
    to: &'static str,
    input: &'static form::Input,
    hint: String,
    placeholder: &'static str,
    is_set: bool,
) -> impl IntoView {
    let id = format!("secret-{}", input.name);
    let hint_id = format!("{id}-hint");
    let error = crate::form::error_of(to, input.name);
    let is_wrong = error.is_some();
    let is_optional = !input.required && !is_set;
    view! {
        <div class="field" class:field-wrong=is_wrong>
            <label for=id.clone()>{input.label}{is_optional.then(|| view! { <span class="quiet">" (optional)"</span> })}</label>
            <p class="hint" id=hint_id.clone()>{hint}</p>
            <input id=id name=input.name type="password" class="mono" autocomplete="off" spellcheck="false" placeholder=placeholder
                required=input.required && !is_set aria-describedby=hint_id aria-invalid=is_wrong.then_some("true")/>
            {error.map(|message| view! { <p class="error">{message}</p> })}
        </div>
    }
}

/// Saved values as a person without the right to change them sees them.
fn values_list(
    inputs: &'static [form::Input],
    saved: &Fields,
    secret_hint: Option<&str>,
) -> impl IntoView + use<> {
    let rows = inputs
        .iter()
        .filter_map(|input| {
            let value = match input.kind {
                form::InputKind::Secret => secret_hint.map(|tail| format!("set, {tail}"))?,
                _ => saved.get(input.name).filter(|value| !value.is_empty())?.clone(),
            };
            Some(view! { <div><dt>{input.label}</dt><dd>{value}</dd></div> })
        })
        .collect_view();
    view! { <dl class="values">{rows}</dl> }
}

/// "ends in …wxyz", as it is said of a secret that is set.
fn secret_tail(secret: &domain::Secret) -> Option<String> {
    (!secret.is_empty()).then(|| match secret.hint().as_str() {
        "…" => "too short to show its end".to_owned(),
        hint => format!("ends in {hint}"),
    })
}
