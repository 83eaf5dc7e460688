//! A plain TCP proxy: one node after the other, the next one where a connection is refused. It can lose answers.

use server::clock::Luck;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub struct Proxy {
    pub address: SocketAddr,
    lines: Arc<Lines>,
    _stop: DropGuard,
}

struct Lines {
    targets: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
    /// Of a thousand answers, so many are cut off after the request was passed on.
    lossy: AtomicU32,
    lost: AtomicUsize,
    luck: Luck,
}

impl Proxy {
    pub async fn serve(targets: Vec<SocketAddr>, luck: Luck) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines = Arc::new(Lines {
            targets: Mutex::new(targets),
            next: AtomicUsize::new(0),
            lossy: AtomicU32::new(0),
            lost: AtomicUsize::new(0),
            luck,
        });
        let (stop, tasks, passed) = (CancellationToken::new(), TaskTracker::new(), Arc::clone(&lines));
        let stopped = stop.clone();
        tasks.clone().spawn(async move {
            while let Some(Ok((caller, _))) = stopped.run_until_cancelled(listener.accept()).await {
                let (lines, stopped) = (Arc::clone(&passed), stopped.clone());
                tasks.spawn(async move { stopped.run_until_cancelled(lines.pass(caller)).await });
            }
        });
        Self { address, lines, _stop: stop.drop_guard() }
    }

    pub fn lose_answers(&self, of_a_thousand: u32) {
        self.lines.lossy.store(of_a_thousand, Ordering::SeqCst);
    }

    /// Answers that were lost so far.
    pub fn lost(&self) -> usize {
        self.lines.lost.load(Ordering::SeqCst)
    }
}

impl Lines {
    async fn pass(&self, mut caller: TcpStream) {
        let targets = self.targets.lock().unwrap().clone();
        let first = self.next.fetch_add(1, Ordering::SeqCst);
        for at in 0..targets.len() {
            let Ok(mut node) = TcpStream::connect(targets[(first + at) % targets.len()]).await else {
                continue;
            };
            if self.luck.next() * 1_000.0 < f64::from(self.lossy.load(Ordering::SeqCst)) {
                self.lose_answer(&mut caller, &mut node).await;
                return;
            }
            // However it ends, both sides learn of it by their closed connections.
            let _ = tokio::io::copy_bidirectional(&mut caller, &mut node).await;
            return;
        }
    }

    /// Passes the request on, and hangs up on both when the answer comes.
    async fn lose_answer(&self, caller: &mut TcpStream, node: &mut TcpStream) {
        let (mut request, mut answer) = (vec![0; 16 << 10], [0; 1]);
        loop {
            tokio::select! {
                read = caller.read(&mut request) => match read {
                    Ok(count @ 1..) => if node.write_all(&request[..count]).await.is_err() { return },
                    _ => return,
                },
                read = node.read(&mut answer) => {
                    self.lost.fetch_add(usize::from(read.is_ok_and(|read| read > 0)), Ordering::SeqCst);
                    return;
                }
            }
        }
    }
}
