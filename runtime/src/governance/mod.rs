//! Governance by token holders: referenda with conviction voting, on tracks whose origins may each do one
//! thing. The configuration of the pallets is in `configs/governance.rs`, how to use it in
//! `docs/governance.md`.

pub mod origins;
pub mod tracks;
mod votes;

pub use votes::{Votable, Voters};
