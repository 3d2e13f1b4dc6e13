//! Tests of every call, function and error.

mod calls;
mod documents;
mod invariants;
mod register;
mod views;
