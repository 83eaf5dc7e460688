//! Tenants, people, tokens, passwords, and the brake on guessing.

use crate::support::{self, arrive, at, plan, tenant, tenant_with_owner};
use chrono::NaiveDate;
use domain::{Mode, Role, TokenId, UserId};
use std::time::Duration;
use store::accounts::{Bearer, Member, NewTenant, Token, hash_password, verify_password};
use store::testing::TestStore;
use store::{Actor, StoreError};

support::on_both_engines! {
    a_new_tenant_has_an_owner_a_policy_and_an_address_for_webhooks,
    an_address_signs_up_once_however_it_is_written,
    a_deleted_tenant_takes_everything_but_shared_people_with_it,
    a_password_can_be_changed,
    a_person_may_belong_to_several_tenants,
    who_is_a_member_nowhere_is_added_with_a_new_password,
    a_token_may_do_what_its_maker_might,
    the_last_owner_cannot_be_removed,
    adding_a_member_twice_is_a_conflict,
    a_token_opens_its_tenant_until_it_is_revoked,
    the_use_of_a_token_is_noted_once_a_minute,
    attempts_are_counted_within_the_window_and_forgotten,
    a_new_time_zone_moves_tickets_to_their_new_day,
}

async fn a_new_tenant_has_an_owner_a_policy_and_an_address_for_webhooks(store: TestStore) {
    let (id, user) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    assert_eq!(acme.tenant_id(), id);
    let kept = acme.tenant_fetch().await.unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.time_zone.as_str(), kept.created_at), ("acme", "UTC", at(0)));
    assert_eq!(store.tenant_list().await.unwrap(), [kept]);
    let owner = Member {
        user,
        email: "owner@acme.example".into(),
        name: "Owner of acme".into(),
        role: Role::Owner,
        since: at(0),
    };
    assert_eq!(acme.member_list().await.unwrap(), [owner]);
    assert_eq!(acme.policy().await.unwrap().body, domain::Policy::default());
    assert!(acme.hook().await.unwrap().key.len() >= 22, "128 bits and more");
    assert!(acme.prompt().await.unwrap().is_none());
}

async fn an_address_signs_up_once_however_it_is_written(store: TestStore) {
    let (_, user) = tenant_with_owner(&store, "acme").await;
    let again = NewTenant {
        name: "Other".into(),
        owner_email: "  OWNER@Acme.example ".into(),
        owner_name: "O".into(),
        password_hash: "x".into(),
    };
    let taken = store.tenant_create(again, at(1)).await;
    assert!(matches!(taken, Err(StoreError::Conflict { .. })), "{taken:?}");
    assert_eq!(store.tenant_list().await.unwrap().len(), 1, "nothing of the refused one was kept");
    assert_eq!(store.user_by_email("Owner@ACME.example").await.unwrap().unwrap().id, user);
    assert!(store.user_by_email("nobody@acme.example").await.unwrap().is_none());
}

