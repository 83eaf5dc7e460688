//! What people say of the scores.

use crate::support::{self, at, plan, scored, tenant_with_owner};
use domain::{AnalysisId, Dimension, Mode, Verdict};
use store::Actor;
use store::testing::TestStore;

support::on_both_engines! {
    the_newest_word_on_a_score_holds_and_can_be_taken_back,
}

async fn the_newest_word_on_a_score_holds_and_can_be_taken_back(store: TestStore) {
    let (id, owner) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    let ticket = scored(&acme, "7", "c", 5, &plan(Mode::Shadow, 5, &[]), 0).await;
    let analysis = acme.analysis_latest(ticket).await.unwrap().unwrap().id;
    let said = async || {
        let said = acme.feedback_of(analysis).await.unwrap();
        said.into_iter().map(|said| (said.dimension, said.verdict, said.said_by)).collect::<Vec<_>>()
    };
    assert!(said().await.is_empty());
    let by = Actor::User(owner);
    for (second, verdict) in [(1, Verdict::TooHigh), (2, Verdict::Right)] {
        let put = acme.feedback_put(analysis, Dimension::Sentiment, Some(verdict), &by, at(second)).await;
        assert!(put.unwrap());
    }
    acme.feedback_put(analysis, Dimension::Impact, Some(Verdict::TooLow), &Actor::System, at(3))
        .await
        .unwrap();
    let mut all = said().await;
    all.sort_by_key(|(dimension, ..)| dimension.word());
    let owner = "owner@acme.example".to_owned();
    assert_eq!(
        all,
        [
            (Dimension::Impact, Verdict::TooLow, "system".to_owned()),
            (Dimension::Sentiment, Verdict::Right, owner)
        ]
    );
    for is_there in [true, false] {
        let taken_back = acme.feedback_put(analysis, Dimension::Impact, None, &by, at(4)).await.unwrap();
        assert_eq!(taken_back, is_there);
    }
    assert_eq!(said().await.len(), 1);
    let nothing = AnalysisId(uuid::Uuid::nil());
    assert!(!acme.feedback_put(nothing, Dimension::Impact, Some(Verdict::Right), &by, at(5)).await.unwrap());
}
