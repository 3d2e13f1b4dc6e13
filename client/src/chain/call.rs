//! The chain's calls as values. Arguments are `tributary_primitives` types, encoded in order; numbers of
//! pallets and calls come from the node's metadata.

use codec::{Compact, Decode, Encode};
use subxt::{
	error::Metadata,
	ext::{
		scale_encode::{self, EncodeAsFields, FieldIter},
		scale_type_resolver::TypeResolver,
	},
	transactions::Payload,
};
use tributary_primitives::{
	batch::{BatchHeader, ChannelCharge, Fault, Verdict},
	fee::Price,
	merkle_sum::SumProof,
	royalty::Parent,
	views::{Parameters, Policy, SkillView, TrainingView},
	AccountId, AssetId, AssetRef, Balance, ContributionIndex, DataNetId, DocumentKind, Hash, Ppm, Purpose,
	Recipient, Served, SnapshotRef, VaultKey,
};

/// A contribution to register.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Item {
	/// BLAKE3 of the text.
	pub content: Hash,
	/// Its size, bytes.
	pub bytes: u64,
	/// SPDX licence expression, at most 64 bytes.
	pub licence: Vec<u8>,
	/// Title, source or other text, at most 256 bytes.
	pub metadata: Vec<u8>,
}

/// A curator's word on a contribution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Review {
	/// In every snapshot from now on.
	Accept,
	/// Refused, with a reason of at most 256 bytes.
	Reject(Vec<u8>),
}

/// A [`Review`] of one contribution.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Decision {
	/// The contribution.
	pub index: ContributionIndex,
	/// What is decided.
	pub verdict: Review,
}

/// What an agent is made of.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Composition {
	/// The base model.
	pub base: AssetRef,
	/// At most 8 adapters and their scales, ppm of the trained strength.
	pub adapters: Vec<(AssetRef, Ppm)>,
	/// At most 8 prompts, in order.
	pub prompts: Vec<AssetRef>,
	/// At most 8 snapshots to retrieve from and attribute to.
	pub datanets: Vec<SnapshotRef>,
	/// At most 8 tools that the model may call.
	pub tools: Vec<AssetRef>,
	/// At most 8 groups of parts that only some requests use.
	pub skills: Vec<SkillView>,
	/// What the version costs.
	pub price: Price,
}

/// A validator's session keys: Aura's (sr25519) and GRANDPA's (ed25519).
pub type SessionKeys = [[u8; 32]; 2];

/// A call, ready to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
	/// One call.
	One {
		/// Its pallet.
		pallet: &'static str,
		/// Its name.
		name: &'static str,
		/// Its arguments, SCALE.
		arguments: Vec<u8>,
	},
	/// Several calls in one transaction (`Utility.batch_all`): all happen or none.
	All(Vec<Call>),
	/// Several calls in one transaction (`Utility.force_batch`): each happens or fails for itself; see
	/// [`super::Included::failures`].
	Each(Vec<Call>),
	/// A call as root (`Sudo.sudo`), where the chain has a sudo key; its failure is in
	/// [`super::Included::failures`] too.
	AsRoot(Box<Call>),
}

fn one<A: Encode>(pallet: &'static str, name: &'static str, arguments: A) -> Call {
	Call::One { pallet, name, arguments: arguments.encode() }
}

fn bytes(text: &str) -> Vec<u8> {
	text.as_bytes().to_vec()
}

fn hint_bytes(hints: &[String]) -> Vec<Vec<u8>> {
	hints.iter().map(|hint| bytes(hint)).collect()
}

/// `registry`
impl Call {
	/// Sets the price of a base model, adapter or prompt: agents and tools have theirs in their versions.
	pub fn set_price(asset: AssetId, price: Price) -> Self {
		one("Registry", "set_price", (asset, price))
	}

	/// Gives an asset to another owner.
	pub fn transfer_asset(asset: AssetId, new_owner: AccountId) -> Self {
		one("Registry", "transfer", (asset, new_owner))
	}

	/// Splits an asset's income among at most 8 accounts by weight.
	pub fn set_holders(asset: AssetId, holders: &[(AccountId, u16)]) -> Self {
		one("Registry", "set_holders", (asset, holders))
	}

