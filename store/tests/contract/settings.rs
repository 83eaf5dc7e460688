//! Connections, policies, prompts, look-ups, the audit trail; and secrets that stay secret.

use crate::support::{self, at, tenant, tenant_with_owner};
use domain::backoff::Pace;
use domain::{Mode, ModelSettings, Policy, PsaKind, PsaSettings, Secret};
use serde_json::json;
use store::connections::{ConnectionState, Which};
use store::testing::TestStore;
use store::{Actor, KeyRing, Store, StoreError, VaultError};

support::on_both_engines! {
    a_secret_is_not_kept_for_another_address,
    the_stamp_changes_with_each_save_and_with_nothing_else,
    a_psa_connection_comes_back_with_its_secret,
    an_empty_secret_keeps_the_one_that_is_set,
    another_psa_does_not_inherit_the_secret,
    a_model_connection_comes_back_with_its_key,
    a_webhook_address_is_found_by_its_key_until_it_is_changed,
    no_secret_is_in_the_database_in_the_clear,
    a_secret_moved_to_another_row_does_not_open,
    an_altered_secret_does_not_open,
    a_wrong_key_names_the_key_that_is_missing,
    rotated_keys_open_old_secrets_and_seal_them_anew,
    policies_are_counted_and_kept,
    saving_the_same_policy_again_is_no_new_version,
    prompts_are_counted_and_kept,
    look_ups_are_kept_as_they_were,
    the_trail_names_people_and_tokens_as_they_were,
    the_trail_is_newest_first_in_pages,
    keys_are_rotated_while_a_process_runs,
    the_keys_of_another_database_are_noticed,
}

fn autotask(secret: &str) -> PsaSettings {
    PsaSettings::Autotask {
        username: "api@acme.example".into(),
        secret: Secret::new(secret),
        integration_code: "CODE".into(),
        zone_url: None,
    }
}

fn halo(secret: &str) -> PsaSettings {
    PsaSettings::HaloPsa {
        url: "https://acme.halopsa.example".into(),
        client_id: "id".into(),
        client_secret: Secret::new(secret),
        tenant: None,
        auth_url: None,
    }
}

fn openai(key: &str) -> ModelSettings {
    ModelSettings::OpenAi {
        api_key: Secret::new(key),
        model: "m".into(),
        base_url: "https://llm.example/v1".into(),
        price: None,
    }
}

async fn a_psa_connection_comes_back_with_its_secret(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert!(acme.psa_connection().await.unwrap().is_none());
    for (revision, settings) in
        [(1, autotask("first-secret")), (2, autotask("second-secret")), (3, halo("third"))]
    {
        acme.psa_connection_put(settings.clone(), &Actor::System, at(revision)).await.unwrap();
        let kept = acme.psa_connection().await.unwrap().unwrap();
        assert_eq!((kept.settings, kept.revision, kept.updated_at), (settings, revision, at(revision)));
        assert_eq!(kept.state, ConnectionState::Untested);
    }
}

async fn an_empty_secret_keeps_the_one_that_is_set(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    acme.psa_connection_put(autotask("kept"), &Actor::System, at(1)).await.unwrap();
    let mut renamed = autotask("");
    if let PsaSettings::Autotask { username, .. } = &mut renamed {
        *username = "other@acme.example".into();
    }
    acme.psa_connection_put(renamed.clone(), &Actor::System, at(2)).await.unwrap();
    renamed.set_secret(Secret::new("kept"));
    assert_eq!(acme.psa_connection().await.unwrap().unwrap().settings, renamed);
    acme.model_connection_put(openai("kept too"), &Actor::System, at(1)).await.unwrap();
    acme.model_connection_put(openai(""), &Actor::System, at(2)).await.unwrap();
    assert_eq!(acme.model_connection().await.unwrap().settings, openai("kept too"));
}

