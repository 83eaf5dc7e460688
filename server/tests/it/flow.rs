//! Whole tickets, black box: a stand-in PSA sends a real webhook to a real instance, which asks a model over HTTP and
//! writes back into the stand-in. Each story is told for each PSA.

mod app;
mod desk;
mod door;
mod model;
mod once;
mod stories;
mod trouble;

/// Makes one test of each story for each PSA, and on PostgreSQL for one of them (the engines share every statement; what
/// differs is tested in the store).
macro_rules! for_each_psa {
    ($($(#[$meta:meta])* $story:ident),+ $(,)?) => {
        for_each_psa!(@one autotask, sqlite, domain::PsaKind::Autotask, $($story),+);
    };
    (@one $name:ident, $engine:ident, $kind:expr, $($story:ident),+) => {
        mod $name {
            $(#[tokio::test]
            async fn $story() {
                super::$story(crate::flow::app::TestApp::$engine($kind).await).await;
            })+
        }
    };
}
pub(crate) use for_each_psa;
