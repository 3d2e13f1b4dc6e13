//! Exact integer division of money.

use crate::Balance;
use alloc::{vec, vec::Vec};
use primitive_types::U256;

/// `a * b / c`, rounded down, without intermediate overflow. `None` when `c` is zero or the quotient
/// does not fit.
pub fn mul_div(a: u128, b: u128, c: u128) -> Option<u128> {
	match a.checked_mul(b) {
		Some(product) => product.checked_div(c),
		None => {
			let product = U256::from(a).checked_mul(U256::from(b))?;
			u128::try_from(product.checked_div(U256::from(c))?).ok()
		}
	}
}

/// [`mul_div`] with its remainder.
fn mul_div_rem(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
	let quotient = mul_div(a, b, c)?;
	// The remainder is below `c`, so the low 128 bits of `a * b` and of `quotient * c` determine it.
	Some((quotient, a.wrapping_mul(b).wrapping_sub(quotient.wrapping_mul(c))))
}

/// Divides `total` by `weights`, exactly: the parts sum to `total` (or are all zero when every weight is
/// zero). Each part is the floor of its exact quota; the planck left over go one each to the largest
/// remainders, earlier entries first among equals (Hamilton's method).
///
/// `None` when the weights overflow when summed.
pub fn largest_remainder(total: Balance, weights: &[u128]) -> Option<Vec<Balance>> {
	let sum = weights.iter().try_fold(0u128, |s, w| s.checked_add(*w))?;
	if sum == 0 || total == 0 {
		return Some(vec![0; weights.len()]);
	}
	let mut parts = Vec::with_capacity(weights.len());
	let mut remainders = Vec::with_capacity(weights.len());
	let mut left = total;
	for (index, weight) in weights.iter().enumerate() {
		let (part, remainder) = mul_div_rem(total, *weight, sum)?;
		left = left.checked_sub(part)?;
		parts.push(part);
		remainders.push((remainder, index));
	}
	remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
	for (_, index) in remainders {
		if left == 0 {
			break;
		}
		if let Some(part) = parts.get_mut(index) {
			*part = part.checked_add(1)?;
			left = left.checked_sub(1)?;
		}
	}
	Some(parts)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Numbers of all sizes: most products of two of them need more than 128 bits, some do not.
	fn amounts() -> impl Strategy<Value = u128> {
		(any::<u128>(), 0u32..128).prop_map(|(bits, shift)| bits >> shift)
	}

	proptest! {
		#[test]
		fn mul_div_rem_equals_256_bit_division_when_numbers_are_of_any_size(
			a in amounts(), b in amounts(), c in amounts()
		) {
			prop_assume!(c > 0);
			let (quotient, rest) = (U256::from(a) * U256::from(b)).div_mod(U256::from(c));
			let expected = u128::try_from(quotient).ok().map(|quotient| (quotient, rest.as_u128()));
			prop_assert_eq!(mul_div_rem(a, b, c), expected);
		}

		#[test]
		fn largest_remainder_sums_to_total_when_any_weight_is_set(
			total in any::<u64>(), weights in proptest::collection::vec(0u128..1 << 80, 1..40)
		) {
			let parts = largest_remainder(total.into(), &weights).unwrap();
			let sum: u128 = parts.iter().sum();
			if weights.iter().any(|w| *w > 0) {
				prop_assert_eq!(sum, u128::from(total));
			} else {
				prop_assert_eq!(sum, 0);
			}
		}

		#[test]
		fn largest_remainder_differs_from_quota_by_less_than_one_when_weights_vary(
			total in any::<u32>(), weights in proptest::collection::vec(0u128..1_000, 1..20)
		) {
			let sum: u128 = weights.iter().sum();
			prop_assume!(sum > 0);
			for (part, weight) in largest_remainder(total.into(), &weights).unwrap().iter().zip(&weights) {
				let floor = u128::from(total) * weight / sum;
				prop_assert!(*part == floor || (*part == floor + 1 && u128::from(total) * weight % sum > 0));
			}
		}
	}

	#[test]
	fn largest_remainder_prefers_earlier_when_remainders_tie() {
		assert_eq!(largest_remainder(2, &[1, 1, 1]), Some(vec![1, 1, 0]));
	}

	#[test]
	fn largest_remainder_is_none_when_weights_overflow() {
		assert_eq!(largest_remainder(1, &[u128::MAX, 1]), None);
	}

	#[test]
	fn mul_div_is_none_when_divisor_is_zero() {
		assert_eq!(mul_div(1, 1, 0), None);
	}
}
