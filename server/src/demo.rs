//! `serve --demo`: the sandbox's stand-ins on this machine, and a workspace for each PSA that is connected to them.

use crate::clock::Clock;
use crate::config::Config;
use domain::PsaKind;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use store::Store;

/// Where the first stand-in listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3001);

/// The running sandbox.
pub struct Demo {}

/// Ends the stream of new tickets when dropped.
pub struct Live {}

impl Demo {
    pub async fn start(
        _config: &Config,
        _store: &Store,
        _clock: &Clock,
        _at: SocketAddr,
    ) -> anyhow::Result<Self> {
        anyhow::bail!("not in this build")
    }
    pub fn addresses(&self) -> HashMap<PsaKind, String> {
        HashMap::new()
    }
    pub fn welcome(&self) -> String {
        String::new()
    }
    pub fn keep_going(&self) -> Live {
        Live {}
    }
}
