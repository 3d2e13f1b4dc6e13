//! Lineage income: what a fork or a derived adapter passes on to its parents.

use crate::{limits::MaxPayees, math::mul_div, AssetId, Balance, Ppm, PPM};
use alloc::vec::Vec;
use bounded_collections::BoundedVec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Most of an asset's income that its parents may take together: half.
pub const MAX_PARENTS_SHARE: Ppm = 500_000;

/// A parent and the part of this asset's income that it receives.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Parent {
	/// The asset this one is derived from.
	pub asset: AssetId,
	/// Its part of this asset's income, ppm.
	pub share: Ppm,
}

/// One asset in the flattened lineage of another and the part of the income it receives.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Payee {
	/// The asset paid.
	pub asset: AssetId,
	/// Its part, ppm.
	pub share: Ppm,
}

/// An asset's flattened payees: the asset itself first. The shares sum to [`PPM`].
pub type Payees = BoundedVec<Payee, MaxPayees>;

/// Flattens lineage when an asset version is registered, so that paying it later costs one write per
/// payee and never walks a graph. `parents` come with their own flattened payees.
///
/// A parent's share is spread over the parent's payees, rounded down; what rounding and truncation
/// leave over (more than [`crate::limits::MAX_PAYEES`] payees: the smallest are dropped) stays with the
/// asset itself. `None` when the parents' shares exceed [`MAX_PARENTS_SHARE`] or one of them is zero.
pub fn flatten(asset: AssetId, parents: &[(Parent, Payees)]) -> Option<Payees> {
	let total = parents.iter().try_fold(0u32, |sum, (parent, _)| {
		if parent.share == 0 {
			return None;
		}
		sum.checked_add(parent.share)
	})?;
	if total > MAX_PARENTS_SHARE {
		return None;
	}
	let mut merged: Vec<Payee> = Vec::new();
	for (parent, payees) in parents {
		for payee in payees {
			let share = mul_div(parent.share.into(), payee.share.into(), PPM.into())?;
			let share = Ppm::try_from(share).ok()?;
			if share == 0 || payee.asset == asset {
				continue;
			}
			match merged.iter_mut().find(|known| known.asset == payee.asset) {
				Some(known) => known.share = known.share.checked_add(share)?,
				None => merged.push(Payee { asset: payee.asset, share }),
			}
		}
	}
	merged.sort_by(|a, b| b.share.cmp(&a.share).then(a.asset.cmp(&b.asset)));
	merged.truncate(usize::try_from(crate::limits::MAX_PAYEES).ok()?.checked_sub(1)?);
	let passed_on = merged.iter().try_fold(0u32, |sum, payee| sum.checked_add(payee.share))?;
	let mut payees = Payees::new();
	payees.try_push(Payee { asset, share: PPM.checked_sub(passed_on)? }).ok()?;
	for payee in merged {
		payees.try_push(payee).ok()?;
	}
	Some(payees)
}

/// Divides an asset's income among its payees; rounding goes to the asset itself.
pub fn pay(amount: Balance, payees: &Payees) -> Option<Vec<(AssetId, Balance)>> {
	let mut parts: Vec<(AssetId, Balance)> = Vec::with_capacity(payees.len());
	let mut left = amount;
	for payee in payees.iter().skip(1) {
		let part = mul_div(amount, payee.share.into(), PPM.into())?;
		left = left.checked_sub(part)?;
		parts.push((payee.asset, part));
	}
	parts.insert(0, (payees.first()?.asset, left));
	Some(parts)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	fn own(asset: AssetId) -> Payees {
		flatten(asset, &[]).unwrap()
	}

	#[test]
	fn flatten_dilutes_grandparents_when_parents_have_parents() {
		let parent = flatten(2, &[(Parent { asset: 1, share: 100_000 }, own(1))]).unwrap();
		let child = flatten(3, &[(Parent { asset: 2, share: 200_000 }, parent)]).unwrap();
		let shares: Vec<_> = child.iter().map(|p| (p.asset, p.share)).collect();
		assert_eq!(shares, vec![(3, 800_000), (2, 180_000), (1, 20_000)]);
	}

	#[test]
	fn flatten_is_none_when_parents_take_more_than_half() {
		assert_eq!(flatten(2, &[(Parent { asset: 1, share: 500_001 }, own(1))]), None);
	}

	#[test]
	fn flatten_is_none_when_a_share_is_zero() {
		assert_eq!(flatten(2, &[(Parent { asset: 1, share: 0 }, own(1))]), None);
	}

	proptest! {
		#[test]
		fn pay_conserves_every_planck_when_lineage_is_deep(
			amount in any::<u64>(), links in proptest::collection::vec((1u32..=250_000, 1u32..=250_000), 1..30)
		) {
			let mut line = vec![own(0), own(1)];
			for (index, (a, b)) in links.iter().enumerate() {
				let id = index as u32 + 2;
				let parents = [
					(Parent { asset: id - 1, share: *a }, line[line.len() - 1].clone()),
					(Parent { asset: id - 2, share: *b }, line[line.len() - 2].clone()),
				];
				let payees = flatten(id, &parents).unwrap();
				prop_assert_eq!(payees.iter().map(|p| p.share).sum::<u32>(), PPM);
				prop_assert!(payees[0].share >= PPM - MAX_PARENTS_SHARE);
				let paid: u128 = pay(amount.into(), &payees).unwrap().iter().map(|(_, x)| x).sum();
				prop_assert_eq!(paid, u128::from(amount));
				line.push(payees);
			}
		}
	}
}
