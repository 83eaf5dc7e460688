//! The PSA's card: choosing one, its form, its test.

use super::form::{parse_psa, psa_fields, psa_inputs};
use super::{
    Shown, back_to, entry_of, guide, input_fields, left_report, secret_tail, show_report, values_list,
};
use crate::AppError;
use crate::error::another_system;
use crate::form::{Button, Form, Hidden, Pick, Select, Weight, came_back, done, typed_or};
use crate::ops::{Leading, OpsError, StandIn};
use crate::pages::fields::{Fields, Problem};
use crate::pages::parts::{Guide, ReportList, StateLine};
use crate::viewer::{Viewer, viewer};
use domain::{Permission, PsaKind, PsaSettings};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::StoreError;
use store::connections::{HookChange, KnownInstance, PsaConnection, PsaSaved};

/// The form's input that names the PSA.
const KIND: &str = "kind";
/// The form's input that names the system it is, where that moved.
const SAME_AS: &str = "same_as";

/// What the card shows.
pub struct PsaView {
    page: &'static str,
    saved: Option<PsaConnection>,
    /// Whose form is open.
    kind: Option<PsaKind>,
    fields: Fields,
    secret: Option<String>,
    sandbox: Option<StandIn>,
    /// The systems of this product that the workspace is or was connected to.
    known: Vec<KnownInstance>,
    may_change: bool,
}

pub async fn load(viewer: &Viewer, shown: Shown) -> Result<PsaView, AppError> {
    let saved = viewer.store.psa_connection().await?;
    let came_back_kind =
        typed_or(PsaSave::url(), KIND, "").parse().ok().filter(|_| came_back(PsaSave::url()));
    let kind = came_back_kind.or(shown.psa).or(saved.as_ref().map(|saved| saved.settings.kind()));
    let same = saved.as_ref().filter(|saved| Some(saved.settings.kind()) == kind);
    let mut fields = same.map(|saved| psa_fields(&saved.settings)).unwrap_or_default();
    let secret = same.and_then(|saved| secret_tail(saved.settings.secret()));
    let sandbox = kind.and_then(|kind| viewer.ops.sandbox(kind));
    if let (true, Some(sandbox)) = (shown.from_sandbox, &sandbox) {
        fields = psa_fields(&sandbox.settings);
    }
    let may_change = viewer.can(Permission::Configure);
    let mut known = viewer.store.psa_instances().await?;
    known.retain(|known| Some(known.instance.kind) == kind);
    Ok(PsaView { page: shown.page, saved, kind, fields, secret, sandbox, known, may_change })
}

#[component]
pub fn PsaCard(card: PsaView) -> impl IntoView {
    let PsaView { page, saved, kind, fields, secret, sandbox, known, may_change } = card;
    let in_use = saved.as_ref().map(|saved| saved.settings.kind());
    let state = saved.as_ref().map(|saved| saved.state.clone());
    if !may_change {
        return match &saved {
            Some(saved) => reading(saved).into_any(),
            None => view! { <p>"No PSA is connected yet."</p> }.into_any(),
        };
    }
    let is_switch = in_use.is_some() && in_use != kind;
    view! {
        {state.filter(|_| !is_switch).map(|state| view! { <StateLine state/> })}
        <TestResult/>
        <KindChoice page in_use chosen=kind/>
        {kind.map(|kind| view! { <PsaForm page kind fields secret sandbox known switching_from=in_use.filter(|_| is_switch)/> })}
        {(in_use.is_some() && !is_switch).then(|| view! { <TestForm page/> })}
    }
    .into_any()
}

fn reading(saved: &PsaConnection) -> impl IntoView + use<> {
    let kind = saved.settings.kind();
    let secret = secret_tail(saved.settings.secret());
    view! {
        <StateLine state=saved.state.clone()/>
        <h3>{kind.name()}</h3>
        {values_list(psa_inputs(kind), &psa_fields(&saved.settings), secret.as_deref())}
    }
}

