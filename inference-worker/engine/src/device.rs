//! Which processor runs the model; chosen once, at start.

use std::{fmt, str::FromStr};

use burn::tensor::{Device, DeviceKind, DeviceType};

use crate::{config::ModelConfig, cpu::Precision, error::EngineError};

/// Device asked for by the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
	/// A real GPU if there is one, else the CPU.
	#[default]
	Auto,
	/// CPU, on kernels of this engine.
	Cpu,
	/// CPU, on Burn's tensors: slower, what the others are compared with.
	Flex,
	/// GPU through the graphics API that the machine offers, shaders in WGSL (SPIR-V with feature `vulkan`).
	Wgpu,
	/// GPU through Vulkan and SPIR-V; feature `vulkan`.
	Vulkan,
	/// NVIDIA GPU through CUDA; feature `cuda`.
	Cuda,
}

impl fmt::Display for DeviceChoice {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		formatter.write_str(match self {
			Self::Auto => "auto",
			Self::Cpu => "cpu",
			Self::Flex => "flex",
			Self::Wgpu => "wgpu",
			Self::Vulkan => "vulkan",
			Self::Cuda => "cuda",
		})
	}
}

impl FromStr for DeviceChoice {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, Self::Err> {
		[Self::Auto, Self::Cpu, Self::Flex, Self::Wgpu, Self::Vulkan, Self::Cuda]
			.into_iter()
			.find(|choice| choice.to_string() == text)
			.ok_or_else(|| format!("{text:?} is no device; use auto, cpu, flex, wgpu, vulkan or cuda"))
	}
}

impl DeviceChoice {
	/// In what the weights are kept on a resolved device when `asked` is configured.
	pub(crate) fn precision(self, config: &ModelConfig, asked: Precision) -> Result<Precision, EngineError> {
		let refused = match (self, asked) {
			(Self::Flex, Precision::Half | Precision::Int8 | Precision::Int4) => {
				"flex: choose precision full"
			}
			(Self::Cpu, Precision::Half) => "the CPU: choose precision full, int8 or int4",
			// What was quantized is computed in floats there.
			(Self::Flex, Precision::Full) => return Ok(Precision::Full),
			_ => return config.precision(asked),
		};
		Err(EngineError::Config(format!("weights in {asked} are not computed on {refused}")))
	}
}

/// Resolves a choice to a device of this machine, Burn's where it runs on Burn; the choice returned is never `Auto`.
///
/// Software rasterizers are listed by the graphics API but never opened: some crash the process.
pub(crate) fn open(choice: DeviceChoice) -> Result<(DeviceChoice, Option<Device>), EngineError> {
	let found = match choice {
		DeviceChoice::Auto => [DeviceChoice::Cuda, DeviceChoice::Vulkan, DeviceChoice::Wgpu]
			.into_iter()
			.find_map(|gpu| find_gpu(gpu).map(|device| (gpu, Some(device))))
			.or(Some((DeviceChoice::Cpu, None))),
		DeviceChoice::Cpu => Some((choice, None)),
		DeviceChoice::Flex => Some((choice, Some(Device::flex()))),
		gpu => find_gpu(gpu).map(|device| (gpu, Some(device))),
	};
	found.ok_or_else(|| EngineError::Device {
		device: choice,
		reason: match is_built(choice) {
			true => "no such GPU in this machine; install its driver, or choose cpu".into(),
			false => format!("not in this build; build with `--features {choice}`, or choose cpu"),
		},
	})
}

// Clippy would write one expression of cfgs, true or false only in other builds.
#[allow(clippy::match_like_matches_macro)]
fn is_built(choice: DeviceChoice) -> bool {
	match choice {
		DeviceChoice::Vulkan => cfg!(feature = "vulkan"),
		DeviceChoice::Cuda => cfg!(feature = "cuda"),
		_ => true,
	}
}

fn find_gpu(choice: DeviceChoice) -> Option<Device> {
	let (present, candidates): (_, Vec<Device>) = match choice {
		DeviceChoice::Wgpu => (DeviceType::Wgpu, gpu_kinds().map(Device::wgpu).collect()),
		#[cfg(feature = "vulkan")]
		DeviceChoice::Vulkan => (DeviceType::Vulkan, gpu_kinds().map(Device::vulkan).collect()),
		#[cfg(feature = "cuda")]
		DeviceChoice::Cuda => (DeviceType::Cuda, vec![Device::cuda(0)]),
		_ => return None,
	};
	let present = Device::enumerate(present).into_vec();
	candidates.into_iter().find(|candidate| present.contains(candidate))
}

fn gpu_kinds() -> impl Iterator<Item = DeviceKind> {
	[DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0)].into_iter()
}

/// Memory that a new allocation may use, bytes, where the system tells.
pub(crate) fn available_memory(choice: DeviceChoice) -> Option<u64> {
	if !matches!(choice, DeviceChoice::Cpu | DeviceChoice::Flex) {
		return None;
	}
	let text = std::fs::read_to_string("/proc/meminfo").ok()?;
	let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
	line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}
