//! What Undertone's things are and what should happen to them. Pure: no I/O, no async, no clock, no SQL.
//! Builds for wasm, so that the browser and the server apply the same rules.
//!
//! # Glossary
//! - **tenant**: one MSP, the customer who signs up. Every row belongs to one.
//! - **client**: the MSP's customer company; **contact**: a person there.
//! - **PSA**: the MSP's ticketing system ([`PsaKind`]).
//! - **ticket**, **note**: as the PSA has them, in one shape for all three ([`Ticket`], [`Note`]).
//! - **delivery**: one webhook call.
//! - **sweep**: asking the PSA which tickets were created, and taking in what no webhook told us of.
//! - **analysis**: one scoring of one ticket; **assessment**: its three scores with reasons ([`Assessment`]).
//! - **policy**: thresholds, mapping, escalation, scope ([`Policy`]).
//! - **plan**: what the policy decided ([`Plan`]); **action**: one change in the PSA ([`Action`]).
//! - **lever**: a field of a ticket that a plan may change ([`Lever`]).
//! - **escalation**: handing the ticket to an owner, team or status.
//! - **reference**: the short code at the end of our notes by which we find them again.
//! - **retention**: how long the text of a ticket is kept ([`Retention`]).

mod access;
mod assessment;
pub mod backoff;
mod connection;
mod decide;
mod id;
pub mod import;
mod label;
mod lookups;
mod password;
mod plan;
mod policy;
mod price;
mod psa;
mod registration;
mod retention;
mod scope;
mod ticket;
pub mod trend;
pub mod what_if;

pub use access::{Permission, Role};
pub use assessment::{Assessment, Dimension, InvalidScore, Reading, Score, Verdict};
pub use connection::{InvalidSettings, ModelSettings, PsaSettings, Secret};
pub use decide::{History, decide};
pub use id::*;
pub use label::Label;
pub use lookups::{Check, CustomField, Lookups, Placed, Report};
pub use password::{PASSWORD_CHARS, password_problem};
pub use plan::{
    Action, ActionKey, ActionKind, ActionState, Change, Effect, Plan, Precondition, Untouched, UntouchedWhy,
};
pub use policy::{
    Driver, Escalation, InvalidPolicy, LeverRule, Mode, NoteStyle, Outage, Policy, ScoreField, Threshold,
    Thresholds, Updates,
};
pub use price::{Dollars, InvalidDollars, Price};
pub use psa::{ClientKey, PsaInstance, PsaKind, UnknownPsa};
pub use registration::{HookState, HookWanted, Registration, RegistrationOutcome};
pub use retention::{InvalidRetention, Retention};
pub use scope::{ListRule, MachineText, Scope, ScopeMode};
pub use ticket::{Author, Choice, Lever, LeverKey, Note, Party, Snapshot, Ticket};
