use leptos::prelude::*;

/// One number and what it means, with its change against the span before.
#[component]
pub fn Figure(
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    /// "12 more than in the 30 days before".
    #[prop(optional, into)]
    change: String,
    /// `better`, `worse`, or empty where it is neither.
    #[prop(optional)]
    verdict: &'static str,
    #[prop(optional, into)] href: Option<String>,
) -> impl IntoView {
    let body = view! {
        <dt>{label}</dt>
        <dd class="figure-value num">{value}</dd>
        <dd class=format!("figure-change {verdict}")>{change}</dd>
    };
    match href {
        Some(href) => view! { <div class="figure"><dl>{body}</dl><a class="cover" href=href aria-label="Show these tickets"></a></div> }.into_any(),
        None => view! { <div class="figure"><dl>{body}</dl></div> }.into_any(),
    }
}

/// A titled part of a page on its own surface.
#[component]
pub fn Card(
    #[prop(optional, into)] title: String,
    /// A quiet line under the title.
    #[prop(optional, into)]
    about: String,
    #[prop(optional, into)] class: String,
    children: Children,
) -> impl IntoView {
    view! {
        <section class=format!("card {class}")>
            {(!title.is_empty()).then(|| view! { <h2>{title}</h2> })}
            {(!about.is_empty()).then(|| view! { <p class="about">{about}</p> })}
            {children()}
        </section>
    }
}

/// A titled part of a story, without a surface: title left, content right on wide screens.
#[component]
pub fn Section(
    #[prop(into)] title: String,
    #[prop(optional, into)] about: String,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="section">
            <header><h2>{title}</h2>{(!about.is_empty()).then(|| view! { <p class="about">{about}</p> })}</header>
            <div class="section-body">{children()}</div>
        </section>
    }
}
