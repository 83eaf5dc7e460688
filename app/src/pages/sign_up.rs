//! Making a workspace.

use crate::AppError;
use crate::brakes::Brakes;
use crate::form::{Button, Entry, Field, Form, redirect};
use crate::instance::Instance;
use crate::screen::open_screen;
use crate::viewer::sign_in_session;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::StoreError;
use store::accounts::{NewTenant, hash_password};

const MAX_NAME: usize = 100;

/// Without mail there must be an answer at once, so a taken address cannot be hidden altogether. This one does not say
/// which of several reasons it was, and each such answer counts against the caller's network address.
const NOT_THIS_ADDRESS: &str =
    "A workspace cannot be made with this address. If it is yours, sign in, or use another one.";

#[component]
pub fn SignUpPage() -> impl IntoView {
    open_screen(|_asked| async move {
        let body = view! {
            <h1>"Make a workspace"</h1>
            <p class="about">"One workspace is one MSP: its PSA, its tickets, its people."</p>
            <Form to=SignUp::url()>
                <Field label="Company" name="company" required=true autocomplete="organization" max_chars=100 autofocus=true/>
                <Field label="Your name" name="name" autocomplete="name" max_chars=100/>
                <Field label="E-mail" name="email" kind="email" required=true autocomplete="username"/>
                <Field label="Password" name="password" kind="password" required=true autocomplete="new-password" min_chars=domain::PASSWORD_CHARS
                    hint="At least 12 characters. A few unrelated words are easy to keep and hard to guess."/>
                <Button>"Make the workspace"</Button>
            </Form>
            <p class="about">"Already have one? "<a href="/sign-in">"Sign in"</a>"."</p>
        };
        Ok(("Make a workspace".to_owned(), body.into_any()))
    })
}

/// Makes a tenant with its owner, signs the owner in, and leads to set-up.
#[server(prefix = "/do", endpoint = "sign-up")]
pub async fn sign_up(
    company: String,
    #[server(default)] name: String,
    email: String,
    password: String,
) -> Result<(), AppError> {
    let instance = Instance::current()?;
    let now = instance.ops.now();
    let (company, name, email) = (company.trim(), name.trim(), email.trim().to_lowercase());
    let mut entry = Entry::new(SignUp::url(), "/sign-up")
        .keep("company", company)
        .keep("name", name)
        .keep("email", &email);
    check(&mut entry, company, name, &email, &password);
    // Each counts, also one that makes a workspace: nobody needs fifty.
    if !entry.is_wrong() && Brakes::of("sign-up", None).count(&instance.store, now).await?.is_none() {
        entry.wrong("", "Too many attempts from your network. Wait a quarter of an hour, then try again.");
    }
    if entry.is_wrong() {
        return entry.send_back().await;
    }
    let new = NewTenant {
        name: company.into(),
        owner_email: email,
        owner_name: name.into(),
        password_hash: hash_password(&password).await,
    };
    let (tenant, user) = match instance.store.tenant_create(new, now).await {
        Ok(made) => made,
        Err(StoreError::Conflict { .. }) => {
            entry.wrong("email", NOT_THIS_ADDRESS);
            return entry.send_back().await;
        }
        Err(other) => return Err(other.into()),
    };
    sign_in_session(user, tenant, now).await?;
    redirect("/setup");
    Ok(())
}

fn check(entry: &mut Entry, company: &str, name: &str, email: &str, password: &str) {
    if company.is_empty() {
        entry.wrong("company", "Give your company's name.");
    }
    if company.chars().count() > MAX_NAME {
        entry.wrong("company", "Use at most 100 characters.");
    }
    if name.chars().count() > MAX_NAME {
        entry.wrong("name", "Use at most 100 characters.");
    }
    if !looks_like_email(email) {
        entry.wrong("email", "Give an e-mail address, such as dana@example.com.");
    }
    if let Err(message) = domain::password_problem(password, email) {
        entry.wrong("password", sentence(message));
    }
}

/// A message as a sentence of its own: `a password needs…` becomes `A password needs….`
pub(crate) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

/// Only what is surely no address is refused; whether mail arrives is another question.
pub(crate) fn looks_like_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else { return false };
    let odd = |text: &str| text.chars().any(|c| c.is_whitespace() || c.is_control());
    email.len() <= 254
        && !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !odd(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_surely_no_address_is_refused() {
        for bad in ["", "dana", "dana@", "@example.com", "dana@example", "da na@example.com", "dana@.com"] {
            assert!(!looks_like_email(bad), "{bad}");
        }
        for good in ["dana@example.com", "d+tag@sub.example.co.uk", "дана@пример.рф"] {
            assert!(looks_like_email(good), "{good}");
        }
    }
}
