//! Tests of the real runtime. One program, because each that links the runtime takes minutes to compile.

mod common;
mod fees;
mod genesis;
mod governance;
mod largest;
mod lock;
mod parameters;
mod proxies;
mod safe_mode;
mod upgrade;
mod validators;
mod weights;
