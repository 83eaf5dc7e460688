//! The customers' words, by mood. All of our own writing.

#[derive(Clone, Copy, Debug)]
pub struct Text {
    pub title: &'static str,
    pub note: &'static str,
}

const fn text(title: &'static str, note: &'static str) -> Text {
    Text { title, note }
}

pub static PLEASED: &[Text] = &[
    text(
        "New starter on Monday",
        "We have a new receptionist starting on Monday. Could you set up an account and a mailbox for her whenever it suits? The last one you did was perfect, thank you so much for that.",
    ),
    text(
        "Thank you for the quick help",
        "Just a note to say the laptop you set up yesterday works wonderfully. Everyone is delighted. One small thing when you have a moment: could you add the shared calendar?",
    ),
    text(
        "Question about the scanner",
        "Really happy with the new scanner, it is so much faster. Is there a way to send the scans straight to a folder? No rush at all.",
    ),
    text(
        "Second monitor for Ian",
        "Your engineer was brilliant last week. Could we order the same second monitor for one more desk, any time this month?",
    ),
    text(
        "Mail signature",
        "Love the new signature template! Could you please change our street number in it, it is 14 now. Whenever you get round to it.",
    ),
    text(
        "Licence for the design program",
        "Great work on the rollout, it went very smoothly. We would like one more licence for next month, please.",
    ),
    text(
        "Meeting room screen",
        "The meeting room screen is fantastic now. Could someone show us how to share from a phone, some time next week?",
    ),
];

pub static NEUTRAL: &[Text] = &[
    text(
        "Printer offline",
        "The printer on the second floor shows as offline from my PC. Others can print. Could someone have a look?",
    ),
    text(
        "Cannot open attachment",
        "I get a message that the attachment is blocked when I open the supplier's invoice. Is it safe, and can you release it?",
    ),
    text(
        "Password reset",
        "I need my password reset for the booking system. I have not used it since spring.",
    ),
    text(
        "Shared folder access",
        "Please give me access to the Projects 2026 folder. My manager has agreed and is in copy.",
    ),
    text(
        "Outlook asks for password",
        "Outlook asks for my password each morning. It works after I type it in. This has been so since Tuesday.",
    ),
    text(
        "Kill the old process on the server",
        "The nightly job died with a fatal error and the old process still hangs. Please kill it and start the job again this afternoon.",
    ),
    text(
        "Dead link on the intranet",
        "The link to the holiday form on the intranet is dead. The page says not found.",
    ),
    text(
        "VPN for home working",
        "I will work from home on Thursdays from now on. What do I need to install for the VPN?",
    ),
    text(
        "Phone extension",
        "Extension 214 should now ring at the front desk and not in the old office. Can that be changed this week?",
    ),
    text("Laptop battery", "The battery of my laptop lasts about an hour now. Can it be replaced?"),
    text(
        "Teams notifications",
        "I do not get notifications from Teams on my phone since the update. The app is the newest version.",
    ),
];

pub static CALM_OUTAGE: &[Text] = &[
    text(
        "Server not reachable",
        "None of us can reach the file server since 8:10. The whole office is affected, about forty people. The lights on it are amber.",
    ),
    text(
        "Phones are down",
        "All phones in the building are without a line. Customers cannot call us. Mobile numbers work.",
    ),
    text(
        "Till system down in all shops",
        "The till system has been down in all our branches since this morning. We take cash only for now.",
    ),
    text(
        "Internet outage at the main site",
        "There is no internet at the main site. Nobody can work. The router was restarted once without change.",
    ),
    text(
        "Payroll cannot be run",
        "The payroll program does not start on any machine. Salaries have to be sent to the bank by 3 pm today.",
    ),
];

pub static ANNOYED: &[Text] = &[
    text(
        "Still waiting for the new laptop",
        "I ordered this laptop three weeks ago and I am still waiting. Could I please get a date? It is getting difficult to plan.",
    ),
    text(
        "Wi-Fi drops again",
        "The Wi-Fi in the consulting rooms drops again, the same as last month. It was supposed to be fixed. It is rather frustrating.",
    ),
    text(
        "Printer, again",
        "Unfortunately the printer jams again on every second page. This is the second time this week that I write about it.",
    ),
    text(
        "Nobody called back",
        "I was told that someone would call back yesterday. Nobody called. I would like to know what is happening with my request.",
    ),
    text(
        "Slow remote desktop",
        "The remote desktop is painfully slow every afternoon, I lose a lot of time. It has been reported before.",
    ),
    text(
        "Wrong person removed from the list",
        "You removed the wrong person from the mailing list. Please put her back and remove the one I named. A bit disappointing.",
    ),
    text(
        "Invoice does not match",
        "The invoice lists four hours for a job that took twenty minutes. I am not happy with that and would like it explained.",
    ),
];

pub static ANGRY: &[Text] = &[
    text(
        "Third time I report this",
        "This is the THIRD time I report that the scanner does not send mails. Each time the ticket gets closed and nothing is fixed. This is unacceptable, please have somebody look at it properly today.",
    ),
    text(
        "Mail down again, this is ridiculous",
        "Our mail is down again, the second time in a week. Ten of us sit here and cannot work. This is ridiculous and I am really fed up with the excuses.",
    ),
    text(
        "Very disappointed with yesterday's visit",
        "Your technician left without fixing anything and nobody told us. I am extremely disappointed. We waited the whole day for this visit. I want a manager to call me.",
    ),
    text(
        "Backup failed and nobody told us",
        "I had to find out myself that the backup has failed for nine days. What exactly are we paying for? This is appalling service.",
    ),
    text(
        "Ticket closed without an answer",
        "You closed my ticket without an answer AGAIN. I am sick of this. Reopen it and call me today.",
    ),
    text(
        "Accounts locked out before the deadline",
        "Our whole accounts team is locked out and the deadline is tonight. I have called four times and been put on hold each time. Terrible.",
    ),
];

pub static FURIOUS: &[Text] = &[
    text(
        "Cancelling our contract",
        "This is the worst service we have ever had. Our server has been down for two days, we are losing money every hour, and NOBODY calls back. If this is not fixed today we will cancel our contract and talk to our lawyer.",
    ),
    text(
        "COMPLETELY UNACCEPTABLE",
        "I am furious. The whole company has been offline since this morning and all I get is an automatic reply!!! This is a disgrace. I want your director on the phone NOW.",
    ),
    text(
        "Patients turned away because of you",
        "We had to turn patients away because the system is down for the third time this month. Absolutely disgusting. Fix this immediately or we leave, I mean it.",
    ),
    text(
        "We are looking for another provider",
        "Enough. Five tickets, five promises, nothing works and we lost an entire day of orders. Useless. We have started to look for another provider and will not pay this month's invoice.",
    ),
];

pub static MACHINE: &[Text] = &[
    text(
        "ALERT: disk C: above 90 % on SRV-FILE-02",
        "Monitor: Disk usage\nDevice: SRV-FILE-02\nStatus: CRITICAL\nValue: 93 %\nThreshold: 90 %\nThis is an automated message, do not reply.",
    ),
    text(
        "Automatic reply: out of office",
        "I am out of the office until Monday with no access to e-mail. For urgent matters please contact the front desk.",
    ),
    text(
        "Backup job finished with warnings",
        "Job: Nightly backup\nResult: Warning\nProcessed: 412 GB\n1 object was skipped. This message was generated automatically.",
    ),
];
