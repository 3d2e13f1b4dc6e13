//! Charging the channels of a batch.

use crate::*;
use alloc::{
	collections::{BTreeMap, BTreeSet},
	vec,
	vec::Vec,
};
use frame::{
	deps::{
		frame_support::storage::with_storage_layer,
		sp_core::sr25519::{Public, Signature},
		sp_io::crypto::sr25519_verify,
	},
	prelude::*,
	token::{fungible::MutateHold, Fortitude, Precision},
	traits::{tokens::Restriction, Zero},
};
use tributary_primitives::{
	batch::{AgentUsage, ChannelCharge, ChannelFault, ToolCalls},
	voucher::Voucher,
	AccountId, Balance, Hash,
};

/// What the good channels of a batch paid, and which were not good.
pub(crate) struct Taken {
	pub charged: Vec<Charged>,
	pub failed: Vec<(AccountId, ChannelFault)>,
	/// What was used, by agent.
	pub usage: Vec<Usage>,
	pub escrow: Balance,
}

/// What the charged records of an agent version with its active skills come to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
	/// Records.
	pub records: u32,
	/// Fees, planck.
	pub fee: Balance,
	/// Calls of each of the version's tools that was called.
	pub calls: BTreeMap<u8, u32>,
}

impl Usage {
	/// Adds what one channel used. `None` on overflow.
	pub(crate) fn add(&mut self, usage: &AgentUsage) -> Option<()> {
		self.records = self.records.checked_add(usage.records)?;
		self.fee = self.fee.checked_add(usage.fee)?;
		for ToolCalls { tool, calls } in &usage.calls {
			let sum = self.calls.entry(*tool).or_default();
			*sum = sum.checked_add(*calls)?;
		}
		Some(())
	}
}

impl<T: Config> Pallet<T> {
	/// Moves what each good channel owes into the pot; skips the others.
	pub(crate) fn take_charges(
		worker: &T::AccountId,
		sequence: u64,
		agents: usize,
		charges: &Charges,
	) -> Result<Taken, DispatchError> {
		let mut taken = Taken {
			charged: Vec::new(),
			failed: Vec::new(),
			usage: vec![Usage::default(); agents],
			escrow: 0,
		};
		let genesis = Self::genesis()?;
		let mut seen = BTreeSet::new();
		for charge in charges {
			let result = if seen.insert(charge.payer) {
				with_storage_layer(|| Self::take_charge(&genesis, worker, charge)).map_err(|fault| fault.0)
			} else {
				Err(ChannelFault::Repeated)
			};
			match result {
				Ok(amount) => {
					taken.escrow = taken.escrow.checked_add(amount).ok_or(ArithmeticError::Overflow)?;
					taken.charged.push(Charged { payer: charge.payer, channel: charge.channel, amount });
					for usage in &charge.usage {
						let total = taken.usage.get_mut(usize::from(usage.agent));
						let total = total.ok_or(Error::<T>::AgentOutOfRange)?;
						total.add(usage).ok_or(ArithmeticError::Overflow)?;
					}
				}
				Err(fault) => {
					taken.failed.push((charge.payer, fault));
					Self::deposit_event(Event::ChannelSkipped {
						payer: charge.payer.into(),
						worker: worker.clone(),
						sequence,
						fault,
					});
				}
			}
		}
		Ok(taken)
	}

	/// Charges one channel. An error leaves everything as it was.
	fn take_charge(genesis: &Hash, worker: &T::AccountId, charge: &ChannelCharge) -> Result<Balance, Fault> {
		let payer: T::AccountId = charge.payer.into();
		let now = Self::now();
		let mut channel = Channels::<T>::get(&payer, worker).ok_or(ChannelFault::NoChannel)?;
		ensure!(channel.nonce == charge.channel, ChannelFault::WrongChannel);
		ensure!(now <= charge.expiry, ChannelFault::Expired);
		let amount = charge.amount().ok_or(ChannelFault::OverVoucher)?;
		let charged = channel.charged.checked_add(amount).ok_or(ChannelFault::OverVoucher)?;
		ensure!(charged <= charge.cumulative, ChannelFault::OverVoucher);
		let deposit = channel.deposit.checked_sub(amount).ok_or(ChannelFault::OverDeposit)?;
		let voucher = Voucher {
			genesis: *genesis,
			payer: charge.payer,
			worker: worker.clone().into(),
			channel: charge.channel,
			cumulative: charge.cumulative,
			expiry: charge.expiry,
		};
		let session_key = channel.session_key_at(now);
		ensure!(is_signed(&voucher, &charge.signature, session_key), ChannelFault::BadSignature);

		channel.charged = charged;
		channel.deposit = deposit;
		Channels::<T>::insert(&payer, worker, channel);
		if amount > 0 {
			T::Currency::transfer_on_hold(
				&HoldReason::Escrow.into(),
				&payer,
				&Self::pot(),
				amount,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Polite,
			)?;
		}
		Ok(amount)
	}

	/// Hash of the genesis block, which vouchers name.
	fn genesis() -> Result<Hash, DispatchError> {
		let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
		hash.as_ref().try_into().map_err(|_| DispatchError::Corruption)
	}
}

/// A channel's fault, as the error of a storage layer.
struct Fault(ChannelFault);

impl From<ChannelFault> for Fault {
	fn from(fault: ChannelFault) -> Self {
		Self(fault)
	}
}

impl From<DispatchError> for Fault {
	fn from(_: DispatchError) -> Self {
		Self(ChannelFault::TransferFailed)
	}
}

/// Whether the payer or its session key signed the voucher.
fn is_signed(voucher: &Voucher, signature: &[u8; 64], session_key: Option<Key>) -> bool {
	let (message, signature) = (voucher.signing_hash(), Signature::from_raw(*signature));
	let by = |key: Key| sr25519_verify(&signature, &message, &Public::from_raw(key));
	by(voucher.payer) || session_key.is_some_and(by)
}
