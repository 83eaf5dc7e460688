//! A SQLite file that cannot be written: the door says so in the words after which each sender repeats, and what was
//! acknowledged is there.

use super::audit::{Table, judged};
use super::desk::Ticket;
use super::node::Node;
use super::office::Office;
use super::world::{World, eventually};
use domain::PsaKind;
use server::clock::Luck;
use store::testing::TestStore;

struct Shop {
    world: World,
    node: Node,
    office: Office,
    tickets: Vec<Ticket>,
}

impl Shop {
    async fn open() -> Self {
        let world = World::new(TestStore::sqlite().await, &PsaKind::ALL).await;
        let mut node = Node::new(&world, "serve", 8);
        node.start().await;
        let office = Office::serve(node.web, Luck::seeded(1)).await;
        world.desks.iter().for_each(|desk| desk.subscribe(&office.url()));
        let mut shop = Self { world, node, office, tickets: Vec::new() };
        shop.tickets();
        shop.all_acknowledged().await;
        shop
    }

    /// Some in each workspace.
    fn tickets(&mut self) {
        for (desk, shop) in self.world.desks.iter().enumerate() {
            self.tickets.extend((0..5).map(|_| shop.create(desk, [5, 5, 5])));
        }
    }

    async fn all_acknowledged(&self) {
        let all = async || self.office.under_way() == 0 && self.office.counts().calls >= self.tickets.len();
        eventually("every call to be acknowledged", all).await;
    }

    /// The door takes nothing: ConnectWise repeats after 429 alone, the others after 503.
    async fn turned_away(&self) {
        eventually("each sender to be turned away", async || {
            let answers = self.office.counts().answers;
            answers.contains_key(&429) && answers.get(&503).is_some_and(|count| *count >= 2)
        })
        .await;
    }

    async fn end(self, title: &str) {
        self.all_acknowledged().await;
        self.office.idle().await;
        eventually("the queue to be empty", async || self.world.waiting().await == Some(0)).await;
        let audit = self.world.audit(&self.office, &self.tickets).await;
        let mut table = Table::default();
        table.add_world(&self.world, &self.office);
        table.add_audit(&audit);
        judged(&audit, &table, title);
        assert_eq!(audit.acknowledged, self.tickets.len());
        let answers = self.office.counts().answers;
        assert!(answers.keys().all(|status| [202, 429, 503].contains(status)), "{answers:?}");
    }
}

#[tokio::test]
async fn a_locked_file_is_an_answer_to_repeat_after_and_never_a_lost_ticket() {
    let mut shop = Shop::open().await;
    let mut beside = shop.world.test.beside().await;
    beside.run("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE").await;
    shop.tickets();
    shop.turned_away().await;
    beside.run("ROLLBACK").await;
    shop.end("a locked file").await;
}

#[tokio::test]
async fn a_full_disk_is_an_answer_to_repeat_after_and_never_a_lost_ticket() {
    let mut shop = Shop::open().await;
    shop.node.limit_files(Some(4_096)).await;
    shop.tickets();
    shop.turned_away().await;
    shop.node.limit_files(None).await;
    shop.end("a full disk").await;
}
