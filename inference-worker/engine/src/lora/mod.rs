//! LoRA adapters: read from PEFT folders, brought to the device, applied per row without touching the base.

pub(crate) mod batch;
pub(crate) mod config;
pub(crate) mod host;
pub(crate) mod loader;
pub(crate) mod reader;
pub(crate) mod set;
