//! Reads the body of a call, counted while it arrives.

use super::Refusal;
use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures::StreamExt;
use http::{HeaderMap, header};

/// The longest body of a call.
pub const MAX_BYTES: usize = 1 << 20;

/// The whole body. A sender that announces too much is refused before the first byte.
pub async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > MAX_BYTES) {
        return Err(Refusal::TooLarge);
    }
    let mut whole = BytesMut::with_capacity(announced.unwrap_or_default());
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::BrokenOff)?;
        if whole.len() + chunk.len() > MAX_BYTES {
            return Err(Refusal::TooLarge);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}
