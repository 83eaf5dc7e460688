//! Whole tickets, black box: a stand-in PSA sends a real webhook to a real instance, which asks a model over HTTP and
//! writes back into the stand-in. Each story is told for each PSA on SQLite, and for one of them on PostgreSQL too: the
//! engines share every statement, and the store's own tests tell each of them on both.

mod app;
mod desk;
mod door;
mod model;
mod once;
mod products;
mod published;
mod stories;
mod trouble;

/// Makes one test of each story for each PSA, and on PostgreSQL for one.
macro_rules! for_each_psa {
    ($($story:ident),+ $(,)?) => {
        crate::flow::for_each_psa!(@in connectwise, sqlite, domain::PsaKind::ConnectWise, $($story),+);
        crate::flow::for_each_psa!(@in autotask, sqlite, domain::PsaKind::Autotask, $($story),+);
        crate::flow::for_each_psa!(@in halopsa, sqlite, domain::PsaKind::HaloPsa, $($story),+);
        crate::flow::for_each_psa!(@in connectwise_on_postgres, postgres, domain::PsaKind::ConnectWise, $($story),+);
    };
    (@in $name:ident, $engine:ident, $kind:expr, $($story:ident),+) => {
        mod $name {
            $(#[tokio::test]
            async fn $story() {
                // `None`: the engine is not on this machine, and that was said.
                if let Some(app) = crate::flow::app::TestApp::$engine($kind).await {
                    super::$story(app).await;
                }
            })+
        }
    };
}
use for_each_psa;
