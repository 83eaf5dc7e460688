//! The words in the form of a mail, as different people's programs send it.

use super::texts::Tongue;
use super::{mixed, pick, plain};
use crate::mail::Mail;

/// Who writes.
pub struct Writer<'a> {
    pub name: &'a str,
    pub client: &'a str,
    pub tongue: Tongue,
    pub seed: u32,
}

impl Writer<'_> {
    fn one(&self, list: &[&'static str], salt: u32) -> &'static str {
        list.get(pick(self.seed + salt, list.len())).copied().unwrap_or_default()
    }
    fn hello(&self) -> &'static str {
        self.one(
            match self.tongue {
                Tongue::English => &["Hi,", "Hello team,", "Hi there,", "Good morning,"],
                Tongue::German => &["Hallo zusammen,", "Guten Tag,"],
                Tongue::French => &["Bonjour,", "Bonjour à tous,"],
                Tongue::Spanish => &["Hola,", "Buenos días,"],
            },
            3,
        )
    }
    fn bye(&self) -> &'static str {
        self.one(
            match self.tongue {
                Tongue::English => &["Thanks,", "Regards,", "Best,", "Kind regards,"],
                Tongue::German => &["Viele Grüße", "Mit freundlichen Grüßen"],
                Tongue::French => &["Cordialement,", "Merci,"],
                Tongue::Spanish => &["Saludos,", "Gracias,"],
            },
            4,
        )
    }
    fn phone(&self) -> String {
        format!("+44 20 7946 0{}", 200 + mixed(self.seed + 5) % 80)
    }
    fn site(&self) -> String {
        format!("www.{}.example", plain(self.client))
    }
}

/// The letter with these words.
pub fn letter(words: &str, writer: &Writer<'_>) -> Mail {
    let form = mixed(writer.seed + 6) % 11;
    match form {
        0..=5 => Mail::plain(plain_letter(form, words, writer)),
        // Gmail and phones send both parts, Outlook's way through Exchange keeps HTML alone.
        6 => Mail { text: plain_letter(3, words, writer), html: Some(gmail(words, writer)) },
        7 => Mail { text: plain_letter(0, words, writer), html: Some(apple_mail(words, writer)) },
        8 => Mail { text: String::new(), html: Some(outlook(words, writer)) },
        9 => Mail { text: String::new(), html: Some(outlook_web(words, writer)) },
        _ => Mail { text: String::new(), html: Some(behind_a_gateway(words, writer)) },
    }
}

/// A monitoring system's mail; the prettier ones are tables.
pub fn machine_letter(words: &str, seed: u32) -> Mail {
    if mixed(seed + 7).is_multiple_of(2) {
        return Mail::plain(words);
    }
    let row = |line: &str| match line.split_once(": ") {
        Some((key, value)) => {
            format!("<tr><td><b>{}:</b></td><td>{}</td></tr>", escaped(key), escaped(value))
        }
        None => format!("<tr><td colspan=\"2\">{}</td></tr>", escaped(line)),
    };
    let rows: String = words.lines().map(row).collect();
    let style = "<style>td { padding: 2px 8px; border-bottom: 1px solid #ddd; }</style>";
    Mail {
        text: String::new(),
        html: Some(format!(
            "<html><head>{style}</head><body><table width=\"600\">{rows}</table></body></html>"
        )),
    }
}

