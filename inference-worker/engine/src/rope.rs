//! Rotary position embedding (Su et al. 2021) as Hugging Face lays it out: the two halves of a head are rotated.

use std::f64::consts::PI;

use crate::config::{Llama3Scaling, ModelConfig};

/// Cosines and sines of every position, row-major `[positions, head_dim / 2]`.
///
/// A head `(a, b)` of two halves at position `p` becomes `(a·cos − b·sin, b·cos + a·sin)`.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeTable {
	/// Cosines.
	pub cos: Vec<f32>,
	/// Sines.
	pub sin: Vec<f32>,
	/// Half the width of a head: the length of a row.
	pub half: usize,
}

impl RopeTable {
	/// Table for positions `0..positions`, computed in f32 as `transformers` does.
	pub fn new(config: &ModelConfig, positions: usize) -> Self {
		let half = config.head_dim / 2;
		let frequencies = frequencies(config);
		let mut table = Self {
			cos: Vec::with_capacity(positions * half),
			sin: Vec::with_capacity(positions * half),
			half,
		};
		for position in 0..positions {
			for frequency in &frequencies {
				let angle = position as f32 * frequency;
				table.cos.push(angle.cos());
				table.sin.push(angle.sin());
			}
		}
		table
	}
}

/// Angle per position of each pair of a head: `theta^(-2i / head_dim)`, scaled where the configuration says so.
pub fn frequencies(config: &ModelConfig) -> Vec<f32> {
	let half = config.head_dim / 2;
	(0..half)
		.map(|pair| {
			let exponent = (2 * pair) as f64 / config.head_dim as f64;
			let frequency = config.rope_theta.powf(exponent).recip();
			config.rope_scaling.map_or(frequency, |scaling| scale(frequency, scaling)) as f32
		})
		.collect()
}

/// Llama 3.1's rule: long wavelengths are stretched by `factor`, short ones kept, those between interpolated.
fn scale(frequency: f64, scaling: Llama3Scaling) -> f64 {
	let wavelength = 2.0 * PI / frequency;
	let context = scaling.original_context as f64;
	if wavelength < context / scaling.high_freq_factor {
		return frequency;
	}
	if wavelength > context / scaling.low_freq_factor {
		return frequency / scaling.factor;
	}
	let smooth = (context / wavelength - scaling.low_freq_factor)
		/ (scaling.high_freq_factor - scaling.low_freq_factor);
	(1.0 - smooth) * frequency / scaling.factor + smooth * frequency
}
