//! From a webhook call to a ticket in the one shape.
//!
//! [`prepare`] turns a note into the customer's own words; [`machine`] tells machine text from a person's.

pub mod machine;
pub mod prepare;
pub mod read;
