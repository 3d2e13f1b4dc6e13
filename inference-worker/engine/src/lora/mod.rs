//! LoRA adapters: read from PEFT folders, brought to the device, applied per row without touching the base.

pub(crate) mod batch;
pub(crate) mod config;
pub(crate) mod host;
pub(crate) mod loader;
pub(crate) mod reader;
pub(crate) mod set;

use crate::{config::ModelConfig, error::AdapterError};
use std::path::Path;

/// Reads an adapter of at most `budget` bytes as the engine would load it, without an engine. Gives its size in memory,
/// bytes.
pub fn check_adapter(dir: &Path, model: &ModelConfig, budget: u64) -> Result<u64, AdapterError> {
	reader::read(dir, model, budget).map(|adapter| adapter.bytes)
}
