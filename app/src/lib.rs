//! Undertone's screens. `ssr` renders pages on the server; `hydrate` builds the islands for the browser.
//!
//! Pages are HTML made on the server, and forms are plain forms that post to server functions, so everything works
//! without scripts. Only what must react in place is an island ([`islands`]), and only islands reach the browser:
//! every other module here exists on the server alone.

// A view's type nests as deep as its HTML; pages erase theirs, and what is left between is deeper than 128.
#![recursion_limit = "256"]

pub mod islands;
pub mod live;
pub mod palette;
pub mod what_if;

#[cfg(feature = "ssr")]
mod brakes;
#[cfg(feature = "ssr")]
pub mod csv;
#[cfg(feature = "ssr")]
pub mod error;
#[cfg(feature = "ssr")]
pub mod form;
#[cfg(feature = "ssr")]
pub mod instance;
#[cfg(feature = "ssr")]
pub mod ops;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
mod routes;
#[cfg(feature = "ssr")]
pub mod screen;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
pub mod ui;
#[cfg(feature = "ssr")]
pub mod viewer;

#[cfg(feature = "ssr")]
pub use brakes::forget_attempts;
#[cfg(feature = "ssr")]
pub use error::AppError;
#[cfg(feature = "ssr")]
pub use instance::{Assets, ClientAddress, Instance};
#[cfg(feature = "ssr")]
pub use routes::App;
#[cfg(feature = "ssr")]
pub use shell::{content_security_policy, problem_page, shell};
