//! The program as its operator runs it: a process of its own, spoken to over the network and by signals.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

mod backup;
mod doctor;
mod flood;
mod process;
mod recount;
mod stop;
mod wire;
