//! A real instance with a desk and a model beside it, that can be killed and started again.

use super::desk::{Captured, Desk, Move};
use super::model::ScriptedModel;
use bytes::Bytes;
use clap::Parser;
use domain::{DeliveryId, Policy, PsaKind, TenantId};
use http::Method;
use server::clock::{Clock, Luck};
use server::config::Config;
use server::outside::{Answer, Call, Limits, Outside};
use server::queue::{Checkpoints, LEASE};
use server::{Listeners, Roles, Running, Setup};
use std::collections::HashMap;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use store::accounts::{NewTenant, hash_password};
use store::connections::Hook;
use store::door::{DeliveryState, Disposition, NewDelivery};
use store::testing::{Beside, TestStore};
use store::tickets::{TicketFilter, TicketStory};
use store::{Actor, TenantStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// The longest that anything in a story may take.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    config: Config,
}

pub struct TestApp {
    pub desk: Desk,
    pub model: ScriptedModel,
    pub clock: Clock,
    pub tenant: TenantStore,
    pub hook: Hook,
    /// Calls a second that the door takes of one workspace; counts from the next start.
    pub hook_rate: NonZeroU32,
    store: TestStore,
    /// Held over restarts, so that the webhook address stays.
    listener: TcpListener,
    instance: Option<Instance>,
}

/// One life of the program, on a runtime of its own so that it can be killed.
struct Instance {
    running: Running,
    runtime: Runtime,
}

impl TestApp {
    pub async fn sqlite(kind: PsaKind) -> Option<Self> {
        Some(Self::start(kind, TestStore::sqlite().await).await)
    }

    /// `None` where there is no PostgreSQL; under CI that is a failure.
    pub async fn postgres(kind: PsaKind) -> Option<Self> {
        Some(Self::start(kind, TestStore::postgres().await?).await)
    }

    async fn start(kind: PsaKind, store: TestStore) -> Self {
        super::trace::log();
        let clock = Clock::fixed(Clock::system().now());
        let (desk, model) = (Desk::serve(kind).await, ScriptedModel::serve().await);
        let tenant = store.tenant(new_tenant(&store, &clock, "Example MSP").await);
        let hook = connect(&tenant, &desk, &model, &clock).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let hook_rate = NonZeroU32::new(200).unwrap();
        let mut app = Self { desk, model, clock, tenant, hook, hook_rate, store, listener, instance: None };
        app.desk.subscribe(&app.hook_address(), &app.hook);
        app.restart(Checkpoints::default()).await;
        app
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// As the PSA must be given it.
    pub fn hook_address(&self) -> String {
        hook_address(&self.url(), self.desk.kind(), &self.hook)
    }

    pub fn metrics_url(&self) -> String {
        let running = &self.instance.as_ref().expect("the program runs").running;
        format!("http://{}", running.metrics_address.expect("metrics are served"))
    }

    /// Jobs running now.
    pub fn busy(&self) -> usize {
        self.instance.as_ref().map_or(0, |instance| instance.running.busy())
    }

    /// Keeps deliveries from being stored until what is returned is told to `ROLLBACK`.
    pub async fn lock_the_door(&self) -> Beside {
        let mut beside = self.store.beside().await;
        let lock = match self.store.engine_name() {
            "sqlite" => "BEGIN IMMEDIATE",
            _ => "BEGIN; LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE",
        };
        beside.run(lock).await;
        beside
    }

    pub async fn send(&self, call: &Captured) -> Answer {
        send(Method::POST, &call.url, &call.headers, Bytes::from(call.body.clone())).await
    }

    /// Starts the program (again), on the same database and address.
    pub async fn restart(&mut self, checkpoints: Checkpoints) {
        self.kill();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut config = Flags::parse_from(["undertone", "--allow-private-hosts"]).config;
        (config.workers, config.hook_rate) = (8, self.hook_rate);
        config.public_url = Some(self.url().parse().unwrap());
        let listener = self.listener.try_clone().unwrap();
        let (store, clock) = (self.store.reopen().await, self.clock.clone());
        let start = async move {
            let web = Some(tokio::net::TcpListener::from_std(listener).unwrap());
            let metrics = Some(tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
            let listeners = Listeners { web, metrics };
            let luck = Luck::seeded(7);
            let (roles, sandbox) = (Roles::ALL, HashMap::new());
            server::run(Setup { config, store, clock, luck, listeners, roles, sandbox, checkpoints }).unwrap()
        };
        let running = runtime.spawn(start).await.unwrap();
        self.instance = Some(Instance { running, runtime });
    }

    /// Ends the program without a word, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.runtime.shutdown_background();
        }
    }

