//! Tests of every call and error.

mod contribute;
mod create;
mod erase;
mod invariants;
mod review;
mod snapshot;
mod views;
