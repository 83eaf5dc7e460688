//! Stateful stand-ins for ConnectWise PSA, Autotask, HaloPSA and an OpenAI-compatible model, over real HTTP.
//!
//! Each stand-in is a state and a router, served on an address of its own, with a small page at `/` to create a ticket
//! and watch notes and changes appear. They serve `serve --demo`, the flow tests and the browser tests. They keep the
//! documented rules of the real thing (what is refused, how errors look, how webhooks are signed), record each request
//! for checks against the published specs, and can be told to fail ([`Faults`]).

pub mod autotask;
pub mod connectwise;
pub mod deliver;
pub mod faults;
pub mod halo;
pub mod mail;
pub mod model;
pub mod page;
pub mod record;
pub mod scenes;

pub use faults::{Fault, Faults};
pub use record::{Recorded, Recorder};

use std::net::SocketAddr;

/// Serves a stand-in until the returned guard is dropped.
pub struct Running {
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds `at` (port 0 for any) and serves `router` there.
pub async fn serve(at: SocketAddr, router: axum::Router) -> std::io::Result<Running> {
    let listener = tokio::net::TcpListener::bind(at).await?;
    let address = listener.local_addr()?;
    #[expect(clippy::disallowed_methods, reason = "owned by the guard, which ends it")]
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a stand-in stopped");
        }
    });
    Ok(Running { address, task })
}
