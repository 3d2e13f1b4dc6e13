//! Acting for other accounts: batches, multisigs, proxies, and sudo on development chains.

use crate::{constants::*, *};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	parameter_types,
	traits::{ConstU32, InstanceFilter},
};
use scale_info::TypeInfo;

// Without a key in the genesis configuration nobody can use sudo: only the development and local presets
// set one.
impl pallet_sudo::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PalletsOrigin = OriginCaller;
	type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	pub const MultisigDepositBase: Balance = deposit(1, 88);
	pub const MultisigDepositFactor: Balance = deposit(0, 32);
	pub const ProxyDepositBase: Balance = deposit(1, 8);
	pub const ProxyDepositFactor: Balance = deposit(0, 33);
	pub const AnnouncementDepositBase: Balance = deposit(1, 16);
	pub const AnnouncementDepositFactor: Balance = deposit(0, 68);
}

impl pallet_multisig::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type DepositBase = MultisigDepositBase;
	type DepositFactor = MultisigDepositFactor;
	type MaxSignatories = ConstU32<100>;
	type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
	type BlockNumberProvider = System;
}

impl pallet_proxy::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type ProxyType = ProxyType;
	type ProxyDepositBase = ProxyDepositBase;
	type ProxyDepositFactor = ProxyDepositFactor;
	type MaxProxies = ConstU32<32>;
	type MaxPending = ConstU32<32>;
	type CallHasher = sp_runtime::traits::BlakeTwo256;
	type AnnouncementDepositBase = AnnouncementDepositBase;
	type AnnouncementDepositFactor = AnnouncementDepositFactor;
	type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
	type BlockNumberProvider = System;
}

/// What a proxy may do for an account.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum ProxyType {
	/// Everything.
	#[default]
	Any,
	/// Everything but move balances, spend them on answers or grants, hand assets over or share out their
	/// income.
	NonTransfer,
	/// What a contributor does every day: contribute, take contributions back, claim (to the account
	/// itself).
	Contributor,
	/// What a curator does: review, snapshot, tombstone.
	Curator,
	/// What an author of adapters, prompts, tools and agents does: publish, version, price, retire, claim.
	Author,
	/// What an operator's machine does: keep the worker's entry, settle batches, claim.
	Operator,
	/// What a token holder decides: propose, vote, delegate, sit in the technical committee.
	Governance,
	/// What a validator or nominator does, claims included.
	Staking,
}

/// Whether the call only wraps others, each of which is filtered again.
fn wraps(call: &RuntimeCall) -> bool {
	matches!(
		call,
		RuntimeCall::Utility(
			pallet_utility::Call::batch { .. }
				| pallet_utility::Call::batch_all { .. }
				| pallet_utility::Call::force_batch { .. },
		)
	)
}

/// Whether the call is of a pallet that moves balances only by the calls that proxies name one by one.
fn keeps_balances(call: &RuntimeCall) -> bool {
	// No arm for the rest: who adds a pallet decides here.
	match call {
		RuntimeCall::System(_)
		| RuntimeCall::Timestamp(_)
		| RuntimeCall::Session(_)
		| RuntimeCall::Validators(_)
		| RuntimeCall::Grandpa(_)
		| RuntimeCall::Preimage(_)
		| RuntimeCall::Scheduler(_)
		| RuntimeCall::ConvictionVoting(_)
		| RuntimeCall::Referenda(_)
		| RuntimeCall::TechnicalCommittee(_)
		| RuntimeCall::Parameters(_)
		| RuntimeCall::Delays(_)
		| RuntimeCall::Registry(_)
		| RuntimeCall::Datanets(_)
		| RuntimeCall::Adapters(_)
		| RuntimeCall::Prompts(_)
		| RuntimeCall::Agents(_)
		| RuntimeCall::Workers(_)
		| RuntimeCall::Attribution(_)
		| RuntimeCall::Tools(_)
		| RuntimeCall::Grants(_) => true,
		RuntimeCall::Balances(_)
		| RuntimeCall::Sudo(_)
		| RuntimeCall::Utility(_)
		| RuntimeCall::Multisig(_)
		| RuntimeCall::Proxy(_)
		| RuntimeCall::Treasury(_)
		| RuntimeCall::SafeMode(_)
		| RuntimeCall::TxPause(_) => false,
	}
}

/// Whether the call is a validator's or a nominator's.
fn stakes(call: &RuntimeCall) -> bool {
	matches!(call, RuntimeCall::Session(_) | RuntimeCall::Validators(_))
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	fn filter(&self, call: &RuntimeCall) -> bool {
		use pallet_attribution::Call as Attribution;
		use pallet_datanets::Call as Datanets;
		use pallet_grants::Call as Grants;
		use pallet_registry::Call as Registry;
		use pallet_workers::Call as Workers;

		if wraps(call) {
			return true;
		}
		let hands_over =
			matches!(call, RuntimeCall::Registry(Registry::transfer { .. } | Registry::set_holders { .. }));
		let spends = matches!(
			call,
			RuntimeCall::Attribution(
				Attribution::open_channel { .. }
					| Attribution::top_up { .. }
					| Attribution::set_session_key { .. }
			) | RuntimeCall::Grants(Grants::request { .. })
		);
		let claims = matches!(
			call,
			RuntimeCall::Attribution(
				Attribution::claim { .. }
					| Attribution::claim_earnings { .. }
					| Attribution::sweep_pool { .. }
			)
		);
		match self {
			Self::Any => true,
			Self::NonTransfer => !hands_over && !spends && keeps_balances(call),
			Self::Contributor => {
				claims
					|| matches!(
						call,
						RuntimeCall::Datanets(Datanets::contribute { .. } | Datanets::withdraw { .. })
					)
			}
			Self::Curator => matches!(
				call,
				RuntimeCall::Datanets(
					Datanets::review { .. } | Datanets::snapshot { .. } | Datanets::tombstone { .. }
				)
			),
			Self::Author => {
				claims
					|| (!hands_over
						&& matches!(
							call,
							RuntimeCall::Registry(_)
								| RuntimeCall::Adapters(_)
								| RuntimeCall::Prompts(_)
								| RuntimeCall::Tools(_) | RuntimeCall::Agents(_)
						))
			}
			Self::Operator => {
				claims
					|| matches!(
						call,
						RuntimeCall::Workers(Workers::update { .. } | Workers::add_bond { .. })
							| RuntimeCall::Attribution(
								Attribution::submit_batch { .. } | Attribution::credit { .. }
							)
					)
			}
			Self::Governance => matches!(
				call,
				RuntimeCall::Preimage(_)
					| RuntimeCall::ConvictionVoting(_)
					| RuntimeCall::Referenda(_)
					| RuntimeCall::TechnicalCommittee(_)
			),
			Self::Staking => stakes(call),
		}
	}

	fn is_superset(&self, other: &Self) -> bool {
		match (self, other) {
			(a, b) if a == b => true,
			(Self::Any, _) => true,
			(_, Self::Any) => false,
			// Every other type lets through only calls that this one lets through.
			(Self::NonTransfer, _) => true,
			_ => false,
		}
	}
}
