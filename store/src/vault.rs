//! Seals secrets: XChaCha20-Poly1305, key id, a nonce per value, and AAD = tenant + table + row.
//!
//! A sealed value is `1, length of key id, key id, nonce (24), ciphertext and tag`. What it was sealed for is not in it
//! but authenticated: moved to another row, it does not open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use domain::{Secret, TenantId};
use rand::TryRngCore;
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

const FORMAT: u8 = 1;
const NONCE: usize = 24;
const KEY: usize = 32;

/// The instance's keys: the first seals, all open.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[Key]>,
}

struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY]>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// Where a sealed value belongs.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tenant: TenantId,
    pub(crate) table: &'static str,
    /// Which value of the tenant's row.
    pub(crate) row: &'static str,
}

impl Place {
    fn aad(self) -> Vec<u8> {
        let mut aad = self.tenant.0.as_bytes().to_vec();
        for part in [self.table, self.row] {
            aad.push(0);
            aad.extend_from_slice(part.as_bytes());
        }
        aad
    }
}

impl KeyRing {
    /// Reads a key file: one key a line, `id:base64(32 bytes)`, newest first. `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let mut keys: Vec<Key> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let wrong = |message| VaultError::KeyFile { line: index + 1, message };
            let (id, encoded) = content.split_once(':').ok_or(wrong("expected id:key"))?;
            if id.is_empty() || id.len() > 64 {
                return Err(wrong("the id of a key has 1 to 64 characters"));
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(wrong("this id is used twice"));
            }
            let mut decoded = BASE64.decode(encoded).map_err(|_| wrong("the key is not base64"))?;
            let bytes = <[u8; KEY]>::try_from(decoded.as_slice());
            decoded.zeroize();
            let bytes = Zeroizing::new(bytes.map_err(|_| wrong("a key has 32 bytes"))?);
            keys.push(Key { id: id.to_owned(), bytes });
        }
        if keys.is_empty() {
            return Err(VaultError::KeyFile { line: 1, message: "there is no key in it" });
        }
        Ok(Self { keys: keys.into() })
    }

    /// A key file's text with one new key in front of `older`.
    pub fn generate(older: Option<&str>) -> String {
        let key = Zeroizing::new(random::<KEY>());
        let id = hex::encode(random::<4>());
        format!("{id}:{}\n{}", BASE64.encode(key.as_slice()), older.unwrap_or_default())
    }

    pub(crate) fn seal(&self, place: Place, secret: &Secret) -> Vec<u8> {
        let key = &self.keys[0];
        let sealed = encrypt(&key.bytes, secret.expose().as_bytes(), &place.aad());
        let mut value = Vec::with_capacity(2 + key.id.len() + sealed.len());
        value.push(FORMAT);
        value.push(u8::try_from(key.id.len()).expect("parse() refuses longer ids"));
        value.extend_from_slice(key.id.as_bytes());
        value.extend_from_slice(&sealed);
        value
    }

    pub(crate) fn open(&self, place: Place, value: &[u8]) -> Result<Secret, VaultError> {
        let (id, rest) = split(value).ok_or(VaultError::Tampered)?;
        let key =
            self.keys.iter().find(|key| key.id == id).ok_or_else(|| VaultError::UnknownKey(id.to_owned()))?;
        let opened = decrypt(&key.bytes, rest, &place.aad()).ok_or(VaultError::Tampered)?;
        String::from_utf8(opened).map(Secret::new).map_err(|_| VaultError::Tampered)
    }

    /// Whether the value is sealed with the key that seals now.
    pub(crate) fn is_current(&self, value: &[u8]) -> bool {
        split(value).is_some_and(|(id, _)| id == self.keys[0].id)
    }
}

/// A nonce of its own, then the ciphertext and its tag.
pub(crate) fn encrypt(key: &[u8; KEY], plain: &[u8], aad: &[u8]) -> Vec<u8> {
    let nonce = random::<NONCE>();
    let sealed = XChaCha20Poly1305::new(&(*key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
        .expect("encrypting fails only beyond 256 GB");
    [nonce.as_slice(), &sealed].concat()
}

/// `None` when it was not made by [`encrypt`] with this key and `aad`.
pub(crate) fn decrypt(key: &[u8; KEY], value: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = value.split_first_chunk::<NONCE>()?;
    XChaCha20Poly1305::new(&(*key).into()).decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).ok()
}

/// The key's id and what follows it.
fn split(value: &[u8]) -> Option<(&str, &[u8])> {
    let [FORMAT, length, rest @ ..] = value else { return None };
    let (id, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(id).ok()?, rest))
}

/// Bytes nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .expect("without randomness from the system nothing can be kept secret");
    bytes
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
