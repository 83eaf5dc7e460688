//! What people say of the scores.

use crate::support::{self, at, plan, scored, tenant_with_owner};
use domain::{AnalysisId, Dimension, Mode, Score, Verdict};
use store::Actor;
use store::testing::TestStore;

support::on_both_engines! {
    the_newest_word_on_a_score_holds_and_can_be_taken_back,
    judged_scores_are_listed_with_their_tickets_and_how_they_came_about,
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

async fn judged_scores_are_listed_with_their_tickets_and_how_they_came_about(store: TestStore) {
    let (id, _) = tenant_with_owner(&store, "acme").await;
    let acme = store.tenant(id);
    for (second, external, verdict) in [(0, "7", Verdict::TooHigh), (100, "8", Verdict::TooLow)] {
        let ticket = scored(&acme, external, "c", 5, &plan(Mode::Shadow, 5, &[]), second).await;
        let analysis = acme.analysis_latest(ticket).await.unwrap().unwrap().id;
        for dimension in [Dimension::Sentiment, Dimension::Impact] {
            acme.feedback_put(analysis, dimension, Some(verdict), &Actor::System, at(second + 9))
                .await
                .unwrap();
        }
    }
    let all = acme.feedback_list(at(0), 10).await.unwrap();
    let told: Vec<_> = all.iter().map(|it| (it.number.as_str(), it.dimension, it.verdict)).collect();
    assert_eq!(
        told,
        [
            ("T20260302.8", Dimension::Sentiment, Verdict::TooLow),
            ("T20260302.8", Dimension::Impact, Verdict::TooLow),
            ("T20260302.7", Dimension::Sentiment, Verdict::TooHigh),
            ("T20260302.7", Dimension::Impact, Verdict::TooHigh),
        ]
    );
    let one = &all[0];
    assert_eq!((one.score, one.model.as_str(), one.prompt_version), (Some(Score::MAX), "a model", 0));
    assert_eq!((one.client.as_deref(), one.escalated), (Some("Client c"), false));
    assert_eq!(acme.feedback_list(at(50), 10).await.unwrap().len(), 2);
    assert_eq!(acme.feedback_list(at(0), 3).await.unwrap().len(), 3);
}
