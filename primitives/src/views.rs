//! What the chain's runtime APIs and view functions answer. Not stored: plain vectors.

use crate::{
	batch::{BatchHeader, BatchStatus, ChannelFault},
	fee::Price,
	merkle_sum::SumNode,
	royalty::Payee,
	served::has_bit,
	split::{Presence, SplitTable},
	AccountId, AssetId, AssetKind, AssetRef, AssetVersion, Balance, BlockNumber, ContributionIndex,
	DataNetId, DocumentKind, Hash, Ppm, Purpose, Recipient, Served, SkillSet, SnapshotRef, SnapshotVersion,
	VaultKey,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Parameters that govern money. Each change makes a new version; batches name the one they used.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Parameters {
	/// Shares of a net fee.
	pub split: SplitTable,
	/// Flat fee of each request, planck.
	pub platform_fee: Balance,
}

/// A channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ChannelView {
	/// Its nonce: vouchers name it.
	pub nonce: u64,
	/// Held for it now, planck.
	pub deposit: Balance,
	/// Charged over its life, planck.
	pub charged: Balance,
	/// Key that may sign instead of the payer.
	pub session_key: Option<[u8; 32]>,
	/// When a requested closing takes effect.
	pub closes_at: Option<BlockNumber>,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct WorkerView {
	/// The bonded account.
	pub operator: AccountId,
	/// The key that submits batches.
	pub service_key: AccountId,
	/// Where it serves.
	pub endpoint: Vec<u8>,
	/// Base models it serves.
	pub models: Vec<AssetId>,
	/// Held bond, planck.
	pub bond: Balance,
	/// When an unbonding worker may withdraw.
	pub unbonds_at: Option<BlockNumber>,
}

/// Numbers that validators and stakers go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ValidatorParametersView {
	/// Index of the session.
	pub session: u32,
	/// Length of a session, blocks.
	pub session_blocks: BlockNumber,
	/// Sessions for which stake that leaves stays slashable.
	pub unbonding_sessions: u32,
	/// Least validators.
	pub min_validators: u32,
	/// Most validators.
	pub max_validators: u32,
	/// Part of transaction fees that goes to the block's author, ppm.
	pub author_share: Ppm,
	/// Least stake of a candidate's own, planck.
	pub min_bond: Balance,
	/// Least stake with a candidate, planck.
	pub min_nomination: Balance,
	/// Largest commission, ppm.
	pub max_commission: Ppm,
}

/// A candidate, or a validator that was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ValidatorView {
	/// The account.
	pub account: AccountId,
	/// Its own stake, planck.
	pub own: Balance,
	/// All stake of its pool, planck.
	pub stake: Balance,
	/// Its part of rewards, ppm.
	pub commission: Ppm,
	/// Whether it stands for election.
	pub active: bool,
	/// Whether it has session keys.
	pub keys: bool,
	/// Whether it is a validator of this session.
	pub elected: bool,
	/// Whether it may not act in this session.
	pub disabled: bool,
	/// Session before which it may not stand again.
	pub jailed_until: Option<u32>,
	/// Blocks that it has made in this session.
	pub blocks: u32,
}

/// An account's stake with one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeView {
	/// The candidate.
	pub candidate: AccountId,
	/// What it is worth, planck.
	pub staked: Balance,
	/// Rewards to claim, planck.
	pub claimable: Balance,
	/// Slashed and not yet taken off the hold, planck.
	pub slashed: Balance,
	/// Stake that leaves: planck, and the session in which it may be withdrawn.
	pub leaving: Vec<(Balance, u32)>,
}

/// A worker's settlement state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SettlementView {
	/// Sequence number the next batch must have.
	pub next_sequence: u64,
	/// Sequence number of the oldest batch not yet credited or voided.
	pub oldest_pending: u64,
	/// Data shares credited so far, planck.
	pub credited: Balance,
	/// Data shares of pending batches, planck.
	pub pending: Balance,
	/// The root that claims are proven against.
	pub root: SumNode,
	/// The batch that brought it.
	pub root_sequence: u64,
	/// Paid out against it, planck.
	pub claimed: Balance,
}

