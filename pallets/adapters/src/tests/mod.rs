//! Tests of every call and error.

mod evaluate;
mod register;
