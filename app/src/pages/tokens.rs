//! API tokens.

use crate::screen::{Nav, Screen, screen};
use crate::ui::PageHeader;
use domain::Permission;
use leptos::prelude::*;

#[component]
pub fn TokensPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Tokens, "API tokens", view! { <PageHeader title="API tokens"/> }))
    })
}
