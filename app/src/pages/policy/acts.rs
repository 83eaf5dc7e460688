//! What can be done on the policy page: save, look at a draft, fill with a suggestion, refresh the lists, restore.

use super::catalogue::Catalogue;
use super::form::{WANTED, aim, fields_of, parse};
use super::past::{facts, nearest, scored};
use super::{HISTORY, Loaded, lists, load, sections, summary_of};
use crate::AppError;
use crate::form::{Entry, done, failed, notice};
use crate::pages::fields::{Fields, Problem};
use crate::viewer::{Viewer, viewer};
use crate::what_if::Facts;
use domain::{Dimension, Permission, Policy};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

const PAGE: &str = "/policy";
const VERSION: &str = "version";

/// Saves a new version.
#[server(prefix = "/do", endpoint = "policy-save")]
pub async fn policy_save(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = load(&viewer).await?;
    let mut entry = draft(&fields);
    if let Some(problem) = overtaken(&fields, &loaded) {
        entry.wrong("", problem);
        return entry.send_back().await;
    }
    match checked(&fields, &loaded.catalogue()) {
        Ok(policy) => {
            let version = viewer.store.policy_put(&policy, &viewer.actor, viewer.now).await?;
            done(PAGE, &saved_words(version, loaded.saved.version)).await
        }
        Err(problems) => {
            for Problem { field, message } in problems {
                entry.wrong(&field, message);
            }
            entry.send_back().await
        }
    }
}

fn saved_words(version: i64, before: i64) -> String {
    if version == before {
        "Nothing was different, so there is no new version.".into()
    } else {
        format!("Saved as version {version}. It applies to every ticket from now on.")
    }
}

/// The form's own checks, then the domain's.
fn checked(fields: &Fields, catalogue: &Catalogue<'_>) -> Result<Policy, Vec<Problem>> {
    let policy = parse(fields, catalogue)?;
    policy.validate().map_err(|invalid| vec![Problem::new(invalid.field, sentence(&invalid.message))])?;
    Ok(policy)
}

/// The domain's messages go on from the field's name; beside the field they stand alone.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Somebody saved another version while this form was open: what they did must not be lost unseen.
fn overtaken(fields: &Fields, loaded: &Loaded) -> Option<String> {
    let opened: i64 = fields.get(VERSION)?.parse().ok()?;
    let now = &loaded.saved;
    (opened != now.version).then(|| {
        format!(
            "{} saved version {} while you were editing. Nothing of yours is saved. Compare with the history below, then save again.",
            now.saved_by, now.version
        )
    })
}

/// The form as it was typed, for the page to show again.
fn draft(fields: &Fields) -> Entry {
    let mut entry = Entry::new(PolicySave::url(), PAGE);
    for (name, value) in fields.iter().filter(|(name, _)| *name != VERSION) {
        entry = entry.keep(name, value);
    }
    entry
}

/// Shows what a draft does, by a round trip: the way without scripts.
#[server(prefix = "/do", endpoint = "policy-try")]
pub async fn policy_try(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    viewer(Permission::Configure).await?;
    draft(&fields).send_back().await
}

/// What a draft does, as HTML for the summary beside the form.
#[server(prefix = "/do", endpoint = "policy-look")]
pub async fn policy_look(#[server(flatten)] fields: Fields) -> Result<String, AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = load(&viewer).await?;
    let past = scored(&viewer).await?;
    Ok(summary_of(&fields, &loaded, &past).to_html())
}

/// What a draft is held against, for the browser to try thresholds by itself; `None` while the form is not complete.
#[server(prefix = "/do", endpoint = "policy-past")]
pub async fn policy_past(#[server(flatten)] fields: Fields) -> Result<Option<Facts>, AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = load(&viewer).await?;
    let Ok(policy) = parse(&fields, &loaded.catalogue()) else { return Ok(None) };
    Ok(Some(facts(&loaded.saved.body, &policy, &scored(&viewer).await?, viewer.now)))
}