/// The part of a batch of one agent version with its active skills.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct AgentTotal {
	/// The agent version and its active skills.
	pub served: Served,
	/// Settled records.
	pub records: u32,
	/// Settled fees, planck.
	pub fee: Balance,
	/// The price of tool calls in them, planck.
	pub tools: Balance,
	/// Its data share, planck.
	pub data: Balance,
}

/// A batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct BatchView {
	/// The operator.
	pub worker: AccountId,
	/// Its head.
	pub header: BatchHeader,
	/// Its state.
	pub status: BatchStatus,
	/// Included at.
	pub submitted_at: BlockNumber,
	/// May be credited from this block on.
	pub matures_at: BlockNumber,
	/// Version of the parameters it was split by.
	pub parameters: u32,
	/// Escrow it moved, planck.
	pub escrow: Balance,
	/// What each agent version with its active skills settled.
	pub agents: Vec<AgentTotal>,
	/// Channels that were not charged, and why.
	pub failed: Vec<(AccountId, ChannelFault)>,
}

/// A vault.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct VaultView {
	/// Which.
	pub key: VaultKey,
	/// Sum of the holders' weights.
	pub total_weight: u64,
	/// Credited over its life, planck.
	pub credited: Balance,
	/// Waits for the next credit because it does not divide by the weights, planck.
	pub undistributed: Balance,
	/// Paid out over its life, planck.
	pub claimed: Balance,
}

/// What an account can claim from one vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Claimable {
	/// The vault.
	pub vault: VaultKey,
	/// Owed, planck.
	pub owed: Balance,
}

/// One version of an asset.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct VersionView {
	/// Its number.
	pub version: AssetVersion,
	/// BLAKE3 of its content.
	pub content: Hash,
	/// Where the content may be found.
	pub hints: Vec<Vec<u8>>,
	/// Who is paid when it is used, itself first.
	pub payees: Vec<Payee>,
	/// Registered at.
	pub created_at: BlockNumber,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AssetView {
	/// Its id.
	pub id: AssetId,
	/// What it is.
	pub kind: AssetKind,
	/// Whose it is.
	pub owner: AccountId,
	/// Its name.
	pub name: Vec<u8>,
	/// What it costs, planck per 1,000 tokens.
	pub price: Price,
	/// Whether new agents may still use it.
	pub retired: bool,
	/// Its versions, oldest first.
	pub versions: Vec<VersionView>,
}

/// How an adapter was trained.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TrainingView {
	/// The base model version.
	pub base: AssetRef,
	/// LoRA rank.
	pub rank: u16,
	/// The snapshots it was trained on.
	pub snapshots: Vec<SnapshotRef>,
	/// BLAKE3 of the training configuration.
	pub configuration: Hash,
}

/// A score by a named evaluator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct EvaluationView {
	/// The evaluated version.
	pub version: AssetVersion,
	/// Who evaluated.
	pub evaluator: AccountId,
	/// What it was measured on.
	pub benchmark: SnapshotRef,
	/// What was measured, for example `perplexity`.
	pub metric: Vec<u8>,
	/// The score in millionths.
	pub score: i64,
	/// BLAKE3 of the report.
	pub report: Hash,
}

/// A document that an asset's owner attached to a version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DocumentView {
	/// What it says.
	pub kind: DocumentKind,
	/// BLAKE3 of its content.
	pub content: Hash,
	/// Where the content may be found.
	pub hints: Vec<Vec<u8>>,
	/// Attached at.
	pub attached_at: BlockNumber,
}

/// The lineage of an asset: itself and, for an agent, all it is made of; for an adapter, what it was
/// trained on and how it was judged.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct TrailView {
	/// The asset.
	pub asset: AssetView,
	/// How it was trained, when it is an adapter.
	pub training: Option<TrainingView>,
	/// Whether some of what it or its parents were trained on has been erased since.
	pub erased: bool,
	/// How it was judged.
	pub evaluations: Vec<EvaluationView>,
	/// What it is composed of, when it is an agent.
	pub agent: Option<AgentView>,
}

