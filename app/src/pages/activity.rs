//! Deliveries and their fate.

use crate::screen::{Nav, Screen, screen};
use crate::ui::PageHeader;
use domain::Permission;
use leptos::prelude::*;

#[component]
pub fn ActivityPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Activity, "Activity", view! { <PageHeader title="Activity"/> }))
    })
}

#[component]
pub fn DeliveryPage() -> impl IntoView {
    screen(Permission::Read, |_viewer, _asked| async move {
        Ok(Screen::new(Nav::Activity, "Delivery", view! { <PageHeader title="Delivery"/> }))
    })
}
