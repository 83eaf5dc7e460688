//! The customer's note with the words marked that caused the scores.

use domain::{Assessment, Dimension};
use leptos::prelude::*;

/// A stretch of text and the dimensions whose quotation covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch<'a> {
    text: &'a str,
    of: Vec<Dimension>,
}

/// Cuts `text` where quotations begin and end. A quotation that does not occur is ignored; overlaps keep both marks.
fn stretches<'a>(text: &'a str, quotes: &[(Dimension, &str)]) -> Vec<Stretch<'a>> {
    let found: Vec<(Dimension, usize, usize)> = quotes
        .iter()
        .filter(|(_, quote)| !quote.trim().is_empty())
        .filter_map(|&(dimension, quote)| {
            let start = text.find(quote)?;
            Some((dimension, start, start + quote.len()))
        })
        .collect();
    let mut cuts: Vec<usize> = found.iter().flat_map(|&(_, start, end)| [start, end]).collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2)
        .filter_map(|pair| {
            let &[start, end] = pair else { return None };
            let of = found
                .iter()
                .filter(|&&(_, s, e)| s <= start && end <= e)
                .map(|&(dimension, ..)| dimension)
                .collect();
            Some(Stretch { text: text.get(start..end)?, of })
        })
        .collect()
}

/// `text` with the quoted words marked. The text is text: whatever it contains is shown, never run.
#[component]
pub fn Quoted(text: String, assessment: Option<Assessment>) -> impl IntoView {
    let quotes: Vec<(Dimension, String)> = assessment
        .iter()
        .flat_map(|assessment| {
            Dimension::ALL.map(|dimension| (dimension, assessment.reading(dimension).quote.clone()))
        })
        .collect();
    let quotes: Vec<(Dimension, &str)> =
        quotes.iter().map(|(dimension, quote)| (*dimension, quote.as_str())).collect();
    stretches(&text, &quotes)
        .into_iter()
        .map(|stretch| {
            let text = stretch.text.to_owned();
            if stretch.of.is_empty() {
                return view! { <span>{text}</span> }.into_any();
            }
            let words: Vec<&str> = stretch.of.iter().map(|dimension| dimension.word()).collect();
            let class = words.iter().map(|word| format!("quote-{word}")).collect::<Vec<_>>().join(" ");
            view! { <mark class=class title=format!("counted for {}", words.join(" and "))>{text}</mark> }
                .into_any()
        })
        .collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, quotes: &[(Dimension, &str)]) -> Vec<(String, usize)> {
        stretches(text, quotes)
            .into_iter()
            .map(|stretch| (stretch.text.to_owned(), stretch.of.len()))
            .collect()
    }
    fn owned(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
        expected.iter().map(|&(text, marks)| (text.to_owned(), marks)).collect()
    }

    #[test]
    fn quotations_are_marked_where_they_stand() {
        let text = "The server is down, we are furious.";
        let quotes = [(Dimension::Urgency, "server is down"), (Dimension::Sentiment, "furious")];
        let expected = [("The ", 0), ("server is down", 1), (", we are ", 0), ("furious", 1), (".", 0)];
        assert_eq!(cut(text, &quotes), owned(&expected));
    }

    #[test]
    fn overlapping_quotations_keep_both_marks() {
        let quotes = [(Dimension::Urgency, "all of us"), (Dimension::Impact, "of us wait")];
        let expected = [("all ", 1), ("of us", 2), (" wait", 1), (" 😡", 0)];
        assert_eq!(cut("all of us wait 😡", &quotes), owned(&expected));
    }

    #[test]
    fn a_quotation_that_is_not_in_the_text_changes_nothing() {
        assert_eq!(
            cut("calm", &[(Dimension::Sentiment, "angry"), (Dimension::Impact, "")]),
            owned(&[("calm", 0)])
        );
        assert!(cut("", &[(Dimension::Sentiment, "angry")]).is_empty());
    }

    #[test]
    fn hostile_text_is_shown_and_not_run() {
        let text = "<script>alert(1)</script><img src=x onerror=alert(1)>".to_owned();
        let html = Owner::new().with(|| view! { <Quoted text assessment=None/> }.to_html());
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script"), "{html}");
    }
}
