//! The ConnectWise adapter against the stand-in.
