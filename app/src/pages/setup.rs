//! From an empty workspace to the first ticket, one step after the other. Nothing here is remembered: what is
//! configured decides which steps are done, so that set-up resumes where it was left, also after months.

mod first_ticket;
mod policy_step;
pub mod progress;

pub use first_ticket::{SetupLook, setup_look};
pub use policy_step::{SetupPolicy, setup_policy};

use crate::AppError;
use crate::pages::connections::{self, ModelCard, PsaCard, Shown};
use crate::pages::parts::ReadOnlyLine;
use crate::screen::{Asked, Nav, Screen, screen};
use crate::ui::PageHeader;
use crate::viewer::Viewer;
use domain::{ModelSettings, Permission};
use leptos::prelude::*;
use progress::{Facts, StepId, is_done, next};
use store::connections::ConnectionState;

#[component]
pub fn SetupPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let facts = facts(&viewer).await?;
        let open = asked.query("step").and_then(|slug| StepId::from_slug(&slug)).or_else(|| next(&facts));
        let may_change = viewer.can(Permission::Configure);
        let mut steps = Vec::new();
        for id in StepId::ALL {
            let content = if open == Some(id) && may_change {
                Some(content(&viewer, &asked, id, &facts).await?)
            } else {
                None
            };
            steps.push(step(id, &facts, content));
        }
        let finished = next(&facts).is_none();
        let done = StepId::ALL.into_iter().filter(|id| is_done(*id, &facts)).count();
        let about = if finished {
            "Everything is in place.".to_owned()
        } else {
            format!(
                "{done} of {} steps are done. You can stop at any point and go on later.",
                StepId::ALL.len()
            )
        };
        let body = view! {
            <PageHeader title="Set-up" about/>
            {(!may_change).then(|| view! { <ReadOnlyLine/> })}
            {finished.then(|| view! { <Finished/> })}
            <ol class="setup">{steps}</ol>
        };
        Ok(Screen::new(Nav::Setup, "Set-up", body))
    })
}

async fn facts(viewer: &Viewer) -> Result<Facts, AppError> {
    let delivered = viewer.store.pipeline_health(viewer.now).await?.last_delivery_at.is_some();
    let model = viewer.store.model_connection().await?;
    // Who let tickets come without choosing a model has chosen the built-in one, which needs no test.
    let builtin_reads = delivered
        && model.state == ConnectionState::Untested
        && matches!(model.settings, ModelSettings::Builtin {});
    Ok(Facts {
        psa: viewer.store.psa_connection().await?.map(|saved| saved.state),
        model: if builtin_reads { ConnectionState::Working { since: viewer.now } } else { model.state },
        policy_saved: viewer.store.policy().await?.version > 1,
        delivered,
    })
}

/// The forms of a step lead back to the address of that step.
fn page_of(id: StepId) -> &'static str {
    match id {
        StepId::Psa => "/setup?step=psa",
        StepId::Model => "/setup?step=model",
        StepId::Policy => "/setup?step=thresholds",
        StepId::Hook => "/setup?step=webhook",
    }
}

async fn content(viewer: &Viewer, asked: &Asked, id: StepId, facts: &Facts) -> Result<AnyView, AppError> {
    let shown = Shown {
        psa: asked.query("psa").and_then(|slug| slug.parse().ok()),
        model: asked.query("model").and_then(|slug| connections::form::ModelKind::from_slug(&slug)),
        from_sandbox: asked.query("fill").is_some(),
        ..Shown::on(page_of(id))
    };
    let body = match id {
        StepId::Psa => {
            let card = connections::psa_view(viewer, shown).await?;
            view! { <div id="psa"><PsaCard card/></div> }.into_any()
        }
        StepId::Model => {
            let card = connections::model_view(viewer, shown).await?;
            view! { <div id="model"><ModelCard card/></div> }.into_any()
        }
        StepId::Policy => policy_step::load(viewer).await?,
        StepId::Hook => first_ticket::load(viewer, page_of(id)).await?,
    };
    let following = StepId::ALL.into_iter().find(|other| *other > id);
    let onward = following.filter(|_| is_done(id, facts)).map(|following| {
        view! {
            <p class="onward"><a class="button button-primary" href=page_of(following)>"Next: "{words(following).0}</a></p>
        }
    });
    Ok(view! { {body} {onward} }.into_any())
}

/// What a step is called, and what it is for.
fn words(id: StepId) -> (&'static str, &'static str) {
    match id {
        StepId::Psa => ("Connect your PSA", "So that tickets can be read, and changed where you want it."),
        StepId::Model => ("Choose the model", "What reads each ticket. The built-in one needs no account."),
        StepId::Policy => (
            "Set the thresholds",
            "From which score on something should happen. Nothing is written until you go live.",
        ),
        StepId::Hook => (
            "Register the webhook and send a test ticket",
            "Your PSA calls this address when a ticket is created.",
        ),
    }
}

fn step(id: StepId, facts: &Facts, content: Option<AnyView>) -> impl IntoView + use<> {
    let (title, why) = words(id);
    let done = is_done(id, facts);
    let is_open = content.is_some();
    let class = match (done, is_open) {
        (true, true) => "setup-step setup-done setup-open",
        (true, false) => "setup-step setup-done",
        (false, true) => "setup-step setup-open",
        (false, false) => "setup-step",
    };
    view! {
        <li class=class aria-current=is_open.then_some("step")>
            <div class="setup-head">
                <h2><a href=page_of(id)>{title}</a></h2>
                <p class="quiet">{if done { "Done." } else { why }}</p>
            </div>
            {content.map(|content| view! { <div class="setup-body">{content}</div> })}
        </li>
    }
}

#[component]
fn Finished() -> impl IntoView {
    view! {
        <section class="card finished">
            <h2>"Undertone is listening"</h2>
            <p>"Each new ticket is read, scored and shown. In shadow mode nothing is written into your PSA; look for a few days at what would have \
                been done, then go live."</p>
            <p class="buttons"><a class="button button-primary" href="/tickets">"See the tickets"</a><a class="button" href="/policy">"Refine the policy"</a><a class="button" href="/import">"Import the past"</a></p>
        </section>
    }
}
