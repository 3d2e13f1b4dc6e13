//! Balances and transaction fees.

use crate::{constants::*, *};
use frame_support::{
	parameter_types,
	traits::{fungible::Balanced, fungible::Credit, ConstU32, ConstU8, OnUnbalanced, VariantCountOf},
	weights::{ConstantMultiplier, IdentityFee},
	PalletId,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{
	traits::{AccountIdConversion, Bounded, One},
	FixedPointNumber, Perquintill,
};

parameter_types! {
	pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
	/// The account of the treasury: transaction fees, the platform's part of usage fees, slashed bonds.
	pub Treasury: AccountId = PalletId(*b"trb/trsy").into_account_truncating();
}

impl pallet_balances::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Balance = Balance;
	type DustRemoval = ToTreasury;
	type ExistentialDeposit = ExistentialDeposit;
	type AccountStore = System;
	type ReserveIdentifier = [u8; 8];
	type FreezeIdentifier = RuntimeFreezeReason;
	// Votes lock what they count.
	type MaxLocks = ConstU32<8>;
	type MaxReserves = ConstU32<0>;
	type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
	type DoneSlashHandler = ();
}

/// Pays fees and dust to the treasury. While its account is below the existential deposit, what is too
/// little to open it is burned.
pub struct ToTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToTreasury {
	fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
		// On error the credit comes back and is burned when dropped: issuance stays right.
		let _ = <Balances as Balanced<AccountId>>::resolve(&Treasury::get(), credit);
	}
}

/// Pays the block's author its part of a fee or tip, the treasury the rest.
pub struct ToAuthorAndTreasury;

impl OnUnbalanced<Credit<AccountId, Balances>> for ToAuthorAndTreasury {
	fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
		ToTreasury::on_unbalanced(Validators::take_author_part(credit));
	}
}

parameter_types! {
	pub const ByteFee: Balance = BYTE_FEE;
	/// Fees rise when blocks are fuller than this.
	pub const TargetFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast: by at most 38 % a day, when all blocks are full.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(3, 100_000);
	pub MinimumMultiplier: Multiplier = Multiplier::one();
	pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

impl pallet_transaction_payment::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type OnChargeTransaction = FungibleAdapter<Balances, ToAuthorAndTreasury>;
	type OperationalFeeMultiplier = ConstU8<5>;
	// One planck for each picosecond of declared time: a full block costs 2 TRB.
	type WeightToFee = IdentityFee<Balance>;
	type LengthToFee = ConstantMultiplier<Balance, ByteFee>;
	type FeeMultiplierUpdate = TargetedFeeAdjustment<
		Runtime,
		TargetFullness,
		AdjustmentVariable,
		MinimumMultiplier,
		MaximumMultiplier,
	>;
	type WeightInfo = weights::TransactionPayment;
}
