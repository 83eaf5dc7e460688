//! Autotask tells of one ticket in two ways at once: by its webhook, which carries the id, and by an Extension Callout whose
//! admin chose the ticket number alone. That is one ticket all the same.

use super::app::{NOTE, TestApp, Unsubscribed, title};
use super::desk::Captured;
use crate::receiver::Receiver;
use domain::PsaKind;
use server::queue::Checkpoints;
use std::time::Duration;
use store::door::DeliveryState;
use store::tickets::{TicketFilter, TicketState};

/// The calls about one new ticket, not sent to us yet.
struct Calls {
    ticket: String,
    webhook: Captured,
    callout: Captured,
}

async fn new_ticket(ours: &Unsubscribed) -> Calls {
    let receiver = Receiver::new().await;
    ours.desk.subscribe(&receiver.url(), &ours.hook);
    let ticket = ours.desk.ticket(&title("5/5/5"), NOTE);
    let call = receiver.calls(1).await.remove(0);
    let of = |name: &str| (name.to_owned(), call.headers[name].to_str().unwrap().to_owned());
    let headers = vec![of("content-type"), of("x-hook-signature")];
    let webhook = Captured { url: ours.address.clone(), headers, body: call.body };
    let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let body = format!("number={}&status=New", ours.desk.number(&ticket)).into_bytes();
    let callout = Captured { url: ours.address.clone(), headers: vec![form], body };
    Calls { ticket, webhook, callout }
}

async fn taken(app: &TestApp, call: &Captured) {
    assert_eq!(app.send(call).await.status, 202);
}

/// One ticket, one analysis, each effect once; every call is accounted for.
async fn one_of_everything(app: &TestApp, ours: &Unsubscribed, calls: &Calls, told: usize) {
    let rows = ours.tenant.ticket_list(&TicketFilter::default(), 100, None).await.unwrap().rows;
    let [row] = rows.as_slice() else { panic!("one ticket is expected: {rows:#?}") };
    assert_eq!((row.external_id.as_str(), row.state), (calls.ticket.as_str(), TicketState::Acted), "{row:?}");
    let story = ours.tenant.ticket_story(row.id).await.unwrap().unwrap();
    assert_eq!((story.analyses.len(), app.model.asked()), (1, 1));
    assert_eq!((ours.desk.our_notes(&calls.ticket).len(), ours.desk.writes()), (2, (2, 2)));
    let deliveries = ours.tenant.delivery_list(&Default::default(), 10, None).await.unwrap().rows;
    assert_eq!(deliveries.len(), told, "{deliveries:#?}");
    for one in &deliveries {
        assert_eq!(one.external_ticket.as_deref(), Some(calls.ticket.as_str()), "{one:#?}");
        assert_eq!(one.ticket, Some(row.id), "each call leads to its ticket: {one:#?}");
    }
    let done = deliveries.iter().filter(|one| one.state == DeliveryState::Done).count();
    let ignored = deliveries.iter().filter(|one| one.state == DeliveryState::Ignored);
    assert!(
        ignored.clone().all(|one| one.reason.as_deref().is_some_and(|why| why.contains("taken in before")))
    );
    assert_eq!((done, ignored.count()), (1, told - 1), "{deliveries:#?}");
}

async fn a_callout_by_number_first(app: TestApp) {
    let ours = app.unsubscribed("Callout MSP").await;
    let calls = new_ticket(&ours).await;
    taken(&app, &calls.callout).await;
    app.settle().await;
    taken(&app, &calls.webhook).await;
    taken(&app, &calls.callout).await;
    app.settle().await;
    one_of_everything(&app, &ours, &calls, 2).await;
}

async fn the_webhook_first(app: TestApp) {
    let ours = app.unsubscribed("Callout MSP").await;
    let calls = new_ticket(&ours).await;
    taken(&app, &calls.webhook).await;
    app.settle().await;
    taken(&app, &calls.callout).await;
    app.settle().await;
    taken(&app, &calls.webhook).await;
    app.settle().await;
    one_of_everything(&app, &ours, &calls, 2).await;
}

async fn both_at_once(app: TestApp) {
    let ours = app.unsubscribed("Callout MSP").await;
    let calls = new_ticket(&ours).await;
    let both = [&calls.webhook, &calls.callout].map(|call| taken(&app, call));
    futures::future::join_all(both).await;
    app.settle().await;
    one_of_everything(&app, &ours, &calls, 2).await;
}

/// The callout's ticket is known by its number alone when the webhook comes, and the program dies just then.
async fn the_webhook_while_the_callout_is_being_read(mut app: TestApp) {
    let ours = app.unsubscribed("Callout MSP").await;
    let calls = new_ticket(&ours).await;
    let (checkpoints, reached) = super::app::stop_at("fetched");
    app.restart(checkpoints).await;
    taken(&app, &calls.callout).await;
    reached.wait().await;
    taken(&app, &calls.webhook).await;
    app.restart(Checkpoints::default()).await;
    app.after_lease().await;
    one_of_everything(&app, &ours, &calls, 2).await;
}

/// A ticket that Autotask does not show yet is waited for under its number.
async fn a_callout_whose_ticket_is_not_there_yet(app: TestApp) {
    let ours = app.unsubscribed("Callout MSP").await;
    ours.desk.break_queries(
        2,
        "/Tickets/query",
        r#"{"items":[],"pageDetails":{"count":0,"requestCount":500}}"#,
    );
    let calls = new_ticket(&ours).await;
    taken(&app, &calls.callout).await;
    app.settle().await;
    for seconds in [2, 5, 10] {
        app.after(Duration::from_secs(seconds)).await;
    }
    taken(&app, &calls.webhook).await;
    app.settle().await;
    one_of_everything(&app, &ours, &calls, 2).await;
}

macro_rules! on_both_engines {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $story() {
                super::$story(super::TestApp::sqlite(super::PsaKind::Autotask).await.unwrap()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $story() {
                if let Some(app) = super::TestApp::postgres(super::PsaKind::Autotask).await {
                    super::$story(app).await;
                }
            })+
        }
    };
}
on_both_engines!(
    a_callout_by_number_first,
    the_webhook_first,
    both_at_once,
    the_webhook_while_the_callout_is_being_read,
    a_callout_whose_ticket_is_not_there_yet,
);
