//! The Tributary runtime: which pallets there are and how they are put together. No logic of its own.

#![cfg_attr(not(feature = "std"), no_std)]
// What FRAME's macros generate carries no docs.
#![allow(missing_docs)]
// `#[frame_support::runtime]` expands to deeply nested types.
#![recursion_limit = "256"]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
pub mod configs;
pub mod constants;
pub mod delays;
pub mod genesis_config_presets;
pub mod governance;
pub mod parameters;
#[cfg(feature = "std")]
pub mod testing;
pub mod weights;

use alloc::vec::Vec;
use polkadot_sdk::*;

use sp_runtime::{generic, impl_opaque_keys, traits::BlakeTwo256, MultiAddress, MultiSignature};
use sp_version::{runtime_version, RuntimeVersion};
pub use tributary_primitives::{Balance, BlockNumber};

/// An account.
pub type AccountId = sp_runtime::AccountId32;

/// Signature of a transaction.
pub type Signature = MultiSignature;
/// Number of a transaction among its account's.
pub type Nonce = u32;
/// Hash of blocks, storage and transactions.
pub type Hash = sp_core::H256;
/// How a transaction names an account.
pub type Address = MultiAddress<AccountId, ()>;
/// Block header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// Block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// What a transaction carries besides its call. Only types that every wallet knows, in the order that
/// wallets expect; `WeightReclaim` is last, so that it sees the weight that all others really used.
pub type TxExtension = (
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckEra<Runtime>,
	frame_system::CheckNonce<Runtime>,
	frame_system::CheckWeight<Runtime>,
	pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	frame_system::WeightReclaim<Runtime>,
);

/// Transaction as it arrives.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a transaction's signature signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;
/// Runs blocks.
pub type Executive = frame_executive::Executive<
	Runtime,
	Block,
	frame_system::ChainContext<Runtime>,
	Runtime,
	AllPalletsWithSystem,
	Migrations,
>;

/// What an upgrade from the last release does to the state.
pub type Migrations = (pallet_validators::migration::AdoptValidators<Runtime>,);

/// Types for the node, which need not understand transactions.
pub mod opaque {
	use super::*;
	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// Block whose transactions are bytes.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
}

impl_opaque_keys! {
	/// What a validator signs with.
	pub struct SessionKeys {
		/// Blocks.
		pub aura: Aura,
		/// Finality votes.
		pub grandpa: Grandpa,
	}
}

/// Version of this runtime.
#[runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
	spec_name: alloc::borrow::Cow::Borrowed("tributary"),
	impl_name: alloc::borrow::Cow::Borrowed("tributary"),
	authoring_version: 1,
	spec_version: 3,
	impl_version: 1,
	apis: apis::RUNTIME_API_VERSIONS,
	transaction_version: 3,
	system_version: 1,
};

/// The pallets. Hooks run and genesis is built in the order of indices, which are part of every stored call and signature:
/// never change one.
#[frame_support::runtime]
mod runtime {
	/// The runtime.
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Timestamp = pallet_timestamp;
	#[runtime::pallet_index(2)]
	pub type Aura = pallet_aura;
	#[runtime::pallet_index(3)]
	pub type Session = pallet_session;
	#[runtime::pallet_index(4)]
	pub type Grandpa = pallet_grandpa;
	#[runtime::pallet_index(6)]
	pub type Historical = pallet_session::historical;
	#[runtime::pallet_index(7)]
	pub type Offences = pallet_offences;

	#[runtime::pallet_index(10)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(11)]
	pub type TransactionPayment = pallet_transaction_payment;
	// After balances and sessions, which bonds and elections need at genesis.
	#[runtime::pallet_index(12)]
	pub type Validators = pallet_validators;
	// After validators, who credit fees before the author is forgotten.
	#[runtime::pallet_index(13)]
	pub type Authorship = pallet_authorship;

	#[runtime::pallet_index(20)]
	pub type Sudo = pallet_sudo;
	#[runtime::pallet_index(21)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(22)]
	pub type Multisig = pallet_multisig;
	#[runtime::pallet_index(23)]
	pub type Proxy = pallet_proxy;
	#[runtime::pallet_index(24)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(25)]
	pub type Scheduler = pallet_scheduler;
	#[runtime::pallet_index(26)]
	pub type ConvictionVoting = pallet_conviction_voting;
	#[runtime::pallet_index(27)]
	pub type Referenda = pallet_referenda;
	#[runtime::pallet_index(28)]
	pub type Origins = crate::governance::origins;
	#[runtime::pallet_index(29)]
	pub type Treasury = pallet_treasury;

	#[runtime::pallet_index(30)]
	pub type TechnicalCommittee = pallet_collective<Instance1>;
	#[runtime::pallet_index(31)]
	pub type SafeMode = pallet_safe_mode;
	#[runtime::pallet_index(32)]
	pub type TxPause = pallet_tx_pause;
	#[runtime::pallet_index(33)]
	pub type Parameters = pallet_parameters;

	#[runtime::pallet_index(40)]
	pub type Delays = crate::delays;
	#[runtime::pallet_index(41)]
	pub type Registry = pallet_registry;
	#[runtime::pallet_index(42)]
	pub type Datanets = pallet_datanets;
	#[runtime::pallet_index(43)]
	pub type Adapters = pallet_adapters;
	#[runtime::pallet_index(44)]
	pub type Prompts = pallet_prompts;
	#[runtime::pallet_index(45)]
	pub type Agents = pallet_agents;
	#[runtime::pallet_index(46)]
	pub type Workers = pallet_workers;
	#[runtime::pallet_index(47)]
	pub type Attribution = pallet_attribution;
	#[runtime::pallet_index(48)]
	pub type Tools = pallet_tools;
	#[runtime::pallet_index(49)]
	pub type Grants = pallet_grants;
}
