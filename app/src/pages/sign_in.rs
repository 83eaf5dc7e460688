//! Signing in and out, and the choice of colours.

use crate::AppError;
use crate::brakes::{Brakes, SIGN_IN};
use crate::form::{Button, Entry, Field, Form, Hidden, redirect};
use crate::instance::Instance;
use crate::screen::open_screen;
use crate::shell::THEME_COOKIE;
use crate::viewer::{is_signed_in, safe_next, sign_in_session, sign_out_session};
use http::HeaderValue;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use store::accounts::verify_password;

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
    let brakes = Brakes::of(SIGN_IN, Some(&email));
    let page = match next {
        "/" => "/sign-in".to_owned(),
        next => format!("/sign-in?{}", serde_urlencoded::to_string([("next", next)]).unwrap_or_default()),
    };
    let mut entry = Entry::new(SignIn::url(), page).keep("email", email.trim());
    let Some(counted) = brakes.count(&instance.store, now).await? else {
        entry.wrong("", TOO_MANY);
        return entry.send_back().await;
    };
    let user = instance.store.user_by_email(&email).await?;
    let known = verify_password(user.as_ref(), &password).await;
    let membership = match user.as_ref().filter(|_| known) {
        Some(user) => instance.store.memberships(user.id).await?.into_iter().next(),
        None => None,
    };
    let (Some(user), Some(membership)) = (user, membership) else {
        entry.wrong("", WRONG);
        return entry.send_back().await;
    };
    counted.went_well(&instance.store).await?;
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
