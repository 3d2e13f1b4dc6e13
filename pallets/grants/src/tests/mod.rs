//! Tests of every call and error.

mod conservation;
mod grant;
mod private;
mod request;
mod views;
