//! "Right", "too high" or "too low", said of a score.

use crate::AppError;
use crate::form::done;
use crate::ui::When;
use crate::viewer::viewer;
use domain::{AnalysisId, Dimension, Permission, TicketId, Verdict};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::feedback::Feedback;

/// What was said, and three buttons to say it. Pressing the one that holds takes it back.
#[component]
pub(super) fn Saying(
    dimension: Dimension,
    own: Option<Feedback>,
    /// The ticket and its analysis, for those who may say something.
    ask: Option<(TicketId, AnalysisId)>,
) -> impl IntoView {
    let chosen = own.as_ref().map(|own| own.verdict);
    let told = own.map(|own| {
        view! { <p class="quiet said-by">"Said to be "{own.verdict.words()}" by "{own.said_by}", "<When at=own.said_at/>"."</p> }
    });
    let buttons = ask.map(|(ticket, analysis)| {
        let label = format!("Is this {} score right?", dimension.word());
        let buttons = Verdict::ALL
            .map(|verdict| {
                let is_chosen = chosen == Some(verdict);
                let value = if is_chosen { "" } else { verdict.slug() };
                view! {
                    <button name="verdict" value=value aria-pressed=if is_chosen { "true" } else { "false" }>{verdict.words()}</button>
                }
            })
            .collect_view();
        view! {
            <form method="post" action=ScoreFeedback::url() class="saying" aria-label=label>
                <input type="hidden" name="ticket" value=ticket.to_string()/>
                <input type="hidden" name="analysis" value=analysis.to_string()/>
                <input type="hidden" name="dimension" value=dimension.word()/>
                {buttons}
            </form>
        }
    });
    view! { {buttons}{told} }
}

/// Keeps what somebody says of a score; an empty verdict takes it back.
#[server(prefix = "/do", endpoint = "score-feedback")]
pub async fn score_feedback(
    ticket: String,
    analysis: String,
    dimension: String,
    #[server(default)] verdict: String,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Operate).await?;
    let ticket: TicketId = ticket.parse().map_err(|_| AppError::NotFound)?;
    let analysis: AnalysisId = analysis.parse().map_err(|_| AppError::NotFound)?;
    let dimension = Dimension::ALL.into_iter().find(|known| known.word() == dimension);
    let dimension = dimension.ok_or(AppError::NotFound)?;
    let verdict = match verdict.as_str() {
        "" => None,
        word => Some(Verdict::ALL.into_iter().find(|known| known.slug() == word).ok_or(AppError::NotFound)?),
    };
    let kept = viewer.store.feedback_put(analysis, dimension, verdict, &viewer.actor, viewer.now).await?;
    let told = match (kept, verdict) {
        (false, Some(_)) => return Err(AppError::NotFound),
        (_, Some(verdict)) => format!("Noted: the {} score is {}.", dimension.word(), verdict.words()),
        (_, None) => format!("What was said of the {} score is taken back.", dimension.word()),
    };
    done(&format!("/tickets/{ticket}"), &told).await
}
