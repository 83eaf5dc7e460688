//! A workspace that is connected to another ticketing system than before.

use super::app::{NOTE, TestApp, eventually, title, until};
use super::desk::Desk;
use super::for_each_psa;
use server::queue::Checkpoints;
use store::Actor;
use store::door::DeliveryFilter;

for_each_psa!(a_waiting_ticket_is_not_looked_for_where_it_is_not);

async fn a_waiting_ticket_is_not_looked_for_where_it_is_not(mut app: TestApp) {
    let moving = app.unsubscribed("Moving MSP").await;
    let carried = app.flood(&moving, 1).await.remove(0);
    eventually("the notes", || moving.desk.our_notes(&carried).len() == 2).await;
    app.stop().await;
    let waiting = app.flood(&moving, 1).await.remove(0);
    let other = Desk::serve(app.desk.kind()).await;
    // The number means something there, too.
    assert!((0..9).any(|_| other.ticket(&title("5/5/5"), NOTE) == waiting));
    moving.tenant.psa_connection_put(other.settings(), &Actor::System, app.clock.now()).await.unwrap();
    app.restart(Checkpoints::default()).await;
    until("the cause", async || {
        let newest =
            moving.tenant.delivery_list(&DeliveryFilter::default(), 1, None).await.unwrap().rows.remove(0);
        newest.reason.is_some_and(|reason| reason.contains("than the one that is connected now"))
    })
    .await;
    assert_eq!((other.writes(), moving.desk.our_notes(&waiting).len()), ((0, 0), 0));

    moving.tenant.psa_connection_put(moving.desk.settings(), &Actor::System, app.clock.now()).await.unwrap();
    eventually("the waiting ticket's notes", || moving.desk.our_notes(&waiting).len() == 2).await;
    assert_eq!(other.writes(), (0, 0));
}
