//! Group commit: whoever wants to write hands in an operation and waits; a writer gathers all that wait into one
//! transaction and answers them together after the commit. One disk flush then pays for many callers.
//!
//! Each operation of a batch runs behind its own savepoint, so that one that fails (lease lost, conflict) does not
//! spoil the others. An operation that was handed in is carried out even if its caller stops waiting.
//!
//! A batch waits for the disk unless all of its operations are content to be lost with the power ([`Flush`]). What comes
//! later is never kept without what came before it, so one that waits makes the others durable too.

use crate::engine::{News, Pools, Scope, Tx};
use crate::error::{BatchFailure, StoreError};
use crate::{Result, Store, TenantStore};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// So many may wait for a writer; the next one is told `Unavailable` at once.
const WAITING: usize = 8192;
/// Operations in one transaction. More would not save flushes but hold locks and callers longer.
const BATCH: usize = 128;

/// What an operation does, given its input. Not a closure that captures: it may have to run twice.
pub(crate) type Work<I, T> = for<'t> fn(&'t mut Tx, &'t I) -> BoxFuture<'t, Result<T>>;

/// Whether the answer may be given before the disk has the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flush {
    /// The operation is lost with the power if nothing that waits follows it, and the world is none the worse: a stage
    /// is repeated, an action in flight is looked for again.
    Later,
    /// Something outside relies on it: an acknowledgement, a request that is about to leave, a person's change.
    First,
}

/// Work of one kind that waits to be committed in batches.
pub(crate) trait Batch: Send + 'static {
    type Item: Send + 'static;
    const AT_MOST: usize;
    fn flush(item: &Self::Item) -> Flush;
    /// Whose rows it is about.
    fn scope(item: &Self::Item) -> Scope;
    /// Carries out all items in one transaction, which begins in the scope of the first, noting the results in them. An
    /// error: nothing was kept.
    fn carry_out<'t>(items: &'t mut [Self::Item], tx: &'t mut Tx) -> BoxFuture<'t, Result<()>>;
    /// Tells the caller: what was noted, or why nothing was kept.
    fn answer(item: Self::Item, failure: Option<&BatchFailure>);
}

/// The way in to the writers of one kind of work.
pub(crate) struct Queue<B: Batch> {
    sender: mpsc::Sender<B::Item>,
}

impl<B: Batch> Queue<B> {
    pub(crate) fn push(&self, item: B::Item) -> Result<()> {
        self.sender.try_send(item).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::busy("too many writes are waiting"),
            mpsc::error::TrySendError::Closed(_) => StoreError::busy("the store is closed"),
        })
    }

    /// Starts `writers` tasks that end when `closing` turns true and everything handed in before is committed.
    pub(crate) fn start(
        pools: &Pools,
        writers: usize,
        arrived: &Arc<Notify>,
        closing: &watch::Receiver<bool>,
    ) -> (Self, Vec<JoinHandle<()>>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        let tasks = (0..writers)
            .map(|_| {
                let writer = Writer::<B> {
                    pools: pools.clone(),
                    receiver: Arc::clone(&receiver),
                    arrived: Arc::clone(arrived),
                    closing: closing.clone(),
                };
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the store owns its writers; close() waits for them"
                )]
                tokio::spawn(writer.run())
            })
            .collect();
        (Self { sender }, tasks)
    }
}

/// How often an operation that was in another's way is begun again before its caller is told.
const GIVES_WAY: u32 = 3;

struct Writer<B: Batch> {
    pools: Pools,
    receiver: Arc<Mutex<mpsc::Receiver<B::Item>>>,
    arrived: Arc<Notify>,
    closing: watch::Receiver<bool>,
}

impl<B: Batch> Writer<B> {
    async fn run(mut self) {
        let mut items = Vec::new();
        while self.gather(&mut items).await {
            // A panic in an operation must not silence the writer: its callers see their answer vanish.
            if AssertUnwindSafe(self.commit(&mut items)).catch_unwind().await.is_err() {
                tracing::error!("an operation of the store panicked; its batch was rolled back");
            }
            items.clear();
        }
    }

    /// Waits for at least one item and takes all that wait. `false`: closed and empty.
    async fn gather(&mut self, items: &mut Vec<B::Item>) -> bool {
        let mut receiver = self.receiver.lock().await;
        if *self.closing.borrow() {
            receiver.close();
        }
        loop {
            tokio::select! {
                count = receiver.recv_many(items, B::AT_MOST) => return count > 0,
                changed = self.closing.changed(), if !receiver.is_closed() => {
                    if changed.is_err() || *self.closing.borrow() {
                        receiver.close();
                    }
                }
            }
        }
    }

