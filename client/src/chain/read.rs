//! Reads: one method per runtime API method, and what every chain has.

use super::{nodes::height, Chain, ChainError};
use codec::Decode;
use subxt::rpcs::rpc_params;
use tributary_primitives::{views::*, *};

/// Longest page of a list.
pub const MAX_PAGE: u32 = 256;

macro_rules! reads {
	($api:literal: $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
		impl Chain {
			$($(#[$doc])*
			pub async fn $name(&self, $($argument: $type),*) -> Result<$result, ChainError> {
				let arguments = ($($argument,)*);
				self.state_call(concat!($api, "_", stringify!($name)), &arguments).await
			})*
		}
	};
}

reads! { "TributaryApi":
	/// The parameters in force and their version.
	parameters() -> (u32, Parameters);
	/// The parameters of a version.
	parameters_of(version: u32) -> Option<Parameters>;
	/// Delays, in blocks, and the least balance of an account, planck.
	limits() -> LimitsView;
	/// The channel of a payer to a worker.
	channel(payer: AccountId, worker: AccountId) -> Option<ChannelView>;
	/// A worker.
	worker(operator: AccountId) -> Option<WorkerView>;
	/// A page of workers.
	workers(start: u32, limit: u32) -> Vec<WorkerView>;
	/// A worker's settlement state.
	settlement(worker: AccountId) -> SettlementView;
	/// A batch.
	batch(worker: AccountId, sequence: u64) -> Option<BatchView>;
	/// What an account can claim from vaults.
	claimable(who: AccountId) -> Vec<Claimable>;
	/// What an earner has claimed against a worker's tree, planck.
	earnings_claimed(worker: AccountId, earner: Earner) -> Balance;
	/// A vault.
	vault(key: VaultKey) -> VaultView;
	/// An asset.
	asset(id: AssetId) -> Option<AssetView>;
	/// A page of assets.
	assets(start: AssetId, limit: u32) -> Vec<AssetView>;
	/// An agent; its newest version when none is named.
	agent(id: AssetId, version: Option<AssetVersion>) -> Option<AgentView>;
	/// A page of agents, newest versions.
	agents(start: AssetId, limit: u32) -> Vec<AgentView>;
	/// A tool; its newest version when none is named.
	tool(id: AssetId, version: Option<AssetVersion>) -> Option<ToolView>;
	/// A page of tools, newest versions.
	tools(start: AssetId, limit: u32) -> Vec<ToolView>;
	/// The lineage of an asset.
	trail(id: AssetId) -> Option<TrailView>;
	/// A DataNet.
	datanet(id: DataNetId) -> Option<DataNetView>;
	/// A page of DataNets.
	datanets(start: DataNetId, limit: u32) -> Vec<DataNetView>;
	/// A page of a DataNet's contributions.
	contributions(datanet: DataNetId, start: ContributionIndex, limit: u32) -> Vec<ContributionView>;
	/// A snapshot.
	snapshot(datanet: DataNetId, version: SnapshotVersion) -> Option<SnapshotView>;
	/// What is attached to a version, at most one document of each kind.
	documents(asset: AssetId, version: AssetVersion) -> Vec<DocumentView>;
	/// A page of contributions that a version or a direct parent of it was trained on and that have been
	/// erased since.
	erased(asset: AssetId, version: AssetVersion, start: u32, limit: u32) -> Vec<(DataNetId, ContributionIndex)>;
	/// How a private DataNet is encrypted and what its use costs; `None` for a public one.
	access(datanet: DataNetId) -> Option<AccessView>;
	/// Whether an account may use a DataNet for a purpose: it is public, the account's own, or a grant stands.
	may_use(who: AccountId, datanet: DataNetId, purpose: Purpose) -> bool;
	/// A grant that stands.
	grant(datanet: DataNetId, grantee: AccountId, purpose: Purpose) -> Option<GrantView>;
	/// A page of a DataNet's grants.
	grants(datanet: DataNetId, start: u32, limit: u32) -> Vec<GrantView>;
	/// A page of a DataNet's open requests for grants.
	grant_requests(datanet: DataNetId, start: u32, limit: u32) -> Vec<RequestView>;
	/// Whom capsules for an account are encrypted to.
	recipient(who: AccountId) -> Option<Recipient>;
}

reads! { "ValidatorsApi":
	/// Sessions, delays and limits of validators and stakers.
	validator_parameters() -> ValidatorParametersView;
	/// A candidate or validator.
	validator(who: AccountId) -> Option<ValidatorView>;
	/// All candidates and validators, those of most stake first.
	validators() -> Vec<ValidatorView>;
	/// An account's stake, by candidate.
	stake(staker: AccountId) -> Vec<StakeView>;
}

/// An account's money, planck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountBalance {
	/// May be spent (less what is frozen and the existential deposit).
	pub free: Balance,
	/// Held: deposits, bonds, channels.
	pub held: Balance,
	/// May not be spent.
	pub frozen: Balance,
}

