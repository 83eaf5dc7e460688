//! What the store promises, on both engines: every test here runs as `sqlite::…` and as `postgres::…`.

mod flow;
mod support;
