//! How long the texts of tickets are kept.

use super::PAGE;
use crate::AppError;
use crate::form::{Button, Entry, Field, Form, done};
use crate::viewer::viewer;
use domain::{Permission, Retention};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

/// `default`: how long this instance keeps them where a workspace has not chosen.
#[component]
pub fn Texts(chosen: Option<Retention>, default: Option<u16>, may_change: bool) -> impl IntoView {
    let usual = default.map_or_else(|| "for good".to_owned(), |days| format!("{days} days"));
    if !may_change {
        let kept = chosen.map_or_else(|| usual, |retention| retention.to_string());
        return view! { <dl class="values"><div><dt>"Texts are kept"</dt><dd>{kept}</dd></div></dl> }
            .into_any();
    }
    let hint = format!(
        "{} to {} days. Leave it empty to keep them as this instance does: {usual}.",
        Retention::SHORTEST,
        Retention::LONGEST
    );
    let value = chosen.map(|retention| retention.days().to_string()).unwrap_or_default();
    view! {
        <Form to=RetentionSave::url()>
            <Field kind="number" label="Keep texts for so many days" name="days" value hint/>
            <p class="quiet">"A shorter time takes effect within minutes, and what it removes does not come back. Your PSA keeps its own."</p>
            <p class="buttons"><Button>"Save"</Button></p>
        </Form>
    }
    .into_any()
}

/// Empty: no choice.
fn read(typed: &str) -> Result<Option<Retention>, String> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let days: i64 = typed.parse().map_err(|_| "Enter a whole number of days, or nothing.".to_owned())?;
    Retention::new(days).map(Some).map_err(|_| {
        format!("Choose {} to {} days, or leave it empty.", Retention::SHORTEST, Retention::LONGEST)
    })
}

/// The workspace's own choice.
#[server(prefix = "/do", endpoint = "retention-save")]
pub async fn retention_save(days: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    match read(&days) {
        Ok(retention) => {
            viewer.store.retention_put(retention, &viewer.actor, viewer.now).await?;
            let told = match retention {
                Some(retention) => format!("Saved: texts are kept for {retention}."),
                None => "Saved: texts are kept as long as this instance keeps them.".to_owned(),
            };
            done(PAGE, &told).await
        }
        Err(message) => {
            let mut entry = Entry::new(RetentionSave::url(), PAGE).keep("days", &days);
            entry.wrong("days", message);
            entry.send_back().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_people_type_them() {
        for (typed, expected) in [("", None), ("  ", None), (" 90 ", Some(90)), ("3650", Some(3650))] {
            assert_eq!(read(typed).unwrap().map(Retention::days), expected, "{typed:?}");
        }
        for typed in ["7", "90 days", "-1", "3651", "1e3", "99999999999999999999"] {
            assert!(read(typed).is_err(), "{typed}");
        }
    }
}
