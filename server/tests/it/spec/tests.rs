use super::*;
use serde_json::json;

/// A document in the manner of OpenAPI 3.0: a base with a variable, `nullable`, references, combination.
fn open_api() -> Spec {
    Spec::new(json!({
        "openapi": "3.0.3",
        "servers": [{"url": "https://{host}/{codebase}/apis/3.0"}],
        "paths": {
            "/tickets": {"get": {"parameters": [
                {"name": "board", "in": "query", "required": true, "schema": {"type": "integer"}},
                {"name": "pageSize", "in": "query", "schema": {"type": "integer", "maximum": 1000}},
                {"name": "clientId", "in": "header", "required": true, "schema": {"type": "string"}}
            ]}},
            "/tickets/count": {"get": {}},
            "/tickets/{id}": {"parameters": [{"name": "id", "in": "path", "required": true}], "put": {"requestBody": {
                "required": true,
                "content": {"application/json; version=2": {"schema": {"$ref": "#/components/schemas/Ticket"}}}
            }}}
        },
        "components": {"schemas": {
            "Reference": {"type": "object", "properties": {"id": {"type": "integer", "nullable": true}, "name": {"type": "string"}}},
            "Base": {"type": "object", "properties": {"summary": {"type": "string", "maxLength": 5}}, "required": ["summary"]},
            "Ticket": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "properties": {
                "board": {"$ref": "#/components/schemas/Reference"},
                "notes": {"type": "array", "items": {"$ref": "#/components/schemas/Reference"}}
            }}]}
        }}
    }))
}

