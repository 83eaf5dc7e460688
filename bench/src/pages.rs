//! Time to the first byte of the pages that people open most, signed in, on the tickets that are there.

use super::instance::{Instance, Owner, PASSWORD};
use super::report::{Goal, Report, Waits};
use super::wire::Wire;
use anyhow::{Context, ensure};

const PAGES: [(&str, &str); 2] = [("Overview", "/"), ("Tickets", "/tickets")];
const VIEWS: usize = 300;

pub async fn measure(instance: &Instance, owner: &Owner, report: &Report) -> anyhow::Result<()> {
    let cookie = sign_in(instance, owner).await?;
    let mut wire = Wire::open(instance.web).await?;
    for (name, path) in PAGES {
        let request = request(instance, path, &cookie);
        let (mut waits, mut size) = (Vec::with_capacity(VIEWS), 0);
        for _ in 0..VIEWS {
            let answer = wire.call(request.as_bytes()).await?;
            ensure!(answer.status == 200, "{path} answered {}", answer.head);
            waits.push(answer.first_byte);
            size = answer.length;
        }
        let waits = Waits::new(waits);
        report.figure(&format!("{name}: first byte, p50"), waits.percentile(50), "ms", Goal::None);
        report.figure(&format!("{name}: first byte, p95"), waits.percentile(95), "ms", Goal::AtMost(15.0));
        report.remark(format!("{name} is {} kB of HTML, not compressed", size / 1_000));
    }
    Ok(())
}

/// A signed-in person's look at a page.
pub fn request(instance: &Instance, path: &str, cookie: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\naccept: text/html\r\n\r\n", instance.web)
}

/// The session's cookie.
pub async fn sign_in(instance: &Instance, owner: &Owner) -> anyhow::Result<String> {
    let form = serde_urlencoded::to_string([("email", owner.email.as_str()), ("password", PASSWORD)])?;
    let host = instance.web;
    let request = format!(
        "POST /do/sign-in HTTP/1.1\r\nhost: {host}\r\norigin: http://{host}\r\naccept: text/html\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = Wire::open(host).await?.call(request.as_bytes()).await?;
    let cookie =
        answer.header("set-cookie").with_context(|| format!("signing in gave no cookie: {}", answer.head))?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
