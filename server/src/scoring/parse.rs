//! A model answer to an assessment, or what is wrong with it.
