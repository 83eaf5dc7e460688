//! A hundred thousand requests that are wrong in every way: each ends in a 4xx, or in a closed connection where HTTP
//! itself is broken, and the process holds no more memory at the end than after the first fifth.

use crate::process::{Home, Workspace, free, halo};
use crate::wire::{Wire, request};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const REQUESTS: usize = 100_000;
/// Before it, tables fill up to their bounds.
const WARM: usize = 20_000;
const CONNECTIONS: usize = 8;
/// Requests sent before the first answer is read.
const PIPELINED: usize = 12;
/// In bytes. An allocator with arenas differs from run to run by some of it.
const GROWTH: u64 = 20 << 20;

struct Targets {
    halo: Workspace,
    autotask: Workspace,
    connectwise: Workspace,
}

/// Where a request goes wrong.
enum Wrong {
    /// In what it says: the connection goes on.
    Said(Vec<u8>),
    /// In its HTTP: the connection may be closed, and nothing can follow.
    Http(Vec<u8>),
}
use Wrong::{Http, Said};

const JSON: &str = "content-type: application/json";

impl Targets {
    /// The request of this number. Every kind comes again and again, with other content.
    fn request(&self, number: usize) -> Wrong {
        let (round, kind) = (number / 40, number % 40);
        let (halo, autotask, connectwise) = (&*self.halo.hook, &*self.autotask.hook, &*self.connectwise.hook);
        let post =
            |path: &str, headers: &[&str], body: &str| Said(request("POST", path, headers, body.as_bytes()));
        let bearer = format!("authorization: Bearer {}", self.halo.token);
        match kind {
            0 => post(halo, &[JSON], &format!("{{\"object_id\": {round}")),
            1 => post(halo, &[JSON], &format!("not JSON, {round}")),
            2 => post(halo, &[JSON], "{}"),
            3 => post(halo, &[JSON], &"[".repeat(round % 3_000)),
            4 => post(halo, &[JSON, "authorization: Basic dW5kZXJ0b25lOndyb25n"], "{\"object_id\": 7}"),
            5 => post(halo, &[JSON, &format!("authorization: Bearer {round}")], "{\"object_id\": 7}"),
            6 => post(halo, &[JSON, "authorization: Basic é"], "{\"object_id\": 7}"),
            7 => post(halo, &["content-encoding: gzip"], "\u{1f}\u{8b}\u{8}"),
            8 => post(halo, &[JSON], &format!("[{}1]", "1,".repeat(1_100))),
            9 => post(halo, &[JSON], "{\"event\":\"new ticket logged\",\"object_id\":-1}"),
            10 => Said(request("POST", halo, &[], &[0xff, 0xfe, 0, 0xc3, 0x28])),
            11 => post(autotask, &[JSON, "x-hook-signature: sha1=d3Jvbmc="], "{\"Action\":\"Create\"}"),
            12 => {
                post(autotask, &[JSON, &format!("x-hook-signature: md5={round}")], "{\"Action\":\"Create\"}")
            }
            13 => post(autotask, &[JSON], "{\"Action\":\"Create\",\"EntityType\":\"Ticket\",\"Id\":7}"),
            14 => {
                post(autotask, &["content-type: application/x-www-form-urlencoded"], "status=New&number=%00")
            }
            15 => post(autotask, &["content-type: text/xml"], LAUGHS),
            16 => post(autotask, &["content-type: text/xml"], &"<a>".repeat(2_000)),
            17 => post(connectwise, &[JSON], "{\"ID\":7,\"Action\":\"added\",\"Type\":\"ticket\"}"),
            18 => post(connectwise, &[JSON, "x-content-signature: !!"], "{\"ID\":7}"),
            19 => post(connectwise, &[JSON, "x-content-signature: d3Jvbmc="], FOREIGN_KEY),
            20 => post(connectwise, &[JSON], "[]"),
            21 => post(&format!("/hooks/halopsa/{round:040}"), &[JSON], "{\"object_id\": 7}"),
            22 => post(&format!("/hooks/autotask/{}", halo.rsplit('/').next().unwrap()), &[JSON], "{}"),
            23 => post(&format!("/hooks/zendesk/{round}"), &[JSON], "{}"),
            24 => post(&format!("{halo}/{}", "x".repeat(round % 4_000)), &[JSON], "{}"),
            25 => post("/hooks/halopsa/%ff%00%2e%2e", &[JSON], "{}"),
            26 => Said(request(["GET", "PUT", "DELETE", "PATCH", "BREW"][round % 5], halo, &[], b"{}")),
            27 => Said(request("GET", "/api/v1/tickets?limit=0", &[&bearer], b"")),
            28 => Said(request("GET", &format!("/api/v1/tickets/{round}"), &[&bearer], b"")),
            29 => Said(request("GET", "/api/v1/tickets", &["authorization: Bearer ut_wrong"], b"")),
            30 => Said(request(
                "PUT",
                "/api/v1/policy",
                &[&bearer, JSON],
                format!("{{\"mode\":{round}").as_bytes(),
            )),
            31 => Said(request("POST", "/api/v1/analyze", &[&bearer, "content-type: text/plain"], b"{}")),
            32 => Said(request("GET", &format!("/api/v1/nothing/{round}"), &[&bearer], b"")),
            33 => Http(head(halo, "content-length: 2000000\r\n").into_bytes()),
            34 => Http(
                [head(halo, "content-length: 500\r\n"), "{\"object_id\":".to_owned()].concat().into_bytes(),
            ),
            35 => Http(
                [head(halo, "transfer-encoding: chunked\r\n"), "zz\r\n{}\r\n0\r\n\r\n".to_owned()]
                    .concat()
                    .into_bytes(),
            ),
            36 => Http(broken(halo, round).into_bytes()),
            37 => Http(
                [head(halo, &format!("x-long: {}\r\n", "x".repeat(600_000))), "{}".to_owned()]
                    .concat()
                    .into_bytes(),
            ),
            38 => Http(
                [head(halo, "transfer-encoding: chunked\r\n"), format!("ffffff\r\n{}", "x".repeat(2_000))]
                    .concat()
                    .into_bytes(),
            ),
            _ => Http((0..200).map(|at| u8::try_from((at * 31 + round * 17 + 11) % 256).unwrap()).collect()),
        }
    }
}

