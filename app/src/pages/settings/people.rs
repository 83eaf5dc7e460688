//! Who may sign in. A person is added with a first password that is shown once.

use super::PAGE;
use crate::AppError;
use crate::brakes::Brakes;
use crate::form::{Button, Entry, Field, Form, Hidden, Pick, Select, Weight, done, failed};
use crate::pages::once::{self, Once};
use crate::pages::parts::Copyable;
use crate::pages::sign_up::looks_like_email;
use crate::ui::{Badge, Table, When};
use crate::viewer::viewer;
use domain::{Permission, Role, UserId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::StoreError;
use store::accounts::{Member, hash_password};

const ROLES: [(Role, &str); 4] = [
    (Role::Owner, "Everything, people included"),
    (Role::Admin, "Everything but people"),
    (Role::Dispatcher, "Reads, replays tickets"),
    (Role::Viewer, "Reads"),
];

/// A sign-in that exists already may be somebody else's than the one it seems to be.
const NOT_HERE: &str = "This address cannot be added here, as it may have a sign-in on this instance already. The operator can add it with \
     `undertone user create`, or use another address.";

#[component]
pub fn People(members: Vec<Member>, me: UserId, may_change: bool, added: Option<Once>) -> impl IntoView {
    let rows = members.into_iter().map(|member| view! { <MemberLine member me may_change/> }).collect_view();
    view! {
        {added.map(|added| view! { <Added added/> })}
        <Table caption="People of this workspace" heads=vec!["Name", "E-mail", "Role", "Since", "Remove"] class="table-cards">{rows}</Table>
        {if may_change { view! { <AddForm/> }.into_any() } else { view! { <p class="quiet">"An owner can add and remove people."</p> }.into_any() }}
    }
}

/// The one time that a first password is shown.
#[component]
fn Added(added: Once) -> impl IntoView {
    view! {
        <section class="card once" role="status">
            <h3>{added.of.clone()}" can sign in now"</h3>
            <p><strong>"Hand this password over now: it is shown this once."</strong>" Not by the same mail as the address. They can change it under Settings."</p>
            <Copyable label="First password" value=added.secret/>
        </section>
    }
}

#[component]
fn MemberLine(member: Member, me: UserId, may_change: bool) -> impl IntoView {
    let is_me = member.user == me;
    let remove = (may_change && !is_me).then(|| {
        view! {
            <details class="confirm">
                <summary class="button" aria-label=format!("Remove {}", member.email)>"Remove"</summary>
                <Form to=MemberRemove::url() prefix=format!("remove-{}-", member.user) class="row-form">
                    <Hidden name="user" value=member.user.to_string()/>
                    <p>"They are signed out at their next click. What they changed stays in the audit trail."</p>
                    <Button weight=Weight::Danger>"Remove them"</Button>
                </Form>
            </details>
        }
    });
    let name = if member.name.is_empty() { member.email.clone() } else { member.name };
    view! {
        <tr>
            <td data-label="Name"><strong>{name}</strong>{is_me.then(|| view! { " "<Badge text="you"/> })}</td>
            <td data-label="E-mail">{member.email}</td>
            <td data-label="Role">{member.role.word()}</td>
            <td data-label="Since"><When at=member.since/></td>
            <td class="row-act">{remove}</td>
        </tr>
    }
}

#[component]
fn AddForm() -> impl IntoView {
    let roles = ROLES
        .map(|(role, meaning)| Pick::new(role.word(), format!("{}: {}", role.word(), lower_first(meaning))))
        .to_vec();
    view! {
        <details class="guide-box" open=crate::form::came_back(MemberAdd::url())>
            <summary>"Add a person"</summary>
            <Form to=MemberAdd::url() prefix="member-">
                <div class="input-grid">
                    <Field label="E-mail" name="email" kind="email" required=true autocomplete="off"/>
                    <Field label="Name" name="name" autocomplete="off" max_chars=100/>
                    <Select label="Role" name="role" options=roles value="dispatcher"/>
                </div>
                <p class="buttons"><Button>"Add them"</Button></p>
            </Form>
        </details>
    }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Adds a person with a first password of our making.
#[server(prefix = "/do", endpoint = "member-add")]
pub async fn member_add(
    email: String,
    #[server(default)] name: String,
    role: String,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Administer).await?;
    let (email, name) = (email.trim().to_lowercase(), name.trim());
    let mut entry =
        Entry::new(MemberAdd::url(), PAGE).keep("email", &email).keep("name", name).keep("role", &role);
    let role = ROLES.iter().find(|(known, _)| known.word() == role).map(|(known, _)| *known);
    if !looks_like_email(&email) {
        entry.wrong("email", "This is not an e-mail address.");
    }
    if viewer.store.member_list().await?.iter().any(|member| member.email == email) {
        entry.wrong(
            "email",
            "This person is in the workspace already. Remove them first to give them another role.",
        );
    }
    if role.is_none() {
        entry.wrong("role", "Choose one of the four roles.");
    }
    let Some(role) = role.filter(|_| !entry.is_wrong()) else { return entry.send_back().await };

    // Whoever makes a workspace could find out addresses here; as with signing in, not many at a time.
    let store = viewer.store.store();
    let Some(counted) = Brakes::of("member-add", None).count(store, viewer.now).await? else {
        entry.wrong("email", "Too many attempts. Wait a quarter of an hour, then try again.");
        return entry.send_back().await;
    };
    let password = first_password();
    let hash = hash_password(&password).await;
    match viewer.store.member_add(&email, name, role, &hash, &viewer.actor, viewer.now).await {
        Ok(_) => {
            counted.went_well(store).await?;
            once::keep(PAGE, &email, password).await?;
            leptos_axum::redirect(PAGE);
            Ok(())
        }
        Err(StoreError::Conflict { .. }) => {
            entry.wrong("email", NOT_HERE);
            entry.send_back().await
        }
        Err(other) => Err(other.into()),
    }
}

/// 122 random bits in groups that can be read out.
fn first_password() -> String {
    let digits = uuid::Uuid::new_v4().simple().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().chunks(8).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join("-")
}

/// Removes a person. Their sessions end at their next click, since membership is read anew each time.
#[server(prefix = "/do", endpoint = "member-remove")]
pub async fn member_remove(user: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Administer).await?;
    let user: UserId = user.parse().map_err(|_| AppError::NotFound)?;
    if viewer.store.member_remove(user, &viewer.actor, viewer.now).await? {
        done(PAGE, "They can no longer sign in to this workspace.").await
    } else {
        failed(PAGE, "Nobody was removed: a workspace keeps at least one owner.").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_password_is_good_enough_for_our_own_rules_and_differs_each_time() {
        let (one, two) = (first_password(), first_password());
        assert_ne!(one, two);
        assert_eq!(domain::password_problem(&one, "a@example.com"), Ok(()));
    }
}
