//! A place that webhooks can call: keeps what arrives, answers as told.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use sandbox::Running;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// One call as it arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

pub struct Receiver {
    inbox: Arc<Inbox>,
    running: Running,
}

#[derive(Default)]
struct Inbox {
    calls: Mutex<Vec<Call>>,
    answers: Mutex<VecDeque<u16>>,
    arrived: Notify,
}

impl Receiver {
    pub async fn new() -> Self {
        let inbox = Arc::new(Inbox::default());
        let router = axum::Router::new().fallback(take).with_state(Arc::clone(&inbox));
        let running = sandbox::serve(([127, 0, 0, 1], 0).into(), router).await.unwrap();
        Self { inbox, running }
    }

    pub fn url(&self) -> String {
        format!("{}/hook", self.running.url())
    }

    /// Answers the next calls with these statuses; then 200 again.
    pub fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.inbox.answers.lock().unwrap().extend(statuses);
    }

    /// All calls so far, once there are at least `count`.
    pub async fn calls(&self, count: usize) -> Vec<Call> {
        let enough = async {
            loop {
                let arrived = self.inbox.arrived.notified();
                let calls = self.inbox.calls.lock().unwrap().clone();
                if calls.len() >= count {
                    return calls;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), enough).await.expect("the calls arrive")
    }
}

async fn take(State(inbox): State<Arc<Inbox>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inbox.calls.lock().unwrap().push(Call { headers, body: body.to_vec() });
    inbox.arrived.notify_waiters();
    let status = inbox.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}
