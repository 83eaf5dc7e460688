//! The small page each stand-in shows at `/`: create a ticket, watch notes and changes appear.
//!
//! A stand-in fills a [`PageModel`] and [`TicketPage`]s and merges [`router`] into its own; everything else is here.
//! The page lives under `/` and `/sandbox/…`, so that it meets no path of a real product. It works without scripts; with
//! them the tables renew themselves and leave alone what is being typed.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::fmt::Write;
use std::future::Future;

/// What stands in the list, newest ticket first, and what the form offers.
#[derive(Clone, Debug, Default)]
pub struct PageModel {
    /// The heading: "ConnectWise PSA (sandbox)".
    pub product: String,
    /// The product's colour as CSS, dark enough for white text.
    pub colour: &'static str,
    pub clients: Vec<PageClient>,
    /// Headings of the cells of each row: "Priority", "Severity", …
    pub columns: Vec<&'static str>,
    pub rows: Vec<TicketRow>,
}

#[derive(Clone, Debug, Default)]
pub struct PageClient {
    pub id: String,
    pub name: String,
    pub contacts: Vec<PageContact>,
}

#[derive(Clone, Debug, Default)]
pub struct PageContact {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug)]
pub struct TicketRow {
    /// What the address of its page needs.
    pub id: String,
    /// What people call it.
    pub number: String,
    pub title: String,
    pub client: String,
    pub created_at: DateTime<Utc>,
    /// One for each of the model's columns; empty where the ticket has no value.
    pub cells: Vec<String>,
    pub notes: usize,
}

/// One ticket with its story, oldest first.
#[derive(Clone, Debug)]
pub struct TicketPage {
    pub row: TicketRow,
    pub contact: String,
    pub notes: Vec<PageNote>,
    pub history: Vec<PageChange>,
}

#[derive(Clone, Debug)]
pub struct PageNote {
    pub author: String,
    pub at: DateTime<Utc>,
    pub text: String,
    /// Not shown to the customer.
    pub internal: bool,
}

#[derive(Clone, Debug)]
pub struct PageChange {
    pub at: DateTime<Utc>,
    pub who: String,
    /// The field: "Priority".
    pub what: String,
    pub from: String,
    pub to: String,
}

/// What the form sends. The ids are the model's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewTicketForm {
    pub client: String,
    pub contact: String,
    pub title: String,
    pub note: String,
}

/// A stand-in as its page sees it.
pub trait PageSource: Clone + Send + Sync + 'static {
    fn model(&self) -> PageModel;
    fn ticket(&self, id: &str) -> Option<TicketPage>;
    /// Creates the ticket as the product would, webhook included, and returns its id; `Err` is for the person at the form.
    fn create(&self, form: NewTicketForm) -> impl Future<Output = Result<String, String>> + Send;
}

