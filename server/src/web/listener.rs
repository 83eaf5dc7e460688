//! Serves a router on a port, whoever calls: connections are counted, and one that is silent, or sends its headers drop
//! by drop, is closed.

mod room;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use ipnet::IpNet;
use room::{Entry, Room};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How one port is served.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Open at once. Whoever comes then is told so, and closed.
    pub connections: usize,
    /// Of one address, unless it is a trusted proxy's.
    pub of_one_address: usize,
    /// How many are told at once; further ones are closed without a word.
    pub told_full: usize,
    /// For the whole of a request's headers, and for a connection that is kept between requests. Longer than proxies keep
    /// theirs by default (60 s), so that none sends a request while we close.
    pub headers: Duration,
    /// How long open requests may take to finish once the server stops.
    pub drain: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            connections: 8_192,
            of_one_address: 4_096,
            told_full: 256,
            headers: Duration::from_secs(75),
            drain: Duration::from_secs(10),
        }
    }
}

/// The longest headers of a request, in bytes.
const MAX_HEADERS: usize = 64 << 10;
/// Out of file descriptors, say: the listener itself is well, and is asked again after a moment.
const BREATH: Duration = Duration::from_millis(200);

/// How long who is told that it is full has for its request, and when it may come back.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
const COME_BACK: &str = "5";

/// Serves until `stop`, then lets open requests finish for a while.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    manners: Manners,
    proxies: Arc<[IpNet]>,
    stop: CancellationToken,
) {
    let room = Room::new(manners, proxies);
    let open = GracefulShutdown::new();
    let over = CancellationToken::new();
    let _ends_them = over.clone().drop_guard();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = next(&listener) => next,
        };
        match next {
            Ok((stream, peer)) => match room.enter(peer.ip()) {
                Entry::In(place) => {
                    let connection = connection(stream, peer, &router, manners);
                    attend(open.watch(connection), place, over.clone());
                }
                Entry::Full(step) => {
                    metrics::counter!("undertone_connections_refused_total").increment(1);
                    attend(open.watch(refusal(stream)), step, over.clone());
                }
                Entry::Crowded => metrics::counter!("undertone_connections_refused_total").increment(1),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(manners.drain, open.shutdown()).await.is_err() {
        tracing::warn!("closed connections that did not finish in time");
    }
}

async fn next(listener: &TcpListener) -> std::io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept().await {
            Ok(caller) => return Ok(caller),
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Gone before it was accepted.
fn is_of_the_caller(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    manners: Manners,
) -> impl GracefulConnection<Error = hyper::Error> + 'static {
    // An answer is one small write: nothing is gained by holding it back. Fails on a connection that is gone already.
    let _ = stream.set_nodelay(true);
    let router = router.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(manners.headers)
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
}

/// Reads one request and says that there is no room for it. ConnectWise repeats a call after a 429 and nothing else.
fn refusal(stream: TcpStream) -> impl GracefulConnection<Error = hyper::Error> + 'static {
    let service = service_fn(|request: Request<Incoming>| async move {
        let is_connectwise = request.uri().path().starts_with("/hooks/connectwise/");
        let status =
            if is_connectwise { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::SERVICE_UNAVAILABLE };
        let mut response =
            Response::new(Body::from("There are too many connections. Come back in a moment.\n"));
        *response.status_mut() = status;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(COME_BACK));
        Ok::<_, Infallible>(response)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TOLD_WITHIN)
        .keep_alive(false)
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
}

