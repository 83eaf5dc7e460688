//! Lists of tickets that people keep under a name.

use crate::support::{self, at, tenant_with_owner};
use store::StoreError;
use store::testing::TestStore;
use store::views::MOST_VIEWS;

support::on_both_engines! {
    a_view_is_kept_replaced_and_let_go,
    others_see_what_is_shared_and_cannot_let_it_go,
    there_is_room_for_so_many,
}

async fn a_view_is_kept_replaced_and_let_go(store: TestStore) {
    let (acme, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(acme);
    acme.view_put(owner, "Angry", "label=negative", false, at(0)).await.unwrap();
    acme.view_put(owner, "about VPN", "q=vpn", false, at(1)).await.unwrap();
    acme.view_put(owner, "Angry", "sort=sentiment", true, at(2)).await.unwrap();
    let views = acme.view_list(owner).await.unwrap();
    let told: Vec<_> = views.iter().map(|it| (&*it.name, &*it.query, it.shared, it.own)).collect();
    assert_eq!(told, [("about VPN", "q=vpn", false, true), ("Angry", "sort=sentiment", true, true)]);
    assert!(acme.view_delete(owner, views[0].id).await.unwrap());
    assert!(!acme.view_delete(owner, views[0].id).await.unwrap());
    assert_eq!(acme.view_list(owner).await.unwrap().len(), 1);
}

async fn others_see_what_is_shared_and_cannot_let_it_go(store: TestStore) {
    let (acme, owner) = tenant_with_owner(&store, "acme").await;
    let (_, stranger) = tenant_with_owner(&store, "bolt").await;
    let acme = store.tenant(acme);
    acme.view_put(owner, "Mine", "q=a", false, at(0)).await.unwrap();
    acme.view_put(owner, "Ours", "q=b", true, at(0)).await.unwrap();
    let seen = acme.view_list(stranger).await.unwrap();
    assert_eq!(seen.iter().map(|it| (&*it.name, it.own)).collect::<Vec<_>>(), [("Ours", false)]);
    assert!(!acme.view_delete(stranger, seen[0].id).await.unwrap());
    // One of the same name of one's own is another one.
    acme.view_put(stranger, "Ours", "q=c", false, at(1)).await.unwrap();
    assert_eq!(acme.view_list(stranger).await.unwrap().len(), 2);
    assert_eq!(acme.view_list(owner).await.unwrap().len(), 2);
}

async fn there_is_room_for_so_many(store: TestStore) {
    let (acme, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(acme);
    for number in 0..MOST_VIEWS {
        acme.view_put(owner, &number.to_string(), "q=a", false, at(0)).await.unwrap();
    }
    let full = acme.view_put(owner, "one more", "q=a", false, at(1)).await;
    assert!(matches!(full, Err(StoreError::Conflict { .. })), "{full:?}");
    acme.view_put(owner, "0", "q=b", false, at(1)).await.expect("it takes the place of its namesake");
}
