//! The rules of the domain, seen from outside.

// `cfg(test)` always holds here; it tells clippy that the helpers, too, are tests.
#[cfg(test)]
mod backoff;
#[cfg(test)]
mod connection;
#[cfg(test)]
mod decide;
#[cfg(test)]
mod example;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod what_if;
