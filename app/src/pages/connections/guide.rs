//! Where to click in each PSA, step by step: the identity it needs for us, and how it is made to call us.

use domain::{PsaKind, PsaSettings};
use std::borrow::Cow;

/// One step of a guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The click path as the product writes it; empty where the step stays on the same page.
    pub path: &'static str,
    pub text: Cow<'static, str>,
    /// A value to paste there.
    pub paste: Option<Pasted>,
}

/// A value with a copy button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pasted {
    pub label: &'static str,
    pub value: String,
    /// Commands to run rather than a value for a field.
    pub is_script: bool,
}

const fn step(path: &'static str, text: &'static str) -> Step {
    Step { path, text: Cow::Borrowed(text), paste: None }
}

fn paste(path: &'static str, text: &'static str, label: &'static str, value: impl Into<String>) -> Step {
    Step { paste: Some(Pasted { label, value: value.into(), is_script: false }), ..step(path, text) }
}

fn script(text: &'static str, label: &'static str, value: String) -> Step {
    Step { paste: Some(Pasted { label, value, is_script: true }), ..step("", text) }
}

/// The user name that Halo's Basic sign-in is told to send.
pub const HALO_USER: &str = "undertone";

const CONNECTWISE_ACCESS: &[Step] = &[
    step(
        "System → Security Roles → New",
        "Make a role for Undertone. Service Desk: Service Tickets = Add, Edit and Inquire All (Close Service Tickets = Edit All only if \
         tickets are escalated to a closed status). Companies: Company Maintenance and Contacts = Inquire All. System: Member \
         Maintenance and Table Setup = Inquire All.",
    ),
    step(
        "System → Members → API Members → New",
        "Make an API member with that role. Level Corporate (Level 1) and all locations: with less, lists come back partial and \
         nothing says so.",
    ),
    step(
        "API Members → the new member → API Keys → New",
        "Save, and copy both keys into the form. The private key is shown only now.",
    ),
];

const AUTOTASK_ACCESS: &[Step] = &[
    step(
        "Admin → Account Settings & Users → Resources/Users (HR) → Security Levels",
        "Copy the level “API User (system)” and adjust the copy: service desk tickets view and edit all, ticket notes add, companies and \
         contacts view, resources view, and under Other: can create webhooks, at most 5.",
    ),
    step(
        "Resources/Users → New → New API User",
        "Choose the copied level, an e-mail address that somebody reads, and leave it active. It needs no licence and cannot sign in.",
    ),
    step(
        "",
        "Generate Key and Generate Secret, choose Custom (Internal Integration) under API Tracking Identifier, and copy all three into the form.",
    ),
];

const HALO_ACCESS: &[Step] = &[
    step(
        "Configuration → Teams & Agents → Agents → New",
        "Make an agent for Undertone and tick API-only agent. Give it a default team, all relevant teams, all customers and all \
         ticket types. Permissions: Tickets read and modify, Customers and Users read, may see and edit tickets of other agents, may \
         re-assign, always update statuses and re-assign outside of actions.",
    ),
    step(
        "Configuration → Integrations → Halo API → View Applications → New",
        "Authentication method Client ID and Secret (Services), login type Agent, and log in as that agent. Permissions: all. What it may \
         really do is limited by the agent.",
    ),
    step(
        "Configuration → Integrations → Halo API",
        "Copy Resource Server and Tenant, and from the application its ID and secret, into the form.",
    ),
];

/// How to make the identity that Undertone signs in with.
pub fn access(psa: PsaKind) -> &'static [Step] {
    match psa {
        PsaKind::ConnectWise => CONNECTWISE_ACCESS,
        PsaKind::Autotask => AUTOTASK_ACCESS,
        PsaKind::HaloPsa => HALO_ACCESS,
    }
}

/// One way of making the PSA call us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub title: &'static str,
    /// When to choose this one; empty where there is no choice.
    pub when: &'static str,
    pub steps: Vec<Step>,
}

/// What a guide fills into its steps.
#[derive(Clone, Copy, Debug)]
pub struct HookValues<'a> {
    pub address: &'a str,
    /// What verifies the calls (Autotask, Halo).
    pub secret: &'a str,
    /// The saved connection; its public parts go into ready-made commands.
    pub connection: Option<&'a PsaSettings>,
}

/// How to make the PSA call us when a ticket is created. Where there are two ways, the better one first.
pub fn hook(psa: PsaKind, values: &HookValues<'_>) -> Vec<Way> {
    match psa {
        PsaKind::ConnectWise => {
            vec![Way { title: "Register the callback", when: "", steps: connectwise_steps(values) }]
        }
        PsaKind::Autotask => vec![
            Way {
                title: "A webhook, signed",
                when: "Best where you can run a few commands: Autotask lets webhooks be made by its API only.",
                steps: autotask_webhook_steps(values),
            },
            Way {
                title: "An extension callout, by clicks alone",
                when: "Needs no webhook right and runs after your workflow rules. It is not signed: the address is the secret.",
                steps: autotask_callout_steps(values),
            },
        ],
        PsaKind::HaloPsa => vec![Way { title: "Make the webhook", when: "", steps: halo_steps(values) }],
    }
}

