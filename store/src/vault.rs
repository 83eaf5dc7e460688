//! Seals secrets: XChaCha20-Poly1305, key id, a nonce per value, and AAD = tenant + table + row.

/// The instance's keys: the first seals, all open.
#[derive(Clone)]
pub struct KeyRing {}

impl KeyRing {
    /// Reads a key file: one key a line, `id:base64(32 bytes)`, newest first. `#` begins a comment.
    pub fn parse(_text: &str) -> Result<Self, VaultError> {
        unimplemented!()
    }
    /// A key file's text with one new key in front of `older`.
    pub fn generate(_older: Option<&str>) -> String {
        unimplemented!()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("line {line} of the key file: {message}")]
    KeyFile { line: usize, message: &'static str },
    #[error("no key with id {0}: the key file is not the one this value was sealed with")]
    UnknownKey(String),
    #[error("the sealed value was altered, or moved from another row")]
    Tampered,
}