/// A document in the manner of Swagger 2.
fn swagger() -> Spec {
    Spec::new(json!({
        "swagger": "2.0",
        "basePath": "/Services",
        "paths": {"/V1.0/Tickets/query": {"post": {"consumes": ["application/json"], "parameters": [
            {"name": "query", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Query[Ticket]"}}
        ]}}},
        "definitions": {"Query[Ticket]": {"type": "object", "properties": {
            "maxRecords": {"type": "int"},
            "id": {"type": "integer", "readOnly": true}
        }, "required": ["maxRecords", "id"]}}
    }))
    .ignoring_case()
}

/// The request is refused, and the reason holds `words`; empty words: it is accepted.
fn check(spec: &Spec, request: (&str, &str, Option<&str>), body: &str, words: &str) {
    let (method, path, query) = request;
    let body = (!body.is_empty()).then_some(body.as_bytes());
    let outcome = spec.check(method, path, query, body, body.map(|_| "application/json"));
    match (outcome, words) {
        (Ok(()), "") => {}
        (Ok(()), _) => panic!("{request:?} was accepted"),
        (Err(problems), "") => panic!("{request:?}: {problems:?}"),
        (Err(problems), _) => assert!(problems.join("; ").contains(words), "{request:?}: {problems:?}"),
    }
}

#[test]
fn a_wrong_address_is_caught() {
    let spec = open_api();
    check(&spec, ("GET", "/v4/apis/3.0/tickets", Some("board=3")), "", "");
    check(&spec, ("GET", "/v4/apis/3.0/tickets/count", None), "", "");
    check(&spec, ("GET", "/v4/apis/3.0/ticket", Some("board=3")), "", "no path of the document");
    check(&spec, ("GET", "/tickets", Some("board=3")), "", "no path of the document");
    check(&spec, ("GET", "/v4/apis/3.0/Tickets", Some("board=3")), "", "no path of the document");
    check(&spec, ("DELETE", "/v4/apis/3.0/tickets", None), "", "offers no DELETE");
    check(&spec, ("GET", "/v4/apis/3.0/tickets/count", None), "{}", "takes no body");
}

#[test]
fn a_wrong_query_is_caught() {
    let spec = open_api();
    check(&spec, ("GET", "/v4/apis/3.0/tickets", None), "", "board is missing");
    check(&spec, ("GET", "/v4/apis/3.0/tickets", Some("board=3&pagesize=5")), "", "pagesize is unknown");
    check(&spec, ("GET", "/v4/apis/3.0/tickets", Some("board=three")), "", "board is not of type");
    check(&spec, ("GET", "/v4/apis/3.0/tickets", Some("board=3&pageSize=5000")), "", "pageSize");
    check(&spec, ("GET", "/v4/apis/3.0/tickets", Some("board=3&pageSize=500")), "", "");
}

#[test]
fn a_wrong_body_is_caught() {
    let spec = open_api();
    let put = ("PUT", "/v4/apis/3.0/tickets/7", None);
    check(&spec, put, r#"{"summary":"a","board":{"id":null},"notes":[{"id":1}]}"#, "");
    check(&spec, put, "", "the body is missing");
    check(&spec, put, r#"{"summary":"#, "not JSON");
    check(&spec, put, r#"{"board":{"id":1}}"#, "summary");
    check(&spec, put, r#"{"summary":"much too long"}"#, "summary");
    check(&spec, put, r#"{"summary":"a","board":{"id":"1"}}"#, "board");
    check(&spec, put, r#"{"summary":"a","sumary":"a"}"#, "sumary");
    check(&spec, put, r#"{"summary":"a","board":{"ident":1}}"#, "ident");
    check(&spec, put, r#"{"summary":"a","notes":[{"id":1,"nam":"x"}]}"#, "nam");
    let wrong_type = spec.check("PUT", "/v4/apis/3.0/tickets/7", None, Some(b"{}"), Some("text/plain"));
    assert!(wrong_type.unwrap_err().join("").contains("text/plain"));
}

#[test]
fn swagger_two_is_understood_too() {
    let spec = swagger();
    check(&spec, ("POST", "/services/v1.0/tickets/QUERY", None), r#"{"maxRecords":1}"#, "");
    check(&spec, ("POST", "/Services/V1.0/Tickets/query", None), r#"{"maxRecords":"1"}"#, "maxRecords");
    check(
        &spec,
        ("POST", "/Services/V1.0/Tickets/query", None),
        r#"{"maxRecords":1,"maxrecord":1}"#,
        "maxrecord",
    );
    check(&spec, ("POST", "/Services/V1.0/Tickets/query", None), "{}", "maxRecords");
    check(&spec, ("POST", "/Services/V1.0/Tickets/query", None), "", "the body is missing");
}

#[test]
fn a_recording_with_one_wrong_request_fails() {
    let request = |path: &str, header: bool| {
        let mut headers = http::HeaderMap::new();
        if header {
            headers.insert("clientid", "guid".parse().unwrap());
        }
        let (method, query, status) = (http::Method::GET, Some("board=3".to_owned()), http::StatusCode::OK);
        Recorded {
            method,
            path: path.to_owned(),
            query,
            headers,
            body: Vec::new(),
            status,
            acted: true,
            fault: None,
        }
    };
    let spec = open_api();
    let good = request("/v4/apis/3.0/tickets", true);
    assert_eq!(check_all(&spec, &[good.clone(), request("/login/page", true)], &["/login/"]), 1);
    assert!(
        spec.check_recorded(&request("/v4/apis/3.0/tickets", false))
            .unwrap_err()
            .join("")
            .contains("clientId")
    );
    let both = [good, request("/v4/apis/3.0/tickts", true)];
    let failed = std::panic::catch_unwind(|| check_all(&open_api(), &both, &[]));
    assert!(failed.is_err(), "the misspelt path went unnoticed");
}

#[test]
fn the_published_documents_can_all_be_used() {
    for (name, request, body, wrong) in [
        (
            "psa/specs/connectwise.json",
            ("POST", "/v4_6_release/apis/3.0/service/tickets/1/notes"),
            r#"{"text":"a","internalAnalysisFlag":true}"#,
            r#"{"text":"a","internalAnalysis":true}"#,
        ),
        (
            "psa/specs/autotask.json",
            ("POST", "/ATServicesRest/V1.0/Tickets/query"),
            r#"{"filter":[{"op":"eq","field":"id","value":1}]}"#,
            r#"{"filters":[]}"#,
        ),
        (
            "psa/specs/halopsa.json",
            ("POST", "/api/Actions"),
            r#"[{"ticket_id":1,"note":"a"}]"#,
            r#"[{"ticketid_":1}]"#,
        ),
        (
            "llm/specs/openai.json",
            ("POST", "/v1/chat/completions"),
            r#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokenz":3}"#,
        ),
    ] {
        let Some(spec) = Spec::load(name) else { continue };
        let check = |body: &str| {
            spec.check(request.0, request.1, None, Some(body.as_bytes()), Some("application/json"))
        };
        assert_eq!(check(body), Ok(()), "{name}");
        assert!(check(wrong).is_err(), "{name}");
    }
}

#[test]
fn a_machine_without_the_documents_leaves_the_check_out_and_one_with_a_part_of_them_fails() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Spec::document_in(&folder.path().join("absent"), "psa/specs/autotask.json"), None);
    let lacking = std::panic::catch_unwind(|| Spec::document_in(folder.path(), "psa/specs/autotask.json"));
    assert!(lacking.is_err(), "a folder that lacks the document must not pass for an absent one");
}
