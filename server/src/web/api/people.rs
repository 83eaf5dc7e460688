//! `members`, `tokens` and `audit`: who may do what, and who did.

use super::Api;
use super::auth::Caller;
use super::extract::{Body, Id, Query, limit};
use super::problem::ApiProblem;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{Permission, Role, TokenId, UserId, password_problem};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::accounts::{self, hash_password};
use store::audit::AuditEntry;
use utoipa::{IntoParams, ToSchema};

/// Longest name of a person or a token, in characters.
const MOST_NAME: usize = 100;
/// Longest e-mail address, in characters (RFC 5321).
const MOST_EMAIL: usize = 254;

/// A person in the workspace.
#[derive(Serialize, ToSchema)]
pub(super) struct Member {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    since: DateTime<Utc>,
}

impl From<accounts::Member> for Member {
    fn from(member: accounts::Member) -> Self {
        Self {
            id: member.user,
            email: member.email,
            name: member.name,
            role: member.role,
            since: member.since,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct Members {
    members: Vec<Member>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMember {
    #[schema(example = "dana@acme.example")]
    email: String,
    #[schema(example = "Dana Whitfield")]
    name: String,
    role: Role,
    /// At least 12 characters.
    #[schema(example = "correct horse battery staple", write_only)]
    password: String,
}

impl NewMember {
    fn check(&self) -> Result<(), ApiProblem> {
        let email = self.email.trim();
        let (user, host) = email.split_once('@').unwrap_or_default();
        let plain = !email.contains(|c: char| c.is_whitespace() || c.is_control());
        if user.is_empty()
            || !host.contains('.')
            || host.contains('@')
            || !plain
            || email.chars().count() > MOST_EMAIL
        {
            return Err(ApiProblem::invalid("email", "“email” must be an e-mail address."));
        }
        name_of("name", &self.name)?;
        password_problem(&self.password, email)
            .map_err(|why| ApiProblem::invalid("password", format!("“password” is not acceptable: {why}.")))
    }
}

fn name_of(field: &str, name: &str) -> Result<(), ApiProblem> {
    let length = name.trim().chars().count();
    if (1..=MOST_NAME).contains(&length) && !name.contains(char::is_control) {
        return Ok(());
    }
    Err(ApiProblem::invalid(field, format!("“{field}” must have 1 to {MOST_NAME} characters on one line.")))
}

/// People
#[utoipa::path(get, path = "/members", tag = "People", responses((status = 200, description = "Everyone in the workspace", body = Members)))]
pub(super) async fn members(caller: Caller) -> Result<Json<Members>, ApiProblem> {
    Ok(Json(Members { members: caller.tenant.member_list().await?.into_iter().map(Into::into).collect() }))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Added {
    id: UserId,
}

/// Add a person
#[utoipa::path(post, path = "/members", tag = "People", request_body = NewMember, responses(
    (status = 201, description = "Added", body = Added),
    (status = 403, description = "The token's maker was not an owner"),
    (status = 409, description = "This person is in the workspace already, or has an account of another one"),
))]
pub(super) async fn member_add(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewMember>,
) -> Result<(StatusCode, Json<Added>), ApiProblem> {
    caller.require(Permission::Administer)?;
    new.check()?;
    let hash = hash_password(&new.password).await;
    let (email, name) = (new.email.trim(), new.name.trim());
    let id = caller.tenant.member_add(email, name, new.role, &hash, &caller.actor, api.ops.now()).await?;
    Ok((StatusCode::CREATED, Json(Added { id })))
}

/// Remove a person
#[utoipa::path(delete, path = "/members/{id}", tag = "People", params(("id" = UserId, Path, description = "The person's id")), responses(
    (status = 204, description = "Removed"),
    (status = 403, description = "The token's maker was not an owner"),
    (status = 404, description = "No such person is in the workspace"),
    (status = 409, description = "The last owner stays"),
))]
pub(super) async fn member_remove(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiProblem> {
    caller.require(Permission::Administer)?;
    if caller.tenant.member_remove(id, &caller.actor, api.ops.now()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let is_member = caller.tenant.member_list().await?.iter().any(|member| member.user == id);
    Err(if is_member {
        ApiProblem::Conflict("A workspace keeps at least one owner.".into())
    } else {
        ApiProblem::NotFound("person")
    })
}

/// An API token, without the token itself.
#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    id: TokenId,
    name: String,
    /// Its last four characters.
    #[schema(example = "x7Qa")]
    last4: String,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<accounts::Token> for Token {
    fn from(token: accounts::Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            last4: token.last4,
            created_at: token.created_at,
            last_used_at: token.last_used_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// What it is for.
    #[schema(example = "Reporting job")]
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct MadeToken {
    id: TokenId,
    /// Shown this once.
    #[schema(example = "ut_2Vd…")]
    token: String,
}

/// API tokens
#[utoipa::path(get, path = "/tokens", tag = "People", responses((status = 200, description = "All tokens", body = Tokens)))]
pub(super) async fn tokens(caller: Caller) -> Result<Json<Tokens>, ApiProblem> {
    Ok(Json(Tokens { tokens: caller.tenant.token_list().await?.into_iter().map(Into::into).collect() }))
}

/// Make an API token
///
/// It may do what the one who makes it may: an owner's may everything, an admin's everything but people.
#[utoipa::path(post, path = "/tokens", tag = "People", request_body = NewToken, responses((status = 201, description = "The token, shown this once", body = MadeToken)))]
pub(super) async fn token_create(
    State(api): State<Api>,
    caller: Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiProblem> {
    name_of("name", &new.name)?;
    let (id, token) = caller.tenant.token_create(new.name.trim(), &caller.actor, api.ops.now()).await?;
    Ok((StatusCode::CREATED, Json(MadeToken { id, token })))
}

/// Revoke an API token
///
/// It stops at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "People", params(("id" = TokenId, Path, description = "The token's id")), responses(
    (status = 204, description = "Revoked"),
    (status = 404, description = "No token of yours has this id"),
))]
pub(super) async fn token_revoke(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, ApiProblem> {
    if caller.tenant.token_revoke(id, &caller.actor, api.ops.now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiProblem::NotFound("token"))
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// One thing somebody changed.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditItem {
    at: DateTime<Utc>,
    actor: String,
    #[schema(example = "policy.saved")]
    what: String,
    #[schema(example = "version 3")]
    detail: String,
}

impl From<AuditEntry> for AuditItem {
    fn from(entry: AuditEntry) -> Self {
        Self { at: entry.at, actor: entry.actor, what: entry.what, detail: entry.detail }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct AuditList {
    /// Newest first.
    entries: Vec<AuditItem>,
    /// Pass it back as `cursor` for the next page; null at the end.
    next: Option<String>,
}

/// Who changed what
#[utoipa::path(get, path = "/audit", tag = "People", params(AuditQuery), responses((status = 200, description = "A page, newest first", body = AuditList)))]
pub(super) async fn audit(
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditList>, ApiProblem> {
    let page = caller.tenant.audit_list(limit(query.limit)?, query.cursor.as_deref()).await?;
    Ok(Json(AuditList { entries: page.rows.into_iter().map(Into::into).collect(), next: page.next }))
}