	/// Closes an asset to new agents.
	pub fn retire(asset: AssetId) -> Self {
		one("Registry", "retire", asset)
	}

	/// Attaches a document to a version, in the place of an earlier one of its kind.
	pub fn attach(version: AssetRef, kind: DocumentKind, content: Hash, hints: &[String]) -> Self {
		one("Registry", "attach", (version.asset, version.version, kind, content, hint_bytes(hints)))
	}

	/// Takes a document back, and its deposit.
	pub fn detach(version: AssetRef, kind: DocumentKind) -> Self {
		one("Registry", "detach", (version.asset, version.version, kind))
	}
}

/// `datanets`
impl Call {
	/// Creates a DataNet.
	pub fn create_datanet(name: &str, description: &str, policy: Policy, curators: &[AccountId]) -> Self {
		one("Datanets", "create", (bytes(name), bytes(description), policy, curators))
	}

	/// Replaces a DataNet's curators.
	pub fn set_curators(datanet: DataNetId, curators: &[AccountId]) -> Self {
		one("Datanets", "set_curators", (datanet, curators))
	}

	/// Adds at most 128 contributions.
	pub fn contribute(datanet: DataNetId, items: &[Item]) -> Self {
		one("Datanets", "contribute", (datanet, items))
	}

	/// Decides at most 128 contributions.
	pub fn review(datanet: DataNetId, decisions: &[Decision]) -> Self {
		one("Datanets", "review", (datanet, decisions))
	}

	/// Takes a snapshot of the accepted contributions.
	pub fn snapshot(datanet: DataNetId) -> Self {
		one("Datanets", "snapshot", datanet)
	}

	/// Erases a contribution.
	pub fn tombstone(datanet: DataNetId, index: ContributionIndex) -> Self {
		one("Datanets", "tombstone", (datanet, index))
	}

	/// Takes back a contribution that is pending or rejected, and its deposit.
	pub fn withdraw_contribution(datanet: DataNetId, index: ContributionIndex) -> Self {
		one("Datanets", "withdraw", (datanet, index))
	}
}

/// `grants`
impl Call {
	/// Says whom capsules for the signer are encrypted to.
	pub fn announce(recipient: Recipient) -> Self {
		one("Grants", "announce", recipient)
	}

	/// Takes the signer's recipient back, and its deposit.
	pub fn withdraw_recipient() -> Self {
		one("Grants", "withdraw_recipient", ())
	}

	/// Makes an empty DataNet private, or begins the next epoch of a private one.
	pub fn set_recipient(datanet: DataNetId, recipient: Recipient) -> Self {
		one("Grants", "set_recipient", (datanet, recipient))
	}

	/// Sets what a grant costs, planck; `None` ends the offer.
	pub fn offer(datanet: DataNetId, purpose: Purpose, price: Option<Balance>) -> Self {
		one("Grants", "offer", (datanet, purpose, price))
	}

	/// Asks for a grant and holds its price, at most `most` planck.
	pub fn request_grant(datanet: DataNetId, purpose: Purpose, most: Balance) -> Self {
		one("Grants", "request", (datanet, purpose, most))
	}

	/// Takes the signer's request back, and its price.
	pub fn withdraw_request(datanet: DataNetId, purpose: Purpose) -> Self {
		one("Grants", "withdraw_request", (datanet, purpose))
	}

	/// Refuses a request; its price goes back.
	pub fn refuse(datanet: DataNetId, grantee: AccountId, purpose: Purpose) -> Self {
		one("Grants", "refuse", (datanet, grantee, purpose))
	}

	/// Grants, or grants anew, with a capsule of at most 1,024 bytes.
	pub fn grant(datanet: DataNetId, grantee: AccountId, purpose: Purpose, capsule: &[u8]) -> Self {
		one("Grants", "grant", (datanet, grantee, purpose, capsule))
	}

	/// Takes a grant back.
	pub fn revoke(datanet: DataNetId, grantee: AccountId, purpose: Purpose) -> Self {
		one("Grants", "revoke", (datanet, grantee, purpose))
	}

	/// Gives the signer's grant up.
	pub fn renounce(datanet: DataNetId, purpose: Purpose) -> Self {
		one("Grants", "renounce", (datanet, purpose))
	}
}