    /// Stops the program as its operator would.
    pub async fn stop(&mut self) {
        if let Some(instance) = self.instance.take() {
            bounded("a soft stop", instance.running.shutdown()).await;
            instance.runtime.shutdown_background();
        }
    }

    /// Waits until each webhook is answered and nothing is due.
    pub async fn settle(&self) {
        let instance = self.instance.as_ref().expect("the program runs");
        // What we write may call back.
        for _ in 0..2 {
            bounded("the desk's webhooks", self.desk.delivered()).await;
            bounded("the queue", instance.running.settle()).await;
        }
    }

    /// Lets time pass for the program, and everything that becomes due happen.
    pub async fn after(&self, time: Duration) {
        self.clock.advance(time);
        self.settle().await;
    }

    /// Long enough that a dead program's leases have run out.
    pub async fn after_lease(&self) {
        self.after(LEASE + Duration::from_secs(1)).await;
    }

    pub async fn set_policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.desk.policy();
        change(&mut policy);
        self.tenant.policy_put(&policy, &Actor::System, self.clock.now()).await.unwrap();
    }

    /// Creates a ticket whose model scores are given and lets everything happen.
    pub async fn ticket(&self, scores: &str) -> String {
        let ticket = self.desk.ticket(&title(scores), NOTE);
        self.settle().await;
        ticket
    }

    /// The one ticket's story.
    pub async fn story(&self) -> TicketStory {
        let mut stories = self.stories().await;
        assert_eq!(stories.len(), 1, "one ticket is expected");
        stories.pop().unwrap()
    }

    pub async fn stories(&self) -> Vec<TicketStory> {
        let page = self.tenant.ticket_list(&TicketFilter::default(), 100, None).await.unwrap();
        let mut stories = Vec::new();
        for row in page.rows {
            stories.push(self.tenant.ticket_story(row.id).await.unwrap().unwrap());
        }
        stories
    }

    #[track_caller]
    pub fn assert_moved(&self, ticket: &str, moves: &[Move]) {
        for (lever, _, to) in moves {
            assert_eq!(self.desk.field(ticket, lever).as_deref(), Some(*to), "{lever:?}");
        }
    }

    #[track_caller]
    pub fn assert_unmoved(&self, ticket: &str, moves: &[Move]) {
        for (lever, from, _) in moves {
            assert_eq!(self.desk.field(ticket, lever).as_deref(), *from, "{lever:?}");
        }
    }

    pub async fn story_of(&self, ticket: &str) -> TicketStory {
        let stories = self.stories().await;
        stories.into_iter().find(|story| story.row.external_id == ticket).expect("the ticket is known")
    }

    /// The delivery that brought the one ticket in.
    pub async fn analysed_delivery(&self) -> DeliveryId {
        let story = self.story().await;
        story.deliveries.iter().find(|delivery| delivery.state == DeliveryState::Done).expect("it is done").id
    }

    /// Another workspace on the same instance, with a desk of its own and the same model.
    pub async fn another_tenant(&self) -> Neighbour {
        let desk = Desk::serve(self.desk.kind()).await;
        let tenant = self.store.tenant(new_tenant(&self.store, &self.clock, "Other MSP").await);
        let hook = connect(&tenant, &desk, &self.model, &self.clock).await;
        desk.subscribe(&hook_address(&self.url(), desk.kind(), &hook), &hook);
        Neighbour { desk }
    }

    /// Another workspace with a desk that calls nobody yet, and a token for its API.
    pub async fn unsubscribed(&self, name: &str) -> Unsubscribed {
        let desk = Desk::serve(self.desk.kind()).await;
        let tenant = self.store.tenant(new_tenant(&self.store, &self.clock, name).await);
        let hook = connect(&tenant, &desk, &self.model, &self.clock).await;
        let (_, token) = tenant.token_create("a test", &Actor::System, self.clock.now()).await.unwrap();
        let address = hook_address(&self.url(), desk.kind(), &hook);
        Unsubscribed { desk, tenant, token, hook, address }
    }

    /// So many tickets at once, as though their webhooks had come and been taken.
    pub async fn flood(&self, of: &Unsubscribed, count: usize) -> Vec<String> {
        let tickets: Vec<String> = (0..count).map(|_| of.desk.ticket(&title("5/5/5"), NOTE)).collect();
        let deliveries = tickets.iter().map(|ticket| NewDelivery {
            tenant: of.tenant.tenant_id(),
            psa: of.desk.kind().into(),
            dedupe_key: format!("flood {ticket}"),
            disposition: Disposition::Analyse { external_ticket: ticket.clone() },
            headers: serde_json::json!({}),
            body: b"{}".to_vec(),
            verified: true,
            received_at: self.clock.now(),
        });
        let deliveries: Vec<_> = deliveries.collect();
        // As many as may wait to be stored at once.
        for some in deliveries.chunks(4_096) {
            let taken = some.iter().map(|one| self.store.accept(one.clone()));
            futures::future::try_join_all(taken).await.unwrap();
        }
        tickets
    }

    pub async fn tenant_without_psa(&self) -> TenantStore {
        let tenant = self.store.tenant(new_tenant(&self.store, &self.clock, "New MSP").await);
        tenant.model_connection_put(self.model.settings(), &Actor::System, self.clock.now()).await.unwrap();
        tenant
    }
}

