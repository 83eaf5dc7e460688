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
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::{Zeroize, Zeroizing};

const FORMAT: u8 = 1;
const NONCE: usize = 24;
const KEY: usize = 32;

/// The instance's keys: the first seals, all open. Cheap to clone; clones are one ring.
///
/// One that was read from a file looks there again when it meets a key it does not know: keys are rotated while
/// processes run.
#[derive(Clone)]
pub struct KeyRing(Arc<Ring>);

struct Ring {
    keys: RwLock<Arc<[Key]>>,
    file: Option<PathBuf>,
}

struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY]>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys().iter().map(|key| &key.id)).finish()
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
        Ok(Self(Arc::new(Ring { keys: RwLock::new(read_keys(text)?), file: None })))
    }

    /// As [`Self::parse`], from a file that may change.
    pub fn read(file: &Path) -> Result<Self, VaultError> {
        let keys = read_keys(&read_text(file)?)?;
        Ok(Self(Arc::new(Ring { keys: RwLock::new(keys), file: Some(file.to_owned()) })))
    }

    fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the file knows this key now.
    fn learn(&self, id: &str) -> bool {
        let Some(file) = &self.0.file else { return false };
        let keys = match read_text(file).and_then(|text| read_keys(&text)) {
            Ok(keys) => keys,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not read the key file again");
                return false;
            }
        };
        let knows = keys.iter().any(|key| key.id == id);
        if knows {
            tracing::info!(key.id = id, "learnt a new key from the key file");
            *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        }
        knows
    }

    /// A key file's text with one new key in front of `older`.
    pub fn generate(older: Option<&str>) -> String {
        let key = Zeroizing::new(random::<KEY>());
        let id = hex::encode(random::<4>());
        format!("{id}:{}\n{}", BASE64.encode(key.as_slice()), older.unwrap_or_default())
    }

    pub(crate) fn seal(&self, place: Place, secret: &Secret) -> Vec<u8> {
        let keys = self.keys();
        let key = &keys[0];
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
        let mut keys = self.keys();
        if !keys.iter().any(|key| key.id == id) && self.learn(id) {
            keys = self.keys();
        }
        let key =
            keys.iter().find(|key| key.id == id).ok_or_else(|| VaultError::UnknownKey(id.to_owned()))?;
        let opened = decrypt(&key.bytes, rest, &place.aad()).ok_or(VaultError::Tampered)?;
        String::from_utf8(opened).map(Secret::new).map_err(|_| VaultError::Tampered)
    }

    /// Whether the value is sealed with the key that seals now.
    pub(crate) fn is_current(&self, value: &[u8]) -> bool {
        split(value).is_some_and(|(id, _)| id == self.keys()[0].id)
    }
}

fn read_text(file: &Path) -> Result<Zeroizing<String>, VaultError> {
    std::fs::read_to_string(file).map(Zeroizing::new).map_err(VaultError::Unreadable)
}

fn read_keys(text: &str) -> Result<Arc<[Key]>, VaultError> {
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
    Ok(keys.into())
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
    #[error("the key file cannot be read")]
    Unreadable(#[source] std::io::Error),
    #[error("no key with id {0}: the key file is not the one this value was sealed with")]
    UnknownKey(String),
    #[error("the sealed value was altered, or moved from another row")]
    Tampered,
}