/// `adapters`
impl Call {
	/// Registers a base model.
	pub fn register_base(name: &str, content: Hash, hints: &[String], price: Price) -> Self {
		one("Adapters", "register_base", (bytes(name), content, hint_bytes(hints), price))
	}

	/// Registers an adapter.
	pub fn register_adapter(
		name: &str,
		content: Hash,
		hints: &[String],
		price: Price,
		parents: &[Parent],
		training: &TrainingView,
	) -> Self {
		one(
			"Adapters",
			"register_adapter",
			(bytes(name), content, hint_bytes(hints), price, parents, training),
		)
	}

	/// Adds a version to a base model or an adapter; an adapter's needs its training.
	pub fn add_model_version(
		asset: AssetId,
		content: Hash,
		hints: &[String],
		parents: &[Parent],
		training: Option<&TrainingView>,
	) -> Self {
		one("Adapters", "add_version", (asset, content, hint_bytes(hints), parents, training))
	}

	/// Names who may evaluate an asset, at most 8 accounts.
	pub fn set_evaluators(asset: AssetId, evaluators: &[AccountId]) -> Self {
		one("Adapters", "set_evaluators", (asset, evaluators))
	}

	/// Reports a score on a benchmark, in millionths.
	pub fn report(version: AssetRef, benchmark: SnapshotRef, metric: &str, score: i64, report: Hash) -> Self {
		one("Adapters", "report", (version.asset, version.version, benchmark, bytes(metric), score, report))
	}

	/// Takes a report back, and its deposit.
	pub fn withdraw_report(version: AssetRef, metric: &str) -> Self {
		one("Adapters", "withdraw_report", (version.asset, version.version, bytes(metric)))
	}
}

/// `prompts`
impl Call {
	/// Registers a prompt.
	pub fn create_prompt(name: &str, content: Hash, hints: &[String], price: Price) -> Self {
		one("Prompts", "create", (bytes(name), content, hint_bytes(hints), price))
	}

	/// Registers a prompt derived from another, which is paid a share.
	pub fn fork_prompt(parent: AssetRef, name: &str, content: Hash, hints: &[String], price: Price) -> Self {
		one("Prompts", "fork", (parent, bytes(name), content, hint_bytes(hints), price))
	}

	/// Adds a version to a prompt.
	pub fn add_prompt_version(asset: AssetId, content: Hash, hints: &[String]) -> Self {
		one("Prompts", "add_version", (asset, content, hint_bytes(hints)))
	}
}

/// What a tool version is, beside its tool list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolServer {
	/// Where the MCP server is: `https://…`, `http://…` or `stdio:name`, at most 256 bytes.
	pub server: String,
	/// What it calls itself: its name and version, at most 128 bytes.
	pub identity: String,
	/// BLAKE3 of its tool list in canonical JSON.
	pub content: Hash,
	/// Where the list may be found; at most 3.
	pub hints: Vec<String>,
	/// What a call costs, planck.
	pub price: Balance,
}

impl ToolServer {
	/// The arguments that both calls end with.
	fn arguments(&self) -> impl Encode + '_ {
		(bytes(&self.server), bytes(&self.identity), self.content, hint_bytes(&self.hints), self.price)
	}
}

/// `tools`
impl Call {
	/// Registers a tool.
	pub fn register_tool(name: &str, tool: &ToolServer) -> Self {
		one("Tools", "register_tool", (bytes(name), tool.arguments()))
	}

	/// Adds a version to a tool.
	pub fn add_tool_version(asset: AssetId, tool: &ToolServer) -> Self {
		one("Tools", "add_version", (asset, tool.arguments()))
	}
}

/// `agents`
impl Call {
	/// Composes an agent.
	pub fn compose(name: &str, composition: &Composition) -> Self {
		one("Agents", "compose", (bytes(name), composition))
	}

	/// Adds a version to an agent.
	pub fn recompose(agent: AssetId, composition: &Composition) -> Self {
		one("Agents", "recompose", (agent, composition))
	}
}

/// `workers`
impl Call {
	/// Registers a worker and holds its bond, planck.
	pub fn register_worker(
		service_key: AccountId,
		endpoint: &str,
		models: &[AssetId],
		bond: Balance,
	) -> Self {
		one("Workers", "register", (service_key, bytes(endpoint), models, bond))
	}