fn head(path: &str, headers: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: undertone.example\r\n{headers}\r\n")
}

/// Heads that no server may understand.
fn broken(path: &str, round: usize) -> String {
    match round % 8 {
        0 => head(path, "content-length: 1\r\ncontent-length: 2\r\n"),
        1 => head(path, "content-length: -5\r\n"),
        2 => head(path, "content-length: 99999999999999999999999\r\n"),
        3 => head(path, "bad header : x\r\n"),
        4 => head(path, "x: a\u{0}b\r\n"),
        5 => format!("POST {path} HTTP/9.9\r\nhost: a\r\n\r\n"),
        6 => format!("POST {path}\r\n\r\n"),
        _ => format!("POST {path} a b HTTP/1.1\r\n\r\n"),
    }
}

const FOREIGN_KEY: &str = r#"{"ID":7,"Action":"added","Type":"ticket","CompanyId":"acme","Metadata":{"key_url":"https://keys.elsewhere.example/key?companyName=acme"}}"#;

const LAUGHS: &str = r#"<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;"><!ENTITY g "&f;&f;&f;&f;&f;&f;&f;&f;">]><a>&g;</a>"#;

/// Sends the requests up to `until` over one connection after the other.
async fn send(at: SocketAddr, targets: Arc<Targets>, next: Arc<AtomicUsize>, until: usize) {
    let mut wire = Wire::open(at).await.unwrap();
    loop {
        let first = next.fetch_add(PIPELINED, Ordering::SeqCst);
        if first >= until {
            return;
        }
        let mut batch = (first..(first + PIPELINED).min(until)).peekable();
        while batch.peek().is_some() {
            let (mut bytes, mut sent, mut breaks) = (Vec::new(), Vec::new(), false);
            for number in batch.by_ref() {
                let wrong = targets.request(number);
                breaks = matches!(wrong, Http(_));
                let (Said(request) | Http(request)) = wrong;
                bytes.extend(request);
                sent.push(number);
                if breaks {
                    break;
                }
            }
            wire.send(&bytes).await;
            let mut closed = false;
            for number in &sent {
                let may_close = breaks && Some(number) == sent.last();
                if may_close {
                    wire.end().await;
                }
                match wire.answer().await {
                    Some(answer) => {
                        let words = String::from_utf8_lossy(&answer.body);
                        assert!(
                            (400..500).contains(&answer.status),
                            "{}: {} {words}",
                            number % 40,
                            answer.status
                        );
                        closed = answer.last;
                        assert!(
                            !closed || may_close,
                            "{}: closed after {}: {words}",
                            number % 40,
                            answer.status
                        );
                    }
                    None => {
                        assert!(may_close, "{}: closed without an answer", number % 40);
                        closed = true;
                    }
                }
            }
            if breaks || closed {
                wire = Wire::open(at).await.unwrap();
            }
        }
    }
}

async fn flood(at: SocketAddr, targets: &Arc<Targets>, from: usize, until: usize) {
    let next = Arc::new(AtomicUsize::new(from));
    let lines = (0..CONNECTIONS).map(|_| send(at, Arc::clone(targets), Arc::clone(&next), until));
    futures::future::join_all(lines).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_malformed_requests_end_in_a_4xx_with_memory_flat() {
    let home = Home::new();
    let program = home.serve("db", &["--log", "error"]).await;
    let nowhere = format!("http://{}", free());
    let autotask = json!({"kind": "autotask", "username": "api@acme.example", "secret": "secret", "integration_code": "ABC"});
    let connectwise = json!({"kind": "connectwise", "site": nowhere, "company_id": "acme", "public_key": "p", "private_key": "secret", "client_id": "c"});
    let targets = Arc::new(Targets {
        halo: Workspace::new(&home, "db", &program, halo(&nowhere)).await,
        autotask: Workspace::new(&home, "db", &program, autotask).await,
        connectwise: Workspace::new(&home, "db", &program, connectwise).await,
    });

    flood(program.web, &targets, 0, WARM).await;
    #[cfg(target_os = "linux")]
    let warm = program.resident();
    flood(program.web, &targets, WARM, REQUESTS).await;
    #[cfg(target_os = "linux")]
    {
        let end = program.resident();
        println!("{} MiB after {WARM}, {} MiB after {REQUESTS}", warm >> 20, end >> 20);
        assert!(end < warm + GROWTH, "{warm} bytes after {WARM} requests, {end} after {REQUESTS}");
    }

    let mut wire = Wire::open(program.web).await.unwrap();
    wire.send(&targets.halo.new_ticket(7)).await;
    assert_eq!(wire.answer().await.unwrap().status, 202, "a good call is taken as ever");
    let taken = targets.halo.api(&program, "GET", "/deliveries", &serde_json::Value::Null).await;
    assert_eq!(taken["deliveries"].as_array().unwrap().len(), 1, "and it alone was: {taken}");
    assert!(!program.log().contains("panicked"), "{}", program.log());
}
