//! What is computed number by number: exponentials, norms, rotations and activations.

use super::simd::{dispatched, sum, Vector, LANES};

/// `e^x`, within 2 units in the last place; 0 below -87.3, and never infinite.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
	const LN2_HIGH: f32 = 0.693_359_4;
	const LN2_LOW: f32 = -2.121_944_4e-4;
	/// Adding it rounds to an integer, whose bits stay in the low ones of the sum.
	const ROUND: f32 = 12_582_912.0;
	let clamped = if x < -87.3 { -87.3 } else { x };
	let clamped = if clamped > 88.3 { 88.3 } else { clamped };
	let shifted = clamped.mul_add(std::f32::consts::LOG2_E, ROUND);
	let whole = shifted - ROUND;
	let rest = whole.mul_add(-LN2_LOW, whole.mul_add(-LN2_HIGH, clamped));
	// Cephes' polynomial for |rest| <= ln(2) / 2.
	let mut power = 1.987_569_1e-4f32;
	power = power.mul_add(rest, 1.398_199_9e-3);
	power = power.mul_add(rest, 8.333_452e-3);
	power = power.mul_add(rest, 4.166_579_6e-2);
	power = power.mul_add(rest, 1.666_666_5e-1);
	power = power.mul_add(rest, 0.5);
	power = power.mul_add(rest * rest, rest + 1.0);
	let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
	let value = power * f32::from_bits(exponent << 23);
	if x < -87.3 {
		0.0
	} else {
		value
	}
}

dispatched! {
	/// RMSNorm (Zhang and Sennrich 2019) of a row.
	pub(crate) fn rms_norm(input: &[f32], weight: &[f32], epsilon: f32, output: &mut [f32]) = rms_norm_with
}

#[inline(always)]
unsafe fn rms_norm_with<V: Vector>(input: &[f32], weight: &[f32], epsilon: f32, output: &mut [f32]) {
	// SAFETY: promised by the caller.
	let scale = unsafe { inverse_rms::<V>(input, epsilon) };
	for ((output, value), weight) in output.iter_mut().zip(input).zip(weight) {
		*output = value * scale * weight;
	}
}

dispatched! {
	/// RMSNorm of each head of a row, in its place.
	pub(crate) fn norm_heads(heads: &mut [f32], weight: &[f32], epsilon: f32) = norm_heads_with
}

#[inline(always)]
unsafe fn norm_heads_with<V: Vector>(heads: &mut [f32], weight: &[f32], epsilon: f32) {
	for head in heads.chunks_exact_mut(weight.len()) {
		// SAFETY: promised by the caller.
		let scale = unsafe { inverse_rms::<V>(head, epsilon) };
		for (value, weight) in head.iter_mut().zip(weight) {
			*value = *value * scale * weight;
		}
	}
}

/// `1 / sqrt(mean of the squares + epsilon)`.
#[inline(always)]
unsafe fn inverse_rms<V: Vector>(input: &[f32], epsilon: f32) -> f32 {
	let chunks = input.chunks_exact(LANES);
	let tail = chunks.remainder();
	// SAFETY: 16 numbers each.
	let squares = unsafe {
		let mut squares = V::zero();
		for chunk in chunks {
			let values = V::load(chunk.as_ptr());
			squares = values.mul_add(values, squares);
		}
		sum(squares)
	};
	let squares = tail.iter().fold(squares, |squares, value| value.mul_add(*value, squares));
	1.0 / (squares / input.len() as f32 + epsilon).sqrt()
}

dispatched! {
	/// `silu(gate) · up` of a row `[gate, up]`.
	pub(crate) fn gated(gate: &[f32], up: &[f32], output: &mut [f32]) = gated_with
}

#[inline(always)]
unsafe fn gated_with<V: Vector>(gate: &[f32], up: &[f32], output: &mut [f32]) {
	for ((output, gate), up) in output.iter_mut().zip(gate).zip(up) {
		*output = gate / (1.0 + exp(-gate)) * up;
	}
}

dispatched! {
	/// Rotates every head of a row by its position's angles and multiplies it by `scale`.
	pub(crate) fn rotate(heads: &mut [f32], cosines: &[f32], sines: &[f32], scale: f32) = rotate_with
}

#[inline(always)]
unsafe fn rotate_with<V: Vector>(heads: &mut [f32], cosines: &[f32], sines: &[f32], scale: f32) {
	for head in heads.chunks_exact_mut(2 * cosines.len()) {
		let (first, second) = head.split_at_mut(cosines.len());
		for (((a, b), cosine), sine) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
			let rotated = ((*a * cosine - *b * sine) * scale, (*b * cosine + *a * sine) * scale);
			(*a, *b) = rotated;
		}
	}
}

dispatched! {
	/// Adds a row to another.
	pub(crate) fn add(to: &mut [f32], other: &[f32]) = add_with
}

#[inline(always)]
unsafe fn add_with<V: Vector>(to: &mut [f32], other: &[f32]) {
	for (to, other) in to.iter_mut().zip(other) {
		*to += other;
	}
}

dispatched! {
	/// Adds a row, scaled, to another.
	pub(crate) fn add_scaled(to: &mut [f32], other: &[f32], scale: f32) = add_scaled_with
}

#[inline(always)]
unsafe fn add_scaled_with<V: Vector>(to: &mut [f32], other: &[f32], scale: f32) {
	for (to, other) in to.iter_mut().zip(other) {
		*to = other.mul_add(scale, *to);
	}
}
