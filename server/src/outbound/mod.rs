//! From a plan to the PSA, each action once: [`write_back`] walks the ledger, [`note`] words the notes.

pub mod note;
pub mod write_back;