/// `frame_system::AccountInfo` with `pallet_balances::AccountData`.
#[derive(Decode)]
struct AccountInfo {
	_nonce: u32,
	_consumers: u32,
	_providers: u32,
	_sufficients: u32,
	free: u128,
	reserved: u128,
	frozen: u128,
	_flags: u128,
}

impl Chain {
	/// Height of the best block.
	pub async fn block_number(&self) -> Result<BlockNumber, ChainError> {
		self.header_number(None).await
	}

	/// Height of the last finalized block.
	pub async fn finalized_number(&self) -> Result<BlockNumber, ChainError> {
		let hash: String = self.request("chain_getFinalizedHead", || rpc_params![]).await?;
		self.header_number(Some(hash)).await
	}

	/// Hash of the best block.
	pub async fn best_hash(&self) -> Result<Hash, ChainError> {
		let text: String = self.request("chain_getBlockHash", || rpc_params![]).await?;
		super::decode_hex(&text, "chain_getBlockHash")
	}

	/// Height of a block.
	pub async fn number_of(&self, block: &Hash) -> Result<BlockNumber, ChainError> {
		self.header_number(Some(super::prefixed(block))).await
	}

	/// A worker's settlement state at a block.
	pub async fn settlement_at(&self, worker: AccountId, block: Hash) -> Result<SettlementView, ChainError> {
		self.state_call_at("TributaryApi_settlement", &(worker,), Some(block)).await
	}

	/// A batch at a block.
	pub async fn batch_at(
		&self,
		worker: AccountId,
		sequence: u64,
		block: Hash,
	) -> Result<Option<BatchView>, ChainError> {
		self.state_call_at("TributaryApi_batch", &(worker, sequence), Some(block)).await
	}

	/// The channel of a payer to a worker at a block.
	pub async fn channel_at(
		&self,
		payer: AccountId,
		worker: AccountId,
		block: Hash,
	) -> Result<Option<ChannelView>, ChainError> {
		self.state_call_at("TributaryApi_channel", &(payer, worker), Some(block)).await
	}

	/// Hash of the last finalized block.
	pub async fn finalized_hash(&self) -> Result<Hash, ChainError> {
		let text: String = self.request("chain_getFinalizedHead", || rpc_params![]).await?;
		super::decode_hex(&text, "chain_getFinalizedHead")
	}

	async fn header_number(&self, hash: Option<String>) -> Result<BlockNumber, ChainError> {
		let header: serde_json::Value = self.request("chain_getHeader", || rpc_params![&hash]).await?;
		let digits = header.get("number").and_then(|number| number.as_str()).unwrap_or_default();
		height(digits).ok_or_else(|| ChainError::Decode {
			method: "chain_getHeader".into(),
			reason: format!("`{digits}` is no block number"),
		})
	}

	/// An account's balances; zero for an account that does not exist.
	pub async fn balance(&self, account: AccountId) -> Result<AccountBalance, ChainError> {
		// twox128("System") ++ twox128("Account"): fixed by the SDK.
		const ACCOUNTS: [u8; 32] = [
			0x26, 0xaa, 0x39, 0x4e, 0xea, 0x56, 0x30, 0xe0, 0x7c, 0x48, 0xae, 0x0c, 0x95, 0x58, 0xce, 0xf7,
			0xb9, 0x9d, 0x88, 0x0e, 0xc6, 0x81, 0x79, 0x9c, 0x0c, 0xf3, 0x0e, 0x88, 0x86, 0x37, 0x1d, 0xa9,
		];
		let digest = sp_crypto_hashing::blake2_128(&account);
		let key = [&ACCOUNTS[..], &digest, &account].concat();
		let info: Option<AccountInfo> = self.storage(&key).await?;
		Ok(info.map_or_else(AccountBalance::default, |info| AccountBalance {
			free: info.free,
			held: info.reserved,
			frozen: info.frozen,
		}))
	}
}
