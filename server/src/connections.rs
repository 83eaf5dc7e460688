//! Open connections.
use crate::llm::{self, Model};
use crate::outside::{Limits, Outside};
use crate::psa::{self, Psa};
use crate::queue::{Setback, Wait};
use std::sync::Arc;
use std::time::Duration;
use store::TenantStore;

pub struct Connections {
    outside: Outside,
}
impl Connections {
    pub fn new(outside: Outside) -> Self {
        Self { outside }
    }
    pub async fn psa(&self, tenant: &TenantStore) -> Result<Arc<dyn Psa>, Setback> {
        let c = tenant.psa_connection().await.map_err(Setback::store)?.ok_or_else(|| Setback::Retry {
            wait: Wait::Outage { asked: None },
            cause: "no PSA is connected".into(),
        })?;
        Ok(psa::open(
            &c.settings,
            self.outside.caller(
                &format!("psa {}", tenant.tenant_id()),
                Limits { parallel: 3, requests: 600, per: Duration::from_secs(60) },
            ),
        ))
    }
    pub async fn model(&self, tenant: &TenantStore) -> Result<Arc<dyn Model>, Setback> {
        let c = tenant.model_connection().await.map_err(Setback::store)?;
        Ok(llm::open(
            &c.settings,
            self.outside.caller(
                &format!("model {}", tenant.tenant_id()),
                Limits { parallel: 3, requests: 600, per: Duration::from_secs(60) },
            ),
        ))
    }
}