/// A tool version: an MCP server and its tool list.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ToolView {
	/// The tool version.
	pub tool: AssetRef,
	/// Its name.
	pub name: Vec<u8>,
	/// Its owner.
	pub owner: AccountId,
	/// Where the server is: `https://…`, `http://…` or `stdio:name`.
	pub server: Vec<u8>,
	/// What the server calls itself: its name and version.
	pub identity: Vec<u8>,
	/// BLAKE3 of the tool list in canonical JSON.
	pub content: Hash,
	/// Where the tool list may be found.
	pub hints: Vec<Vec<u8>>,
	/// What a call costs, planck.
	pub price: Balance,
	/// Whether new agents may still use it.
	pub retired: bool,
}

/// A skill of an agent version: parts that a request uses or does without.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SkillView {
	/// What it is for: requests are compared with this text.
	pub description: Vec<u8>,
	/// Least similarity of a request that uses it: cosine in millionths.
	pub threshold: i32,
	/// Its adapters, as bits of the version's list.
	pub adapters: u8,
	/// Its prompts, as bits of the version's list.
	pub prompts: u8,
	/// Its DataNets, as bits of the version's list.
	pub datanets: u8,
}

/// The parts of an agent version that are active under a skill set. Base model and tools always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveParts {
	/// Adapters and their scales (ppm of the trained strength).
	pub adapters: Vec<(AssetRef, Ppm)>,
	/// Prompts, in order.
	pub prompts: Vec<AssetRef>,
	/// Snapshots.
	pub datanets: Vec<SnapshotRef>,
}

/// The parts whose bit is in `mask`.
pub fn select<T: Clone>(parts: &[T], mask: u8) -> Vec<T> {
	parts
		.iter()
		.enumerate()
		.filter(|(index, _)| has_bit(mask, *index))
		.map(|(_, part)| part.clone())
		.collect()
}

/// An agent version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AgentView {
	/// The agent.
	pub agent: AssetRef,
	/// Its name: the `model` of an OpenAI request.
	pub name: Vec<u8>,
	/// Its author.
	pub owner: AccountId,
	/// What it costs, planck per 1,000 tokens.
	pub price: Price,
	/// Its base model.
	pub base: AssetRef,
	/// Its adapters and their scales (ppm of the trained strength).
	pub adapters: Vec<(AssetRef, Ppm)>,
	/// Its prompts, in order.
	pub prompts: Vec<AssetRef>,
	/// The snapshots it retrieves from and is attributed to.
	pub datanets: Vec<SnapshotRef>,
	/// What the model may call.
	pub tools: Vec<ToolView>,
	/// Which of the parts are used only by some requests, and by which.
	pub skills: Vec<SkillView>,
	/// Whether it may still be used.
	pub retired: bool,
	/// Which of base model and adapters evaluators share the fees of now.
	pub evaluated: Vec<AssetId>,
	/// Whether stakers share its fees now.
	pub staked: bool,
}

impl AgentView {
	/// The parts that are active under a skill set; `None` when the version lacks one of the skills.
	pub fn active(&self, skills: SkillSet) -> Option<ActiveParts> {
		let mask = |of: fn(&SkillView) -> u8| skills.active(self.skills.iter().map(of));
		skills.fits(self.skills.len()).then(|| ActiveParts {
			adapters: select(&self.adapters, mask(|skill| skill.adapters)),
			prompts: select(&self.prompts, mask(|skill| skill.prompts)),
			datanets: select(&self.datanets, mask(|skill| skill.datanets)),
		})
	}

	/// Which parts of the split take part under a skill set, by whether a tool was called; `None` when the
	/// version lacks one of the skills.
	pub fn presence(&self, skills: SkillSet, called: bool) -> Option<Presence> {
		let ActiveParts { adapters, prompts, datanets } = self.active(skills)?;
		let mut models =
			core::iter::once(self.base.asset).chain(adapters.iter().map(|(adapter, _)| adapter.asset));
		Some(Presence {
			stakers: self.staked,
			base_model: true,
			adapters: !adapters.is_empty(),
			prompts: !prompts.is_empty(),
			tools: called,
			evaluators: models.any(|model| self.evaluated.contains(&model)),
			agent: true,
			data: !datanets.is_empty(),
		})
	}
}

/// Who may add to a DataNet.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Policy {
	/// Contributions are accepted at once.
	Open,
	/// A curator accepts or rejects each.
	Curated,
}

