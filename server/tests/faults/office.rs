//! The network between the ticketing systems and the door. It takes each webhook call, answers for it, and carries it on
//! until it was acknowledged: late, out of order, more than once. Some calls it gives up after the first failure.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, Method, StatusCode, Uri};
use sandbox::Running;
use server::clock::Luck;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::task::TaskTracker;

pub struct Office {
    couriers: Arc<Couriers>,
    running: Running,
}

/// A ticket that a call is about: the last part of the webhook's address, and the PSA's id.
pub type About = (String, String);

/// What became of the calls about one new ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    UnderWay,
    Acknowledged,
    /// The sender stopped trying without an acknowledgement.
    GivenUp,
}

#[derive(Clone, Debug, Default)]
pub struct PostCounts {
    /// Calls of the ticketing systems.
    pub calls: usize,
    /// Requests beyond the first of a call that was not refused: copies that were sent on purpose.
    pub duplicates: usize,
    /// Repeats of what was not acknowledged.
    pub repeats: usize,
    /// Calls that were overtaken by later ones on purpose.
    pub late: usize,
    /// Answers by status; 0: none came.
    pub answers: BTreeMap<u16, usize>,
}

struct Couriers {
    client: reqwest::Client,
    door: SocketAddr,
    luck: Luck,
    /// Whether calls are delayed, doubled and given up.
    rough: AtomicBool,
    tasks: TaskTracker,
    under_way: AtomicUsize,
    counts: Mutex<PostCounts>,
    fates: Mutex<HashMap<About, Fate>>,
}

impl Office {
    pub async fn serve(door: SocketAddr, luck: Luck) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "the ticketing systems' side of the network, no part of the product"
        )]
        let client = reqwest::Client::builder()
            // One connection a call: what befalls one does not befall others.
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        let couriers = Arc::new(Couriers {
            client,
            door,
            luck,
            rough: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            under_way: AtomicUsize::new(0),
            counts: Mutex::default(),
            fates: Mutex::default(),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&couriers));
        let running = sandbox::serve(([127, 0, 0, 1], 0).into(), router).await.unwrap();
        Self { couriers, running }
    }

    /// What the ticketing systems are given instead of the program's own.
    pub fn url(&self) -> String {
        self.running.url()
    }

    pub fn be_rough(&self, rough: bool) {
        self.couriers.rough.store(rough, Ordering::SeqCst);
    }

    /// Calls that are neither acknowledged nor given up.
    pub fn under_way(&self) -> usize {
        self.couriers.under_way.load(Ordering::SeqCst)
    }

    pub fn counts(&self) -> PostCounts {
        self.couriers.counts.lock().unwrap().clone()
    }

    /// Tickets that calls came by about.
    pub fn known(&self) -> usize {
        self.couriers.fates.lock().unwrap().len()
    }

    /// `None`: no call about this ticket came by.
    pub fn fate(&self, about: &About) -> Option<Fate> {
        self.couriers.fates.lock().unwrap().get(about).copied()
    }

    /// Copies may still be on their way when every call has its fate.
    pub async fn idle(&self) {
        self.couriers.tasks.close();
        self.couriers.tasks.wait().await;
        self.couriers.tasks.reopen();
    }
}

#[derive(Clone)]
struct Call {
    path: String,
    headers: HeaderMap,
    body: Bytes,
    about: Option<About>,
}

async fn take(
    State(couriers): State<Arc<Couriers>>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if method != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    for name in ["host", "content-length", "connection", "transfer-encoding"] {
        headers.remove(name);
    }
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let call = Call { about: about(&uri, &body), path, headers, body };
    couriers.counts.lock().unwrap().calls += 1;
    couriers.under_way.fetch_add(1, Ordering::SeqCst);
    couriers.set(&call, Fate::UnderWay);
    let carried = Arc::clone(&couriers);
    couriers.tasks.spawn(async move { carried.carry(call).await });
    StatusCode::OK
}

/// Which new ticket the call is about, if it is about one.
fn about(uri: &Uri, body: &[u8]) -> Option<About> {
    let key = uri.path().rsplit('/').next()?.to_owned();
    if let Some(query) = uri.query() {
        let (id, action) = query.strip_prefix("recordId=")?.split_once("&action=")?;
        return (action == "added").then(|| (key, id.to_owned()));
    }
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let id =
        [&body["Id"], &body["object_id"], &body["ticket"]["id"]].into_iter().find_map(|id| id.as_i64())?;
    Some((key, id.to_string()))
}

impl Couriers {
    async fn carry(&self, call: Call) {
        let rough = self.rough.load(Ordering::SeqCst);
        let draw = |likely: f64| rough && self.luck.next() < likely;
        let (late, doubled, gives_up) = (draw(0.15), draw(0.1), draw(0.02));
        if late {
            self.counts.lock().unwrap().late += 1;
            tokio::time::sleep(Duration::from_secs(3).mul_f64(self.luck.next())).await;
        }
        let fate = self.until_acknowledged(&call, gives_up).await;
        self.set(&call, fate);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        if doubled {
            // Some right after it, some long after the ticket is through.
            let copies = 1 + usize::from(self.luck.next() < 0.5);
            for _ in 0..copies {
                tokio::time::sleep(Duration::from_secs(8).mul_f64(self.luck.next().powi(3))).await;
                self.counts.lock().unwrap().duplicates += 1;
                self.send(&call).await;
            }
        }
    }

    async fn until_acknowledged(&self, call: &Call, gives_up: bool) -> Fate {
        loop {
            if self.send(call).await == Some(202) {
                return Fate::Acknowledged;
            }
            if gives_up {
                return Fate::GivenUp;
            }
            tokio::time::sleep(Duration::from_millis(100).mul_f64(1.0 + 3.0 * self.luck.next())).await;
            self.counts.lock().unwrap().repeats += 1;
        }
    }

    async fn send(&self, call: &Call) -> Option<u16> {
        let request = self.client.post(format!("http://{}{}", self.door, call.path));
        let sent = request.headers(call.headers.clone()).body(call.body.clone()).send().await;
        let status = sent.ok().map(|answer| answer.status().as_u16());
        *self.counts.lock().unwrap().answers.entry(status.unwrap_or_default()).or_default() += 1;
        status
    }

    /// What was acknowledged once stays so: the calls about one ticket are several where a product calls twice.
    fn set(&self, call: &Call, fate: Fate) {
        let Some(about) = call.about.clone() else { return };
        let mut fates = self.fates.lock().unwrap();
        let known = fates.entry(about).or_insert(fate);
        if *known != Fate::Acknowledged {
            *known = fate;
        }
    }
}
