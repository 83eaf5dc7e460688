//! Reads the body of a call, counted while it arrives.

use super::Refusal;
use super::room::Place;
use axum::body::{Body, BodyDataStream, Bytes};
use bytes::BytesMut;
use futures::StreamExt;
use http::{HeaderMap, header};

/// The longest body of a call.
pub const MAX_BYTES: usize = 1 << 20;
/// What is read of a body that is too long, so that its sender is still there when the answer comes. One that waits for
/// leave to send (`Expect: 100-continue`) is told before its first byte.
const MOST_THROWN_AWAY: usize = 8 << 20;

/// The whole body. `place` grows with it.
pub async fn read(headers: &HeaderMap, body: Body, place: &mut Place) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let waits = headers.contains_key(header::EXPECT);
    let mut chunks = body.into_data_stream();
    if announced.is_some_and(|announced| announced > MAX_BYTES) {
        if !waits {
            throw_away(&mut chunks).await;
        }
        return Err(Refusal::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::BrokenOff)?;
        if whole.len() + chunk.len() > MAX_BYTES {
            drop(whole);
            throw_away(&mut chunks).await;
            return Err(Refusal::TooLarge);
        }
        if !place.hold(chunk.len()) {
            return Err(Refusal::Full);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

async fn throw_away(chunks: &mut BodyDataStream) {
    let mut left = MOST_THROWN_AWAY;
    while let Some(Ok(chunk)) = chunks.next().await {
        let Some(less) = left.checked_sub(chunk.len()) else { return };
        left = less;
    }
}
