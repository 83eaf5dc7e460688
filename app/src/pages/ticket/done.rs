//! What was done in the PSA, or would have been: each action with before and after.

use crate::ui::words::action_state;
use crate::ui::{Badge, Moment, Section, Tone};
use domain::{ActionKind, ActionState, Change, Effect, PsaKind};
use leptos::prelude::*;
use store::ledger::LedgerRow;

/// Nothing when there was nothing to do: the decision has said so.
pub(super) fn done(rows: Vec<LedgerRow>, psa: PsaKind) -> Option<AnyView> {
    if rows.is_empty() {
        return None;
    }
    let shadow = rows.iter().all(|row| row.state == ActionState::Shadow);
    let (title, about) = if shadow {
        ("What would have been done", format!("Nothing was written into {}.", psa.name()))
    } else {
        ("What was done", format!("In {}, each exactly once.", psa.name()))
    };
    let rows = rows.into_iter().map(|row| action(row, psa)).collect_view();
    Some(view! { <Section title about><ol class="actions">{rows}</ol></Section> }.into_any())
}

fn action(row: LedgerRow, psa: PsaKind) -> impl IntoView {
    let tone = match row.state {
        ActionState::Done => Tone::Good,
        ActionState::Refused => Tone::Failed,
        ActionState::Planned | ActionState::InFlight => Tone::Waiting,
        ActionState::Shadow | ActionState::Superseded => Tone::Plain,
    };
    let name = match &row.action.kind {
        ActionKind::Update { .. } => "Update the ticket",
        ActionKind::Escalate { .. } => "Escalate",
        ActionKind::Note { .. } => "Internal note",
    };
    let is_note = matches!(row.action.kind, ActionKind::Note { .. });
    let changes = match row.action.kind {
        // They went with the text.
        ActionKind::Update { changes } | ActionKind::Escalate { changes } if changes.is_empty() => {
            ().into_any()
        }
        ActionKind::Update { changes } | ActionKind::Escalate { changes } => {
            changed(changes, &row.effects, psa)
        }
        ActionKind::Note { .. } => ().into_any(),
    };
    let detail = row.detail.map(|text| {
        if is_note {
            view! { <p class="action-note">{text}</p> }.into_any()
        } else {
            view! { <p class="action-words">{format!("{} says: ", psa.name())}<q>{text}</q></p> }.into_any()
        }
    });
    let tries = (row.attempts > 1).then(|| format!("{} attempts", row.attempts));
    view! {
        <li class="action">
            <p class="action-head">
                <b>{name}</b>
                <Badge tone text=action_state(row.state)/>
                <span class="quiet">
                    {row.finished_at.map(|at| view! { <Moment at/> })}
                    {tries.map(|tries| format!(" · {tries}"))}
                    {is_note.then(|| format!(" · reference {}", row.reference))}
                </span>
            </p>
            {changes}
            {detail}
        </li>
    }
}

fn changed(changes: Vec<Change>, effects: &[Effect], psa: PsaKind) -> AnyView {
    let rows = changes
        .into_iter()
        .map(|change| {
            let effect = effects.iter().find(|effect| effect.lever == change.lever);
            let from = effect.and_then(|effect| effect.before.clone()).or(change.from);
            let from = from.map_or_else(|| "empty".to_owned(), |choice| choice.shown().to_owned());
            let differs = effect.and_then(|effect| difference(effect, psa));
            view! {
                <tr>
                    <th scope="row">{change.lever.word(psa).to_owned()}</th>
                    <td class="before">{from}</td>
                    <td class="arrow" aria-label="to">"→"</td>
                    <td class="after">{change.to.shown().to_owned()}</td>
                    <td class="cell-sub">{change.because}{differs.map(|text| view! { <span class="differs">{text}</span> })}</td>
                </tr>
            }
        })
        .collect_view();
    view! { <table class="changes"><caption class="hidden">"Changes"</caption><tbody>{rows}</tbody></table> }
        .into_any()
}

/// Where the PSA shows something else than was asked for.
fn difference(effect: &Effect, psa: PsaKind) -> Option<String> {
    if let Some(why) = &effect.left_alone {
        return Some(format!("Left alone: {why}"));
    }
    if effect.applied() {
        return None;
    }
    let shown = effect.after.as_ref().map_or("nothing", |after| after.shown());
    Some(format!("{} shows “{shown}” after the change.", psa.name()))
}
