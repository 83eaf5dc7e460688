//! Lists that people keep under a name.

use super::filters::Filters;
use crate::AppError;
use crate::form::{Button, Check, Entry, Field, Form, Hidden, Weight, done, failed};
use crate::viewer::viewer;
use domain::Permission;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::StoreError;
use store::views::{MOST_VIEWS, TicketView};

/// Longest name, in characters.
const LONGEST: u32 = 60;

/// Lists that everybody has.
const GIVEN: [(&str, &str); 3] =
    [("All tickets", ""), ("Escalated", "escalated=yes"), ("Worst first", "sort=sentiment")];

#[component]
pub fn Views(filters: Filters, views: Vec<TicketView>, may_share: bool) -> impl IntoView {
    let here = filters.query();
    let given = GIVEN.map(|(name, query)| (name.to_owned(), query.to_owned(), false));
    let kept = views.iter().map(|view| (view.name.clone(), view.query.clone(), view.shared && !view.own));
    let links = given.into_iter().chain(kept).map(|(name, query, is_others)| {
        let current = (query == here).then_some("page");
        let to = if query.is_empty() { "/tickets".to_owned() } else { format!("/tickets?{query}") };
        let title = is_others.then_some("Shared by a colleague");
        view! { <li><a class="chip" href=to aria-current=current title=title dir="auto">{name}</a></li> }
    });
    let known = GIVEN.iter().any(|(_, query)| *query == here) || views.iter().any(|view| view.query == here);
    let own = views.iter().find(|view| view.query == here && view.own).cloned();
    let keep = (!known).then(|| view! { <Keep here=here.clone() may_share/> });
    let let_go = own.map(|view| {
        view! {
            <Form to=ViewDelete::url() class="row-form chip-form">
                <Hidden name="id" value=view.id.to_string()/>
                <Button weight=Weight::Quiet>{format!("Forget “{}”", view.name)}</Button>
            </Form>
        }
    });
    view! {
        <nav class="views" aria-label="Views">
            <ul>{links.collect_view()}</ul>
            {keep}
            {let_go}
        </nav>
    }
}

#[component]
fn Keep(here: String, may_share: bool) -> impl IntoView {
    let open = crate::form::came_back(ViewKeep::url());
    view! {
        <details class="period-own view-keep" open=open>
            <summary class="button button-plain">"Save this view"</summary>
            <Form to=ViewKeep::url() prefix="view-">
                <Hidden name="query" value=here/>
                <Field label="Name" name="name" required=true max_chars=LONGEST placeholder="Angry and unanswered"/>
                {may_share.then(|| view! { <Check label="Show it to everybody in the workspace" name="shared"/> })}
                <Button>"Save"</Button>
            </Form>
        </details>
    }
}

/// Keeps the list under a name.
#[server(prefix = "/do", endpoint = "view-keep")]
pub async fn view_keep(
    name: String,
    query: String,
    #[server(default)] shared: Option<String>,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Read).await?;
    // What it understands of the address, and no more.
    let filters = Filters::of_query(&query);
    let page = filters.address(None);
    let mut entry = Entry::new(ViewKeep::url(), page.clone()).keep("name", &name);
    let name = name.trim();
    if name.is_empty() {
        entry.wrong("name", "Give the view a name, such as “Angry and unanswered”.");
    } else if name.chars().count() > LONGEST as usize {
        entry.wrong("name", format!("A name may have {LONGEST} characters."));
    }
    if entry.is_wrong() {
        return entry.send_back().await;
    }
    let shared = shared.is_some() && viewer.can(Permission::Operate);
    match viewer.store.view_put(viewer.user, name, &filters.query(), shared, viewer.now).await {
        Err(StoreError::Conflict { .. }) => {
            failed(&page, &format!("You have {MOST_VIEWS} views, which is the most: forget one first.")).await
        }
        kept => {
            kept?;
            done(&page, &format!("The view “{name}” is saved.")).await
        }
    }
}

/// Lets one of one's own go.
#[server(prefix = "/do", endpoint = "view-delete")]
pub async fn view_delete(id: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Read).await?;
    let id = id.parse().map_err(|_| AppError::NotFound)?;
    if viewer.store.view_delete(viewer.user, id).await? {
        done("/tickets", "The view is forgotten. Its tickets are as they were.").await
    } else {
        failed("/tickets", "There is no such view of yours any more.").await
    }
}
