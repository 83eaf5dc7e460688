//! The act stage: walks the ledger of one analysis, so that each change and each note is in the PSA once.
//!
//! INVARIANT: a row is committed as in flight before its request leaves (all rows of a walk together), and as final after
//! the PSA's answers (again together: a crash in between only means looking at the PSA once more). A row that is found in
//! flight may have reached the PSA, so the PSA is looked at before anything is repeated: fields are compared with what was
//! asked, notes are found by their reference. What remains is a request that the PSA carries out only
//! after we looked; no PSA takes an idempotency key, so nothing can close that window.
//!
//! PSAs take or refuse a request as a whole. A refused one is split, so that an escalation is not lost because one
//! value in it is gone; what is still refused is told in the note.

use super::note::{Told, word};
use crate::connections::Opened;
use crate::outside::CallError;
use crate::psa::Psa;
use crate::queue::{Onward, Setback, Tools, Work};
use domain::{
    ActionId, ActionKind, ActionState, Change, Effect, Lever, LeverKey, Mode, Precondition, Snapshot,
    TicketId,
};
use std::time::{Duration, Instant};
use store::analyses::Analysis;
use store::jobs::Job;
use store::ledger::{LedgerRow, Outcome, Rest};
use store::tickets::ReadTicket;

/// Carries out what is planned for the job's ticket and was not carried out before.
pub async fn carry_out(tools: &Tools, work: &mut Work) -> Result<Onward, Setback> {
    let tenant = tools.store.tenant(work.job.tenant);
    let fault = || Setback::Fail { reason: "the plan is not in our database any more".into() };
    let analysis_id = work.job.analysis.ok_or_else(fault)?;
    // Asked anew: whoever switches to shadow mode means the tickets under way too.
    let standing = tools.connections.standing(&tenant).await.map_err(Setback::connect)?;
    let psa = standing.psa(&work.job).map_err(Setback::connect)?;
    let stopped = standing.policy.body.mode == Mode::Shadow;
    let ticket = work.ticket(tools).await?.0;
    let (analysis, rows) = match work.plan.take() {
        Some(plan) => plan,
        None => {
            let analysis = tenant.analysis_latest(ticket).await.map_err(Setback::store)?.ok_or_else(fault)?;
            (analysis, tenant.action_list(analysis_id).await.map_err(Setback::store)?)
        }
    };
    let read = work.read.as_ref().ok_or_else(fault)?;
    let mut walk = Walk { tools, job: &work.job, psa, read, analysis, rows, stopped, seen: None };
    walk.finish(ticket).await?;
    if walk.rows.iter().any(|row| row.state == ActionState::Done) {
        tools.used(&tenant, psa).await;
    }
    Ok(Onward::Through)
}

struct Walk<'a> {
    tools: &'a Tools,
    job: &'a Job,
    psa: &'a Opened<dyn Psa>,
    read: &'a ReadTicket,
    analysis: Analysis,
    rows: Vec<LedgerRow>,
    /// The workspace is in shadow mode: nothing more is written.
    stopped: bool,
    /// The fields as the PSA last answered, and when.
    seen: Option<(Instant, Snapshot)>,
}

