//! What a screen can answer instead of what was asked for.

use crate::ops::OpsError;
use http::StatusCode;
use leptos::prelude::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::codec::JsonEncoding;
use serde::{Deserialize, Serialize};
use std::error::Error;
use store::StoreError;

/// Why a page or a server function did not do what was asked. Everything here may be read by the person who asked;
/// what an operator needs is in the log, under the same reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AppError {
    /// Nobody is signed in, or no longer.
    #[error("sign in first")]
    NotSignedIn,
    /// There is no such thing, or it is another tenant's.
    #[error("there is nothing at this address")]
    NotFound,
    /// The role does not allow it.
    #[error("your role does not allow this")]
    Denied,
    /// What was asked makes no sense; `message` says what to change.
    #[error("{message}")]
    Invalid { field: String, message: String },
    /// The other side (PSA, model) refused or could not be reached.
    #[error("{message}")]
    Outside { message: String },
    /// The database cannot take this now; nothing was changed.
    #[error("the database is too busy at the moment")]
    Busy,
    /// Our own fault.
    #[error("something broke on our side (reference {reference})")]
    Broken { reference: String },
}

impl AppError {
    /// Logs `detail` under a new reference and keeps it from the reader.
    pub fn broken(detail: impl std::fmt::Display) -> Self {
        let mut reference = uuid::Uuid::new_v4().simple().to_string();
        reference.truncate(8);
        tracing::error!(%reference, "{detail}");
        Self::Broken { reference }
    }
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotSignedIn => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Outside { .. } => StatusCode::BAD_GATEWAY,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
    /// A heading for the page that shows it.
    pub fn title(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "Sign in first",
            Self::NotFound => "Nothing here",
            Self::Denied => "Not allowed",
            Self::Invalid { .. } => "That cannot be done",
            Self::Outside { .. } => "The other side did not answer as it should",
            Self::Busy => "Busy at the moment",
            Self::Broken { .. } => "This broke on our side",
        }
    }
    /// What the reader can do about it.
    pub fn advice(&self) -> String {
        match self {
            Self::NotSignedIn => "Your session has ended. Sign in again to go on.".into(),
            Self::NotFound => {
                "There is nothing at this address, or it belongs to another workspace. Check the address, or start \
                 from the overview."
                    .into()
            }
            Self::Denied => "Your role does not allow this. An owner of the workspace can do it, or change your role.".into(),
            Self::Invalid { message, .. } | Self::Outside { message } => message.clone(),
            Self::Busy => "The database cannot take this now. Nothing was changed. Try again in a few seconds.".into(),
            Self::Broken { reference } => {
                format!("Nothing more was changed. If it happens again, tell your operator this reference: {reference}.")
            }
        }
    }
}

/// The error and its causes in one line, for the log.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// What to do where a system is said to have moved to another one's address.
pub fn another_system(there: &domain::PsaInstance) -> String {
    format!(
        "At this address is {there} of this workspace, which has tickets of its own: the two stay apart. To connect that one, \
         choose “As the address says”."
    )
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!("{}", chain(&error));
                Self::Busy
            }
            StoreError::Conflict { what } => Self::invalid(what, format!("{what} exists already")),
            StoreError::NotConnected => Self::invalid(
                "ticket",
                "This ticket is in a ticketing system that the workspace was connected to before. Connect that one again \
                 first.",
            ),
            StoreError::AnotherSystem(there) => Self::invalid("same_as", another_system(&there)),
            StoreError::BadCursor => {
                Self::invalid("cursor", "This page of the list is gone. Start from its first page.")
            }
            _ => Self::broken(chain(&error)),
        }
    }
}

impl From<OpsError> for AppError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::NotSetUp(message) => Self::invalid("", message),
            OpsError::Invalid { field, message } => Self::Invalid { field, message },
            OpsError::Outside(message) => Self::Outside { message },
            OpsError::Broken(reference) => Self::Broken { reference },
        }
    }
}

impl From<tower_sessions::session::Error> for AppError {
    fn from(error: tower_sessions::session::Error) -> Self {
        use tower_sessions::session::Error as SessionError;
        match error {
            SessionError::Store(_) => {
                tracing::warn!("{}", chain(&error));
                Self::Busy
            }
            SessionError::SerdeJson(_) => Self::broken(chain(&error)),
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => {
                Self::invalid("", "The form did not arrive whole. Go back and send it again.")
            }
            other => Self::broken(other),
        }
    }
}
