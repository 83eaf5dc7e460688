//! Connections, webhook, policy, prompt, people.

use super::*;

#[tokio::test]
async fn a_ticketing_system_is_connected_tested_and_its_lists_are_read() {
    let world = World::new().await;
    assert_eq!(world.call(Method::GET, "/connections/psa", None).await.problem().1, "not_set_up");
    assert_eq!(world.call(Method::POST, "/connections/psa/test", None).await.problem().1, "not_set_up");
    assert_eq!(world.call(Method::GET, "/connections/psa/lookups", None).await.problem().1, "not_set_up");

    let saved = world.send(Method::PUT, "/connections/psa", &world.autotask_settings()).await;
    assert_eq!((saved.status, &saved.json()["health"]["state"]), (200, &json!("untested")));
    let secret = world.autotask.credentials().secret.clone();
    assert!(!saved.text.contains(&secret), "a secret is never shown");

    let tested = world.call(Method::POST, "/connections/psa/test", None).await.json();
    assert_eq!(tested["ok"], true, "{tested:#}");
    assert_eq!(world.get("/connections/psa").await["health"]["state"], "working");

    let lists = world.get("/connections/psa/lookups").await;
    assert!(lists["priorities"].as_array().is_some_and(|list| !list.is_empty()), "{lists}");
    let asked = || world.autotask.watch.recorder.all().len();
    let before = asked();
    assert_eq!(world.get("/connections/psa/lookups").await, lists);
    assert_eq!(asked(), before, "lists are kept for an hour");
    assert_eq!(world.get("/connections/psa/lookups?refresh=true").await, lists);
    assert!(asked() > before);
    world.clock.advance(Duration::from_secs(3_601));
    let before = asked();
    world.get("/connections/psa/lookups").await;
    assert!(asked() > before, "old lists are fetched again");
}

#[tokio::test]
async fn a_secret_stays_unless_the_address_changes() {
    let world = World::new().await;
    world.send(Method::PUT, "/connections/psa", &world.autotask_settings()).await;
    let shown = world.get("/connections/psa").await["settings"].clone();
    assert!(shown["secret"].as_str().is_some_and(|hint| hint.starts_with('…')), "{shown}");
    let again = world.send(Method::PUT, "/connections/psa", &shown).await;
    assert_eq!(again.status, 200, "what was shown can be sent back: {}", again.text);
    let mut without = shown.clone();
    without.as_object_mut().unwrap().remove("secret");
    assert_eq!(world.send(Method::PUT, "/connections/psa", &without).await.status, 200);
    let kept = world.ours.tenant.psa_connection().await.unwrap().unwrap();
    assert_eq!(kept.settings.secret().expose(), world.autotask.credentials().secret);
    let mut moved = without.clone();
    moved["zone_url"] = json!("https://evil.example/atservicesrest/");
    let refused = world.send(Method::PUT, "/connections/psa", &moved).await;
    assert_eq!(refused.problem(), (422, "invalid".into(), "secret".into()));

    world.connect_model().await;
    let mut model = world.get("/connections/model").await["settings"].clone();
    assert_eq!(model["api_key"], "…cdef");
    assert_eq!(world.send(Method::PUT, "/connections/model", &model).await.status, 200);
    model["base_url"] = json!("https://evil.example/v1");
    assert_eq!(world.send(Method::PUT, "/connections/model", &model).await.problem().2, "api_key");
}

#[tokio::test]
async fn a_system_that_moved_stays_the_same_and_another_one_has_a_webhook_of_its_own() {
    let world = World::new().await;
    let at = |url: &str| json!({"kind": "halopsa", "url": url, "client_id": "id", "client_secret": "s3cr3t-s3cr3t"});
    let put = async |query: &str, url: &str| {
        world.send(Method::PUT, &format!("/connections/psa{query}"), &at(url)).await
    };
    let first = put("", "https://acme.halopsa.com").await.json();
    assert_eq!((&first["instance"], &first["webhook"]), (&json!("halopsa"), &json!("same")));
    let hook = world.get("/hook").await["addresses"].clone();
    world
        .ours
        .tenant
        .connection_used(
            world.ours.tenant.newest_save(store::connections::Which::Psa).await,
            world.clock.now(),
        )
        .await
        .unwrap();

    let second = put("", "https://support.acme.example").await.json();
    assert_eq!((&second["instance"], &second["webhook"]), (&json!("halopsa:2"), &json!("new")));
    assert_ne!(world.get("/hook").await["addresses"], hook);
    let known = json!([
        {"instance": "halopsa", "place": "acme.halopsa.com", "connected": false},
        {"instance": "halopsa:2", "place": "support.acme.example", "connected": true}
    ]);
    assert_eq!(world.get("/connections/psa/instances").await, known);

    let back = put("", "https://acme.halopsa.com").await.json();
    assert_eq!((&back["instance"], &back["webhook"]), (&json!("halopsa"), &json!("again")));
    assert_eq!(world.get("/hook").await["addresses"], hook, "it is called as before");
    for unknown in ["halopsa:2", "halopsa:3", "autotask", "jira"] {
        let refused = put(&format!("?same_as={unknown}"), "https://acme.halopsa.com").await;
        assert_eq!(refused.problem(), (422, "invalid".into(), "same_as".into()), "{unknown}");
    }
    // No ticket of it was read yet, so there is nothing that could be taken for another.
    let moved = put("?same_as=halopsa", "https://desk.acme.example").await.json();
    assert_eq!((&moved["instance"], &moved["webhook"]), (&json!("halopsa"), &json!("same")));
    assert_eq!(world.get("/hook").await["addresses"], hook);
}

