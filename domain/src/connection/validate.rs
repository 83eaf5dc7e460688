//! What can be told about settings without asking anyone. Whether an address may be called is judged where the call is
//! made; whether a credential works, by the connection test.

use super::{ModelSettings, PsaSettings, Secret};

/// What is wrong with a connection's settings; `field` is the JSON name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidSettings {
    pub field: &'static str,
    pub message: String,
}

/// Longest address or credential, in characters; a header beyond 8 kB is refused by most servers.
const MAX: usize = 2_000;

type Checked = Result<(), InvalidSettings>;

fn wrong<T>(field: &'static str, message: impl Into<String>) -> Result<T, InvalidSettings> {
    Err(InvalidSettings { field, message: message.into() })
}

impl PsaSettings {
    /// Checks that nothing needed is missing or cannot be sent; the first fault is named by its field.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        match self {
            Self::ConnectWise { site, company_id, public_key, private_key, client_id } => {
                address("site", site, "https://na.myconnectwise.net")?;
                credential("company_id", company_id)?;
                credential("public_key", public_key)?;
                // Signed in as Basic "company+public:private": the server splits at the first of each.
                if company_id.contains(['+', ':']) {
                    return wrong(
                        "company_id",
                        "holds “+” or “:”; give the company id alone, as on the sign-in page",
                    );
                }
                if public_key.contains(':') {
                    return wrong(
                        "public_key",
                        "holds “:”; give the public key alone, the private key has its own field",
                    );
                }
                secret("private_key", private_key)?;
                credential("client_id", client_id)
            }
            Self::Autotask { username, secret: key, integration_code, zone_url } => {
                credential("username", username)?;
                secret("secret", key)?;
                credential("integration_code", integration_code)?;
                optional("zone_url", zone_url.as_deref(), "https://webservices2.autotask.net/atservicesrest/")
            }
            Self::HaloPsa { url, client_id, client_secret, tenant, auth_url } => {
                address("url", url, "https://yourcompany.halopsa.com")?;
                credential("client_id", client_id)?;
                secret("client_secret", client_secret)?;
                if let Some(tenant) = tenant {
                    credential("tenant", tenant)?;
                }
                optional("auth_url", auth_url.as_deref(), "https://yourcompany.halopsa.com/auth")
            }
        }
    }
}

impl ModelSettings {
    /// Checks that nothing needed is missing or cannot be sent; the first fault is named by its field.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        match self {
            Self::Builtin {} => Ok(()),
            Self::OpenAi { api_key, model, base_url, price: _ } => {
                address("base_url", base_url, "https://api.openai.com/v1")?;
                // A server of one's own may need no key; OpenAI's always does.
                if !api_key.is_empty() || base_url.contains("//api.openai.com") {
                    secret("api_key", api_key)?;
                }
                text("model", model)
            }
            Self::Azure { endpoint, deployment, api_version, api_key, price: _ } => {
                address("endpoint", endpoint, "https://yourname.openai.azure.com")?;
                text("deployment", deployment)?;
                if deployment.contains(['/', '?', '#', '%', ' ']) {
                    return wrong(
                        "deployment",
                        "is not a deployment's name; give the name alone, not its address",
                    );
                }
                if let Some(version) = api_version {
                    api_version_known(version)?;
                }
                secret("api_key", api_key)
            }
        }
    }
}

/// `v1` or a date, with or without `-preview`: what Azure publishes. Nothing else can be right.
fn api_version_known(version: &str) -> Checked {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let is_date = date.len() == 10
        && date.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if is_date || matches!(version, "v1" | "preview" | "latest") {
        return Ok(());
    }
    wrong("api_version", "is neither “v1” nor a date such as “2024-10-21”")
}

fn optional(field: &'static str, value: Option<&str>, example: &str) -> Checked {
    value.map_or(Ok(()), |value| address(field, value, example))
}

fn address(field: &'static str, value: &str, example: &str) -> Checked {
    text(field, value)?;
    let lower = value.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) else {
        return wrong(field, format!("must begin with https://, for example {example}"));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return wrong(field, format!("names no host; it should look like {example}"));
    }
    if host.contains('@') {
        return wrong(field, "must not hold a user name or password; those have their own fields");
    }
    if rest.contains(['?', '#']) {
        return wrong(field, format!("must end before “?” and “#”; it should look like {example}"));
    }
    if value.contains(char::is_whitespace) || value.contains('\\') {
        return wrong(field, format!("holds a space or a backslash; it should look like {example}"));
    }
    Ok(())
}

fn secret(field: &'static str, value: &Secret) -> Checked {
    credential(field, value.expose())
}

/// Travels in a header or a form: visible ASCII, with nothing pasted around it.
fn credential(field: &'static str, value: &str) -> Checked {
    text(field, value)?;
    if !value.chars().all(|char| char.is_ascii_graphic() || char == ' ') {
        return wrong(
            field,
            "holds a character that cannot be sent; copy it again, without quotation marks around it",
        );
    }
    Ok(())
}

fn text(field: &'static str, value: &str) -> Checked {
    if value.trim().is_empty() {
        return wrong(field, "is missing");
    }
    if value.trim() != value {
        return wrong(field, "begins or ends with a space or a line break");
    }
    if value.chars().any(char::is_control) {
        return wrong(field, "holds a line break or another control character");
    }
    if value.chars().count() > MAX {
        return wrong(field, format!("is longer than {MAX} characters"));
    }
    Ok(())
}
