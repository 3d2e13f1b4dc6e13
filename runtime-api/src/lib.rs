//! Reads that the node's RPC, the worker and the command line make.
//!
//! Lists are paged: `start` is the first id (or position) wanted, `limit` is cut to [`MAX_PAGE`].

#![cfg_attr(not(feature = "std"), no_std)]
// The macro's own items carry no docs.
#![allow(missing_docs)]

extern crate alloc;

use alloc::vec::Vec;
use polkadot_sdk::{sp_api, sp_consensus_aura::sr25519::AuthorityId as AuraId, sp_consensus_slots};
pub use tributary_primitives::limits::MAX_PAGE;
use tributary_primitives::{views::*, *};

/// Proof that two blocks for one slot were sealed with one key.
pub type AuraEquivocation<Header> = sp_consensus_slots::EquivocationProof<Header, AuraId>;

sp_api::decl_runtime_apis! {
	/// Reports of validators that make two blocks for one slot. For nodes.
	pub trait AuraReportsApi {
		/// The proof that a key is a validator's in this session; an encoded `MembershipProof`.
		fn prove_key_owner(key: AuraId) -> Option<Vec<u8>>;
		/// Hands a report to the node's own transaction pool. Nothing when it is not good, or known.
		fn submit_report(equivocation: AuraEquivocation<Block::Header>, key_owner: Vec<u8>) -> Option<()>;
	}

	/// What validators and their stakers ask.
	pub trait ValidatorsApi {
		/// Sessions, delays and limits.
		fn validator_parameters() -> ValidatorParametersView;
		/// A candidate or validator.
		fn validator(who: AccountId) -> Option<ValidatorView>;
		/// All candidates and validators, those of most stake first.
		fn validators() -> Vec<ValidatorView>;
		/// An account's stake, by candidate.
		fn stake(staker: AccountId) -> Vec<StakeView>;
	}

	/// Everything a user of the chain asks.
	pub trait TributaryApi {
		/// The parameters in force and their version.
		fn parameters() -> (u32, Parameters);
		/// The parameters of a version.
		fn parameters_of(version: u32) -> Option<Parameters>;
		/// Delays, in blocks, and the least balance of an account, planck.
		fn limits() -> LimitsView;

		/// The channel of a payer to a worker.
		fn channel(payer: AccountId, worker: AccountId) -> Option<ChannelView>;
		/// A worker.
		fn worker(operator: AccountId) -> Option<WorkerView>;
		/// All workers.
		fn workers(start: u32, limit: u32) -> Vec<WorkerView>;
		/// A worker's settlement state.
		fn settlement(worker: AccountId) -> SettlementView;
		/// A batch.
		fn batch(worker: AccountId, sequence: u64) -> Option<BatchView>;

		/// What an account can claim from vaults.
		fn claimable(who: AccountId) -> Vec<Claimable>;
		/// What an earner has claimed against a worker's tree, planck.
		fn earnings_claimed(worker: AccountId, earner: Earner) -> Balance;
		/// A vault.
		fn vault(key: VaultKey) -> VaultView;

		/// An asset.
		fn asset(id: AssetId) -> Option<AssetView>;
		/// All assets.
		fn assets(start: AssetId, limit: u32) -> Vec<AssetView>;
		/// An agent; its newest version when none is named.
		fn agent(id: AssetId, version: Option<AssetVersion>) -> Option<AgentView>;
		/// The newest version of every agent.
		fn agents(start: AssetId, limit: u32) -> Vec<AgentView>;
		/// A tool; its newest version when none is named.
		fn tool(id: AssetId, version: Option<AssetVersion>) -> Option<ToolView>;
		/// The newest version of every tool.
		fn tools(start: AssetId, limit: u32) -> Vec<ToolView>;
		/// The lineage of an asset.
		fn trail(id: AssetId) -> Option<TrailView>;

		/// A DataNet.
		fn datanet(id: DataNetId) -> Option<DataNetView>;
		/// All DataNets.
		fn datanets(start: DataNetId, limit: u32) -> Vec<DataNetView>;
		/// A DataNet's contributions.
		fn contributions(datanet: DataNetId, start: ContributionIndex, limit: u32) -> Vec<ContributionView>;
		/// A snapshot.
		fn snapshot(datanet: DataNetId, version: SnapshotVersion) -> Option<SnapshotView>;

		/// What is attached to a version, at most one document of each kind.
		fn documents(asset: AssetId, version: AssetVersion) -> Vec<DocumentView>;
		/// Contributions that a version or a direct parent of it was trained on and that have been erased
		/// since.
		fn erased(
			asset: AssetId,
			version: AssetVersion,
			start: u32,
			limit: u32,
		) -> Vec<(DataNetId, ContributionIndex)>;

		/// How a private DataNet is encrypted and what its use costs; `None` for a public one.
		fn access(datanet: DataNetId) -> Option<AccessView>;
		/// Whether an account may use a DataNet for a purpose: it is public, the account's own, or a grant
		/// stands.
		fn may_use(who: AccountId, datanet: DataNetId, purpose: Purpose) -> bool;
		/// A grant that stands.
		fn grant(datanet: DataNetId, grantee: AccountId, purpose: Purpose) -> Option<GrantView>;
		/// The grants of a DataNet that stand.
		fn grants(datanet: DataNetId, start: u32, limit: u32) -> Vec<GrantView>;
		/// The open requests for grants of a DataNet.
		fn grant_requests(datanet: DataNetId, start: u32, limit: u32) -> Vec<RequestView>;
		/// Whom capsules for an account are encrypted to.
		fn recipient(who: AccountId) -> Option<Recipient>;
	}
}
