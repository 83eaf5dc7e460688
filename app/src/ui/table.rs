use leptos::prelude::*;

/// A table of rows that are links: give each row's main link the class `row-link`, it covers the whole row.
/// On phones each row becomes a card; `data-label` on a cell is its caption there.
#[component]
pub fn Table(
    /// Read by screen readers.
    #[prop(into)]
    caption: String,
    /// Column heads; a leading `#` means numbers, aligned right.
    heads: Vec<&'static str>,
    #[prop(optional, into)] class: String,
    children: Children,
) -> impl IntoView {
    let heads = heads
        .into_iter()
        .map(|head| match head.strip_prefix('#') {
            Some(number) => view! { <th scope="col" class="n">{number}</th> },
            None => view! { <th scope="col" class="">{head}</th> },
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class=format!("table {class}")>
                <caption class="hidden">{caption}</caption>
                <thead><tr>{heads}</tr></thead>
                <tbody>{children()}</tbody>
            </table>
        </div>
    }
}

/// The way to the next page of a list, newest first.
#[component]
pub fn Older(
    /// Address of the next page, if there is one.
    next: Option<String>,
    /// Address of the first page, if this is not it.
    first: Option<String>,
) -> impl IntoView {
    (next.is_some() || first.is_some()).then(|| {
        view! {
            <nav class="paging" aria-label="Pages">
                {first.map(|href| view! { <a class="button" href=href>"Newest"</a> })}
                {next.map(|href| view! { <a class="button" href=href rel="next">"Older"</a> })}
            </nav>
        }
    })
}
