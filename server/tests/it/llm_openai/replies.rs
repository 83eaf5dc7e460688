//! Every reply and what the network does.

use super::*;

#[tokio::test]
async fn every_answer_that_is_complete_has_its_outcome() {
    let filter = r#"{"hate":{"filtered":true,"severity":"high"},"self_harm":{"filtered":false}}"#;
    let results: Value = serde_json::from_str(filter).unwrap();
    let mut filtered: Value =
        serde_json::from_str(&said(&json!({"content": "I "}), "content_filter")).unwrap();
    filtered["choices"][0]["content_filter_results"] = results;
    let cases = [
        (said(&json!({"content": "hello"}), "stop"), "text hello"),
        (said(&json!({"content": null}), "stop"), "text "),
        (
            said(&json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}), "stop"),
            "text ab",
        ),
        (
            said(&json!({"content": null, "refusal": "I'm sorry, I can't."}), "stop"),
            "declined: the model refused: I'm sorry, I can't.",
        ),
        (said(&json!({"content": "{\"sen"}), "length"), "truncated {\"sen"),
        (said(&json!({"content": null}), "length"), "truncated "),
        (said(&json!({"content": null}), "content_filter"), "declined: a content filter stopped the answer"),
        (filtered.to_string(), "declined: a content filter stopped the answer (hate)"),
        (r#"{"choices":[{"message":{"content":"bare"}}]}"#.into(), "text bare"),
        (r#"{"choices":[]}"#.into(), "malformed: a completion without an answer in it"),
        (
            r#"{"status":"ok"}"#.into(),
            "malformed: JSON, but not a chat completion; is the address that of Chat Completions?",
        ),
        (
            "[1,2]".into(),
            "malformed: JSON, but not a chat completion; is the address that of Chat Completions?",
        ),
        (String::new(), "malformed: a page or text, not JSON; is the address that of the API?"),
        (r#"{"error":{"message":"Rate limit exceeded","code":429}}"#.into(), "throttled None"),
        (r#"{"error":{"message":"upstream died"}}"#.into(), "failed 502 None"),
    ];
    let world = World::new().await;
    let model = open(&world.openai());
    for (body, expected) in cases {
        world.next_answer(200, body.clone());
        assert_eq!(line(&model.complete(&question(), None).await), expected, "{body}");
    }
    world.next(Fault::Garbage);
    assert!(line(&model.complete(&question(), None).await).starts_with("malformed: a page"));
}

#[tokio::test]
async fn every_refusal_has_its_outcome() {
    let azure_filter = |inner: &str, results: &str| {
        format!(
            r#"{{"error":{{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,
            "{inner}":{{"code":"ResponsibleAIPolicyViolation","{results}":{{"jailbreak":{{"filtered":true,"detected":true}},"hate":{{"filtered":false}}}}}}}}}}"#
        )
    };
    let declined = "declined: a content filter stopped the ticket's text (jailbreak)";
    let cases: Vec<(u16, String, &str)> = vec![
        (400, azure_filter("innererror", "content_filter_result"), declined),
        (400, azure_filter("inner_error", "content_filter_results"), declined),
        (400, r#"{"error":{"message":"filtered","code":"content_filter"}}"#.into(), "declined: a content filter stopped the ticket's text"),
        (400, r#"{"error":{"message":"maximum context length is 8192 tokens","code":"context_length_exceeded","param":"messages"}}"#.into(), "rejected 400: The ticket and the prompt are longer than"),
        (400, r#"{"error":{"message":"Something else","type":"invalid_request_error","param":null,"code":null}}"#.into(), "rejected 400: 127.0.0.1 refused the question (400): “Something else”."),
        (400, "<html>bad</html>".into(), "rejected 400: 127.0.0.1 refused the question (400)."),
        (400, r#"{"error":{"message":"invalid model ID","param":"model"}}"#.into(), "denied: 127.0.0.1 has no model “sandbox-1”"),
        (401, r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#.into(), "denied: 127.0.0.1 does not accept the API key."),
        (401, r#"{"statusCode":401,"message":"Access denied"}"#.into(), "denied: 127.0.0.1 does not accept the API key."),
        (401, String::new(), "denied: 127.0.0.1 does not accept the API key."),
        (402, r#"{"error":{"message":"Insufficient Balance"}}"#.into(), "denied: 127.0.0.1 asks for payment: “Insufficient Balance”."),
        (403, r#"{"error":{"message":"Project has no access"}}"#.into(), "denied: 127.0.0.1 does not let this key use the model “sandbox-1”: “Project has no access”."),
        (404, r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#.into(), "denied: 127.0.0.1 has no model “sandbox-1” for this key"),
        (404, r#"{"error":"model 'x' not found, try pulling it first"}"#.into(), "denied: 127.0.0.1 has no model “sandbox-1” for this key"),
        (404, "404 page not found".into(), "denied: 127.0.0.1 has no chat completions at this address"),
        (405, String::new(), "denied: 127.0.0.1 has no chat completions at this address"),
        (308, String::new(), "denied: 127.0.0.1 sends us on to another address."),
        (408, String::new(), "failed 408 None"),
        (409, r#"{"error":{"message":"conflict"}}"#.into(), "failed 409 None"),
        (413, "too big".into(), "rejected 413: 127.0.0.1 refused the question (413)."),
        (418, String::new(), "rejected 418:"),
        (429, r#"{"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}}"#.into(), "throttled None"),
        (429, r#"{"error":{"message":"Rate limit reached. Please try again in 6m0s.","code":"rate_limit_exceeded"}}"#.into(), "throttled Some(360s)"),
        (429, r#"{"error":{"code":"429","message":"Requests have exceeded token rate limit. Please retry after 86400 seconds."}}"#.into(), "throttled Some(86400s)"),
        (429, "slow down".into(), "throttled None"),
        (429, r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#.into(), "denied: The account at 127.0.0.1 has used up its quota"),
        (429, r#"{"error":{"message":"Request too large for gpt-x: Limit 30000, Requested 30601.","code":"rate_limit_exceeded"}}"#.into(), "rejected 429: The ticket and the prompt are larger"),
        (500, r#"{"error":{"message":"server error","type":"server_error"}}"#.into(), "failed 500 None"),
        (502, "<html>Bad gateway</html>".into(), "failed 502 None"),
        (503, String::new(), "failed 503 None"),
        (529, String::new(), "failed 529 None"),
    ];
    let world = World::new().await;
    for (status, body, expected) in cases {
        // One that was told to slow down would not ask again at once.
        let model = open(&world.openai());
        world.stand_in.watch.recorder.clear();
        world.next_answer(status, body.clone());
        let outcome = line(&model.complete(&question(), None).await);
        assert!(outcome.starts_with(expected), "{status} {body}: {outcome}");
        assert_eq!(world.recorded().len(), 1, "nothing is repeated here: {status} {body}");
    }
    for (status, expected) in [(429, "throttled Some(7s)"), (503, "failed 503 Some(7s)")] {
        let model = open(&world.openai());
        world.next(Fault::Answer {
            status,
            content_type: "application/json",
            body: "{}".into(),
            retry_after: Some(7),
        });
        assert_eq!(line(&model.complete(&question(), None).await), expected);
    }
}

#[tokio::test]
async fn what_the_network_does_has_its_outcome() {
    let world = World::new().await;
    let model = open(&world.openai()).with_timeout(Duration::from_millis(300));
    for fault in [Fault::Delay(Duration::from_secs(30)), Fault::CutAfterActing, Fault::CutBeforeActing] {
        world.next(fault.clone());
        let error = model.complete(&question(), None).await.unwrap_err();
        assert!(matches!(error, CallError::Unknown { .. }) && error.passing(), "{fault:?}: {error:?}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = ModelSettings::OpenAi {
        api_key: Secret::default(),
        model: "m".into(),
        base_url: format!("http://{free}/v1"),
        price: None,
    };
    assert_eq!(line(&open(&settings).complete(&question(), None).await), "unreachable");
    let settings = ModelSettings::OpenAi {
        api_key: Secret::default(),
        model: "m".into(),
        base_url: "not an address".into(),
        price: None,
    };
    assert!(
        line(&open(&settings).complete(&question(), None).await).starts_with("forbidden: “not an address”")
    );
}

#[tokio::test]
async fn a_server_without_keys_gets_none() {
    let world = World::new().await;
    let settings = ModelSettings::OpenAi {
        api_key: Secret::default(),
        model: "m".into(),
        base_url: format!("{}/v1", world.running.url()),
        price: None,
    };
    world.next_says("hello");
    assert_eq!(line(&open(&settings).complete(&question(), None).await), "text hello");
    assert!(!world.recorded().first().unwrap().headers.contains_key("authorization"));
    let settings = ModelSettings::OpenAi {
        api_key: Secret::new("two\nlines"),
        model: "m".into(),
        base_url: format!("{}/v1", world.running.url()),
        price: None,
    };
    assert!(
        line(&open(&settings).complete(&question(), None).await)
            .starts_with("denied: The API key holds characters")
    );
}

#[tokio::test]
async fn recorded_exchanges_of_openai_are_read_as_what_they_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/llm/specs/openai-recordings.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("left out: the recorded exchanges are not here");
        return;
    };
    let mut seen = Vec::new();
    for exchange in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let chat = exchange["method"] == "POST"
            && exchange["url"].as_str().is_some_and(|url| url.ends_with("/chat/completions"));
        // Streams are another wire, which we do not speak.
        if !chat || exchange["request"]["stream"] == true {
            continue;
        }
        let world = World::new().await;
        world.next_answer(
            u16::try_from(exchange["status"].as_u64().unwrap()).unwrap(),
            exchange["response"].to_string(),
        );
        let outcome = open(&world.openai()).complete(&question(), None).await;
        let message = &exchange["response"]["choices"][0]["message"];
        match &outcome {
            Ok(Completion::Text { text, usage }) => {
                assert_eq!(Some(text.as_str()), message["content"].as_str());
                assert_eq!(Some(usage.tokens_in), exchange["response"]["usage"]["prompt_tokens"].as_i64());
                assert_eq!(
                    Some(usage.tokens_out),
                    exchange["response"]["usage"]["completion_tokens"].as_i64()
                );
                assert_eq!(Some(usage.model.as_str()), exchange["response"]["model"].as_str());
            }
            Ok(Completion::Declined { .. }) => assert!(message["refusal"].is_string()),
            _ => assert_ne!(exchange["status"], 200),
        }
        seen.push(line(&outcome).split([' ', ':']).next().unwrap().to_owned());
    }
    let count = |word: &str| seen.iter().filter(|outcome| *outcome == word).count();
    assert_eq!(
        (count("text"), count("declined"), count("denied"), count("rejected")),
        (8, 1, 1, 1),
        "{seen:?}"
    );
}

#[tokio::test]
async fn concurrent_questions_share_one_connection() {
    let world = World::lacking(&[Lack::JsonSchema, Lack::Store]).await;
    let model = Arc::new(open(&world.openai()));
    let all = futures::future::join_all((0..8).map(|_| scored_by(&model))).await;
    assert!(all.iter().all(|scores| *scores == (5, 5, 5)));
}
