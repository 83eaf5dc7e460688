//! A note as the PSA has it, to the customer's own words.

/// The customer's words, and what was cut to get to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    pub text: String,
    /// For people: "quoted thread cut", "signature cut", "cut to 8,000 characters".
    pub remarks: Vec<String>,
}

/// Longest text a model gets to read, in characters.
pub const MAX_CHARS: usize = 8_000;

/// HTML to text; quoted threads, signatures, disclaimers and mail headers cut; whitespace settled; length capped.
pub fn prepare(_text: &str, _html: bool) -> Prepared {
    unimplemented!()
}
