//! Fixed-point logarithm: the same on every machine, which floating point is not.

/// Fractional bits of [`log2`].
pub(crate) const FRACTION_BITS: u32 = 16;

/// `log2(x)` with [`FRACTION_BITS`] fractional bits, rounded down; 0 for 0. O(1).
///
/// The fraction comes bit by bit: squaring a mantissa in [1, 2) doubles its logarithm.
pub(crate) fn log2(x: u64) -> u64 {
	let Some(whole) = x.checked_ilog2() else { return 0 };
	let mut mantissa = u128::from(x) << (63 - whole);
	let mut fraction = 0u64;
	for _ in 0..FRACTION_BITS {
		mantissa = (mantissa * mantissa) >> 63;
		fraction <<= 1;
		if mantissa >> 64 != 0 {
			mantissa >>= 1;
			fraction |= 1;
		}
	}
	(u64::from(whole) << FRACTION_BITS) | fraction
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn log2_is_exact_when_argument_is_a_power_of_two() {
		for power in 0..64 {
			assert_eq!(log2(1 << power), power << FRACTION_BITS);
		}
	}

	#[test]
	fn log2_is_zero_when_argument_is_zero() {
		assert_eq!(log2(0), 0);
	}

	proptest! {
		#[test]
		fn log2_agrees_with_floating_point_when_argument_varies(x in 1u64..) {
			let expected = (x as f64).log2() * f64::from(1u32 << FRACTION_BITS);
			prop_assert!((log2(x) as f64 - expected).abs() <= 2.0);
		}

		#[test]
		fn log2_never_falls_when_argument_grows(x in 1u64..u64::MAX) {
			prop_assert!(log2(x) <= log2(x + 1));
		}
	}
}
