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
    /// Heads that lead to the same list in another order: the head, the address, and whether it is the present one, which
    /// is always from the highest to the lowest.
    #[prop(optional)]
    sorts: Vec<(&'static str, String, bool)>,
    #[prop(optional, into)] class: String,
    children: Children,
) -> impl IntoView {
    let heads = heads
        .into_iter()
        .map(|head| {
            let (class, text) = head.strip_prefix('#').map_or(("", head), |number| ("n", number));
            match sorts.iter().find(|(of, ..)| *of == head) {
                None => view! { <th scope="col" class=class>{text}</th> }.into_any(),
                Some((_, to, here)) => {
                    let sorted = here.then_some("descending");
                    view! { <th scope="col" class=class aria-sort=sorted><a class="sort" href=to.clone()>{text}</a></th> }.into_any()
                }
            }
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
