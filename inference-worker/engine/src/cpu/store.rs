//! Numbers kept in 32 or 16 bits.

use half::{f16, vec::HalfBitsVecExt};

use super::simd::Vector;

/// How keys, values and adapters are kept.
pub(crate) trait Number: Copy + Default + Send + Sync + 'static {
	fn of(value: f32) -> Self;
	fn value(self) -> f32;
	/// So many zeros, which take memory only when they are written.
	fn zeros(count: usize) -> Vec<Self>;
	/// 16 numbers.
	///
	/// # Safety
	/// As for [`Vector`].
	unsafe fn load<V: Vector>(from: *const Self) -> V;
}

impl Number for f32 {
	#[inline(always)]
	fn of(value: f32) -> Self {
		value
	}

	#[inline(always)]
	fn value(self) -> f32 {
		self
	}

	fn zeros(count: usize) -> Vec<Self> {
		vec![0.0; count]
	}

	#[inline(always)]
	unsafe fn load<V: Vector>(from: *const Self) -> V {
		// SAFETY: promised by the caller.
		unsafe { V::load(from) }
	}
}

impl Number for f16 {
	#[inline(always)]
	fn of(value: f32) -> Self {
		Self::from_f32(value)
	}

	#[inline(always)]
	fn value(self) -> f32 {
		self.to_f32()
	}

	fn zeros(count: usize) -> Vec<Self> {
		vec![0u16; count].reinterpret_into()
	}

	#[inline(always)]
	unsafe fn load<V: Vector>(from: *const Self) -> V {
		// SAFETY: promised by the caller.
		unsafe { V::load_half(from) }
	}
}
