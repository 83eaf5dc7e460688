use super::*;
use crate::measured::{rows, text};
use crate::mutated::ends;
use proptest::prelude::*;
use std::time::Instant;

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(given: &str, wanted: &str, remarks: &[&str]) {
    let found = prepare(given, false);
    assert_eq!(found.text, wanted);
    assert_eq!(found.remarks, remarks);
}

const THREAD: &[&str] = &["quoted thread cut"];
const SIGNATURE: &[&str] = &["signature cut"];

#[test]
fn a_plain_note_stays_as_it_is() {
    check(
        "The printer on floor 2 jams.\n\nIt did so yesterday too.",
        "The printer on floor 2 jams.\n\nIt did so yesterday too.",
        &[],
    );
    check("", "", &[]);
    check(" \r\n\t\u{200b}\n", "", &[]);
    check("Drucker geht nicht – bitte prüfen! 🙏🏽", "Drucker geht nicht – bitte prüfen! 🙏🏽", &[]);
    check("می‌خواهم", "می‌خواهم", &[]);
    check(
        "On Monday we noticed it.\nOn Tuesday it was worse.",
        "On Monday we noticed it.\nOn Tuesday it was worse.",
        &[],
    );
    check("Error from: the server\nTo: be fixed", "Error from: the server\nTo: be fixed", &[]);
    check("At 10:30 nobody could print.", "At 10:30 nobody could print.", &[]);
    check("> 50 users cannot sign in", "> 50 users cannot sign in", &[]);
    check(
        "Steps:\n```\n> not a quote\n--\n```\nThat fails.",
        "Steps:\n```\n> not a quote\n--\n```\nThat fails.",
        &[],
    );
}

#[test]
fn spaces_are_settled_and_hidden_characters_removed() {
    check("a\u{200b}b  c\u{a0}d \r\n\r\n\r\n\r\ne\u{202e}f\u{7}\u{e0041}", "ab c d\n\nef", &[]);
    check("list:\n\t- one\n  - two", "list:\n    - one\n  - two", &[]);
    check("Ann<mailto:ann@contoso.example> called [cid:image001.png@01D]", "Ann called", &[]);
}

#[test]
fn threads_are_cut_in_many_languages_and_programs() {
    for below in [
        "On Mon, Nov 2, 2026 at 9:14 AM Help Desk <help@msp.example> wrote:\n> Is it plugged in?",
        "On Mon, Nov 2, 2026 at 9:14 AM Help Desk <\nhelp@msp.example> wrote:\n\n> Is it plugged in?",
        "On Nov 2, 2026, at 9:14 AM, Help Desk <help@msp.example> wrote:\n\nIs it plugged in?",
        "Am 02.11.2026 um 09:14 schrieb Help Desk <help@msp.example>:\n> Steckt er?",
        "Help Desk <help@msp.example> schrieb am Mo., 2. Nov. 2026, 09:14:\n\n> Steckt er?",
        "Le lun. 2 nov. 2026 à 09:14, Help Desk <help@msp.example> a écrit :\n> Branché ?",
        "El lun, 2 nov 2026 a las 9:14, Help Desk (<help@msp.example>) escribió:\n> ¿Enchufada?",
        "Il giorno lun 2 nov 2026 alle ore 09:14 Help Desk <help@msp.example> ha scritto:\n> Collegata?",
        "Em seg., 2 de nov. de 2026 às 09:14, Help Desk <help@msp.example> escreveu:\n> Ligada?",
        "Op ma 2 nov 2026 om 09:14 schreef Help Desk <help@msp.example>:\n> Zit de stekker erin?",
        "Den mån 2 nov. 2026 kl 09:14 skrev Help Desk <help@msp.example>:\n> Är den ansluten?",
        "W dniu pon., 2 lis 2026 o 09:14 Help Desk <help@msp.example> napisał(a):\n> Podłączona?",
        "пн, 2 нояб. 2026 г. в 09:14, Help Desk <help@msp.example> написал:\n> Включён?",
        "在 2026年11月2日，上午9:14，Help Desk <help@msp.example> 写道：\n> 插上了吗？",
        "-----Original Message-----\nFrom: Help Desk\nSent: Monday\n\nIs it plugged in?",
        "________________________________\nFrom: Help Desk <help@msp.example>\nSent: Monday, November 2, 2026 9:14 AM\nTo: Ann\nSubject: Re: Printer\n\nIs it plugged in?",
        "Von: Help Desk <help@msp.example>\nGesendet: Montag, 2. November 2026 09:14\nAn: Ann\nBetreff: AW: Drucker\n\nSteckt er?",
        "*De :* Help Desk\n*Envoyé :* lundi 2 novembre 2026 09:14\n*À :* Ann\n*Objet :* RE: Imprimante\n\nBranché ?",
        "---------- Forwarded message ---------\nFrom: Vendor\nDate: Mon\nSubject: Recall\nTo: Ann\n\nWe recall it.",
        "Begin forwarded message:\n\nFrom: Vendor\nSubject: Recall\n\nWe recall it.",
        "##- Please type your reply above this line -##\n\nYour request was updated.",
        "> Is it plugged in?\n>> Yes.",
    ] {
        check(&format!("Still broken.\n\n{below}"), "Still broken.", THREAD);
    }
}

