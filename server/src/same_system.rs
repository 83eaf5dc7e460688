//! Whether a ticketing system is one that is known: by its newest tickets, as numbers alone mean other tickets elsewhere.

use crate::outside::CallError;
use crate::psa::Psa;
use chrono::{DateTime, SubsecRound, Utc};
use domain::Ticket;

/// How many of the newest tickets are looked for. A copy of a system lacks those that came after it was made.
pub const LOOKED_FOR: u32 = 5;
/// Tickets may have been deleted or merged since.
const MAY_BE_GONE: usize = 1;

/// Why it is not taken for the one that is known.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    #[error("We could not look there: {0}. Nothing is saved.")]
    Call(#[from] CallError),
    #[error(
        "It did not answer in time, so we could not look whether it is the one that we know. Nothing is saved. Try again in a while."
    )]
    Silent,
    #[error(
        "Ticket {number} there is another one than that of the system that we know (it was created at another time), so it is another system, or it was set up anew. Nothing is saved. Connect it as another system."
    )]
    Other { number: String },
    #[error(
        "Ticket {number}, one of the newest that we know, is not there: it may be a copy that was made before. Nothing is saved. Connect it as another system."
    )]
    Missing { number: String },
}

/// Looks for `known`, newest first, among the tickets of `psa`. Where none is known there is nothing to take for another.
pub async fn shows(psa: &dyn Psa, known: &[Ticket]) -> Result<(), Doubt> {
    let dated = || known.iter().filter_map(|ticket| Some((ticket, ticket.created_at?)));
    let mut gone = 0;
    let count = dated().count();
    for (ticket, created_at) in dated() {
        let number = || ticket.number.clone();
        match psa.fetch(&ticket.external_id).await? {
            Some(found) if found.ticket.created_at.map(seconds) == Some(seconds(created_at)) => {}
            Some(_) => return Err(Doubt::Other { number: number() }),
            None => gone += 1,
        }
        if gone > MAY_BE_GONE || gone == count {
            return Err(Doubt::Missing { number: number() });
        }
    }
    Ok(())
}

/// One interface may tell fractions where another does not.
fn seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(0)
}
