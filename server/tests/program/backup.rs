//! A copy of the database that is made while it is written to, and what is in it.

use crate::process::{Home, Program, Workspace, free, halo, text};
use crate::wire::{PATIENCE, Wire};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SENDERS: usize = 4;
/// Calls that are safely in before the copy begins.
const BEFORE: usize = 200;

/// Ids of all deliveries, each read whole.
async fn deliveries(workspace: &Workspace, program: &Program) -> BTreeSet<String> {
    let (mut found, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page =
            workspace.api(program, "GET", &format!("/deliveries?limit=200{cursor}"), &Value::Null).await;
        for delivery in page["deliveries"].as_array().unwrap() {
            assert!(delivery["external_ticket"].is_string(), "{delivery}");
            found.insert(delivery["id"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => {
                cursor =
                    format!("&cursor={}", next.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"))
            }
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_database_that_is_written_to_is_whole_when_it_is_restored() {
    let home = Home::new();
    let program = home.serve("db", &["--log", "warn"]).await;
    let workspace =
        Arc::new(Workspace::new(&home, "db", &program, halo(&format!("http://{}", free()))).await);

    let (sent, stop, at) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)), program.web);
    let send = |first: usize| {
        let (workspace, sent, stop) = (Arc::clone(&workspace), Arc::clone(&sent), Arc::clone(&stop));
        async move {
            let (mut wire, mut taken) = (Wire::open(at).await.unwrap(), Vec::new());
            for number in (first..).step_by(SENDERS).take_while(|_| !stop.load(Ordering::SeqCst)) {
                wire.send(&workspace.new_ticket(1 + number)).await;
                let answer = wire.answer().await.unwrap();
                assert_eq!(answer.status, 202);
                taken.push(answer.json()["delivery_id"].as_str().unwrap().to_owned());
                sent.fetch_add(1, Ordering::SeqCst);
            }
            taken
        }
    };
    let copy = home.path("copy");
    let make = async {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(5));
        while sent.load(Ordering::SeqCst) < BEFORE {
            ticks.tick().await;
        }
        let before = sent.load(Ordering::SeqCst);
        let mut command = home.command("db", &["backup", text(&copy)]);
        let made = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let during = sent.load(Ordering::SeqCst) - before;
        // Goes on for a while, so that the copy cannot hold everything by chance.
        while sent.load(Ordering::SeqCst) < before + during + BEFORE {
            ticks.tick().await;
        }
        stop.store(true, Ordering::SeqCst);
        (before, during)
    };
    let all = async { tokio::join!(futures::future::join_all((0..SENDERS).map(send)), make) };
    let (taken, (before, during)) = tokio::time::timeout(3 * PATIENCE, all).await.unwrap();
    let taken: BTreeSet<String> = taken.into_iter().flatten().collect();
    assert!(during > 0, "it is written to while the copy is made");

    let restored = home.serve("copy", &["--log", "warn"]).await;
    let found = deliveries(&workspace, &restored).await;
    println!("{before} before, {during} meanwhile, {} in the copy, {} in all", found.len(), taken.len());
    assert!(found.is_subset(&taken), "nothing in it was made up");
    assert!((before..taken.len()).contains(&found.len()), "what was safe before the copy is in it");
    // Each with its job and the rest of its rows: the copy is worked on like any other.
    let one = found.first().unwrap();
    let whole = workspace.api(&restored, "GET", &format!("/deliveries/{one}"), &Value::Null).await;
    assert_eq!(whole["verified"], true);
    let overview = workspace.api(&restored, "GET", "/overview", &Value::Null).await;
    assert_eq!(
        overview["pipeline"]["waiting"],
        found.len(),
        "every call in it waits for its ticket: {overview}"
    );
    let (status, said) = home.run("copy", &["doctor"], "");
    assert!(status.success(), "{said}");
}
