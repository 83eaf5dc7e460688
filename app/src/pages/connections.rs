//! PSA, model and webhook address.

use crate::screen::{Nav, Screen, screen};
use crate::ui::PageHeader;
use domain::Permission;
use leptos::prelude::*;

#[component]
pub fn ConnectionsPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Connections, "Connections", view! { <PageHeader title="Connections"/> }))
    })
}