#[tokio::test]
async fn a_system_is_not_believed_to_have_moved_to_where_its_tickets_are_not_seen() {
    let world = World::new().await;
    let at = |domain: &str| {
        json!({"kind": "autotask", "username": format!("key@{domain}"), "secret": "s3cr3t-s3cr3t",
            "integration_code": "CODE", "zone_url": "http://127.0.0.1:9/atservicesrest/"})
    };
    let first = world.send(Method::PUT, "/connections/psa", &at("ACME.COM")).await.json();
    assert_eq!(first["instance"], "autotask");
    world.scored_ticket(&world.ours, "7", 3).await;
    let moved = world.send(Method::PUT, "/connections/psa?same_as=autotask", &at("OTHER.COM")).await;
    assert_eq!(moved.problem(), (422, "invalid".into(), "same_as".into()));
    assert!(moved.json()["detail"].as_str().unwrap().contains("We could not look there"), "{}", moved.json());
    let kept = world.get("/connections/psa").await;
    assert_eq!(kept["settings"]["username"], "key@ACME.COM");
    // By its address it may be the one that is known, or another: without a look nobody can tell.
    let mut open = at("ACME.COM");
    open.as_object_mut().unwrap().remove("zone_url");
    let open = world.send(Method::PUT, "/connections/psa", &open).await;
    assert_eq!(open.problem().0, 502, "{}", open.json());
    assert!(open.json()["detail"].as_str().unwrap().contains("Nothing is saved"), "{}", open.json());
    // A new key of the one that is known needs no look.
    let again = world.send(Method::PUT, "/connections/psa?same_as=autotask", &at("ACME.COM")).await;
    assert_eq!(again.status, 200);
}

#[tokio::test]
async fn wrong_settings_are_refused_by_their_field() {
    let world = World::new().await;
    let cases = [
        (json!({"kind": "halopsa", "url": "acme", "client_id": "a", "client_secret": "b"}), 422, "url"),
        (
            json!({"kind": "halopsa", "url": "https://a.example", "client_id": "", "client_secret": "b"}),
            422,
            "client_id",
        ),
        (json!({"kind": "halopsa", "url": "https://a.example", "client_id": "a"}), 422, "client_secret"),
        (json!({"kind": "halopsa", "url": "https://a.example", "client_id": "a", "colour": "red"}), 400, ""),
        (json!({"kind": "zendesk"}), 400, "kind"),
        (json!([]), 400, ""),
    ];
    for (body, status, field) in cases {
        let problem = world.send(Method::PUT, "/connections/psa", &body).await;
        assert_eq!(
            (problem.problem().0, problem.problem().2.as_str()),
            (status, field),
            "{body}: {}",
            problem.text
        );
    }
    let unknown = world
        .send(
            Method::PUT,
            "/connections/psa",
            &json!({"kind": "halopsa", "url": "https://a.example", "client_id": "a", "colour": "red"}),
        )
        .await;
    assert!(unknown.text.contains("colour"), "an unknown field is named: {}", unknown.text);
    let azure = json!({"kind": "azure", "endpoint": "https://a.example", "deployment": "d", "api_version": "soon", "api_key": "k"});
    assert_eq!(world.send(Method::PUT, "/connections/model", &azure).await.problem().2, "api_version");
}

