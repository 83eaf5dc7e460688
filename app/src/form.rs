//! Forms: plain HTML that posts to a server function, and the way back with errors beside the fields.
//!
//! A server function validates into an [`Entry`]. When something is wrong, [`Entry::send_back`] keeps the errors and
//! what was typed in the session and leads back to the page; there [`Field`] and its siblings show both. When all is
//! well, [`done`] leads on with one sentence of confirmation.
//!
//! ```ignore
//! #[server(prefix = "/do", endpoint = "token-create")]
//! pub async fn token_create(name: String) -> Result<(), AppError> {
//!     let viewer = viewer(Permission::Configure).await?;
//!     let mut entry = Entry::new(TokenCreate::url(), "/tokens").keep("name", &name);
//!     if name.trim().is_empty() {
//!         entry.wrong("name", "Give the token a name, such as “reporting”.");
//!     }
//!     if entry.is_wrong() {
//!         return entry.send_back().await;
//!     }
//!     viewer.store.token_create(name.trim(), &viewer.actor, viewer.now).await?;
//!     done("/tokens", "The token was made.").await
//! }
//!
//! view! {
//!     <Form to=TokenCreate::url()>
//!         <Field label="Name" name="name" required=true/>
//!         <Button>"Make a token"</Button>
//!     </Form>
//! }
//! ```
//!
//! Give arguments that may be missing from a form (check boxes, optional selects) `#[server(default)]`, and take what
//! people type as `String`: a number that does not parse is an error beside the field, not a refused request.

use crate::AppError;
use crate::viewer::session;
use leptos::context::Provider;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A form that was sent: what was typed, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The address the form posts to: tells which form of a page this speaks of.
    form: String,
    /// The page to go back to.
    page: String,
    values: BTreeMap<String, String>,
    /// In the order in which they were found; the first one gets the focus.
    errors: Vec<(String, String)>,
}

const ENTRY: &str = "entry";
const NOTICE: &str = "notice";
/// Longer input is not kept for a second try; nothing we ask for is longer.
const KEPT_CHARS: usize = 100_000;

impl Entry {
    /// `form` is the server function's `url()`, `page` the path (with query) where the form stands.
    pub fn new(form: &str, page: impl Into<String>) -> Self {
        Self { form: form.into(), page: page.into(), ..Self::default() }
    }
    /// Keeps what was typed, to be shown again. Never for passwords, keys and other secrets.
    #[must_use]
    pub fn keep(mut self, field: &str, value: &str) -> Self {
        if value.len() <= KEPT_CHARS {
            self.values.insert(field.into(), value.into());
        }
        self
    }
    /// Notes what is wrong with `field` (`""`: with the form as a whole) and what to do about it.
    pub fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push((field.into(), message.into()));
    }
    pub fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }
    /// Back to the page, which shows the errors and what was typed.
    pub async fn send_back(self) -> Result<(), AppError> {
        let page = self.page.clone();
        session().await?.insert(ENTRY, self).await?;
        redirect(&page);
        Ok(())
    }
    fn is_of(&self, path: &str) -> bool {
        self.page.split(['?', '#']).next() == Some(path)
    }
    fn value(&self, form: &str, field: &str) -> Option<&str> {
        (self.form == form).then(|| self.values.get(field).map(String::as_str)).flatten()
    }
    fn error(&self, form: &str, field: &str) -> Option<&str> {
        let mut found = self.errors.iter().filter(|_| self.form == form);
        found.find(|(name, _)| name == field).map(|(_, message)| message.as_str())
    }
    fn gets_focus(&self, form: &str, field: &str) -> bool {
        self.form == form && self.errors.first().is_some_and(|(name, _)| name == field)
    }
}

/// One sentence shown once, at the top of the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub text: String,
    pub failed: bool,
}

/// On to `page` with one sentence of confirmation.
pub async fn done(page: &str, text: &str) -> Result<(), AppError> {
    notify(page, text, false).await
}

/// On to `page` with one sentence that says what did not work and what to do.
pub async fn failed(page: &str, text: &str) -> Result<(), AppError> {
    notify(page, text, true).await
}

async fn notify(page: &str, text: &str, failed: bool) -> Result<(), AppError> {
    leave(Notice { text: text.into(), failed }).await?;
    redirect(page);
    Ok(())
}

/// One sentence for the page that a form is sent back to.
pub async fn notice(text: &str) -> Result<(), AppError> {
    leave(Notice { text: text.into(), failed: false }).await
}

async fn leave(notice: Notice) -> Result<(), AppError> {
    Ok(session().await?.insert(NOTICE, notice).await?)
}

/// Leads the browser to `path` with a plain GET, whatever it asked with.
pub fn redirect(path: &str) {
    let response = use_context::<leptos_axum::ResponseOptions>();
    if let (Some(response), Ok(path)) = (response, http::HeaderValue::from_str(path)) {
        response.insert_header(http::header::LOCATION, path);
        response.set_status(http::StatusCode::SEE_OTHER);
    }
}

