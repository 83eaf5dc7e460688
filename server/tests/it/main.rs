//! The server from outside: adapters against the stand-ins over real HTTP, each request checked against the published
//! specifications. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod flow;
mod llm_openai;
mod outcome;
mod psa_autotask;
mod psa_connectwise;
mod psa_halo;
mod receiver;
mod screens;
mod spec;