#[test]
fn words_between_and_below_quotations_are_kept() {
    check("> Is it plugged in?\n\nYes.\n\n> Does it beep?\n\nNo.", "Yes.\n\nNo.", THREAD);
    check("On 2 Nov 2026 at 09:14, Help Desk wrote:\n> Is it plugged in?\n\nYes!", "Yes!", THREAD);
    let forwarded =
        "---------- Forwarded message ---------\nFrom: Ann\nDate: Mon\nSubject: Printer\n\nIt jams again.";
    check(forwarded, "It jams again.", &["mail headers cut"]);
    check(
        "From: Ann\nSent: Monday\nTo: Help\nSubject: Printer\n\nIt jams.",
        "It jams.",
        &["mail headers cut"],
    );
}

#[test]
fn where_only_a_quotation_is_left_nothing_is_cut() {
    check(
        "> It jams.\n> Every day.",
        "> It jams.\n> Every day.",
        &["kept whole: nothing but quoted text or a signature"],
    );
    check(
        "Sent from my iPhone",
        "Sent from my iPhone",
        &["kept whole: nothing but quoted text or a signature"],
    );
}

#[test]
fn signatures_are_cut_and_names_are_kept() {
    check("It jams.\n\n-- \nAnn Lee\nContoso", "It jams.", SIGNATURE);
    check("It jams.\n\nBest regards,\nAnn", "It jams.\n\nBest regards,\nAnn", &[]);
    let block = "It jams.\n\nKind regards,\n\nAnn Lee\nOffice Manager | Contoso Ltd\nT: +44 20 7946 0991\nann@contoso.example\nwww.contoso.example";
    check(block, "It jams.\n\nKind regards,\n\nAnn Lee", SIGNATURE);
    check(
        "Es staut.\n\nMit freundlichen Grüßen\nAnn Lee\nTel. 030 1234567",
        "Es staut.\n\nMit freundlichen Grüßen\nAnn Lee",
        SIGNATURE,
    );
    check(
        "It jams. Call me on 020 7946 0991 please.\n\nThanks\nAnn",
        "It jams. Call me on 020 7946 0991 please.\n\nThanks\nAnn",
        &[],
    );
    check(
        "Thanks\n\nAlso call 020 7946 0991 about the second printer on floor two before noon.",
        "Thanks\n\nAlso call 020 7946 0991 about the second printer on floor two before noon.",
        &[],
    );
    for device in [
        "Sent from my iPhone",
        "Sent from Mail for Windows",
        "Get Outlook for iOS",
        "Sent from Yahoo Mail on Android",
        "Von meinem iPhone gesendet",
        "Gesendet mit der Outlook-App für Android",
        "Envoyé de mon iPhone",
        "Envoyé depuis mon téléphone Orange",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
        "Verzonden vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Sendt fra min iPad",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "发自我的iPhone",
        "iPhoneから送信",
        "Outlook für iOS beziehen",
    ] {
        check(&format!("It jams.\n\n{device}"), "It jams.", SIGNATURE);
    }
    check(
        "It was sent from my iPhone app to all users, twice.",
        "It was sent from my iPhone app to all users, twice.",
        &[],
    );
}

#[test]
fn text_below_a_divider_is_no_signature() {
    let form = format!("Please set up:\n--\n{}", "Name: a new colleague who starts on Monday\n".repeat(15));
    let found = prepare(&form, false);
    assert_eq!(found.text, form.trim_end());
    assert_eq!(found.remarks, Vec::<String>::new());
}

