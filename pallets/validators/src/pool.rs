//! The arithmetic of pools: pure, exact, O(1).
//!
//! A pool has *shares*. Stake is worth its shares' part of the pool's stake, so taking from the pool's stake
//! slashes every staker at once. Rewards raise `per_share`, planck per share with 64 fractional bits. What a
//! division leaves over is kept, in units of 2^-64 planck: by the pool when rewards come in, by the position
//! when they are settled. So, in these units, `credited = settled to positions + owed by per_share + rest`
//! holds after every step.

use codec::{Decode, Encode, MaxEncodedLen};
use polkadot_sdk::{sp_core::U256, sp_staking::SessionIndex};
use scale_info::TypeInfo;
use tributary_primitives::{math::mul_div, Balance, Ppm};

/// One planck of rewards, in the finest unit.
pub(crate) const ONE: u128 = 1 << 64;

/// Stake that is slashed together: a candidate's pool, or what left it in one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Stake {
	/// All shares.
	pub shares: u128,
	/// What they are worth together, planck.
	pub amount: Balance,
}

impl Stake {
	/// What `shares` are worth, rounded down, planck.
	pub fn value(&self, shares: u128) -> Balance {
		mul_div(shares, self.amount, self.shares).unwrap_or_default()
	}

	/// Whether all was slashed: its shares are worth nothing, so none can be priced.
	pub fn is_lost(&self) -> bool {
		self.shares > 0 && self.amount == 0
	}

	/// Adds `amount` planck; returns the shares for it too. `None` on overflow, or when all was slashed.
	#[must_use]
	pub fn add(&self, amount: Balance) -> Option<(Self, u128)> {
		let shares = if self.shares == 0 { amount } else { mul_div(amount, self.shares, self.amount)? };
		let stake =
			Self { shares: self.shares.checked_add(shares)?, amount: self.amount.checked_add(amount)? };
		Some((stake, shares))
	}

	/// The fewest shares that are worth `amount` planck. `None` on overflow, or when all was slashed.
	pub fn shares_for(&self, amount: Balance) -> Option<u128> {
		let product = U256::from(amount).checked_mul(self.shares.into())?;
		let whole = product.checked_div(self.amount.into())?;
		let more = u8::from(!product.checked_rem(self.amount.into())?.is_zero());
		u128::try_from(whole.checked_add(more.into())?).ok()
	}

	/// Takes shares out with what they are worth. `None` when there are not so many.
	#[must_use]
	pub fn remove(&self, shares: u128) -> Option<(Self, Balance)> {
		let amount = self.value(shares);
		let stake =
			Self { shares: self.shares.checked_sub(shares)?, amount: self.amount.checked_sub(amount)? };
		Some((stake, amount))
	}

	/// Takes `amount` planck from all shares alike; what is not there is not taken.
	#[must_use]
	pub fn slash(&self, amount: Balance) -> Self {
		Self { amount: self.amount.saturating_sub(amount), ..*self }
	}
}

/// A candidate's pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Pool {
	/// Its stake.
	pub stake: Stake,
	/// What one share, held since the beginning, has earned, 2^-64 planck.
	pub per_share: u128,
	/// Credited, but too little to divide by the shares, 2^-64 planck.
	pub rest: u128,
	/// The candidate's commission that it has not claimed, planck.
	pub commission: Balance,
	/// All that the pool has been credited and not paid out, commission and rest too, planck.
	pub unpaid: Balance,
	/// Commission (ppm) and session of its last rise, as they were when the candidate left others in the pool: it
	/// may not come back with more than it could have risen to.
	pub left: Option<(Ppm, SessionIndex)>,
}

/// A staker's part of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Position {
	/// Shares of the pool.
	pub shares: u128,
	/// What is on hold for it, planck. More than the shares are worth when the pool was slashed since.
	pub held: Balance,
	/// The pool's `per_share` up to which `owed` counts.
	pub settled: u128,
	/// Rewards that have not been claimed, planck.
	pub owed: Balance,
	/// Rewards beyond `owed`, 2^-64 planck.
	pub fraction: u64,
}

impl Pool {
	/// Credits rewards: `commission` planck for the candidate, `amount` planck for the shares. `None` on
	/// overflow, or when nobody has shares.
	#[must_use]
	pub fn credit(&self, commission: Balance, amount: Balance) -> Option<Self> {
		let shares = U256::from(self.stake.shares);
		let fine = U256::from(amount).checked_mul(ONE.into())?.checked_add(self.rest.into())?;
		let each = u128::try_from(fine.checked_div(shares)?).ok()?;
		Some(Self {
			per_share: self.per_share.checked_add(each)?,
			rest: u128::try_from(fine.checked_rem(shares)?).ok()?,
			commission: self.commission.checked_add(commission)?,
			unpaid: self.unpaid.checked_add(amount)?.checked_add(commission)?,
			..*self
		})
	}

	/// Takes all rewards that a position is owed; returns the amount too. `None` on overflow.
	#[must_use]
	pub fn pay(&self, position: &Position) -> Option<(Self, Position, Balance)> {
		let position = position.settle(self)?;
		let unpaid = self.unpaid.checked_sub(position.owed)?;
		Some((Self { unpaid, ..*self }, Position { owed: 0, ..position }, position.owed))
	}

	/// Takes the commission. `None` on overflow.
	#[must_use]
	pub fn pay_commission(&self) -> Option<(Self, Balance)> {
		let unpaid = self.unpaid.checked_sub(self.commission)?;
		Some((Self { unpaid, commission: 0, ..*self }, self.commission))
	}

	/// Forgets a position without shares and rewards; its fraction of a planck stays in the pool. `None` on
	/// overflow.
	#[must_use]
	pub fn forget(&self, position: &Position) -> Option<Self> {
		Some(Self { rest: self.rest.checked_add(position.fraction.into())?, ..*self })
	}
}

