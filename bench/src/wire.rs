//! The cheapest HTTP/1.1 caller there can be, so that the callers take little of the machine that they measure.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One kept connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the body of the last answer begins in the buffer.
    body: usize,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    /// From the last byte sent to the first byte received.
    pub first_byte: Duration,
    /// To the last byte received.
    pub whole: Duration,
    pub length: usize,
}

impl Wire {
    pub async fn open(to: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(to).await.context("the program answers on its port")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10), body: 0 })
    }

    /// Sends one complete request and reads the whole answer, which must tell its length or come in chunks.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let begun = Instant::now();
        self.more().await?;
        let first_byte = begun.elapsed();
        let end_of_head = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end_of_head).unwrap_or_default()).into_owned();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).context("an HTTP status")?;
        let start = end_of_head + 4;
        self.body = start;
        match header(&head, "content-length") {
            Some(length) => {
                let length: usize = length.parse().context("a length")?;
                while self.buffer.len() < start + length {
                    self.more().await?;
                }
            }
            None => {
                while !self.buffer.ends_with(b"0\r\n\r\n") {
                    self.more().await?;
                }
            }
        }
        let length = self.buffer.len() - start;
        Ok(Answer { status, head, first_byte, whole: begun.elapsed(), length })
    }

    /// Sends a request whose answer goes on and on; returns once it has begun.
    pub async fn begin(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        self.more().await?;
        if !self.buffer.starts_with(b"HTTP/1.1 200") {
            bail!("it answered {}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(())
    }

    /// Hears what comes until the other side ends it.
    pub async fn listen(&mut self) -> anyhow::Result<()> {
        loop {
            self.buffer.clear();
            self.more().await?;
        }
    }

    /// The body of the last answer, of those that tell their length.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.buffer.get(self.body..).unwrap_or_default()).into_owned()
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection ended in the middle of an answer");
        }
        Ok(())
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
