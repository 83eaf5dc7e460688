//! What `doctor` finds out about connections.

use crate::process::{Home, Workspace, free, halo};
use sandbox::halo::{Credentials, Halo, VENDOR_RETRY};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_asks_each_connection_when_told_to_and_says_what_to_do() {
    let desk = Halo::new(Credentials::default(), VENDOR_RETRY);
    let desk_at = sandbox::serve(([127, 0, 0, 1], 0).into(), desk.router()).await.unwrap();
    desk.set_url(&desk_at.url());
    let home = Home::new();
    let program = home.serve("db", &["--log", "warn"]).await;
    let keys = desk.credentials();
    let mut psa = halo(&desk_at.url());
    (psa["client_id"], psa["client_secret"], psa["tenant"]) =
        (json!(keys.client_id), json!(keys.client_secret), json!(keys.tenant));
    let workspace = Workspace::new(&home, "db", &program, psa).await;

    let run = |args: Vec<&'static str>| {
        let args: Vec<&str> = [vec!["doctor", "--allow-private-hosts"], args].concat();
        home.run("db", &args, "")
    };
    let (status, said) = tokio::task::block_in_place(|| run(vec![]));
    assert!(status.success() && said.contains("saved, not tested"), "{said}");
    assert!(desk.watch.recorder.all().is_empty(), "nobody is asked unless told to");

    let (status, said) = tokio::task::block_in_place(|| run(vec!["--connections"]));
    assert!(status.success(), "{said}");
    assert!(said.contains("HaloPSA: answers, all"), "{said}");
    assert!(said.to_lowercase().contains("built"), "the model is asked too: {said}");

    workspace.api(&program, "PUT", "/connections/psa", &halo(&format!("http://{}", free()))).await;
    let (status, said) = tokio::task::block_in_place(|| run(vec!["--connections"]));
    assert!(!status.success(), "{said}");
    assert!(said.contains("FAIL") && said.contains("could not be reached"), "{said}");
}