/// Takes what the last form left for the page at `path` out of the session.
pub(crate) async fn take_left(path: &str) -> Result<(Entry, Option<Notice>), AppError> {
    let session = session().await?;
    let notice = session.get::<Notice>(NOTICE).await?;
    if notice.is_some() {
        session.remove_value(NOTICE).await?;
    }
    let entry = session.get::<Entry>(ENTRY).await?;
    if entry.is_some() {
        session.remove_value(ENTRY).await?;
    }
    Ok((entry.filter(|entry| entry.is_of(path)).unwrap_or_default(), notice))
}

/// Which form the fields below belong to.
#[derive(Clone)]
struct FormAddress {
    to: String,
    /// In front of element ids, where one page has several forms.
    prefix: String,
}

/// What a field shows, after what the last attempt left.
struct FieldState {
    id: String,
    value: Option<String>,
    error: Option<String>,
    focus: bool,
}

fn field_state(name: &str) -> FieldState {
    let address = use_context::<FormAddress>();
    let (to, prefix) = address.map(|form| (form.to, form.prefix)).unwrap_or_default();
    let entry = use_context::<Entry>().unwrap_or_default();
    FieldState {
        id: format!("{prefix}{name}"),
        value: entry.value(&to, name).map(str::to_owned),
        error: entry.error(&to, name).map(str::to_owned),
        focus: entry.gets_focus(&to, name),
    }
}

/// The value for a field that a page draws by itself: what was typed last, or else `saved`.
pub fn typed_or(form: &str, field: &str, saved: &str) -> String {
    use_context::<Entry>()
        .and_then(|entry| entry.value(form, field).map(str::to_owned))
        .unwrap_or_else(|| saved.into())
}

/// Whether the last attempt at this form came back: its values, also absent ones (check boxes), are then in the entry.
pub fn came_back(form: &str) -> bool {
    use_context::<Entry>().is_some_and(|entry| !form.is_empty() && entry.form == form)
}

/// Everything that was typed into a form that came back; `None` if this one did not.
pub fn typed(form: &str) -> Option<BTreeMap<String, String>> {
    use_context::<Entry>().filter(|entry| entry.form == form).map(|entry| entry.values)
}

/// The error beside a field that a page draws by itself.
pub fn error_of(form: &str, field: &str) -> Option<String> {
    use_context::<Entry>().and_then(|entry| entry.error(form, field).map(str::to_owned))
}

/// A form that posts to a server function.
#[component]
pub fn Form(
    /// The server function's `url()`.
    to: &'static str,
    /// In front of element ids, where fields of several forms on a page have the same name.
    #[prop(optional, into)]
    prefix: String,
    #[prop(optional, into)] class: String,
    children: Children,
) -> impl IntoView {
    let whole = error_of(to, "");
    let focus = whole.is_some().then_some("-1");
    view! {
        <form method="post" action=to class=format!("form {class}")>
            {whole.map(|message| view! { <p class="notice notice-failed" role="alert" tabindex=focus autofocus>{message}</p> })}
            <Provider value=FormAddress { to: to.into(), prefix }>{children()}</Provider>
        </form>
    }
}

/// One line of text.
#[component]
pub fn Field(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    /// `text`, `email`, `password`, `url`, `number`, `search`, `date`.
    #[prop(default = "text")]
    kind: &'static str,
    /// What is saved now.
    #[prop(optional, into)]
    value: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] placeholder: String,
    #[prop(optional)] required: bool,
    #[prop(optional, into)] autocomplete: Option<&'static str>,
    #[prop(optional)] min_chars: Option<u32>,
    #[prop(optional)] max_chars: Option<u32>,
    /// Looks like code: addresses, keys.
    #[prop(optional)]
    mono: bool,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let state = field_state(&name);
    let value = if kind == "password" { String::new() } else { state.value.unwrap_or(value) };
    let parts = Described::new(&state.id, hint, state.error);
    view! {
        <div class="field" class:field-wrong=parts.is_wrong()>
            <label for=state.id.clone()>{label}{(!required).then(|| view! { <span class="quiet">" (optional)"</span> })}</label>
            {parts.hint()}
            <input
                id=state.id.clone()
                name=name
                type=kind
                value=value
                class:mono=mono
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                required=required
                autocomplete=autocomplete
                minlength=min_chars
                maxlength=max_chars
                spellcheck=(mono || kind != "text").then_some("false")
                autocapitalize=(mono || kind != "text").then_some("none")
                aria-describedby=parts.ids()
                aria-invalid=parts.is_wrong().then_some("true")
                autofocus=state.focus || autofocus
            />
            {parts.error()}
        </div>
    }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: String,
    #[prop(default = 6)] rows: u32,
    #[prop(optional)] required: bool,
    #[prop(optional)] max_chars: Option<u32>,
    #[prop(optional)] mono: bool,
) -> impl IntoView {
    let state = field_state(&name);
    let parts = Described::new(&state.id, hint, state.error);
    // A line feed right after the tag is dropped by the browser; one more keeps a leading empty line.
    // What stands in this element the renderer takes for text that needs no escaping: a `</textarea>` would end it.
    let value = state.value.unwrap_or(value).replace('&', "&amp;").replace('<', "&lt;");
    let value = format!("\n{value}");
    view! {
        <div class="field" class:field-wrong=parts.is_wrong()>
            <label for=state.id.clone()>{label}</label>
            {parts.hint()}
            <textarea
                id=state.id.clone()
                name=name
                rows=rows
                class:mono=mono
                required=required
                maxlength=max_chars
                spellcheck=mono.then_some("false")
                aria-describedby=parts.ids()
                aria-invalid=parts.is_wrong().then_some("true")
                autofocus=state.focus
            >{value}</textarea>
            {parts.error()}
        </div>
    }
}