fn plain_letter(form: u32, words: &str, writer: &Writer<'_>) -> String {
    let (hello, bye, name, client) = (writer.hello(), writer.bye(), writer.name, writer.client);
    match form {
        // A phone: no greeting, no name.
        0 => format!("{words}\n\nSent from my iPhone"),
        // A gateway's banner above, a block of contacts below.
        1 => format!(
            "CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender.\n\n{hello}\n\n{words}\n\n{bye}\n{name}\n{client}\nT: {}\n{}",
            writer.phone(),
            writer.site()
        ),
        // An answer to an older mail, with the thread below.
        2 => format!(
            "{hello}\n\n{words}\n\n{bye}\n{name}\n\n________________________________\nFrom: Service Desk <help@msp.example>\nSent: Monday, 9:14 AM\nTo: {name}\nSubject: RE: your request\n\nThank you for your patience. We are looking into this and are sorry for the inconvenience.\n\nService Desk"
        ),
        3 => format!(
            "{hello}\n\n{words}\n\n{bye}\n{name}\n\nOn Mon at 9:14 AM Service Desk <help@msp.example> wrote:\n\n> We have closed your request. Please tell us how we did.\n> Excellent, good, bad or terrible?"
        ),
        4 => format!(
            "{hello}\n\n{words}\n\n{bye}\n{name}\n\nThis e-mail and any attachments are confidential and intended solely for the addressee."
        ),
        _ => format!(
            "{hello}\n\n{words}\n\n{bye}\n{name}\n\n-- \n{name}\n{client}\nPlease consider the environment before printing this e-mail."
        ),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Outlook on Windows: Word's markup, a signature with a logo, a disclaimer, the thread below a drawn line.
fn outlook(words: &str, writer: &Writer<'_>) -> String {
    let paragraph = |text: &str| format!("<p class=\"MsoNormal\">{text}<o:p></o:p></p>\n");
    let gap = paragraph("&nbsp;");
    let (name, client) = (escaped(writer.name), escaped(writer.client));
    let signature = format!(
        "<p class=\"MsoNormal\"><b><span style=\"font-size:10.0pt;color:#1F3864\">{name}</span></b><span style=\"font-size:9.0pt\"><br>\n{client}<br>\nT: {}<br>\n<a href=\"https://{site}/\">{site}</a></span><o:p></o:p></p>\n<p class=\"MsoNormal\"><img border=\"0\" width=\"140\" height=\"38\" src=\"https://{site}/signature/logo.png\" alt=\"{client}\"><o:p></o:p></p>\n",
        writer.phone(),
        site = writer.site(),
    );
    let disclaimer = "<p class=\"MsoNormal\"><span style=\"font-size:7.5pt;color:gray\">This e-mail and any attachments are confidential and intended solely for the addressee. If you are not the intended recipient, please delete it.</span><o:p></o:p></p>\n";
    let thread = format!(
        "<div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\">\n<p class=\"MsoNormal\"><b><span lang=\"EN-US\">From:</span></b><span lang=\"EN-US\"> Service Desk &lt;help@msp.example&gt; <br>\n<b>Sent:</b> Monday, 2 November 2026 09:14<br>\n<b>To:</b> {name} &lt;office@client.example&gt;<br>\n<b>Subject:</b> RE: your request</span><o:p></o:p></p></div>\n{gap}{}",
        paragraph("Thank you for your patience. We are sorry for the terrible inconvenience."),
    );
    format!(
        "<html xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\" xmlns:w=\"urn:schemas-microsoft-com:office:word\">\n<head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"><meta name=\"Generator\" content=\"Microsoft Word 15 (filtered medium)\"><style><!--\n@font-face {{font-family:Calibri;}}\np.MsoNormal {{margin:0cm;font-size:11.0pt;font-family:\"Calibri\",sans-serif;}}\n--></style></head>\n<body lang=\"EN-GB\" link=\"#0563C1\" vlink=\"#954F72\">\n<div class=\"WordSection1\">\n{}{gap}{}{gap}{}{signature}{gap}{disclaimer}{gap}{thread}</div>\n</body></html>",
        paragraph(&escaped(writer.hello())),
        paragraph(&escaped(words)),
        paragraph(&escaped(writer.bye())),
    )
}

/// Outlook in the browser: the thread below a rule.
fn outlook_web(words: &str, writer: &Writer<'_>) -> String {
    let style = "font-family: Aptos, Calibri, Helvetica, sans-serif; font-size: 12pt; color: rgb(0, 0, 0);";
    let block = |text: &str| format!("<div class=\"elementToProof\" style=\"{style}\">{text}</div>\n");
    let gap = block("<br>");
    let name = escaped(writer.name);
    format!(
        "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"><style type=\"text/css\" style=\"display:none;\"> P {{margin-top:0;margin-bottom:0;}} </style></head>\n<body dir=\"ltr\">\n{}{gap}{}{gap}{}{}<div id=\"appendonsend\"></div>\n<hr style=\"display:inline-block;width:98%\" tabindex=\"-1\">\n<div id=\"divRplyFwdMsg\" dir=\"ltr\"><font face=\"Calibri, sans-serif\" style=\"font-size:11pt\" color=\"#000000\"><b>From:</b> Service Desk &lt;help@msp.example&gt;<br>\n<b>Sent:</b> Monday, November 2, 2026 9:14 AM<br>\n<b>To:</b> {name} &lt;office@client.example&gt;<br>\n<b>Subject:</b> Re: your request</font>\n<div>&nbsp;</div>\n</div>\n<div><p>Your request was closed. If it still fails, tell us at once.</p></div>\n</body></html>",
        block(&escaped(writer.hello())),
        block(&escaped(words)),
        block(&escaped(writer.bye())),
        block(&name),
    )
}

/// Gmail: signature behind two dashes, the quotation in a block of its own.
fn gmail(words: &str, writer: &Writer<'_>) -> String {
    let (name, client) = (escaped(writer.name), escaped(writer.client));
    format!(
        "<div dir=\"ltr\"><div>{}</div><div><br></div><div>{}</div><div><br></div><div>{}</div><div>{name}</div><div><br clear=\"all\"></div><div><br></div><span class=\"gmail_signature_prefix\">-- </span><br><div dir=\"ltr\" class=\"gmail_signature\" data-smartmail=\"gmail_signature\"><div dir=\"ltr\"><b>{name}</b><div>{client}</div><div>{}</div></div></div></div><br><div class=\"gmail_quote gmail_quote_container\"><div dir=\"ltr\" class=\"gmail_attr\">On Mon, 2 Nov 2026 at 09:14, Service Desk &lt;<a href=\"mailto:help@msp.example\">help@msp.example</a>&gt; wrote:<br></div><blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex\"><div>We have closed your request. Please tell us how we did.</div><div>Excellent, good, bad or terrible?</div></blockquote></div>\n",
        escaped(writer.hello()),
        escaped(words),
        escaped(writer.bye()),
        writer.phone(),
    )
}

/// A phone: words, the phone's own line, the quotation.
fn apple_mail(words: &str, writer: &Writer<'_>) -> String {
    let from = match writer.tongue {
        Tongue::English => "Sent from my iPhone",
        Tongue::German => "Von meinem iPhone gesendet",
        Tongue::French => "Envoyé de mon iPhone",
        Tongue::Spanish => "Enviado desde mi iPhone",
    };
    format!(
        "<html><head><meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\"></head><body dir=\"auto\">{}<br><br><div dir=\"ltr\">{from}</div><div dir=\"ltr\"><br><blockquote type=\"cite\">On 2 Nov 2026, at 09:14, Service Desk &lt;help@msp.example&gt; wrote:<br><br></blockquote></div><blockquote type=\"cite\"><div dir=\"ltr\">\u{feff}We have closed your request. Please tell us how we did.</div></blockquote></body></html>",
        escaped(words)
    )
}

/// A gateway's yellow banner above, a table of contacts, two disclaimers below.
fn behind_a_gateway(words: &str, writer: &Writer<'_>) -> String {
    let (name, client) = (escaped(writer.name), escaped(writer.client));
    format!(
        "<html><body><table border=\"0\" cellspacing=\"0\" cellpadding=\"0\" align=\"left\" width=\"100%\" style=\"background:#FFEB9C\"><tr><td style=\"padding:5px;font-size:10px\"><b>CAUTION:</b> This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender.</td></tr></table><br><p>{}</p><p>{}</p><p>{}<br>{name}</p><table class=\"signature\"><tr><td><img src=\"https://{site}/logo.gif\" width=\"90\" alt=\"\"></td><td>{name}<br>{client}<br>T: {}<br><a href=\"https://{site}\">{site}</a></td></tr></table><p style=\"color:#999;font-size:8pt\">CONFIDENTIALITY NOTICE: The contents of this email are meant for the addressee alone.</p><p style=\"color:#999;font-size:8pt\">Please consider the environment before printing this e-mail.</p></body></html>",
        escaped(writer.hello()),
        escaped(words),
        escaped(writer.bye()),
        writer.phone(),
        site = writer.site(),
    )
}
