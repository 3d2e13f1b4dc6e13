//! Types and money maths that pallets, worker and command line share.
//!
//! Everything here is pure, `no_std`, integer-only and free of the SDK, so that the chain, a worker and
//! a stranger who checks a batch compute the same bytes. SCALE encodings of what crosses a process
//! boundary are pinned by golden vectors in `vectors/`.
//!
//! Units: money is in **planck** ([`Balance`], 10^-12 TRB), shares in **ppm** (parts per million),
//! text length in model **tokens**.

#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
	not(test),
	deny(
		clippy::arithmetic_side_effects,
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::indexing_slicing,
		clippy::panic,
		clippy::unreachable,
		clippy::todo,
		clippy::unimplemented
	)
)]

extern crate alloc;

pub mod batch;
pub mod earnings;
pub mod fee;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod math;
pub mod merkle_sum;
pub mod range;
pub mod record;
pub mod request;
pub mod royalty;
pub mod served;
pub mod split;
pub mod traits;
pub mod views;
pub mod voucher;

pub use ids::*;
pub use served::{Served, SkillSet};
