//! What the worker and the command line share.
//!
//! - [`content`]: files and folders stored under their BLAKE3 hash, checked whenever they are read;
//! - [`keys`]: sr25519 keys, addresses and key files that polkadot.js can import;
//! - [`private`]: private DataNets: contributions as age files, the keys to them, capsules of grants;
//! - [`provenance`]: signed statements of where an asset or an answer comes from;
//! - [`voucher`]: what a payer signs for each request, and how it travels in HTTP headers;
//! - [`chain`]: reads, calls and submission, with errors that name the pallet, the error and the way out;
//! - [`batch`]: usage batches: building them, and recomputing every number in one.
//!
//! Money is in planck (10^-12 TRB), shares in ppm, text in model tokens.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod batch;
pub mod chain;
pub mod content;
pub mod http;
pub mod keys;
pub mod money;
pub mod private;
pub mod provenance;
pub mod voucher;

pub use chain::{Chain, ChainError};
pub use content::{ContentError, Store};
pub use keys::{KeyError, Keypair};
