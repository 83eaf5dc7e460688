use domain::Label;
use leptos::prelude::*;
use store::tickets::TicketState;

/// How a badge feels; words carry the meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Waiting,
    Failed,
    /// Something was escalated, or asks for attention.
    Strong,
    /// Words only: the usual case, which should not be looked at.
    Quiet,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Plain => "badge",
            Self::Good => "badge badge-good",
            Self::Waiting => "badge badge-waiting",
            Self::Failed => "badge badge-failed",
            Self::Strong => "badge badge-strong",
            Self::Quiet => "badge badge-quiet",
        }
    }
}

/// One or two words about a thing.
#[component]
pub fn Badge(#[prop(default = Tone::Plain)] tone: Tone, #[prop(into)] text: String) -> impl IntoView {
    view! { <span class=tone.class()>{text}</span> }
}

#[component]
pub fn LabelBadge(label: Label) -> impl IntoView {
    view! { <span class=format!("badge label-{}", label.word())>{label.word()}</span> }
}

/// Where a ticket stands with us.
#[component]
pub fn StateBadge(state: TicketState) -> impl IntoView {
    let tone = match state {
        TicketState::Reading | TicketState::Acting => Tone::Waiting,
        TicketState::Acted => Tone::Good,
        TicketState::Failed => Tone::Failed,
        TicketState::Shadowed => Tone::Plain,
        TicketState::Analysed | TicketState::Skipped => Tone::Quiet,
    };
    view! { <Badge tone text=super::words::ticket_state(state)/> }
}
