//! The ledger walk.
