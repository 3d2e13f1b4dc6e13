//! Tests of every call, error and read.

mod compose;
mod parts;
mod price;
mod views;
