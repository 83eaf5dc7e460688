//! Checks requests against a published OpenAPI 3 or Swagger 2 document.
//!
//! Stricter than the documents themselves: a property or a query parameter that the document does not know is an error,
//! so that a misspelt field cannot pass as "additional".

mod published;
mod schema;

pub use published::Published;

use jsonschema::Validator;
use sandbox::Recorded;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A published document, ready to check requests.
pub struct Spec {
    document: Value,
    /// What stands before the paths, such as `/{codebase}/apis/3.0`; braces match one segment.
    bases: Vec<String>,
    ignores_case: bool,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Spec {
    /// `name` is a path under the shared folder beside the workspace. `None`, with a printed line, where that folder is
    /// absent; a folder that is there but lacks the document is a failure.
    pub fn load(name: &str) -> Option<Self> {
        Self::document(name).map(Self::new)
    }

    /// As [`load`](Self::load), not made ready yet.
    pub fn document(name: &str) -> Option<Value> {
        Self::document_in(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), name)
    }

    fn document_in(shared: &Path, name: &str) -> Option<Value> {
        if !shared.is_dir() {
            println!("left out: {name} is not here, so requests are not checked against it");
            return None;
        }
        let text =
            std::fs::read(shared.join(name)).unwrap_or_else(|error| panic!("{name} cannot be read: {error}"));
        Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name} is not JSON: {error}")))
    }

    pub fn new(document: Value) -> Self {
        let bases = match &document["servers"] {
            Value::Array(servers) => {
                servers.iter().filter_map(|server| server["url"].as_str()).map(path_of).collect()
            }
            _ => vec![document["basePath"].as_str().unwrap_or_default().trim_end_matches('/').to_owned()],
        };
        Self { document, bases, ignores_case: false, validators: Mutex::default() }
    }

    /// For servers that match paths whatever their case (Autotask, Halo).
    pub fn ignoring_case(mut self) -> Self {
        self.ignores_case = true;
        self
    }

    /// Everything that is wrong with the request, in words.
    pub fn check(
        &self,
        method: &str,
        path: &str,
        query: Option<&str>,
        body: Option<&[u8]>,
        content_type: Option<&str>,
    ) -> Result<(), Vec<String>> {
        let operation = self.operation(method, path).map_err(|problem| vec![problem])?;
        let mut problems = self.query_problems(&operation, query.unwrap_or_default());
        problems.extend(self.body_problems(&operation, body.filter(|body| !body.is_empty()), content_type));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// [`check`](Self::check), and the headers that the document requires.
    pub fn check_recorded(&self, request: &Recorded) -> Result<(), Vec<String>> {
        let content_type = request.headers.get("content-type").and_then(|value| value.to_str().ok());
        let method = request.method.as_str();
        let mut problems = self
            .check(method, &request.path, request.query.as_deref(), Some(&request.body), content_type)
            .err()
            .unwrap_or_default();
        if let Ok(operation) = self.operation(method, &request.path) {
            problems.extend(
                operation
                    .parameters("header")
                    .filter(|parameter| parameter["required"] == true)
                    .filter_map(|parameter| parameter["name"].as_str())
                    .filter(|name| !request.headers.contains_key(*name))
                    .map(|name| format!("header {name} is missing")),
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Everything that is wrong with an answer, for stand-ins that should answer as the real thing does.
    pub fn check_answer(
        &self,
        method: &str,
        path: &str,
        status: u16,
        body: &[u8],
    ) -> Result<(), Vec<String>> {
        let operation = self.operation(method, path).map_err(|problem| vec![problem])?;
        let responses = &operation.node["responses"];
        let response = responses.get(status.to_string()).unwrap_or(&responses["default"]);
        let response = schema::resolve(&self.document, response);
        let schema = response.get("schema").or_else(|| {
            response["content"]
                .as_object()
                .and_then(|kinds| kinds.values().next())
                .map(|media| &media["schema"])
        });
        let Some(schema) = schema else {
            return Err(vec![format!(
                "{} says nothing about an answer with status {status}",
                operation.name
            )]);
        };
        let value: Value =
            serde_json::from_slice(body).map_err(|error| vec![format!("not JSON: {error}")])?;
        let validator = self.validator(&format!("{} → {status}", operation.name), schema);
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("at “{}”: {error}", error.instance_path()))
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn operation(&self, method: &str, path: &str) -> Result<Operation<'_>, String> {
        let paths = self.document["paths"].as_object().expect("a document has paths");
        let local: Vec<Vec<&str>> = self.bases.iter().filter_map(|base| self.strip(base, path)).collect();
        let mut best: Option<(usize, &str, &Value)> = None;
        for (template, item) in paths {
            let wanted: Vec<&str> = segments(template);
            let fits = local.iter().any(|given| {
                given.len() == wanted.len()
                    && wanted.iter().zip(given).all(|(wanted, given)| self.fits(wanted, given))
            });
            // `/tickets/count` before `/tickets/{id}`.
            let fixed = wanted.iter().filter(|segment| !segment.contains('{')).count();
            if fits && best.is_none_or(|(most, _, _)| fixed > most) {
                best = Some((fixed, template, item));
            }
        }
        let (_, template, item) = best.ok_or_else(|| format!("no path of the document fits {path}"))?;
        let node =
            item.get(method.to_ascii_lowercase()).ok_or_else(|| format!("{template} offers no {method}"))?;
        Ok(Operation { spec: self, name: format!("{method} {template}"), item, node })
    }

    fn strip<'p>(&self, base: &str, path: &'p str) -> Option<Vec<&'p str>> {
        let (base, given) = (segments(base), segments(path));
        let fits = base.len() <= given.len()
            && base.iter().zip(&given).all(|(wanted, given)| self.fits(wanted, given));
        fits.then(|| given.into_iter().skip(base.len()).collect())
    }

    fn fits(&self, wanted: &str, given: &str) -> bool {
        let variable = wanted.starts_with('{') && wanted.ends_with('}');
        (variable && !given.is_empty())
            || wanted == given
            || (self.ignores_case && wanted.eq_ignore_ascii_case(given))
    }

    fn query_problems(&self, operation: &Operation<'_>, query: &str) -> Vec<String> {
        let given: HashMap<String, String> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let same =
            |name: &str, key: &str| name == key || (self.ignores_case && name.eq_ignore_ascii_case(key));
        let known: Vec<&Value> = operation.parameters("query").collect();
        let name = |parameter: &Value| parameter["name"].as_str().unwrap_or_default().to_owned();
        let missing = known
            .iter()
            .filter(|parameter| parameter["required"] == true)
            .filter(|parameter| !given.keys().any(|key| same(&name(parameter), key)))
            .map(|parameter| format!("query parameter {} is missing", name(parameter)));
        let wrong = given.iter().filter_map(|(key, value)| {
            let Some(parameter) = known.iter().find(|parameter| same(&name(parameter), key)) else {
                return Some(format!("query parameter {key} is unknown"));
            };
            // Swagger 2 keeps the type beside the name, OpenAPI 3 in `schema`.
            let schema = parameter.get("schema").unwrap_or(parameter);
            let Some(value) = typed(value, schema["type"].as_str().unwrap_or("string")) else {
                return Some(format!("query parameter {key} is not of type {}", schema["type"]));
            };
            let validator = self.validator(&format!("{} ?{key}", operation.name), schema);
            validator.iter_errors(&value).next().map(|error| format!("query parameter {key}: {error}"))
        });
        missing.chain(wrong).collect()
    }

    fn body_problems(
        &self,
        operation: &Operation<'_>,
        body: Option<&[u8]>,
        content_type: Option<&str>,
    ) -> Vec<String> {
        let Some(expected) = operation.body() else {
            return body.map(|_| format!("{} takes no body", operation.name)).into_iter().collect();
        };
        let Some(body) = body else {
            return expected.required.then(|| "the body is missing".to_owned()).into_iter().collect();
        };
        let kind = content_type
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let Some((_, schema)) = expected.kinds.iter().find(|(offered, _)| *offered == kind) else {
            let offered: Vec<&str> = expected.kinds.iter().map(|(kind, _)| kind.as_str()).collect();
            return vec![format!("content type “{kind}” is not among {offered:?}")];
        };
        if !kind.ends_with("json") {
            return Vec::new();
        }
        match serde_json::from_slice::<Value>(body) {
            Err(error) => vec![format!("the body is not JSON: {error}")],
            Ok(value) => self
                .validator(&format!("{} {kind}", operation.name), schema)
                .iter_errors(&value)
                .map(|error| format!("body at “{}”: {error}", error.instance_path()))
                .collect(),
        }
    }

    fn validator(&self, key: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap();
        validators
            .entry(key.to_owned())
            .or_insert_with(|| {
                let closed = schema::closed(&self.document, schema);
                Arc::new(
                    jsonschema::draft202012::new(&closed).unwrap_or_else(|error| panic!("{key}: {error}")),
                )
            })
            .clone()
    }
}

