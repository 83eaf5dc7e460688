//! Whether a ticketing system is one that is known: by its newest tickets, as numbers alone mean other tickets elsewhere.

use crate::outside::CallError;
use crate::psa::Psa;
use chrono::{DateTime, SubsecRound, Utc};
use domain::Ticket;

/// How many of the newest tickets are looked for at most.
pub const LOOKED_FOR: usize = 15;
/// So many that are there, as they are known, tell that it is the one; fewer where fewer are known.
const ENOUGH: usize = 4;
/// The newest may have been deleted since. A copy lacks all that came after it was made, so two are too many; what is
/// missing among older ones was deleted.
const NEWEST_MISSING: usize = 1;

/// Why it is not taken for the one that is known.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    #[error("We could not look there: {}. Nothing is saved.", shown(.0))]
    Call(#[from] CallError),
    #[error(
        "It did not answer in time, so we could not look whether it is the one that we know. Nothing is saved. Try again in a while."
    )]
    Silent,
    #[error(
        "No ticket is known of that system any more by which it could be known again. Nothing is saved. Saved as the address says, it is another system."
    )]
    NothingKnown,
    #[error(
        "Ticket {number} there is another one than that of the system that we know (it was created at another time), so it is another system, or it was set up anew. Nothing is saved. Saved as the address says, it is another system."
    )]
    Other { number: String },
    #[error(
        "Ticket {number}, one of the newest that we know, is not there: it may be a copy that was made before. Nothing is saved. Saved as the address says, it is another system."
    )]
    Missing { number: String },
}

fn shown(error: &CallError) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

/// Looks for `known` among the tickets of `psa`, the newest first; those without a time of creation tell nothing.
pub async fn shows(psa: &dyn Psa, known: &[Ticket]) -> Result<(), Doubt> {
    let mut dated: Vec<_> = known.iter().filter_map(|ticket| Some((ticket.created_at?, ticket))).collect();
    // They were not taken in as they were created.
    dated.sort_by_key(|(created_at, _)| std::cmp::Reverse(*created_at));
    dated.truncate(LOOKED_FOR);
    let (mut there, mut missing) = (0, 0);
    for &(created_at, ticket) in &dated {
        let number = || ticket.number.clone();
        match psa.fetch(&ticket.external_id).await? {
            Some(found) if found.ticket.created_at.map(seconds) == Some(seconds(created_at)) => there += 1,
            Some(_) => return Err(Doubt::Other { number: number() }),
            None if there == 0 && missing == NEWEST_MISSING => {
                return Err(Doubt::Missing { number: number() });
            }
            None => missing += 1,
        }
        if there == ENOUGH {
            return Ok(());
        }
    }
    match dated.first() {
        None => Err(Doubt::NothingKnown),
        Some((_, newest)) if there == 0 => Err(Doubt::Missing { number: newest.number.clone() }),
        Some(_) => Ok(()),
    }
}

/// One interface may tell fractions where another does not.
fn seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(0)
}
