//! What the screens need of the running program. The server gives it to every page and server function as context.

use crate::AppError;
use crate::ops::Ops;
use leptos::prelude::use_context;
use std::net::IpAddr;
use std::sync::Arc;
use store::Store;

#[derive(Clone)]
pub struct Instance {
    pub store: Store,
    pub ops: Arc<dyn Ops>,
    /// Reached over https: cookies are marked `Secure`.
    pub secure: bool,
}

impl Instance {
    /// The instance this request runs in.
    pub fn current() -> Result<Self, AppError> {
        use_context().ok_or_else(|| AppError::broken("no instance was given to this request"))
    }
}

/// File names of the built assets, as they are under `/pkg/`; the name holds a hash of the content.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Assets {
    pub js: Option<String>,
    pub wasm: Option<String>,
    pub css: Option<String>,
}

/// Who is calling, as far as the network tells: a request extension that the server sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);
