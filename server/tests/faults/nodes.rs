//! Several nodes on one PostgreSQL, behind a plain proxy.

use super::audit::{Table, judged};
use super::desk::Ticket;
use super::node::{Node, call, get};
use super::office::Office;
use super::proxy::Proxy;
use super::weather::pick_index;
use super::world::{PASSWORD, World, eventually, owner};
use domain::PsaKind;
use sandbox::Fault;
use server::clock::Luck;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use store::testing::{Stop, TestStore};
use tokio_util::sync::CancellationToken;

struct Site {
    world: World,
    nodes: Vec<Node>,
    /// Where the nodes with pages are.
    web: Vec<SocketAddr>,
    proxy: Proxy,
    office: Office,
}

impl Site {
    /// `None`: there is no PostgreSQL on this machine, and that was said.
    async fn open(roles: &[&str]) -> Option<Self> {
        let world = World::new(TestStore::postgres_alone().await?, &PsaKind::ALL).await;
        let mut nodes: Vec<Node> = roles.iter().map(|role| Node::new(&world, role, 8)).collect();
        for node in &mut nodes {
            node.spawn();
        }
        for node in &mut nodes {
            node.ready().await;
        }
        let serving = nodes.iter().zip(roles).filter(|(_, role)| **role != "work");
        let web: Vec<SocketAddr> = serving.map(|(node, _)| node.web).collect();
        let proxy = Proxy::serve(web.clone(), Luck::seeded(1)).await;
        let office = Office::serve(proxy.address, Luck::seeded(2)).await;
        world.desks.iter().for_each(|desk| desk.subscribe(&office.url()));
        Some(Self { world, nodes, web, proxy, office })
    }

    /// The whole program of a bad day, with tickets arriving all the time and somebody looking at the pages.
    async fn bad_day(mut self, title: &str) {
        let cookie = self.sign_in().await;
        let over = CancellationToken::new();
        let (world, office, proxy, web) = (&self.world, &self.office, self.proxy.address, &self.web);
        let nodes = &mut self.nodes;
        let trouble = async {
            work_goes_on(office, 40).await;
            nodes[0].kill().await;
            work_goes_on(office, 60).await;
            nodes[0].start().await;
            for how in [Stop::Fast, Stop::Immediate] {
                world.test.stop_server(how).await;
                world.test.start_server().await;
                work_goes_on(office, 40).await;
            }
            for node in nodes.iter_mut() {
                node.stop().await;
                work_goes_on(office, 20).await;
                node.start().await;
            }
            work_goes_on(office, 40).await;
            over.cancel();
        };
        let (tickets, seen, ()) =
            tokio::join!(arrivals(world, &over), looks(web, proxy, &cookie, &over), trouble);
        self.end(&tickets, seen, title).await;
    }

    async fn end(self, tickets: &[Ticket], seen: BTreeMap<String, usize>, title: &str) {
        self.office.idle().await;
        eventually("the queue to be empty", async || self.world.waiting().await == Some(0)).await;
        let audit = self.world.audit(&self.office, tickets).await;
        let mut table = Table::default();
        table.add_world(&self.world, &self.office);
        table.add_audit(&audit);
        for (what, count) in &seen {
            table.add(format!("looks at the Overview, signed in: {what}"), count);
        }
        judged(&audit, &table, title);
        assert_eq!(audit.acknowledged, tickets.len());
        assert_eq!(self.world.revive().await, 0, "nothing of this makes a ticket dead");
        let door = self.office.counts().answers;
        assert!(door.keys().all(|status| [0, 202, 429, 503].contains(status)), "the door answered {door:?}");
        let fine = |what: &str| ["no answer", "200", "503"].contains(&what);
        assert!(seen.keys().all(|what| fine(what)), "{seen:?}");
    }

    async fn sign_in(&self) -> String {
        let at = self.proxy.address;
        let form =
            serde_urlencoded::to_string([("email", owner(0).as_str()), ("password", PASSWORD)]).unwrap();
        let answer = call(
            at,
            &format!(
                "POST /do/sign-in HTTP/1.1\r\nhost: {at}\r\norigin: http://{at}\r\naccept: text/html\r\n\
                 content-type: application/x-www-form-urlencoded\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{form}",
                form.len()
            ),
        )
        .await
        .expect("an answer to the form");
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        cookie.unwrap_or_else(|| panic!("no cookie: {answer}")).split(';').next().unwrap().to_owned()
    }
}

