//! The workspace itself: its name and time zone, its people, and who changed what.

mod audit;
mod people;
mod texts;
mod workspace;
mod you;

pub use people::{MemberAdd, MemberRemove, member_add, member_remove};
pub use texts::{RetentionSave, retention_save};
pub use workspace::{WorkspaceSave, workspace_save};
pub use you::{PasswordChange, WorkspaceOpen, password_change, workspace_open};

use super::once;
use crate::instance::Instance;
use crate::screen::{Nav, Screen, screen};
use crate::ui::{PageHeader, Section};
use domain::Permission;
use leptos::prelude::*;

const PAGE: &str = "/settings";
const AUDIT_ROWS: u32 = 25;

#[component]
pub fn SettingsPage() -> impl IntoView {
    screen(Permission::Read, |viewer, asked| async move {
        let cursor = asked.query("audit");
        let entries = viewer.store.audit_list(AUDIT_ROWS, cursor.as_deref()).await?;
        let members = viewer.store.member_list().await?;
        let memberships = viewer.store.store().memberships(viewer.user).await?;
        let added = once::take(PAGE).await?;
        let (kept, usual) = (viewer.store.retention().await?, Instance::current()?.ops.texts_kept());
        let may_configure = viewer.can(Permission::Configure);
        let may_administer = viewer.can(Permission::Administer);
        let here = viewer.tenant.id;
        let body = view! {
            <PageHeader title="Settings" about="This workspace, its people, and what was changed."/>
            <Section title="Workspace" about="The time zone decides where a day begins in trends, and how times are told.">
                <workspace::Workspace tenant=viewer.tenant may_change=may_configure/>
            </Section>
            <Section title="Texts" about="How long the words of customers are kept. Scores, counts and what was done stay.">
                <texts::Texts chosen=kept default=usual may_change=may_configure/>
            </Section>
            <Section title="People" about="Who may sign in, and what they may do.">
                <people::People members me=viewer.user may_change=may_administer added/>
            </Section>
            <Section title="Your sign-in" about="Yours alone; nobody else in the workspace sees it.">
                <you::You email=viewer.email here memberships/>
            </Section>
            <Section title="Audit trail" about="Who changed what, newest first. Nothing here can be altered.">
                <audit::Audit entries is_first=cursor.is_none()/>
            </Section>
        };
        Ok(Screen::new(Nav::Settings, "Settings", body))
    })
}
