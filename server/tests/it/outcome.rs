//! Names the kind of a failed call, for tables of cases.

use server::outside::CallError;

pub fn kind_of(error: &CallError) -> &'static str {
    match error {
        CallError::Unreachable { .. } => "unreachable",
        CallError::Unknown { .. } => "unknown",
        CallError::Throttled { .. } => "throttled",
        CallError::Denied { .. } => "denied",
        CallError::Rejected { .. } => "rejected",
        CallError::Failed { .. } => "failed",
        CallError::Malformed { .. } => "malformed",
        CallError::Forbidden { .. } => "forbidden",
    }
}
