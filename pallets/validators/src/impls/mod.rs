//! What the calls and hooks do, by subject.

pub(crate) mod candidates;
pub(crate) mod liveness;
pub(crate) mod rewards;
pub mod sessions;
pub(crate) mod slashing;
pub(crate) mod stake;
mod views;
