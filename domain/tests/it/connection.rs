use domain::*;
use serde_json::{Value, json};

#[track_caller]
fn psa(settings: Value, expected: &str) {
    let settings: PsaSettings = serde_json::from_value(settings).unwrap();
    let found = settings.validate().map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!(found, expected);
}

#[track_caller]
fn model(settings: Value, expected: &str) {
    let settings: ModelSettings = serde_json::from_value(settings).unwrap();
    let found = settings.validate().map_or_else(|error| error.to_string(), |()| String::new());
    assert_eq!(found, expected);
}

fn with(mut base: Value, key: &str, value: &str) -> Value {
    base[key] = json!(value);
    base
}

#[test]
fn psa_settings_name_the_field_that_is_wrong() {
    let connectwise = json!({"kind": "connectwise", "site": "https://na.myconnectwise.net", "company_id": "acme",
        "public_key": "pub", "private_key": "priv", "client_id": "0a1b2c3d-0000-4000-8000-000000000000"});
    let autotask = json!({"kind": "autotask", "username": "api@acme.example", "secret": "s3cret#+", "integration_code": "CODE"});
    let halo = json!({"kind": "halopsa", "url": "https://acme.halopsa.com", "client_id": "id", "client_secret": "key"});
    for good in [&connectwise, &autotask, &halo] {
        psa(good.clone(), "");
    }
    psa(with(connectwise.clone(), "site", "http://127.0.0.1:4001"), "");
    for (key, value, expected) in [
        ("site", "", "site: is missing"),
        (
            "site",
            "na.myconnectwise.net",
            "site: must begin with https://, for example https://na.myconnectwise.net",
        ),
        ("site", "https:///v4_6", "site: names no host; it should look like https://na.myconnectwise.net"),
        (
            "site",
            "https://me:pw@na.myconnectwise.net",
            "site: must not hold a user name or password; those have their own fields",
        ),
        (
            "site",
            "https://a.example?x=1",
            "site: must end before “?” and “#”; it should look like https://na.myconnectwise.net",
        ),
        (
            "company_id",
            "acme+pub",
            "company_id: holds “+” or “:”; give the company id alone, as on the sign-in page",
        ),
        (
            "public_key",
            "pub:priv",
            "public_key: holds “:”; give the public key alone, the private key has its own field",
        ),
        ("private_key", "", "private_key: is missing"),
        ("private_key", " priv", "private_key: begins or ends with a space or a line break"),
        (
            "client_id",
            "“quoted”",
            "client_id: holds a character that cannot be sent; copy it again, without quotation marks around it",
        ),
    ] {
        psa(with(connectwise.clone(), key, value), expected);
    }
    psa(
        with(autotask.clone(), "secret", "two\nlines"),
        "secret: holds a line break or another control character",
    );
    psa(
        with(autotask, "zone_url", "webservices2"),
        "zone_url: must begin with https://, for example https://webservices2.autotask.net/atservicesrest/",
    );
    psa(with(halo, "tenant", " "), "tenant: is missing");
}

#[test]
fn model_settings_name_the_field_that_is_wrong() {
    let openai = json!({"kind": "openai", "api_key": "sk-abc", "model": "gpt-5-mini"});
    let azure = json!({"kind": "azure", "endpoint": "https://acme.openai.azure.com", "deployment": "mood",
        "api_version": "2024-10-21", "api_key": "abc"});
    model(json!({"kind": "builtin"}), "");
    model(openai.clone(), "");
    model(with(openai.clone(), "api_key", ""), "api_key: is missing");
    model(with(with(openai.clone(), "api_key", ""), "base_url", "http://localhost:11434/v1"), "");
    model(with(openai.clone(), "model", ""), "model: is missing");
    model(
        with(openai, "base_url", "https://a b/v1"),
        "base_url: holds a space or a backslash; it should look like https://api.openai.com/v1",
    );
    for version in ["v1", "preview", "2024-10-21", "2024-08-01-preview"] {
        model(with(azure.clone(), "api_version", version), "");
    }
    model(
        with(azure.clone(), "api_version", "latest please"),
        "api_version: is neither “v1” nor a date such as “2024-10-21”",
    );
    model(
        with(azure, "deployment", "https://acme.openai.azure.com/openai"),
        "deployment: is not a deployment's name; give the name alone, not its address",
    );
}

#[test]
fn a_secret_never_leaves_by_debug_or_json() {
    let secret = Secret::new("sk-0123456789abcdef");
    assert_eq!(format!("{secret:?}"), "Secret(…)");
    assert_eq!(serde_json::to_string(&secret).unwrap(), "\"…cdef\"");
    assert_eq!(serde_json::to_string(&Secret::new("short")).unwrap(), "\"…\"");
}
