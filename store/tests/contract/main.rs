//! What the store promises, on both engines: every test here runs as `sqlite::…` and as `postgres::…`.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod flow;
mod support;