#[test]
fn banners_and_disclaimers_are_cut() {
    let banner = "CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender.";
    check(&format!("{banner}\n\nIt jams."), "It jams.", &["warning banner cut"]);
    check(
        "You don't often get email from ann@contoso.example. Learn why this is important\nIt jams.",
        "It jams.",
        &["warning banner cut"],
    );
    check("[EXTERNAL]\n\nIt jams.", "It jams.", &["warning banner cut"]);
    check("CAUTION: the floor is wet near the server.", "CAUTION: the floor is wet near the server.", &[]);
    for disclaimer in [
        "CONFIDENTIALITY NOTICE: The contents of this email are meant for the addressee.",
        "This email and any attachments are confidential and intended solely for the addressee.",
        "Diese E-Mail enthält vertrauliche Informationen.",
        "Ce message et ses pièces jointes peuvent contenir des informations confidentielles.",
        "Please consider the environment before printing this email.",
    ] {
        check(
            &format!("It jams.\n\nAnn\n\n{disclaimer}\nMore of it."),
            "It jams.\n\nAnn",
            &["disclaimer cut"],
        );
    }
    check(
        "This message is confidential: I want to leave.",
        "This message is confidential: I want to leave.",
        &[],
    );
}

#[test]
fn html_becomes_text_without_art() {
    let outlook = "<html><head><style>p{margin:0}</style></head><body><p>Hello,</p><p>the <b>printer</b> on <a href=\"https://x.example/2\">floor 2</a> jams&nbsp;again.</p><ul><li>paper is in</li><li>it is on</li></ul><p>Regards<br>Ann</p><hr><p><b>From:</b> Help<br><b>Sent:</b> Monday<br><b>To:</b> Ann<br><b>Subject:</b> Re: Printer</p><p>Is it on?</p></body></html>";
    let found = prepare(outlook, true);
    assert_eq!(
        found.text,
        "Hello,\n\nthe printer on floor 2 jams again.\n- paper is in\n- it is on\n\nRegards\nAnn"
    );
    assert_eq!(found.remarks, THREAD);
    let gmail = "<div dir=ltr>Still <i>broken</i>.</div><br><div class=gmail_quote>On Mon, Nov 2, 2026 at 9:14 AM Help &lt;<a href='mailto:h@msp.example'>h@msp.example</a>&gt; wrote:<br><blockquote>On?<blockquote>No</blockquote></blockquote></div>";
    assert_eq!(prepare(gmail, true).text, "Still broken.");
    let table = "<table border=1><tr><td>Name</td><td>Ann</td></tr><tr><td>Room</td><td>2</td></tr></table>";
    assert!(!prepare(table, true).text.contains(['─', '│', '|', '+']), "{}", prepare(table, true).text);
    assert_eq!(
        prepare("<p>a</p><script>alert(1)</script><!-- no --><img alt=logo src=x><p>b</p>", true).text,
        "a\n\nb"
    );
}

#[test]
fn a_long_note_is_cut_at_a_word_and_says_so() {
    let found = prepare(&"wörd ".repeat(4_000), false);
    assert!(found.text.chars().count() <= MAX_CHARS && found.text.ends_with("wörd"));
    assert_eq!(found.remarks, ["cut to 8,000 characters"]);
    assert_eq!(prepare(&"ß".repeat(9_000), false).text.chars().count(), MAX_CHARS);
    assert_eq!(prepare(&"x".repeat(MAX_CHARS), false).remarks, Vec::<String>::new());
}

#[test]
fn hostile_input_takes_no_longer_than_its_length() {
    let cases = [
        ("<div>".repeat(20_000), true),
        ("<blockquote>".repeat(6_000) + &"<br>".repeat(6_000), true),
        ("<table><tr><td>".repeat(5_000), true),
        ("<ul><li>".repeat(6_000) + &"<br>x".repeat(5_000), true),
        ("<hr>".repeat(20_000), true),
        ("<".repeat(100_000), true),
        ("<b>x".repeat(20_000), true),
        ("From: a\n".repeat(13_000), false),
        ("On 1.1.2026 at 10:00 x\n".repeat(5_000), false),
        ("> ".repeat(50_000), false),
        (">\n".repeat(50_000), false),
        ("```\n".repeat(26_000), false),
        ("--\nx\n".repeat(20_000), false),
        ("Thanks\n".repeat(13_000), false),
        ("On ".repeat(33_000), false),
        ("\n".repeat(100_000), false),
    ];
    for (given, html) in cases {
        let started = Instant::now();
        let found = prepare(&given, html);
        let took = started.elapsed();
        // Generous: an unoptimised build on a busy machine. What is quadratic takes minutes.
        assert!(took.as_secs() < 10, "{took:?} for {}…", given.chars().take(30).collect::<String>());
        assert!(found.text.chars().count() <= MAX_CHARS);
    }
}

