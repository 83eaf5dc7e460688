//! The door.

pub mod api;
pub mod health;
pub mod hooks;
pub mod ui;
