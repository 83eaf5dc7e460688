//! The only file that knows there are two engines.
