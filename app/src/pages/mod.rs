//! The pages. Each is one component for its address, a loader that reads the store, and its server functions.

pub mod accuracy;
pub mod activity;
pub mod arrivals;
pub mod client;
pub mod clients;
pub mod connections;
pub mod fields;
pub mod find;
pub mod import;
pub mod once;
pub mod overview;
pub mod parts;
pub mod period;
pub mod policy;
pub mod prompt;
pub mod settings;
pub mod setup;
#[cfg(debug_assertions)]
pub mod showcase;
pub mod sign_in;
pub mod sign_up;
pub mod ticket;
pub mod tickets;
pub mod tokens;
