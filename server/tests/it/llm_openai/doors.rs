//! Each door, and giving way on fields.

use super::*;

#[tokio::test]
async fn each_door_scores_a_ticket_with_requests_its_document_allows() {
    let world = World::new().await;
    assert_eq!(scored(&world.openai()).await, (5, 5, 5));
    assert_eq!(scored(&world.azure(None)).await, (5, 5, 5));
    assert_eq!(scored(&world.azure(Some("v1"))).await, (5, 5, 5));
    assert_eq!(scored(&world.azure(Some("2024-10-21"))).await, (5, 5, 5));
    assert_eq!(scored(&world.azure(Some("2025-03-01-preview"))).await, (5, 5, 5));

    let requests = world.recorded();
    let paths: Vec<_> =
        requests.iter().map(|request| (request.path.as_str(), request.query.as_deref())).collect();
    assert_eq!(
        paths,
        [
            ("/v1/chat/completions", None),
            ("/openai/v1/chat/completions", None),
            ("/openai/v1/chat/completions", None),
            ("/openai/deployments/sandbox-1/chat/completions", Some("api-version=2024-10-21")),
            ("/openai/deployments/sandbox-1/chat/completions", Some("api-version=2025-03-01-preview")),
        ]
    );
    let headers = |at: usize, name: &str| {
        requests.get(at).and_then(|request| request.headers.get(name)).map(|value| value.to_str().unwrap())
    };
    assert_eq!(headers(0, "authorization"), Some("Bearer sk-sandbox-0123456789abcdef"));
    assert_eq!((headers(1, "api-key"), headers(1, "authorization")), (Some(StandIn::KEY), None));
    if let (Some(openai), Some(azure)) = (openai_spec(), azure_spec()) {
        let (plain, azures): (Vec<_>, Vec<_>) =
            requests.into_iter().partition(|request| !request.path.starts_with("/openai/"));
        assert_eq!(spec::check_all(&openai, &plain, &[]), 1);
        // The document of the 2025 preview is not at hand: it knows more fields than that of 2024-10-21.
        let known: Vec<_> = azures
            .into_iter()
            .filter(|request| request.query.as_deref() != Some("api-version=2025-03-01-preview"))
            .collect();
        assert_eq!(spec::check_all(&azure, &known, &[]), 3);
    }
}

#[tokio::test]
async fn a_wrong_request_is_caught_by_the_documents() {
    let (Some(openai), Some(azure)) = (openai_spec(), azure_spec()) else { return };
    let world = World::new().await;
    scored(&world.openai()).await;
    let sent: Value = serde_json::from_slice(&world.recorded().first().unwrap().body).unwrap();
    let check = |spec: &Spec, path: &str, query, body: &Value| {
        spec.check("POST", path, query, Some(body.to_string().as_bytes()), Some("application/json"))
    };
    assert_eq!(check(&openai, "/v1/chat/completions", None, &sent), Ok(()));
    let wrongs: [(&str, Value); 6] = [
        ("/max_tokenz", json!(3)),
        ("/messages", json!("hello")),
        ("/messages/0/role", json!("narrator")),
        ("/response_format/type", json!("json_scheme")),
        ("/response_format/json_schema/strict", json!("yes")),
        ("/model", json!(7)),
    ];
    for (place, value) in wrongs {
        let mut body = sent.clone();
        match body.pointer_mut(place) {
            Some(slot) => *slot = value,
            None => body[place.trim_start_matches('/')] = value,
        }
        assert!(check(&openai, "/v1/chat/completions", None, &body).is_err(), "{place}");
    }
    assert!(check(&openai, "/v1/chat/completion", None, &sent).is_err());
    let dated = "/openai/deployments/sandbox-1/chat/completions";
    assert!(
        check(&azure, dated, None, &json!({"messages": sent["messages"]})).is_err(),
        "api-version is missing"
    );
    assert!(
        check(&azure, dated, Some("api-version=2024-10-21"), &sent).is_err(),
        "store is newer than this version"
    );
}

#[tokio::test]
async fn a_field_that_a_server_does_not_take_is_left_out_and_stays_out() {
    let cases: [(&[Lack], usize); 8] = [
        (&[], 1),
        (&[Lack::Strict], 2),
        (&[Lack::JsonSchema], 2),
        (&[Lack::JsonSchema, Lack::JsonObject], 3),
        (&[Lack::MaxTokens], 2),
        (&[Lack::Store], 2),
        (&[Lack::MaxTokens, Lack::MaxCompletionTokens], 3),
        (&[Lack::JsonSchema, Lack::JsonObject, Lack::MaxTokens, Lack::Store, Lack::Developer], 5),
    ];
    for (lacks, turns) in cases {
        let world = World::lacking(lacks).await;
        let model = open(&world.openai());
        assert_eq!(scored_by(&model).await, (5, 5, 5), "{lacks:?}");
        assert_eq!(world.recorded().len(), turns, "{lacks:?}");
        assert_eq!(scored_by(&model).await, (5, 5, 5), "{lacks:?}");
        assert_eq!(world.recorded().len(), turns + 1, "what worked is remembered: {lacks:?}");
        if let Some(spec) = openai_spec() {
            spec::check_all(&spec, &world.recorded(), &[]);
        }
    }
}

#[tokio::test]
async fn azure_gives_way_too() {
    for (lacks, turns) in
        [(&[Lack::Developer][..], 2), (&[Lack::MaxCompletionTokens, Lack::Store, Lack::Developer], 4)]
    {
        let world = World::lacking(lacks).await;
        assert_eq!(scored(&world.azure(None)).await, (5, 5, 5));
        assert_eq!(world.recorded().len(), turns);
    }
}

#[tokio::test]
async fn a_refusal_in_between_is_not_remembered_as_the_servers_way() {
    let world = World::lacking(&[Lack::Store]).await;
    let model = open(&world.openai());
    let unsupported = r#"{"error":{"message":"Unsupported: response_format","param":"response_format"}}"#;
    world.next_answer(400, unsupported);
    world.next_answer(503, "busy");
    assert_eq!(line(&model.complete(&question(), None).await), "failed 503 None");
    assert_eq!(scored_by(&model).await, (5, 5, 5));
    let last: Value = serde_json::from_slice(&world.recorded().last().unwrap().body).unwrap();
    assert_eq!(last["response_format"]["type"], "json_schema");
}
