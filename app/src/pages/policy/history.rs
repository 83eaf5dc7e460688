//! The versions of a policy: who changed what, when.

use super::acts::PolicyRestore;
use super::words::differences;
use crate::form::{Button, Form, Hidden, Weight};
use crate::ui::{Table, When};
use domain::{Policy, PsaKind};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::policies::Version;

/// Newest first; the last one shown has nothing to be compared with.
#[component]
pub fn History(versions: Vec<Version<Policy>>, psa: Option<PsaKind>, may_change: bool) -> impl IntoView {
    let newest = versions.first().map(|version| version.version);
    let rows: Vec<AnyView> = versions
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let changes = match versions.get(index + 1) {
                Some(before) => differences(&before.body, &version.body, psa),
                None if version.version == 1 => vec!["the first one".to_owned()],
                None => Vec::new(),
            };
            let restore = (may_change && Some(version.version) != newest).then(|| {
                let number = version.version.to_string();
                view! {
                    <Form to=PolicyRestore::url() prefix=format!("restore-{number}-") class="row-form">
                        <Hidden name="version" value=number/>
                        <Button weight=Weight::Quiet>"Restore"</Button>
                    </Form>
                }
            });
            view! {
                <tr>
                    <td data-label="Version" class="num">{version.version}</td>
                    <td data-label="Changed">{changes.join("; ")}</td>
                    <td data-label="By">{version.saved_by.clone()}</td>
                    <td data-label="When"><When at=version.saved_at/></td>
                    <td class="row-act">{restore}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <section class="history">
            <h2>"History"</h2>
            <Table caption="Versions of the policy, newest first" heads=vec!["Version", "What changed", "By", "When", "Restore"] class="table-cards">{rows}</Table>
        </section>
    }
}
