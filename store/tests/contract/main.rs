//! What the store promises, on both engines: every test here runs as `sqlite::…` and as `postgres::…`.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod accounts;
mod clients;
mod coverage;
mod door;
mod feedback;
mod flow;
mod identify;
mod imports;
mod instances;
mod jobs;
mod ledger;
mod migrations;
mod moves;
mod nodes;
mod pauses;
mod retention;
mod row_security;
mod sessions;
mod settings;
mod support;
mod sweeps;
mod tenancy;
mod tickets;
mod trends;
mod trouble;
mod views;
