//! The sign-in of the person who looks: their password, and their other workspaces.

use super::PAGE;
use crate::AppError;
use crate::brakes::Brakes;
use crate::form::{Button, Entry, Field, Form, Hidden, Weight, done};
use crate::instance::Instance;
use crate::ui::{Badge, Table};
use crate::viewer::{sign_in_session, viewer};
use domain::{Permission, TenantId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::accounts::{Membership, hash_password, verify_password};

#[component]
pub fn You(email: String, here: TenantId, memberships: Vec<Membership>) -> impl IntoView {
    let elsewhere = (memberships.len() > 1).then(|| {
        let lines = memberships
            .into_iter()
            .map(|membership| view! { <WorkspaceLine here=membership.tenant.id == here membership/> })
            .collect_view();
        view! { <Table caption="Your workspaces" heads=vec!["Workspace", "Role", "Open"] class="table-cards">{lines}</Table> }
    });
    view! {
        <p>"You are signed in as "<strong>{email}</strong>"."</p>
        {elsewhere}
        <details class="guide-box" open=crate::form::came_back(PasswordChange::url())>
            <summary>"Change your password"</summary>
            <Form to=PasswordChange::url() prefix="password-">
                <div class="input-grid">
                    <Field label="Password now" name="current" kind="password" required=true autocomplete="current-password"/>
                    <Field
                        label="New password"
                        name="new"
                        kind="password"
                        required=true
                        autocomplete="new-password"
                        min_chars=domain::PASSWORD_CHARS
                        hint=format!("At least {} characters.", domain::PASSWORD_CHARS)
                    />
                </div>
                <p class="buttons"><Button>"Change it"</Button></p>
                <p class="hint">"You stay signed in here; everywhere else you are signed out."</p>
            </Form>
        </details>
    }
}

#[component]
fn WorkspaceLine(membership: Membership, here: bool) -> impl IntoView {
    let Membership { tenant, role, .. } = membership;
    let name = tenant.name.clone();
    let act = if here {
        view! { <Badge text="open"/> }.into_any()
    } else {
        view! {
            <Form to=WorkspaceOpen::url() prefix=format!("open-{}-", tenant.id) class="row-form">
                <Hidden name="tenant" value=tenant.id.to_string()/>
                <Button weight=Weight::Quiet>"Open "<span class="hidden">{name}</span></Button>
            </Form>
        }
        .into_any()
    };
    view! {
        <tr>
            <td data-label="Workspace"><strong>{tenant.name}</strong></td>
            <td data-label="Role">{role.word()}</td>
            <td class="row-act">{act}</td>
        </tr>
    }
}

/// Sets a new password for whoever knows the present one; every other session of theirs ends.
#[server(prefix = "/do", endpoint = "password-change")]
pub async fn password_change(current: String, new: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Read).await?;
    let store = viewer.store.store();
    let mut entry = Entry::new(PasswordChange::url(), PAGE);
    let Some(counted) = Brakes::of("password", Some(&viewer.email)).count(store, viewer.now).await? else {
        entry.wrong("current", "Too many attempts. Wait a quarter of an hour, then try again.");
        return entry.send_back().await;
    };
    let user = store.user_fetch(viewer.user).await?;
    if verify_password(user.as_ref(), &current).await {
        counted.went_well(store).await?;
    } else {
        entry.wrong("current", "This is not the password you have now.");
    }
    if let Err(message) = domain::password_problem(&new, &viewer.email) {
        entry.wrong("new", crate::pages::sign_up::sentence(message));
    } else if new == current {
        entry.wrong("new", "This is the password you have now. Choose another.");
    }
    if entry.is_wrong() {
        return entry.send_back().await;
    }
    store.user_set_password(viewer.user, &hash_password(&new).await, &viewer.actor, viewer.now).await?;
    sign_in_session(viewer.user, viewer.tenant.id, viewer.now).await?;
    done(PAGE, "Your password is changed. Wherever else you were signed in, you no longer are.").await
}

/// Goes on in another workspace of the same person.
#[server(prefix = "/do", endpoint = "workspace-open")]
pub async fn workspace_open(tenant: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Read).await?;
    let tenant: TenantId = tenant.parse().map_err(|_| AppError::NotFound)?;
    let membership = Instance::current()?.store.membership(viewer.user, tenant).await?;
    let membership = membership.ok_or(AppError::NotFound)?;
    sign_in_session(viewer.user, tenant, viewer.now).await?;
    done("/", &format!("This is {} now.", membership.tenant.name)).await
}
