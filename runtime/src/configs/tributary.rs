//! Tributary's own pallets.

use super::Treasury;
use crate::{
	constants::*,
	governance::{origins, Voters},
	parameters::{attribution, deposits, prompts, workers, Value},
	*,
};
use frame_support::{
	parameter_types,
	traits::{
		fungible::HoldConsideration, ConstU128, ConstU32, Contains, EitherOf, Footprint, LinearStoragePrice,
	},
	PalletId,
};
use frame_system::EnsureRoot;
use sp_runtime::traits::Convert;

/// A storage deposit for items and their bytes, held under `Reason`.
pub(super) type Deposit<Reason> = HoldConsideration<AccountId, Balances, Reason, StoragePrice>;

parameter_types! {
	pub const DataNetReason: RuntimeHoldReason =
		RuntimeHoldReason::Datanets(pallet_datanets::HoldReason::DataNet);
	pub const ContributionReason: RuntimeHoldReason =
		RuntimeHoldReason::Datanets(pallet_datanets::HoldReason::Contribution);
	pub const SnapshotReason: RuntimeHoldReason =
		RuntimeHoldReason::Datanets(pallet_datanets::HoldReason::Snapshot);
	pub const ReportReason: RuntimeHoldReason =
		RuntimeHoldReason::Adapters(pallet_adapters::HoldReason::Report);
	pub const GrantReason: RuntimeHoldReason =
		RuntimeHoldReason::Grants(pallet_grants::HoldReason::Deposit);
}

/// Price of what Tributary's own pallets and governance store, planck. A price holds for what is stored from
/// then on: every item remembers its deposit.
pub struct StoragePrice;

impl Convert<Footprint, Balance> for StoragePrice {
	fn convert(footprint: Footprint) -> Balance {
		LinearStoragePrice::<Value<deposits::PerItem>, Value<deposits::PerByte>, Balance>::convert(footprint)
	}
}

impl pallet_registry::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type DepositPrice = StoragePrice;
	type Vaults = Attribution;
	type WeightInfo = weights::Registry;
}

impl pallet_datanets::Config for Runtime {
	type DataNetDeposit = Deposit<DataNetReason>;
	type ContributionDeposit = Deposit<ContributionReason>;
	type SnapshotDeposit = Deposit<SnapshotReason>;
	type Vaults = Attribution;
	type WeightInfo = weights::Datanets;
}

impl pallet_grants::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Deposit = Deposit<GrantReason>;
	type DataNets = Datanets;
	type Vaults = Attribution;
	type WeightInfo = weights::Grants;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::Helper;
}

impl pallet_adapters::Config for Runtime {
	type Snapshots = Datanets;
	type Access = Grants;
	type ReportDeposit = Deposit<ReportReason>;
	type WeightInfo = weights::Adapters;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::Helper;
}

impl pallet_prompts::Config for Runtime {
	type ForkShare = Value<prompts::ForkShare>;
	type WeightInfo = weights::Prompts;
}

impl pallet_tools::Config for Runtime {
	type WeightInfo = weights::Tools;
}

impl pallet_agents::Config for Runtime {
	type Bases = Adapters;
	type Snapshots = Datanets;
	type Tools = Tools;
	type WeightInfo = weights::Agents;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::Helper;
}

/// Operators with a challenged batch.
pub struct Disputed;

impl Contains<AccountId> for Disputed {
	fn contains(operator: &AccountId) -> bool {
		pallet_attribution::Settlements::<Runtime>::get(operator).challenges > 0
	}
}

impl pallet_workers::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Disputed = Disputed;
	type Treasury = Treasury;
	type MinBond = Value<workers::MinBond>;
	type UnbondingDelay = delays::UnbondingDelay<Runtime>;
	type ChallengeWindow = delays::ChallengeWindow<Runtime>;
	type WeightInfo = weights::Workers;
}

parameter_types! {
	pub const PotId: PalletId = PalletId(*b"trb/attr");
}

impl pallet_attribution::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type BlockNumberProvider = System;
	type Workers = Workers;
	type Agents = Agents;
	type AdminOrigin = EitherOf<EnsureRoot<AccountId>, origins::EnsureProtocol>;
	type AuthorityOrigin = EitherOf<EnsureRoot<AccountId>, origins::EnsureArbiter>;
	type Voters = Voters;
	type Treasury = Treasury;
	type PalletId = PotId;
	type MinDeposit = ConstU128<MILLI_TRB>;
	type ChallengeWindow = delays::ChallengeWindow<Runtime>;
	type ClosingDelay = delays::ClosingDelay<Runtime>;
	type ChallengeBond = Value<attribution::ChallengeBond>;
	type MaxPending = ConstU32<{ pallet_attribution::KEPT_BATCHES }>;
	type WeightInfo = weights::Attribution;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarking::Helper;
}
