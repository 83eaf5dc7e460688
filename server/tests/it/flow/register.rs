//! The webhook that we register ourselves brings tickets in, and is repaired when it does not.

use super::app::{NOTE, TestApp, Unsubscribed, send, title};
use super::for_each_psa;
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use store::Actor;
use store::tickets::TicketFilter;

for_each_psa!(the_webhook_we_register_brings_tickets_in,);

/// Presses the button by the API; the outcome.
async fn register(app: &TestApp, ours: &Unsubscribed) -> String {
    let bearer = ("authorization".to_owned(), format!("Bearer {}", ours.token));
    let answer =
        send(Method::POST, &format!("{}/api/v1/hook/register", app.url()), &[bearer], Bytes::new()).await;
    assert_eq!(answer.status, 200, "{}", answer.excerpt());
    let told: Value = answer.json().unwrap();
    assert!(told["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{told}");
    told["outcome"].as_str().unwrap().to_owned()
}

async fn arrived(app: &TestApp, ours: &Unsubscribed) -> usize {
    app.settle().await;
    ours.tenant.ticket_list(&TicketFilter::default(), 100, None).await.unwrap().rows.len()
}

async fn the_webhook_we_register_brings_tickets_in(app: TestApp) {
    let ours = app.unsubscribed("Third MSP").await;
    assert_eq!(ours.desk.called(), (vec![], 0));
    assert_eq!(register(&app, &ours).await, "made");
    assert_eq!(register(&app, &ours).await, "in_place");
    let (first, count) = ours.desk.called();
    assert_eq!((first.len(), count), (1, 1));
    ours.desk.ticket(&title("3/3/3"), NOTE);
    ours.desk.delivered().await;
    assert_eq!(arrived(&app, &ours).await, 1);

    ours.desk.switch_off();
    assert_eq!(ours.desk.called(), (vec![], 1));
    assert_eq!(register(&app, &ours).await, "repaired");
    assert_eq!(ours.desk.called(), (first.clone(), 1));
    ours.desk.ticket(&title("3/3/3"), NOTE);
    ours.desk.delivered().await;
    assert_eq!(arrived(&app, &ours).await, 2);

    ours.tenant.hook_rotate(&Actor::System, app.clock.now()).await.unwrap();
    assert_ne!(register(&app, &ours).await, "in_place");
    let (second, count) = ours.desk.called();
    assert_eq!((second.len(), count), (1, 1), "the old address is called no more");
    assert_ne!(second, first);
    ours.desk.ticket(&title("3/3/3"), NOTE);
    ours.desk.delivered().await;
    assert_eq!(arrived(&app, &ours).await, 3);

    let trail = ours.tenant.audit_list(10, None).await.unwrap().rows;
    assert_eq!(trail.iter().filter(|entry| entry.what == "hook.registered").count(), 4);
}
