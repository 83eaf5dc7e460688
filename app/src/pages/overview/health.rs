//! Whether tickets reach us and we reach the PSA and the model, in words.

use crate::AppError;
use crate::pages::arrivals::{self, Coming};
use crate::pages::parts::NextTry;
use crate::ui::words::count;
use crate::ui::{Badge, Card, Tone, When};
use crate::viewer::Viewer;
use domain::{Mode, ModelSettings};
use leptos::prelude::*;
use store::connections::ConnectionState;
use store::door::PipelineHealth;

pub(super) struct Health {
    pipeline: PipelineHealth,
    coming: Coming,
    psa: Option<(&'static str, ConnectionState)>,
    model: (String, ConnectionState),
    is_builtin: bool,
    mode: Mode,
}

impl Health {
    pub(super) async fn load(viewer: &Viewer) -> Result<Self, AppError> {
        let store = &viewer.store;
        let model = store.model_connection().await?;
        Ok(Self {
            pipeline: store.pipeline_health(viewer.now).await?,
            coming: arrivals::load(viewer).await?,
            psa: store.psa_connection().await?.map(|psa| (psa.settings.kind().name(), psa.state)),
            is_builtin: matches!(model.settings, ModelSettings::Builtin {}),
            model: (model.settings.shown(), model.state),
            mode: store.policy().await?.body.mode,
        })
    }
    pub(super) fn is_connected(&self) -> bool {
        self.psa.is_some()
    }
    /// A webhook has arrived at least once.
    pub(super) fn is_heard(&self) -> bool {
        self.pipeline.last_delivery_at.is_some()
    }
}

#[component]
pub(super) fn HealthCard(health: Health) -> impl IntoView {
    let Health { pipeline, coming, psa, model, is_builtin, mode } = health;
    let psa = match psa {
        Some((name, state)) => connection_line(name.to_owned(), state),
        None => view! { <li><Badge tone=Tone::Failed text="not connected"/><span>"No PSA is connected. "<a href="/setup">"Start set-up"</a></span></li> }.into_any(),
    };
    let model = match (is_builtin, model.1) {
        // It needs nobody's leave and no network: there is nothing to test.
        (true, ConnectionState::Untested) => view! {
            <li><Badge tone=Tone::Good text="working"/><span>"The built-in analyser reads the tickets, in this program."</span></li>
        }
        .into_any(),
        (_, state) => connection_line(model.0, state),
    };
    let mode = match mode {
        Mode::Shadow => "Shadow mode: nothing is written into the PSA.",
        Mode::Live => "Live: where a threshold is reached, the ticket is changed.",
    };
    view! {
        <Card title="Is everything running?">
            <ul class="health">
                {delivery_line(&pipeline)}
                {arrivals::health_line(&coming)}
                {queue_line(&pipeline)}
                {psa}
                {model}
                <li><Badge text="mode"/><span>{mode}</span></li>
            </ul>
        </Card>
    }
}

fn delivery_line(pipeline: &PipelineHealth) -> AnyView {
    match pipeline.last_delivery_at {
        Some(at) => view! { <li><Badge tone=Tone::Good text="heard"/><span>"The last webhook arrived "<When at/>"."</span></li> }.into_any(),
        None => view! { <li><Badge tone=Tone::Waiting text="silent"/><span>"No webhook has arrived yet."</span></li> }.into_any(),
    }
}

fn queue_line(pipeline: &PipelineHealth) -> AnyView {
    let waiting = match (pipeline.waiting, pipeline.oldest_waiting_at) {
        (0, _) | (_, None) => view! { <li><Badge tone=Tone::Good text="clear"/><span>"Nothing waits."</span></li> }.into_any(),
        (waiting, Some(at)) => view! {
            <li><Badge tone=Tone::Waiting text="working"/><span>{count(waiting, "ticket waits", "tickets wait")}", the oldest since "<When at/>"."</span></li>
        }
        .into_any(),
    };
    let dead = (pipeline.dead > 0).then(|| {
        view! {
            <li>
                <Badge tone=Tone::Failed text="failed"/>
                <span>{count(pipeline.dead, "webhook was", "webhooks were")}" given up. "<a href="/activity?state=failed">"See why, and replay"</a></span>
            </li>
        }
    });
    view! { {waiting}{dead} }.into_any()
}

fn connection_line(name: String, state: ConnectionState) -> AnyView {
    match state {
        ConnectionState::Untested => view! {
            <li><Badge tone=Tone::Waiting text="not tested"/><span>{name}" is saved and was not tested. "<a href="/connections">"Test it"</a></span></li>
        }
        .into_any(),
        ConnectionState::Working { since } => view! { <li><Badge tone=Tone::Good text="working"/><span>{name}" works, since "<When at=since/>"."</span></li> }.into_any(),
        ConnectionState::Paused { since, reason, next_try } => view! {
            <li>
                <Badge tone=Tone::Failed text="paused"/>
                <span>{name}" was paused "<When at=since/>": "{reason}" It is tried again by itself "<NextTry at=next_try/>". "<a href="/connections">"To connections"</a></span>
            </li>
        }
        .into_any(),
    }
}
