//! What the model is told: the template, a look at it filled in, a trial run, and its versions.

mod acts;
mod trial;

pub use acts::{
    PromptLook, PromptPreview, PromptRestore, PromptSave, PromptTry, prompt_look, prompt_preview,
    prompt_restore, prompt_save, prompt_try,
};

use crate::AppError;
use crate::form::{Button, Field, Form, Hidden, Pick, Select, TextArea, Weight, typed_or};
use crate::live::LiveRegion;
use crate::ops::{OpsError, PromptVariable};
use crate::pages::parts::ReadOnlyLine;
use crate::screen::{Nav, Screen, screen};
use crate::ui::{PageHeader, Table, When};
use crate::viewer::Viewer;
use domain::{Permission, TicketId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::policies::Version;

const PAGE: &str = "/prompt";
const HISTORY: u32 = 20;
const SAMPLES: u32 = 20;
/// Longer templates cost more than they help; the engine refuses them too.
const MAX_TEMPLATE: u32 = 20_000;

#[component]
pub fn PromptPage() -> impl IntoView {
    screen(Permission::Read, |viewer, _asked| async move {
        let loaded = load(&viewer).await?;
        let versions = viewer.store.prompt_versions(HISTORY).await?;
        let may_change = viewer.can(Permission::Configure);
        let about = match &loaded.saved {
            Some(version) if !loaded.is_builtin => format!("Version {}, your own.", version.version),
            _ => "The built-in one, kept up to date with Undertone.".to_owned(),
        };
        let content = if may_change {
            let template = typed_or(PromptSave::url(), "template", &loaded.template);
            let ticket = typed_or(PromptSave::url(), "ticket", "");
            let preview = preview(&viewer, &template, &ticket).await?;
            editor(&loaded, preview).into_any()
        } else {
            view! { <ReadOnlyLine/><pre class="template-read" tabindex="0">{loaded.template.clone()}</pre><Variables list=loaded.variables.clone()/> }
                .into_any()
        };
        let body = view! {
            <PageHeader title="Prompt" about/>
            {content}
            <History versions may_change/>
        };
        Ok(Screen::new(Nav::Prompt, "Prompt", body))
    })
}

struct Loaded {
    template: String,
    saved: Option<Version<String>>,
    is_builtin: bool,
    variables: Vec<PromptVariable>,
    /// Tickets to look at the template with.
    samples: Vec<Pick>,
}

async fn load(viewer: &Viewer) -> Result<Loaded, AppError> {
    let saved = viewer.store.prompt().await?;
    let builtin = viewer.ops.default_prompt();
    let template = saved.as_ref().map_or(builtin, |version| &version.body).to_owned();
    let mut samples = vec![Pick::new("", "an example ticket")];
    for (id, read) in viewer.store.ticket_samples(SAMPLES).await? {
        let client = read.ticket.client.map(|client| format!(" · {}", client.name)).unwrap_or_default();
        samples.push(Pick::new(
            id.to_string(),
            format!("{} {}{client}", read.ticket.number, shortened(&read.ticket.title)),
        ));
    }
    Ok(Loaded {
        is_builtin: template == builtin,
        template,
        saved,
        variables: viewer.ops.prompt_variables(),
        samples,
    })
}

fn shortened(title: &str) -> String {
    const KEPT: usize = 60;
    if title.chars().count() <= KEPT {
        title.to_owned()
    } else {
        format!("{}…", title.chars().take(KEPT).collect::<String>())
    }
}

fn editor(loaded: &Loaded, preview: AnyView) -> impl IntoView + use<> {
    let Loaded { template, samples, variables, is_builtin, .. } = loaded;
    let is_builtin = *is_builtin;
    let (template, samples, variables) = (template.clone(), samples.clone(), variables.clone());
    view! {
        <Form to=PromptSave::url() class="prompt-form">
            <div class="prompt-edit">
                <TextArea label="Template" name="template" value=template rows=24 mono=true required=true max_chars=MAX_TEMPLATE
                    hint="Plain text with variables in double braces. The customer’s words are put in as data; whatever they say, they are no instruction."/>
                <p class="buttons">
                    <Button>"Save"</Button>
                    {(!is_builtin).then(|| view! {
                        <Button weight=Weight::Quiet name="builtin" value="yes" unchecked=true to=PromptRestore::url()>"Back to the built-in one"</Button>
                    })}
                </p>
                <Variables list=variables/>
            </div>
            <div class="prompt-look">
                <section class="card">
                    <h2>"Look at it filled in"</h2>
                    <div class="row-form">
                        <Select label="With" name="ticket" options=samples/>
                        <noscript><Button weight=Weight::Quiet to=PromptPreview::url()>"Show"</Button></noscript>
                    </div>
                    <LiveRegion to=PromptLook::url().to_owned() only=String::new() announced=false>{preview}</LiveRegion>
                </section>
                <section class="card">
                    <h2>"Try it"</h2>
                    <p class="about">"Your model scores the ticket chosen above, or your own words here. Nothing is written, nothing is counted."</p>
                    <Field label="Title" name="trial_title" max_chars=200/>
                    <TextArea label="Text" name="trial_text" rows=4 max_chars=10_000 hint="Leave empty to use the ticket chosen above."/>
                    <p class="buttons"><Button weight=Weight::Quiet to=PromptTry::url()>"Score it"</Button></p>
                    {trial::left()}
                </section>
            </div>
        </Form>
    }
}

/// The template filled in for a ticket, or what is wrong with it.
async fn preview(viewer: &Viewer, template: &str, ticket: &str) -> Result<AnyView, AppError> {
    let ticket: Option<TicketId> = ticket.parse().ok();
    match viewer.ops.prompt_preview(&viewer.store, template, ticket).await {
        Ok(text) => Ok(view! { <pre class="filled" tabindex="0" aria-label="The prompt as the model gets it">{text}</pre> }.into_any()),
        Err(OpsError::Invalid { message, .. } | OpsError::NotSetUp(message) | OpsError::Outside(message)) => {
            Ok(view! { <p class="notice notice-failed">{message}</p> }.into_any())
        }
        Err(broken @ OpsError::Broken(_)) => Err(broken.into()),
    }
}

#[component]
fn Variables(list: Vec<PromptVariable>) -> impl IntoView {
    let rows = list
        .into_iter()
        .map(|variable| {
            let name = format!("{{{{ {} }}}}", variable.name);
            view! {
                <tr>
                    <td data-label="Write"><code>{name}</code></td>
                    <td data-label="Stands for">{variable.meaning}</td>
                    <td data-label="Example" class="quiet">{variable.example}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <details class="guide-box" open>
            <summary>"Variables"</summary>
            <Table caption="Variables of the template" heads=vec!["Write", "Stands for", "Example"] class="table-cards">{rows}</Table>
        </details>
    }
}

#[component]
fn History(versions: Vec<Version<String>>, may_change: bool) -> impl IntoView {
    if versions.is_empty() {
        return ().into_any();
    }
    let newest = versions.first().map(|version| version.version);
    let rows: Vec<AnyView> = versions
        .iter()
        .enumerate()
        .map(|(index, version)| {
            let changed = match version.body.as_str() {
                "" => view! { "The built-in one, kept up to date" }.into_any(),
                body => {
                    let before = versions.get(index + 1).map(|before| before.body.as_str());
                    let changed = changed_lines(before.filter(|before| !before.is_empty()), body);
                    view! { <details><summary>{changed}</summary><pre class="template-read" tabindex="0">{body.to_owned()}</pre></details> }
                        .into_any()
                }
            };
            let restore = (may_change && Some(version.version) != newest).then(|| {
                let number = version.version.to_string();
                view! {
                    <Form to=PromptRestore::url() prefix=format!("restore-{number}-") class="row-form">
                        <Hidden name="version" value=number/>
                        <Button weight=Weight::Quiet>"Restore"</Button>
                    </Form>
                }
            });
            view! {
                <tr>
                    <td data-label="Version" class="num">{version.version}</td>
                    <td data-label="Changed">{changed}</td>
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
            <Table caption="Versions of the prompt, newest first" heads=vec!["Version", "What changed", "By", "When", "Restore"] class="table-cards">{rows}</Table>
        </section>
    }
    .into_any()
}

/// "3 lines new, 1 gone", counting lines without regard to their order.
fn changed_lines(before: Option<&str>, after: &str) -> String {
    let Some(before) = before else { return format!("{} lines", after.lines().count()) };
    let missing = |from: &str, of: &str| {
        let mut rest: Vec<&str> = of.lines().collect();
        let mut count = 0_usize;
        for line in from.lines() {
            match rest.iter().position(|other| *other == line) {
                Some(at) => drop(rest.swap_remove(at)),
                None => count += 1,
            }
        }
        count
    };
    match (missing(after, before), missing(before, after)) {
        (0, 0) => "lines in another order".into(),
        (new, 0) => format!("{new} new"),
        (0, gone) => format!("{gone} gone"),
        (new, gone) => format!("{new} new, {gone} gone"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_how_many_lines_it_changed() {
        let cases = [
            (None, "a\nb", "2 lines"),
            (Some("a\nb"), "a\nb\nc", "1 new"),
            (Some("a\nb"), "a", "1 gone"),
            (Some("a\nb\nb"), "a\nx\nb", "1 new, 1 gone"),
            (Some("a\nb"), "b\na", "lines in another order"),
        ];
        for (before, after, expected) in cases {
            assert_eq!(changed_lines(before, after), expected, "{before:?} {after:?}");
        }
    }
}
