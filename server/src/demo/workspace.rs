//! One workspace of the demo, connected to its stand-in as its owner would do it.

use super::{Desks, PASSWORD};
use crate::config::Config;
use crate::ops::Operations;
use anyhow::{Context, anyhow};
use app::ops::Ops;
use chrono::{DateTime, Utc};
use domain::{Choice, Escalation, Lookups, Mode, Policy, PsaKind};
use sandbox::halo::Payload;
use std::time::Duration;
use store::accounts::{NewTenant, hash_password};
use store::{Actor, Store, TenantStore};

pub struct Workspace {
    pub psa: PsaKind,
    pub email: String,
    /// Made by this start: it has no past yet.
    pub is_new: bool,
    store: TenantStore,
}

impl Workspace {
    /// Finds or makes the workspace and connects it both ways.
    pub(super) async fn ready(
        store: &Store,
        ops: &Operations,
        desks: &Desks,
        psa: PsaKind,
        address: &str,
        config: &Config,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let email = format!("owner@{}.example", psa.slug());
        let (own, is_new) = match store.user_by_email(&email).await? {
            Some(user) => {
                let memberships = store.memberships(user.id).await?;
                let first =
                    memberships.first().context("the demo's owner has no workspace; use another database")?;
                (store.tenant(first.tenant.id), false)
            }
            None => {
                let new = NewTenant {
                    name: name(psa).into(),
                    owner_email: email.clone(),
                    owner_name: "Demo Owner".into(),
                    password_hash: hash_password(PASSWORD).await,
                };
                (store.tenant(store.tenant_create(new, now).await?.0), true)
            }
        };
        own.psa_connection_put(desks.settings(psa, address), &Actor::System, now).await?;
        let report = ops.psa_test(&own).await.map_err(|error| anyhow!("{error}"))?;
        anyhow::ensure!(report.ok(), "the {psa} stand-in did not pass its own test: {report:?}");
        if is_new {
            let lookups = ops.lookups(&own, true).await.map_err(|error| anyhow!("{error}"))?;
            own.policy_put(&policy(&lookups), &Actor::System, now).await?;
        }
        subscribe(desks, psa, &own, config).await?;
        Ok(Self { psa, email, is_new, store: own })
    }

    /// Waits until the delivery of the ticket that was created at `at` has arrived.
    pub async fn arrived(&self, at: DateTime<Utc>) -> anyhow::Result<()> {
        let wait = async {
            while self.store.pipeline_health(at).await?.last_delivery_at != Some(at) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(20), wait)
            .await
            .with_context(|| format!("the {} stand-in's webhook did not arrive", self.psa))?
    }
}

fn name(psa: PsaKind) -> &'static str {
    match psa {
        PsaKind::ConnectWise => "Lighthouse IT (ConnectWise)",
        PsaKind::Autotask => "Beacon Managed Services (Autotask)",
        PsaKind::HaloPsa => "Northstar Support (HaloPSA)",
    }
}

/// Live, with the suggested mapping, and an escalation picked from the stand-in's own lists.
fn policy(lookups: &Lookups) -> Policy {
    let status = lookups.statuses.iter().find(|one| one.choice.label.contains("Escalated"));
    let board = status.and_then(|status| status.board.clone());
    let team = lookups.teams.iter().filter(|team| team.board.is_none() || team.board == board).find(|team| {
        ["Second", "Escalation", "2nd", "Level 2"].iter().any(|word| team.choice.label.contains(word))
    });
    let board = board.and_then(|id| lookups.boards.iter().find(|board| board.id == id)).cloned();
    let owner: Option<Choice> = lookups.owners.first().cloned();
    Policy {
        mode: Mode::Live,
        updates: Policy::suggest(lookups),
        escalation: Escalation {
            owner,
            team: team.map(|team| team.choice.clone()),
            status: status.map(|status| status.choice.clone()),
            board,
        },
        ..Policy::default()
    }
}

async fn subscribe(desks: &Desks, psa: PsaKind, own: &TenantStore, config: &Config) -> anyhow::Result<()> {
    let hook = own.hook().await?;
    // Not by PUBLIC_URL, which may name a proxy that is not there in a demo.
    let address = format!("http://{}/hooks/{psa}/{}", config.listen, hook.key);
    match psa {
        PsaKind::ConnectWise => {
            desks.connectwise.register(&format!("{address}?recordId=")).map_err(|error| anyhow!(error))?;
        }
        PsaKind::Autotask => {
            desks.autotask.subscribe(&address, hook.secret.expose()).map_err(|error| anyhow!(error))?;
        }
        PsaKind::HaloPsa => {
            desks.halo.subscribe(&address, Some(hook.secret.expose()), Payload::Full, 0);
        }
    }
    Ok(())
}
