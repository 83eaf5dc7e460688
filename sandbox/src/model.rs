//! The model stand-in.