impl Walk<'_> {
    async fn finish(&mut self, ticket: TicketId) -> Result<(), Setback> {
        let tenant = self.tools.store.tenant(self.job.tenant);
        let lease = self.job.lease;
        let open: Vec<ActionId> =
            self.rows.iter().filter(|row| is_open(row.state)).map(|row| row.id).collect();
        let may_have_left = tenant.actions_begin(lease, &open).await.map_err(Setback::store)?;
        self.pass("begun", "").await;
        let mut ended = Vec::with_capacity(open.len());
        for (at, id) in open.iter().enumerate() {
            let Some(index) = self.rows.iter().position(|row| row.id == *id) else { continue };
            let Some(row) = self.rows.get(index).cloned() else { continue };
            match self.act(&row, may_have_left.contains(id)).await {
                Ok(outcome) => {
                    tracing::info!(action = row.action.key.0, state = ?outcome.state, "carried out an action");
                    self.pass("called", &row.action.key.0).await;
                    // The notes that follow tell of it.
                    if let Some(row) = self.rows.get_mut(index) {
                        (row.state, row.effects) = (outcome.state, outcome.effects.clone());
                        row.detail.clone_from(&outcome.detail);
                    }
                    ended.push((*id, outcome));
                }
                Err(setback) => {
                    // The one that failed may have left; those behind it have not.
                    let unsent = open.get(at + 1..).unwrap_or_default().to_vec();
                    self.end(ticket, &ended, Rest::Unsent(unsent)).await?;
                    return Err(setback);
                }
            }
        }
        self.end(ticket, &ended, Rest::Finished).await?;
        self.pass("ended", "").await;
        Ok(())
    }

    async fn end(&self, ticket: TicketId, ended: &[(ActionId, Outcome)], rest: Rest) -> Result<(), Setback> {
        let tenant = self.tools.store.tenant(self.job.tenant);
        let now = self.tools.clock.now();
        tenant.actions_end(self.job.lease, ticket, ended, rest, now).await.map_err(Setback::store)
    }

    async fn pass(&self, point: &str, what: &str) {
        self.tools.checkpoints.pass(point, what).await;
    }

    /// `again`: an earlier attempt may have reached the PSA.
    async fn act(&mut self, row: &LedgerRow, again: bool) -> Result<Outcome, Setback> {
        if self.stopped && !again {
            return Ok(superseded(STOPPED));
        }
        match &row.action.kind {
            ActionKind::Update { changes } | ActionKind::Escalate { changes } => {
                self.change(changes, again).await
            }
            ActionKind::Note { about } => {
                let told: Vec<&LedgerRow> =
                    self.rows.iter().filter(|row| about.contains(&row.action.key)).collect();
                self.note(row, &told, again).await
            }
        }
    }

    async fn change(&mut self, changes: &[Change], again: bool) -> Result<Outcome, Setback> {
        let Some(levers) = self.levers().await? else {
            return Ok(superseded("the ticket is not there any more"));
        };
        let (mut send, mut effects) = judge(changes, &levers, again);
        if self.stopped {
            effects.extend(send.drain(..).map(|change| {
                let now = value(&levers, &change.lever);
                untouched(&change, now, STOPPED.into())
            }));
        }
        let mut refusals = Vec::new();
        self.apply(send, &levers, &mut effects, &mut refusals).await?;
        effects.sort_by_key(|effect| changes.iter().position(|change| change.lever == effect.lever));
        Ok(Outcome { state: state_of(&effects, &refusals), effects, detail: joined(refusals), receipt: None })
    }

    /// The fields as they are now; `None`: the ticket is gone. What the PSA answered a moment ago to a change of ours is
    /// believed: asking again would cost a request, and shows nothing that could not change right after it too.
    async fn levers(&mut self) -> Result<Option<Snapshot>, Setback> {
        match self.seen.take() {
            Some((at, levers)) if at.elapsed() < BELIEVED => Ok(Some(levers)),
            _ => {
                let asked = self.psa.levers(&self.job.external_ticket).await;
                asked.map_err(|error| Setback::call(self.psa.save, error))
            }
        }
    }

    /// Sends `changes` as one request; when the PSA refuses it, sends its parts.
    async fn apply(
        &mut self,
        changes: Vec<Change>,
        levers: &Snapshot,
        effects: &mut Vec<Effect>,
        refusals: &mut Vec<String>,
    ) -> Result<(), Setback> {
        let mut waiting = vec![changes];
        while let Some(group) = waiting.pop() {
            if group.is_empty() {
                continue;
            }
            match self.psa.apply(&self.job.external_ticket, &group).await {
                Ok(after) => {
                    effects.extend(group.into_iter().map(|change| sent(change, levers, &after)));
                    self.seen = Some((Instant::now(), after));
                }
                Err(CallError::Rejected { message, .. }) => match split(group) {
                    // The last one is taken first.
                    Split::Parts(parts) => waiting.extend(parts.into_iter().rev()),
                    Split::Whole(group) => {
                        let words = clipped(&message);
                        refusals.push(words.clone());
                        effects.extend(group.into_iter().map(|change| refused(change, levers, &words)));
                    }
                },
                Err(error) => return Err(Setback::call(self.psa.save, error)),
            }
        }
        Ok(())
    }

    async fn note(&self, row: &LedgerRow, told: &[&LedgerRow], again: bool) -> Result<Outcome, Setback> {
        let note = word(&Told {
            psa: self.read.ticket.psa,
            actions: told,
            analysis: &self.analysis,
            reference: &row.reference,
        });
        let ticket = &self.job.external_ticket;
        let failed = |error| Setback::call(self.psa.save, error);
        let written =
            if again { self.psa.find_note(ticket, &row.reference).await.map_err(failed)? } else { None };
        let receipt = match written {
            Some(receipt) => receipt,
            None if self.stopped => return Ok(superseded(STOPPED)),
            None => match self.psa.write_note(ticket, &note).await {
                Ok(receipt) => receipt,
                Err(CallError::Rejected { message, .. }) => return Ok(note_refused(&message)),
                Err(error) => return Err(failed(error)),
            },
        };
        Ok(Outcome {
            state: ActionState::Done,
            effects: Vec::new(),
            detail: Some(note.text),
            receipt: Some(receipt),
        })
    }
}