fn connectwise_steps(values: &HookValues<'_>) -> Vec<Step> {
    vec![
        script(
            "ConnectWise has no screen for callbacks: they are registered by one request. Run this in a terminal; it asks for the private \
             key, which therefore is not in the command.",
            "Command",
            connectwise_command(values),
        ),
        step(
            "",
            "The answer shows the new callback with its id. If it says that a matching callback exists already, one of an earlier address \
             is in the way: list them with GET /system/callbacks and delete it.",
        ),
        step(
            "",
            "There is nothing else to set. ConnectWise signs each call with a key of its own, and we check that. It sends updates and \
             deletions too; they are recorded and left alone.",
        ),
    ]
}

fn connectwise_command(values: &HookValues<'_>) -> String {
    let (site, company, public_key, client_id) = match values.connection {
        Some(PsaSettings::ConnectWise { site, company_id, public_key, client_id, .. }) => {
            (site.as_str(), company_id.as_str(), public_key.as_str(), client_id.as_str())
        }
        _ => ("https://na.myconnectwise.net", "COMPANY", "PUBLIC_KEY", "CLIENT_ID"),
    };
    let body = serde_json::json!({
        "description": "Undertone", "url": values.address, "objectId": 1, "type": "ticket", "level": "owner", "inactiveFlag": false
    });
    let to = format!("{}/v4_6_release/apis/3.0/system/callbacks", api_host(site));
    [
        format!("curl --request POST {}", quoted(&to)),
        format!("  --user {}", quoted(&format!("{company}+{public_key}"))),
        format!("  --header {}", quoted(&format!("clientId: {client_id}"))),
        "  --header 'Content-Type: application/json'".to_owned(),
        format!("  --data {}", quoted(&body.to_string())),
    ]
    .join(" \\\n")
}

/// The cloud answers its API at `api-na.myconnectwise.net` for `na.myconnectwise.net`.
fn api_host(site: &str) -> String {
    let site = site.trim_end_matches('/');
    match site.split_once("://") {
        Some((scheme, host)) if host.ends_with(".myconnectwise.net") && !host.starts_with("api-") => {
            format!("{scheme}://api-{host}")
        }
        _ => site.to_owned(),
    }
}

fn autotask_webhook_steps(values: &HookValues<'_>) -> Vec<Step> {
    vec![
        step(
            "Admin → Account Settings & Users → Resources/Users (HR) → Security Levels",
            "In the API user’s security level, tick “Can create webhooks” with a maximum of at least 1. It is off in the level that Autotask \
             ships.",
        ),
        script(
            "Run this in a terminal (bash, curl and jq). It asks for the API user’s secret, makes the webhook for new tickets, subscribes \
             three fields (without one Autotask sends nothing) and prints the webhook.",
            "Commands",
            autotask_commands(values),
        ),
        paste(
            "Admin → Extensions & Integrations → Other Extensions & Tools → Webhooks",
            "The new webhook must say Active and Ready. Its secret key, should Autotask ask for it:",
            "Secret key",
            values.secret,
        ),
    ]
}

fn autotask_commands(values: &HookValues<'_>) -> String {
    let (username, code) = match values.connection {
        Some(PsaSettings::Autotask { username, integration_code, .. }) => {
            (username.as_str(), integration_code.as_str())
        }
        _ => ("API_USER", "TRACKING_IDENTIFIER"),
    };
    let webhook = serde_json::json!({
        "name": "Undertone", "isActive": true, "webhookUrl": values.address, "deactivationUrl": values.address,
        "secretKey": values.secret, "isSubscribedToCreateEvents": true, "isSubscribedToUpdateEvents": false,
        "isSubscribedToDeleteEvents": false, "sendThresholdExceededNotification": true
    });
    [
        "read -rsp 'Secret of the API user: ' SECRET; echo".to_owned(),
        format!("USERNAME={}", quoted(username)),
        format!("CODE={}", quoted(code)),
        "ZONE=$(curl -sG https://webservices.autotask.net/atservicesrest/v1.0/zoneInformation --data-urlencode \"user=$USERNAME\" | jq -r .url)".to_owned(),
        "call() { curl -s -H \"UserName: $USERNAME\" -H \"Secret: $SECRET\" -H \"ApiIntegrationCode: $CODE\" \\".to_owned(),
        "  -H 'Content-Type: application/json' \"${ZONE}V1.0/$1\" \"${@:2}\"; }".to_owned(),
        format!("ID=$(call TicketWebhooks --data {} | jq .itemId)", quoted(&webhook.to_string())),
        "for FIELD in $(call TicketWebhookFields/entityInformation/fields | jq -r '.fields[] | select(.name==\"fieldID\").picklistValues[]".to_owned(),
        "  | select(.label | test(\"^(ticket ?number|title|status)$\"; \"i\")).value'); do".to_owned(),
        "  call \"TicketWebhooks/$ID/Fields\" --data \"{\\\"webhookID\\\":$ID,\\\"fieldID\\\":$FIELD,\\\"isDisplayAlwaysField\\\":true,\\\"isSubscribedField\\\":true}\"; done".to_owned(),
        "call \"TicketWebhooks/$ID\"".to_owned(),
    ]
    .join("\n")
}

