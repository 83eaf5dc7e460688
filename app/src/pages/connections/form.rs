//! The connection forms: what each PSA and model needs and where to find it; [`read`] turns fields into settings.
//!
//! Secrets are write-only: the form never contains one, and an empty secret field keeps the one that is set.

mod read;

pub use read::{model_fields, parse_model, parse_psa, psa_fields};

use domain::{ModelSettings, PsaKind};

/// One input of a connection form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input {
    /// As in the API's JSON.
    pub name: &'static str,
    pub label: &'static str,
    /// Where this value is found, in the other product's own words.
    pub hint: &'static str,
    pub example: &'static str,
    pub required: bool,
    pub kind: InputKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    Text,
    Address,
    Secret,
}

const fn text(name: &'static str, label: &'static str, hint: &'static str, example: &'static str) -> Input {
    Input { name, label, hint, example, required: true, kind: InputKind::Text }
}

const fn address(
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    example: &'static str,
) -> Input {
    Input { name, label, hint, example, required: true, kind: InputKind::Address }
}

const fn secret(name: &'static str, label: &'static str, hint: &'static str) -> Input {
    Input { name, label, hint, example: "", required: true, kind: InputKind::Secret }
}

const fn optional(input: Input) -> Input {
    Input { required: false, ..input }
}

const CONNECTWISE: &[Input] = &[
    address(
        "site",
        "Site",
        "The address you sign in at, without anything after the host. We add the api- prefix of the cloud ourselves.",
        "https://na.myconnectwise.net",
    ),
    text(
        "company_id",
        "Company ID",
        "What you type under Company when you sign in to ConnectWise PSA.",
        "acmemsp",
    ),
    text(
        "public_key",
        "Public key",
        "System → Members → API Members → your API member → API Keys → New.",
        "kq3TnV8mYcX2bWpL",
    ),
    secret(
        "private_key",
        "Private key",
        "Shown once, right after the key pair is saved, beside the public key.",
    ),
    text(
        "client_id",
        "Client ID",
        "A GUID from developer.connectwise.com → ClientID. Use one registered for this integration.",
        "5d3b4c6e-…",
    ),
];

const AUTOTASK: &[Input] = &[
    text(
        "username",
        "Username (key)",
        "Admin → Resources/Users (HR) → Resources/Users → your API user → Credentials → Generate Key.",
        "k2x7vq3mzn5@ACMEMSP.COM",
    ),
    secret(
        "secret",
        "Password (secret)",
        "Generate Secret, just under the key. Copy it before you save: it is shown once.",
    ),
    text(
        "integration_code",
        "Tracking identifier",
        "On the same page under API Tracking Identifier: choose Custom (Internal Integration) and copy the identifier.",
        "HCCBQ7RSLP5T2WNGKDVXA4JYEMU",
    ),
    optional(address(
        "zone_url",
        "Zone address",
        "Leave empty: we ask Autotask which zone your account is in. Fill it only if support tells you to.",
        "https://webservices5.autotask.net/ATServicesRest/",
    )),
];

const HALOPSA: &[Input] = &[
    address(
        "url",
        "Resource server",
        "Configuration → Integrations → Halo API → Resource Server. With or without /api at its end.",
        "https://acme.halopsa.com",
    ),
    text(
        "client_id",
        "Client ID",
        "Halo API → View Applications → your application → Details.",
        "8c0a1f9e-…",
    ),
    secret(
        "client_secret",
        "Client secret",
        "Shown once when the application is made. A new one can be generated on the same page.",
    ),
    optional(text("tenant", "Tenant", "Halo API → Tenant. Leave empty on your own server.", "acme")),
    optional(address(
        "auth_url",
        "Authorisation server",
        "Only where it differs from the resource server: Halo API → Authorisation Server.",
        "https://acme.halopsa.com/auth",
    )),
];

/// The inputs of one PSA's form, in the order to fill them.
pub fn psa_inputs(kind: PsaKind) -> &'static [Input] {
    match kind {
        PsaKind::ConnectWise => CONNECTWISE,
        PsaKind::Autotask => AUTOTASK,
        PsaKind::HaloPsa => HALOPSA,
    }
}

/// A kind of model connection; the words are those of [`ModelSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    Builtin,
    OpenAi,
    Azure,
}

const OPENAI: &[Input] = &[
    optional(secret(
        "api_key",
        "API key",
        "platform.openai.com → API keys. A server of your own may need none.",
    )),
    text(
        "model",
        "Model",
        "The model’s exact name. It must be able to answer in a JSON schema.",
        "gpt-4.1-mini",
    ),
    address(
        "base_url",
        "Base address",
        "Everything before /chat/completions. Keep OpenAI’s own, or enter that of a compatible server.",
        "https://api.openai.com/v1",
    ),
    PRICE_IN,
    PRICE_OUT,
];

const AZURE: &[Input] = &[
    address(
        "endpoint",
        "Endpoint",
        "Azure portal → your Azure OpenAI resource → Resource Management → Keys and Endpoint.",
        "https://acme.openai.azure.com",
    ),
    text(
        "deployment",
        "Deployment",
        "The name you gave the deployment in the Foundry portal, which is not always the model’s name.",
        "triage-mini",
    ),
    optional(text(
        "api_version",
        "API version",
        "Leave empty for the v1 address. Fill in a dated version if your resource needs one.",
        "2024-10-21",
    )),
    secret("api_key", "API key", "KEY 1 or KEY 2 on the same page as the endpoint."),
    PRICE_IN,
    PRICE_OUT,
];

/// What a model costs, in US dollars.
const PRICE_IN: Input = optional(text(
    "price_input",
    "Price of a million tokens read (US$)",
    "From your provider’s price list. With both prices given, each ticket shows what reading it cost; nothing else depends on them.",
    "0.40",
));
const PRICE_OUT: Input =
    optional(text("price_output", "Price of a million tokens written (US$)", "", "1.60"));

impl ModelKind {
    pub const ALL: [Self; 3] = [Self::Builtin, Self::OpenAi, Self::Azure];

    pub fn slug(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::OpenAi => "openai",
            Self::Azure => "azure",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "Built-in analyser",
            Self::OpenAi => "OpenAI or compatible",
            Self::Azure => "Azure OpenAI",
        }
    }

    /// One line for the choice between them.
    pub fn pitch(self) -> &'static str {
        match self {
            Self::Builtin => {
                "Runs in this program. No account, no cost, no text leaves the machine. Reads English."
            }
            Self::OpenAi => "Your OpenAI account, or any server that speaks the same language.",
            Self::Azure => "A deployment in your own Azure subscription and region.",
        }
    }

    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.slug() == slug)
    }

    pub fn of(settings: &ModelSettings) -> Self {
        match settings {
            ModelSettings::Builtin {} => Self::Builtin,
            ModelSettings::OpenAi { .. } => Self::OpenAi,
            ModelSettings::Azure { .. } => Self::Azure,
        }
    }

    pub fn inputs(self) -> &'static [Input] {
        match self {
            Self::Builtin => &[],
            Self::OpenAi => OPENAI,
            Self::Azure => AZURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_of_a_form_is_write_only_and_named_as_in_the_api() {
        for kind in PsaKind::ALL {
            let secrets: Vec<&str> = psa_inputs(kind)
                .iter()
                .filter(|input| input.kind == InputKind::Secret)
                .map(|input| input.name)
                .collect();
            assert_eq!(secrets.len(), 1, "{kind}");
        }
    }
}
