//! Faults of the ticketing systems and the model, drawn at random.

use super::world::World;
use http::Method;
use sandbox::Fault;
use sandbox::faults::Faults;
use server::clock::Luck;
use std::time::Duration;

/// What a request is for.
#[derive(Clone, Copy)]
enum Of {
    Reads,
    Changes,
    Notes,
    Anything,
}

/// Longer than the program waits for a ticketing system.
const TOO_LONG: Duration = Duration::from_secs(22);

/// The next fault, for some desk or for the model.
pub fn draw(world: &World, luck: &Luck) {
    let fault = fault(luck);
    let times = 1 + u32::from(luck.next() < 0.2);
    if luck.next() < 0.25 {
        world.model.faults.add(None, "/chat/completions", times, fault);
        return;
    }
    let of = *pick(luck, &[Of::Reads, Of::Changes, Of::Notes, Of::Anything]);
    add(world, pick_index(luck, world.desks.len()), of, times, fault);
}

/// A few answers that come too late, acted on and not; each holds a worker for as long as it waits.
pub fn draw_long(world: &World) {
    for desk in 0..world.desks.len() {
        add(world, desk, Of::Changes, 1, Fault::Slow(TOO_LONG));
        add(world, desk, Of::Notes, 1, Fault::Slow(TOO_LONG));
        add(world, desk, Of::Notes, 1, Fault::Delay(TOO_LONG));
    }
}

pub fn clear(world: &World) {
    world.model.faults.clear();
    world.desks.iter().for_each(|desk| desk.watch().faults.clear());
}

fn add(world: &World, desk: usize, of: Of, times: u32, fault: Fault) {
    let (fact, faults): (_, &Faults) = (&world.desks[desk].fact, &world.desks[desk].watch().faults);
    match of {
        Of::Reads => faults.add(Some(Method::GET), fact.read, times, fault),
        Of::Changes => faults.add(Some(fact.change.0.clone()), fact.change.1, times, fault),
        Of::Notes => faults.add(Some(fact.note.0.clone()), fact.note.1, times, fault),
        Of::Anything => faults.add(None, fact.behind_credentials, times, fault),
    }
}

fn fault(luck: &Luck) -> Fault {
    let answer = |status, body: &str, retry_after| Fault::Answer {
        status,
        content_type: if body.starts_with('{') { "application/json" } else { "text/html" },
        body: body.into(),
        retry_after,
    };
    let short = Duration::from_millis(1_500).mul_f64(luck.next());
    match pick_index(luck, 13) {
        0 => answer(429, "{}", Some(1)),
        1 => answer(429, "", None),
        2 => answer(500, "<html>Internal Server Error</html>", None),
        3 => answer(502, "<html>Bad gateway</html>", None),
        4 => answer(503, "", Some(1)),
        5 => answer(504, "<html>Gateway time-out</html>", None),
        6 | 7 => Fault::CutAfterActing,
        8 => Fault::CutBeforeActing,
        9 => Fault::Garbage,
        // Success, said by somebody who did nothing.
        10 => answer(200, "{}", None),
        11 => answer(200, "<html>Sign in to the guest network</html>", None),
        _ if luck.next() < 0.5 => Fault::Delay(short),
        _ => Fault::Slow(short),
    }
}

pub fn pick<'l, T>(luck: &Luck, list: &'l [T]) -> &'l T {
    &list[pick_index(luck, list.len())]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "lists are short, and luck is below 1"
)]
pub fn pick_index(luck: &Luck, length: usize) -> usize {
    (luck.next() * length as f64) as usize
}
