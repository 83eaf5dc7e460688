//! Who changed what.

use crate::ui::{Empty, Older, Table, When};
use leptos::prelude::*;
use store::Page;
use store::audit::AuditEntry;

#[component]
pub fn Audit(entries: Page<AuditEntry>, is_first: bool) -> impl IntoView {
    if entries.rows.is_empty() {
        return view! { <Empty title="Nothing yet" text="Each change of a setting will be listed here."/> }
            .into_any();
    }
    let next = entries.next.and_then(|cursor| serde_urlencoded::to_string([("audit", cursor)]).ok());
    let rows = entries
        .rows
        .into_iter()
        .map(|entry| {
            view! {
                <tr>
                    <td data-label="When"><When at=entry.at/></td>
                    <td data-label="Who">{entry.actor}</td>
                    <td data-label="What">{entry.detail}<span class="quiet audit-what">{entry.what}</span></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Table caption="Audit trail, newest first" heads=vec!["When", "Who", "What"] class="table-cards">{rows}</Table>
        <Older next=next.map(|query| format!("/settings?{query}#audit")) first=(!is_first).then(|| "/settings".to_owned())/>
    }
    .into_any()
}
