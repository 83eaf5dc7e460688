//! Over loopback: what the other side can do to us, and what comes of it.

use super::*;
use bytes::Bytes;
use http::HeaderValue;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers the n-th connection with the n-th script (the last one from then on); each connection serves one request.
struct Scripted {
    url: Url,
    served: Arc<AtomicU32>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
enum Script {
    /// These bytes, then the connection is closed.
    Say(String),
    /// Closed without a word.
    Hang,
    /// Never answers.
    Silence,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn scripted(scripts: Vec<Script>) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("http://{}/x?secret=s3cret", listener.local_addr().expect("bound")))
        .expect("an address");
    let served = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&served);
    #[expect(clippy::disallowed_methods, reason = "owned by the guard, which ends it")]
    let task = tokio::spawn(async move {
        let mut silent = Vec::new();
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let index = usize::try_from(counter.fetch_add(1, Ordering::SeqCst)).unwrap_or(usize::MAX);
            let script = scripts.get(index).or(scripts.last()).cloned().expect("a script");
            read_request(&mut stream).await;
            match script {
                Script::Say(bytes) => {
                    let _ = stream.write_all(bytes.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
                Script::Hang => drop(stream),
                Script::Silence => silent.push(stream),
            }
        }
    });
    Scripted { url, served, task }
}

async fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => seen.extend_from_slice(&buffer[..count]),
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Script {
    Script::Say(format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    ))
}

const WIDE: Limits = Limits { parallel: 4, requests: 10_000, per: Duration::from_secs(1) };

fn caller() -> Caller {
    Outside::new(true).caller("test", WIDE)
}

fn write(url: &Url) -> Call {
    Call::new(Method::POST, url.clone()).json(&serde_json::json!({"a": 1})).timeout(Duration::from_secs(5))
}

fn read(url: &Url) -> Call {
    Call::get(url.clone()).timeout(Duration::from_secs(5))
}

#[tokio::test]
async fn a_complete_answer_is_handed_on_whatever_its_status() {
    for status in ["200 OK", "404 Not Found", "401 Unauthorized", "500 Internal Server Error"] {
        let server = scripted(vec![answer(status, "", "{\"id\":7}")]).await;
        let answer = caller().call(read(&server.url)).await.expect("an answer");
        assert!(status.starts_with(answer.status.as_str()), "{status}");
        assert_eq!(answer.json::<serde_json::Value>().expect("JSON")["id"], 7);
        assert_eq!(server.served.load(Ordering::SeqCst), 1, "{status} is asked for once");
    }
}

