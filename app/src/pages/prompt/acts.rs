//! What can be done on the prompt page.

use super::trial::{self, Shown};
use super::{HISTORY, PAGE, preview};
use crate::AppError;
use crate::form::{Entry, done, failed};
use crate::ops::{OpsError, TrialText};
use crate::pages::fields::Fields;
use crate::viewer::{Viewer, viewer};
use domain::{Permission, TicketId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

/// Browsers send line ends as CR LF; a template has LF.
fn template_of(fields: &Fields) -> String {
    value(fields, "template").replace("\r\n", "\n")
}

fn draft(fields: &Fields) -> Entry {
    let mut entry = Entry::new(PromptSave::url(), PAGE);
    for name in ["ticket", "trial_title", "trial_text"] {
        entry = entry.keep(name, value(fields, name));
    }
    entry.keep("template", &template_of(fields))
}

/// Saves a new version, if the template can be filled in.
#[server(prefix = "/do", endpoint = "prompt-save")]
pub async fn prompt_save(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let template = template_of(&fields);
    match viewer.ops.prompt_check(&template) {
        Ok(()) => {
            let version = viewer.store.prompt_put(&template, &viewer.actor, viewer.now).await?;
            done(PAGE, &format!("Saved as version {version}. The next ticket is read with it.")).await
        }
        Err(error) => {
            let mut entry = draft(&fields);
            refuse(&mut entry, error)?;
            entry.send_back().await
        }
    }
}

/// Notes a problem beside the template; a failure of ours is no problem of the template.
fn refuse(entry: &mut Entry, error: OpsError) -> Result<(), AppError> {
    match error {
        OpsError::Invalid { message, .. } => entry.wrong("template", message),
        OpsError::NotSetUp(message) | OpsError::Outside(message) => entry.wrong("", message),
        broken @ OpsError::Broken(_) => return Err(broken.into()),
    }
    Ok(())
}

/// Shows the template filled in, by a round trip: the way without scripts.
#[server(prefix = "/do", endpoint = "prompt-preview")]
pub async fn prompt_preview(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    viewer(Permission::Configure).await?;
    draft(&fields).send_back().await
}

/// The template filled in, as HTML.
#[server(prefix = "/do", endpoint = "prompt-look")]
pub async fn prompt_look(#[server(flatten)] fields: Fields) -> Result<String, AppError> {
    let viewer = viewer(Permission::Configure).await?;
    Ok(preview(&viewer, &template_of(&fields), value(&fields, "ticket")).await?.to_html())
}

/// Scores a text with the template as it stands in the form. Nothing is written.
#[server(prefix = "/do", endpoint = "prompt-try")]
pub async fn prompt_try(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let mut entry = draft(&fields);
    let text = trial_text(&viewer, &fields).await?;
    match viewer.ops.trial(&viewer.store, &text, Some(&template_of(&fields))).await {
        Ok(trial) => {
            let shown = serde_json::to_string(&Shown::of(text, trial)).map_err(AppError::broken)?;
            entry = entry.keep(trial::LEFT, &shown);
        }
        Err(error) => refuse(&mut entry, error)?,
    }
    entry.send_back().await
}

/// What was typed, or else the chosen ticket's text, or else an example.
async fn trial_text(viewer: &Viewer, fields: &Fields) -> Result<TrialText, AppError> {
    let (title, text) = (value(fields, "trial_title").trim(), value(fields, "trial_text").trim());
    if !text.is_empty() || !title.is_empty() {
        return Ok(TrialText { title: title.into(), text: text.into(), client: String::new() });
    }
    let chosen: Option<TicketId> = value(fields, "ticket").parse().ok();
    if let Some(id) = chosen
        && let Some((_, read)) = viewer.store.ticket_for_work(id).await?
    {
        let client = read.ticket.client.map(|client| client.name).unwrap_or_default();
        return Ok(TrialText { title: read.ticket.title, text: read.text, client });
    }
    Ok(TrialText {
        title: "Nobody can print, third time this week".into(),
        text: "This is the third time this week. The whole front desk cannot print and clients are waiting. Please call me back \
               today, we are really fed up."
            .into(),
        client: "Example Ltd".into(),
    })
}

/// Saves an older version's text, or the built-in template, as the newest version.
#[server(prefix = "/do", endpoint = "prompt-restore")]
pub async fn prompt_restore(
    #[server(default)] version: Option<String>,
    #[server(default)] builtin: Option<String>,
) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let (template, words) = if builtin.is_some() {
        (String::new(), "The built-in prompt is in force again".to_owned())
    } else {
        let wanted = version.unwrap_or_default();
        let versions = viewer.store.prompt_versions(HISTORY).await?;
        match versions.into_iter().find(|one| one.version.to_string() == wanted) {
            Some(found) => (found.body, format!("Version {wanted} is in force again")),
            None => return failed(PAGE, "There is no such version among the last ones.").await,
        }
    };
    let saved = viewer.store.prompt_put(&template, &viewer.actor, viewer.now).await?;
    done(PAGE, &format!("{words}, as version {saved}.")).await
}
