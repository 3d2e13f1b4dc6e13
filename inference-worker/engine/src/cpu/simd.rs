//! Vectors of 16 numbers: kernels are written once over [`Vector`] and compiled for each instruction set.
//!
//! Every operation rounds once, and kernels use them in an order that does not depend on the instruction set, on how
//! many rows are computed together or on the number of threads. So a request gives the same bits whatever else is in
//! its batch, on every processor with fused multiply-add.

use half::f16;

/// Numbers in a vector; also outputs in a panel of packed weights and tokens in a block of the KV cache.
pub(crate) const LANES: usize = 16;

/// Instruction sets with kernels of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
	/// What every processor has.
	Portable,
	/// AVX2, FMA and F16C.
	#[cfg(target_arch = "x86_64")]
	Avx2,
	/// AVX-512 with VNNI.
	#[cfg(target_arch = "x86_64")]
	Avx512,
}

impl Level {
	/// The best that this processor has.
	pub(crate) fn detect() -> Self {
		#[cfg(target_arch = "x86_64")]
		{
			let avx2 = is_x86_feature_detected!("avx2")
				&& is_x86_feature_detected!("fma")
				&& is_x86_feature_detected!("f16c");
			let avx512 = is_x86_feature_detected!("avx512f")
				&& is_x86_feature_detected!("avx512bw")
				&& is_x86_feature_detected!("avx512vl")
				&& is_x86_feature_detected!("avx512dq")
				&& is_x86_feature_detected!("avx512vnni");
			if avx2 && avx512 {
				return Self::Avx512;
			}
			if avx2 {
				return Self::Avx2;
			}
		}
		Self::Portable
	}

	/// Every level that this processor can run, for tests.
	#[cfg(test)]
	pub(crate) fn all() -> Vec<Self> {
		match Self::detect() {
			Self::Portable => vec![Self::Portable],
			#[cfg(target_arch = "x86_64")]
			Self::Avx2 => vec![Self::Portable, Self::Avx2],
			#[cfg(target_arch = "x86_64")]
			Self::Avx512 => vec![Self::Portable, Self::Avx2, Self::Avx512],
		}
	}
}

impl std::fmt::Display for Level {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		formatter.write_str(match self {
			Self::Portable => "portable",
			#[cfg(target_arch = "x86_64")]
			Self::Avx2 => "AVX2",
			#[cfg(target_arch = "x86_64")]
			Self::Avx512 => "AVX-512 VNNI",
		})
	}
}

/// 16 numbers of one instruction set.
///
/// # Safety
/// The processor must have the instruction set, and pointers must be valid for 16 numbers.
pub(crate) trait Vector: Copy {
	unsafe fn zero() -> Self;
	unsafe fn splat(value: f32) -> Self;
	unsafe fn load(from: *const f32) -> Self;
	unsafe fn load_half(from: *const f16) -> Self;
	unsafe fn store(self, to: *mut f32);
	unsafe fn add(self, other: Self) -> Self;
	unsafe fn mul(self, other: Self) -> Self;
	/// `self · by + plus`, rounded once.
	unsafe fn mul_add(self, by: Self, plus: Self) -> Self;
	unsafe fn max(self, other: Self) -> Self;
}

/// Sum of the lanes as a tree, the same at every level.
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
pub(crate) unsafe fn sum<V: Vector>(vector: V) -> f32 {
	let mut lanes = [0f32; LANES];
	// SAFETY: 16 numbers.
	unsafe { vector.store(lanes.as_mut_ptr()) };
	let mut width = LANES / 2;
	while width > 0 {
		for lane in 0..width {
			lanes[lane] += lanes[lane + width];
		}
		width /= 2;
	}
	lanes[0]
}

/// Largest of the lanes.
///
/// # Safety
/// As for [`Vector`].
#[inline(always)]
pub(crate) unsafe fn largest<V: Vector>(vector: V) -> f32 {
	let mut lanes = [0f32; LANES];
	// SAFETY: 16 numbers.
	unsafe { vector.store(lanes.as_mut_ptr()) };
	lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// 16 numbers of any processor.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Plain([f32; LANES]);

impl Plain {
	#[inline(always)]
	fn zip(self, other: Self, with: impl Fn(f32, f32) -> f32) -> Self {
		Self(std::array::from_fn(|lane| with(self.0[lane], other.0[lane])))
	}
}

impl Vector for Plain {
	#[inline(always)]
	unsafe fn zero() -> Self {
		Self([0.0; LANES])
	}

	#[inline(always)]
	unsafe fn splat(value: f32) -> Self {
		Self([value; LANES])
	}

	#[inline(always)]
	unsafe fn load(from: *const f32) -> Self {
		// SAFETY: promised by the caller.
		Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
	}

	#[inline(always)]
	unsafe fn load_half(from: *const f16) -> Self {
		// SAFETY: promised by the caller.
		let halves = unsafe { from.cast::<[f16; LANES]>().read_unaligned() };
		Self(halves.map(f16::to_f32))
	}

	#[inline(always)]
	unsafe fn store(self, to: *mut f32) {
		// SAFETY: promised by the caller.
		unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) };
	}

	#[inline(always)]
	unsafe fn add(self, other: Self) -> Self {
		self.zip(other, |a, b| a + b)
	}

	#[inline(always)]
	unsafe fn mul(self, other: Self) -> Self {
		self.zip(other, |a, b| a * b)
	}

	#[inline(always)]
	unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
		Self(std::array::from_fn(|lane| self.0[lane].mul_add(by.0[lane], plus.0[lane])))
	}

	#[inline(always)]
	unsafe fn max(self, other: Self) -> Self {
		self.zip(other, |a, b| if a > b { a } else { b })
	}
}