    async fn commit(&self, items: &mut Vec<B::Item>) {
        match self.attempt(items).await {
            Ok(()) => items.drain(..).for_each(|item| B::answer(item, None)),
            Err(failure)
                if failure.was_in_anothers_way() || (items.len() > 1 && failure.worth_repeating_alone()) =>
            {
                for mut item in items.drain(..) {
                    let outcome = self.alone(&mut item).await;
                    B::answer(item, outcome.err().as_ref());
                }
            }
            Err(failure) => items.drain(..).for_each(|item| B::answer(item, Some(&failure))),
        }
    }

    /// Gives way to others a few times.
    async fn alone(&self, item: &mut B::Item) -> Result<(), BatchFailure> {
        for _ in 0..GIVES_WAY {
            match self.attempt(std::slice::from_mut(item)).await {
                Err(failure) if failure.was_in_anothers_way() => {}
                other => return other,
            }
        }
        self.attempt(std::slice::from_mut(item)).await
    }

    async fn attempt(&self, items: &mut [B::Item]) -> Result<(), BatchFailure> {
        let flush = items.iter().map(B::flush).max().unwrap_or(Flush::First);
        let scope = items.first().map_or(Scope::NoTenant, B::scope);
        let work = async {
            let mut tx = self.pools.begin(flush, scope).await?;
            B::carry_out(items, &mut tx).await?;
            tx.commit().await
        };
        let news = work.await.map_err(BatchFailure::of)?;
        if news > News::None {
            announce(&self.arrived);
        }
        Ok(())
    }
}

/// Wakes those who wait for work, and leaves a note for one who is about to.
pub(crate) fn announce(arrived: &Notify) {
    arrived.notify_waiters();
    arrived.notify_one();
}

/// The operations of everyone but the door.
pub(crate) struct Operations;

/// One caller's operation, its type hidden.
pub(crate) trait Operation: Send {
    fn flush(&self) -> Flush;
    fn scope(&self) -> Scope;
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<()>>;
    /// Remembers that it failed while the others of its batch go on.
    fn failed(&mut self, error: StoreError);
    fn answer(self: Box<Self>, failure: Option<&BatchFailure>);
}

struct Asked<I, T> {
    flush: Flush,
    scope: Scope,
    input: I,
    work: Work<I, T>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

/// What to hand in, and where its answer comes.
pub(crate) fn asked<I, T>(
    flush: Flush,
    scope: Scope,
    input: I,
    work: Work<I, T>,
) -> (Box<dyn Operation>, oneshot::Receiver<Result<T>>)
where
    I: Send + Sync + 'static,
    T: Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Asked { flush, scope, input, work, outcome: None, reply }), answer)
}

impl<I: Send + Sync, T: Send> Operation for Asked<I, T> {
    fn flush(&self) -> Flush {
        self.flush
    }
    fn scope(&self) -> Scope {
        self.scope
    }
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, Result<()>> {
        Box::pin(async {
            // It may be the second time: what was noted before was rolled back.
            self.outcome = None;
            let value = (self.work)(tx, &self.input).await?;
            self.outcome = Some(Ok(value));
            Ok(())
        })
    }
    fn failed(&mut self, error: StoreError) {
        self.outcome = Some(Err(error));
    }
    fn answer(self: Box<Self>, failure: Option<&BatchFailure>) {
        let outcome = match (failure, self.outcome) {
            // Its own error says more than what became of the batch.
            (_, Some(Err(error))) => Err(error),
            (Some(failure), _) => Err(failure.told()),
            (None, Some(Ok(value))) => Ok(value),
            (None, None) => return,
        };
        // The caller may have stopped waiting; the work is done all the same.
        let _ = self.reply.send(outcome);
    }
}

impl Batch for Operations {
    type Item = Box<dyn Operation>;
    const AT_MOST: usize = BATCH;

    fn flush(item: &Self::Item) -> Flush {
        item.flush()
    }

    fn scope(item: &Self::Item) -> Scope {
        item.scope()
    }

