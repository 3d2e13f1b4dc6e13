//! How a fee is divided among the parts of an answer.

use crate::{math::largest_remainder, Balance, Ppm, PPM};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Shares of a net fee (fee less the price of tool calls and the flat platform fee) in ppm. They sum to
/// [`PPM`].
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SplitTable {
	/// The treasury.
	pub platform: Ppm,
	/// The operator who ran the inference.
	pub worker: Ppm,
	/// Stakers.
	pub stakers: Ppm,
	/// The base model's owner and lineage.
	pub base_model: Ppm,
	/// Adapters, by price.
	pub adapters: Ppm,
	/// Prompts, by price.
	pub prompts: Ppm,
	/// Tools that were called, by what their calls cost: beside that cost, which is theirs whole.
	pub tools: Ppm,
	/// Evaluators of the adapters and the base model.
	pub evaluators: Ppm,
	/// The author of the agent.
	pub agent: Ppm,
	/// Contributors, by attribution vector.
	pub data: Ppm,
}

impl Default for SplitTable {
	fn default() -> Self {
		Self {
			platform: 20_000,
			worker: 300_000,
			stakers: 50_000,
			base_model: 80_000,
			adapters: 120_000,
			prompts: 50_000,
			tools: 50_000,
			evaluators: 30_000,
			agent: 50_000,
			data: 250_000,
		}
	}
}

/// Number of parts in a [`SplitTable`].
pub const PARTS: usize = 10;

impl SplitTable {
	/// The shares in declaration order.
	pub fn shares(&self) -> [Ppm; PARTS] {
		[
			self.platform,
			self.worker,
			self.stakers,
			self.base_model,
			self.adapters,
			self.prompts,
			self.tools,
			self.evaluators,
			self.agent,
			self.data,
		]
	}

	/// Whether the shares sum to one whole and the worker's is not zero (it is always present, so a
	/// fee always has somewhere to go).
	pub fn is_valid(&self) -> bool {
		let sum = self.shares().iter().try_fold(0u32, |s, share| s.checked_add(*share));
		sum == Some(PPM) && self.worker > 0
	}
}

/// Which parts of an agent took part in an answer. The platform and the worker are always present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
	/// Somebody stakes.
	pub stakers: bool,
	/// A base model (every agent has one).
	pub base_model: bool,
	/// At least one active adapter.
	pub adapters: bool,
	/// At least one active prompt.
	pub prompts: bool,
	/// At least one call of a tool.
	pub tools: bool,
	/// At least one evaluation of the base model or an active adapter.
	pub evaluators: bool,
	/// An author (every agent has one).
	pub agent: bool,
	/// At least one active DataNet.
	pub data: bool,
}

/// A divided fee in planck. The parts sum to what was divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Split {
	/// The treasury.
	pub platform: Balance,
	/// The operator.
	pub worker: Balance,
	/// Stakers.
	pub stakers: Balance,
	/// The base model.
	pub base_model: Balance,
	/// All adapters.
	pub adapters: Balance,
	/// All prompts.
	pub prompts: Balance,
	/// All tools.
	pub tools: Balance,
	/// All evaluators.
	pub evaluators: Balance,
	/// The agent's author.
	pub agent: Balance,
	/// All contributors.
	pub data: Balance,
}

/// Divides `net` by the table. An absent part's share goes to the present parts pro rata; rounding by
/// largest remainder. `None` only when the table is not valid.
pub fn split(net: Balance, table: &SplitTable, presence: Presence) -> Option<Split> {
	if !table.is_valid() {
		return None;
	}
	let present = [
		true,
		true,
		presence.stakers,
		presence.base_model,
		presence.adapters,
		presence.prompts,
		presence.tools,
		presence.evaluators,
		presence.agent,
		presence.data,
	];
	let weights: Vec<u128> = table
		.shares()
		.iter()
		.zip(present)
		.map(|(share, present)| if present { u128::from(*share) } else { 0 })
		.collect();
	let parts: [Balance; PARTS] = largest_remainder(net, &weights)?.try_into().ok()?;
	let [platform, worker, stakers, base_model, adapters, prompts, tools, evaluators, agent, data] = parts;
	Some(Split { platform, worker, stakers, base_model, adapters, prompts, tools, evaluators, agent, data })
}

/// Divides one part among several assets by their prices; equally when none has a price.
pub fn split_by_price(amount: Balance, prices: &[Balance]) -> Option<Vec<Balance>> {
	if prices.iter().all(|price| *price == 0) {
		let equal: Vec<u128> = prices.iter().map(|_| 1).collect();
		return largest_remainder(amount, &equal);
	}
	largest_remainder(amount, prices)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn sum(s: &Split) -> u128 {
		s.platform
			+ s.worker
			+ s.stakers
			+ s.base_model
			+ s.adapters
			+ s.prompts
			+ s.tools + s.evaluators
			+ s.agent + s.data
	}

	#[test]
	fn default_table_is_valid_when_summed() {
		assert!(SplitTable::default().is_valid());
	}

	#[test]
	fn split_is_none_when_shares_do_not_sum_to_one() {
		let table = SplitTable { data: 1, ..Default::default() };
		assert_eq!(split(1_000, &table, Presence::default()), None);
	}

	#[test]
	fn split_follows_table_when_all_parts_are_present() {
		let all = Presence {
			stakers: true,
			base_model: true,
			adapters: true,
			prompts: true,
			tools: true,
			evaluators: true,
			agent: true,
			data: true,
		};
		let s = split(1_000_000, &SplitTable::default(), all).unwrap();
		assert_eq!((s.platform, s.worker, s.data), (20_000, 300_000, 250_000));
	}

	proptest! {
		#[test]
		fn split_conserves_every_planck_when_parts_are_absent(net in any::<u64>(), bits in any::<u8>()) {
			let presence = Presence {
				stakers: bits & 1 > 0, base_model: bits & 2 > 0, adapters: bits & 4 > 0, prompts: bits & 8 > 0,
				tools: bits & 16 > 0, evaluators: bits & 32 > 0, agent: bits & 64 > 0, data: bits & 128 > 0,
			};
			let s = split(net.into(), &SplitTable::default(), presence).unwrap();
			prop_assert_eq!(sum(&s), u128::from(net));
			if !presence.data { prop_assert_eq!(s.data, 0); }
			if !presence.stakers { prop_assert_eq!(s.stakers, 0); }
		}

		#[test]
		fn split_by_price_conserves_every_planck_when_prices_vary(
			amount in any::<u64>(), prices in proptest::collection::vec(0u128..1 << 70, 1..8)
		) {
			let parts = split_by_price(amount.into(), &prices).unwrap();
			prop_assert_eq!(parts.iter().sum::<u128>(), u128::from(amount));
		}
	}
}
