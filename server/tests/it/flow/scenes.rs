//! The demo's mails, plain and HTML, through the way that each product gives them.

use super::app::TestApp;
use domain::PsaKind;
use sandbox::scenes::{self, Scene};
use store::tickets::TicketState;

/// Enough that each form of mail is among them.
const MAILS: u64 = 40;

#[tokio::test]
async fn of_any_mail_what_its_writer_said_is_read_and_machines_are_left_out() {
    for (workspace, kind) in PsaKind::ALL.into_iter().enumerate() {
        let app = TestApp::sqlite(kind).await.unwrap();
        let played: Vec<(String, Scene)> = (0..MAILS)
            .map(|n| scenes::next(workspace, n))
            .map(|scene| (app.desk.play(&scene), scene))
            .collect();
        let html = |scene: &Scene| scene.mail.html.is_some();
        assert!(played.iter().filter(|(_, scene)| html(scene)).count() >= 10, "mails in HTML are among them");
        assert!(played.iter().any(|(_, scene)| scene.machine), "a machine's mail is among them");
        app.settle().await;
        for (ticket, scene) in played {
            let story = app.story_of(&ticket).await;
            if scene.machine {
                assert_eq!(story.row.state, TicketState::Skipped, "{kind}: {}", scene.title);
                continue;
            }
            assert_eq!(story.row.state, TicketState::Analysed, "{kind}: {:?}", story.row.reason);
            assert!(story.text.contains(scene.words), "{kind}: {}", story.text);
            for around in ["Service Desk", "<", "](", "CAUTION", "CONFIDENTIALITY", "iPhone", "+44"] {
                assert!(!story.text.contains(around), "{kind}: {around} in {}", story.text);
            }
        }
    }
}
