//! Sends webhook calls in order, by a vendor's retry rule, and keeps a log of what became of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// How a vendor treats a receiver that does not answer 2xx.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// For one try.
    pub timeout: Duration,
    /// Tries of one call, the first included; then it is dropped.
    pub tries: u32,
    pub pause: Duration,
    /// So many dropped calls in a row switch the webhook off.
    pub gives_up_after: Option<u32>,
}

/// One call to make.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What became of one call.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub url: String,
    pub body: Vec<u8>,
    pub headers: Vec<(String, String)>,
    /// One entry a try; `None`: no answer in time, or no connection.
    pub statuses: Vec<Option<u16>>,
}

impl Delivery {
    pub fn arrived(&self) -> bool {
        self.statuses.last().is_some_and(|status| matches!(status, Some(200..=299)))
    }
}

/// The log of all calls, newest last. Cheap to clone.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Delivery>>>);

impl Log {
    pub fn all(&self) -> Vec<Delivery> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn note(&self, delivery: Delivery) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    }
}

/// One webhook's queue: a call waits until the ones before it have arrived or been dropped.
#[derive(Clone)]
pub struct Post {
    sender: mpsc::UnboundedSender<Parcel>,
}

impl Post {
    /// `given_up` is called once when too many calls in a row were dropped; later calls are not sent any more.
    pub fn new(retry: Retry, log: Log, given_up: impl FnOnce() + Send + 'static) -> Self {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Parcel>();
        #[expect(clippy::disallowed_methods, reason = "ends when the last sender is dropped")]
        tokio::spawn(async move {
            let (client, mut dropped) = (client(), 0);
            while let Some(parcel) = receiver.recv().await {
                let delivery = deliver(&client, parcel, retry).await;
                dropped = if delivery.arrived() { 0 } else { dropped + 1 };
                log.note(delivery);
                if retry.gives_up_after == Some(dropped) {
                    given_up();
                    return;
                }
            }
        });
        Self { sender }
    }

    pub fn send(&self, parcel: Parcel) {
        // Fails only after giving up, when nothing is to be sent.
        let _ = self.sender.send(parcel);
    }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a stand-in calls out by itself, as the real product does")]
    reqwest::Client::new()
}

async fn deliver(client: &reqwest::Client, parcel: Parcel, retry: Retry) -> Delivery {
    let mut statuses = Vec::new();
    for attempt in 1..=retry.tries {
        let mut request = client.post(&parcel.url).timeout(retry.timeout).body(parcel.body.clone());
        for (name, value) in &parcel.headers {
            request = request.header(name, value);
        }
        let status = request.send().await.ok().map(|answer| answer.status().as_u16());
        statuses.push(status);
        if matches!(status, Some(200..=299)) {
            break;
        }
        if attempt < retry.tries {
            tokio::time::sleep(retry.pause).await;
        }
    }
    Delivery { url: parcel.url, body: parcel.body, headers: parcel.headers, statuses }
}
