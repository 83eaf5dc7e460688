//! The text technicians read.
