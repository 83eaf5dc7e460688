//! Secrets that are shown once: a new API token, a new person's first password.
//!
//! They travel from the form to the page after it in the session, which the store keeps sealed; the page takes them
//! out, so that a reload shows nothing any more.

use crate::AppError;
use crate::viewer::session;
use serde::{Deserialize, Serialize};

/// What is shown once, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    pub page: String,
    /// What the secret is of: the token's name, the person's address.
    pub of: String,
    pub secret: String,
}

const ONCE: &str = "once";

pub async fn keep(page: &str, of: &str, secret: String) -> Result<(), AppError> {
    let once = Once { page: page.into(), of: of.into(), secret };
    session().await?.insert(ONCE, once).await?;
    Ok(())
}

/// What was kept for `page`, which then is gone.
pub async fn take(page: &str) -> Result<Option<Once>, AppError> {
    let session = session().await?;
    let Some(once) = session.get::<Once>(ONCE).await? else { return Ok(None) };
    session.remove_value(ONCE).await?;
    Ok(Some(once).filter(|once| once.page == page))
}