impl Position {
	/// Moves what the shares have earned since the last time into `owed`. `None` on overflow.
	#[must_use]
	pub fn settle(&self, pool: &Pool) -> Option<Self> {
		let each = pool.per_share.checked_sub(self.settled)?;
		let earned = U256::from(self.shares).checked_mul(each.into())?.checked_add(self.fraction.into())?;
		let whole = u128::try_from(earned.checked_div(ONE.into())?).ok()?;
		Some(Self {
			owed: self.owed.checked_add(whole)?,
			fraction: earned.low_u64(),
			settled: pool.per_share,
			..*self
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// Rewards of all kinds in the pool, 2^-64 planck.
	fn fine(pool: &Pool, positions: &[Position]) -> U256 {
		let settled = positions.iter().map(|position| {
			let position = position.settle(pool).unwrap();
			U256::from(position.owed) * U256::from(ONE) + U256::from(position.fraction)
		});
		settled.fold(U256::from(pool.rest) + U256::from(pool.commission) * U256::from(ONE), |sum, part| {
			sum + part
		})
	}

	proptest! {
		#[test]
		fn pool_conserves_rewards_to_the_last_fraction_when_stakers_come_and_go(
			steps in proptest::collection::vec((0u8..5, 0usize..4, 1u64..1 << 50), 1..80)
		) {
			let (mut pool, mut positions) = (Pool::default(), [Position::default(); 4]);
			let (mut credited, mut paid) = (0u128, 0u128);
			for (kind, who, number) in steps {
				let number = u128::from(number);
				match kind {
					0 => if let Some(next) = pool.credit(number / 10, number) {
						pool = next;
						credited += number + number / 10;
					},
					1 => {
						positions[who] = positions[who].settle(&pool).unwrap();
						if let Some((stake, shares)) = pool.stake.add(number) {
							pool.stake = stake;
							positions[who].shares += shares;
						}
					}
					2 => {
						positions[who] = positions[who].settle(&pool).unwrap();
						let shares = positions[who].shares.min(number);
						pool.stake = pool.stake.remove(shares).unwrap().0;
						positions[who].shares -= shares;
					}
					3 => {
						let amount;
						(pool, positions[who], amount) = pool.pay(&positions[who]).unwrap();
						paid += amount;
					}
					_ => pool.stake = pool.stake.slash(number),
				}
				prop_assert_eq!(pool.unpaid, credited - paid);
				prop_assert_eq!(fine(&pool, &positions), U256::from(pool.unpaid) * U256::from(ONE));
				prop_assert_eq!(pool.stake.shares, positions.iter().map(|position| position.shares).sum::<u128>());
			}
		}

		#[test]
		fn shares_are_worth_no_more_than_the_stake_when_slashed(
			parts in proptest::collection::vec(1u64..1 << 60, 1..20), slashed in any::<u64>()
		) {
			let (mut stake, mut shares) = (Stake::default(), Vec::new());
			for part in &parts {
				let (next, each) = stake.add((*part).into()).unwrap();
				(stake, shares) = (next, [shares, vec![each]].concat());
			}
			let before = stake.amount;
			let stake = stake.slash(slashed.into());
			let worth: u128 = shares.iter().map(|each| stake.value(*each)).sum();
			prop_assert!(worth <= stake.amount);
			prop_assert!(stake.amount - worth <= parts.len() as u128);
			for (each, part) in shares.iter().zip(&parts) {
				// Everyone loses the same part, but for rounding.
				let fair = u128::from(*part) * stake.amount / before;
				prop_assert!(stake.value(*each).abs_diff(fair) <= 1);
			}
		}

		#[test]
		fn shares_for_an_amount_are_worth_it_when_removed(
			staked in 1u64..1 << 60, slashed in any::<u64>(), wanted in any::<u64>()
		) {
			let stake = Stake::default().add(staked.into()).unwrap().0.slash(u128::from(slashed % staked));
			let wanted = u128::from(wanted) % stake.amount + 1;
			let shares = stake.shares_for(wanted).unwrap();
			prop_assert!(shares <= stake.shares);
			prop_assert!(stake.remove(shares).unwrap().1 >= wanted);
		}
	}

	#[test]
	fn stake_comes_back_whole_when_the_last_shares_leave() {
		let stake = Stake::default().add(10).unwrap().0.slash(3);
		assert_eq!(stake.remove(10), Some((Stake::default(), 7)));
		assert_eq!(stake.remove(11), None);
	}

	#[test]
	fn stake_takes_nobody_in_when_all_was_slashed() {
		let stake = Stake::default().add(10).unwrap().0.slash(10);
		assert!(stake.is_lost());
		assert_eq!((stake.add(1), stake.shares_for(1), stake.value(10)), (None, None, 0));
	}

	#[test]
	fn credit_is_none_when_nobody_has_shares_or_it_overflows() {
		assert_eq!(Pool::default().credit(0, 1), None);
		let pool = Pool { stake: Stake::default().add(1).unwrap().0, ..Default::default() };
		assert_eq!(pool.credit(0, Balance::MAX), None);
	}

	#[test]
	fn fraction_stays_in_the_pool_when_a_position_is_forgotten() {
		let (stake, shares) = Stake::default().add(3).unwrap();
		let pool = Pool { stake, ..Default::default() }.credit(0, 1).unwrap();
		let position = Position { shares: shares - 1, ..Default::default() }.settle(&pool).unwrap();
		assert_eq!(position.owed, 0);
		assert!(position.fraction > 0);
		assert_eq!(pool.forget(&position).unwrap().rest, pool.rest + u128::from(position.fraction));
	}
}