	/// Changes a worker's description.
	pub fn update_worker(service_key: AccountId, endpoint: &str, models: &[AssetId]) -> Self {
		one("Workers", "update", (service_key, bytes(endpoint), models))
	}

	/// Adds to the bond, planck.
	pub fn add_bond(amount: Balance) -> Self {
		one("Workers", "add_bond", amount)
	}

	/// Begins to leave.
	pub fn unbond() -> Self {
		one("Workers", "unbond", ())
	}

	/// Takes the bond back after the delay.
	pub fn withdraw_bond() -> Self {
		one("Workers", "withdraw", ())
	}
}

/// `validators` and `session`
impl Call {
	/// Becomes a candidate: holds a bond, planck, and keeps a commission, ppm, of the pool's rewards.
	pub fn bond_validator(amount: Balance, commission: Ppm) -> Self {
		one("Validators", "bond", (amount, commission))
	}

	/// Stakes planck on a candidate.
	pub fn nominate(candidate: AccountId, amount: Balance) -> Self {
		one("Validators", "nominate", (candidate, amount))
	}

	/// Begins to take stake back: so many planck, or all of it.
	pub fn unbond_stake(candidate: AccountId, amount: Option<Balance>) -> Self {
		one("Validators", "unbond", (candidate, amount))
	}

	/// Frees stake whose delay is over.
	pub fn withdraw_stake(candidate: AccountId) -> Self {
		one("Validators", "withdraw_unbonded", candidate)
	}

	/// Sets the signer's commission, ppm.
	pub fn set_commission(commission: Ppm) -> Self {
		one("Validators", "set_commission", commission)
	}

	/// Stops standing for election.
	pub fn chill() -> Self {
		one("Validators", "chill", ())
	}

	/// Stands for election again.
	pub fn resume() -> Self {
		one("Validators", "resume", ())
	}

	/// Pays a staker its rewards from a candidate's pool.
	pub fn claim_stake(staker: AccountId, candidate: AccountId) -> Self {
		one("Validators", "claim_for", (staker, candidate))
	}

	/// Sets the signer's session keys, with the proof that they are the signer's.
	pub fn set_session_keys(keys: SessionKeys, proof: &[u8]) -> Self {
		one("Session", "set_keys", (keys, proof))
	}
}

/// `attribution`
impl Call {
	/// Opens a channel to a worker with a held deposit, planck.
	pub fn open_channel(worker: AccountId, deposit: Balance, session_key: Option<[u8; 32]>) -> Self {
		one("Attribution", "open_channel", (worker, deposit, session_key))
	}

	/// Adds to a channel's deposit, planck.
	pub fn top_up(worker: AccountId, amount: Balance) -> Self {
		one("Attribution", "top_up", (worker, amount))
	}

	/// Sets or removes the key that may sign in the payer's place.
	pub fn set_session_key(worker: AccountId, session_key: Option<[u8; 32]>) -> Self {
		one("Attribution", "set_session_key", (worker, session_key))
	}

	/// Begins to close a channel.
	pub fn close_channel(worker: AccountId) -> Self {
		one("Attribution", "close_channel", worker)
	}

	/// Takes a closed channel's deposit back after the delay.
	pub fn withdraw_channel(worker: AccountId) -> Self {
		one("Attribution", "withdraw_channel", worker)
	}

	/// Submits a batch; signed by the worker's service key.
	pub fn submit_batch(header: BatchHeader, agents: &[Served], charges: &[ChannelCharge]) -> Self {
		one("Attribution", "submit_batch", (header, agents, charges))
	}

	/// Credits at most `limit` of a worker's batches whose window has passed.
	pub fn credit(worker: AccountId, limit: u32) -> Self {
		one("Attribution", "credit", (worker, limit))
	}

	/// Challenges a pending batch.
	pub fn challenge(worker: AccountId, sequence: u64, fault: Fault, evidence: Hash) -> Self {
		one("Attribution", "challenge", (worker, sequence, fault, evidence))
	}

	/// Decides a challenge; for the authority.
	pub fn resolve(worker: AccountId, sequence: u64, verdict: Verdict) -> Self {
		one("Attribution", "resolve", (worker, sequence, verdict))
	}

