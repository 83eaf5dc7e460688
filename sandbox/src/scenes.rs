//! What customers of a made-up MSP write: tickets for a demo, spread over past weeks, and an endless stream of new ones.
//!
//! Every function is pure: the same arguments give the same ticket.

mod texts;

use texts::{ANGRY, ANNOYED, CALM_OUTAGE, FURIOUS, MACHINE, NEUTRAL, PLEASED, Text};

/// A customer of the MSP, with people who write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub name: &'static str,
    pub contacts: &'static [&'static str],
    story: Story,
}

/// How a client's mood moves over the weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    Content,
    Steady,
    Souring,
    Recovering,
    Stormy,
}

/// One ticket as its customer wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    pub client: Client,
    /// Position in the client's contacts.
    pub contact: usize,
    pub title: &'static str,
    /// Plain text, with a greeting and a signature as mails have them.
    pub note: String,
    /// Written by a monitoring system or an auto-reply, not by a person.
    pub machine: bool,
    /// Days before today, and the time of that day.
    pub days_ago: u32,
    pub hour: u32,
    pub minute: u32,
}

/// The clients of the three demo workspaces, four each.
pub const CLIENTS: [[Client; 4]; 3] = [
    [
        Client {
            name: "Harbour & Pine Architects",
            contacts: &["Nadia Okafor", "Tom Whitlock"],
            story: Story::Souring,
        },
        Client {
            name: "Bluewater Dental Group",
            contacts: &["Priya Raman", "Colin Marsh"],
            story: Story::Steady,
        },
        Client {
            name: "Fenwick Logistics",
            contacts: &["Gus Lindqvist", "Amara Diallo"],
            story: Story::Stormy,
        },
        Client {
            name: "Oakhurst Primary School",
            contacts: &["Helen Voss", "Ian Prentice"],
            story: Story::Content,
        },
    ],
    [
        Client {
            name: "Kestrel Insurance Brokers",
            contacts: &["Marta Silva", "Owen Blake"],
            story: Story::Recovering,
        },
        Client {
            name: "Northgate Family Law",
            contacts: &["Judith Amsel", "Ravi Menon"],
            story: Story::Souring,
        },
        Client {
            name: "Copperline Brewing",
            contacts: &["Dale Hutchins", "Wren Ashby"],
            story: Story::Content,
        },
        Client {
            name: "Mercer Precision Tools",
            contacts: &["Lena Fischer", "Paul Dragan"],
            story: Story::Steady,
        },
    ],
    [
        Client {
            name: "Sunrise Bakery Group",
            contacts: &["Rosa Delgado", "Kofi Mensah"],
            story: Story::Steady,
        },
        Client { name: "Peak Legal", contacts: &["Simon Hale", "Ines Correia"], story: Story::Stormy },
        Client { name: "Delta Clinics", contacts: &["Dr. Yuki Tanaka", "Beth Rowan"], story: Story::Souring },
        Client {
            name: "Tidewell Estates",
            contacts: &["Frank Nolan", "Aisha Khan"],
            story: Story::Recovering,
        },
    ],
];

/// Weeks that [`history`] covers.
pub const WEEKS: u32 = 6;
const TICKETS_A_CLIENT: u32 = 13;

/// The past of one workspace (`0`, `1` or `2`), oldest first: a few dozen tickets over the last [`WEEKS`].
pub fn history(workspace: usize) -> Vec<Scene> {
    let mut scenes = Vec::new();
    for (place, client) in (0_u32..).zip(clients(workspace)) {
        for turn in 0..TICKETS_A_CLIENT {
            // Spread evenly with a shift for each client, then moved off weekends.
            let days_ago = WEEKS * 7 - 1 - (turn * WEEKS * 7 + place * 5) / TICKETS_A_CLIENT % (WEEKS * 7);
            let seed = turn * 7 + place * 31 + u32::try_from(workspace).unwrap_or(0) * 101;
            scenes.push(scene(*client, seed, days_ago.max(1)));
        }
    }
    scenes.sort_by_key(|scene| (std::cmp::Reverse(scene.days_ago), scene.hour, scene.minute));
    scenes
}

/// The `n`th new ticket of a workspace's live stream; its time is now.
pub fn next(workspace: usize, n: u64) -> Scene {
    let clients = clients(workspace);
    let seed = u32::try_from(n % 100_000).unwrap_or(0) * 13 + 5;
    let client = clients.get(pick(seed, clients.len())).copied().unwrap_or(CLIENTS[0][0]);
    scene(client, seed, 0)
}

/// A made-up address at a domain that nobody can own.
pub fn address(contact: &str, client: Client) -> String {
    let first = contact.split(' ').next_back().unwrap_or(contact);
    format!("{}@{}.example", plain(first), plain(client.name))
}

