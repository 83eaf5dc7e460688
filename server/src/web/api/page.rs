//! `/api/docs`: the document as a page of our own. No scripts; its one style is allowed by its hash.

use super::problem::KINDS;
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

const STYLE: &str = include_str!("page/page.css");
/// The order in which methods of one address are shown.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The page and the Content-Security-Policy that fits it.
pub(super) struct Page {
    pub(super) html: Bytes,
    pub(super) policy: HeaderValue,
}

pub(super) async fn answer(html: Bytes, policy: HeaderValue) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, html)
}

pub(super) fn render(document: &Value) -> Page {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let mut out = Writer::default();
    out.page(document);
    let policy = HeaderValue::from_str(&policy).expect("a hash in base64 is fit for a header");
    Page { html: Bytes::from(out.html), policy }
}

#[derive(Default)]
struct Writer {
    html: String,
}

impl Writer {
    fn raw(&mut self, text: &str) {
        self.html.push_str(text);
    }
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                c => self.html.push(c),
            }
        }
    }
    fn element(&mut self, tag: &str, text: &str) {
        let name = tag.split(' ').next().unwrap_or(tag);
        let _ = write!(self.html, "<{tag}>");
        self.text(text);
        let _ = write!(self.html, "</{name}>");
    }

    fn page(&mut self, document: &Value) {
        self.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Undertone API</title><style>");
        self.raw(STYLE);
        self.raw("</style></head><body><a class=\"skip\" href=\"#main\">Skip to the calls</a><header><h1>Undertone API</h1>");
        for paragraph in document["info"]["description"].as_str().unwrap_or_default().split("\n\n") {
            self.prose(paragraph);
        }
        self.raw(
            "<p>For programs: <a href=\"/api/v1/openapi.json\">the OpenAPI 3.1 document</a>.</p></header>",
        );
        let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
        self.raw("<nav aria-label=\"Parts\"><ul>");
        for tag in &tags {
            let name = tag["name"].as_str().unwrap_or_default();
            let _ = write!(self.html, "<li><a href=\"#{}\">", anchor(name));
            self.text(name);
            self.raw("</a></li>");
        }
        self.raw("<li><a href=\"#problems\">Problems</a></li></ul></nav><main id=\"main\">");
        for tag in &tags {
            self.part(document, tag);
        }
        self.problems();
        self.raw("</main></body></html>\n");
    }

    /// Text with `code` and *emphasis*.
    fn prose(&mut self, text: &str) {
        self.raw("<p>");
        for (at, piece) in text.split('`').enumerate() {
            if at % 2 == 1 {
                self.element("code", piece);
                continue;
            }
            for (at, piece) in piece.split('*').enumerate() {
                if at % 2 == 1 { self.element("em", piece) } else { self.text(piece) }
            }
        }
        self.raw("</p>");
    }

    fn part(&mut self, document: &Value, tag: &Value) {
        let name = tag["name"].as_str().unwrap_or_default();
        let _ = write!(self.html, "<section aria-labelledby=\"{0}\"><h2 id=\"{0}\">", anchor(name));
        self.text(name);
        self.raw("</h2>");
        self.prose(tag["description"].as_str().unwrap_or_default());
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for method in METHODS {
                let operation = &item[method];
                if operation["tags"][0] == name {
                    self.operation(path, method, operation);
                }
            }
        }
        self.raw("</section>");
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let _ = write!(self.html, "<article><h3 id=\"{id}\">");
        self.text(operation["summary"].as_str().unwrap_or_default());
        let _ = write!(
            self.html,
            "</h3><p class=\"call\"><span class=\"method {method}\">{}</span> ",
            method.to_uppercase()
        );
        self.element("code", path);
        self.raw("</p>");
        if let Some(description) = operation["description"].as_str() {
            self.prose(description);
        }
        self.parameters(operation);
        if let Some(body) = operation.get("requestBody") {
            self.examples("Send", body);
        }
        for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
            if status.starts_with('2') {
                let what = answer["description"].as_str().unwrap_or_default();
                self.examples(&format!("{status} {what}"), answer);
            }
        }
        self.raw("<p class=\"statuses\">Problems: ");
        let statuses =
            operation["responses"].as_object().into_iter().flatten().map(|(status, _)| status.as_str());
        let problems: Vec<&str> = statuses.filter(|status| !status.starts_with('2')).collect();
        self.text(&problems.join(", "));
        self.raw("</p></article>");
    }

    fn parameters(&mut self, operation: &Value) {
        let Some(parameters) = operation["parameters"].as_array() else { return };
        self.raw("<table><thead><tr><th scope=\"col\">Parameter</th><th scope=\"col\">In</th><th scope=\"col\">Meaning</th></tr></thead><tbody>");
        for parameter in parameters {
            self.raw("<tr><td>");
            self.element("code", parameter["name"].as_str().unwrap_or_default());
            self.raw("</td>");
            self.element("td", parameter["in"].as_str().unwrap_or_default());
            self.raw("<td>");
            let about = [&parameter["description"], &parameter["schema"]["description"]];
            self.text(about.into_iter().find_map(Value::as_str).unwrap_or_default());
            let words =
                parameter["schema"]["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let words = words.collect::<Vec<_>>().join(", ");
            if !words.is_empty() {
                self.raw(" One of: ");
                self.element("code", &words);
            }
            self.raw("</td></tr>");
        }
        self.raw("</tbody></table>");
    }

    /// The example, or each of several.
    fn examples(&mut self, title: &str, holder: &Value) {
        for (kind, content) in holder["content"].as_object().into_iter().flatten() {
            if let Some(example) = content.get("example") {
                self.example(&format!("{title} ({kind})"), example);
            }
            for (name, example) in content["examples"].as_object().into_iter().flatten() {
                self.example(&format!("{title} ({kind}): {name}"), &example["value"]);
            }
        }
    }

    fn example(&mut self, title: &str, example: &Value) {
        self.raw("<details><summary>");
        self.text(title);
        self.raw("</summary><pre tabindex=\"0\"><code>");
        self.text(&example.as_str().map_or_else(|| format!("{example:#}"), str::to_owned));
        self.raw("</code></pre></details>");
    }

    fn problems(&mut self) {
        self.raw("<section aria-labelledby=\"problems\"><h2 id=\"problems\">Problems</h2><table><thead><tr><th scope=\"col\">Id</th><th scope=\"col\">Status</th><th scope=\"col\">Meaning</th></tr></thead><tbody>");
        for kind in &KINDS {
            let _ = write!(self.html, "<tr id=\"{}\"><td>", kind.id);
            self.element("code", kind.id);
            let _ = write!(self.html, "</td><td>{}</td>", kind.status.as_u16());
            self.element("td", kind.title);
            self.raw("</tr>");
        }
        self.raw("</tbody></table></section>");
    }
}

fn anchor(name: &str) -> String {
    format!("part-{}", name.to_lowercase())
}
