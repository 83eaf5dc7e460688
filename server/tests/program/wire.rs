//! HTTP/1.1 by hand: what no client would send has to be sent.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No answer takes so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that stays open over many requests.
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// The other side closes after it.
    pub last: bool,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }
}

impl Wire {
    pub async fn open(at: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(at).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// `false`: the other side closed already.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        tokio::time::timeout(PATIENCE, self.stream.write_all(bytes))
            .await
            .expect("it is read in time")
            .is_ok()
    }

    /// Says that nothing more comes.
    pub async fn end(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// The next answer; `None`: the connection was closed instead.
    pub async fn answer(&mut self) -> Option<Answer> {
        let head = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let head: Vec<u8> = self.unread.drain(..end + 4).collect();
                break String::from_utf8_lossy(&head).to_ascii_lowercase();
            }
            self.more().await?;
        };
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = field(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while self.unread.len() < length {
            self.more().await?;
        }
        let body = self.unread.drain(..length).collect();
        Some(Answer { status, body, last: field(&head, "connection").is_some_and(|what| what == "close") })
    }

    async fn more(&mut self) -> Option<()> {
        let mut part = vec![0; 16 << 10];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut part)).await;
        let read = read.expect("an answer or the end comes in time").unwrap_or(0);
        self.unread.extend_from_slice(&part[..read]);
        (read > 0).then_some(())
    }
}

fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// A whole request with a body.
pub fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: undertone.example\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    [head.as_bytes(), body].concat()
}