fn autotask_callout_steps(values: &HookValues<'_>) -> Vec<Step> {
    vec![
        paste(
            "Admin → Extensions & Integrations → Other Extensions & Tools → Extension Callout (Tickets) → New",
            "URL as below, method POST. Under fields add Ticket ID and give it the name id.",
            "URL",
            values.address,
        ),
        step(
            "Admin → Workflow Rules → Tickets → New",
            "Event: Created by anyone. Action: execute extension callout, the one just made. Conditions on queue or source decide which \
             tickets are sent.",
        ),
    ]
}

fn halo_steps(values: &HookValues<'_>) -> Vec<Step> {
    vec![
        step(
            "Configuration → Integrations → Webhooks → New",
            "Type Standard Webhook, method POST, content type application/json.",
        ),
        paste("", "Payload URL:", "Payload URL", values.address),
        paste("", "Authentication: Basic. User name:", "User name", HALO_USER),
        paste("", "Password:", "Password", values.secret),
        step("", "Payload: full object with linked objects, or event information only. Leave batching off."),
        step(
            "",
            "Events: New Ticket Logged, nothing else. Add conditions there if only some ticket types should be sent. Enable and save.",
        ),
    ]
}

/// How to see that calls arrive, and what a PSA does when they fail.
pub fn verify(psa: PsaKind) -> &'static str {
    match psa {
        PsaKind::ConnectWise => {
            "Create a ticket on any service board: it shows under Activity within seconds. ConnectWise switches a callback off after \
             failures on three days in a row."
        }
        PsaKind::Autotask => {
            "Create a ticket: it shows under Activity within seconds. If not, the webhook must say Active and Ready. Autotask switches a \
             webhook off after 25 failed calls in a row."
        }
        PsaKind::HaloPsa => {
            "Create a ticket: it shows under Activity within seconds. In Halo, the webhook’s Deliveries tab shows each call; the newest must \
             have our answer 202."
        }
    }
}

/// How a call proves that it comes from the PSA.
pub fn proof(psa: PsaKind) -> &'static str {
    match psa {
        PsaKind::ConnectWise => "ConnectWise signs each call, and the address itself is secret.",
        PsaKind::Autotask => {
            "Autotask signs each webhook call with the secret key, and the address itself is secret."
        }
        PsaKind::HaloPsa => {
            "Halo signs in with the user name and password, and the address itself is secret."
        }
    }
}

/// Where a test ticket is made.
pub fn test_ticket(psa: PsaKind) -> &'static str {
    match psa {
        PsaKind::ConnectWise => "Service Desk → Service Board → New Ticket",
        PsaKind::Autotask => "+ New → Ticket",
        PsaKind::HaloPsa => "Service Desk → New Ticket",
    }
}

/// `text` as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Secret;

    const ADDRESS: &str = "https://u.example/hooks/x/k";

    fn connectwise(site: &str) -> PsaSettings {
        PsaSettings::ConnectWise {
            site: site.into(),
            company_id: "acme'; rm -rf /".into(),
            public_key: "pub".into(),
            private_key: Secret::new("a-private-key-of-acme"),
            client_id: "guid".into(),
        }
    }

    fn told(psa: PsaKind, connection: Option<&PsaSettings>) -> String {
        let values = HookValues { address: ADDRESS, secret: "hook-secret", connection };
        format!("{:?}", hook(psa, &values))
    }

    #[test]
    fn every_guide_gives_the_address_and_what_verifies_the_calls() {
        for psa in PsaKind::ALL {
            let told = told(psa, None);
            assert!(told.contains(ADDRESS), "{psa}");
            assert_eq!(told.contains("hook-secret"), psa != PsaKind::ConnectWise, "{psa}");
            assert!(!access(psa).is_empty());
        }
    }

    #[test]
    fn no_guide_contains_the_secret_of_the_connection() {
        let settings = connectwise("https://na.myconnectwise.net");
        assert!(!told(PsaKind::ConnectWise, Some(&settings)).contains("a-private-key-of-acme"));
    }

    #[test]
    fn values_in_commands_are_one_word_of_the_shell() {
        let settings = connectwise("https://na.myconnectwise.net/");
        let values = HookValues { address: ADDRESS, secret: "s", connection: Some(&settings) };
        let command = connectwise_command(&values);
        assert!(command.contains(r"--user 'acme'\''; rm -rf /+pub'"), "{command}");
        assert!(
            command.contains("'https://api-na.myconnectwise.net/v4_6_release/apis/3.0/system/callbacks'"),
            "{command}"
        );
    }

    #[test]
    fn a_server_of_ones_own_keeps_its_host() {
        assert_eq!(api_host("https://psa.acme.example/"), "https://psa.acme.example");
        assert_eq!(api_host("https://api-eu.myconnectwise.net"), "https://api-eu.myconnectwise.net");
    }
}
