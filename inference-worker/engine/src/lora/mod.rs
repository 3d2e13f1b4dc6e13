//! LoRA adapters: read from PEFT folders, kept under a byte budget, applied per row without touching the base.

pub(crate) mod batch;
pub(crate) mod config;
pub(crate) mod loader;
pub(crate) mod reader;
pub(crate) mod set;
pub(crate) mod store;
