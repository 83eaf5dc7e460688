//! The real program as processes, killed and restarted, between stand-ins that keep state and a network that loses,
//! doubles, delays and reorders. At the end the stand-ins' state must be what the policy says: each acknowledged ticket
//! accounted for, each change and note once.
//!
//! How much and how: `UNDERTONE_STORM_TICKETS` (for each engine), `UNDERTONE_STORM_SEED` (each run prints its own).
//! The counts are printed: `cargo nextest run -p server --test faults --no-capture`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod desk;
mod disk;
mod node;
mod nodes;
mod office;
#[path = "../it/flow/products.rs"]
#[expect(dead_code, reason = "the stories of the flow tests use more of it")]
mod products;
mod proxy;
#[path = "../it/flow/scripted.rs"]
mod scripted;
mod storm;
mod weather;
mod world;