/// Where a contribution stands.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum ContributionStatus {
	/// Waits for a curator.
	Pending,
	/// In every snapshot taken since.
	Accepted {
		/// Its leaf in the DataNet's range.
		leaf: u32,
	},
	/// Refused; the reason is in the event and in storage.
	Rejected,
	/// Erased: content must not be served, indexed or trained on any more.
	Tombstoned,
}

/// A DataNet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DataNetView {
	/// Its id.
	pub id: DataNetId,
	/// Its owner.
	pub owner: AccountId,
	/// Its name.
	pub name: Vec<u8>,
	/// What it is about.
	pub description: Vec<u8>,
	/// Who may add.
	pub policy: Policy,
	/// Who reviews.
	pub curators: Vec<AccountId>,
	/// Contributions of any status.
	pub contributions: u32,
	/// Accepted ones.
	pub accepted: u32,
	/// The newest snapshot; 0 for none.
	pub snapshots: SnapshotVersion,
}

/// A contribution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ContributionView {
	/// Its index in the DataNet.
	pub index: ContributionIndex,
	/// Who added it.
	pub contributor: AccountId,
	/// BLAKE3 of its content.
	pub content: Hash,
	/// Size of the content, bytes.
	pub bytes: u64,
	/// SPDX licence expression.
	pub licence: Vec<u8>,
	/// Title, source or other text.
	pub metadata: Vec<u8>,
	/// Where it stands.
	pub status: ContributionStatus,
}

/// A snapshot: the first `leaves` accepted contributions, less those tombstoned. The leaf of a tombstoned
/// contribution stays under the root.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SnapshotView {
	/// Root of the range, see [`crate::range`].
	pub root: Hash,
	/// Number of leaves.
	pub leaves: u32,
	/// Contributions of the DataNet that had been tombstoned when it was taken.
	pub erased: u32,
	/// Taken at.
	pub at: BlockNumber,
}

/// How a private DataNet is encrypted and what its use costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct AccessView {
	/// Whom new contributions are encrypted to.
	pub recipient: Recipient,
	/// Number of that recipient; the first is 1.
	pub epoch: u32,
	/// Price of a grant to train, planck; `None` while it is not offered.
	pub train: Option<Balance>,
	/// Price of a grant to retrieve, planck; `None` while it is not offered.
	pub retrieve: Option<Balance>,
}

/// An open request for a grant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct RequestView {
	/// Who asks.
	pub grantee: AccountId,
	/// What for.
	pub purpose: Purpose,
	/// Whom the capsule must be encrypted to; `None` when the grantee took its recipient back.
	pub recipient: Option<Recipient>,
	/// Held from the grantee, planck.
	pub price: Balance,
	/// Asked at.
	pub at: BlockNumber,
}

/// A grant that stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct GrantView {
	/// Who may use the DataNet.
	pub grantee: AccountId,
	/// What for.
	pub purpose: Purpose,
	/// The newest epoch whose identity is in the capsule.
	pub epoch: u32,
	/// The DataNet's identities, encrypted to the grantee.
	pub capsule: Vec<u8>,
	/// Granted at, or granted anew.
	pub granted_at: BlockNumber,
}

/// A contribution's leaf data in its DataNet's range: SCALE of this struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct ContributionLeaf {
	/// The DataNet.
	pub datanet: DataNetId,
	/// The contribution.
	pub index: ContributionIndex,
	/// Who added it.
	pub contributor: AccountId,
	/// BLAKE3 of its content.
	pub content: Hash,
}

impl ContributionLeaf {
	/// The leaf's digest.
	pub fn digest(&self) -> Hash {
		crate::range::leaf(&self.encode())
	}
}

/// Delays and thresholds a client needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct LimitsView {
	/// Blocks between a batch's inclusion and its credit.
	pub challenge_window: BlockNumber,
	/// Blocks between asking to close a channel and getting the deposit back.
	pub closing_delay: BlockNumber,
	/// Blocks between unbonding and withdrawing a worker's bond.
	pub unbonding_delay: BlockNumber,
	/// Least worker bond, planck.
	pub min_bond: Balance,
	/// Least balance of an account: a smaller claim of a new account waits, planck.
	pub existential_deposit: Balance,
	/// Hold for challenging a batch, planck.
	pub challenge_bond: Balance,
}
