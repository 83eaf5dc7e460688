//! Loads, decides, saves; no rules here.
