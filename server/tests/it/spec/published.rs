//! The published documents of the systems we speak to, and what of our requests they do not speak about.

use super::{Spec, check_all};
use domain::PsaKind;
use sandbox::Recorded;
use serde_json::{Value, json};

/// A system with a published document.
#[derive(Clone, Copy, Debug)]
pub enum Published {
    Psa(PsaKind),
    OpenAi,
}

impl Published {
    /// `None`, with a printed line, where the documents are not on this machine.
    pub fn spec(self) -> Option<Spec> {
        match self {
            Self::Psa(PsaKind::ConnectWise) => Spec::load("psa/specs/connectwise.json"),
            Self::Psa(PsaKind::Autotask) => Spec::load("psa/specs/autotask.json").map(Spec::ignoring_case),
            Self::Psa(PsaKind::HaloPsa) => {
                Some(Spec::new(newer_halo(Spec::document("psa/specs/halopsa.json")?)).ignoring_case())
            }
            Self::OpenAi => Spec::load("llm/specs/openai.json"),
        }
    }

    /// Parts of paths that the document says nothing about: signing in, discovery, the key of a signature.
    fn beside(self) -> &'static [&'static str] {
        match self {
            Self::Psa(PsaKind::ConnectWise) => &["/login/", "/system/callbackkey/"],
            Self::Psa(PsaKind::HaloPsa) => &["/auth/token", "/authinfo"],
            Self::Psa(PsaKind::Autotask) | Self::OpenAi => &[],
        }
    }

    /// Fails with every request that the document does not allow; how many were checked. `None`: the documents are not
    /// on this machine, and that was said.
    pub fn check(self, requests: &[Recorded]) -> Option<usize> {
        Some(check_all(&self.spec()?, requests, self.beside()))
    }
}

/// Halo's document with the properties that its newer edition has, which are listed beside.
fn newer_halo(mut document: Value) -> Value {
    for schema in ["Faults", "Actions"] {
        let schema = &mut document["components"]["schemas"][schema];
        let newer = schema["x-properties-in-2026-01-spec"].as_object().unwrap().clone();
        for (name, kind) in newer {
            if ["integer", "number", "boolean", "string"].iter().any(|plain| kind == *plain) {
                schema["properties"][name] = json!({ "type": kind });
            }
        }
    }
    document
}
