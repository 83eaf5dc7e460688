//! Tells the other processes that this one works, and divides what connections allow among all that do.

use super::Tools;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;
use tokio_util::sync::CancellationToken;

/// A third of the time after which a silent process is not counted any more.
const EVERY: Duration = Duration::from_secs(10);
/// A third of the usual lease: machines whose clocks are further apart than this should be set right.
pub const CLOCKS_APART: TimeDelta = TimeDelta::seconds(30);

/// Until `stop`, and then takes leave.
pub(super) async fn keep(tools: Arc<Tools>, stop: CancellationToken) {
    let mut off = TimeDelta::zero();
    loop {
        if let Err(error) = look(&tools, &mut off).await {
            // As many as there were are still likely.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "could not count the processes that work"
            );
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            break;
        }
    }
    // If nobody takes note, its silence tells soon.
    let _ = tools.store.node_gone().await;
}

/// `off`: how far the clocks were apart at the last look.
async fn look(tools: &Tools, off: &mut TimeDelta) -> Result<(), StoreError> {
    let processes = tools.store.node_seen(tools.clock.now()).await?;
    if processes != tools.outside.sharers() {
        tracing::info!(processes, "divides what connections allow among the processes that work");
    }
    tools.outside.shared_by(processes);
    let Some(there) = tools.store.database_time().await? else { return Ok(()) };
    let before = std::mem::replace(off, tools.clock.now() - there);
    if off.abs() >= CLOCKS_APART && before.abs() < CLOCKS_APART {
        tracing::warn!(
            seconds = off.num_seconds(),
            "this machine's clock is not the database's; see `undertone doctor`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Luck};
    use crate::connections::Connections;
    use crate::outside::Outside;
    use crate::queue::Checkpoints;
    use store::testing::TestStore;

    fn tools(store: store::Store) -> Tools {
        let outside = Outside::new(true);
        Tools {
            store,
            clock: Clock::system(),
            luck: Luck::system(),
            connections: Connections::new(outside.clone()),
            outside,
            checkpoints: Checkpoints::default(),
        }
    }

    #[tokio::test]
    async fn processes_that_work_on_one_database_divide_the_limits_until_they_go() {
        let store = TestStore::sqlite().await;
        let here = tools(store.reopen().await);
        let there = Arc::new(tools(store.reopen().await));
        look(&here, &mut TimeDelta::zero()).await.unwrap();
        assert_eq!(here.outside.sharers(), 1);

        let stop = CancellationToken::new();
        tokio::join!(keep(Arc::clone(&there), stop.clone()), async {
            while there.outside.sharers() < 2 {
                tokio::task::yield_now().await;
            }
            look(&here, &mut TimeDelta::zero()).await.unwrap();
            assert_eq!(here.outside.sharers(), 2);
            stop.cancel();
        });
        look(&here, &mut TimeDelta::zero()).await.unwrap();
        assert_eq!(here.outside.sharers(), 1);
    }
}
