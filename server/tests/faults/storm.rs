//! Tickets by the hundred or, asked for, by the thousand, while everything goes wrong at random.
//!
//! The draws are the seed's; what they meet also depends on how fast the machine is.

use super::audit::{Table, judged};
use super::desk::Ticket;
use super::node::Node;
use super::office::Office;
use super::proxy::Proxy;
use super::weather::{self, pick_index};
use super::world::{World, eventually, within};
use chrono::{DateTime, Utc};
use domain::{PsaKind, backoff};
use server::clock::{Clock, Luck};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::testing::{Stop, TestStore};
use tokio_util::sync::CancellationToken;

/// Tickets on each engine, in a debug build with everything else that is tested. `UNDERTONE_STORM_TICKETS` asks for more.
const USUALLY: u64 = 600;
const WORKERS: u16 = 16;
/// Tickets that are in the senders' and the program's hands at once.
const UNDER_WAY: usize = 250;
/// Among thousands of tickets a few meet so many faults in a row that their next attempt is minutes away.
const LONGEST_WAIT: Duration = backoff::CAP.saturating_mul(2);
/// Work that takes longer than this after the storm is told of before the test fails.
const LONG: Duration = Duration::from_secs(100);
/// Of a thousand acknowledgements, so many are lost on their way.
const LOST_ANSWERS: u32 = 20;

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_in_a_storm_on_sqlite() {
    Storm::over(TestStore::sqlite().await, USUALLY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_in_a_storm_on_postgres() {
    if let Some(store) = TestStore::postgres_alone().await {
        Storm::over(store, USUALLY).await;
    }
}

struct Storm {
    world: World,
    office: Office,
    proxy: Proxy,
    seed: u64,
}

/// What befell the program and its database.
#[derive(Default)]
struct Blows(BTreeMap<&'static str, usize>);

impl Blows {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

impl Storm {
    async fn over(store: TestStore, usually: u64) {
        let tickets = setting("UNDERTONE_STORM_TICKETS").unwrap_or(usually);
        let by_time = Clock::system().now().timestamp_micros().unsigned_abs();
        let seed = setting("UNDERTONE_STORM_SEED").unwrap_or(by_time);
        println!("UNDERTONE_STORM_SEED={seed} {}", store.engine_name());
        let world = World::new(store, &PsaKind::ALL).await;
        let mut node = Node::new(&world, "serve", WORKERS);
        let proxy = Proxy::serve(vec![node.web], Luck::seeded(seed)).await;
        let office = Office::serve(proxy.address, Luck::seeded(seed + 1)).await;
        world.desks.iter().for_each(|desk| desk.subscribe(&office.url()));
        node.start().await;
        let storm = Self { world, office, proxy, seed };
        let (created, blows) = storm.rage(&mut node, tickets).await;
        storm.calm_down(&mut node).await;
        storm.judge(&created, &blows).await;
    }

    /// Creates all tickets while faults, blows and a rough network go on.
    async fn rage(&self, node: &mut Node, tickets: u64) -> (Vec<Ticket>, Blows) {
        self.office.be_rough(true);
        self.proxy.lose_answers(LOST_ANSWERS);
        weather::draw_long(&self.world);
        let over = CancellationToken::new();
        let create = async {
            let created = self.create(tickets).await;
            over.cancel();
            created
        };
        let (created, (), blows) = tokio::join!(create, self.faults(&over), self.blows(node, &over));
        (created, blows)
    }

    async fn create(&self, tickets: u64) -> Vec<Ticket> {
        let luck = Luck::seeded(self.seed + 2);
        let mut created = Vec::new();
        for number in 0..tickets {
            if number % 10 == 0 {
                eventually("room for more tickets", async || {
                    let waiting = self
                        .world
                        .waiting()
                        .await
                        .map(|waiting| usize::try_from(waiting).unwrap_or_default());
                    let unsent = created.len() - self.office.known();
                    waiting.is_some_and(|waiting| waiting + unsent + self.office.under_way() < UNDER_WAY)
                })
                .await;
            }
            let desk = pick_index(&luck, self.world.desks.len());
            created.push(self.world.desks[desk].create(desk, scores(&luck)));
        }
        created
    }

    async fn faults(&self, over: &CancellationToken) {
        let luck = Luck::seeded(self.seed + 3);
        let wait = || tokio::time::sleep(Duration::from_millis(400).mul_f64(luck.next()));
        while over.run_until_cancelled(wait()).await.is_some() {
            weather::draw(&self.world, &luck);
            self.world.desks.iter().for_each(|desk| drop(desk.tally()));
        }
    }

    async fn blows(&self, node: &mut Node, over: &CancellationToken) -> Blows {
        let (luck, mut blows) = (Luck::seeded(self.seed + 4), Blows::default());
        let wait = || tokio::time::sleep(Duration::from_millis(4_000).mul_f64(0.25 + luck.next()));
        while over.run_until_cancelled(wait()).await.is_some() {
            match pick_index(&luck, 10) {
                0 => self.trouble_the_database(node, &luck, &mut blows).await,
                1 => {
                    node.stop().await;
                    node.start().await;
                    blows.count("soft restarts of the program");
                }
                _ => {
                    node.kill().await;
                    let dead = Duration::from_millis(800).mul_f64(luck.next().powi(2));
                    tokio::time::sleep(dead).await;
                    node.start().await;
                    blows.count("kill -9 of the program");
                }
            }
        }
        // However short the run was.
        self.trouble_the_database(node, &luck, &mut blows).await;
        blows
    }

    async fn trouble_the_database(&self, node: &mut Node, luck: &Luck, blows: &mut Blows) {
        let time = Duration::from_secs(4).mul_f64(0.25 + luck.next());
        let first = luck.next() < 0.5;
        match (self.world.test.engine_name(), first) {
            ("sqlite", true) => {
                let mut beside = self.world.test.beside().await;
                beside.run("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").await;
                tokio::time::sleep(time).await;
                beside.run("ROLLBACK").await;
                blows.count("locked database");
            }
            ("sqlite", false) => {
                node.limit_files(Some(4_096)).await;
                tokio::time::sleep(time).await;
                node.limit_files(None).await;
                blows.count("full disk");
            }
            _ => {
                let how = if first { Stop::Fast } else { Stop::Immediate };
                self.world.test.stop_server(how).await;
                tokio::time::sleep(time / 2).await;
                self.world.test.start_server().await;
                blows.count(if first { "restart of PostgreSQL" } else { "crash of PostgreSQL" });
            }
        }
    }

    /// No more faults: everything that was acknowledged is worked off.
    async fn calm_down(&self, node: &mut Node) {
        weather::clear(&self.world);
        self.office.be_rough(false);
        self.proxy.lose_answers(0);
        if !node.runs() {
            node.start().await;
        }
        self.office.idle().await;
        self.drained().await;
    }

    async fn drained(&self) {
        let begun = Clock::system().monotonic();
        let said = AtomicBool::new(false);
        within(LONGEST_WAIT, "the queue to be empty", async || {
            if begun.elapsed() > LONG && !said.swap(true, Ordering::Relaxed) {
                self.say_what_waits().await;
            }
            self.world.waiting().await == Some(0)
        })
        .await;
    }

    /// For whoever reads why it took too long.
    async fn say_what_waits(&self) {
        type Row = (String, i64, i64, Option<String>, DateTime<Utc>, Option<DateTime<Utc>>);
        let mut beside = self.world.test.beside().await;
        let jobs: Vec<Row> = beside
            .rows("SELECT stage, attempts, total_attempts, cause, created_at, due_at FROM jobs ORDER BY due_at LIMIT 20")
            .await;
        println!("waiting at {}:", Clock::system().now());
        for job in jobs {
            println!("  {job:?}");
        }
    }

    async fn judge(&self, created: &[Ticket], blows: &Blows) {
        let revived = self.world.revive().await;
        self.drained().await;
        let audit = self.world.audit(&self.office, created).await;
        let mut table = Table::default();
        for (what, count) in &blows.0 {
            table.add(*what, count);
        }
        table.add("acknowledgements lost on their way", self.proxy.lost());
        table.add_world(&self.world, &self.office);
        let asked = self.world.model.recorder.take();
        table.add("requests to the model", asked.len());
        table.add("  of them made to fail", asked.iter().filter(|one| one.fault.is_some()).count());
        table.add("dead and replayed", revived);
        table.add_audit(&audit);
        judged(&audit, &table, &format!("storm on {}, seed {}", self.world.test.engine_name(), self.seed));
        let door = self.office.counts().answers;
        assert!(door.keys().all(|status| [0, 202, 429, 503].contains(status)), "the door answered {door:?}");
    }
}

/// Almost half of the tickets are calm: nothing is to be done.
fn scores(luck: &Luck) -> [u32; 3] {
    let highest = if luck.next() < 0.4 { 3 } else { 5 };
    std::array::from_fn(|_| 1 + u32::try_from(pick_index(luck, highest)).unwrap_or_default())
}