async fn another_psa_does_not_inherit_the_secret(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    acme.psa_connection_put(autotask("kept"), &Actor::System, at(1)).await.unwrap();
    acme.psa_connection_put(halo(""), &Actor::System, at(2)).await.unwrap();
    assert_eq!(acme.psa_connection().await.unwrap().unwrap().settings, halo(""));
    acme.model_connection_put(openai("kept"), &Actor::System, at(1)).await.unwrap();
    let azure = ModelSettings::Azure {
        endpoint: "https://acme.openai.azure.example".into(),
        deployment: "d".into(),
        api_version: None,
        api_key: Secret::default(),
        price: None,
    };
    acme.model_connection_put(azure.clone(), &Actor::System, at(2)).await.unwrap();
    assert_eq!(acme.model_connection().await.unwrap().settings, azure);
}

async fn a_model_connection_comes_back_with_its_key(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let none = acme.model_connection().await.unwrap();
    assert_eq!(
        (none.settings, none.state, none.revision),
        (ModelSettings::Builtin {}, ConnectionState::Untested, 0)
    );
    for (revision, settings) in
        [(1, openai("sk-first")), (2, ModelSettings::Builtin {}), (3, openai("sk-second"))]
    {
        acme.model_connection_put(settings.clone(), &Actor::System, at(revision)).await.unwrap();
        let kept = acme.model_connection().await.unwrap();
        assert_eq!((kept.settings, kept.revision, kept.updated_at), (settings, revision, at(revision)));
    }
}

async fn a_webhook_address_is_found_by_its_key_until_it_is_changed(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let old = acme.hook().await.unwrap();
    let owner = store.hook_lookup(&old.key).await.unwrap().unwrap();
    assert_eq!((owner.tenant, owner.psa, owner.hook.secret), (acme.tenant_id(), None, old.secret));
    acme.psa_connection_put(halo("h"), &Actor::System, at(1)).await.unwrap();
    assert_eq!(
        store.hook_lookup(&old.key).await.unwrap().unwrap().psa,
        Some((PsaKind::HaloPsa.into(), halo("h")))
    );

    let new = acme.hook_rotate(&Actor::System, at(2)).await.unwrap();
    assert_ne!(old.key, new.key);
    assert!(store.hook_lookup(&old.key).await.unwrap().is_none());
    let kept = acme.hook().await.unwrap();
    assert_eq!((kept.key, kept.secret, kept.rotated_at), (new.key.clone(), new.secret, at(2)));
    assert!(store.hook_lookup(&new.key).await.unwrap().is_some());
    assert!(store.hook_lookup("").await.unwrap().is_none());
}

/// Every byte of the tables that hold secrets, as hexadecimal and as text.
async fn everything(store: &TestStore) -> String {
    let mut beside = store.beside().await;
    let mut all = String::new();
    for (table, text, bytes) in [
        ("psa_connections", "settings", "sealed"),
        ("model_connections", "settings", "sealed"),
        ("hooks", "rotated_at", "sealed_key"),
        ("hooks", "rotated_at", "sealed_secret"),
        ("audit", "detail", ""),
    ] {
        let bytes = if bytes.is_empty() { "NULL" } else { bytes };
        let query = format!("SELECT CAST({text} AS text), CAST({bytes} AS {}) FROM {table}", blob(store));
        for (text, bytes) in beside.rows::<(String, Option<Vec<u8>>)>(&query).await {
            all.push_str(&text);
            all.push_str(&String::from_utf8_lossy(&bytes.unwrap_or_default()));
        }
    }
    all
}

fn blob(store: &Store) -> &'static str {
    if store.engine_name() == "sqlite" { "blob" } else { "bytea" }
}

async fn no_secret_is_in_the_database_in_the_clear(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    acme.psa_connection_put(autotask("a-very-secret-value"), &Actor::System, at(1)).await.unwrap();
    acme.model_connection_put(openai("sk-also-very-secret"), &Actor::System, at(1)).await.unwrap();
    let hook = acme.hook().await.unwrap();
    let all = everything(&store).await;
    assert!(
        all.contains("api@acme.example") && all.contains("https://llm.example/v1"),
        "the rest can be read"
    );
    for secret in ["very-secret", "alue", "sk-also", &hook.key, hook.secret.expose()] {
        assert!(!all.contains(secret), "{secret}");
    }
}

