//! Tests of every call and error.

mod evaluate;
mod private;
mod register;
