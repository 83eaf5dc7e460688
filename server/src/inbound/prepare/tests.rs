use super::*;
use crate::measured::{rows, text};

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn expected_replies_are_found() {
    let Some(rows) = rows("messy-mail/messy-mail.jsonl.gz") else { return };
    let expected: Vec<_> = rows.iter().filter(|row| !text(row, "expected_reply").is_empty()).collect();
    let mut matching = 0;
    for row in &expected {
        let found = prepare(text(row, "text"), false);
        let wanted = fold(text(row, "expected_reply"));
        if fold(&found.text) == wanted {
            matching += 1;
        } else {
            println!("=== {} {}\n--- wanted\n{}\n--- found {:?}\n{}", text(row, "id"), text(row, "path"), text(row, "expected_reply"), found.remarks, found.text);
        }
    }
    println!("{matching} of {}", expected.len());
}