/// How long the PSA's answer to a change stands for the ticket as it is.
const BELIEVED: Duration = Duration::from_secs(2);
const STOPPED: &str = "the workspace was switched to shadow mode before its turn";

fn is_open(state: ActionState) -> bool {
    matches!(state, ActionState::Planned | ActionState::InFlight)
}

fn superseded(why: &str) -> Outcome {
    Outcome {
        state: ActionState::Superseded,
        effects: Vec::new(),
        detail: Some(why.to_owned()),
        receipt: None,
    }
}

fn note_refused(message: &str) -> Outcome {
    Outcome {
        state: ActionState::Refused,
        effects: Vec::new(),
        detail: Some(clipped(message)),
        receipt: None,
    }
}

/// Sorts changes into those to send and the effects of those that are not sent. `again`: a lever that is as asked was
/// set by our own earlier attempt.
fn judge(changes: &[Change], levers: &Snapshot, again: bool) -> (Vec<Change>, Vec<Effect>) {
    let (mut send, mut effects) = (Vec::new(), Vec::new());
    for change in changes {
        let now = value(levers, &change.lever);
        match change.precondition(now.as_ref()) {
            Precondition::Send => send.push(change.clone()),
            Precondition::AlreadySo if again => effects.push(Effect {
                lever: change.lever.clone(),
                before: change.from.clone(),
                asked: change.to.clone(),
                after: now,
                left_alone: None,
            }),
            Precondition::AlreadySo => effects.push(untouched(change, now, "it was so already".into())),
            Precondition::ChangedMeanwhile { now } => {
                let shown = now.as_ref().map_or("empty", |now| now.shown()).to_owned();
                let why = format!("somebody or a rule changed it to “{shown}” after we had read the ticket");
                effects.push(untouched(change, now, why));
            }
        }
    }
    (send, effects)
}

fn untouched(change: &Change, now: Option<domain::Choice>, why: String) -> Effect {
    Effect {
        lever: change.lever.clone(),
        before: now.clone(),
        asked: change.to.clone(),
        after: now,
        left_alone: Some(why),
    }
}

fn sent(change: Change, before: &Snapshot, after: &Snapshot) -> Effect {
    Effect {
        before: value(before, &change.lever),
        after: value(after, &change.lever),
        lever: change.lever,
        asked: change.to,
        left_alone: None,
    }
}

fn refused(change: Change, levers: &Snapshot, words: &str) -> Effect {
    let now = value(levers, &change.lever);
    Effect {
        lever: change.lever,
        before: now.clone(),
        asked: change.to,
        after: now,
        left_alone: Some(format!("the PSA refused it: {words}")),
    }
}

fn value(levers: &Snapshot, lever: &Lever) -> Option<domain::Choice> {
    levers.get(&LeverKey(lever.clone())).cloned()
}

enum Split {
    /// In the order in which to try them.
    Parts(Vec<Vec<Change>>),
    /// Nothing left to split.
    Whole(Vec<Change>),
}

/// Where a ticket sits (board, and the status and team that belong to it) goes together; anything else can stand alone.
/// What sits together gives up its team first: a board without the right team is better than no escalation.
fn split(changes: Vec<Change>) -> Split {
    if changes.len() < 2 {
        return Split::Whole(changes);
    }
    let moves = changes.iter().any(|change| change.lever == Lever::Board);
    let placed =
        |change: &Change| moves && matches!(change.lever, Lever::Board | Lever::Status | Lever::Team);
    let (together, alone): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(placed);
    let mut parts: Vec<Vec<Change>> = Vec::new();
    if alone.is_empty() {
        let (team, place): (Vec<Change>, Vec<Change>) =
            together.into_iter().partition(|change| change.lever == Lever::Team);
        if team.is_empty() {
            return Split::Whole(place);
        }
        parts.push(place);
        parts.push(team);
    } else {
        parts.push(together);
        parts.extend(alone.into_iter().map(|change| vec![change]));
    }
    parts.retain(|part| !part.is_empty());
    Split::Parts(parts)
}

/// Refused when nothing was taken and something was refused; superseded when nothing was sent at all.
fn state_of(effects: &[Effect], refusals: &[String]) -> ActionState {
    if effects.iter().any(|effect| effect.left_alone.is_none()) {
        ActionState::Done
    } else if refusals.is_empty() {
        ActionState::Superseded
    } else {
        ActionState::Refused
    }
}

fn joined(refusals: Vec<String>) -> Option<String> {
    (!refusals.is_empty()).then(|| refusals.join(" · "))
}

/// The PSA's words, short enough to be quoted.
fn clipped(message: &str) -> String {
    const LONGEST: usize = 300;
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