#[test]
fn the_expected_replies_of_real_mails_are_found() {
    let Some(rows) = rows("messy-mail/messy-mail.jsonl.gz") else { return };
    let expected: Vec<_> = rows.iter().filter(|row| !text(row, "expected_reply").is_empty()).collect();
    let mut matching = 0;
    for row in &expected {
        let found = fold(&prepare(text(row, "text"), false).text);
        let wanted = text(row, "expected_reply");
        if found == fold(wanted) {
            matching += 1;
            continue;
        }
        let unquoted: Vec<&str> = wanted.lines().filter(|line| !line.starts_with('>')).collect();
        let reason = if found == fold(&unquoted.join("\n")) {
            "the expectation keeps quotations above the writer's words; we cut them"
        } else {
            "text below a quotation without marks is kept"
        };
        println!("{} {}: {reason}", text(row, "id"), text(row, "path"));
    }
    println!("{matching} of {} replies as expected", expected.len());
    assert!(matching >= 59, "{matching} of {}", expected.len());
}

#[test]
fn real_mails_lose_their_thread_and_signature_and_nothing_twice() {
    let Some(rows) = rows("messy-mail/messy-mail.jsonl.gz") else { return };
    let mut seen = std::collections::BTreeMap::<&str, (usize, usize)>::new();
    for row in &rows {
        for (key, html) in [("text", false), ("html", true)] {
            let given = text(row, key);
            if given.trim().is_empty() {
                continue;
            }
            let found = prepare(given, html);
            let counts = seen.entry(text(row, "kind")).or_default();
            counts.0 += 1;
            counts.1 += usize::from(!found.remarks.is_empty());
            // Machine mails are full of what looks like headers once the first ones are gone; nobody wrote them.
            if matches!(text(row, "kind"), "bounce" | "abuse-report") {
                continue;
            }
            let again = prepare(&found.text, false);
            assert_eq!(fold(&again.text), fold(&found.text), "{} {:?}", text(row, "id"), again.remarks);
        }
    }
    for (kind, (all, cut)) in &seen {
        println!("{kind}: something cut in {cut} of {all}");
    }
    assert!(seen["thread-html"].1 * 10 >= seen["thread-html"].0 * 8);
    assert!(seen["thread-text"].1 * 10 >= seen["thread-text"].0 * 7);
}

/// Pieces that mean something to the rules, so that random texts reach them.
fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "On Mon, Nov 2, 2026 at 9:14 AM A <a@b.example> wrote:",
        "> quoted",
        "--",
        "-- ",
        "From: a",
        "Sent: b",
        "To: c",
        "Subject: d",
        "Sent from my iPhone",
        "-----Original Message-----",
        "Best regards,",
        "T: +44 20 7946 0991",
        "```",
        "",
        "CONFIDENTIALITY NOTICE: x",
        "CAUTION: external sender",
        "<blockquote>",
        "</blockquote>",
        "<hr>",
        "<p>",
        "<table><tr><td>",
        "&nbsp;",
        "\u{200b}",
        "\r",
    ]);
    prop_oneof![3 => known.prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-z ]{0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_gives_a_text_no_longer_than_it(lines in prop::collection::vec(pieces(), 0..25), html in any::<bool>()) {
        let given = lines.join("\n");
        let found = prepare(&given, html);
        // A tab may become four spaces, a block quote a mark of two characters on each line.
        prop_assert!(found.text.len() <= given.len() * 5 + 100);
        prop_assert!(found.text.chars().count() <= MAX_CHARS);
        prop_assert!(!found.text.chars().any(|char| char.is_control() && char != '\n'));
        if !html {
            prop_assert!(has_words(&settle::settle(&given)) == has_words(&found.text));
        }
    }
}

