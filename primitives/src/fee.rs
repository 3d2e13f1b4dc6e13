//! What a request costs.

use crate::{math::mul_div, Balance};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Weights of prices end here, 18 million TRB: with one owner's price as high as it can be stored, the weights of all
/// parts of an agent still have a sum.
pub const MAX_WEIGHT: Balance = u64::MAX as Balance;

/// Planck per 1,000 tokens.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Price {
	/// For tokens read.
	pub input: Balance,
	/// For tokens written.
	pub output: Balance,
}

impl Price {
	/// Sum of two prices.
	pub fn checked_add(self, other: Self) -> Option<Self> {
		Some(Self {
			input: self.input.checked_add(other.input)?,
			output: self.output.checked_add(other.output)?,
		})
	}

	/// Whether both rates are at least `other`'s.
	pub fn covers(self, other: Self) -> bool {
		self.input >= other.input && self.output >= other.output
	}

	/// The price's weight when one part of a fee is shared among several assets of a kind: what 1,000
	/// tokens in and out cost, up to [`MAX_WEIGHT`].
	pub fn weight(self) -> Balance {
		self.input.saturating_add(self.output).min(MAX_WEIGHT)
	}
}

/// Fee of one request in planck: `in * r_in / 1000 + out * r_out / 1000 + tools + platform`, each
/// quotient rounded up (a request never costs less than its rate). `None` on overflow.
pub fn fee(
	price: Price,
	tokens_in: u32,
	tokens_out: u32,
	tools: Balance,
	platform: Balance,
) -> Option<Balance> {
	let part = |rate: Balance, tokens: u32| -> Option<Balance> {
		let floor = mul_div(rate, tokens.into(), 1_000)?;
		let exact = rate.checked_mul(tokens.into())?.checked_rem(1_000)? == 0;
		if exact {
			Some(floor)
		} else {
			floor.checked_add(1)
		}
	};
	part(price.input, tokens_in)?
		.checked_add(part(price.output, tokens_out)?)?
		.checked_add(tools)?
		.checked_add(platform)
}

/// What tool calls cost, planck: the sum of number of calls times price per call. `None` on overflow.
pub fn price_of_calls(calls: impl IntoIterator<Item = (u32, Balance)>) -> Option<Balance> {
	calls.into_iter().try_fold(0u128, |sum, (calls, price)| sum.checked_add(price.checked_mul(calls.into())?))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::split::split_by_price;
	use proptest::prelude::*;

	#[test]
	fn parts_share_a_fee_when_a_price_is_absurd() {
		let price = |input| Price { input, output: 1 };
		let prices: [_; 3] = [Balance::MAX, Balance::MAX, 999].map(|input| price(input).weight());
		let parts = split_by_price(u64::MAX.into(), &prices).unwrap();
		assert_eq!(parts.iter().sum::<Balance>(), u64::MAX.into());
		assert_eq!(prices[2], 1_000);
	}

	#[test]
	fn fee_rounds_each_part_up_when_rates_do_not_divide() {
		let price = Price { input: 1, output: 999 };
		assert_eq!(fee(price, 1, 1, 0, 0), Some(2));
		assert_eq!(fee(price, 1_000, 1_000, 5, 7), Some(1 + 999 + 12));
	}

	#[test]
	fn fee_is_none_when_it_overflows() {
		assert_eq!(fee(Price { input: u128::MAX, output: 0 }, 2_000, 0, 0, 0), None);
	}

	#[test]
	fn calls_cost_number_times_price_when_summed_and_none_when_it_overflows() {
		assert_eq!(price_of_calls([(2, 30), (1, 0), (3, 5)]), Some(75));
		assert_eq!(price_of_calls([]), Some(0));
		assert_eq!(price_of_calls([(2, u128::MAX)]), None);
		assert_eq!(price_of_calls([(1, u128::MAX), (1, 1)]), None);
	}

	proptest! {
		#[test]
		fn fee_grows_when_tokens_grow(rate in 0u128..1 << 60, a in any::<u16>(), b in any::<u16>()) {
			let price = Price { input: rate, output: rate };
			let (low, high) = (a.min(b).into(), a.max(b).into());
			prop_assert!(fee(price, low, 0, 0, 0) <= fee(price, high, 0, 0, 0));
			prop_assert!(fee(price, 0, low, 0, 0) <= fee(price, 0, high, 0, 0));
		}
	}
}