/// `/`, `/sandbox/tickets`, `/sandbox/tickets/{id}` and the two files.
pub fn router<S: PageSource>(source: S) -> Router {
    Router::new()
        .route("/", get(list::<S>))
        .route("/sandbox/tickets", post(create::<S>))
        .route("/sandbox/tickets/{id}", get(ticket::<S>))
        .route("/sandbox/page.css", get(|| file("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route(
            "/sandbox/page.js",
            get(|| file("text/javascript; charset=utf-8", include_str!("page/page.js"))),
        )
        .with_state(source)
}

async fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

async fn list<S: PageSource>(State(source): State<S>) -> Response {
    page(StatusCode::OK, render_list(&source.model(), &NewTicketForm::default(), None))
}

async fn create<S: PageSource>(State(source): State<S>, Form(form): Form<NewTicketForm>) -> Response {
    let model = source.model();
    let refused = match problem(&model, &form) {
        Some(problem) => problem,
        None => match source.create(form.clone()).await {
            Ok(id) => return Redirect::to(&format!("/sandbox/tickets/{id}")).into_response(),
            Err(problem) => problem,
        },
    };
    page(StatusCode::UNPROCESSABLE_ENTITY, render_list(&model, &form, Some(&refused)))
}

fn problem(model: &PageModel, form: &NewTicketForm) -> Option<String> {
    let Some(client) = model.clients.iter().find(|client| client.id == form.client) else {
        return Some("Choose a client.".into());
    };
    if !form.contact.is_empty() && !client.contacts.iter().any(|contact| contact.id == form.contact) {
        return Some(format!("Choose a contact of {}.", client.name));
    }
    form.title.trim().is_empty().then(|| "Give the ticket a title.".into())
}

async fn ticket<S: PageSource>(State(source): State<S>, Path(id): Path<String>) -> Response {
    let model = source.model();
    match source.ticket(&id) {
        Some(ticket) => page(StatusCode::OK, render_ticket(&model, &ticket)),
        None => {
            let body = "<p>There is no such ticket. <a href=\"/\">All tickets</a></p>";
            page(StatusCode::NOT_FOUND, frame(&model, "No such ticket", body))
        }
    }
}

fn page(status: StatusCode, html: String) -> Response {
    const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
                          form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (status, headers, Html(html)).into_response()
}

/// The list with the form; `typed` is what the person had entered when `refused`.
pub fn render_list(model: &PageModel, typed: &NewTicketForm, refused: Option<&str>) -> String {
    let mut body = String::new();
    let refused = refused
        .map_or(String::new(), |why| format!("<p class=\"refused\" role=\"alert\">{}</p>", escape(why)));
    let _ = write!(
        body,
        "<section class=\"card\" aria-labelledby=\"new\"><h2 id=\"new\">New ticket</h2>{refused}\
         <form method=\"post\" action=\"/sandbox/tickets\"><div class=\"pair\">\
         <label>Client <select name=\"client\" required>{}</select></label>\
         <label>Contact <select name=\"contact\"><option value=\"\">No contact</option>{}</select></label></div>\
         <label>Title <input name=\"title\" required maxlength=\"100\" value=\"{}\" autocomplete=\"off\"></label>\
         <label>Note <textarea name=\"note\" rows=\"5\">{}</textarea></label>\
         <button type=\"submit\">Create ticket</button></form></section>",
        client_options(model, typed),
        contact_options(model, typed),
        escape(&typed.title),
        escape(&typed.note),
    );
    let _ = write!(
        body,
        "<section data-live aria-labelledby=\"all\"><h2 id=\"all\">Tickets</h2>{}</section>",
        table(model)
    );
    frame(model, "Tickets", &body)
}

fn client_options(model: &PageModel, typed: &NewTicketForm) -> String {
    model.clients.iter().map(|client| option(&client.id, &client.name, client.id == typed.client)).collect()
}

fn contact_options(model: &PageModel, typed: &NewTicketForm) -> String {
    let chosen = |client: &PageClient, at: usize, contact: &PageContact| {
        let is_first = model.clients.first().is_some_and(|first| first.id == client.id) && at == 0;
        if typed.client.is_empty() { is_first } else { contact.id == typed.contact }
    };
    let mut out = String::new();
    for client in &model.clients {
        let contacts = client.contacts.iter().enumerate();
        let contacts: String = contacts
            .map(|(at, contact)| option(&contact.id, &contact.name, chosen(client, at, contact)))
            .collect();
        let (id, name) = (escape(&client.id), escape(&client.name));
        let _ = write!(out, "<optgroup label=\"{name}\" data-client=\"{id}\">{contacts}</optgroup>");
    }
    out
}

fn option(value: &str, name: &str, is_chosen: bool) -> String {
    let chosen = if is_chosen { " selected" } else { "" };
    format!("<option value=\"{}\"{chosen}>{}</option>", escape(value), escape(name))
}

fn table(model: &PageModel) -> String {
    if model.rows.is_empty() {
        return "<p>No ticket yet. The form above makes the first one.</p>".into();
    }
    let heads: String =
        model.columns.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let mut rows = String::new();
    for row in &model.rows {
        let cells: String = row
            .cells
            .iter()
            .zip(&model.columns)
            .map(|(cell, column)| format!("<td data-label=\"{}\">{}</td>", escape(column), escape(cell)))
            .collect();
        let _ = write!(
            rows,
            "<tr><td data-label=\"Ticket\">{}</td><th scope=\"row\"><a href=\"/sandbox/tickets/{}\">{}</a></th>\
             <td data-label=\"Client\">{}</td>{cells}<td data-label=\"Notes\">{}</td><td data-label=\"Created\">{}</td></tr>",
            escape(&row.number),
            escape(&row.id),
            escape(&row.title),
            escape(&row.client),
            row.notes,
            time(row.created_at),
        );
    }
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Tickets\"><table><thead><tr><th scope=\"col\">Ticket</th>\
         <th scope=\"col\">Title</th><th scope=\"col\">Client</th>{heads}<th scope=\"col\">Notes</th>\
         <th scope=\"col\">Created</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// One ticket: fields, notes (internal ones marked) and the history of changes.
pub fn render_ticket(model: &PageModel, ticket: &TicketPage) -> String {
    let row = &ticket.row;
    let mut fields = String::new();
    let known = [("Client", &row.client), ("Contact", &ticket.contact)];
    let cells = model.columns.iter().copied().zip(&row.cells);
    for (name, value) in known.into_iter().chain(cells) {
        let value = if value.is_empty() { "–" } else { value };
        let _ = write!(fields, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
    }
    let mut notes = String::new();
    for note in &ticket.notes {
        let (class, mark) =
            if note.internal { ("internal", "<span class=\"mark\">Internal</span>") } else { ("", "") };
        let _ = write!(
            notes,
            "<li class=\"card {class}\"><p class=\"by\"><strong>{}</strong> {} {mark}</p><p class=\"text\">{}</p></li>",
            escape(&note.author),
            time(note.at),
            escape(&note.text)
        );
    }
    let mut history = String::new();
    for change in &ticket.history {
        let _ = write!(
            history,
            "<li>{} <strong>{}</strong>: {} → {} <span class=\"by\">by {}</span></li>",
            time(change.at),
            escape(&change.what),
            shown(&change.from),
            shown(&change.to),
            escape(&change.who)
        );
    }
    let body = format!(
        "<p><a href=\"/\">All tickets</a></p><article data-live><h2>{} <span class=\"by\">{}</span></h2>\
         <dl class=\"fields card\">{fields}</dl><h3>Notes</h3><ol class=\"notes\">{}</ol>\
         <h3>Changes</h3><ol class=\"history\">{}</ol></article>",
        escape(&row.title),
        escape(&row.number),
        or_none(&notes, "No note yet."),
        or_none(&history, "Nothing has changed since it was created."),
    );
    frame(model, &row.title, &body)
}

fn or_none(items: &str, words: &str) -> String {
    if items.is_empty() { format!("<li>{words}</li>") } else { items.to_owned() }
}

fn shown(value: &str) -> String {
    if value.is_empty() { "nothing".into() } else { escape(value) }
}

fn time(at: DateTime<Utc>) -> String {
    format!("<time datetime=\"{}\">{}</time>", at.to_rfc3339(), at.format("%Y-%m-%d %H:%M:%S UTC"))
}

fn frame(model: &PageModel, title: &str, body: &str) -> String {
    // The colour is a constant of the stand-in, but a style attribute would need 'unsafe-inline'.
    let colour = model.colour.trim_start_matches('#');
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} · {product}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/sandbox/page.css\">\
         <script src=\"/sandbox/page.js\" defer></script></head><body>\
         <header><svg class=\"band\" aria-hidden=\"true\"><rect width=\"100%\" height=\"100%\" fill=\"#{colour}\"/></svg>\
         <h1>{product}</h1></header><main>{body}</main></body></html>",
        title = escape(title),
        product = escape(&model.product),
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> PageModel {
        let contacts = vec![PageContact { id: "5".into(), name: "Ann <Lee>".into() }];
        PageModel {
            product: "Example PSA (sandbox)".into(),
            colour: "#123456",
            clients: vec![PageClient { id: "1".into(), name: "Baker & Sons".into(), contacts }],
            columns: vec!["Priority"],
            rows: vec![row()],
        }
    }
    fn row() -> TicketRow {
        TicketRow {
            id: "9".into(),
            number: "#9".into(),
            title: "<script>alert(1)</script>".into(),
            client: "Baker & Sons".into(),
            created_at: DateTime::UNIX_EPOCH,
            cells: vec!["\"High\"".into()],
            notes: 1,
        }
    }

    #[test]
    fn what_people_typed_is_shown_as_text() {
        let typed = NewTicketForm {
            client: "1".into(),
            title: "a\"b".into(),
            note: "</textarea>".into(),
            ..Default::default()
        };
        let list = render_list(&model(), &typed, Some("1 < 2"));
        assert!(!list.contains("<script>alert"), "{list}");
        for part in ["a&quot;b", "&lt;/textarea&gt;", "1 &lt; 2", "Ann &lt;Lee&gt;", "Baker &amp; Sons"] {
            assert!(list.contains(part), "{part} is not in {list}");
        }
    }

    #[test]
    fn an_internal_note_is_marked_and_a_change_tells_before_and_after() {
        let note =
            |internal| PageNote { author: "A".into(), at: DateTime::UNIX_EPOCH, text: "t".into(), internal };
        let change = PageChange {
            at: DateTime::UNIX_EPOCH,
            who: "Api".into(),
            what: "Team".into(),
            from: String::new(),
            to: "Urgent".into(),
        };
        let ticket = TicketPage {
            row: row(),
            contact: "Ann".into(),
            notes: vec![note(false), note(true)],
            history: vec![change],
        };
        let html = render_ticket(&model(), &ticket);
        assert_eq!(html.matches("class=\"mark\"").count(), 1);
        assert!(html.contains("nothing → Urgent"), "{html}");
    }

    #[test]
    fn a_form_that_makes_no_sense_is_explained() {
        let form = |client: &str, contact: &str, title: &str| NewTicketForm {
            client: client.into(),
            contact: contact.into(),
            title: title.into(),
            note: String::new(),
        };
        for (form, words) in [
            (form("", "", "t"), Some("Choose a client.")),
            (form("1", "77", "t"), Some("Choose a contact of Baker & Sons.")),
            (form("1", "5", "  "), Some("Give the ticket a title.")),
            (form("1", "", "t"), None),
            (form("1", "5", "t"), None),
        ] {
            assert_eq!(problem(&model(), &form).as_deref(), words, "{form:?}");
        }
    }
}
