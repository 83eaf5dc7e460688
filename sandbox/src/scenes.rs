//! What customers of a made-up MSP write: tickets for a demo, spread over past weeks, and an endless stream of new ones.
//!
//! Every function is pure: the same arguments give the same ticket.

mod letters;
mod texts;

use crate::mail::Mail;
use letters::{Writer, letter, machine_letter};
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
    /// The words themselves.
    pub words: &'static str,
    /// The same with a greeting, a signature and whatever else mails have around them.
    pub mail: Mail,
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
        words: text.note,
        mail: if machine {
            machine_letter(text.note, seed)
        } else {
            letter(text.note, &Writer { name, client: client.name, tongue: text.tongue, seed })
        },
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
        let texts: HashSet<_> = (0..300).map(|n| next(1, n).mail.in_connectwise()).collect();
        assert!(texts.len() > 60, "{} different notes", texts.len());
        assert_eq!(next(2, 41), next(2, 41));
    }

    #[test]
    fn mails_come_in_every_form_and_tongue() {
        let scenes: Vec<Scene> =
            (0..3).flat_map(|workspace| (0..400).map(move |n| next(workspace, n))).collect();
        let count = |is: &dyn Fn(&Scene) -> bool| scenes.iter().filter(|scene| is(scene)).count();
        assert!(count(&|scene| scene.mail.html.is_none()) >= 300);
        assert!(count(&|scene| scene.mail.html.is_some() && !scene.mail.text.is_empty()) >= 100);
        assert!(count(&|scene| scene.machine && scene.mail.html.is_some()) >= 10);
        for mark in ["MsoNormal", "divRplyFwdMsg", "gmail_quote", "type=\"cite\"", "CAUTION"] {
            let html = |scene: &Scene| scene.mail.html.as_deref().is_some_and(|html| html.contains(mark));
            assert!(count(&html) >= 30, "{mark}");
        }
        for part in ["vierzig Personen", "semaines", "molesto", "DRITTEN", "orphans", "wallpaper", ".locked"]
        {
            assert!(count(&|scene| scene.words.contains(part)) >= 1, "{part}");
        }
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
