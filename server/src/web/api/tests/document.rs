//! The document itself, and answers held against it.

use super::*;
use jsonschema::Validator;
use std::collections::HashSet;

/// Each operation with its path, method and node.
fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let each = |(path, item): (&String, &'static Value)| {
        let path = path.clone();
        item.as_object().unwrap().iter().map(move |(method, node)| (path.clone(), method.clone(), node))
    };
    paths.iter().flat_map(each).collect()
}

fn validator(schema: &Value) -> Validator {
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "allOf": [schema],
        "components": DOCUMENT["components"],
    });
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

fn resolved(node: &'static Value) -> &'static Value {
    match node["$ref"].as_str() {
        Some(target) => DOCUMENT
            .pointer(target.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{target} points nowhere")),
        None => node,
    }
}

/// The answer's status and body are among those that the document has for this call.
pub(super) fn check_reply(document: &'static Value, method: &Method, path: &str, reply: &Reply) {
    let plain = path.split('?').next().unwrap_or_default();
    let given: Vec<&str> = format!("/api/v1{plain}").leak().split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == given.len() && wanted.iter().zip(&given).all(|(w, g)| w == g || w.starts_with('{'))
    };
    let paths = document["paths"].as_object().unwrap();
    let best = paths
        .iter()
        .filter(|(template, _)| fits(template))
        .min_by_key(|(template, _)| template.matches('{').count());
    let Some((template, item)) = best else {
        return assert_eq!(reply.status, 404, "{path} is not in the document");
    };
    let Some(operation) = item.get(method.as_str().to_lowercase()) else {
        return assert_eq!(reply.status, 405, "{method} {path} is not in the document");
    };
    let status = reply.status.to_string();
    let answer = operation["responses"]
        .get(&status)
        .unwrap_or_else(|| panic!("{method} {template} does not tell of {status}: {}", reply.text));
    let answer = resolved(answer);
    let Some(content) = answer["content"].as_object() else {
        return assert_eq!(reply.text, "", "{method} {template} {status}");
    };
    let kind = reply.headers.get("content-type").unwrap().to_str().unwrap().split(';').next().unwrap();
    let media =
        content.get(kind).unwrap_or_else(|| panic!("{method} {template} {status} does not tell of {kind}"));
    if kind.ends_with("json") && kind != "application/x-ndjson" {
        let errors: Vec<String> = validator(&media["schema"])
            .iter_errors(&reply.json())
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{method} {template} {status}: {errors:?}\n{}", reply.text);
    }
}

#[test]
fn the_document_as_served() {
    insta::assert_snapshot!("openapi", format!("{:#}", *DOCUMENT));
}

#[test]
fn every_call_is_told_completely() {
    let mut ids = HashSet::new();
    assert!(operations().len() > 30);
    for (path, method, operation) in operations() {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}: its id is taken");
        assert!(
            operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
            "{name}: no summary"
        );
        for status in ["401", "429", "500", "503"] {
            assert!(operation["responses"].get(status).is_some(), "{name}: no {status}");
        }
        assert_eq!(path.contains("{id}"), operation["responses"].get("404").is_some(), "{name}: 404");
        assert!(
            operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')),
            "{name}"
        );
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let about = [&parameter["description"], &parameter["schema"]["description"]];
            assert!(about.iter().any(|about| about.is_string()), "{name}: {parameter}");
        }
        if operation.get("requestBody").is_some() {
            for status in ["400", "413", "415", "422"] {
                assert!(operation["responses"].get(status).is_some(), "{name}: no {status}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(node: &'static Value) {
        if node["$ref"].is_string() {
            resolved(node);
        }
        match node {
            Value::Object(fields) => fields.values().for_each(walk),
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&DOCUMENT);
}

#[test]
fn every_body_has_an_example_that_fits_its_schema() {
    let mut seen = 0;
    for (path, method, operation) in operations() {
        let answers = operation["responses"].as_object().unwrap().values().map(resolved);
        for holder in answers.chain(operation.get("requestBody")) {
            for (kind, content) in holder["content"].as_object().into_iter().flatten() {
                let several = content["examples"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(_, example)| &example["value"]);
                let examples: Vec<&Value> = content.get("example").into_iter().chain(several).collect();
                assert!(!examples.is_empty(), "{method} {path} {kind}: no example");
                if !kind.contains("json") {
                    continue;
                }
                let validator = validator(&content["schema"]);
                for example in examples {
                    let errors: Vec<String> = validator
                        .iter_errors(example)
                        .map(|error| format!("{error} at {}", error.instance_path()))
                        .collect();
                    assert!(errors.is_empty(), "{method} {path} {kind}: {errors:?}\n{example:#}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn the_examples_of_bodies_are_accepted_by_the_domain() {
    let body =
        |path: &str| DOCUMENT["paths"][path]["put"]["requestBody"]["content"]["application/json"].clone();
    let policy: domain::Policy = serde_json::from_value(body("/api/v1/policy")["example"].clone()).unwrap();
    assert_eq!(policy.validate(), Ok(()));
    for (_, example) in body("/api/v1/connections/psa")["examples"].as_object().unwrap() {
        let settings: domain::PsaSettings = serde_json::from_value(example["value"].clone()).unwrap();
        assert_eq!(settings.validate(), Ok(()));
    }
    for (_, example) in body("/api/v1/connections/model")["examples"].as_object().unwrap() {
        serde_json::from_value::<ModelSettings>(example["value"].clone()).unwrap();
    }
}

#[test]
fn what_the_domain_writes_fits_the_schemas() {
    let fits = |name: &str, value: Value| {
        let errors: Vec<String> = validator(&json!({"$ref": format!("#/components/schemas/{name}")}))
            .iter_errors(&value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}\n{value:#}");
    };
    fits("Policy", serde_json::to_value(domain::Policy::default()).unwrap());
    let lever = domain::Lever::Custom("AI Impact".into());
    fits("Lever", serde_json::to_value(lever).unwrap());
    fits("Lever", json!("priority"));
    fits("Lookups", serde_json::to_value(domain::Lookups::empty(PsaKind::HaloPsa)).unwrap());
    fits("Ticket", serde_json::to_value(prompt::example().ticket).unwrap());
}

#[tokio::test]
async fn document_and_page_are_served_to_anyone() {
    let world = World::new().await;
    let document = world.raw(Method::GET, "/api/v1/openapi.json", &[], Vec::new()).await;
    assert_eq!((document.status, &document.json()), (200, &*DOCUMENT));
    assert!(document.json()["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let page = world.raw(Method::GET, "/api/docs", &[], Vec::new()).await;
    let policy = page.headers.get("content-security-policy").unwrap().to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(
        !page.text.contains("<script") && !page.text.contains("http://") && !page.text.contains(" style=")
    );
    for (_, _, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.text.contains(&format!("id=\"{id}\"")), "{id} is not on the page");
    }
    for kind in &super::super::problem::KINDS {
        assert!(page.text.contains(&format!("<tr id=\"{}\">", kind.id)), "{}", kind.id);
    }
}

#[tokio::test]
async fn no_call_is_answered_without_a_token() {
    let world = World::new().await;
    let revoked = world.ours.tenant.token_create("Old", &Actor::System, start()).await.unwrap();
    world.ours.tenant.token_revoke(revoked.0, &Actor::System, start()).await.unwrap();
    let wrong = [
        "",
        "Bearer",
        "Bearer ut_",
        "Bearer ut_wrong",
        "Basic dXQ6eA==",
        &world.ours.token,
        &format!("Bearer {}", revoked.1),
    ];
    for (path, method, _) in operations() {
        let path = path.replace("{id}", "0195d6c0-5a3e-7b4c-9c7e-2f1d0a9b8c7d");
        let method: Method = method.to_uppercase().parse().unwrap();
        let reply =
            world.raw(method.clone(), &path, &[("content-type", "application/json")], b"{}".to_vec()).await;
        assert_eq!(reply.problem(), (401, "unauthenticated".into(), String::new()), "{method} {path}");
        assert_eq!(reply.headers.get("www-authenticate").unwrap(), "Bearer");
    }
    for header in wrong {
        let reply = world.raw(Method::GET, "/api/v1/policy", &[("authorization", header)], Vec::new()).await;
        assert_eq!(reply.status, 401, "{header}");
    }
}