/// One link per PSA: choosing needs no scripts.
#[component]
fn KindChoice(page: &'static str, in_use: Option<PsaKind>, chosen: Option<PsaKind>) -> impl IntoView {
    let separator = if page.contains('?') { '&' } else { '?' };
    let choices = PsaKind::ALL
        .map(|kind| {
            let note = if in_use == Some(kind) { "in use" } else { "" };
            view! {
                <a class="choice" href=format!("{page}{separator}psa={kind}#psa") aria-current=(chosen == Some(kind)).then_some("true")>
                    <strong>{kind.name()}</strong>
                    <span class="quiet">{note}</span>
                </a>
            }
        })
        .collect_view();
    view! { <nav class="choices" aria-label="Which PSA">{choices}</nav> }
}

#[component]
fn PsaForm(
    page: &'static str,
    kind: PsaKind,
    fields: Fields,
    secret: Option<String>,
    sandbox: Option<StandIn>,
    known: Vec<KnownInstance>,
    switching_from: Option<PsaKind>,
) -> impl IntoView {
    let separator = if page.contains('?') { '&' } else { '?' };
    let fill = sandbox.map(|sandbox| {
        view! {
            <p class="offer">
                "This instance runs with a sandbox that behaves like "{kind.name()}". "
                <a class="button" href=format!("{page}{separator}psa={kind}&fill=sandbox#psa")>"Fill with the sandbox"</a>
                " Its secret is "<code>{sandbox.settings.secret().expose().to_owned()}</code>"."
            </p>
        }
    });
    let warning = switching_from.map(|old| {
        view! {
            <p class="notice notice-warning">
                "Saving this replaces the connection to "{old.name()}". Tickets from there are no longer read, and the mapping under Policy must be \
                 chosen again from the new lists."
            </p>
        }
    });
    view! {
        <details class="guide-box" open=secret.is_none()>
            <summary>"Where to make this access in "{kind.name()}</summary>
            <Guide steps=guide::access(kind).to_vec()/>
        </details>
        {fill}
        <Form to=PsaSave::url() prefix="psa-">
            {warning}
            <Hidden name="page" value=page/>
            <Hidden name=KIND value=kind.slug()/>
            {input_fields(PsaSave::url(), psa_inputs(kind), &fields, secret.as_deref())}
            {(!known.is_empty()).then(|| view! { <WhichSystem kind known/> })}
            <p class="buttons"><Button>"Save"</Button></p>
        </Form>
    }
}

/// Asked where a system of this product is known: whether another address is another system, nobody but people can tell.
#[component]
fn WhichSystem(kind: PsaKind, known: Vec<KnownInstance>) -> impl IntoView {
    let moved = known.iter().map(|known| {
        let now = if known.is_connected { ", connected now" } else { "" };
        let place = known.settings.place();
        let text = match known.has_worked {
            true => format!("It has moved: the one at {place}{now}"),
            false => format!("This corrects the address of the one at {place}, which never let us in"),
        };
        Pick::new(known.instance.to_string(), text)
    });
    let by_address = Pick::new("", "As the address says");
    view! {
        <Select
            label="Which system is this?"
            name=SAME_AS
            options=std::iter::once(by_address).chain(moved).collect()
            hint=format!(
                "Matters only when the address changes. Another address is another {}, with tickets and a webhook address of its own, unless you say that it is one of these. We look whether the newest tickets that we know are there. Say it when you save the new address: once tickets have been read there, the two stay apart.",
                kind.name()
            )
        />
    }
}

#[component]
fn TestForm(page: &'static str) -> impl IntoView {
    view! {
        <Form to=PsaTest::url() prefix="psa-test-" class="test-form">
            <Hidden name="page" value=page/>
            <Button weight=Weight::Quiet>"Test the connection"</Button>
            <p class="quiet">"Reads a little of everything that is needed. Changes nothing."</p>
        </Form>
    }
}

#[component]
fn TestResult() -> impl IntoView {
    left_report(PsaTest::url()).map(|report| {
        let line = crate::pages::setup::progress::report_line(&report);
        view! { <div class="report" role="status"><h3>{line}</h3><ReportList report/></div> }
    })
}

