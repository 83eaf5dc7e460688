//! API tokens: made, shown once, revoked.

use super::once::{self, Once};
use super::parts::{Copyable, ReadOnlyLine};
use crate::AppError;
use crate::form::{Button, Entry, Field, Form, Hidden, Weight, done, failed};
use crate::screen::{Nav, Screen, screen};
use crate::ui::{Empty, PageHeader, Table, When};
use crate::viewer::viewer;
use domain::{Permission, TokenId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::accounts::Token;

const PAGE: &str = "/tokens";
const MAX_NAME: usize = 60;

#[component]
pub fn TokensPage() -> impl IntoView {
    screen(Permission::Read, |viewer, _asked| async move {
        let tokens = viewer.store.token_list().await?;
        let made = once::take(PAGE).await?;
        let may_change = viewer.can(Permission::Configure);
        let make = may_change.then(|| {
            view! {
                <section class="card">
                    <h2>"Make a token"</h2>
                    <p class="about">"For scripts and other programs: tickets, trends, connections, policy and more. A token may do what you may. "<a href="/api/docs">"How to use it"</a></p>
                    <Form to=TokenCreate::url() class="row-form">
                        <Field label="Name" name="name" required=true max_chars=60 placeholder="reporting" hint="What it is for, so that you know later what you revoke."/>
                        <Button>"Make the token"</Button>
                    </Form>
                </section>
            }
        });
        let body = view! {
            <PageHeader title="API tokens" about="A token acts for this workspace, without a person."/>
            {(!may_change).then(|| view! { <ReadOnlyLine/> })}
            {made.map(|made| view! { <Made made/> })}
            {make}
            <TokenTable tokens may_change/>
        };
        Ok(Screen::new(Nav::Tokens, "API tokens", body))
    })
}

/// The one time that a token is shown.
#[component]
fn Made(made: Once) -> impl IntoView {
    view! {
        <section class="card once" role="status">
            <h2>"The token “"{made.of}"”"</h2>
            <p><strong>"Copy it now: it is shown this once."</strong>" We keep only its fingerprint. A lost token is replaced by a new one."</p>
            <Copyable label="Token" value=made.secret/>
        </section>
    }
}

#[component]
fn TokenTable(tokens: Vec<Token>, may_change: bool) -> impl IntoView {
    if tokens.is_empty() {
        return view! { <Empty title="No tokens yet" text="Make one when a script or another program should reach this workspace."/> }.into_any();
    }
    let rows = tokens.into_iter().map(|token| view! { <TokenLine token may_change/> }).collect_view();
    view! { <Table caption="API tokens" heads=vec!["Name", "Ends in", "Made", "Last used", "Revoke"] class="table-cards">{rows}</Table> }.into_any()
}

#[component]
fn TokenLine(token: Token, may_change: bool) -> impl IntoView {
    let used = match token.last_used_at {
        Some(at) => view! { <When at/> }.into_any(),
        None => view! { <span class="quiet">"never"</span> }.into_any(),
    };
    let name = token.name.clone();
    let revoke = may_change.then(|| {
        view! {
            <details class="confirm">
                <summary class="button" aria-label=format!("Revoke {name}")>"Revoke"</summary>
                <Form to=TokenRevoke::url() prefix=format!("revoke-{}-", token.id) class="row-form">
                    <Hidden name="token" value=token.id.to_string()/>
                    <p>"Programs that use it are refused at once."</p>
                    <Button weight=Weight::Danger>"Revoke it"</Button>
                </Form>
            </details>
        }
    });
    view! {
        <tr>
            <td data-label="Name"><strong>{token.name}</strong></td>
            <td data-label="Ends in"><code>{format!("…{}", token.last4)}</code></td>
            <td data-label="Made"><When at=token.created_at/></td>
            <td data-label="Last used">{used}</td>
            <td class="row-act">{revoke}</td>
        </tr>
    }
}

/// Makes a token; the next page shows it, once.
#[server(prefix = "/do", endpoint = "token-create")]
pub async fn token_create(name: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let name = name.trim();
    let mut entry = Entry::new(TokenCreate::url(), PAGE).keep("name", name);
    if name.is_empty() {
        entry.wrong("name", "Give the token a name, such as “reporting”.");
    } else if name.chars().count() > MAX_NAME {
        entry.wrong("name", format!("At most {MAX_NAME} characters."));
    } else if viewer.store.token_list().await?.iter().any(|token| token.name == name) {
        entry.wrong("name", "There is a token of this name. Another name keeps them apart.");
    }
    if entry.is_wrong() {
        return entry.send_back().await;
    }
    let (_, token) = viewer.store.token_create(name, &viewer.actor, viewer.now).await?;
    once::keep(PAGE, name, token).await?;
    leptos_axum::redirect(PAGE);
    Ok(())
}

/// Ends a token at once.
#[server(prefix = "/do", endpoint = "token-revoke")]
pub async fn token_revoke(token: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let token: TokenId = token.parse().map_err(|_| AppError::NotFound)?;
    if viewer.store.token_revoke(token, &viewer.actor, viewer.now).await? {
        done(PAGE, "The token is revoked. Programs that use it are refused from now on.").await
    } else {
        failed(PAGE, "There is no such token any more.").await
    }
}
