//! The customers' words, by mood. All of our own writing.

#[derive(Clone, Copy, Debug)]
pub struct Text {
    pub title: &'static str,
    pub note: &'static str,
    pub tongue: Tongue,
}

/// The language of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    English,
    German,
    French,
    Spanish,
}

const fn text(title: &'static str, note: &'static str) -> Text {
    Text { title, note, tongue: Tongue::English }
}

const fn text_in(tongue: Tongue, title: &'static str, note: &'static str) -> Text {
    Text { title, note, tongue }
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
    text(
        "Thanks for Friday",
        "Thank you for staying late on Friday to get the tills going again. You guys are awesome, the weekend was saved. Nothing to do here, you can close this.",
    ),
    text(
        "Feedback on the migration",
        "The move to the new mail system went so smoothly that half the office did not notice. Great job. One question for whenever you have time: where do I change my photo?",
    ),
    text(
        "Small thing",
        "Very happy with the new tablets. No rush, but could you install the weather app on mine?",
    ),
    text(
        "Compliments to Dana",
        "Please pass on my compliments to Dana. She was very patient with me and the printer. It works perfectly now.",
    ),
    text(
        "You saved the open day",
        "The projector worked on the first try and the parents loved the film. Thank you all so much, you saved our open day. Please close this, I only wanted you to know.",
    ),
    text(
        "Wi-Fi in the annex",
        "The Wi-Fi in the annex is a dream now, even the old tablets are quick. Thanks to Omar for the patience on the ladder.",
    ),
    text_in(
        Tongue::German,
        "Danke für die schnelle Hilfe",
        "Vielen Dank für die schnelle Hilfe gestern, der neue Drucker läuft einwandfrei. Wenn Sie einmal Zeit haben, richten Sie ihn bitte auch am Empfang ein.",
    ),
    text_in(
        Tongue::Spanish,
        "Gracias por el portátil",
        "Muchas gracias por el portátil nuevo, funciona de maravilla. Cuando puedan, añadan por favor la impresora de la segunda planta.",
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
    text(
        "New starter",
        "Jordan Pike starts on the 1st in accounts. Please set up a login, a mailbox and a laptop as usual.",
    ),
    text(
        "Leaver",
        "Sam's last day is Friday. Please disable the account after 5 pm and forward the mailbox to me.",
    ),
    text(
        "Excel crashes",
        "Excel crashes when I open last year's workbook. Smaller files open fine. Error code 0xc0000005.",
    ),
    text(
        "Second screen flickers",
        "My second screen flickers when the heater is on. I have tried another cable.",
    ),
    text(
        "Suspicious mail",
        "I got this mail from our bank asking for a code. I did not click on anything. Is it real?",
    ),
    text(
        "Scan to folder",
        "Scan to folder fails with access denied on the hall scanner since the password change.",
    ),
    text(
        "Update of the CAD program",
        "The CAD program asks for an update and needs an administrator. Could you run it this week?",
    ),
    text(
        "Room calendar",
        "The calendar of the large meeting room shows bookings twice. Only in the phone app.",
    ),
    text(
        "Old server to be terminated",
        "The contract for the old hosted server can be terminated at the end of the quarter. Please delete the backups after that.",
    ),
    text("Keyboard", "The letter E on my keyboard sticks. Just me, and it can wait."),
    text(
        "Battery of the UPS",
        "The box under the desk in the comms room beeps every minute and shows a battery symbol.",
    ),
    text("Distribution list", "Please add the three new drivers to the list for the morning mail."),
    text(
        "Orphaned child processes",
        "After the patch, the parent process is killed but its child processes are left as orphans and block port 8080. Restarting the host kills them. Please apply the vendor's fix at the next window.",
    ),
    text(
        "Master and slave disks",
        "The array reports a failed slave disk and a degraded master. The hot spare took over, so nothing is lost. Please order a replacement.",
    ),
    text(
        "Blacklisted mail address",
        "Our newsletter address was blacklisted after the attack on the old host. The abuse report is attached. What do we have to do to be delisted?",
    ),
    text(
        "Crash dump",
        "The analysis of the crash dump names a fatal exception in the graphics driver, with a panic in the kernel log. The machine has worked since. For your files.",
    ),
    text(
        "Deadlock in the stock database",
        "The stock database logs a deadlock about twice a day and aborts the victim. Nobody notices in the program. Could your developer have a look at the query?",
    ),
    text(
        "Fire alarm test",
        "The fire alarm is tested on Thursday at ten. Please mute the emergency line in the phone system for that half hour.",
    ),
    text_in(
        Tongue::French,
        "Accès au dossier partagé",
        "Pourriez-vous me donner accès au dossier Comptabilité 2026 ? Mon responsable est d'accord et en copie.",
    ),
    text_in(
        Tongue::German,
        "Zweiter Bildschirm",
        "Ich hätte gern einen zweiten Bildschirm am Arbeitsplatz 12. Die Freigabe meiner Leiterin hängt an.",
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
    text(
        "Card machines offline",
        "The card machines are offline at both counters, so we cannot take card payments. Restarting them did not help.",
    ),
    text(
        "Label printer stops dispatch",
        "The label printer for dispatch is not found by any PC. Two lorries are waiting and production has stopped.",
    ),
    text(
        "Booking system not loading",
        "The booking system does not load for anyone in the building. Guests are checking in with pen and paper.",
    ),
    text(
        "Doors do not open",
        "The badge readers at both entrances have been dead since six. We let people in by hand. The controller in the basement shows no light.",
    ),
    text(
        "Nightly orders did not arrive",
        "Since midnight no order from the web shop has reached the warehouse, about two hundred by now. The last one was at 23:52. We can hold the customers off until noon.",
    ),
    text(
        "Shared drive encrypted",
        "Files on the shared drive now end in .locked and there is a note with an address. We have unplugged the server and the switches on both floors. Nobody is working. Please call the mobile number.",
    ),
    text_in(
        Tongue::German,
        "Server nicht erreichbar",
        "Seit 8:10 Uhr erreicht niemand im Haus den Dateiserver, etwa vierzig Personen. Die Leuchten am Gerät sind gelb.",
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
    text(
        "Any news?",
        "I have not heard back about the scanner since last Tuesday. Could somebody please give me an update? I have chased this twice now.",
    ),
    text(
        "Same error as in spring",
        "It is the same error that was supposed to be fixed in spring. I am a bit tired of explaining it from the start each time.",
    ),
    text(
        "Update at noon",
        "Your update restarted my computer in the middle of a call with a client. Very annoying. Can this be set to the evening, please?",
    ),
    text(
        "Headset again",
        "I have now been sent the wrong headset for the second time. It is only a headset, but it is getting silly.",
    ),
    text(
        "Phone queue",
        "I was on hold for thirty-five minutes this morning and then cut off. Please tell me how else I can reach you.",
    ),
    text(
        "Out of toner once more",
        "We are out of toner once more because the order was forgotten. I do not mind the colour, but I do mind asking three times.",
    ),
    text_in(
        Tongue::French,
        "Toujours sans réponse",
        "Voilà deux semaines que j'attends une réponse au sujet du scanner. J'ai déjà relancé deux fois. C'est assez frustrant.",
    ),
    text_in(
        Tongue::Spanish,
        "Otra vez el wifi",
        "El wifi de las consultas se cae otra vez, igual que el mes pasado. Nos dijeron que estaba arreglado. Es bastante molesto.",
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
    text(
        "Wrong again",
        "I asked for ONE thing: my signature in blue. It is the fourth time now that it comes back in black. How hard can it be? This is a joke.",
    ),
    text(
        "Nobody told us about the maintenance",
        "You took the system down at 11 on a working day and nobody told us. Forty people sat idle. That is not good enough and I expect an explanation today.",
    ),
    text(
        "Unprofessional",
        "Your engineer hung up on my colleague. That is unprofessional and I want to speak to a manager.",
    ),
    text(
        "Still no access",
        "Day three without access to my files. Nobody calls back, nobody knows anything. I am really fed up.",
    ),
    text(
        "The wallpaper. AGAIN.",
        "I am livid. You have put that hideous company wallpaper back on my screen for the FIFTH time. It is MY desk. I could not care less about the policy, take it off and leave it off!",
    ),
    text(
        "Ridiculous mouse",
        "Three weeks, four mails, two forms. For a MOUSE. This is ridiculous and frankly insulting. I have bought one myself and I want the money back.",
    ),
    text(
        "Font in the signature",
        "Who decided on Comic Sans?! I have had clients laugh at me. This is outrageous, change it back now and never touch my signature again.",
    ),
    text_in(
        Tongue::German,
        "Zum dritten Mal",
        "Ich melde das jetzt zum DRITTEN Mal. Jedes Mal wird das Ticket geschlossen und nichts ist behoben. Das ist eine Unverschämtheit, rufen Sie mich heute noch an!",
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
    text(
        "LAST CHANCE",
        "THIS IS THE LAST CHANCE. The phones are dead AGAIN, patients cannot reach us, and your hotline plays music!!! If nobody is here by noon we terminate the agreement.",
    ),
    text(
        "Money lost, no answer",
        "We lost a 30,000 order because mail was down and you ignored us for two days. Incompetent is the word. You will hear from our lawyer, and we want our money back.",
    ),
    text(
        "Two days without tills",
        "Two days. TWO DAYS without tills in our busiest week, and your answer is a survey?! I have never been treated like this. We are done, send me the termination papers and a name for our lawyer.",
    ),
    text_in(
        Tongue::French,
        "C'est inadmissible",
        "C'est absolument inadmissible. Toute la société est à l'arrêt depuis ce matin et personne ne répond !!! Si ce n'est pas réglé aujourd'hui, nous résilions le contrat.",
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
    text(
        "[WARNING] CPU load on APP-01",
        "Alert: CPU load\nHost: APP-01\nState: WARNING\nThreshold: 85 %\nCurrent value: 91 %\nTriggered at: 04:12",
    ),
    text(
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host mx1.msp.example.\n\nI'm sorry to have to inform you that your message could not be delivered to one or more recipients.\n\n<office@old-domain.example>: 550 5.1.1 User unknown",
    ),
    text(
        "Monitor is DOWN: booking.example",
        "The monitor booking.example is currently DOWN.\nReason: connection timed out\nTriggered at: 06:51\nDuration: 4 minutes",
    ),
    text(
        "Automatic reply: Your request",
        "Thank you for your message. I am on annual leave and will return on the 14th. In urgent cases please contact the office.",
    ),
    text(
        "Security alert: new sign-in to the firewall",
        "Alert: Administrator sign-in
Device: FW-EDGE-01
Status: WARNING
User: admin
Threshold: 0
This is an automated message, do not reply.",
    ),
    text(
        "Automatische Antwort: Ihre Anfrage",
        "Ich bin bis zum 14. nicht im Büro und habe keinen Zugriff auf meine E-Mails. In dringenden Fällen wenden Sie sich bitte an die Zentrale.",
    ),
    text(
        "Réponse automatique : votre demande",
        "Je suis actuellement en congés jusqu'au 14. En cas d'urgence, merci de contacter l'accueil.",
    ),
    text(
        "Delivery Status Notification (Failure)",
        "Your message wasn't delivered to orders@old-supplier.example because the address couldn't be found.

The response was: 550 5.1.1 The email account that you tried to reach does not exist.",
    ),
    text(
        "[RESOLVED] Ping loss on SW-CORE-01",
        "Alert: Ping loss
Host: SW-CORE-01
State: OK
Threshold: 20 %
Current value: 0 %
Duration: 11 minutes",
    ),
];
