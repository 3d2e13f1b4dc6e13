//! Runs fuzz targets on stable Rust: replays a kept corpus, generates and mutates inputs from a seed, shrinks what
//! fails and says what it did.
//!
//! A target is a function of bytes that panics when something is wrong. It tells the driver by [`Trace`] what it
//! reached; an input that reaches something new is mutated further. That steers as coverage does, without a
//! compiler that instruments. Both workspaces use it, so it knows neither the chain nor the worker.

mod campaign;
mod cli;
mod corpus;
mod input;
mod meter;
mod mutate;
mod random;
mod shrink;
mod trace;

pub use campaign::{run_once, Failure};
pub use cli::{main, Settings};
pub use corpus::{distilled, load};
pub use input::Input;
pub use meter::{peak_of, Meter};
pub use mutate::mutate;
pub use random::Random;
pub use shrink::shrink;
pub use trace::{Outcomes, Trace};

/// A function that no bytes may make panic.
#[derive(Clone, Copy)]
pub struct Target {
	/// Its name, also its folder's in the corpus.
	pub name: &'static str,
	/// Longest input, bytes.
	pub longest: usize,
	/// Its part of the time when several run, in shares.
	pub shares: u32,
	/// Runs it.
	pub run: fn(&[u8], &mut Trace),
	/// Inputs to begin with, beside the corpus.
	pub seeds: fn() -> Vec<Vec<u8>>,
}