#[tokio::test]
async fn a_model_is_chosen_and_tested() {
    let world = World::new().await;
    assert_eq!(world.get("/connections/model").await["settings"], json!({"kind": "builtin"}));
    assert_eq!(world.send(Method::PUT, "/connections/model", &world.openai()).await.status, 200);
    let tested = world.call(Method::POST, "/connections/model/test", None).await.json();
    assert_eq!(tested["ok"], true, "{tested:#}");
    let mut wrong = world.openai();
    wrong["api_key"] = json!("sk-wrong-wrong-wrong");
    world.send(Method::PUT, "/connections/model", &wrong).await;
    let tested = world.call(Method::POST, "/connections/model/test", None).await.json();
    assert_eq!((&tested["ok"], &tested["checks"][0]["name"]), (&json!(false), &json!("API key")));
    let health = world.get("/connections/model").await["health"].clone();
    assert_eq!(health["state"], "paused");
    assert!(health["reason"].as_str().is_some_and(|reason| reason.contains("API key")), "{health}");
}

#[tokio::test]
async fn the_webhook_is_registered_in_the_ticketing_system() {
    let world = World::new().await;
    let register = || world.call(Method::POST, "/hook/register", None);
    assert_eq!(register().await.problem().1, "not_set_up");
    world.send(Method::PUT, "/connections/psa", &world.autotask_settings()).await;
    let made = register().await.json();
    assert_eq!(made["outcome"], "made", "{made}");
    assert!(made["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{made}");
    let webhook = world.autotask.webhooks().pop().unwrap();
    assert_eq!(webhook["webhookUrl"], world.get("/hook").await["addresses"][1]["url"]);
    assert_eq!(register().await.json()["outcome"], "in_place");
    let trail = world.get("/audit").await.to_string();
    assert!(trail.contains("hook.registered") && trail.contains("Robot"), "{trail}");

    world.autotask.deny("ticketwebhooks", "create");
    let (status, kind, _) = register().await.problem();
    assert_eq!((status, kind.as_str()), (502, "outside"));
}

#[tokio::test]
async fn the_webhook_address_is_shown_and_changed() {
    let world = World::new().await;
    let before = world.get("/hook").await;
    let url = before["addresses"][0]["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://undertone.example/hooks/connectwise/") && url.ends_with("?recordId="),
        "{url}"
    );
    assert_eq!(before["addresses"][0]["secret"], Value::Null);
    assert!(before["addresses"][1]["secret"].as_str().is_some_and(|secret| secret.len() >= 16));
    let after = world.call(Method::POST, "/hook/rotate", None).await.json();
    assert_ne!(after["addresses"][1]["url"], before["addresses"][1]["url"]);
    assert_eq!(world.get("/hook").await, after);
}

