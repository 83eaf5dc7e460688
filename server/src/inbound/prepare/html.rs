//! HTML to text, by `html2text`: no link footnotes, no table art, no picture texts; block quotes become `> `.

use html2text::config;
use html2text::render::TextDecorator;

/// Wide enough that no paragraph is wrapped before the length cap.
const WIDTH: usize = 20_000;
/// Deeper quotes and lists look like this deep: a prefix for each level would let a short text grow without bound.
const MAX_INDENTS: usize = 4;
/// The parser keeps going at any depth, but its time grows with depth × length; no mail program nests this far.
const MAX_NESTING: usize = 256;

pub fn to_text(html: &str) -> String {
    let tame = tame(html);
    config::with_decorator(Plain)
        .raw_mode(true)
        .no_table_borders()
        .no_link_wrapping()
        .allow_width_overflow()
        .string_from_read(tame.as_bytes(), WIDTH)
        .unwrap_or_else(|_| without_tags(&tame))
}

/// Takes out what the renderer would make long or slow: rules (drawn as wide as the page), spans of cells, and the tags of
/// elements nested beyond reason. Comments and scripts are the parser's business.
fn tame(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let (mut nesting, mut indents) = (Depth::new(MAX_NESTING), Depth::new(MAX_INDENTS));
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        let (tag, after) = rest.split_at(end);
        rest = after;
        let name = tag_name(tag).to_ascii_lowercase();
        let kept = match name.as_str() {
            "" => true,
            "hr" => false,
            void if is_void(void) || tag.ends_with("/>") => true,
            "blockquote" | "ul" | "ol" | "dl" => nesting.keeps(tag) & indents.keeps(tag),
            _ => nesting.keeps(tag),
        };
        // A cell that says it spans a billion others takes the renderer that much time; to text its span means nothing.
        let bare = match name.as_str() {
            "td" if !tag.starts_with("</") => "<td>",
            "th" if !tag.starts_with("</") => "<th>",
            _ => tag,
        };
        out.push_str(if kept { bare } else { "<br>" });
    }
    out.push_str(rest);
    out
}

/// How many elements are open, and whether a tag is within the bound. An element loses both its tags or none.
struct Depth {
    open: usize,
    max: usize,
}

impl Depth {
    fn new(max: usize) -> Self {
        Self { open: 0, max }
    }
    fn keeps(&mut self, tag: &str) -> bool {
        let closing = tag.starts_with("</");
        self.open += usize::from(!closing);
        let kept = self.open <= self.max;
        self.open = self.open.saturating_sub(usize::from(closing));
        kept
    }
}

fn tag_name(tag: &str) -> &str {
    let name = tag.trim_start_matches(['<', '/']);
    &name[..name.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(name.len())]
}

/// Elements without a closing tag, and those that mail programs leave open.
fn is_void(name: &str) -> bool {
    matches!(
        name,
        "br" | "img"
            | "meta"
            | "link"
            | "input"
            | "area"
            | "base"
            | "col"
            | "wbr"
            | "p"
            | "li"
            | "td"
            | "tr"
            | "option"
    )
}

/// For what the renderer refuses: the text between the tags.
fn without_tags(html: &str) -> String {
    let mut inside = false;
    html.chars()
        .filter(|&char| match char {
            '<' => {
                inside = true;
                false
            }
            '>' if inside => {
                inside = false;
                false
            }
            _ => !inside,
        })
        .collect()
}

struct Plain;

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, _url: &str) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_link_end(&mut self) -> String {
        String::new()
    }
    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_em_end(&self) -> String {
        String::new()
    }
    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_strong_end(&self) -> String {
        String::new()
    }
    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }
    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }
    fn decorate_code_end(&self) -> String {
        String::new()
    }
    fn decorate_preformat_first(&self) {}
    fn decorate_preformat_cont(&self) {}
    fn decorate_image(&mut self, _src: &str, _title: &str) -> (String, ()) {
        (String::new(), ())
    }
    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }
    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }
    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }
    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }
    fn make_subblock_decorator(&self) -> Self {
        Self
    }
}
