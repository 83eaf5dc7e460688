//! A clock that jumps: a machine that was suspended, a wrong clock that is set right. No step may be lost or done twice.

use super::app::{NOTE, TestApp, stop_at, title};
use super::for_each_psa;
use sandbox::Fault;
use server::clock::Clock;
use server::queue::{Checkpoints, STEPS};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::tickets::TicketState;

for_each_psa!(
    a_clock_that_jumps_ahead_at_any_step_doubles_nothing,
    a_clock_that_is_set_back_at_any_step_loses_no_ticket,
    what_died_on_a_clock_that_ran_ahead_is_taken_up_soon_after_it_was_set_right,
);

const DAYS: Duration = Duration::from_secs(3 * 24 * 3_600);

/// Moves the clock when `step` is passed for the first time.
fn moved_at(step: &'static str, clock: &Clock, jump: fn(&Clock)) -> Checkpoints {
    let (clock, done) = (clock.clone(), AtomicBool::new(false));
    Checkpoints::new(move |here| {
        if here == step && !done.swap(true, Ordering::SeqCst) {
            jump(&clock);
        }
        false
    })
}

async fn assert_done_once(app: &TestApp, ticket: &str, before: (usize, usize), step: &str) {
    app.assert_moved(ticket, app.desk.updates());
    app.assert_moved(ticket, app.desk.escalations());
    let (notes, after) = (app.desk.our_notes(ticket), app.desk.writes());
    assert_eq!(notes.len(), 2, "at “{step}”: {notes:#?}");
    assert_eq!((after.0 - before.0, after.1 - before.1), (2, 2), "at “{step}”: requests that write");
    assert_eq!(app.story_of(ticket).await.row.state, TicketState::Acted, "at “{step}”");
}

/// All leases have run out at once, while what they stand for goes on.
async fn a_clock_that_jumps_ahead_at_any_step_doubles_nothing(mut app: TestApp) {
    for step in STEPS {
        let before = app.desk.writes();
        app.restart(moved_at(step, &app.clock, |clock| clock.advance(DAYS))).await;
        // Long enough that the same process sees the job as due while its requests are under way.
        let slow = Fault::Delay(Duration::from_millis(150));
        app.desk.break_changes(2, slow.clone());
        app.desk.break_notes(2, slow);
        let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
        app.settle().await;
        app.after_lease().await;
        assert_done_once(&app, &ticket, before, step).await;
        app.desk.watch().faults.clear();
    }
}

async fn a_clock_that_is_set_back_at_any_step_loses_no_ticket(mut app: TestApp) {
    for step in STEPS {
        let before = app.desk.writes();
        app.restart(moved_at(step, &app.clock, |clock| clock.set_back(DAYS))).await;
        let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
        app.settle().await;
        app.after_lease().await;
        // A row that somebody was moving just then is brought forward a minute later.
        app.after_lease().await;
        assert_done_once(&app, &ticket, before, step).await;
    }
}

/// Its leases end in three days; nobody waits for that.
async fn what_died_on_a_clock_that_ran_ahead_is_taken_up_soon_after_it_was_set_right(mut app: TestApp) {
    for step in STEPS {
        let before = app.desk.writes();
        let (checkpoints, reached) = stop_at(step);
        app.restart(checkpoints).await;
        let ticket = app.desk.ticket(&title("5/5/5"), NOTE);
        if step == "claiming" {
            app.desk.delivered().await;
        }
        reached.wait().await;
        app.kill();
        app.clock.set_back(DAYS);
        app.restart(Checkpoints::default()).await;
        app.settle().await;
        app.after_lease().await;
        assert_done_once(&app, &ticket, before, step).await;
    }
}