#[tokio::test]
async fn a_policy_is_checked_saved_and_its_versions_are_kept() {
    let world = World::new().await;
    let first = world.get("/policy").await;
    assert_eq!(first["policy"]["mode"], "shadow");
    let mut policy = first["policy"].clone();
    policy["mode"] = json!("live");
    policy["thresholds"]["impact"] = Value::Null;
    let saved = world.send(Method::PUT, "/policy", &policy).await.json();
    assert_eq!(
        (&saved["policy"], saved["version"].as_i64()),
        (&policy, first["version"].as_i64().map(|version| version + 1))
    );
    assert_eq!(saved["saved_by"], "Robot");
    assert_eq!(
        world.send(Method::PUT, "/policy", &policy).await.json()["version"],
        saved["version"],
        "nothing changed"
    );
    assert_eq!(world.get("/policy/versions").await["versions"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.get("/policy/versions?limit=1").await["versions"][0], saved);

    let wrongs = [
        (json!({"mode": "live"}), 400, ""),
        (json!({"mode": "loud", "thresholds": policy["thresholds"]}), 400, "mode"),
        (
            json!({"mode": "live", "thresholds": {"sentiment": 6, "urgency": 4, "impact": 4}}),
            400,
            "thresholds.sentiment",
        ),
        (
            json!({"mode": "live", "thresholds": policy["thresholds"], "updates": {"colour": 1}}),
            400,
            "updates.colour",
        ),
        (
            json!({"mode": "live", "thresholds": policy["thresholds"], "updates": {"priority": {"driver": "urgency", "values": {"4": {"id": "9"}}, "ranking": []}}}),
            422,
            "updates.priority.values",
        ),
    ];
    for (body, status, field) in wrongs {
        let problem = world.send(Method::PUT, "/policy", &body).await;
        assert_eq!(
            (problem.problem().0, problem.problem().2.as_str()),
            (status, field),
            "{body}: {}",
            problem.text
        );
    }
}

#[tokio::test]
async fn a_prompt_is_checked_previewed_and_saved() {
    let world = World::new().await;
    let built_in = world.get("/prompt").await;
    assert_eq!((&built_in["version"], built_in["template"].as_str()), (&json!(0), Some(prompt::DEFAULT)));
    let wrong = world.send(Method::PUT, "/prompt", &json!({"template": "Hi\n{{ clinet }}"})).await;
    assert_eq!(wrong.problem(), (422, "invalid".into(), "template".into()));
    assert!(wrong.text.contains("line 2, column 4"), "{}", wrong.text);
    let saved =
        world.send(Method::PUT, "/prompt", &json!({"template": "Be fair to {{ client }}."})).await.json();
    assert_eq!((&saved["version"], &saved["saved_by"]), (&json!(1), &json!("Robot")));
    assert_eq!(world.get("/prompt/versions").await["versions"][0], saved);
    let preview = async |body: Value| world.send(Method::POST, "/prompt/preview", &body).await;
    let text = |reply: Reply| reply.json()["prompt"].as_str().unwrap_or_default().to_owned();
    assert!(text(preview(json!({})).await).contains("Be fair to ⟦Harbour Dental Group⟧."));
    assert!(text(preview(json!({"template": "Other."})).await).contains("Other."));
    let (ours, _) = world.scored_ticket(&world.ours, "1", 4).await;
    let (theirs, _) = world.scored_ticket(&world.theirs, "1", 4).await;
    assert!(text(preview(json!({"ticket": ours})).await).contains("=Printer 1"));
    assert_eq!(preview(json!({"ticket": theirs})).await.problem(), (422, "invalid".into(), "ticket".into()));
    let names = world.get("/prompt/variables").await;
    assert!(names["variables"].as_array().is_some_and(|list| list.len() > 10));
}

#[tokio::test]
async fn people_and_tokens_come_and_go() {
    let world = World::new().await;
    let new = json!({"email": "dana@ours.example", "name": "Dana", "role": "dispatcher", "password": "correct horse battery"});
    let added = world.send(Method::POST, "/members", &new).await;
    assert_eq!(added.status, 201, "{}", added.text);
    assert_eq!(world.send(Method::POST, "/members", &new).await.problem().1, "conflict");
    for (field, value) in [
        ("email", json!("dana")),
        ("email", json!("a b@c.example")),
        ("name", json!(" ")),
        ("password", json!("short")),
    ] {
        let mut wrong = new.clone();
        wrong[field] = value;
        assert_eq!(
            world.send(Method::POST, "/members", &wrong).await.problem(),
            (422, "invalid".into(), field.into())
        );
    }
    let members = world.get("/members").await;
    let members = members["members"].as_array().unwrap();
    assert_eq!(members.len(), 2);
    let owner = members.iter().find(|member| member["role"] == "owner").unwrap()["id"].as_str().unwrap();
    assert_eq!(world.call(Method::DELETE, &format!("/members/{owner}"), None).await.problem().1, "conflict");
    let dana = format!("/members/{}", added.json()["id"].as_str().unwrap());
    assert_eq!(
        world.call_as(&world.theirs.token, Method::DELETE, &dana, None).await.problem().1,
        "not_found"
    );
    assert_eq!(world.call(Method::DELETE, &dana, None).await.status, 204);
    assert_eq!(world.call(Method::DELETE, &dana, None).await.problem().1, "not_found");

    // A token may do what its maker might, and an admin adds nobody.
    let admin = json!({"email": "ada@ours.example", "name": "Ada", "role": "admin", "password": "correct horse battery"});
    let admin =
        world.send(Method::POST, "/members", &admin).await.json()["id"].as_str().unwrap().parse().unwrap();
    let (_, admins) =
        world.ours.tenant.token_create("Ada's", &Actor::User(admin), super::start()).await.unwrap();
    let more = json!({"email": "eve@ours.example", "name": "Eve", "role": "owner", "password": "correct horse battery"});
    let refused = world.call_as(&admins, Method::POST, "/members", Some(&more)).await;
    assert_eq!(refused.problem(), (403, "denied".into(), String::new()));
    let inherited =
        world.call_as(&admins, Method::POST, "/tokens", Some(&json!({"name": "more"}))).await.json();
    let inherited = inherited["token"].as_str().unwrap();
    assert_eq!(world.call_as(inherited, Method::POST, "/members", Some(&more)).await.status, 403);
    let ada = format!("/members/{admin}");
    assert_eq!(world.call_as(&admins, Method::DELETE, &ada, None).await.status, 403);

    let made = world.send(Method::POST, "/tokens", &json!({"name": "Reports"})).await.json();
    let token = made["token"].as_str().unwrap();
    assert_eq!(world.call_as(token, Method::GET, "/tokens", None).await.status, 200);
    let listed = world.call(Method::GET, "/tokens", None).await;
    assert!(!listed.text.contains(token) && listed.text.contains(token.get(token.len() - 4..).unwrap()));
    assert_eq!(world.send(Method::POST, "/tokens", &json!({"name": ""})).await.problem().2, "name");
    let path = format!("/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(world.call_as(&world.theirs.token, Method::DELETE, &path, None).await.status, 404);
    assert_eq!(world.call(Method::DELETE, &path, None).await.status, 204);
    assert_eq!(world.call_as(token, Method::GET, "/tokens", None).await.status, 401);
}

#[tokio::test]
async fn what_was_changed_stands_in_the_audit_trail() {
    let world = World::new().await;
    world.send(Method::PUT, "/connections/psa", &world.autotask_settings()).await;
    world.send(Method::PUT, "/connections/model", &world.openai()).await;
    world.call(Method::POST, "/hook/rotate", None).await;
    let mut policy = world.get("/policy").await["policy"].clone();
    policy["mode"] = json!("live");
    world.send(Method::PUT, "/policy", &policy).await;
    world.send(Method::PUT, "/prompt", &json!({"template": "Be fair."})).await;
    world.send(Method::POST, "/tokens", &json!({"name": "Reports"})).await;
    let (ticket, delivery) = world.scored_ticket(&world.ours, "1", 4).await;
    world.call(Method::POST, &format!("/tickets/{ticket}/replay"), None).await;
    let _ = delivery;
    let trail = world.get("/audit?limit=200").await;
    let entries = trail["entries"].as_array().unwrap();
    let by_robot: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["actor"] == "Robot")
        .filter_map(|entry| entry["what"].as_str())
        .collect();
    for what in [
        "connection.psa.saved",
        "connection.model.saved",
        "hook.rotated",
        "policy.saved",
        "prompt.saved",
        "token.created",
        "ticket.replayed",
    ] {
        assert!(by_robot.contains(&what), "{what} is not among {by_robot:?}");
    }
    let secret = &world.autotask.credentials().secret;
    assert!(!trail.to_string().contains(secret.as_str()) && !trail.to_string().contains(Model::KEY));
    let first = world.get("/audit?limit=2").await;
    let next = world.get(&format!("/audit?limit=2&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!(next["entries"][0], entries[2]);
}

#[tokio::test]
async fn a_workspace_chooses_how_long_texts_are_kept() {
    let world = World::new().await;
    assert_eq!(world.get("/retention").await, json!({"days": null, "default_days": 400}));
    let saved = world.send(Method::PUT, "/retention", &json!({"days": 90})).await;
    assert_eq!((saved.status, saved.json()), (200, json!({"days": 90, "default_days": 400})));
    assert_eq!(world.get("/retention").await, saved.json());
    for (body, status, field) in [
        (json!({"days": 29}), 422, "days"),
        (json!({"days": 100_000}), 422, "days"),
        (json!({"days": "long"}), 400, "days"),
    ] {
        let problem = world.send(Method::PUT, "/retention", &body).await.problem();
        assert_eq!((problem.0, problem.2.as_str()), (status, field), "{body}");
    }
    assert_eq!(world.send(Method::PUT, "/retention", &json!({})).await.status, 400);
    assert_eq!(world.get("/retention").await["days"], 90, "what was refused changed nothing");
    assert_eq!(
        world.call_as(&world.theirs.token, Method::GET, "/retention", None).await.json()["days"],
        Value::Null
    );
    let trail = world.get("/audit").await.to_string();
    assert!(trail.contains("retention.saved") && trail.contains("90 days"), "{trail}");

    let (ticket, _) = world.scored_ticket(&world.ours, "1", 4).await;
    world.ours.tenant.texts_remove(start() + chrono::TimeDelta::days(500), None, 10).await.unwrap();
    let story = world.get(&format!("/tickets/{ticket}")).await;
    assert_eq!(
        (&story["text_removed"], &story["title"], &story["text"]),
        (&json!(true), &json!(""), &json!(""))
    );
    assert_eq!(
        (&story["sentiment"], &story["analyses"][0]["assessment"]["sentiment"]["reason"]),
        (&json!(4), &json!(""))
    );
    assert_eq!(world.get("/tickets").await["tickets"][0]["text_removed"], true);
    let csv = world.call(Method::GET, "/export", None).await.text;
    assert!(csv.lines().next().is_some_and(|head| head.ends_with(",text_removed")), "{csv}");
}
