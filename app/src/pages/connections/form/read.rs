//! Fields into settings and back.

use super::{Input, InputKind, ModelKind, psa_inputs};
use crate::pages::fields::{Fields, Problem};
use domain::{InvalidSettings, ModelSettings, Price, PsaKind, PsaSettings, Secret};

/// The form of a saved PSA connection: everything but the secret.
pub fn psa_fields(settings: &PsaSettings) -> Fields {
    let pairs: Vec<(&str, &str)> = match settings {
        PsaSettings::ConnectWise { site, company_id, public_key, client_id, .. } => {
            vec![
                ("site", site),
                ("company_id", company_id),
                ("public_key", public_key),
                ("client_id", client_id),
            ]
        }
        PsaSettings::Autotask { username, integration_code, zone_url, .. } => vec![
            ("username", username),
            ("integration_code", integration_code),
            ("zone_url", zone_url.as_deref().unwrap_or_default()),
        ],
        PsaSettings::HaloPsa { url, client_id, tenant, auth_url, .. } => vec![
            ("url", url),
            ("client_id", client_id),
            ("tenant", tenant.as_deref().unwrap_or_default()),
            ("auth_url", auth_url.as_deref().unwrap_or_default()),
        ],
    };
    owned(&pairs)
}

/// The form of a saved model connection: everything but the key.
pub fn model_fields(settings: &ModelSettings) -> Fields {
    let mut fields = match settings {
        ModelSettings::Builtin {} => Fields::new(),
        ModelSettings::OpenAi { model, base_url, .. } => owned(&[("model", model), ("base_url", base_url)]),
        ModelSettings::Azure { endpoint, deployment, api_version, .. } => owned(&[
            ("endpoint", endpoint),
            ("deployment", deployment),
            ("api_version", api_version.as_deref().unwrap_or_default()),
        ]),
    };
    if let Some(Price { input, output }) = settings.price() {
        fields.extend(owned(&[("price_input", &input.to_string()), ("price_output", &output.to_string())]));
    }
    fields
}

fn owned(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Reads a PSA form. An empty secret stands for the `saved` one, as long as that goes where it was meant for.
///
/// # Errors
/// Everything that is wrong, each with its field.
pub fn parse_psa(
    kind: PsaKind,
    fields: &Fields,
    saved: Option<&PsaSettings>,
) -> Result<PsaSettings, Vec<Problem>> {
    let saved = saved.filter(|saved| saved.kind() == kind && !saved.secret().is_empty());
    let read = Reader { fields };
    read.check(psa_inputs(kind), saved.is_some())?;
    let mut settings = psa_settings(kind, &read);
    settings
        .keep_secret(saved)
        .and_then(|()| settings.validate())
        .map_err(|invalid| named(psa_inputs(kind), &invalid))?;
    Ok(settings)
}

/// The domain's message goes on from a field's name; here it gets the label that the form shows.
fn named(inputs: &[Input], invalid: &InvalidSettings) -> Vec<Problem> {
    let label = inputs.iter().find(|input| input.name == invalid.field).map_or("This", |input| input.label);
    vec![Problem::new(invalid.field, format!("{label} {}.", invalid.message))]
}

fn psa_settings(kind: PsaKind, read: &Reader<'_>) -> PsaSettings {
    match kind {
        PsaKind::ConnectWise => PsaSettings::ConnectWise {
            site: read.address("site"),
            company_id: read.text("company_id"),
            public_key: read.text("public_key"),
            private_key: read.secret("private_key"),
            client_id: read.text("client_id"),
        },
        PsaKind::Autotask => PsaSettings::Autotask {
            username: read.text("username"),
            secret: read.secret("secret"),
            integration_code: read.text("integration_code"),
            zone_url: read.optional("zone_url", Reader::address),
        },
        PsaKind::HaloPsa => PsaSettings::HaloPsa {
            url: read.address("url"),
            client_id: read.text("client_id"),
            client_secret: read.secret("client_secret"),
            tenant: read.optional("tenant", Reader::text),
            auth_url: read.optional("auth_url", Reader::address),
        },
    }
}

/// Reads a model form; as [`parse_psa`].
///
/// # Errors
/// Everything that is wrong, each with its field.
pub fn parse_model(
    kind: ModelKind,
    fields: &Fields,
    saved: &ModelSettings,
) -> Result<ModelSettings, Vec<Problem>> {
    let is_set = ModelKind::of(saved) == kind && saved.secret().is_some_and(|secret| !secret.is_empty());
    let read = Reader { fields };
    read.check(kind.inputs(), is_set)?;
    let mut settings = model_settings(kind, &read, read.price()?);
    settings
        .keep_secret(saved)
        .and_then(|()| settings.validate())
        .map_err(|invalid| named(kind.inputs(), &invalid))?;
    Ok(settings)
}

fn model_settings(kind: ModelKind, read: &Reader<'_>, price: Option<Price>) -> ModelSettings {
    match kind {
        ModelKind::Builtin => ModelSettings::Builtin {},
        ModelKind::OpenAi => ModelSettings::OpenAi {
            api_key: read.secret("api_key"),
            model: read.text("model"),
            base_url: read.address("base_url"),
            price,
        },
        ModelKind::Azure => ModelSettings::Azure {
            endpoint: read.address("endpoint"),
            deployment: read.text("deployment"),
            api_version: read.optional("api_version", Reader::text),
            api_key: read.secret("api_key"),
            price,
        },
    }
}

struct Reader<'a> {
    fields: &'a Fields,
}