	/// Claims the signer's part of a vault.
	pub fn claim(vault: VaultKey) -> Self {
		one("Attribution", "claim", vault)
	}

	/// Claims the signer's earnings from a worker's tree.
	pub fn claim_earnings(worker: AccountId, cumulative: Balance, proof: &SumProof) -> Self {
		one("Attribution", "claim_earnings", (worker, cumulative, proof))
	}

	/// Moves a DataNet's pool leaf of a worker's tree into the pool's vault.
	pub fn sweep_pool(worker: AccountId, datanet: DataNetId, cumulative: Balance, proof: &SumProof) -> Self {
		one("Attribution", "sweep_pool", (worker, datanet, cumulative, proof))
	}

	/// Changes the parameters; for the administrator.
	pub fn set_parameters(parameters: Parameters) -> Self {
		one("Attribution", "set_parameters", parameters)
	}
}

/// SDK pallets
impl Call {
	/// Sends planck and keeps the sender alive.
	pub fn transfer(to: AccountId, amount: Balance) -> Self {
		// `MultiAddress::Id`.
		one("Balances", "transfer_keep_alive", (0u8, to, Compact(amount)))
	}
}

impl Call {
	/// Pallet and name, for messages.
	pub fn name(&self) -> String {
		match self {
			Self::One { pallet, name, .. } => format!("{pallet}.{name}"),
			Self::All(calls) | Self::Each(calls) => format!("a batch of {} calls", calls.len()),
			Self::AsRoot(call) => format!("{} as root", call.name()),
		}
	}

	/// The call's bytes with numbers from `metadata`.
	pub(super) fn encoded(&self, metadata: &Metadata) -> Result<Vec<u8>, String> {
		let RawCall { pallet, name, arguments } = self.raw(metadata)?;
		let pallet = metadata.pallet_by_name(pallet).ok_or_else(|| format!("there is no pallet {pallet}"))?;
		let call = pallet.call_variant_by_name(name).ok_or_else(|| format!("there is no call {name}"))?;
		Ok([&[pallet.call_index(), call.index], arguments.as_slice()].concat())
	}

	pub(super) fn raw(&self, metadata: &Metadata) -> Result<RawCall, String> {
		let (pallet, name, arguments) = match self {
			Self::One { pallet, name, arguments } => (*pallet, *name, arguments.clone()),
			Self::All(calls) => ("Utility", "batch_all", list(calls, metadata)?),
			Self::Each(calls) => ("Utility", "force_batch", list(calls, metadata)?),
			Self::AsRoot(call) => ("Sudo", "sudo", call.encoded(metadata)?),
		};
		Ok(RawCall { pallet, name, arguments })
	}
}

fn list(calls: &[Call], metadata: &Metadata) -> Result<Vec<u8>, String> {
	let mut arguments = Compact(u32::try_from(calls.len()).map_err(|e| e.to_string())?).encode();
	for call in calls {
		arguments.extend(call.encoded(metadata)?);
	}
	Ok(arguments)
}

/// A call whose arguments are already SCALE.
pub(super) struct RawCall {
	pallet: &'static str,
	name: &'static str,
	arguments: Vec<u8>,
}

impl Payload for RawCall {
	type CallData = Self;

	fn pallet_name(&self) -> &str {
		self.pallet
	}

	fn call_name(&self) -> &str {
		self.name
	}

	fn call_data(&self) -> &Self {
		self
	}
}

impl EncodeAsFields for RawCall {
	fn encode_as_fields_to<R: TypeResolver>(
		&self,
		_fields: &mut dyn FieldIter<'_, R::TypeId>,
		_types: &R,
		out: &mut Vec<u8>,
	) -> Result<(), scale_encode::Error> {
		out.extend_from_slice(&self.arguments);
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn arguments_are_scale_in_order_when_a_call_is_made() {
		let Call::One { pallet, name, arguments } = Call::top_up([7; 32], 5) else { panic!("one call") };
		assert_eq!((pallet, name), ("Attribution", "top_up"));
		assert_eq!(arguments, ([7u8; 32], 5u128).encode());
		assert_eq!(Call::unbond(), Call::One { pallet: "Workers", name: "unbond", arguments: Vec::new() });
	}
}
