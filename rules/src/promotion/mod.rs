//! Promotion: which environment follows which, and which commit of the base each has.

mod chain;
mod pin;
#[cfg(test)]
mod tests;

pub(crate) use chain::NEXT;
pub use chain::{Chain, ChainEntry, chain};
pub use pin::{Pin, PinError};