impl Reader<'_> {
    /// Both or neither.
    fn price(&self) -> Result<Option<Price>, Vec<Problem>> {
        let given = ["price_input", "price_output"].map(|name| (name, self.text(name)));
        if given.iter().all(|(_, text)| text.is_empty()) {
            return Ok(None);
        }
        let wrong = |name: &str| {
            let message = "Give both prices as amounts in US dollars, such as 0.40, or neither.";
            vec![Problem::new(name, message)]
        };
        let [input, output] = given.map(|(name, text)| text.parse().map_err(|_| wrong(name)));
        Ok(Some(Price { input: input?, output: output? }))
    }

    fn text(&self, name: &str) -> String {
        self.fields.get(name).map_or("", |value| value.trim()).to_owned()
    }

    /// `na.myconnectwise.net` is meant as `https://na.myconnectwise.net`.
    fn address(&self, name: &str) -> String {
        let text = self.text(name);
        if text.is_empty() || text.contains("://") { text } else { format!("https://{text}") }
    }

    fn optional(&self, name: &str, read: fn(&Self, &str) -> String) -> Option<String> {
        Some(read(self, name)).filter(|value| !value.is_empty())
    }

    fn secret(&self, name: &str) -> Secret {
        Secret::new(self.text(name))
    }

    fn check(&self, inputs: &[Input], secret_is_set: bool) -> Result<(), Vec<Problem>> {
        let problems: Vec<Problem> =
            inputs.iter().filter_map(|input| self.problem(input, secret_is_set)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn problem(&self, input: &Input, secret_is_set: bool) -> Option<Problem> {
        let value = match input.kind {
            InputKind::Address => self.address(input.name),
            InputKind::Text | InputKind::Secret => self.text(input.name),
        };
        let kept = input.kind == InputKind::Secret && secret_is_set;
        let message = if value.is_empty() {
            if !input.required || kept {
                return None;
            }
            format!("{} is missing.", input.label)
        } else if input.kind != InputKind::Text && value.chars().any(char::is_whitespace) {
            format!("{} has a space or line break in it. Copy it again.", input.label)
        } else if value.contains('…') {
            format!("{} was shortened where it was copied from. Paste the whole value.", input.label)
        } else if input.kind == InputKind::Address {
            return address_problem(input, &value);
        } else {
            return None;
        };
        Some(Problem::new(input.name, message))
    }
}

/// Whether an address may be called at all is the network guard's question; this one is about typing.
fn address_problem(input: &Input, value: &str) -> Option<Problem> {
    let wrong = || {
        Problem::new(
            input.name,
            format!("{} is not an address. It looks like {}.", input.label, input.example),
        )
    };
    let Some((scheme, rest)) = value.split_once("://") else { return Some(wrong()) };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Some(Problem::new(
            input.name,
            format!("Leave user names and passwords out of the {}.", input.label.to_lowercase()),
        ));
    }
    (!matches!(scheme, "https" | "http") || host.is_empty()).then(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        owned(pairs)
    }

    fn connectwise() -> Fields {
        fields(&[
            ("site", " na.myconnectwise.net "),
            ("company_id", "acme"),
            ("public_key", "pub"),
            ("private_key", "not-a-real-private-key"),
            ("client_id", "guid"),
        ])
    }

    #[test]
    fn a_host_without_a_scheme_becomes_https() {
        let Ok(PsaSettings::ConnectWise { site, private_key, .. }) =
            parse_psa(PsaKind::ConnectWise, &connectwise(), None)
        else {
            panic!("refused");
        };
        assert_eq!(site, "https://na.myconnectwise.net");
        assert_eq!(private_key.expose(), "not-a-real-private-key");
    }

    #[test]
    fn an_empty_secret_is_right_only_where_one_is_set() {
        let mut without = connectwise();
        without.insert("private_key".into(), String::new());
        let saved = parse_psa(PsaKind::ConnectWise, &connectwise(), None).unwrap();
        assert_eq!(parse_psa(PsaKind::ConnectWise, &without, Some(&saved)).unwrap(), saved);
        let problems = parse_psa(PsaKind::ConnectWise, &without, None).unwrap_err();
        assert_eq!(problems, [Problem::new("private_key", "Private key is missing.")]);
    }

    #[test]
    fn a_saved_secret_is_not_sent_to_an_address_it_was_not_given_for() {
        let halo = |url: &str, auth_url: &str, secret: &str| {
            fields(&[("url", url), ("client_id", "c"), ("client_secret", secret), ("auth_url", auth_url)])
        };
        let autotask = |zone: &str, secret: &str| {
            fields(&[
                ("username", "u@A.COM"),
                ("secret", secret),
                ("integration_code", "CODE"),
                ("zone_url", zone),
            ])
        };
        let connectwise = |site: &str, secret: &str| {
            let mut form = connectwise();
            form.extend(owned(&[("site", site), ("private_key", secret)]));
            form
        };
        let value = "a-long-secret-value";
        let (home, zone) = ("https://h.example", "https://webservices5.autotask.net/");
        let cases = [
            (PsaKind::ConnectWise, connectwise("a.example", value), connectwise("evil.example", "")),
            (PsaKind::Autotask, autotask(zone, value), autotask("https://evil.example", "")),
            (PsaKind::Autotask, autotask("", value), autotask("https://evil.example", "")),
            (PsaKind::HaloPsa, halo(home, "", value), halo("https://evil.example", "", "")),
            (PsaKind::HaloPsa, halo(home, "", value), halo(home, "https://evil.example", "")),
        ];
        for (kind, first, then) in cases {
            let saved = parse_psa(kind, &first, None).unwrap();
            let [problem] = &parse_psa(kind, &then, Some(&saved)).unwrap_err()[..] else { panic!("{kind}") };
            let secrets = psa_inputs(kind).iter().filter(|input| input.kind == InputKind::Secret);
            assert_eq!(Some(problem.field.as_str()), secrets.map(|input| input.name).next(), "{kind}");
            assert!(problem.message.contains("needed again: the address changed"), "{}", problem.message);
        }
    }

    #[test]
    fn a_saved_key_of_a_model_is_not_sent_to_an_address_it_was_not_given_for() {
        let openai = |base: &str, key: &str| fields(&[("api_key", key), ("model", "m"), ("base_url", base)]);
        let azure = |at: &str, key: &str| fields(&[("api_key", key), ("endpoint", at), ("deployment", "d")]);
        let cases = [
            (
                ModelKind::OpenAi,
                openai("https://api.openai.com/v1", "sk-1"),
                openai("https://evil.example", ""),
            ),
            (ModelKind::Azure, azure("acme.openai.azure.com", "k"), azure("evil.openai.azure.com", "")),
        ];
        for (kind, first, then) in cases {
            let saved = parse_model(kind, &first, &ModelSettings::Builtin {}).unwrap();
            let problems = parse_model(kind, &then, &saved).unwrap_err();
            assert_eq!(problems[0].field, "api_key");
            // Another kind's key is not taken for this one's either.
            let other = if kind == ModelKind::Azure { ModelKind::OpenAi } else { ModelKind::Azure };
            let theirs = if other == ModelKind::Azure {
                azure("a.openai.azure.com", "")
            } else {
                openai("https://b.example", "")
            };
            if let Ok(found) = parse_model(other, &theirs, &saved) {
                assert!(found.secret().is_some_and(Secret::is_empty), "{other:?}");
            }
        }
    }

    #[test]
    fn the_form_of_saved_settings_never_holds_the_secret_and_leads_back_to_them() {
        let samples = [
            (PsaKind::ConnectWise, connectwise()),
            (
                PsaKind::Autotask,
                fields(&[
                    ("username", "u@A.COM"),
                    ("secret", "a-long-secret-value"),
                    ("integration_code", "CODE"),
                ]),
            ),
            (
                PsaKind::HaloPsa,
                fields(&[
                    ("url", "https://h.example"),
                    ("client_id", "c"),
                    ("client_secret", "a-long-secret-value"),
                    ("tenant", "t"),
                ]),
            ),
        ];
        for (kind, form) in samples {
            let saved = parse_psa(kind, &form, None).unwrap();
            let shown = psa_fields(&saved);
            assert!(!shown.values().any(|value| value == saved.secret().expose()), "{kind} shows its secret");
            assert_eq!(parse_psa(kind, &shown, Some(&saved)).unwrap(), saved);
        }
    }

    #[test]
    fn model_settings_lead_through_the_form_and_back() {
        let samples = [
            (ModelKind::Builtin, fields(&[])),
            (
                ModelKind::OpenAi,
                fields(&[
                    ("api_key", "sk-not-a-real-key"),
                    ("model", "m"),
                    ("base_url", "http://127.0.0.1:9/v1"),
                ]),
            ),
            (
                ModelKind::Azure,
                fields(&[
                    ("api_key", "not-a-real-key"),
                    ("endpoint", "acme.openai.azure.com"),
                    ("deployment", "d"),
                ]),
            ),
        ];
        for (kind, form) in samples {
            let saved = parse_model(kind, &form, &ModelSettings::Builtin {}).unwrap();
            assert_eq!(ModelKind::of(&saved), kind);
            assert_eq!(parse_model(kind, &model_fields(&saved), &saved).unwrap(), saved);
        }
    }

    #[test]
    fn a_price_is_both_amounts_or_none() {
        let of = |input: &str, output: &str| {
            let form = fields(&[
                ("api_key", "sk-not-a-real-key"),
                ("model", "m"),
                ("base_url", "http://127.0.0.1:9/v1"),
                ("price_input", input),
                ("price_output", output),
            ]);
            parse_model(ModelKind::OpenAi, &form, &ModelSettings::Builtin {})
        };
        assert_eq!(of("", "").unwrap().price(), None);
        let saved = of("0.4", "1,60").unwrap();
        assert_eq!(saved.price().unwrap().of(1_000_000, 0).to_string(), "0.40");
        assert_eq!(model_fields(&saved)["price_output"], "1.60");
        assert_eq!(parse_model(ModelKind::OpenAi, &model_fields(&saved), &saved).unwrap(), saved);
        for (input, output, field) in
            [("0.4", "", "price_output"), ("", "1", "price_input"), ("x", "1", "price_input")]
        {
            assert_eq!(of(input, output).unwrap_err()[0].field, field, "{input} and {output}");
        }
    }

    #[test]
    fn typing_errors_are_told_apart() {
        let cases = [
            ("site", "", "is missing"),
            ("site", "ftp://na.myconnectwise.net", "not an address"),
            ("site", "https://", "not an address"),
            ("site", "na.my connectwise.net", "space"),
            ("site", "https://me:secret@na.myconnectwise.net", "user names"),
            ("client_id", "5d3b4c6e-…", "shortened"),
            ("private_key", "two words", "space"),
        ];
        for (name, value, says) in cases {
            let mut form = connectwise();
            form.insert(name.into(), value.into());
            let problems = parse_psa(PsaKind::ConnectWise, &form, None).unwrap_err();
            assert!(
                problems.iter().any(|p| p.field == name && p.message.contains(says)),
                "{name}={value}: {problems:?}"
            );
        }
    }
}
