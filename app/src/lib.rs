//! Undertone's screens. `ssr` renders pages on the server; `hydrate` builds the islands for the browser.

#[cfg(feature = "ssr")]
pub mod ops;
