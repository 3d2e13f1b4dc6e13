//! The accumulator behind a vault: pure, exact, in whole planck.
//!
//! A credit adds `floor((amount + rest) / total weight)` planck per unit of weight and keeps the rest for
//! the next. So `credited = claimed + owed to holders + rest` holds after every step, to the planck.

use codec::{Decode, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use tributary_primitives::{views::VaultView, Balance, VaultKey};

/// A vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Vault {
	/// Sum of the holders' weights.
	pub total_weight: u64,
	/// What one unit of weight, held since the beginning, has earned, planck.
	pub per_weight: Balance,
	/// Credited, but too little to divide by the weights, planck.
	pub rest: Balance,
	/// Credited over its life, planck.
	pub credited: Balance,
	/// Paid out over its life, planck.
	pub claimed: Balance,
}

/// A holder of a vault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Holder {
	/// Its weight.
	pub weight: u64,
	/// The vault's `per_weight` up to which `owed` counts.
	pub settled: Balance,
	/// Earned and not paid out, planck.
	pub owed: Balance,
}

impl Vault {
	/// Adds `amount` planck. `None` on overflow, and nothing has changed.
	#[must_use]
	pub fn credit(&self, amount: Balance) -> Option<Self> {
		let (whole, weight) = (self.rest.checked_add(amount)?, Balance::from(self.total_weight));
		// Without holders everything waits.
		let each = whole.checked_div(weight).unwrap_or_default();
		Some(Self {
			per_weight: self.per_weight.checked_add(each)?,
			rest: whole.checked_sub(each.checked_mul(weight)?)?,
			credited: self.credited.checked_add(amount)?,
			..*self
		})
	}

	/// Sets a holder's weight from the next credit on; what it earned before stays its own. `None` on
	/// overflow.
	#[must_use]
	pub fn set_weight(&self, holder: &Holder, weight: u64) -> Option<(Self, Holder)> {
		let total_weight = self.total_weight.checked_sub(holder.weight)?.checked_add(weight)?;
		Some((Self { total_weight, ..*self }, Holder { weight, ..holder.settle(self)? }))
	}

	/// Takes all that a holder is owed; returns the amount too. `None` on overflow.
	#[must_use]
	pub fn pay(&self, holder: &Holder) -> Option<(Self, Holder, Balance)> {
		let holder = holder.settle(self)?;
		let claimed = self.claimed.checked_add(holder.owed)?;
		Some((Self { claimed, ..*self }, Holder { owed: 0, ..holder }, holder.owed))
	}

	/// What users read of it.
	pub fn view(&self, key: VaultKey) -> VaultView {
		VaultView {
			key,
			total_weight: self.total_weight,
			credited: self.credited,
			undistributed: self.rest,
			claimed: self.claimed,
		}
	}
}

impl Holder {
	/// Moves what the weight has earned since the last time into `owed`. `None` on overflow.
	#[must_use]
	pub fn settle(&self, vault: &Vault) -> Option<Self> {
		let each = vault.per_weight.checked_sub(self.settled)?;
		let earned = each.checked_mul(self.weight.into())?;
		Some(Self { owed: self.owed.checked_add(earned)?, settled: vault.per_weight, ..*self })
	}

	/// Whether nothing is lost when it is forgotten.
	pub fn is_empty(&self) -> bool {
		self.weight == 0 && self.owed == 0
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use tributary_primitives::limits::{HOLDER_BYTES, VAULT_BYTES};

	fn owed(vault: &Vault, holders: &[Holder]) -> Balance {
		holders.iter().map(|holder| holder.settle(vault).unwrap().owed).sum()
	}

	#[test]
	fn vaults_and_holders_take_what_deposits_count_when_they_are_stored() {
		assert_eq!(Vault::max_encoded_len(), VAULT_BYTES as usize);
		assert_eq!(Holder::max_encoded_len(), HOLDER_BYTES as usize);
	}

	proptest! {
		#[test]
		fn vault_conserves_every_planck_when_holders_change(
			steps in proptest::collection::vec((0u8..3, 0usize..4, any::<u64>()), 1..60)
		) {
			let (mut vault, mut holders) = (Vault::default(), [Holder::default(); 4]);
			for (kind, who, number) in steps {
				match kind {
					0 => vault = vault.credit(number.into()).unwrap(),
					1 => (vault, holders[who]) = vault.set_weight(&holders[who], number % 1_000).unwrap(),
					_ => (vault, holders[who], _) = vault.pay(&holders[who]).unwrap(),
				}
				prop_assert_eq!(vault.credited, vault.claimed + owed(&vault, &holders) + vault.rest);
				prop_assert_eq!(vault.total_weight, holders.iter().map(|holder| holder.weight).sum::<u64>());
			}
		}
	}

	#[test]
	fn credit_waits_when_nobody_holds_the_vault() {
		let vault = Vault::default().credit(7).unwrap();
		assert_eq!((vault.per_weight, vault.rest), (0, 7));
		let (vault, holder) = vault.set_weight(&Holder::default(), 2).unwrap();
		let vault = vault.credit(0).unwrap();
		assert_eq!(vault.pay(&holder).unwrap().2, 6);
		assert_eq!(vault.rest, 1);
	}

	#[test]
	fn credit_is_none_when_it_overflows() {
		let vault = Vault::default().credit(Balance::MAX).unwrap();
		assert_eq!(vault.credit(1), None);
	}

	#[test]
	fn set_weight_is_none_when_the_total_overflows() {
		let (vault, _) = Vault::default().set_weight(&Holder::default(), u64::MAX).unwrap();
		assert_eq!(vault.set_weight(&Holder::default(), 1), None);
	}

	#[test]
	fn earnings_stay_with_the_holder_when_its_weight_falls_to_zero() {
		let (vault, holder) = Vault::default().set_weight(&Holder::default(), 3).unwrap();
		let vault = vault.credit(10).unwrap();
		let (vault, holder) = vault.set_weight(&holder, 0).unwrap();
		assert_eq!((vault.total_weight, holder.owed, vault.rest), (0, 9, 1));
	}
}
