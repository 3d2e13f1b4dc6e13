//! The model on the CPU: kernels of our own for packed weights, paged attention and low-rank updates.
//!
//! What a row of a step gives depends on nothing but the row: not on the rows beside it, the chunks a prompt was cut
//! into, the number of threads or the instruction set.

// Kernels index several arrays of registers in step; iterators over one of them would hide that.
#![allow(clippy::needless_range_loop)]

mod attention;
mod columns;
mod elementwise;
mod lora;
mod model;
mod quantize;
mod simd;
mod store;
#[cfg(test)]
mod tests;
mod weights;

pub(crate) use model::CpuModel;
pub(crate) use quantize::{quantize_weights, BLOCK};
pub use weights::Precision;
