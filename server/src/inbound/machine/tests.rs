use super::*;
use crate::inbound::prepare::prepare;
use crate::measured::{rows, text};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[track_caller]
fn check(title: &str, text: &str, sender: Option<&str>, expected: Option<&str>) {
    let found = machine_text(title, text, sender);
    let kind = found.as_deref().map(|reason| reason.split(" (").next().unwrap_or_default());
    assert_eq!(
        kind,
        expected.map(|kind| format!("not written by a person: {kind}")).as_deref(),
        "{title}: {text}"
    );
}

const BOUNCE: Option<&str> = Some("a notice that a mail could not be delivered");
const AUTO: Option<&str> = Some("an automatic reply");
const ABUSE: Option<&str> = Some("an automatic report of abuse");
const ALERT: Option<&str> = Some("an alert of a monitoring or backup system");

#[test]
fn machines_are_recognised() {
    for (title, text, sender, expected) in [
        (
            "Undeliverable: Invoice 881",
            "Your message to bob@fabrikam.example couldn't be delivered.\nbob wasn't found at fabrikam.example.",
            None,
            BOUNCE,
        ),
        ("Hello", "anything", Some("MAILER-DAEMON@mx.example"), BOUNCE),
        (
            "",
            "Reporting-MTA: dns; mx.example\nFinal-Recipient: rfc822; bob@fabrikam.example\nAction: failed",
            None,
            BOUNCE,
        ),
        ("Automatic reply: Your ticket 4711", "Back on Monday.", None, AUTO),
        (
            "Re: Your ticket 4711",
            "I am out of the office until 12 May and will reply when I return. For urgent matters contact Bob.",
            None,
            AUTO,
        ),
        ("Abwesenheitsnotiz: Ihr Ticket", "Ich bin bis 12. Mai nicht im Büro.", None, AUTO),
        (
            "Re: Ticket",
            "Je suis absent jusqu'au 12 mai. En cas d'urgence, contactez Bob. Retour le 13.",
            None,
            AUTO,
        ),
        (
            "Fw: Nyaan",
            "This is an email abuse report for an email message received from IP 192.0.2.1",
            None,
            ABUSE,
        ),
        (
            "** PROBLEM Service Alert: fs01/Disk C is CRITICAL **",
            "***** Nagios *****\n\nNotification Type: PROBLEM\n\nService: Disk C\nHost: fs01\nState: CRITICAL",
            None,
            ALERT,
        ),
        (
            "[CRITICAL] FS01: disk C: 96% full",
            "Alert: Disk usage\nHost: FS01\nSeverity: Critical\nThreshold: 95%\nCurrent value: 96%\nTriggered at: 03:12",
            Some("alerts@rmm.example"),
            ALERT,
        ),
        (
            "Monitor is DOWN: contoso.example",
            "The monitor contoso.example is currently DOWN.",
            Some("alert@uptimerobot.com"),
            ALERT,
        ),
        (
            "Veeam Backup job failed: Nightly",
            "Job name: Nightly\nStart time: 01:00\nEnd time: 01:14\nResult: Failed\nDetails: Processing FS01 failed",
            None,
            ALERT,
        ),
        (
            "Datto RMM Alert: Contoso",
            "This is an automated alert. Device: CONTOSO-PC12 went offline.",
            None,
            ALERT,
        ),
    ] {
        check(title, text, sender, expected);
    }
}

#[test]
fn people_who_write_about_machines_are_people() {
    for (title, text) in [
        ("FW: Undeliverable: Invoice 881", "Why do I get this? Bob has had this address for years."),
        ("Undeliverable emails", "Emails to our supplier keep coming back since this morning."),
        (
            "Mail delivery problem",
            "Mails to fabrikam.example come back to us, to everybody else they go out.",
        ),
        ("Email bounces", "I get \"your message could not be delivered\" when I write to Bob."),
        ("No email", "I have no access to my email since this morning."),
        ("VPN", "I am out of the office until Friday and can't connect to the VPN."),
        ("Out of office", "Please set up an out of office message for Jane, she is on leave until May."),
        (
            "Out of office not working",
            "My out of office message does not go out. I'm on holiday from tomorrow.",
        ),
        ("Automatic reply broken", "Customers no longer get the automatic reply from our info mailbox."),
        ("Backup failed again", "Hi, the backup failed again last night. That is the third time this month."),
        ("Server down", "The server is down and nobody can work."),
        ("ALERT: everything is down", "Nothing works in the whole office. Please call me."),
        ("Alert on my screen", "There is a red alert on my screen that says my computer is infected."),
        (
            "New user",
            "Name: Ann Lee\nSite: Leeds\nDevice: laptop\nPriority: high\nCategory: new starter\nStart: Monday\nDetails: needs Office",
        ),
        ("Spam", "I get a lot of spam, can you report it somewhere?"),
        ("Mailbox full", "My mailbox is full. What can I delete?"),
        ("", "Her mailbox is no longer active, can you switch it on again?"),
        ("Website is down", "Our website shows an error since noon, customers are calling."),
        ("Monitor is down", "My second monitor went black."),
    ] {
        check(title, text, None, None);
        check(title, text, Some("ann@contoso.example"), None);
        check(title, text, Some("Contact form <noreply@contoso.example>"), None);
    }
}