#[cfg(target_arch = "x86_64")]
mod x86 {
	use super::{f16, Vector};
	use std::arch::x86_64::*;

	/// A register of AVX-512.
	#[derive(Clone, Copy)]
	pub(crate) struct Wide(__m512);

	/// Two registers of AVX2.
	#[derive(Clone, Copy)]
	pub(crate) struct Pair(__m256, __m256);

	// SAFETY of all operations: the caller promises the instruction set and the pointers.
	impl Vector for Wide {
		#[inline(always)]
		unsafe fn zero() -> Self {
			unsafe { Self(_mm512_setzero_ps()) }
		}

		#[inline(always)]
		unsafe fn splat(value: f32) -> Self {
			unsafe { Self(_mm512_set1_ps(value)) }
		}

		#[inline(always)]
		unsafe fn load(from: *const f32) -> Self {
			unsafe { Self(_mm512_loadu_ps(from)) }
		}

		#[inline(always)]
		unsafe fn load_half(from: *const f16) -> Self {
			unsafe { Self(_mm512_cvtph_ps(_mm256_loadu_si256(from.cast()))) }
		}

		#[inline(always)]
		unsafe fn store(self, to: *mut f32) {
			unsafe { _mm512_storeu_ps(to, self.0) }
		}

		#[inline(always)]
		unsafe fn add(self, other: Self) -> Self {
			unsafe { Self(_mm512_add_ps(self.0, other.0)) }
		}

		#[inline(always)]
		unsafe fn mul(self, other: Self) -> Self {
			unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
		}

		#[inline(always)]
		unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
			unsafe { Self(_mm512_fmadd_ps(self.0, by.0, plus.0)) }
		}

		#[inline(always)]
		unsafe fn max(self, other: Self) -> Self {
			unsafe { Self(_mm512_max_ps(self.0, other.0)) }
		}
	}

	impl Vector for Pair {
		#[inline(always)]
		unsafe fn zero() -> Self {
			unsafe { Self(_mm256_setzero_ps(), _mm256_setzero_ps()) }
		}

		#[inline(always)]
		unsafe fn splat(value: f32) -> Self {
			unsafe { Self(_mm256_set1_ps(value), _mm256_set1_ps(value)) }
		}

		#[inline(always)]
		unsafe fn load(from: *const f32) -> Self {
			unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
		}

		#[inline(always)]
		unsafe fn load_half(from: *const f16) -> Self {
			unsafe {
				let halves = _mm256_loadu_si256(from.cast());
				let low = _mm256_castsi256_si128(halves);
				let high = _mm256_extracti128_si256::<1>(halves);
				Self(_mm256_cvtph_ps(low), _mm256_cvtph_ps(high))
			}
		}

		#[inline(always)]
		unsafe fn store(self, to: *mut f32) {
			unsafe {
				_mm256_storeu_ps(to, self.0);
				_mm256_storeu_ps(to.add(8), self.1);
			}
		}

		#[inline(always)]
		unsafe fn add(self, other: Self) -> Self {
			unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
		}

		#[inline(always)]
		unsafe fn mul(self, other: Self) -> Self {
			unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
		}

		#[inline(always)]
		unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
			unsafe { Self(_mm256_fmadd_ps(self.0, by.0, plus.0), _mm256_fmadd_ps(self.1, by.1, plus.1)) }
		}

		#[inline(always)]
		unsafe fn max(self, other: Self) -> Self {
			unsafe { Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
		}
	}
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Pair, Wide};

/// Defines a function that runs the generic kernel `$body::<V>` compiled for the given [`Level`]. A type in `<>` and
/// numbers in `[]` are handed on to the kernel.
macro_rules! dispatched {
	(
		$(#[$meta:meta])*
		$vis:vis fn $name:ident $(<$number:ident: $bound:ident>)? $([$(const $constant:ident),+])? ($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $body:ident
	) => {
		$(#[$meta])*
		$vis fn $name <$($number: $bound,)? $($(const $constant: usize),+)?> (level: $crate::cpu::simd::Level, $($arg: $type),*) $(-> $ret)? {
			#[cfg(target_arch = "x86_64")]
			{
				#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
				unsafe fn with_avx512 <$($number: $bound,)? $($(const $constant: usize),+)?> ($($arg: $type),*) $(-> $ret)? {
					// SAFETY: this function has the features.
					unsafe { $body::<$crate::cpu::simd::Wide $(, $number)? $($(, $constant)+)?>($($arg),*) }
				}
				#[target_feature(enable = "avx2,fma,f16c")]
				unsafe fn with_avx2 <$($number: $bound,)? $($(const $constant: usize),+)?> ($($arg: $type),*) $(-> $ret)? {
					// SAFETY: this function has the features.
					unsafe { $body::<$crate::cpu::simd::Pair $(, $number)? $($(, $constant)+)?>($($arg),*) }
				}
				match level {
					// SAFETY: the level was detected on this processor.
					$crate::cpu::simd::Level::Avx512 => return unsafe { with_avx512::<$($number,)? $($($constant),+)?>($($arg),*) },
					// SAFETY: the level was detected on this processor.
					$crate::cpu::simd::Level::Avx2 => return unsafe { with_avx2::<$($number,)? $($($constant),+)?>($($arg),*) },
					$crate::cpu::simd::Level::Portable => {}
				}
			}
			let _ = level;
			// SAFETY: plain vectors need no features.
			unsafe { $body::<$crate::cpu::simd::Plain $(, $number)? $($(, $constant)+)?>($($arg),*) }
		}
	};
}
pub(crate) use dispatched;