    fn carry_out<'t>(items: &'t mut [Self::Item], tx: &'t mut Tx) -> BoxFuture<'t, Result<()>> {
        Box::pin(async move {
            if let [only] = items {
                return match only.run(tx).await {
                    Err(error) if !concerns_all(&error) => {
                        only.failed(error);
                        Err(StoreError::busy("rolled back"))
                    }
                    other => other,
                };
            }
            for (index, item) in items.iter_mut().enumerate() {
                let mark = tx.mark(index > 0, item.scope()).await?;
                match item.run(tx).await {
                    Ok(()) => {}
                    Err(error) if concerns_all(&error) => return Err(error),
                    Err(error) => {
                        tx.return_to(mark).await?;
                        item.failed(error);
                    }
                }
            }
            Ok(())
        })
    }

    fn answer(item: Self::Item, failure: Option<&BatchFailure>) {
        item.answer(failure);
    }
}

/// A full disk or a lost connection ends the transaction, whoever's statement met it first.
fn concerns_all(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_))
}

impl Store {
    /// Commits `work` together with whatever else waits to be written; it is on disk when this returns.
    pub(crate) async fn write<I, T>(&self, scope: Scope, input: I, work: Work<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.write_with(Flush::First, scope, input, work).await
    }

    /// As [`Self::write`], for what may wait for the disk: see [`Flush::Later`].
    pub(crate) async fn write_later<I, T>(&self, scope: Scope, input: I, work: Work<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.write_with(Flush::Later, scope, input, work).await
    }

    async fn write_with<I, T>(&self, flush: Flush, scope: Scope, input: I, work: Work<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (operation, answer) = asked(flush, scope, input, work);
        self.inner.operations.push(operation)?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Driver(sqlx::Error::WorkerCrashed)))
    }
}

impl TenantStore {
    /// As [`Store::write`], on this tenant's rows.
    pub(crate) async fn write<I, T>(&self, input: I, work: Work<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.store.write(Scope::Tenant(self.tenant), input, work).await
    }

    /// As [`Store::write_later`], on this tenant's rows.
    pub(crate) async fn write_later<I, T>(&self, input: I, work: Work<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.store.write_later(Scope::Tenant(self.tenant), input, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, fetch_one};
    use crate::testing::TestStore;
    use futures::future::join;
    use tokio::sync::Semaphore;

    /// Whether the transaction that this runs in waits for the disk.
    async fn waits(tx: &mut Tx) -> Result<bool> {
        match tx.engine() {
            Engine::Sqlite => Ok(fetch_one!(tx, (i64,), "PRAGMA synchronous")?.0 == 2),
            Engine::Postgres => Ok(fetch_one!(tx, (String,), "SHOW synchronous_commit")?.0 != "off"),
        }
    }

    #[tokio::test]
    async fn what_the_world_relies_on_waits_for_the_disk_and_the_rest_does_not() {
        for store in
            [Some(TestStore::sqlite().await), TestStore::postgres_durable().await].into_iter().flatten()
        {
            let first = store.write(Scope::NoTenant, (), |tx, ()| Box::pin(waits(tx))).await.unwrap();
            let later = store.write_later(Scope::NoTenant, (), |tx, ()| Box::pin(waits(tx))).await.unwrap();
            let again = store.write(Scope::NoTenant, (), |tx, ()| Box::pin(waits(tx))).await.unwrap();
            assert_eq!((first, later, again), (true, false, true), "{}", store.engine_name());
        }
    }

    #[tokio::test]
    async fn one_that_waits_for_the_disk_makes_its_whole_batch_wait() {
        let store = TestStore::sqlite().await;
        let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let held = store.write_later(Scope::NoTenant, (begun.clone(), gate.clone()), |_, (begun, gate)| {
            Box::pin(async move {
                begun.add_permits(1);
                gate.acquire().await.expect("the gate is open for good").forget();
                Ok(())
            })
        });
        // The one writer of SQLite is busy; what is handed in meanwhile becomes one batch.
        let handed_in = async {
            begun.acquire().await.expect("it begins").forget();
            let later = store.write_later(Scope::NoTenant, (), |tx, ()| Box::pin(waits(tx)));
            let first = store.write(Scope::NoTenant, (), |tx, ()| Box::pin(waits(tx)));
            let open = async { gate.add_permits(1) };
            let ((later, first), ()) = join(join(later, first), open).await;
            (later.unwrap(), first.unwrap())
        };
        let (held, seen) = join(held, handed_in).await;
        held.unwrap();
        assert_eq!(seen, (true, true));
    }
}