/// A value of a select and what people read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pick {
    pub value: String,
    pub text: String,
}

impl Pick {
    pub fn new(value: impl Into<String>, text: impl Into<String>) -> Self {
        Self { value: value.into(), text: text.into() }
    }
}

/// One of several values.
#[component]
pub fn Select(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    options: Vec<Pick>,
    /// What is saved now.
    #[prop(optional, into)]
    value: String,
    #[prop(optional, into)] hint: String,
    /// Within a sentence: the label is read by screen readers only.
    #[prop(optional)]
    inline: bool,
) -> impl IntoView {
    let state = field_state(&name);
    let chosen = state.value.unwrap_or(value);
    let parts = Described::new(&state.id, hint, state.error);
    let options = options
        .into_iter()
        .map(|pick| view! { <option selected=pick.value == chosen value=pick.value>{pick.text}</option> })
        .collect_view();
    view! {
        <div class="field" class:field-inline=inline class:field-wrong=parts.is_wrong()>
            <label for=state.id.clone() class:hidden=inline>{label}</label>
            {parts.hint()}
            <select
                id=state.id.clone()
                name=name
                aria-describedby=parts.ids()
                aria-invalid=parts.is_wrong().then_some("true")
                autofocus=state.focus
            >
                {options}
            </select>
            {parts.error()}
        </div>
    }
}

/// Yes or no. Sends `on`, or nothing: the server function's argument is `#[server(default)] field: Option<String>`.
#[component]
pub fn Check(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(optional)] checked: bool,
    #[prop(optional, into)] hint: String,
    #[prop(default = "on".to_owned(), into)] value: String,
) -> impl IntoView {
    let state = field_state(&name);
    let to = use_context::<FormAddress>().map(|form| form.to).unwrap_or_default();
    let checked = if came_back(&to) { state.value.is_some() } else { checked };
    let parts = Described::new(&state.id, hint, state.error);
    view! {
        <div class="field field-check" class:field-wrong=parts.is_wrong()>
            <input id=state.id.clone() name=name type="checkbox" value=value checked=checked aria-describedby=parts.ids()/>
            <label for=state.id.clone()>{label}</label>
            {parts.hint()}
            {parts.error()}
        </div>
    }
}

/// A value that is not shown.
#[component]
pub fn Hidden(#[prop(into)] name: String, #[prop(into)] value: String) -> impl IntoView {
    view! { <input type="hidden" name=name value=value/> }
}

/// How much a button asks to be pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// The one thing to do here.
    #[default]
    Primary,
    Quiet,
    /// Destroys something, or starts writing into the PSA.
    Danger,
}

impl Weight {
    pub fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Quiet => "button",
            Self::Danger => "button button-danger",
        }
    }
}

/// Sends the form. With `name` and `value`, tells which of several buttons was pressed.
#[component]
pub fn Button(
    #[prop(default = Weight::Primary)] weight: Weight,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional, into)] value: Option<String>,
    /// Sends the form to another server function.
    #[prop(optional)]
    to: Option<&'static str>,
    /// Also when required fields are empty.
    #[prop(optional)]
    unchecked: bool,
    children: Children,
) -> impl IntoView {
    view! {
        <button type="submit" class=weight.class() name=name value=value formaction=to formnovalidate=unchecked>
            {children()}
        </button>
    }
}

/// The hint and the error of a field, tied to it by `aria-describedby`.
struct Described {
    id: String,
    hint: String,
    error: Option<String>,
}

impl Described {
    fn new(id: &str, hint: String, error: Option<String>) -> Self {
        Self { id: id.into(), hint, error }
    }
    fn is_wrong(&self) -> bool {
        self.error.is_some()
    }
    fn ids(&self) -> Option<String> {
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.id));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
    fn hint(&self) -> impl IntoView + use<> {
        let (id, text) = (format!("{}-hint", self.id), self.hint.clone());
        (!text.is_empty()).then(|| view! { <p class="hint" id=id>{text}</p> })
    }
    fn error(&self) -> impl IntoView + use<> {
        let id = format!("{}-error", self.id);
        self.error.clone().map(|text| view! { <p class="error" id=id>{text}</p> })
    }
}

#[cfg(test)]
mod tests;