#[test]
fn the_reason_quotes_what_gave_it_away() {
    let reason = machine_text("Automatic reply: Ticket", "", None);
    assert_eq!(
        reason.as_deref(),
        Some("not written by a person: an automatic reply (“Automatic reply: Ticket”)")
    );
}

#[test]
fn machine_mails_are_told_from_peoples() {
    let Some(rows) = rows("messy-mail/messy-mail.jsonl.gz") else { return };
    let mut counts = BTreeMap::<&str, [usize; 3]>::new();
    for row in &rows {
        let (kind, subject) = (text(row, "kind"), text(row, "subject"));
        let html = text(row, "text").is_empty();
        let given = if html { text(row, "html") } else { text(row, "text") };
        let raw = machine_text(subject, given, None).is_some();
        let prepared =
            machine_text(subject, &prepare(given, html).text, row["headers"]["From"].as_str()).is_some();
        let [all, by_text, by_all] = counts.entry(kind).or_default();
        *all += 1;
        *by_text += usize::from(raw);
        *by_all += usize::from(prepared);
        let machine = matches!(kind, "bounce" | "autoreply" | "abuse-report");
        if machine && !prepared {
            println!("not recognised: {kind} {} “{subject}”", text(row, "id"));
        }
    }
    for (kind, [all, by_text, by_all]) in &counts {
        println!(
            "{kind}: of {all} taken for a machine's: {by_text} by title and text, {by_all} with the sender"
        );
    }
    for human in ["thread-text", "thread-html", "signature-text"] {
        assert_eq!(counts[human], [counts[human][0], 0, 0], "{human}");
    }
    for (machine, floor) in [("bounce", 0.95), ("autoreply", 0.8), ("abuse-report", 0.8)] {
        let [all, by_text, by_all] = counts[machine].map(|count| f64::from(u32::try_from(count).unwrap()));
        assert!(by_text / all >= floor && by_all / all >= floor, "{machine}");
    }
}

/// What each product may show of a mail, and whether it is HTML.
fn shown(mail: &sandbox::mail::Mail) -> Vec<(String, bool)> {
    let html = mail.html.iter().map(|html| (html.clone(), true));
    html.chain([(mail.text.clone(), false), (mail.in_connectwise(), false), (mail.in_autotask(), false)])
        .filter(|(text, _)| !text.is_empty())
        .collect()
}

#[test]
fn the_demos_mails_are_read_as_their_writers_meant() {
    for scene in (0..3).flat_map(|workspace| (0..400).map(move |n| sandbox::scenes::next(workspace, n))) {
        for (text, html) in shown(&scene.mail) {
            let own = prepare(&text, html).text;
            let found = machine_text(scene.title, &own, None);
            assert_eq!(found.is_some(), scene.machine, "{}: {own}", scene.title);
            if scene.machine {
                continue;
            }
            assert!(own.contains(scene.words), "“{}” is not in “{own}”", scene.words);
            for not_theirs in [
                "Service Desk",
                "CAUTION",
                "CONFIDENTIALITY",
                "iPhone",
                "confidential",
                "environment",
                "+44",
                "wrote:",
                "inconvenience",
                "closed your",
                "was closed",
                "](",
                "MsoNormal",
                ".example",
            ] {
                assert!(!own.contains(not_theirs), "{not_theirs} in {own}\n\nof {text}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_without_panic(title in any::<String>(), text in any::<String>(), sender in any::<Option<String>>()) {
        let _ = machine_text(&title, &text, sender.as_deref());
    }
}

/// Words that the patterns look for, in any order and any number.
fn machine_words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "Automatic reply: ",
        "Undeliverable: ",
        "Out of office",
        "FW: ",
        "Re: ",
        "ALERT",
        "[CRITICAL]",
        "Host: a\n",
        "Status: DOWN\n",
        "Reporting-MTA: dns; a\n",
        "Final-Recipient: a\n",
        "Action: failed\n",
        "I am away until ",
        "I will be back on ",
        "back",
        "Delivery has failed to these recipients",
        "mailer-daemon",
        "Severity: High\n",
        "Device: x\n",
        "a: b\n",
        "?",
        "\n",
        " ",
        "é",
        "🙂",
    ]);
    prop::collection::vec((word, 1_usize..40), 0..12)
        .prop_map(|words| words.into_iter().map(|(word, times)| word.repeat(times)).collect())
}

proptest! {
    #[test]
    fn any_heap_of_a_machines_words_is_judged_in_a_bounded_reason(
        title in machine_words(), text in machine_words(), sender in proptest::option::of("[a-zA-Z@.+ <>\"-]{0,40}")
    ) {
        let (given, body, from) = (title.clone(), text.clone(), sender.clone());
        let found = crate::mutated::ends("a judgement", move || machine_text(&given, &body, from.as_deref()));
        prop_assert!(found.is_none_or(|reason| (5..400).contains(&reason.chars().count())));
        prop_assert_eq!(machine_text(&title, &text, sender.as_deref()), machine_text(&title, &text, sender.as_deref()));
    }
}
