//! Steps that need no chain: train, evaluate, ablate.

mod ablate;
mod evaluate;
mod train;

pub use ablate::{AblateStep, ABLATION_REPORT};
pub use evaluate::{EvaluateStep, Measurement};
pub use train::{TrainStep, ADAPTER_DIR, CURVES_FILE};

use std::path::PathBuf;

use tributary_engine::DeviceChoice;

use crate::recipe::Device;

/// The base model of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
	/// Its Hugging Face folder.
	pub folder: PathBuf,
	/// Hash of its content, hexadecimal.
	pub content: String,
	/// Asset and version on chain.
	pub asset: (u32, u32),
}

fn device(device: Device) -> DeviceChoice {
	match device {
		Device::Cpu => DeviceChoice::Cpu,
		Device::Gpu => DeviceChoice::Auto,
	}
}
