//! What becomes of an agent version's fees.

use super::charges::Usage;
use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use tributary_primitives::{
	royalty,
	split::{split, split_by_price, Presence},
	traits::{Part, Parts, VaultHolders},
	views::Parameters,
	Balance, VaultKey,
};

/// Sums of vault credits, by vault.
#[derive(Default)]
pub(crate) struct Credits(BTreeMap<VaultKey, Balance>);

impl Credits {
	/// Adds a credit; nothing is kept for zero. `None` on overflow.
	fn add(&mut self, vault: VaultKey, amount: Balance) -> Option<()> {
		if amount > 0 {
			let sum = self.0.entry(vault).or_default();
			*sum = sum.checked_add(amount)?;
		}
		Some(())
	}

	/// Adds an asset's income, divided among the asset and its lineage. `None` on overflow.
	fn add_asset(&mut self, amount: Balance, payees: &royalty::Payees) -> Option<()> {
		let parts = royalty::pay(amount, payees)?;
		parts.into_iter().try_for_each(|(asset, part)| self.add(VaultKey::Asset(asset), part))
	}

	/// Divides one part among several assets by weight. `None` on overflow.
	fn add_by_price(&mut self, amount: Balance, assets: &[Part]) -> Option<()> {
		let prices: Vec<Balance> = assets.iter().map(|part| part.weight).collect();
		let shares = split_by_price(amount, &prices)?;
		assets.iter().zip(shares).try_for_each(|(part, share)| self.add_asset(share, &part.payees))
	}

	/// The credits in vault order.
	pub(crate) fn into_sums(self) -> Vec<(VaultKey, Balance)> {
		self.0.into_iter().collect()
	}
}

/// The tools that were called; each weighs what its calls cost. `None` on overflow, or when an index is of no
/// tool.
fn called(parts: &Parts, usage: &Usage) -> Option<Vec<Part>> {
	let part = |(tool, calls): (&u8, &u32)| {
		let tool = parts.tools.get(usize::from(*tool))?;
		Some(Part { weight: tool.price.checked_mul((*calls).into())?, payees: tool.payees.clone() })
	};
	usage.calls.iter().map(part).collect()
}

impl<T: Config> Pallet<T> {
	/// Divides the fees of an agent version with its active skills and adds the static shares to `credits`.
	/// Tools are paid their calls first, then the platform its flat fee, as far as there is money: it may have
	/// been raised since the answers were given. Returns the price of the calls and the data share. `None` on
	/// overflow, or when the fees do not pay for the calls.
	pub(crate) fn divide_fees(
		worker: &T::AccountId,
		parts: &Parts,
		usage: &Usage,
		parameters: &Parameters,
		credits: &mut Credits,
	) -> Option<(Balance, Balance)> {
		let called = called(parts, usage)?;
		let tools = called.iter().try_fold(0u128, |sum, tool| sum.checked_add(tool.weight))?;
		let left = usage.fee.checked_sub(tools)?;
		let flat = parameters.platform_fee.checked_mul(usage.records.into())?.min(left);
		let presence = Presence {
			stakers: Self::total_weight(VaultKey::Stakers) > 0,
			base_model: true,
			adapters: !parts.adapters.is_empty(),
			prompts: !parts.prompts.is_empty(),
			tools: !called.is_empty(),
			evaluators: !parts.evaluated.is_empty(),
			agent: true,
			data: !parts.datanets.is_empty(),
		};
		let shares = split(left.checked_sub(flat)?, &parameters.split, presence)?;
		credits.add(VaultKey::Platform, flat.checked_add(shares.platform)?)?;
		credits.add(VaultKey::Operator(worker.clone().into()), shares.worker)?;
		credits.add(VaultKey::Stakers, shares.stakers)?;
		credits.add_asset(shares.base_model, &parts.base)?;
		credits.add_by_price(shares.adapters, &parts.adapters)?;
		credits.add_by_price(shares.prompts, &parts.prompts)?;
		called.iter().try_for_each(|tool| credits.add_asset(tool.weight, &tool.payees))?;
		credits.add_by_price(shares.tools, &called)?;
		credits.add_asset(shares.agent, &parts.agent)?;
		let equal: Vec<Balance> = parts.evaluated.iter().map(|_| 0).collect();
		for (asset, share) in parts.evaluated.iter().zip(split_by_price(shares.evaluators, &equal)?) {
			credits.add(VaultKey::Evaluators(*asset), share)?;
		}
		Some((tools, shares.data))
	}
}
