//! Whole tickets, black box: a stand-in PSA sends a real webhook to a real instance, which asks a model over HTTP and
//! writes back into the stand-in. Each story is told for each PSA on each engine: what the products do differently (how
//! often they call back, what they cut off, what they refuse) meets what the engines do differently (locks, time-outs,
//! the order of rows) only here.

mod app;
mod callout;
mod clock;
mod desk;
mod door;
mod fairness;
mod import;
mod instances;
mod meanwhile;
mod model;
mod once;
mod outage;
mod pause;
mod products;
mod published;
mod register;
mod retention;
mod scenes;
mod scripted;
mod stories;
mod sweep;
mod trace;
mod trouble;

/// Makes one test of each story for each PSA on each engine.
macro_rules! for_each_psa {
    ($($story:ident),+ $(,)?) => {
        crate::flow::for_each_psa!(@in connectwise, sqlite, domain::PsaKind::ConnectWise, $($story),+);
        crate::flow::for_each_psa!(@in autotask, sqlite, domain::PsaKind::Autotask, $($story),+);
        crate::flow::for_each_psa!(@in halopsa, sqlite, domain::PsaKind::HaloPsa, $($story),+);
        crate::flow::for_each_psa!(@in connectwise_on_postgres, postgres, domain::PsaKind::ConnectWise, $($story),+);
        crate::flow::for_each_psa!(@in autotask_on_postgres, postgres, domain::PsaKind::Autotask, $($story),+);
        crate::flow::for_each_psa!(@in halopsa_on_postgres, postgres, domain::PsaKind::HaloPsa, $($story),+);
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
