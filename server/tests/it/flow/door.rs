//! The webhook door from outside.