async fn a_deleted_tenant_takes_everything_but_shared_people_with_it(store: TestStore) {
    let (id, user) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    let bolt = tenant(&store, "bolt").await;
    let shared =
        bolt.member_add("both@x.example", "B", Role::Admin, "x", &Actor::System, at(1)).await.unwrap();
    acme.member_link(shared, Role::Viewer, &Actor::System, at(1)).await.unwrap();
    let (_, token) = acme.token_create("ci", &Actor::System, at(1)).await.unwrap();
    support::scored(&acme, "7", "c", 5, &plan(Mode::Live, 5, &["update"]), 0).await;
    arrive(&acme, "8", 5).await;
    let hook = acme.hook().await.unwrap();

    assert!(store.tenant_delete(id).await.unwrap());
    assert!(!store.tenant_delete(id).await.unwrap());
    assert!(acme.tenant_fetch().await.unwrap().is_none());
    assert!(store.user_fetch(user).await.unwrap().is_none());
    assert!(store.user_fetch(shared).await.unwrap().is_some());
    assert!(store.token_lookup(&token, at(2)).await.unwrap().is_none());
    assert!(store.hook_lookup(&hook.key).await.unwrap().is_none());
    let mut beside = store.beside().await;
    for table in [
        "deliveries",
        "intake",
        "jobs",
        "tickets",
        "ticket_bodies",
        "analyses",
        "actions",
        "events",
        "tallies",
        "client_notes",
        "feedback",
        "ticket_words",
        "ticket_words_due",
        "ticket_views",
        "imports",
        "import_tickets",
        "day_tallies",
        "hour_tallies",
    ] {
        let rows: Vec<(i64,)> = beside.rows(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(rows, [(0,)], "{table}");
    }
    assert_eq!(bolt.member_list().await.unwrap().len(), 2);
}

async fn a_password_can_be_changed(store: TestStore) {
    let (acme, user) = tenant_with_owner(&store, "acme").await;
    let (acme, bolt) = (store.tenant(acme), tenant(&store, "bolt").await);
    let before = store.user_fetch(user).await.unwrap().unwrap();
    store.user_set_password(user, "$argon2id$new", &Actor::System, at(1)).await.unwrap();
    let after = store.user_fetch(user).await.unwrap().unwrap();
    assert_eq!(after.password_hash, "$argon2id$new");
    assert_ne!(before.password_mark(), after.password_mark());
    assert_eq!(after.password_mark(), store.user_fetch(user).await.unwrap().unwrap().password_mark());
    let newest = &acme.audit_list(1, None).await.unwrap().rows[0];
    assert_eq!((newest.what.as_str(), newest.actor.as_str()), ("password.changed", "system"));
    assert!(newest.detail.contains(&after.email), "{}", newest.detail);
    assert_ne!(bolt.audit_list(1, None).await.unwrap().rows[0].what, "password.changed");
}

async fn a_person_may_belong_to_several_tenants(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    let user =
        acme.member_add("pat@x.example", "Pat", Role::Viewer, "first", &Actor::System, at(1)).await.unwrap();
    let unasked = bolt.member_add("PAT@x.example", "P", Role::Admin, "second", &Actor::System, at(2)).await;
    assert!(matches!(unasked, Err(StoreError::Conflict { .. })), "nobody is drawn into another workspace");
    bolt.member_link(user, Role::Admin, &Actor::System, at(2)).await.unwrap();
    let again = bolt.member_link(user, Role::Admin, &Actor::System, at(2)).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    assert_eq!(
        store.user_fetch(user).await.unwrap().unwrap().password_hash,
        "first",
        "the account is Pat's own"
    );
    let roles: Vec<(String, Role)> =
        store.memberships(user).await.unwrap().into_iter().map(|of| (of.tenant.name, of.role)).collect();
    assert_eq!(roles, [("acme".to_owned(), Role::Viewer), ("bolt".to_owned(), Role::Admin)]);
    assert_eq!(store.membership(user, bolt.tenant_id()).await.unwrap().unwrap().role, Role::Admin);
    assert!(bolt.member_remove(user, &Actor::System, at(3)).await.unwrap());
    assert!(store.membership(user, bolt.tenant_id()).await.unwrap().is_none());
    assert!(store.membership(user, acme.tenant_id()).await.unwrap().is_some());
}

async fn who_is_a_member_nowhere_is_added_with_a_new_password(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let pat =
        acme.member_add("pat@x.example", "Pat", Role::Viewer, "old", &Actor::System, at(1)).await.unwrap();
    acme.member_remove(pat, &Actor::System, at(2)).await.unwrap();
    let again =
        acme.member_add("pat@x.example", "P", Role::Admin, "new", &Actor::System, at(3)).await.unwrap();
    let user = store.user_fetch(pat).await.unwrap().unwrap();
    assert_eq!((again, user.password_hash.as_str(), user.name.as_str()), (pat, "new", "P"));
}

async fn the_last_owner_cannot_be_removed(store: TestStore) {
    let (id, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    assert!(!acme.member_remove(owner, &Actor::System, at(1)).await.unwrap());
    let second =
        acme.member_add("b@acme.example", "B", Role::Owner, "x", &Actor::User(owner), at(2)).await.unwrap();
    assert!(acme.member_remove(owner, &Actor::User(second), at(3)).await.unwrap());
    assert!(!acme.member_remove(owner, &Actor::User(second), at(4)).await.unwrap(), "is no member any more");
    let trail = acme.audit_list(10, None).await.unwrap().rows;
    assert_eq!((trail[0].what.as_str(), trail[0].actor.as_str()), ("member.removed", "b@acme.example"));
    assert_eq!(trail[0].detail, "owner@acme.example was removed");
}

async fn adding_a_member_twice_is_a_conflict(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let again = acme.member_add("owner@acme.example", "O", Role::Viewer, "x", &Actor::System, at(1)).await;
    assert!(matches!(again, Err(StoreError::Conflict { .. })), "{again:?}");
    assert_eq!(acme.member_list().await.unwrap()[0].role, Role::Owner);
}

async fn a_token_may_do_what_its_maker_might(store: TestStore) {
    let (acme, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(acme);
    let admin =
        acme.member_add("admin@acme.example", "A", Role::Admin, "x", &Actor::System, at(1)).await.unwrap();
    let of = async |actor: Actor| {
        let (id, whole) = acme.token_create("t", &actor, at(2)).await.unwrap();
        (id, store.token_lookup(&whole, at(3)).await.unwrap().unwrap().role)
    };
    assert_eq!(of(Actor::System).await.1, Role::Owner);
    assert_eq!(of(Actor::User(owner)).await.1, Role::Owner);
    let (token, role) = of(Actor::User(admin)).await;
    assert_eq!(role, Role::Admin);
    assert_eq!(of(Actor::Token(token)).await.1, Role::Admin, "nor may it make one that may more");
    let stranger = tenant_with_owner(&store, "bolt").await.1;
    assert_eq!(of(Actor::User(stranger)).await.1, Role::Viewer);
}

async fn a_token_opens_its_tenant_until_it_is_revoked(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (id, whole) = acme.token_create("ci", &Actor::System, at(1)).await.unwrap();
    assert!(whole.starts_with("ut_") && whole.len() > 40);
    assert_eq!(
        store.token_lookup(&whole, at(2)).await.unwrap(),
        Some(Bearer { tenant: acme.tenant_id(), token: id, role: Role::Owner })
    );
    let listed = Token {
        id,
        name: "ci".into(),
        last4: whole[whole.len() - 4..].into(),
        created_at: at(1),
        last_used_at: Some(at(2)),
    };
    assert_eq!(acme.token_list().await.unwrap(), [listed]);
    for wrong in ["", "ut_", "ut_0000", &whole[3..], &whole.to_uppercase()] {
        assert_eq!(store.token_lookup(wrong, at(2)).await.unwrap(), None, "{wrong}");
    }
    // It may do so itself, and the trail still knows its name.
    assert!(acme.token_revoke(id, &Actor::Token(id), at(3)).await.unwrap());
    assert_eq!(store.token_lookup(&whole, at(4)).await.unwrap(), None);
    assert!(!acme.token_revoke(id, &Actor::System, at(4)).await.unwrap());
    let trail = acme.audit_list(1, None).await.unwrap().rows;
    assert_eq!((trail[0].what.as_str(), trail[0].actor.as_str()), ("token.revoked", "ci"));
    let unknown = acme.token_revoke(TokenId(uuid::Uuid::nil()), &Actor::System, at(5)).await.unwrap();
    assert!(!unknown);
}

async fn the_use_of_a_token_is_noted_once_a_minute(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let (_, whole) = acme.token_create("ci", &Actor::System, at(0)).await.unwrap();
    for (second, noted) in [(10, 10), (69, 10), (70, 70)] {
        store.token_lookup(&whole, at(second)).await.unwrap();
        assert_eq!(acme.token_list().await.unwrap()[0].last_used_at, Some(at(noted)));
    }
}

async fn attempts_are_counted_within_the_window_and_forgotten(store: TestStore) {
    let window = Duration::from_secs(60);
    for second in [0, 10, 20] {
        store.attempt_noted(&["a@x.example".to_owned()], at(second)).await.unwrap();
    }
    store.attempt_noted(&["192.0.2.7".to_owned()], at(20)).await.unwrap();
    let taken_back = ["a@x.example".to_owned(), "192.0.2.7".to_owned()];
    let ids = store.attempt_noted(&taken_back, at(20)).await.unwrap();
    store.attempt_forgotten(&ids).await.unwrap();
    for (second, count) in [(20, 3), (59, 3), (60, 2), (75, 1), (90, 0)] {
        assert_eq!(
            store.attempts_within("a@x.example", window, at(second)).await.unwrap(),
            count,
            "{second}"
        );
    }
    store.attempt_noted(&["a@x.example;elsewhere".to_owned()], at(20)).await.unwrap();
    store.attempts_clear("a@x.example").await.unwrap();
    assert_eq!(store.attempts_within("a@x.example;elsewhere", window, at(20)).await.unwrap(), 0);
    assert_eq!(store.attempts_within("a@x.example", window, at(20)).await.unwrap(), 0);
    assert_eq!(store.attempts_within("192.0.2.7", window, at(20)).await.unwrap(), 1);
    assert_eq!(store.attempts_within("192.0.2.7", Duration::MAX, at(20)).await.unwrap(), 1);
    store.attempt_noted(&["192.0.2.7".to_owned()], at(200_000)).await.unwrap();
    assert_eq!(
        store.attempts_within("192.0.2.7", Duration::MAX, at(200_000)).await.unwrap(),
        1,
        "old ones are gone"
    );
}

async fn a_new_time_zone_moves_tickets_to_their_new_day(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    // 23:30 in London, 08:30 of the next day in Tokyo.
    support::scored(&acme, "7", "c", 5, &plan(Mode::Shadow, 5, &[]), 11 * 3600 + 1800).await;
    let day = |day| NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    let counted = async |from| acme.overview(day(from), day(from + 1)).await.unwrap().tally.analysed;
    assert_eq!((counted(2).await, counted(3).await), (1, 0));
    acme.tenant_update("Acme K.K.", "Asia/Tokyo", &Actor::System, at(9)).await.unwrap();
    assert_eq!((counted(2).await, counted(3).await), (0, 1));
    let kept = acme.tenant_fetch().await.unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.time_zone.as_str()), ("Acme K.K.", "Asia/Tokyo"));
    assert_eq!(acme.today(at(11 * 3600 + 1800)).await.unwrap(), day(3));
    // A zone that no longer exists counts as UTC.
    acme.tenant_update("Acme K.K.", "Mars/Olympus", &Actor::System, at(9)).await.unwrap();
    assert_eq!(acme.today(at(0)).await.unwrap(), day(2));
}

#[tokio::test]
async fn a_password_is_known_by_its_hash_alone() {
    let hash = hash_password("correct horse").await;
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hash, hash_password("correct horse").await, "each hash has its own salt");
    let user = |password_hash: &str| store::accounts::User {
        id: UserId(uuid::Uuid::nil()),
        email: "a@x.example".into(),
        name: "A".into(),
        password_hash: password_hash.into(),
    };
    for (user, password, right) in [
        (Some(user(&hash)), "correct horse", true),
        (Some(user(&hash)), "Correct horse", false),
        (Some(user(&hash)), "", false),
        (Some(user("not a hash")), "correct horse", false),
        (None, "correct horse", false),
    ] {
        assert_eq!(verify_password(user.as_ref(), password).await, right, "{password:?}");
    }
}
