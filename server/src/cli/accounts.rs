//! `tenant`, `user` and `token`.

use super::{now, password_from_stdin};
use anyhow::{Context, bail};
use clap::Subcommand;
use domain::TenantId;
use serde_json::json;
use store::accounts::{NewTenant, hash_password};
use store::{Actor, Store};

#[derive(Subcommand)]
pub enum TenantCommand {
    /// Make a workspace and its owner; the owner's password is read from standard input
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        owner_email: String,
        /// [default: the part of the address before @]
        #[arg(long)]
        owner_name: Option<String>,
        #[arg(long)]
        json: bool,
    },
    List {
        #[arg(long)]
        json: bool,
    },
    /// Delete a workspace and everything in it, for good
    Delete {
        tenant: TenantId,
        /// The workspace's exact name, so that the wrong one is not deleted by a slip
        #[arg(long)]
        confirm_name: String,
    },
}

#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a person to a workspace; a new person's password is read from standard input
    Create {
        #[arg(long)]
        tenant: TenantId,
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: Option<String>,
        /// owner, admin, dispatcher or viewer
        #[arg(long, default_value = "dispatcher")]
        role: String,
        #[arg(long)]
        json: bool,
    },
    /// Set a new password, read from standard input
    ResetPassword {
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make an API token; it is shown once
    Create {
        #[arg(long)]
        tenant: TenantId,
        #[arg(long)]
        name: String,
        #[arg(long)]
        json: bool,
    },
}

pub async fn tenant(store: &Store, command: TenantCommand) -> anyhow::Result<()> {
    match command {
        TenantCommand::Create { name, owner_email, owner_name, json } => {
            let email = address(&owner_email)?;
            let password_hash = hash_password(&password_from_stdin()?).await;
            let owner_name = owner_name.unwrap_or_else(|| before_at(&email));
            let new = NewTenant { name: named(&name)?, owner_email: email, owner_name, password_hash };
            let (tenant, user) =
                store.tenant_create(new, now()).await.context("could not make the workspace")?;
            let (_, token) =
                store.tenant(tenant).token_create("made with the workspace", &Actor::System, now()).await?;
            if json {
                println!("{}", json!({"tenant_id": tenant, "user_id": user, "api_token": token}));
            } else {
                println!("workspace {tenant}\nAPI token {token}\nThe token is shown only now; keep it safe.");
            }
        }
        TenantCommand::List { json } => {
            let all = store.tenant_list().await?;
            if json {
                let rows: Vec<_> = all
                    .iter()
                    .map(|t| json!({"tenant_id": t.id, "name": t.name, "created_at": t.created_at}))
                    .collect();
                println!("{}", json!(rows));
            } else {
                for tenant in all {
                    println!(
                        "{}  {}  since {}",
                        tenant.id,
                        tenant.name,
                        tenant.created_at.format("%Y-%m-%d")
                    );
                }
            }
        }
        TenantCommand::Delete { tenant, confirm_name } => {
            let found = store
                .tenant(tenant)
                .tenant_fetch()
                .await?
                .with_context(|| format!("there is no workspace {tenant}"))?;
            if found.name != confirm_name {
                bail!(
                    "workspace {tenant} is called “{}”, not “{confirm_name}”: nothing was deleted",
                    found.name
                );
            }
            store.tenant_delete(tenant).await?;
            println!("deleted workspace {tenant} “{}”", found.name);
        }
    }
    Ok(())
}

pub async fn user(store: &Store, command: UserCommand) -> anyhow::Result<()> {
    match command {
        UserCommand::Create { tenant, email, name, role, json } => {
            let email = address(&email)?;
            let role = serde_json::from_value(json!(role))
                .with_context(|| format!("“{role}” is not a role: owner, admin, dispatcher or viewer"))?;
            let tenant = store.tenant(tenant);
            tenant
                .tenant_fetch()
                .await?
                .with_context(|| format!("there is no workspace {}", tenant.tenant_id()))?;
            let user = if let Some(known) = store.user_by_email(&email).await? {
                tenant
                    .member_link(known.id, role, &Actor::System, now())
                    .await
                    .context("could not add the person")?;
                eprintln!("{email} has a sign-in on this instance and keeps its password");
                known.id
            } else {
                let hash = hash_password(&password_from_stdin()?).await;
                let name = name.unwrap_or_else(|| before_at(&email));
                let added = tenant.member_add(&email, &name, role, &hash, &Actor::System, now()).await;
                added.context("could not add the person")?
            };
            if json {
                println!("{}", json!({"user_id": user}));
            } else {
                println!("added {email}");
            }
        }
        UserCommand::ResetPassword { email } => {
            let email = address(&email)?;
            let user =
                store.user_by_email(&email).await?.with_context(|| format!("nobody signs in as {email}"))?;
            let hash = hash_password(&password_from_stdin()?).await;
            store.user_set_password(user.id, &hash, &Actor::System, now()).await?;
            app::forget_attempts(store, &email).await?;
            println!("new password set for {email}; sessions opened with the old one have ended");
        }
    }
    Ok(())
}

pub async fn token(store: &Store, command: TokenCommand) -> anyhow::Result<()> {
    let TokenCommand::Create { tenant, name, json } = command;
    let tenant = store.tenant(tenant);
    tenant.tenant_fetch().await?.with_context(|| format!("there is no workspace {}", tenant.tenant_id()))?;
    let (id, token) = tenant.token_create(&named(&name)?, &Actor::System, now()).await?;
    if json {
        println!("{}", json!({"token_id": id, "api_token": token}));
    } else {
        println!("{token}\nThe token is shown only now; keep it safe.");
    }
    Ok(())
}

fn address(text: &str) -> anyhow::Result<String> {
    let email = text.trim().to_lowercase();
    match email.split_once('@') {
        Some((name, host))
            if !name.is_empty() && host.contains('.') && !email.contains(char::is_whitespace) =>
        {
            Ok(email)
        }
        _ => bail!("“{text}” is not an e-mail address"),
    }
}

fn before_at(email: &str) -> String {
    email.split('@').next().unwrap_or(email).to_owned()
}

fn named(name: &str) -> anyhow::Result<String> {
    match name.trim() {
        "" => bail!("the name is empty"),
        name if name.chars().count() > 100 => bail!("the name is longer than 100 characters"),
        name => Ok(name.to_owned()),
    }
}
