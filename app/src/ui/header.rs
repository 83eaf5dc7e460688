use leptos::prelude::*;

/// The head of a page: its name, one line about it, and what can be done here.
#[component]
pub fn PageHeader(
    #[prop(into)] title: String,
    #[prop(optional, into)] about: String,
    /// Buttons and links at the right.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <header class="page-header">
            <div>
                <h1>{title}</h1>
                {(!about.is_empty()).then(|| view! { <p class="about">{about}</p> })}
            </div>
            {children.map(|children| view! { <div class="page-actions">{children()}</div> })}
        </header>
    }
}
