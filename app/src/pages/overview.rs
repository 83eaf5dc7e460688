//! Overview.

use crate::screen::{Nav, Screen, screen};
use crate::ui::PageHeader;
use domain::Permission;
use leptos::prelude::*;

#[component]
pub fn OverviewPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Overview, "Overview", view! { <PageHeader title="Overview"/> }))
    })
}