/// So many more calls were acknowledged.
async fn work_goes_on(office: &Office, calls: usize) {
    let acknowledged = || office.counts().answers.get(&202).copied().unwrap_or_default();
    let before = acknowledged();
    eventually("calls to be acknowledged", async || acknowledged() >= before + calls).await;
}

/// Tickets come all the time.
async fn arrivals(world: &World, over: &CancellationToken) -> Vec<Ticket> {
    let (luck, mut tickets) = (Luck::seeded(3), Vec::new());
    let wait = || tokio::time::sleep(Duration::from_millis(60).mul_f64(luck.next()));
    while over.run_until_cancelled(wait()).await.is_some() {
        let desk = pick_index(&luck, world.desks.len());
        let scores = std::array::from_fn(|_| 1 + u32::try_from(pick_index(&luck, 5)).unwrap());
        tickets.push(world.desks[desk].create(desk, scores));
    }
    tickets
}

/// Somebody who signed in once looks at a page again and again, through the proxy and at each node: the answers' status.
async fn looks(
    web: &[SocketAddr],
    proxy: SocketAddr,
    cookie: &str,
    over: &CancellationToken,
) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let wait = || tokio::time::sleep(Duration::from_millis(50));
    let places: Vec<SocketAddr> = web.iter().copied().chain([proxy]).collect();
    for place in places.iter().cycle() {
        if over.run_until_cancelled(wait()).await.is_none() {
            break;
        }
        let answer = get(*place, "/", cookie).await;
        let what = answer.and_then(|answer| answer.get(9..12).map(str::to_owned));
        *seen.entry(what.unwrap_or("no answer".into())).or_insert(0) += 1;
    }
    // At the end every node knows the session.
    for place in places {
        let answer = get(place, "/", cookie).await.expect("every node answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_lose_and_double_nothing_whatever_is_restarted() {
    if let Some(site) = Site::open(&["serve", "serve", "serve"]).await {
        site.bad_day("three nodes that serve").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_work_on_nodes_of_their_own_lose_and_double_nothing() {
    if let Some(site) = Site::open(&["web", "work", "web", "work"]).await {
        site.bad_day("two nodes with pages, two that work").await;
    }
}

/// Tickets a second with so many nodes that work.
async fn rate(world: &World, office: &Office, nodes: &mut [Node]) -> f64 {
    // The first round fills the slots, which are the only limit: the model takes its time, nothing else does.
    let (first, all) = (SLOTS * nodes.len(), SLOTS * nodes.len() * 5);
    for number in 0..all {
        let desk = number % world.desks.len();
        world.desks[desk].create(desk, [3, 3, 3]);
    }
    let acknowledged = async || {
        office.under_way() == 0
            && world.waiting().await.and_then(|count| usize::try_from(count).ok()) == Some(all)
    };
    eventually("the tickets to be taken in", acknowledged).await;
    world.model.recorder.clear();
    nodes.iter_mut().for_each(Node::spawn);
    let answered = async |count| {
        eventually("the model's answers", async || world.model.recorder.all().len() >= count).await;
        Instant::now()
    };
    let (begin, end) = (answered(first).await, answered(all).await);
    eventually("the queue to be empty", async || world.waiting().await == Some(0)).await;
    for node in nodes {
        node.kill().await;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let tickets = (all - first) as f64;
    tickets / (end - begin).as_secs_f64()
}

const SLOTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_nodes_do_more_when_the_model_takes_its_time() {
    let Some(store) = TestStore::postgres_alone().await else { return };
    // No workspace may have a node to itself, so that several are needed to fill its slots.
    let desks = [PsaKind::ALL, PsaKind::ALL].concat();
    let world = World::new(store, &desks).await;
    let mut web = Node::new(&world, "web", 1);
    web.start().await;
    let office = Office::serve(web.web, Luck::seeded(1)).await;
    world.desks.iter().for_each(|desk| desk.subscribe(&office.url()));
    world.model.faults.add(None, "/chat/completions", 1_000_000, Fault::Delay(Duration::from_millis(800)));
    let mut nodes: Vec<Node> =
        (0..3).map(|_| Node::new(&world, "work", u16::try_from(SLOTS).unwrap())).collect();
    let (mut table, mut rates) = (Table::default(), Vec::new());
    for count in 1..=3 {
        rates.push(rate(&world, &office, &mut nodes[..count]).await);
        table.add(
            format!("tickets a second, nodes of {SLOTS} workers: {count}"),
            format!("{:.1}", rates[count - 1]),
        );
    }
    table.print("a model that takes 800 ms");
    assert!(rates[2] > 1.5 * rates[0], "{rates:?}");
}
