//! A customer's mail, and what the products make of it when it becomes a ticket.
//!
//! Halo keeps the HTML beside the text (`details_html`, `note_html`). ConnectWise's connector files text in which some of
//! the markup is left as markdown (pictures, bold). Autotask's description is plain text of at most 8,000 characters. All
//! of them lose what told a quotation from the writer's own words.

use std::fmt::Write;

/// A mail as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// Empty where the writer's program sent HTML alone.
    pub text: String,
    pub html: Option<String>,
}

/// The longest description that Autotask keeps.
const AUTOTASK_DESCRIPTION: usize = 8_000;

impl Mail {
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), html: None }
    }

    /// The first note of a ConnectWise ticket.
    pub fn in_connectwise(&self) -> String {
        self.html.as_deref().map_or_else(|| self.text.clone(), |html| flattened(html, Flavour::Markdown))
    }

    /// The description of an Autotask ticket.
    pub fn in_autotask(&self) -> String {
        let text = self.html.as_deref().map_or_else(|| self.text.clone(), in_plain_words);
        text.chars().take(AUTOTASK_DESCRIPTION).collect()
    }
}

/// HTML as text, markup dropped.
pub fn in_plain_words(html: &str) -> String {
    flattened(html, Flavour::Plain)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Plain,
    Markdown,
}

/// Elements that end a line where they begin and end.
const BLOCKS: [&str; 12] =
    ["p", "div", "tr", "table", "li", "ul", "ol", "blockquote", "h1", "h2", "h3", "body"];
/// Elements whose content nobody sees.
const UNSEEN: [&str; 4] = ["style", "script", "head", "title"];

/// As a mail connector does it: no more understanding than tags, entities and line breaks.
fn flattened(html: &str, flavour: Flavour) -> String {
    let (mut out, mut rest) = (String::new(), html);
    while let Some(at) = rest.find('<') {
        push_text(&mut out, &rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = rest[1..].split_once('>').unwrap_or((&rest[1..], ""));
        rest = after;
        let (closes, name) = match tag.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, tag),
        };
        let name = name.split([' ', '/', '\n']).next().unwrap_or_default().to_ascii_lowercase();
        if UNSEEN.contains(&name.as_str()) && !closes {
            let end = format!("</{name}>");
            rest = rest.split_once(end.as_str()).map_or("", |(_, after)| after);
            continue;
        }
        match name.as_str() {
            "br" => out.push('\n'),
            "td" | "th" if closes => out.push(' '),
            "hr" => out.push_str("\n________________________________\n"),
            "b" | "strong" if flavour == Flavour::Markdown => out.push_str("**"),
            "img" if flavour == Flavour::Markdown => {
                let _ = write!(out, "![]({})", attribute(tag, "src"));
            }
            block if BLOCKS.contains(&block) && !out.ends_with('\n') => out.push('\n'),
            _ => {}
        }
    }
    push_text(&mut out, rest);
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    lines.join("\n").trim().to_owned()
}

/// Line ends in the source are spaces.
fn push_text(out: &mut String, text: &str) {
    for char in unescaped(text).chars() {
        match char {
            '\n' | ' ' | '\t' if out.ends_with([' ', '\n']) || out.is_empty() => {}
            '\n' | '\t' => out.push(' '),
            other => out.push(other),
        }
    }
}

fn unescaped(text: &str) -> String {
    let named = [
        ("&nbsp;", "\u{a0}"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&rsquo;", "’"),
        ("&amp;", "&"),
    ];
    named.iter().fold(text.to_owned(), |text, (entity, char)| text.replace(entity, char))
}

fn attribute<'t>(tag: &'t str, name: &str) -> &'t str {
    let value = tag.split_once(&format!("{name}=\"")).map(|(_, value)| value);
    value.and_then(|value| value.split_once('"')).map(|(value, _)| value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = "<html><head><title>x</title><style>p{a:b}</style></head><body><!-- no --><p>Tom &amp; <b>Ann</b></p>\n<p>It&nbsp;jams<br>\nagain.</p><hr><table><tr><td>a</td><td>b</td></tr></table><img width=\"3\" src=\"https://x.example/l.png\"></body></html>";

    #[test]
    fn markup_becomes_lines() {
        let expected = "Tom & Ann\nIt\u{a0}jams\nagain.\n\n________________________________\na b";
        assert_eq!(in_plain_words(HTML), expected);
        assert_eq!(in_plain_words("no < tags"), "no");
        assert_eq!(in_plain_words(""), "");
    }

    #[test]
    fn each_product_keeps_what_it_keeps() {
        let mail = Mail { text: "Tom & Ann".into(), html: Some(HTML.into()) };
        assert!(mail.in_connectwise().starts_with("Tom & **Ann**\n"));
        assert!(mail.in_connectwise().ends_with("![](https://x.example/l.png)"));
        let long = Mail::plain("x".repeat(20_000));
        assert_eq!((long.in_autotask().len(), long.in_connectwise().len()), (8_000, 20_000));
    }
}
