use crate::AppError;
use leptos::prelude::*;

/// A list or card without anything in it: says so, and what to do next.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(optional, into)] text: String,
    /// Where the button leads, and its words.
    #[prop(optional)]
    action: Option<(&'static str, &'static str)>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <svg class="empty-art" viewBox="0 0 120 32" aria-hidden="true">
                <path d="M2 16C8 10 14 10 20 16S32 22 38 16S50 10 56 16S68 22 74 16H118"/>
            </svg>
            <p class="empty-title">{title}</p>
            {(!text.is_empty()).then(|| view! { <p>{text}</p> })}
            {action.map(|(href, words)| view! { <p><a class="button button-primary" href=href>{words}</a></p> })}
        </div>
    }
}

/// What went wrong, and what to do.
#[component]
pub fn Problem(error: AppError) -> impl IntoView {
    let again = matches!(error, AppError::Busy | AppError::Broken { .. } | AppError::Outside { .. });
    view! {
        <div class="problem">
            <h1>{error.title()}</h1>
            <p>{error.advice()}</p>
            <p class="buttons">
                {again.then(|| view! { <a class="button button-primary" href="">"Try again"</a> })}
                <a class="button" href="/">"To the overview"</a>
            </p>
        </div>
    }
}