async fn a_secret_moved_to_another_row_does_not_open(store: TestStore) {
    let (acme, bolt) = (tenant(&store, "acme").await, tenant(&store, "bolt").await);
    for tenant in [&acme, &bolt] {
        tenant.psa_connection_put(autotask("secret"), &Actor::System, at(1)).await.unwrap();
        tenant.model_connection_put(openai("secret"), &Actor::System, at(1)).await.unwrap();
    }
    let mut beside = store.beside().await;
    beside
        .run(
            "UPDATE psa_connections SET sealed =
               (SELECT o.sealed FROM psa_connections o WHERE o.tenant_id <> psa_connections.tenant_id);
             UPDATE model_connections SET sealed =
               (SELECT o.sealed_secret FROM hooks o WHERE o.tenant_id = model_connections.tenant_id);
             UPDATE hooks SET sealed_secret = sealed_key",
        )
        .await;
    let tampered = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::Vault(VaultError::Tampered))), "{outcome:?}");
    };
    tampered(acme.psa_connection().await.map(drop));
    tampered(acme.model_connection().await.map(drop));
    tampered(acme.hook().await.map(drop));
}

async fn an_altered_secret_does_not_open(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    acme.psa_connection_put(autotask("secret"), &Actor::System, at(1)).await.unwrap();
    let sealed: Vec<(Vec<u8>,)> = store.beside().await.rows("SELECT sealed FROM psa_connections").await;
    let sealed = &sealed[0].0;
    for index in [0, 1, sealed.len() / 2, sealed.len() - 1] {
        let mut altered = sealed.clone();
        altered[index] ^= 1;
        put_sealed(&store, &altered).await;
        let outcome = acme.psa_connection().await.map(drop);
        assert!(matches!(outcome, Err(StoreError::Vault(_))), "byte {index}: {outcome:?}");
    }
    for length in [0, 1, 5, 20, sealed.len() - 1] {
        put_sealed(&store, &sealed[..length]).await;
        assert!(matches!(acme.psa_connection().await.map(drop), Err(StoreError::Vault(_))), "{length} bytes");
    }
    put_sealed(&store, sealed).await;
    assert_eq!(acme.psa_connection().await.unwrap().unwrap().settings, autotask("secret"));
}

