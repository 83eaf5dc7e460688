//! The autotask stand-in.