/// One operation of the document.
struct Operation<'s> {
    spec: &'s Spec,
    name: String,
    item: &'s Value,
    node: &'s Value,
}

/// What an operation takes as its body: media types with their schemas.
struct ExpectedBody<'s> {
    required: bool,
    kinds: Vec<(String, &'s Value)>,
}

impl<'s> Operation<'s> {
    fn parameters(&self, place: &'static str) -> impl Iterator<Item = &'s Value> {
        let document = &self.spec.document;
        [&self.item["parameters"], &self.node["parameters"]]
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(move |parameter| schema::resolve(document, parameter))
            .filter(move |parameter| parameter["in"] == place)
    }

    fn body(&self) -> Option<ExpectedBody<'s>> {
        let document = &self.spec.document;
        if let Some(body) = self.node.get("requestBody") {
            let body = schema::resolve(document, body);
            let content = body["content"].as_object().map_or(Vec::new(), |content| {
                content.iter().map(|(kind, media)| (media_type(kind), &media["schema"])).collect()
            });
            return Some(ExpectedBody { required: body["required"] == true, kinds: content });
        }
        let parameter = self.parameters("body").next()?;
        let consumes = [&self.node["consumes"], &document["consumes"]].into_iter().find_map(Value::as_array);
        let kinds: Vec<String> = consumes.map_or_else(
            || vec!["application/json".to_owned()],
            |kinds| kinds.iter().filter_map(Value::as_str).map(media_type).collect(),
        );
        let kinds = kinds.into_iter().map(|kind| (kind, &parameter["schema"])).collect();
        Some(ExpectedBody { required: parameter["required"] == true, kinds })
    }
}