async fn put_sealed(store: &TestStore, sealed: &[u8]) {
    let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    let value =
        if store.engine_name() == "sqlite" { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") };
    store.beside().await.run(&format!("UPDATE psa_connections SET sealed = {value}")).await;
}

async fn a_wrong_key_names_the_key_that_is_missing(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    acme.psa_connection_put(autotask("secret"), &Actor::System, at(1)).await.unwrap();
    let wrong = KeyRing::parse(&KeyRing::generate(None)).unwrap();
    let other = Store::open(store.url(), wrong).await.unwrap();
    let outcome = other.tenant(acme.tenant_id()).psa_connection().await;
    assert!(matches!(outcome, Err(StoreError::Vault(VaultError::UnknownKey(_)))), "{outcome:?}");
}

async fn rotated_keys_open_old_secrets_and_seal_them_anew(store: TestStore) {
    let old_file = KeyRing::generate(None);
    let old = Store::open(store.url(), KeyRing::parse(&old_file).unwrap()).await.unwrap();
    let acme = tenant(&old, "acme").await;
    acme.psa_connection_put(autotask("secret"), &Actor::System, at(1)).await.unwrap();
    acme.model_connection_put(openai("sk"), &Actor::System, at(1)).await.unwrap();
    let hook = acme.hook().await.unwrap();

    let new_file = KeyRing::generate(Some(&old_file));
    let both = Store::open(store.url(), KeyRing::parse(&new_file).unwrap()).await.unwrap();
    assert_eq!(
        both.tenant(acme.tenant_id()).psa_connection().await.unwrap().unwrap().settings,
        autotask("secret")
    );
    assert_eq!(both.reseal_all().await.unwrap(), 4);
    assert_eq!(both.reseal_all().await.unwrap(), 0, "they are sealed with the first key now");

    let newest = new_file.lines().next().unwrap();
    let new = Store::open(store.url(), KeyRing::parse(newest).unwrap()).await.unwrap();
    let acme = new.tenant(acme.tenant_id());
    assert_eq!(acme.psa_connection().await.unwrap().unwrap().settings, autotask("secret"));
    assert_eq!(acme.model_connection().await.unwrap().settings, openai("sk"));
    assert_eq!(acme.hook().await.unwrap().secret, hook.secret);
    assert!(new.hook_lookup(&hook.key).await.unwrap().is_some());
}

async fn policies_are_counted_and_kept(store: TestStore) {
    let (id, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    let first = acme.policy().await.unwrap();
    assert_eq!((first.version, first.saved_by.as_str()), (1, "system"));
    let live = Policy { mode: Mode::Live, ..Policy::default() };
    assert_eq!(acme.policy_put(&live, &Actor::User(owner), at(5)).await.unwrap(), 2);
    let newest = acme.policy().await.unwrap();
    assert_eq!((newest.version, newest.body, newest.saved_at), (2, live, at(5)));
    assert_eq!(newest.saved_by, "owner@acme.example");
    let versions: Vec<i64> =
        acme.policy_versions(10).await.unwrap().iter().map(|version| version.version).collect();
    assert_eq!(versions, [2, 1]);
    assert_eq!(acme.policy_versions(1).await.unwrap().len(), 1);
}

async fn saving_the_same_policy_again_is_no_new_version(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert_eq!(acme.policy_put(&Policy::default(), &Actor::System, at(5)).await.unwrap(), 1);
    let live = Policy { mode: Mode::Live, ..Policy::default() };
    assert_eq!(acme.policy_put(&live, &Actor::System, at(6)).await.unwrap(), 2);
    assert_eq!(acme.policy_put(&live, &Actor::System, at(7)).await.unwrap(), 2);
    assert_eq!(acme.policy_put(&Policy::default(), &Actor::System, at(8)).await.unwrap(), 3);
    // A label that was renamed in the PSA is a difference, although choices are equal by their ids.
    let named = |label: &str| {
        let mut policy = Policy::default();
        policy.escalation.owner = Some(domain::Choice::new("7", label));
        policy
    };
    assert_eq!(acme.policy_put(&named("Ann"), &Actor::System, at(9)).await.unwrap(), 4);
    assert_eq!(acme.policy_put(&named("Anne"), &Actor::System, at(10)).await.unwrap(), 5);
}

async fn prompts_are_counted_and_kept(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert!(acme.prompt().await.unwrap().is_none());
    assert_eq!(acme.prompt_put("Score {{ text }}", &Actor::System, at(1)).await.unwrap(), 1);
    assert_eq!(acme.prompt_put("Score {{ text }}", &Actor::System, at(2)).await.unwrap(), 1);
    assert_eq!(acme.prompt_put("Rate {{ text }}", &Actor::System, at(3)).await.unwrap(), 2);
    let newest = acme.prompt().await.unwrap().unwrap();
    assert_eq!((newest.version, newest.body.as_str(), newest.saved_at), (2, "Rate {{ text }}", at(3)));
    let versions: Vec<String> =
        acme.prompt_versions(10).await.unwrap().into_iter().map(|version| version.body).collect();
    assert_eq!(versions, ["Rate {{ text }}", "Score {{ text }}"]);
    for blank in ["", " \n"] {
        assert_eq!(acme.prompt_put(blank, &Actor::System, at(4)).await.unwrap(), 3);
        assert!(acme.prompt().await.unwrap().is_none(), "the built-in one again, whatever it says by then");
    }
    assert_eq!(acme.prompt_put("Rate {{ text }}", &Actor::System, at(5)).await.unwrap(), 4);
}

async fn look_ups_are_kept_as_they_were(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    assert!(acme.lookups_get().await.unwrap().is_none());
    acme.psa_connection_put(crate::tenancy::psa(), &Actor::System, at(0)).await.unwrap();
    for (second, kind, value) in [
        (1, PsaKind::Autotask, json!({"priorities": [{"id": "1", "label": "Critical"}]})),
        (2, PsaKind::HaloPsa, json!({"b": [], "a": null, "n": 1.5, "u": "\u{0000}é"})),
    ] {
        acme.lookups_put(acme.newest_save(Which::Psa).await, kind, value.clone(), at(second)).await.unwrap();
        let kept = acme.lookups_get().await.unwrap().unwrap();
        assert_eq!((kept.kind, kept.value, kept.fetched_at), (kind, value, at(second)));
    }
}

async fn the_trail_names_people_and_tokens_as_they_were(store: TestStore) {
    let (id, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    let (token, _) = acme.token_create("nightly", &Actor::User(owner), at(1)).await.unwrap();
    let pat =
        acme.member_add("pat@x.example", "P", domain::Role::Admin, "x", &Actor::System, at(2)).await.unwrap();
    acme.audit_append(&Actor::User(pat), "a.b", "by pat", at(3)).await.unwrap();
    acme.audit_append(&Actor::Token(token), "a.b", "by token", at(4)).await.unwrap();
    acme.audit_append(&Actor::System, "a.b", "by us", at(5)).await.unwrap();
    acme.member_remove(pat, &Actor::System, at(6)).await.unwrap();
    acme.token_revoke(token, &Actor::System, at(7)).await.unwrap();
    let trail = acme.audit_list(10, None).await.unwrap().rows;
    let said: Vec<(&str, &str)> = trail
        .iter()
        .filter(|entry| entry.what == "a.b")
        .map(|entry| (entry.actor.as_str(), entry.detail.as_str()))
        .collect();
    assert_eq!(said, [("system", "by us"), ("nightly", "by token"), ("pat@x.example", "by pat")]);
}

async fn the_trail_is_newest_first_in_pages(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    for index in 0..12 {
        acme.audit_append(&Actor::System, "a.b", &index.to_string(), at(index / 5)).await.unwrap();
    }
    let first = acme.audit_list(8, None).await.unwrap();
    let second = acme.audit_list(8, first.next.as_deref()).await.unwrap();
    let said: Vec<&str> = first.rows.iter().chain(&second.rows).map(|entry| entry.detail.as_str()).collect();
    let expected: Vec<String> = (0..12).rev().map(|index| index.to_string()).collect();
    // The oldest entry tells of the tenant itself; it arrived in the same second as the first five.
    assert_eq!(said[..12], expected.iter().map(String::as_str).collect::<Vec<_>>()[..]);
    assert_eq!((first.rows.len(), second.rows.len(), second.next), (8, 5, None));
    assert!(matches!(acme.audit_list(8, Some("%")).await, Err(StoreError::BadCursor)));
}

async fn the_stamp_changes_with_each_save_and_with_nothing_else(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let by = Actor::System;
    let mut seen = vec![acme.stamp().await.unwrap()];
    let mut differs = async |what: &str, expected: bool| {
        let now = acme.stamp().await.unwrap();
        assert_eq!(!seen.contains(&now), expected, "{what}");
        seen.push(now);
    };
    acme.tenant_update("Acme", "UTC", &by, at(1)).await.unwrap();
    differs("a name", false).await;
    let policy = Policy { mode: Mode::Live, ..Policy::default() };
    acme.policy_put(&policy, &by, at(2)).await.unwrap();
    differs("a policy", true).await;
    acme.policy_put(&policy, &by, at(3)).await.unwrap();
    differs("the same policy", false).await;
    acme.prompt_put("Score {{ text }}", &by, at(4)).await.unwrap();
    differs("a prompt", true).await;
    acme.model_connection_put(ModelSettings::Builtin {}, &by, at(5)).await.unwrap();
    differs("a model", true).await;
    acme.connection_paused(
        acme.newest_save(Which::Model).await,
        "the key was revoked",
        Pace::USUAL,
        0.5,
        at(6),
    )
    .await
    .unwrap();
    differs("a pause", true).await;
    let stamp = acme.stamp().await.unwrap();
    assert_eq!((stamp.psa_paused, stamp.model_paused), (false, true));
}

async fn a_secret_is_not_kept_for_another_address(store: TestStore) {
    let acme = tenant(&store, "acme").await;
    let halo = |url: &str, secret: &str| PsaSettings::HaloPsa {
        url: url.into(),
        client_id: "c".into(),
        client_secret: Secret::new(secret),
        tenant: None,
        auth_url: None,
    };
    let by = Actor::System;
    acme.psa_connection_put(halo("https://a.example", "s3cret"), &by, at(1)).await.unwrap();
    acme.psa_connection_put(halo("https://a.example/", ""), &by, at(2)).await.unwrap();
    let secret = async || acme.psa_connection().await.unwrap().unwrap().settings.secret().clone();
    assert_eq!(secret().await.expose(), "s3cret");
    acme.psa_connection_put(halo("https://evil.example", ""), &by, at(3)).await.unwrap();
    assert_eq!(secret().await.expose(), "");
    let openai = |url: &str, key: &str| ModelSettings::OpenAi {
        api_key: Secret::new(key),
        model: "m".into(),
        base_url: url.into(),
        price: None,
    };
    acme.model_connection_put(openai("https://a.example/v1", "sk-1"), &by, at(4)).await.unwrap();
    acme.model_connection_put(openai("https://evil.example/v1", ""), &by, at(5)).await.unwrap();
    let kept = acme.model_connection().await.unwrap().settings;
    assert_eq!(kept.secret().map(Secret::expose), Some(""));
}

async fn keys_are_rotated_while_a_process_runs(store: TestStore) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.key");
    let first = KeyRing::generate(None);
    std::fs::write(&file, &first).unwrap();
    let running = Store::open(store.url(), KeyRing::read(&file).unwrap()).await.unwrap();
    let acme = tenant(&running, "acme").await;
    let before = acme.hook().await.unwrap();

    std::fs::write(&file, KeyRing::generate(Some(&first))).unwrap();
    let rotating = Store::open(store.url(), KeyRing::read(&file).unwrap()).await.unwrap();
    assert_eq!(rotating.reseal_all().await.unwrap(), 2);
    let after = acme.hook().await.unwrap();
    assert_eq!((after.key, after.secret.expose()), (before.key, before.secret.expose()));
    assert!(running.hook_lookup(&acme.hook().await.unwrap().key).await.unwrap().is_some());
    // What it seals from now on needs no other key.
    std::fs::remove_file(&file).unwrap();
    acme.hook_rotate(&Actor::System, at(1)).await.unwrap();
    assert_eq!(running.reseal_all().await.unwrap(), 0);
}

async fn the_keys_of_another_database_are_noticed(store: TestStore) {
    let stranger = || KeyRing::parse(&KeyRing::generate(None)).unwrap();
    let other = Store::open(store.url(), stranger()).await.unwrap();
    other.keys_fit().await.expect("nothing is sealed yet");
    tenant(&store, "acme").await;
    store.keys_fit().await.unwrap();
    let error = Store::open(store.url(), stranger()).await.unwrap().keys_fit().await.unwrap_err();
    assert!(matches!(error, StoreError::Vault(VaultError::UnknownKey(_))), "{error:?}");
    assert!(KeyRing::read(std::path::Path::new("/nowhere/at/all")).is_err());
}
