//! Models and PSAs that fail, and heal.
