//! Signing in and out, and the choice of colours.

use crate::AppError;
use crate::form::{Button, Entry, Field, Form, Hidden, redirect};
use crate::instance::{ClientAddress, Instance};
use crate::screen::open_screen;
use crate::shell::THEME_COOKIE;
use crate::viewer::{is_signed_in, safe_next, sign_in_session, sign_out_session};
use chrono::{DateTime, Utc};
use http::HeaderValue;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use std::time::Duration;
use store::Store;
use store::accounts::verify_password;

/// Failed attempts that one e-mail address may have within [`WINDOW`], and one network address.
const PER_EMAIL: i64 = 10;
const PER_NETWORK: i64 = 50;
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Says the same whether or not there is such a person.
const WRONG: &str = "The e-mail address and the password do not fit together.";
const TOO_MANY: &str = "Too many attempts. Wait a quarter of an hour, then try again. If you forgot the password, your operator can set a new one.";

#[component]
pub fn SignInPage() -> impl IntoView {
    open_screen(|asked| async move {
        let next = safe_next(&asked.query("next").unwrap_or_default()).to_owned();
        if is_signed_in().await? {
            redirect(&next);
        }
        let body = view! {
            <h1>"Sign in"</h1>
            <Form to=SignIn::url()>
                <Hidden name="next" value=next/>
                <Field label="E-mail" name="email" kind="email" required=true autocomplete="username" autofocus=true/>
                <Field label="Password" name="password" kind="password" required=true autocomplete="current-password"/>
                <Button>"Sign in"</Button>
            </Form>
            <p class="about">"No workspace yet? "<a href="/sign-up">"Make one"</a>"."</p>
        };
        Ok(("Sign in".to_owned(), body.into_any()))
    })
}

/// Starts a session. Takes as long, and answers the same, whether or not there is such a person.
#[server(prefix = "/do", endpoint = "sign-in")]
pub async fn sign_in(
    email: String,
    password: String,
    #[server(default)] next: String,
) -> Result<(), AppError> {
    let instance = Instance::current()?;
    let now = instance.ops.now();
    let next = safe_next(&next);
    let brakes = Brakes::new("sign-in", Some(&email));
    let page = match next {
        "/" => "/sign-in".to_owned(),
        next => format!("/sign-in?{}", serde_urlencoded::to_string([("next", next)]).unwrap_or_default()),
    };
    let mut entry = Entry::new(SignIn::url(), page).keep("email", email.trim());
    if brakes.are_on(&instance.store, now).await? {
        entry.wrong("", TOO_MANY);
        return entry.send_back().await;
    }
    let user = instance.store.user_by_email(&email).await?;
    let known = verify_password(user.as_ref(), &password).await;
    let membership = match user.as_ref().filter(|_| known) {
        Some(user) => instance.store.memberships(user.id).await?.into_iter().next(),
        None => None,
    };
    let (Some(user), Some(membership)) = (user, membership) else {
        brakes.press(&instance.store, now).await?;
        entry.wrong("", WRONG);
        return entry.send_back().await;
    };
    brakes.release(&instance.store).await?;
    sign_in_session(user.id, membership.tenant.id, now).await?;
    redirect(next);
    Ok(())
}

#[server(prefix = "/do", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), AppError> {
    sign_out_session().await?;
    redirect("/sign-in");
    Ok(())
}

/// Light, dark, or as the device says; kept in this browser for a year.
#[server(prefix = "/do", endpoint = "theme")]
pub async fn set_theme(theme: String) -> Result<(), AppError> {
    let theme = match theme.as_str() {
        "light" => "light",
        "dark" => "dark",
        _ => "auto",
    };
    let secure = if Instance::current()?.secure { "; Secure" } else { "" };
    let cookie = format!("{THEME_COOKIE}={theme}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax{secure}");
    let response: leptos_axum::ResponseOptions = expect_context();
    response
        .append_header(http::header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(AppError::broken)?);
    Ok(())
}

/// Slows down guessing: counts failures under the e-mail address and under the caller's network address.
pub(crate) struct Brakes {
    email: Option<String>,
    network: Option<String>,
}

impl Brakes {
    pub(crate) fn new(act: &str, email: Option<&str>) -> Self {
        let parts = use_context::<http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<ClientAddress>().copied());
        Self {
            email: email.map(|email| format!("{act}:email:{}", email.trim().to_lowercase())),
            network: caller.map(|ClientAddress(address)| format!("{act}:network:{address}")),
        }
    }
    pub(crate) async fn are_on(&self, store: &Store, now: DateTime<Utc>) -> Result<bool, AppError> {
        for (key, limit) in [(&self.email, PER_EMAIL), (&self.network, PER_NETWORK)] {
            if let Some(key) = key
                && store.attempts_within(key, WINDOW, now).await? >= limit
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
    pub(crate) async fn press(&self, store: &Store, now: DateTime<Utc>) -> Result<(), AppError> {
        for key in [&self.email, &self.network].into_iter().flatten() {
            store.attempt_failed(key, now).await?;
        }
        Ok(())
    }
    /// After a success. The network's count stays: one good password does not excuse a thousand guesses.
    pub(crate) async fn release(&self, store: &Store) -> Result<(), AppError> {
        if let Some(key) = &self.email {
            store.attempts_clear(key).await?;
        }
        Ok(())
    }
}
