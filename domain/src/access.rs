use serde::{Deserialize, Serialize};

/// What a person may do in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Role {
    /// Everything, including connections, tokens and people.
    Owner,
    /// Everything but people and deletion.
    Admin,
    /// Reads, replays.
    Dispatcher,
    /// Reads.
    Viewer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See tickets, analyses, trends, activity, settings without secrets.
    Read,
    /// Replay a ticket or a delivery, try a text.
    Operate,
    /// Change policy, prompt, connections, webhook address, tokens.
    Configure,
    /// Add and remove people, delete the workspace.
    Administer,
}

impl Role {
    pub fn can(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Operate => !matches!(self, Self::Viewer),
            Permission::Configure => matches!(self, Self::Owner | Self::Admin),
            Permission::Administer => matches!(self, Self::Owner),
        }
    }
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Dispatcher => "dispatcher",
            Self::Viewer => "viewer",
        }
    }
}
