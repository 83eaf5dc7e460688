//! Secrets that a change of settings leaves out.

use super::{InvalidSettings, ModelSettings, PsaSettings, Secret};

const AGAIN: &str = "is needed again: the address changed, and a secret is sent only where it was meant for";

impl Secret {
    /// Nothing, or the hint that is shown in its place: no new secret was given.
    fn is_unchanged(&self) -> bool {
        self.is_empty() || self.expose().starts_with('…')
    }
}

impl PsaSettings {
    /// Takes the saved secret where none is given, but only for the same PSA at the same address: whoever may change an
    /// address must not be able to have the secret sent there.
    pub fn keep_secret(&mut self, saved: Option<&Self>) -> Result<(), InvalidSettings> {
        if !self.secret().is_unchanged() {
            return Ok(());
        }
        let kept = match saved.filter(|saved| saved.kind() == self.kind()) {
            None => Secret::default(),
            Some(saved) if self.is_same_place(saved) => saved.secret().clone(),
            Some(_) => return Err(InvalidSettings { field: self.secret_field(), message: AGAIN.into() }),
        };
        self.set_secret(kept);
        Ok(())
    }

    /// Whether a secret that was given for `saved` travels to no other place with these settings.
    pub fn is_same_place(&self, saved: &Self) -> bool {
        saved.kind() == self.kind() && saved.addresses() == self.addresses()
    }

    fn secret_field(&self) -> &'static str {
        match self {
            Self::ConnectWise { .. } => "private_key",
            Self::Autotask { .. } => "secret",
            Self::HaloPsa { .. } => "client_secret",
        }
    }

    /// Where the secret travels to.
    fn addresses(&self) -> [Option<&str>; 2] {
        match self {
            Self::ConnectWise { site, .. } => [Some(plain(site)), None],
            Self::Autotask { zone_url, .. } => [zone_url.as_deref().map(plain), None],
            Self::HaloPsa { url, auth_url, .. } => [Some(plain(url)), auth_url.as_deref().map(plain)],
        }
    }
}

impl ModelSettings {
    /// As [`PsaSettings::keep_secret`].
    pub fn keep_secret(&mut self, saved: &Self) -> Result<(), InvalidSettings> {
        if !self.secret().is_some_and(Secret::is_unchanged) {
            return Ok(());
        }
        let of_kind = std::mem::discriminant(&*self) == std::mem::discriminant(saved);
        let saved_secret = saved.secret().filter(|secret| of_kind && !secret.is_empty());
        match saved_secret {
            // Another kind's key is none of this one's, and a server without a key has none to lose.
            None => self.set_secret(Secret::default()),
            Some(secret) if self.is_same_place(saved) => self.set_secret(secret.clone()),
            Some(_) => return Err(InvalidSettings { field: "api_key", message: AGAIN.into() }),
        }
        Ok(())
    }

    /// As [`PsaSettings::is_same_place`].
    pub fn is_same_place(&self, saved: &Self) -> bool {
        match (self, saved) {
            (Self::OpenAi { base_url: now, .. }, Self::OpenAi { base_url: before, .. })
            | (Self::Azure { endpoint: now, .. }, Self::Azure { endpoint: before, .. }) => {
                plain(now) == plain(before)
            }
            _ => false,
        }
    }
}

fn plain(address: &str) -> &str {
    address.trim().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halo(url: &str, secret: &str) -> PsaSettings {
        PsaSettings::HaloPsa {
            url: url.into(),
            client_id: "id".into(),
            client_secret: Secret::new(secret),
            tenant: None,
            auth_url: None,
        }
    }

    fn openai(base_url: &str, key: &str) -> ModelSettings {
        ModelSettings::OpenAi {
            api_key: Secret::new(key),
            model: "m".into(),
            base_url: base_url.into(),
            price: None,
        }
    }

    #[test]
    fn a_secret_that_is_left_out_is_kept_only_for_the_same_address() {
        let saved = halo("https://a.example", "saved-secret");
        let autotask = PsaSettings::Autotask {
            username: "u".into(),
            secret: Secret::new(""),
            integration_code: "c".into(),
            zone_url: None,
        };
        let cases = [
            (halo("https://a.example/", ""), Some(&saved), Ok("saved-secret")),
            (halo("https://a.example", "…cret"), Some(&saved), Ok("saved-secret")),
            (halo("https://a.example", "new"), Some(&saved), Ok("new")),
            (halo("https://evil.example", "new"), Some(&saved), Ok("new")),
            (halo("https://evil.example", ""), Some(&saved), Err("client_secret")),
            (halo("https://a.example", "…"), None, Ok("")),
            (autotask, Some(&saved), Ok("")),
        ];
        for (mut given, saved, expected) in cases {
            let kept = given.keep_secret(saved).map_err(|error| error.field);
            assert_eq!(kept.map(|()| given.secret().expose()), expected, "{given:?}");
        }
    }

    #[test]
    fn a_models_key_is_kept_only_for_the_same_address() {
        let saved = openai("https://api.openai.com/v1", "sk-saved");
        let cases = [
            (openai("https://api.openai.com/v1/", ""), &saved, Ok("sk-saved")),
            (openai("https://evil.example/v1", ""), &saved, Err("api_key")),
            (openai("https://evil.example/v1", "sk-own"), &saved, Ok("sk-own")),
            (openai("http://localhost:2", ""), &openai("http://localhost:1", ""), Ok("")),
            (openai("http://localhost:1", ""), &ModelSettings::Builtin {}, Ok("")),
        ];
        for (mut given, saved, expected) in cases {
            let kept = given.keep_secret(saved).map_err(|error| error.field);
            assert_eq!(kept.map(|()| given.secret().map_or("none", Secret::expose)), expected, "{given:?}");
        }
        assert_eq!(ModelSettings::Builtin {}.keep_secret(&saved), Ok(()));
    }
}
