//! The stream of new tickets.

use super::Desks;
use domain::PsaKind;
use sandbox::scenes;
use std::time::Duration;

const PAUSE: Duration = Duration::from_secs(7);

/// Ends the stream when dropped.
pub struct Live(tokio::task::JoinHandle<()>);

impl Live {
    pub(super) fn begin(desks: Desks) -> Self {
        #[expect(clippy::disallowed_methods, reason = "owned by the guard, which ends it")]
        Self(tokio::spawn(async move {
            for n in 0_u64.. {
                tokio::time::sleep(PAUSE).await;
                for (number, psa) in PsaKind::ALL.into_iter().enumerate() {
                    if n % 3 == u64::try_from(number).unwrap_or_default() {
                        desks.play(psa, &scenes::next(number, n), None);
                    }
                }
            }
        }))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.abort();
    }
}
