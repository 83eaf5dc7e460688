//! What our adapters sent, for checks against the published specs.

use axum::http::{HeaderMap, Method, StatusCode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// One request and how it was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub method: Method,
    /// Without the query.
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub status: StatusCode,
    /// The request was carried out, or refused, by the stand-in itself.
    pub acted: bool,
    /// What was made to go wrong; see [`crate::Fault::name`].
    pub fault: Option<&'static str>,
}

/// Keeps the newest requests, at most [`Recorder::KEPT`]. Cheap to clone.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Inner>);

#[derive(Default)]
struct Inner {
    list: Mutex<Vec<Recorded>>,
    noted: Notify,
}

impl Recorder {
    pub const KEPT: usize = 20_000;

    pub fn note(&self, recorded: Recorded) {
        let mut list = self.list();
        if list.len() >= Self::KEPT {
            list.drain(..Self::KEPT / 2);
        }
        list.push(recorded);
        drop(list);
        self.0.noted.notify_waiters();
    }
    /// Becomes ready when the next request has been answered, counted from this call.
    pub fn next(&self) -> Notified<'_> {
        self.0.noted.notified()
    }
    pub fn all(&self) -> Vec<Recorded> {
        self.list().clone()
    }
    /// All, which are not kept any more.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *self.list())
    }
    pub fn clear(&self) {
        self.list().clear();
    }

    fn list(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
