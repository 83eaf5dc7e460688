//! Tickets, deliveries, trends, export, trying a text; and how calls are refused.

use super::*;
use sandbox::Fault;

#[tokio::test]
async fn tickets_are_listed_filtered_and_told() {
    let world = World::new().await;
    let (calm, _) = world.scored_ticket(&world.ours, "1", 2).await;
    let (angry, delivery) = world.scored_ticket(&world.ours, "2", 5).await;
    world.scored_ticket(&world.theirs, "3", 5).await;
    let ids = |list: &Value| -> Vec<String> {
        list["tickets"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&world.get("/tickets").await), [angry.to_string(), calm.to_string()]);
    let cases = [
        ("?min_sentiment=4", vec![angry]),
        ("?label=positive", vec![calm]),
        ("?label=negative&state=analysed&escalated=false&client=autotask/250&q=printer&cursor=", vec![angry]),
        ("?from=2026-03-05&to=2026-03-06", vec![angry, calm]),
        ("?to=2026-03-05T09:00:00Z", vec![]),
        ("?client=250", vec![angry, calm]),
        ("?client=autotask:2/250", vec![]),
        ("?client=none", vec![]),
    ];
    world.send(Method::PUT, "/connections/psa", &world.autotask_settings()).await;
    for (query, expected) in cases {
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(ids(&world.get(&format!("/tickets{query}")).await), expected, "{query}");
    }
    let first = world.get("/tickets?limit=1").await;
    let second = world.get(&format!("/tickets?limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((ids(&first), ids(&second)), (vec![angry.to_string()], vec![calm.to_string()]));
    assert_eq!(second["next"], Value::Null);

    let story = world.get(&format!("/tickets/{angry}")).await;
    assert_eq!(
        (&story["sentiment"], &story["analyses"][0]["assessment"]["sentiment"]["quote"]),
        (&json!(5), &json!("blank pages"))
    );
    assert_eq!(story["analyses"][0]["tokens_in"], 900);
    assert_eq!(story["deliveries"][0]["id"], delivery.to_string());
    assert!(story["timeline"].as_array().is_some_and(|events| !events.is_empty()));
    assert_eq!(world.call(Method::POST, &format!("/tickets/{angry}/replay"), None).await.status, 202);
}

#[tokio::test]
async fn the_past_is_listed_allowed_paused_and_cancelled() {
    let world = World::new().await;
    let post = async |path: &str, body: Value| world.send(Method::POST, path, &body).await;
    assert_eq!(world.get("/import").await, json!({"import": null}));
    assert_eq!(post("/import", json!({"days": 30})).await.problem().1, "not_set_up");
    world.send(Method::PUT, "/connections/psa", &world.autotask_settings()).await;
    for days in [0, -1, 366, 1_000_000] {
        let refused = post("/import", json!({"days": days})).await;
        assert_eq!(refused.problem(), (422, "invalid".into(), "days".into()), "{days}");
    }
    let refused = post("/import", json!({"days": 30.5})).await;
    assert_eq!(refused.problem(), (400, "malformed".into(), "days".into()));
    let begun = post("/import", json!({"days": 30.0})).await.json();
    assert_eq!((&begun["import"]["state"], &begun["import"]["waiting"]), (&json!("listing"), &json!(0)));
    assert_eq!(post("/import", json!({"days": 30})).await.problem().1, "conflict");
    for path in ["start", "pause"] {
        let refused = post(&format!("/import/{path}"), json!({})).await;
        assert_eq!(refused.problem().0, 409, "{path}: nothing is listed yet");
    }
    let refused = post("/import/start", json!({"max_tickets": 0})).await;
    assert_eq!(refused.problem().2, "max_tickets");
    let ours = world.ours.tenant.import().await.unwrap().unwrap().id;
    let next = || store::imports::ImportNext { at: chrono::DateTime::UNIX_EPOCH, reason: None };
    assert!(world.ours.tenant.import_keep(ours, Vec::new(), None, next()).await.unwrap());
    let unpriced = post("/import/start", json!({"max_cost": "1.50"})).await;
    assert_eq!(unpriced.problem(), (422, "invalid".into(), "max_cost".into()));
    world.connect_model().await;
    let mut model = world.get("/connections/model").await["settings"].clone();
    model["price"] = json!({"input": "0.40", "output": "1.60"});
    assert_eq!(world.send(Method::PUT, "/connections/model", &model).await.status, 200);
    let running = post("/import/start", json!({"max_tickets": 9, "max_cost": "1.50"})).await.json();
    let shown = ["state", "max_tickets", "max_cost"].map(|field| running["import"][field].clone());
    assert_eq!(shown, [json!("running"), json!(9), json!("1.50")]);
    assert_eq!(post("/import/pause", json!({})).await.json()["import"]["state"], "paused");
    assert_eq!(post("/import/cancel", json!({})).await.json()["import"]["state"], "cancelled");
    assert_eq!(post("/import/cancel", json!({})).await.problem().0, 409);
}

#[tokio::test]
async fn webhook_calls_are_listed_told_and_worked_on_again() {
    let world = World::new().await;
    let (_, delivery) = world.scored_ticket(&world.ours, "1", 2).await;
    let list = world.get("/deliveries?state=done").await;
    assert_eq!(list["deliveries"][0]["id"], delivery.to_string());
    assert_eq!(world.get("/deliveries?state=dead").await["deliveries"], json!([]));
    let told = world.get(&format!("/deliveries/{delivery}")).await;
    assert_eq!((&told["body"], &told["verified"]), (&json!(r#"{"Id":1}"#), &json!(true)));
    assert_eq!(world.call(Method::POST, &format!("/deliveries/{delivery}/replay"), None).await.status, 202);
}

#[tokio::test]
async fn another_workspaces_things_do_not_exist() {
    let world = World::new().await;
    let (ticket, delivery) = world.scored_ticket(&world.theirs, "1", 5).await;
    let paths = [
        (Method::GET, format!("/tickets/{ticket}")),
        (Method::POST, format!("/tickets/{ticket}/replay")),
        (Method::GET, format!("/deliveries/{delivery}")),
        (Method::POST, format!("/deliveries/{delivery}/replay")),
        (Method::GET, "/tickets/not-an-id".into()),
    ];
    for (method, path) in paths {
        assert_eq!(world.call(method, &path, None).await.problem().1, "not_found", "{path}");
    }
    assert_eq!(world.get("/tickets").await["tickets"], json!([]));
    assert_eq!(world.get("/overview").await["now"]["analysed"], 0);
}

#[tokio::test]
async fn tickets_add_up() {
    let world = World::new().await;
    for (number, sentiment) in [("1", 5), ("2", 5), ("3", 3), ("4", 1)] {
        world.scored_ticket(&world.ours, number, sentiment).await;
    }
    let overview = world.get("/overview").await;
    let now = &overview["now"];
    assert_eq!(
        (&now["analysed"], &now["negative"], &now["mean_sentiment"], &now["negative_share"]),
        (&json!(4), &json!(2), &json!(3.5), &json!(0.5))
    );
    assert_eq!(overview["span"], json!({"from": "2026-02-04", "to": "2026-03-06"}));
    assert_eq!(overview["pipeline"]["dead"], 0);
    let trend = world.get("/trends?from=2026-03-01&to=2026-03-08&bucket=day").await;
    let points = trend["series"][0]["points"].as_array().unwrap();
    assert_eq!(
        (points.len(), &points[4]["start"], &points[4]["analysed"], &points[0]["analysed"]),
        (7, &json!("2026-03-05"), &json!(4), &json!(0))
    );
    let by_client = world.get("/trends?from=2026-03-01&to=2026-04-01&bucket=month&group_by=client").await;
    assert_eq!(
        (&by_client["series"][0]["client"], &by_client["series"][0]["points"][0]["analysed"]),
        (&json!("Harbour Dental Group"), &json!(4))
    );
    let clients = world.get("/clients").await;
    assert_eq!(
        (&clients["clients"][0]["id"], &clients["clients"][0]["now"]["negative"]),
        (&json!("autotask/250"), &json!(2))
    );
    for query in ["from=2026-03-08&to=2026-03-01", "from=2026-03-01&to=2026-03-01", "from=1926-03-01"] {
        assert_eq!(
            world.call(Method::GET, &format!("/trends?{query}"), None).await.problem().2,
            "from",
            "{query}"
        );
    }
}

#[tokio::test]
async fn all_tickets_are_exported() {
    let world = World::new().await;
    for number in ["1", "2"] {
        world.scored_ticket(&world.ours, number, 5).await;
    }
    world.scored_ticket(&world.theirs, "3", 5).await;
    let csv = world.call(Method::GET, "/export", None).await;
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("id,number,title,client")
            && lines[1].contains(",T-2,'=Printer 2,Harbour Dental Group"),
        "{}",
        csv.text
    );
    let stories = world.call(Method::GET, "/export?format=ndjson&from=2026-03-05", None).await;
    let stories: Vec<Value> = stories.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((stories.len(), &stories[1]["external_id"]), (2, &json!("1")));
    assert_eq!(world.call(Method::GET, "/export?to=2026-03-05", None).await.text.lines().count(), 1);
}

#[tokio::test]
async fn a_text_is_scored_and_nothing_is_written() {
    let world = World::new().await;
    world.connect_model().await;
    let angry = json!({"title": "Printer", "text": "This is the fourth time I write. Nobody can print. Unacceptable!", "client": "Harbour"});
    let answer = world.send(Method::POST, "/analyze", &angry).await.json();
    assert_eq!(
        answer["assessment"]["sentiment"],
        json!({"score": 5, "reason": answer["assessment"]["sentiment"]["reason"], "quote": "Unacceptable"})
    );
    assert_eq!((&answer["plan"]["label"], &answer["skipped"]), (&json!("negative"), &Value::Null));
    assert!(answer["tokens_in"].as_i64().is_some_and(|tokens| tokens > 100));
    assert_eq!(world.get("/tickets").await["tickets"], json!([]));

    let body = json!({"choices": [{"message": {"content": null, "refusal": "No."}}]}).to_string();
    world.model.watch.faults.add(
        None,
        "completions",
        1,
        Fault::Answer { status: 200, content_type: "application/json", body, retry_after: None },
    );
    let refused = world.send(Method::POST, "/analyze", &angry).await.json();
    assert_eq!((&refused["assessment"], &refused["plan"]), (&Value::Null, &Value::Null));
    assert!(refused["skipped"].as_str().is_some_and(|why| why.contains("refused")));

    world.model.watch.faults.add(
        None,
        "completions",
        1,
        Fault::Answer { status: 401, content_type: "application/json", body: "{}".into(), retry_after: None },
    );
    assert_eq!(world.send(Method::POST, "/analyze", &angry).await.problem().1, "outside");
    assert_eq!(
        world.send(Method::POST, "/analyze", &json!({"text": " "})).await.problem(),
        (422, "invalid".into(), "text".into())
    );
    assert_eq!(
        world.send(Method::POST, "/analyze", &json!({"text": "x", "template": "{{"})).await.problem().2,
        "template"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.ours.token);
    let put = async |path: &str, kind: &str, body: &[u8]| {
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        world.raw(Method::PUT, path, &headers, body.to_vec()).await.problem()
    };
    let json = "application/json; charset=utf-8";
    assert_eq!(put("/api/v1/prompt", "text/plain", b"{}").await.1, "not_json");
    assert_eq!(put("/api/v1/prompt", json, b"{").await.1, "malformed");
    assert_eq!(put("/api/v1/prompt", json, b"{\"template\":\"x\"} extra").await.1, "malformed");
    assert_eq!(
        put("/api/v1/prompt", json, b"{\"template\":7}").await,
        (400, "malformed".into(), "template".into())
    );
    assert_eq!(put("/api/v1/prompt", json, &b"\xff".repeat(10)).await.1, "malformed");
    assert_eq!(put("/api/v1/prompt", json, &b" ".repeat(300_000)).await.1, "too_large");
    assert_eq!(put("/api/v1/nothing", json, b"{}").await.1, "no_such_address");
    assert_eq!(put("/api/v1/tickets", json, b"{}").await.1, "wrong_method");
    let cases = [
        ("/tickets?limit=0", "invalid", "limit"),
        ("/tickets?limit=201", "invalid", "limit"),
        ("/tickets?limit=many", "malformed", "limit"),
        ("/tickets?colour=red", "malformed", "colour"),
        ("/tickets?from=yesterday", "malformed", "from"),
        ("/tickets?min_sentiment=9", "malformed", "min_sentiment"),
        ("/tickets?cursor=nonsense", "malformed", "cursor"),
        ("/trends?bucket=hour", "malformed", "bucket"),
        ("/trends?group_by=board", "malformed", "group_by"),
    ];
    for (path, id, field) in cases {
        let problem = world.call(Method::GET, path, None).await.problem();
        assert_eq!((problem.1.as_str(), problem.2.as_str()), (id, field), "{path}");
    }
}

#[tokio::test]
async fn a_token_that_calls_too_often_waits_and_no_other_does() {
    let quota = Quota::per_hour(NonZeroU32::new(60).unwrap()).allow_burst(NonZeroU32::new(3).unwrap());
    let world = World::paced(Pace::new(quota)).await;
    for _ in 0..3 {
        world.get("/policy").await;
    }
    let refused = world.call(Method::GET, "/policy", None).await;
    assert_eq!(refused.problem().1, "too_fast");
    let wait: u64 = refused.headers.get("retry-after").unwrap().to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(world.call_as(&world.theirs.token, Method::GET, "/policy", None).await.status, 200);
}
