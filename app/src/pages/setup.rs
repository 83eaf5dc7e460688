//! Set-up, step by step.

use crate::screen::{Nav, Screen, screen};
use crate::ui::PageHeader;
use domain::Permission;
use leptos::prelude::*;

#[component]
pub fn SetupPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Setup, "Set-up", view! { <PageHeader title="Set-up"/> }))
    })
}
