//! What the browser loads: built by `cargo xtask build` into `target/site`, embedded in release builds, read from the
//! folder at run time in debug builds.

use app::Assets;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::sync::OnceLock;

#[derive(RustEmbed)]
#[folder = "../target/site"]
#[allow_missing = true]
struct Site;

/// The built files' names. In debug builds they are read anew each time, so that a rebuild shows at the next load.
pub(super) fn current() -> Assets {
    static ONCE: OnceLock<Assets> = OnceLock::new();
    if cfg!(debug_assertions) { read_manifest() } else { ONCE.get_or_init(read_manifest).clone() }
}

fn read_manifest() -> Assets {
    let manifest = Site::get("manifest.json");
    if manifest.is_none() {
        tracing::warn!(
            "target/site/manifest.json is missing: run `cargo xtask build`; pages have no style until then"
        );
    }
    manifest.and_then(|file| serde_json::from_slice(&file.data).ok()).unwrap_or_default()
}

/// `/pkg/…`: the name holds a hash of the content, so a copy is good for ever.
pub(super) async fn built(Path(file): Path<String>, headers: HeaderMap) -> Response {
    // One name in one folder: an encoded slash would reach beside it.
    if file.contains(['/', '\\']) {
        return StatusCode::NOT_FOUND.into_response();
    }
    serve(&format!("pkg/{file}"), &headers, "public, max-age=31536000, immutable")
}

/// Files of `public/`, which keep their names.
pub(super) async fn public(uri: Uri, headers: HeaderMap) -> Response {
    serve(uri.path().trim_start_matches('/'), &headers, "public, max-age=3600")
}

fn serve(name: &str, headers: &HeaderMap, caching: &'static str) -> Response {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((data, encoding)) = smallest(name, accepted) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let mut response = match data {
        Cow::Borrowed(bytes) => bytes.into_response(),
        Cow::Owned(bytes) => bytes.into_response(),
    };
    let out = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        out.insert(header::CONTENT_TYPE, kind);
    }
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The file, or the smallest of its precompressed siblings that the browser takes.
fn smallest(name: &str, accepted: &str) -> Option<(Cow<'static, [u8]>, Option<&'static str>)> {
    for (encoding, ending) in [("br", "br"), ("gzip", "gz")] {
        if takes(accepted, encoding)
            && let Some(file) = Site::get(&format!("{name}.{ending}"))
        {
            return Some((file.data, Some(encoding)));
        }
    }
    Site::get(name).map(|file| (file.data, None))
}

/// Whether an `Accept-Encoding` names `encoding` and does not refuse it with `q=0`.
fn takes(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|part| {
        let mut fields = part.split(';').map(str::trim);
        let named = fields.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = fields.any(|field| {
            field.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn an_encoding_is_used_only_where_the_browser_takes_it() {
        assert!(takes("gzip, deflate, br, zstd", "br"));
        assert!(takes("gzip;q=1.0, BR;q=0.5", "br"));
        assert!(!takes("gzip, br;q=0", "br"));
        assert!(!takes("gzip, brotli", "br"));
        assert!(!takes("", "gzip"));
    }
}
