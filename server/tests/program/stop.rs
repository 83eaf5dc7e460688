//! Stopping: first softly, and after the limit whatever still hangs.

use crate::process::{Home, Workspace, halo};
use crate::wire::{PATIENCE, Wire};
use tokio::net::{TcpListener, TcpStream};

/// A side that takes connections and never says a word.
struct Silent {
    listener: TcpListener,
    held: Vec<TcpStream>,
}

impl Silent {
    async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), held: Vec::new() }
    }
    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }
    async fn is_asked(&mut self) {
        let (stream, _) = tokio::time::timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        self.held.push(stream);
    }
}

#[tokio::test]
async fn a_stage_that_hangs_is_cut_at_the_limit_and_taken_up_at_the_next_start() {
    let (home, mut psa) = (Home::new(), Silent::new().await);
    // Far below what a request to the PSA may take.
    let mut program = home.serve("db", &["--stop-seconds", "1"]).await;
    let workspace = Workspace::new(&home, "db", &program, halo(&psa.url())).await;
    let mut wire = Wire::open(program.web).await.unwrap();
    wire.send(&workspace.new_ticket(7)).await;
    assert_eq!(wire.answer().await.unwrap().status, 202);
    psa.is_asked().await;

    program.terminate();
    assert!(program.ended().await.success(), "{}", program.log());
    assert!(program.log().contains("stopped"), "{}", program.log());

    // Its lease was handed back: it would last longer than this test waits.
    let _again = home.serve("db", &["--stop-seconds", "1"]).await;
    psa.is_asked().await;
}

#[tokio::test]
async fn a_request_that_hangs_does_not_keep_the_process() {
    let home = Home::new();
    let mut program = home.serve("db", &["--stop-seconds", "1"]).await;
    let mut wire = Wire::open(program.web).await.unwrap();
    wire.send(b"POST /hooks/halopsa/nobody HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n{").await;
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.log());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (home, mut psa) = (Home::new(), Silent::new().await);
    let mut program = home.serve("db", &["--stop-seconds", "600"]).await;
    let workspace = Workspace::new(&home, "db", &program, halo(&psa.url())).await;
    let mut wire = Wire::open(program.web).await.unwrap();
    wire.send(&workspace.new_ticket(7)).await;
    assert_eq!(wire.answer().await.unwrap().status, 202);
    psa.is_asked().await;
    program.terminate();
    // Until it has been heard, a second one could be taken for the first.
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    let closed = async {
        while Wire::open(program.web).await.is_ok() {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.expect("it accepts no more");
    program.terminate();
    assert!(program.ended().await.success(), "{}", program.log());
    assert!(program.log().contains("stopped at once"), "{}", program.log());
}
