use super::*;

fn sent() -> Entry {
    let mut entry = Entry::new("/do/token-create", "/tokens?from=setup").keep("name", "  ");
    entry.wrong("name", "Give the token a name.");
    entry
}

#[test]
fn errors_and_values_show_in_the_form_that_was_sent_and_nowhere_else() {
    let entry = sent();
    assert_eq!(entry.error("/do/token-create", "name"), Some("Give the token a name."));
    assert_eq!(entry.value("/do/token-create", "name"), Some("  "));
    assert_eq!(entry.error("/do/other", "name"), None);
    assert_eq!(entry.value("/do/other", "name"), None);
}

#[test]
fn an_entry_belongs_to_its_page_whatever_the_query() {
    assert!(sent().is_of("/tokens"));
    assert!(!sent().is_of("/policy"));
}

#[test]
fn a_field_that_came_back_shows_the_error_beside_it_and_is_tied_to_it() {
    let owner = Owner::new();
    let html = owner.with(|| {
        provide_context(sent());
        view! { <Form to="/do/token-create"><Field label="Name" name="name" required=true hint="For people."/></Form> }.to_html()
    });
    assert!(html.contains(r#"aria-describedby="name-error name-hint""#), "{html}");
    assert!(html.contains(r#"<p id="name-error" class="error">Give the token a name."#), "{html}");
    assert!(html.contains("autofocus"), "{html}");
}

#[test]
fn a_password_is_never_put_back_into_the_page() {
    let owner = Owner::new();
    let html = owner.with(|| {
        provide_context(Entry::new("/do/x", "/x").keep("password", "hunter2"));
        view! { <Form to="/do/x"><Field kind="password" label="Password" name="password" value="hunter2"/></Form> }.to_html()
    });
    assert!(!html.contains("hunter2"), "{html}");
}

#[test]
fn words_that_would_end_a_field_of_several_lines_stay_within_it() {
    let owner = Owner::new();
    let html = owner.with(|| {
        let value = "Fish &amp; chips </textarea><img src=x onerror=alert(1)>";
        view! { <TextArea label="Notes" name="notes" value/> }.to_html()
    });
    let inside = html.split("<textarea").nth(1).and_then(|rest| rest.split_once('>')).unwrap().1;
    let inside = inside.split("</textarea>").next().unwrap();
    assert_eq!(inside, "\nFish &amp;amp; chips &lt;/textarea>&lt;img src=x onerror=alert(1)>");
}
