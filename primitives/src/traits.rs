//! How pallets meet without knowing each other: each trait is implemented by one pallet and used by others.

use crate::{
	royalty::Payees, views::ToolView, AccountId, AssetId, AssetRef, Balance, ContributionIndex, DataNetId,
	Ppm, Purpose, Served, VaultKey,
};
use alloc::vec::Vec;

/// An amount or weight does not fit its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// Who shares a vault. Implemented by the attribution pallet.
pub trait VaultHolders {
	/// Sets a holder's weight from the next credit on; what it earned before stays its own. Zero removes it.
	fn set_weight(vault: VaultKey, holder: &AccountId, weight: u64) -> Result<(), Overflow>;
	/// A holder's weight.
	fn weight(vault: VaultKey, holder: &AccountId) -> u64;
	/// Sum of the weights; zero means nobody holds the vault.
	fn total_weight(vault: VaultKey) -> u64;
}

/// What a vault owes a holder that is no user. Implemented by the attribution pallet.
pub trait VaultIncome {
	/// Pays a holder all that a vault owes it; returns how much, planck. Nothing when it is not enough to open
	/// the holder's account.
	fn collect(vault: VaultKey, holder: &AccountId) -> Balance;
}

/// Money for vaults that comes from elsewhere than batches. Implemented by the attribution pallet.
pub trait VaultDeposits {
	/// The account that the money of all vaults waits in.
	fn pot() -> AccountId;
	/// Credits a vault with `amount` planck, which the caller has moved to the [`Self::pot`] in the same
	/// call.
	fn deposit(vault: VaultKey, amount: Balance) -> Result<(), Overflow>;
}

/// Bonded operators. Implemented by the workers pallet.
pub trait Workers {
	/// The operator whose registered service key this is, while its bond is not being withdrawn.
	fn operator_of(service_key: &AccountId) -> Option<AccountId>;
	/// Whether channels may be opened to the operator.
	fn is_active(operator: &AccountId) -> bool;
	/// Takes part of an operator's bond for the treasury; returns what was taken, planck.
	fn slash(operator: &AccountId, share: Ppm) -> Balance;
}

/// DataNets. Implemented by the datanets pallet.
pub trait DataNets {
	/// Whose the DataNet is; `None` when there is no such DataNet.
	fn owner(datanet: DataNetId) -> Option<AccountId>;
	/// Whether anything was ever contributed to it.
	fn has_contributions(datanet: DataNetId) -> bool;
}

/// Snapshots of DataNets. Implemented by the datanets pallet.
pub trait Snapshots {
	/// Whether the snapshot has been taken.
	fn exists(snapshot: crate::SnapshotRef) -> bool;
	/// Contributions that were in the snapshot and have been erased since, in the order of their erasure;
	/// at most `limit`.
	fn erased(snapshot: crate::SnapshotRef, limit: u32) -> Vec<ContributionIndex>;
}

/// Rights to use private DataNets. Implemented by the grants pallet.
pub trait AccessGrants {
	/// Whether an account may use a DataNet's texts for a purpose: the DataNet is public, the account owns
	/// it, or a grant stands.
	fn may(who: &AccountId, datanet: DataNetId, purpose: Purpose) -> bool;
}

/// No DataNet is private.
impl AccessGrants for () {
	fn may(_: &AccountId, _: DataNetId, _: Purpose) -> bool {
		true
	}
}

/// Registered tools. Implemented by the tools pallet.
pub trait Tools {
	/// What a call of the tool version costs, planck; nothing when there is no such version.
	fn price(tool: AssetRef) -> Option<Balance>;
	/// All about a tool version.
	fn view(tool: AssetRef) -> Option<ToolView>;
}

/// One priced asset in an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
	/// Its weight among the agent's assets of the same kind, see [`crate::fee::Price::weight`]; for a tool what
	/// its calls cost, planck.
	pub weight: Balance,
	/// Who is paid, the asset itself first.
	pub payees: Payees,
}

/// One tool of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolPart {
	/// What a call costs, planck.
	pub price: Balance,
	/// Who is paid, the tool itself first.
	pub payees: Payees,
}

/// The active parts of an agent version, for the split of its fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
	/// The agent itself (its author's vault and lineage).
	pub agent: Payees,
	/// The base model.
	pub base: Payees,
	/// Adapters.
	pub adapters: Vec<Part>,
	/// Prompts.
	pub prompts: Vec<Part>,
	/// All tools of the version, in its order: [`crate::batch::ToolCalls::tool`] counts them.
	pub tools: Vec<ToolPart>,
	/// Base model and adapters whose evaluators' vault has a holder: these share the evaluators' part equally.
	pub evaluated: Vec<AssetId>,
	/// DataNets.
	pub datanets: Vec<DataNetId>,
}

/// Agent compositions. Implemented by the agents pallet.
pub trait AgentParts {
	/// The parts of an agent version that are active under a skill set; nothing when the version has no such
	/// skills. Retired agents still answer: what was served is still paid.
	fn parts(served: Served) -> Option<Parts>;
}