pub struct Unsubscribed {
    pub desk: Desk,
    pub tenant: TenantStore,
    pub token: String,
    pub hook: Hook,
    /// Where its desk should call.
    pub address: String,
}

pub struct Neighbour {
    pub desk: Desk,
}

/// Connects a workspace to its desk and model, with the policy that the stories expect.
async fn connect(tenant: &TenantStore, desk: &Desk, model: &ScriptedModel, clock: &Clock) -> Hook {
    let now = clock.now();
    tenant.psa_connection_put(desk.settings(), &Actor::System, now).await.unwrap();
    tenant.model_connection_put(model.settings(), &Actor::System, now).await.unwrap();
    tenant.policy_put(&desk.policy(), &Actor::System, now).await.unwrap();
    tenant.hook().await.unwrap()
}

/// As the PSA must be given it.
fn hook_address(url: &str, psa: PsaKind, hook: &Hook) -> String {
    let end = if psa == PsaKind::ConnectWise { "?recordId=" } else { "" };
    format!("{url}/hooks/{psa}/{}{end}", hook.key)
}

/// One request as any program could make it.
pub async fn send(method: Method, url: &str, headers: &[(String, String)], body: Bytes) -> Answer {
    let limits = Limits { parallel: 64, requests: 100_000, per: Duration::from_secs(1) };
    let mut call = Call::new(method, url.parse().unwrap());
    for (name, value) in headers {
        call = call.header(name.parse().unwrap(), value.parse().unwrap());
    }
    call.body = (!body.is_empty()).then_some(body);
    Outside::new(true).caller("a test", limits).call(call).await.unwrap()
}

pub async fn get(url: &str) -> Answer {
    send(Method::GET, url, &[], Bytes::new()).await
}

/// Sends bytes, closes its half, and returns what comes back.
pub async fn raw(host: &str, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A reset is an answer too: an empty one.
    let _ = bounded("an answer", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.kill();
    }
}

pub const NOTE: &str = "Hello, the server is down again, please help us now.";

pub fn title(scores: &str) -> String {
    format!("Mail trouble ({scores})")
}

async fn new_tenant(store: &TestStore, clock: &Clock, name: &str) -> TenantId {
    let owner_email = format!("{}@example.com", name.to_lowercase().replace(' ', "."));
    let password_hash = hash_password("correct horse battery staple").await;
    let new = NewTenant { name: name.into(), owner_email, owner_name: "Owner".into(), password_hash };
    store.tenant_create(new, clock.now()).await.unwrap().0
}

async fn bounded<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("{what} took longer than {PATIENCE:?}"),
    }
}

/// Waits until `condition` holds; fails after a while.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    bounded(what, async {
        while !condition() {
            ticks.tick().await;
        }
    })
    .await;
}

/// As [`eventually`], where it takes a question to the store.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    bounded(what, async {
        while !condition().await {
            ticks.tick().await;
        }
    })
    .await;
}

/// Stops a job for good at a named point, and tells when it got there.
pub fn stop_at(point: &str) -> (Checkpoints, Reached) {
    let reached = Arc::new(Notify::new());
    let (told, point) = (Arc::clone(&reached), point.to_owned());
    let name = point.clone();
    let checkpoints = Checkpoints::new(move |here| {
        let stops = here == point;
        if stops {
            told.notify_one();
        }
        stops
    });
    (checkpoints, Reached { name, reached })
}

pub struct Reached {
    name: String,
    reached: Arc<Notify>,
}

impl Reached {
    pub async fn wait(&self) {
        bounded(&format!("the point “{}”", self.name), self.reached.notified()).await;
    }
}
