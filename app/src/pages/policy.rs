//! Thresholds, mapping and escalation.

use crate::screen::{Nav, Screen, screen};
use crate::ui::PageHeader;
use domain::Permission;
use leptos::prelude::*;

#[component]
pub fn PolicyPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Policy, "Policy", view! { <PageHeader title="Policy"/> }))
    })
}
