//! The halo stand-in.
