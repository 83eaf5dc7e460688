//! The server: webhooks in, the model in the middle, the PSA out, and the screens and the API beside.
//!
//! The folders follow a ticket: [`inbound`] → [`scoring`] → [`deciding`] → [`outbound`], carried by [`queue`];
//! [`psa`] and [`llm`] are the two kinds of outside world, [`outside`] the one HTTP client, [`web`] the door.
//! [`run`] puts them together: it is what the program and every flow test call.

pub mod cli;
pub mod clock;
pub mod config;
pub mod connections;
pub mod deciding;
pub mod demo;
pub mod inbound;
pub mod llm;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod mutated;
pub mod ops;
pub mod outbound;
pub mod outside;
pub mod psa;
pub mod queue;
mod running;
pub mod same_system;
pub mod scoring;
pub mod telemetry;
mod upkeep;
pub mod web;

pub use running::{Listeners, Roles, Running, Setup, run};