fn attend(
    connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static,
    place: impl Send + 'static,
    over: CancellationToken,
) {
    #[expect(clippy::disallowed_methods, reason = "it ends with the server, by `over` at the latest")]
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                // The caller's doing: broken off, not HTTP, too slow.
                tracing::debug!(%error, "a connection ended");
            },
            () = over.cancelled() => {}
        }
        drop(place);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    struct Served {
        at: SocketAddr,
        stop: CancellationToken,
        ended: tokio::task::JoinHandle<()>,
    }

    async fn served(manners: Manners) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let slow = get(|| async {
            tokio::time::sleep(Duration::from_secs(600)).await;
            "late"
        });
        let who = get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() });
        let router = Router::new().route("/who", who).route("/slow", slow);
        #[expect(clippy::disallowed_methods, reason = "ended by the test")]
        let ended = tokio::spawn(serve(listener, router, manners, Arc::default(), stop.clone()));
        Served { at, stop, ended }
    }

    const BRIEF: Manners = Manners {
        connections: 2,
        of_one_address: 2,
        told_full: 1,
        headers: Duration::from_millis(200),
        drain: Duration::from_millis(100),
    };
    const REQUEST: &[u8] = b"GET /who HTTP/1.1\r\nhost: x\r\n\r\n";

    async fn say(stream: &mut TcpStream, bytes: &[u8]) -> String {
        stream.write_all(bytes).await.unwrap();
        let mut answer = [0; 4096];
        let count = bounded(stream.read(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer[..count]).into_owned()
    }

    async fn bounded<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), work).await.expect("it ends")
    }

    /// Until the other side closes.
    async fn rest(mut stream: TcpStream) -> usize {
        let mut bytes = Vec::new();
        // A reset is an end as well.
        let _ = bounded(stream.read_to_end(&mut bytes)).await;
        bytes.len()
    }

    #[tokio::test]
    async fn a_request_is_answered_and_knows_its_caller() {
        let served = served(Manners::default()).await;
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        for _ in 0..2 {
            let answer = say(&mut stream, REQUEST).await;
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
        }
    }

    #[tokio::test]
    async fn half_a_header_and_silence_are_closed_and_make_room_for_others() {
        let served = served(BRIEF).await;
        let mut half = TcpStream::connect(served.at).await.unwrap();
        half.write_all(b"GET /who HTTP/1.1\r\nhos").await.unwrap();
        let silent = TcpStream::connect(served.at).await.unwrap();
        // It may be told why (408), and is closed.
        rest(half).await;
        assert_eq!(rest(silent).await, 0);
        let (mut one, mut other) =
            (TcpStream::connect(served.at).await.unwrap(), TcpStream::connect(served.at).await.unwrap());
        for stream in [&mut one, &mut other] {
            assert!(say(stream, REQUEST).await.starts_with("HTTP/1.1 200"));
        }
    }

    #[tokio::test]
    async fn who_finds_no_room_is_told_at_once_and_when_to_come_back() {
        let served = served(Manners { headers: Duration::from_secs(60), ..BRIEF }).await;
        let mut inside = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(served.at).await.unwrap();
            assert!(say(&mut stream, REQUEST).await.starts_with("HTTP/1.1 200"));
            inside.push(stream);
        }
        for (path, status) in [("/who", "503"), ("/hooks/connectwise/key", "429")] {
            let mut stream = TcpStream::connect(served.at).await.unwrap();
            let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
            let answer = say(&mut stream, request.as_bytes()).await.to_lowercase();
            assert!(answer.starts_with(&format!("http/1.1 {status}")), "{answer}");
            assert!(answer.contains("retry-after: 5") && answer.contains("connection: close"), "{answer}");
            rest(stream).await;
        }
        // Nobody is told while somebody who says nothing is to be.
        let silent = TcpStream::connect(served.at).await.unwrap();
        assert_eq!(rest(TcpStream::connect(served.at).await.unwrap()).await, 0);
        drop((silent, inside));
    }

    #[tokio::test]
    async fn headers_without_end_are_refused() {
        let served = served(Manners::default()).await;
        let mut stream = TcpStream::connect(served.at).await.unwrap();
        let header = format!("GET /who HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(MAX_HEADERS * 2));
        // The answer may come before the last byte is written.
        let _ = stream.write_all(header.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = bounded(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn a_stop_closes_the_port_and_waits_only_so_long_for_what_is_open() {
        let served = served(BRIEF).await;
        let mut slow = TcpStream::connect(served.at).await.unwrap();
        slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut quick = TcpStream::connect(served.at).await.unwrap();
        assert!(say(&mut quick, REQUEST).await.starts_with("HTTP/1.1 200"));
        served.stop.cancel();
        assert_eq!(rest(quick).await, 0, "closed between requests");
        bounded(served.ended).await.unwrap();
        assert!(TcpStream::connect(served.at).await.is_err(), "nobody listens any more");
    }
}
