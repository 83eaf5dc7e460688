//! Carries tickets between the stages.