/// A query value as its declared type; some documents say `int` and `bool`.
fn typed(value: &str, kind: &str) -> Option<Value> {
    match kind {
        "integer" | "int" => value.parse::<i64>().ok().map(Value::from),
        "number" => value.parse::<f64>().ok().map(Value::from),
        "boolean" | "bool" => value.parse::<bool>().ok().map(Value::from),
        _ => Some(Value::from(value)),
    }
}

fn media_type(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The path part of a server address, which may hold `{variables}` that a URL parser would escape.
fn path_of(server: &str) -> String {
    let after_scheme = server.split_once("://").map_or(server, |(_, rest)| rest);
    let path = if server.starts_with('/') {
        server
    } else {
        after_scheme.find('/').map_or("", |at| &after_scheme[at..])
    };
    path.trim_end_matches('/').to_owned()
}

fn segments(path: &str) -> Vec<&str> {
    let path = path.trim_matches('/');
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

/// Checks a whole recording and fails with every problem found. Paths that contain one of `beside` are not part of the
/// document and left out. Returns how many requests were checked, so that a test can insist on some.
pub fn check_all(spec: &Spec, requests: &[Recorded], beside: &[&str]) -> usize {
    let wanted: Vec<&Recorded> =
        requests.iter().filter(|request| !beside.iter().any(|part| request.path.contains(part))).collect();
    let problems: Vec<String> = wanted
        .iter()
        .filter_map(|request| {
            let problems = spec.check_recorded(request).err()?;
            let query = request.query.as_deref().unwrap_or_default();
            let body = String::from_utf8_lossy(&request.body);
            Some(format!(
                "{} {}?{query} {body}\n    {}",
                request.method,
                request.path,
                problems.join("\n    ")
            ))
        })
        .collect();
    assert!(problems.is_empty(), "requests that the document does not allow:\n{}", problems.join("\n"));
    wanted.len()
}

#[cfg(test)]
mod tests;
