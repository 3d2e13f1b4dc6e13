//! Tests of every call, function and error.

mod calls;
mod invariants;
mod register;
mod views;