fn clients(workspace: usize) -> &'static [Client; 4] {
    CLIENTS.get(workspace % CLIENTS.len()).unwrap_or(&CLIENTS[0])
}

fn scene(client: Client, seed: u32, days_ago: u32) -> Scene {
    let pool = pool(client.story, mixed(seed), days_ago);
    let text = pool.get(pick(seed / 3, pool.len())).copied().unwrap_or(NEUTRAL[0]);
    let contact = pick(seed, client.contacts.len());
    let name = client.contacts.get(contact).copied().unwrap_or("The office");
    let machine = std::ptr::eq(pool, MACHINE);
    Scene {
        client,
        contact,
        title: text.title,
        note: if machine { text.note.to_owned() } else { letter(text.note, name, client.name, seed) },
        machine,
        days_ago,
        hour: 7 + mixed(seed + 1) % 11,
        minute: mixed(seed + 2) % 60,
    }
}

/// Which kind of text suits the client's story at that time; `luck` is any number.
fn pool(story: Story, luck: u32, days_ago: u32) -> &'static [Text] {
    let percent = luck % 100;
    if percent < 6 {
        return MACHINE;
    }
    // 0 calm … 100 furious.
    let past = days_ago.min(WEEKS * 7) * 100 / (WEEKS * 7);
    let heat = match story {
        Story::Content => 8,
        Story::Steady => 28,
        Story::Souring => 20 + (100 - past) * 62 / 100,
        Story::Recovering => 12 + past * 66 / 100,
        Story::Stormy => 58,
    };
    let felt = (heat + percent / 2).saturating_sub(25);
    match felt {
        0..=12 => PLEASED,
        13..=36 => NEUTRAL,
        37..=44 => CALM_OUTAGE,
        45..=62 => ANNOYED,
        63..=82 => ANGRY,
        _ => FURIOUS,
    }
}

/// The words in the form of a mail, as different people's programs send it.
fn letter(words: &str, name: &str, client: &str, seed: u32) -> String {
    let one = |list: &[&'static str], salt: u32| {
        list.get(pick(seed + salt, list.len())).copied().unwrap_or_default()
    };
    let hello = one(&["Hi,", "Hello team,", "Hi there,", "Good morning,"], 3);
    let bye = one(&["Thanks,", "Regards,", "Best,", "Kind regards,"], 4);
    let extension = 200 + mixed(seed + 5) % 80;
    match mixed(seed + 6) % 6 {
        // A phone: no greeting, no name.
        0 => format!("{words}\n\nSent from my iPhone"),
        // A gateway's banner above, a block of contacts below.
        1 => format!(
            "CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender.\n\n{hello}\n\n{words}\n\n{bye}\n{name}\n{client}\nT: +44 20 7946 0{extension}\nwww.{}.example",
            plain(client)
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

fn plain(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn pick(seed: u32, len: usize) -> usize {
    usize::try_from(mixed(seed)).unwrap_or(0) % len.max(1)
}

/// Spreads neighbouring numbers (a step of the splitmix generator, 32 bits).
fn mixed(seed: u32) -> u32 {
    let mut bits = seed.wrapping_add(0x9E37_79B9);
    bits = (bits ^ (bits >> 16)).wrapping_mul(0x21F0_AAAD);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x735A_2D97);
    bits ^ (bits >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_workspace_has_a_few_dozen_tickets_over_six_weeks() {
        for workspace in 0..3 {
            let scenes = history(workspace);
            assert_eq!(scenes.len(), 52);
            assert!(
                scenes.iter().all(|scene| (1..WEEKS * 7).contains(&scene.days_ago)),
                "workspace {workspace}"
            );
            let days: HashSet<_> = scenes.iter().map(|scene| scene.days_ago).collect();
            assert!(days.len() > 20, "spread over {} days", days.len());
            assert!(scenes.is_sorted_by_key(|scene| std::cmp::Reverse(scene.days_ago)));
        }
    }

    #[test]
    fn the_stream_never_ends_and_never_differs() {
        let texts: HashSet<_> = (0..300).map(|n| next(1, n).note).collect();
        assert!(texts.len() > 60, "{} different notes", texts.len());
        assert_eq!(next(2, 41), next(2, 41));
    }

    #[test]
    fn a_souring_client_is_angrier_at_the_end_than_at_the_beginning() {
        let angry = |days_ago: u32| {
            (0..200).filter(move |&luck| {
                let pool = pool(Story::Souring, luck, days_ago);
                std::ptr::eq(pool, ANGRY) || std::ptr::eq(pool, FURIOUS)
            })
        };
        assert!(angry(1).count() > angry(40).count() + 50);
    }
}
