//! The connectwise stand-in.
