//! Name and time zone.

use super::PAGE;
use crate::AppError;
use crate::form::{Button, Entry, Field, Form, done};
use crate::viewer::viewer;
use chrono_tz::{TZ_VARIANTS, Tz};
use domain::Permission;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::accounts::Tenant;

const MAX_NAME: usize = 100;

#[component]
pub fn Workspace(tenant: Tenant, may_change: bool) -> impl IntoView {
    if !may_change {
        return view! {
            <dl class="values">
                <div><dt>"Name"</dt><dd>{tenant.name}</dd></div>
                <div><dt>"Time zone"</dt><dd>{tenant.time_zone}</dd></div>
            </dl>
        }
        .into_any();
    }
    let zones = zones().map(|zone| view! { <option value=zone></option> }).collect_view();
    view! {
        <Form to=WorkspaceSave::url()>
            <Field label="Name" name="name" value=tenant.name required=true max_chars=100/>
            <ZoneField value=tenant.time_zone/>
            <datalist id="zones">{zones}</datalist>
            <p class="buttons"><Button>"Save"</Button></p>
        </Form>
    }
    .into_any()
}

/// A text field with the zones as suggestions: 400 names are found faster by typing than by scrolling.
#[component]
fn ZoneField(value: String) -> impl IntoView {
    let typed = crate::form::typed_or(WorkspaceSave::url(), "time_zone", &value);
    let error = crate::form::error_of(WorkspaceSave::url(), "time_zone");
    let is_wrong = error.is_some();
    view! {
        <div class="field" class:field-wrong=is_wrong>
            <label for="time_zone">"Time zone"</label>
            <p class="hint" id="time_zone-hint">"By its IANA name, such as Europe/Berlin or America/New_York."</p>
            <input id="time_zone" name="time_zone" type="text" list="zones" value=typed required spellcheck="false" autocomplete="off"
                aria-describedby="time_zone-hint" aria-invalid=is_wrong.then_some("true")/>
            {error.map(|message| view! { <p class="error">{message}</p> })}
        </div>
    }
}

/// The names people look for: places, and UTC. Aliases such as `EST5EDT` are understood but not offered.
fn zones() -> impl Iterator<Item = &'static str> {
    const PLACES: [&str; 10] = [
        "Africa/",
        "America/",
        "Antarctica/",
        "Arctic/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    ];
    TZ_VARIANTS
        .iter()
        .map(|zone| zone.name())
        .filter(|name| *name == "UTC" || PLACES.iter().any(|place| name.starts_with(place)))
}

/// The zone's own spelling, whatever the case and the spaces it was typed with.
fn zone_named(typed: &str) -> Option<Tz> {
    let wanted = typed.trim().replace(' ', "_");
    TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(&wanted))
}

/// Renames the workspace, sets its zone.
#[server(prefix = "/do", endpoint = "workspace-save")]
pub async fn workspace_save(name: String, time_zone: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let name = name.trim();
    let mut entry = Entry::new(WorkspaceSave::url(), PAGE).keep("name", name).keep("time_zone", &time_zone);
    if name.is_empty() {
        entry.wrong("name", "Give the workspace a name.");
    } else if name.chars().count() > MAX_NAME {
        entry.wrong("name", format!("At most {MAX_NAME} characters."));
    }
    let zone = zone_named(&time_zone);
    match zone.filter(|_| !entry.is_wrong()) {
        Some(zone) => {
            viewer.store.tenant_update(name, zone.name(), &viewer.actor, viewer.now).await?;
            done(PAGE, "Saved.").await
        }
        None => {
            if zone.is_none() {
                entry.wrong("time_zone", "There is no such time zone. Type a city and choose from the list, such as Europe/Berlin.");
            }
            entry.send_back().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_as_people_type_it() {
        for (typed, expected) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            (" america/new york ", Some("America/New_York")),
            ("utc", Some("UTC")),
            ("Berlin", None),
            ("", None),
        ] {
            assert_eq!(zone_named(typed).map(|zone| zone.name()), expected, "{typed}");
        }
        assert!(zones().any(|zone| zone == "UTC") && zones().any(|zone| zone == "Pacific/Auckland"));
        assert!(!zones().any(|zone| zone == "EST5EDT"));
    }
}