#[tokio::test]
async fn reads_are_repeated_on_passing_failures_and_writes_never() {
    for trouble in
        [answer("503 Service Unavailable", "", ""), answer("429 Too Many Requests", "", ""), Script::Hang]
    {
        let server = scripted(vec![trouble.clone(), answer("200 OK", "", "fine")]).await;
        let result = caller().call(read(&server.url)).await.expect("the second try");
        assert_eq!(&result.body[..], b"fine");
        assert_eq!(server.served.load(Ordering::SeqCst), 2);

        let server = scripted(vec![trouble, answer("200 OK", "", "fine")]).await;
        let result = caller().call(write(&server.url)).await;
        assert!(!result.is_ok_and(|answer| answer.status.is_success()));
        assert_eq!(server.served.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_post_that_only_reads_may_be_repeated() {
    let server = scripted(vec![Script::Hang, answer("200 OK", "", "fine")]).await;
    assert!(caller().call(write(&server.url).repeatable()).await.is_ok());
    assert_eq!(server.served.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_side_that_asks_for_a_long_pause_is_not_asked_again_at_once() {
    let server = scripted(vec![answer("429 Too Many Requests", "retry-after: 60\r\n", "")]).await;
    let answer = caller().call(read(&server.url)).await.expect("an answer");
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(60)));
    assert_eq!(server.served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_connection_is_surely_not_received() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = Url::parse(&format!("http://{}/", listener.local_addr().expect("bound"))).expect("an address");
    drop(listener);
    let error = caller().call(write(&url)).await.expect_err("nobody listens");
    assert!(matches!(error, CallError::Unreachable { .. }), "{error:?}");
    assert!(error.passing() && !error.uncertain());
}

#[tokio::test]
async fn a_slow_answer_a_cut_one_and_a_short_one_leave_the_effect_unknown() {
    let short = Script::Say("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":".into());
    let chunked = Script::Say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n".into());
    for (what, script) in
        [("slow", Script::Silence), ("cut", Script::Hang), ("short", short), ("chunked", chunked)]
    {
        let server = scripted(vec![script]).await;
        let error =
            caller().call(write(&server.url).timeout(Duration::from_millis(300))).await.expect_err(what);
        assert!(matches!(error, CallError::Unknown { .. }), "{what}: {error:?}");
        assert!(error.passing() && error.uncertain());
    }
}

#[tokio::test]
async fn an_answer_without_end_is_refused() {
    let body = "x".repeat(MAX_ANSWER + 1);
    let server = scripted(vec![answer("200 OK", "", &body)]).await;
    let error = caller().call(read(&server.url)).await.expect_err("too large");
    assert!(
        matches!(&error, CallError::Malformed { what, .. } if what.contains("larger than 8 MiB")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_but_said() {
    let server =
        scripted(vec![answer("302 Found", "location: https://elsewhere.example/login\r\n", "")]).await;
    let error = caller().call(read(&server.url)).await.expect_err("a redirect");
    assert!(
        matches!(&error, CallError::Malformed { what, .. } if what.contains("elsewhere.example")),
        "{error:?}"
    );
    assert_eq!(server.served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_not_http_is_unknown() {
    let server = scripted(vec![Script::Say("SSH-2.0-OpenSSH_9.2\r\n".into())]).await;
    let error = caller().call(write(&server.url)).await.expect_err("not http");
    assert!(error.uncertain(), "{error:?}");
}

#[tokio::test]
async fn private_addresses_are_refused_before_anything_is_sent() {
    let server = scripted(vec![answer("200 OK", "", "secrets")]).await;
    let strict = Outside::new(false).caller("test", WIDE);
    let error = strict.call(read(&server.url)).await.expect_err("plain http to loopback");
    assert!(matches!(error, CallError::Forbidden { .. }), "{error:?}");

    let port = server.url.port().expect("a port");
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
        let url = Url::parse(&format!("https://{host}:{port}/")).expect("an address");
        let error = strict.call(read(&url)).await.expect_err(host);
        assert!(matches!(error, CallError::Forbidden { .. }), "{host}: {error:?}");
    }
    assert_eq!(server.served.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_side_that_is_down_is_left_alone_for_a_while() {
    let server = scripted(vec![Script::Hang]).await;
    let caller = caller();
    for _ in 0..5 {
        let error = caller.call(write(&server.url)).await.expect_err("down");
        assert_eq!(error.held_back(), None);
    }
    let error = caller.call(write(&server.url)).await.expect_err("left alone");
    assert!(error.held_back().is_some_and(|wait| wait <= Duration::from_secs(5)), "{error:?}");
    assert!(error.passing() && !error.uncertain());
    assert_eq!(server.served.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn lanes_of_one_name_share_their_limits_and_others_do_not() {
    let server = scripted(vec![Script::Hang]).await;
    let outside = Outside::new(true);
    for _ in 0..5 {
        let _ = outside.caller("tenant a", WIDE).call(write(&server.url)).await;
    }
    let error = outside.caller("tenant a", WIDE).call(write(&server.url)).await.expect_err("down");
    assert!(error.held_back().is_some());
    let error = outside.caller("tenant b", WIDE).call(write(&server.url)).await.expect_err("down, but asked");
    assert!(error.held_back().is_none());
}

#[tokio::test]
async fn one_requests_complaint_holds_the_others_of_its_lane_back_and_no_other_lane() {
    let complaint = answer("429 Too Many Requests", "retry-after: 30\r\n", "");
    let server = scripted(vec![complaint, answer("200 OK", "", "fine")]).await;
    let outside = Outside::new(true);
    let first = outside.caller("psa a", WIDE).call(write(&server.url)).await.expect("an answer");
    assert_eq!(first.status, StatusCode::TOO_MANY_REQUESTS);
    let error = outside.caller("psa a", WIDE).call(write(&server.url)).await.expect_err("held back");
    assert!(matches!(error, CallError::Throttled { .. }) && !error.uncertain(), "{error:?}");
    assert!(error.retry_after().is_some_and(|wait| wait > Duration::from_secs(28)), "{error:?}");
    assert_eq!(server.served.load(Ordering::SeqCst), 1, "nothing was sent");
    assert!(outside.caller("psa b", WIDE).call(write(&server.url)).await.is_ok());
}

#[tokio::test]
async fn what_a_model_says_is_left_of_its_tokens_is_not_exceeded() {
    let told = "x-ratelimit-limit-tokens: 6000\r\nx-ratelimit-remaining-tokens: 1000\r\nx-ratelimit-reset-tokens: 50s\r\n";
    for (lane, waits) in [("model a", true), ("psa a", false)] {
        let server = scripted(vec![answer("200 OK", told, "fine")]).await;
        let caller = Outside::new(true).caller(lane, WIDE);
        for _ in 0..2 {
            assert!(caller.call(write(&server.url).costs(900)).await.is_ok());
        }
        // A hundred are there and a hundred come back each second.
        let result = caller.call(write(&server.url).costs(3_000)).await;
        assert_eq!(matches!(&result, Err(CallError::Throttled { .. })), waits, "{lane}: {result:?}");
        if let Err(error) = result {
            let wait = error.retry_after().expect("a wait");
            assert!(wait > Duration::from_secs(15) && wait < Duration::from_secs(30), "{wait:?}");
            assert_eq!(server.served.load(Ordering::SeqCst), 2);
        }
    }
}

#[tokio::test]
async fn errors_name_the_host_and_nothing_of_the_query() {
    let server = scripted(vec![Script::Hang]).await;
    let error = caller().call(write(&server.url)).await.expect_err("cut");
    assert!(error.to_string().contains("127.0.0.1"));
    let mut whole = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(level) = cause {
        whole.push_str(&format!("{level} {level:?}\n"));
        cause = level.source();
    }
    assert!(!whole.contains("s3cret"), "{whole}");
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let cases = [
        ("30", None, Some(30)),
        (" 0 ", None, Some(0)),
        ("Wed, 21 Oct 2026 07:28:30 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT"), Some(30)),
        ("Wed, 21 Oct 2026 07:27:00 GMT", Some("Wed, 21 Oct 2026 07:28:00 GMT"), Some(0)),
        ("Wed, 21 Oct 2026 07:28:30 GMT", None, None),
        ("soon", None, None),
        ("-5", None, None),
        ("99999999999999999999", None, None),
    ];
    for (after, date, expected) in cases {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static(after));
        if let Some(date) = date {
            headers.insert(http::header::DATE, HeaderValue::from_static(date));
        }
        let answer =
            Answer { host: "h".into(), status: StatusCode::TOO_MANY_REQUESTS, headers, body: Bytes::new() };
        assert_eq!(answer.retry_after(), expected.map(Duration::from_secs), "{after} {date:?}");
    }
}