/// Fills the form with the thresholds that come nearest to a wanted number a day: the way without scripts. Nothing is
/// saved.
#[server(prefix = "/do", endpoint = "policy-propose")]
pub async fn policy_propose(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = load(&viewer).await?;
    let mut entry = draft(&fields);
    let wanted = fields.get(WANTED).and_then(|text| text.trim().parse().ok());
    let (Some(wanted), Ok(policy)) = (wanted, parse(&fields, &loaded.catalogue())) else {
        entry.wrong("", "To propose thresholds, the form must be complete and the number a day a whole one.");
        return entry.send_back().await;
    };
    let known = facts(&loaded.saved.body, &policy, &scored(&viewer).await?, viewer.now);
    if known.past.is_empty() {
        entry.wrong("", "No ticket has been scored yet, so there is nothing to propose from.");
        return entry.send_back().await;
    }
    let (found, words) = nearest(&known, aim(&fields), wanted);
    for dimension in Dimension::ALL {
        let value = found.of(dimension).map(|score| score.to_string()).unwrap_or_default();
        entry = entry.keep(&format!("thresholds.{}", dimension.word()), &value);
    }
    notice(&words).await?;
    entry.send_back().await
}

/// Team and status of the board that is chosen, as HTML.
#[server(prefix = "/do", endpoint = "policy-places")]
pub async fn policy_places(#[server(flatten)] fields: Fields) -> Result<String, AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = load(&viewer).await?;
    let Some(psa) = loaded.psa else { return Ok(String::new()) };
    Ok(sections::places(&fields, &loaded.catalogue(), psa).to_html())
}

/// Fills the form with a mapping made from the PSA's lists; nothing is saved.
#[server(prefix = "/do", endpoint = "policy-suggest")]
pub async fn policy_suggest(#[server(flatten)] fields: Fields) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    let loaded = load(&viewer).await?;
    let Some(lookups) = &loaded.lists.lookups else {
        return failed(PAGE, "The lists of your PSA could not be read, so there is nothing to suggest from.")
            .await;
    };
    let suggested = suggestion(&loaded.saved.body, lookups);
    let mut filled = fields_of(&suggested, &loaded.catalogue());
    // What the suggestion does not speak of stays as it was typed, thresholds included.
    filled.extend(fields.into_iter().filter(|(name, _)| !name.starts_with("updates.")));
    draft(&filled).send_back().await
}

/// Our mapping for these lists, with everything else as saved.
pub fn suggestion(saved: &Policy, lookups: &domain::Lookups) -> Policy {
    let mut updates = Policy::suggest(lookups);
    updates.score_fields.clone_from(&saved.updates.score_fields);
    Policy { updates, ..saved.clone() }
}

/// Reads the PSA's lists anew.
#[server(prefix = "/do", endpoint = "policy-refresh")]
pub async fn policy_refresh() -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    match lists(&viewer, true).await?.trouble {
        None => done(PAGE, "The lists are fresh.").await,
        Some(trouble) => failed(PAGE, &trouble).await,
    }
}

/// Saves an older version's content as the newest version. The mode stays as it is: going live has a page of its own.
#[server(prefix = "/do", endpoint = "policy-restore")]
pub async fn policy_restore(version: String) -> Result<(), AppError> {
    let viewer = viewer(Permission::Configure).await?;
    match older(&viewer, &version).await? {
        Some(policy) => {
            let saved = viewer.store.policy_put(&policy, &viewer.actor, viewer.now).await?;
            done(PAGE, &format!("Version {version} is in force again, as version {saved}.")).await
        }
        None => failed(PAGE, "There is no such version among the last ones.").await,
    }
}

async fn older(viewer: &Viewer, version: &str) -> Result<Option<Policy>, AppError> {
    let now = viewer.store.policy().await?.body;
    let versions = viewer.store.policy_versions(HISTORY).await?;
    let found = versions.into_iter().find(|one| one.version.to_string() == version);
    Ok(found.map(|one| Policy { mode: now.mode, ..one.body }))
}