/// HTML as mail programs, and people who want to break something, write it.
fn hostile_html() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => pieces(),
        3 => prop::sample::select(vec![
            "<div", "<", ">", "</", "<!--", "-->", "<![CDATA[", "<!DOCTYPE html>", "<script>", "</script>", "<style>p{", "</style>",
            "<title>", "<textarea>", "<plaintext>", "<noscript>", "<template>", "<svg><foreignObject>", "<math><mi>", "<select><option>",
            "<pre>", "</pre>", "<a href='javascript:x'>", "<img alt=\"", "\">", "<ol start=99999999999999999999><li>", "<ol start=-5><li>",
            "<table><tr><td colspan=999999999>", "<td rowspan=999999999>", "</td></tr></table>", "<h1>", "<br/>", "<hr/>", "</p></p>",
            "&#0;", "&#x110000;", "&#xD800;", "&#99999999999;", "&amp;amp;", "&lt;script&gt;", "&nosuch;", "&nbsp;&nbsp;", "&zwnj;&#8203;",
            "<b><i></b></i>", "<font color=", "<o:p>&nbsp;</o:p>", "<xml:namespace prefix=\"x\"/>", "\u{0}", "\u{202e}", "<p style='display:none'>",
        ]).prop_map(str::to_owned),
        1 => (prop::sample::select(vec!["<div>", "<blockquote>", "<ul><li>", "<b>", "<table><tr><td>", "<span ", "<", "&", "a=\"b\" ", "<!--", "> "]), 1_usize..400)
            .prop_map(|(piece, times)| piece.repeat(times)),
        1 => "[a-z]{1,6}".prop_map(|name| format!("<{name} {}>", format!("{name}=\"{name}\" ").repeat(200))),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_html_becomes_a_bounded_text_and_ends(given in hostile_html()) {
        let html = given.clone();
        let (found, again) = ends(&given, move || {
            let found = prepare(&html, true);
            let again = prepare(&html, true);
            (found, again)
        });
        prop_assert_eq!(&found, &again, "the same note, the same words");
        prop_assert!(found.text.chars().count() <= MAX_CHARS);
        prop_assert!(found.text.len() <= given.len() * 5 + 100, "{} of {}", found.text.len(), given.len());
        prop_assert!(!found.text.chars().any(|char| char.is_control() && char != '\n'));
        prop_assert!(!found.text.contains("\n\n\n") && found.text == found.text.trim_end());
        prop_assert!(found.remarks.len() < 10 && found.remarks.iter().all(|remark| remark.len() < 80));
    }

    #[test]
    fn settled_text_is_settled(text in prop_oneof![any::<String>(), hostile_html()]) {
        let once = settle::settle(&text);
        prop_assert_eq!(settle::settle(&once), once);
    }
}

/// Long and deep, in each way that costs a parser, a renderer or a pattern the most.
#[test]
fn a_note_made_to_be_slow_is_prepared_all_the_same() {
    let cases = [
        "<div>".repeat(20_000),
        "<blockquote>x".repeat(10_000),
        "<ul><li>".repeat(10_000),
        "<table><tr><td>".repeat(5_000),
        "<table>".repeat(8_000),
        "<a href=\"x\">".repeat(8_000),
        "<b><i>".repeat(8_000),
        "<p>a</p>".repeat(15_000),
        format!("<p {}>x</p>", "a=b ".repeat(30_000)),
        format!("<p title=\"{}\">x</p>", "&amp;".repeat(50_000)),
        "&lt;".repeat(50_000),
        "&".repeat(100_000),
        "<".repeat(100_000),
        "<!--".repeat(50_000),
        "<script>".repeat(20_000),
        "<td colspan=1000>x</td>".repeat(2_000),
        "> ".repeat(100_000),
        "On ".repeat(50_000),
        "From: a\n".repeat(20_000),
        "-- \n".repeat(50_000),
        "<mailto:".repeat(40_000),
        "[cid:".repeat(40_000),
        "_".repeat(1_000_000),
        "x".repeat(3_000_000),
    ];
    for case in cases {
        for html in [true, false] {
            let given = case.clone();
            let found = ends(&case, move || prepare(&given, html));
            assert!(found.text.chars().count() <= MAX_CHARS);
        }
    }
}
