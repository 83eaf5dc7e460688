//! What our adapters sent, for checks against the published specs.

use axum::http::{HeaderMap, Method, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};

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
}

/// Keeps the newest requests, at most [`Recorder::KEPT`]. Cheap to clone.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Recorded>>>);

impl Recorder {
    pub const KEPT: usize = 20_000;

    pub fn note(&self, recorded: Recorded) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() >= Self::KEPT {
            list.drain(..Self::KEPT / 2);
        }
        list.push(recorded);
    }
    pub fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