/// Saves how the PSA is reached; an empty secret keeps the one that is set, as long as it goes to the same address.
#[server(prefix = "/do", endpoint = "psa-save")]
pub async fn psa_save(
    kind: String,
    #[server(default)] page: String,
    #[server(default)] same_as: String,
    #[server(flatten)] fields: Fields,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let kind: PsaKind = kind.parse().map_err(|_| AppError::invalid(KIND, "Choose one of the three PSAs."))?;
    let page = back_to(&page).to_owned();
    let saved = viewer.store.psa_connection().await?.map(|saved| saved.settings);
    let outcome = match parse_psa(kind, &fields, saved.as_ref()) {
        Ok(settings) => keep(&viewer, settings, &same_as).await?,
        Err(problems) => Err(problems),
    };
    match outcome {
        Ok(saved) => done(&page, told(saved.hook)).await,
        Err(problems) => {
            let entry = entry_of(PsaSave::url(), page, &fields, &SECRETS, problems).keep(KIND, kind.slug());
            entry.keep(SAME_AS, &same_as).send_back().await
        }
    }
}

fn told(hook: HookChange) -> &'static str {
    match hook {
        HookChange::Same => "The connection is saved. Test it next.",
        HookChange::New => {
            "The connection is saved. It is another system than before and has a webhook address of its own: test the \
             connection, then paste that address there."
        }
        HookChange::Again => {
            "The connection is saved. It has the webhook address again that it had before. Test the connection next."
        }
    }
}

/// Saves as the system that `same_as` names, or as the one that the address tells.
async fn keep(
    viewer: &Viewer,
    settings: PsaSettings,
    same_as: &str,
) -> Result<Result<PsaSaved, Vec<Problem>>, AppError> {
    let (store, actor) = (&viewer.store, &viewer.actor);
    if same_as.is_empty() {
        return match viewer.ops.psa_leads(store, &settings).await {
            Ok(Leading::AsAddressed) => {
                Ok(Ok(store.psa_connection_put(settings, actor, viewer.ops.now()).await?))
            }
            Ok(Leading::At(instance)) => {
                Ok(Ok(store.psa_connection_move(settings, instance, actor, viewer.ops.now()).await?))
            }
            Ok(Leading::Another) => {
                Ok(Ok(store.psa_connection_begin(settings, actor, viewer.ops.now()).await?))
            }
            Err(OpsError::Outside(message)) => Ok(Err(vec![Problem { field: String::new(), message }])),
            Err(other) => Err(other.into()),
        };
    }
    let unknown =
        || vec![Problem { field: SAME_AS.into(), message: "Choose one of the systems in the list.".into() }];
    let Ok(instance) = same_as.parse() else { return Ok(Err(unknown())) };
    match viewer.ops.psa_is(store, &settings, instance).await {
        Ok(()) => {}
        Err(broken @ OpsError::Broken(_)) => return Err(broken.into()),
        Err(OpsError::Invalid { message, .. } | OpsError::NotSetUp(message) | OpsError::Outside(message)) => {
            return Ok(Err(vec![Problem { field: SAME_AS.into(), message }]));
        }
    }
    // What was listed while we looked is not of this system.
    match store.psa_connection_move(settings, instance, actor, viewer.ops.now()).await {
        Ok(saved) => Ok(Ok(saved)),
        Err(StoreError::NotConnected) => Ok(Err(unknown())),
        Err(StoreError::AnotherSystem(there)) => {
            Ok(Err(vec![Problem { field: SAME_AS.into(), message: another_system(&there) }]))
        }
        Err(error) => Err(error.into()),
    }
}

/// Names of inputs that are never kept for a second try.
const SECRETS: [&str; 3] = ["private_key", "secret", "client_secret"];

/// Tries the saved connection and shows one line per check.
#[server(prefix = "/do", endpoint = "psa-test")]
pub async fn psa_test(#[server(default)] page: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let outcome = viewer.ops.psa_test(&viewer.store).await;
    show_report(PsaTest::url(), back_to(&page), outcome).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::connections::form::InputKind;

    #[test]
    fn every_secret_input_is_kept_out_of_the_session() {
        for kind in PsaKind::ALL {
            for input in psa_inputs(kind).iter().filter(|input| input.kind == InputKind::Secret) {
                assert!(SECRETS.contains(&input.name), "{}", input.name);
            }
        }
    }
}
