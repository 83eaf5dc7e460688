//! People and their sign-ins: first passwords, changing one, several workspaces, being removed.

use super::{Browser, OWNER, PASSWORD, Screens};
use http::StatusCode;
use store::Actor;

const ELSE: &str = "dispatcher@example.com";
const NEW: &str = "seven blue lighthouses";

/// The owner adds a person and reads out the first password.
async fn added(owner: &mut Browser, email: &str) -> String {
    let fields = [("email", email), ("name", ""), ("role", "dispatcher")];
    assert_eq!(owner.post("/do/member-add", &fields).await.leads_to(), "/settings");
    let page = owner.get("/settings").await.body;
    let found = page.split("First password").nth(1).and_then(|rest| rest.split("paste-value\">").nth(1));
    found.expect("the password is shown").split('<').next().unwrap().to_owned()
}

async fn sign_in(screens: &Screens, email: &str, password: &str) -> Browser {
    let mut browser = screens.browser();
    let answer = browser.post("/do/sign-in", &[("email", email), ("password", password)]).await;
    assert_eq!(answer.leads_to(), "/", "{email} signs in");
    browser
}

async fn is_in(browser: &mut Browser) -> bool {
    browser.get("/tickets").await.status == StatusCode::OK
}

#[tokio::test]
async fn a_first_password_is_shown_once_works_and_can_be_changed() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut owner = screens.signed_in(OWNER).await;
    let first = added(&mut owner, ELSE).await;
    assert!(!owner.get("/settings").await.body.contains(&first), "it is shown once");
    let mut person = sign_in(&screens, ELSE, &first).await;
    let mut other_device = sign_in(&screens, ELSE, &first).await;
    let change = [("current", first.as_str()), ("new", NEW)];
    assert_eq!(person.post("/do/password-change", &change).await.leads_to(), "/settings");
    assert!(person.get("/settings").await.body.contains("Your password is changed"));
    assert!(is_in(&mut person).await, "who changed it stays signed in");
    assert!(!is_in(&mut other_device).await, "every other session of theirs ends");
    assert!(is_in(&mut owner).await, "nobody else's does");
    sign_in(&screens, ELSE, NEW).await;
    let mut old = screens.browser();
    old.post("/do/sign-in", &[("email", ELSE), ("password", &first)]).await;
    assert!(!is_in(&mut old).await);
    assert!(owner.get("/settings").await.body.contains("has a new password"), "the trail says so");
}

#[tokio::test]
async fn a_password_is_changed_only_by_who_knows_it_and_to_a_good_one() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut owner = screens.signed_in(OWNER).await;
    for (current, new, says) in [
        ("a wrong password", NEW, "not the password you have now"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, PASSWORD, "Choose another"),
        (PASSWORD, OWNER, "must not be the e-mail address"),
    ] {
        owner.post("/do/password-change", &[("current", current), ("new", new)]).await;
        let page = owner.get("/settings").await.body;
        assert!(page.contains(says), "{says}: {page}");
        assert!(!page.contains(&format!("value=\"{new}\"")), "a password is not put back into the page");
    }
    for _ in 0..10 {
        owner.post("/do/password-change", &[("current", "a wrong password"), ("new", NEW)]).await;
    }
    owner.post("/do/password-change", &[("current", PASSWORD), ("new", NEW)]).await;
    assert!(owner.get("/settings").await.body.contains("Too many attempts"), "guessing is stopped here too");
    sign_in(&screens, OWNER, PASSWORD).await;
}

#[tokio::test]
async fn a_reset_by_the_operator_ends_the_sessions_of_that_person() {
    let screens = Screens::new().await;
    screens.workspace(OWNER).await;
    let mut owner = screens.signed_in(OWNER).await;
    let user = screens.store.user_by_email(OWNER).await.unwrap().unwrap();
    let hash = store::accounts::hash_password(NEW).await;
    screens.store.user_set_password(user.id, &hash, &Actor::System, screens.clock.now()).await.unwrap();
    assert!(!is_in(&mut owner).await);
    sign_in(&screens, OWNER, NEW).await;
}

#[tokio::test]
async fn who_was_removed_and_added_again_signs_in_again() {
    let screens = Screens::new().await;
    let tenant = screens.workspace(OWNER).await;
    let mut owner = screens.signed_in(OWNER).await;
    let first = added(&mut owner, ELSE).await;
    let mut person = sign_in(&screens, ELSE, &first).await;
    let user = screens.store.user_by_email(ELSE).await.unwrap().unwrap();
    tenant.member_remove(user.id, &Actor::System, screens.clock.now()).await.unwrap();
    screens.clock.advance(std::time::Duration::from_secs(1));
    let (role, now) = (domain::Role::Viewer, screens.clock.now());
    let hash = store::accounts::hash_password(NEW).await;
    tenant.member_add(ELSE, "", role, &hash, &Actor::System, now).await.unwrap();
    assert!(!is_in(&mut person).await, "not even without a click in between");
    sign_in(&screens, ELSE, NEW).await;
}

#[tokio::test]
async fn a_person_of_two_workspaces_reaches_both_and_no_third() {
    let screens = Screens::new().await;
    let first = screens.workspace(OWNER).await;
    let second = screens.workspace("other@example.com").await;
    let third = screens.workspace("stranger@example.com").await;
    let mut theirs = screens.signed_in("other@example.com").await;
    let fields = [("email", OWNER), ("name", ""), ("role", "viewer")];
    theirs.post("/do/member-add", &fields).await;
    let page = theirs.get("/settings").await.body;
    assert!(page.contains("cannot be added here") && !page.contains("First password"), "{page}");
    assert_eq!(second.member_list().await.unwrap().len(), 1, "nobody is drawn into a stranger's workspace");
    let user = screens.store.user_by_email(OWNER).await.unwrap().unwrap().id;
    screens.clock.advance(std::time::Duration::from_secs(60));
    second.member_link(user, domain::Role::Viewer, &Actor::System, screens.clock.now()).await.unwrap();

    let mut owner = screens.signed_in(OWNER).await;
    // Who signs in is where they were first.
    let (here, other) = (first.tenant_id(), second.tenant_id());
    assert!(owner.get("/settings").await.body.contains(&format!("value=\"{other}\"")));
    let answer = owner.post("/do/workspace-open", &[("tenant", &other.to_string())]).await;
    assert_eq!(answer.leads_to(), "/");
    let page = owner.get("/settings").await.body;
    assert!(page.contains(&format!("value=\"{here}\"")), "now the way back is offered");
    assert!(!page.contains(&third.tenant_id().to_string()));
    let answer = owner.post("/do/workspace-open", &[("tenant", &third.tenant_id().to_string())]).await;
    assert_ne!(answer.status, StatusCode::OK);
    assert!(owner.get("/settings").await.body.contains(&format!("value=\"{here}\"")), "nothing changed");
}
