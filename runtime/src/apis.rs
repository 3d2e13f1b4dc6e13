//! What the node and clients may ask of the runtime.

use crate::*;
use alloc::vec::Vec;
use codec::{DecodeAll, Encode};
use frame_support::{
	genesis_builder_helper::{build_state, get_preset},
	traits::{Get, KeyOwnerProofSystem},
	view_functions::{ViewFunctionDispatchError, ViewFunctionId},
	weights::Weight,
};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_runtime::{
	traits::{Block as BlockT, NumberFor},
	transaction_validity::{TransactionSource, TransactionValidity},
	ApplyExtrinsicResult, ExtrinsicInclusionMode,
};
use sp_session::OpaqueGeneratedSessionKeys;

use tributary_primitives::{
	views::{Parameters, *},
	AccountId as Id, AssetId, AssetRef, AssetVersion, ContributionIndex, DataNetId, Earner, Purpose,
	Recipient, SnapshotVersion, VaultKey,
};
use tributary_runtime_api::MAX_PAGE;

sp_api::impl_runtime_apis! {
	impl sp_api::Core<Block> for Runtime {
		fn version() -> RuntimeVersion {
			VERSION
		}

		fn execute_block(block: <Block as BlockT>::LazyBlock) {
			Executive::execute_block(block)
		}

		fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
			Executive::initialize_block(header)
		}
	}

	impl sp_api::Metadata<Block> for Runtime {
		fn metadata() -> OpaqueMetadata {
			OpaqueMetadata::new(Runtime::metadata().into())
		}

		fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
			Runtime::metadata_at_version(version)
		}

		fn metadata_versions() -> Vec<u32> {
			Runtime::metadata_versions()
		}
	}

	impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
		fn execute_view_function(
			id: ViewFunctionId,
			input: Vec<u8>,
		) -> Result<Vec<u8>, ViewFunctionDispatchError> {
			Runtime::execute_view_function(id, input)
		}
	}

	impl sp_block_builder::BlockBuilder<Block> for Runtime {
		fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
			Executive::apply_extrinsic(extrinsic)
		}

		fn finalize_block() -> <Block as BlockT>::Header {
			Executive::finalize_block()
		}

		fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
			data.create_extrinsics()
		}

		fn check_inherents(
			block: <Block as BlockT>::LazyBlock,
			data: sp_inherents::InherentData,
		) -> sp_inherents::CheckInherentsResult {
			data.check_extrinsics(&block)
		}
	}

	impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
		fn validate_transaction(
			source: TransactionSource,
			transaction: <Block as BlockT>::Extrinsic,
			block_hash: <Block as BlockT>::Hash,
		) -> TransactionValidity {
			Executive::validate_transaction(source, transaction, block_hash)
		}
	}

	impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
		fn offchain_worker(header: &<Block as BlockT>::Header) {
			Executive::offchain_worker(header)
		}
	}

	impl sp_consensus_aura::AuraApi<Block, AuraId> for Runtime {
		fn slot_duration() -> sp_consensus_aura::SlotDuration {
			sp_consensus_aura::SlotDuration::from_millis(Aura::slot_duration())
		}

		fn authorities() -> Vec<AuraId> {
			pallet_aura::Authorities::<Runtime>::get().into_inner()
		}
	}

	impl sp_session::SessionKeys<Block> for Runtime {
		fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
			SessionKeys::generate(&owner, seed).into()
		}

		fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
			SessionKeys::decode_into_raw_public_keys(&encoded)
		}
	}

	impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
		fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
			Grandpa::grandpa_authorities()
		}

		fn current_set_id() -> sp_consensus_grandpa::SetId {
			pallet_grandpa::CurrentSetId::<Runtime>::get()
		}

		fn submit_report_equivocation_unsigned_extrinsic(
			equivocation: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
			key_owner: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
		) -> Option<()> {
			Grandpa::submit_unsigned_equivocation_report(equivocation, key_owner.decode()?)
		}

		fn generate_key_ownership_proof(
			_: sp_consensus_grandpa::SetId,
			key: sp_consensus_grandpa::AuthorityId,
		) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
			pallet_validators::KeyOwners::<Runtime>::prove((sp_consensus_grandpa::KEY_TYPE, key))
				.map(|proof| sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
		}
	}

	impl tributary_runtime_api::AuraReportsApi<Block> for Runtime {
		fn prove_key_owner(key: AuraId) -> Option<Vec<u8>> {
			Validators::prove_key_owner(&key).map(|proof| proof.encode())
		}

		fn submit_report(
			equivocation: tributary_runtime_api::AuraEquivocation<<Block as BlockT>::Header>,
			key_owner: Vec<u8>,
		) -> Option<()> {
			let key_owner = sp_session::MembershipProof::decode_all(&mut &key_owner[..]).ok()?;
			Validators::submit_report(equivocation, key_owner)
		}
	}

	impl tributary_runtime_api::ValidatorsApi<Block> for Runtime {
		fn validator_parameters() -> ValidatorParametersView {
			Validators::parameters()
		}

		fn validator(who: Id) -> Option<ValidatorView> {
			Validators::validator(who.into())
		}

		fn validators() -> Vec<ValidatorView> {
			Validators::validators()
		}

		fn stake(staker: Id) -> Vec<StakeView> {
			Validators::stake(staker.into())
		}
	}

	impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
		fn account_nonce(account: AccountId) -> Nonce {
			System::account_nonce(account)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance> for Runtime {
		fn query_info(
			extrinsic: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment_rpc_runtime_api::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_info(extrinsic, len)
		}

		fn query_fee_details(
			extrinsic: <Block as BlockT>::Extrinsic,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_fee_details(extrinsic, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<Block, Balance, RuntimeCall>
		for Runtime
	{
		fn query_call_info(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::RuntimeDispatchInfo<Balance> {
			TransactionPayment::query_call_info(call, len)
		}

		fn query_call_fee_details(
			call: RuntimeCall,
			len: u32,
		) -> pallet_transaction_payment::FeeDetails<Balance> {
			TransactionPayment::query_call_fee_details(call, len)
		}

		fn query_weight_to_fee(weight: Weight) -> Balance {
			TransactionPayment::weight_to_fee(weight)
		}

		fn query_length_to_fee(length: u32) -> Balance {
			TransactionPayment::length_to_fee(length)
		}
	}

	impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
		fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
			build_state::<RuntimeGenesisConfig>(config)
		}

		fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
			get_preset::<RuntimeGenesisConfig>(id, genesis_config_presets::get_preset)
		}

		fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
			genesis_config_presets::preset_names()
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	impl frame_benchmarking::Benchmark<Block> for Runtime {
		fn benchmark_metadata(
			extra: bool,
		) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
			crate::benchmarking::metadata(extra)
		}

		#[allow(non_local_definitions)]
		fn dispatch_benchmark(
			config: frame_benchmarking::BenchmarkConfig,
		) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
			crate::benchmarking::dispatch(config)
		}
	}

	impl tributary_runtime_api::TributaryApi<Block> for Runtime {
		fn parameters() -> (u32, Parameters) {
			Attribution::parameters()
		}

		fn parameters_of(version: u32) -> Option<Parameters> {
			Attribution::parameters_of(version)
		}

		fn limits() -> LimitsView {
			let waits = Delays::in_force();
			LimitsView {
				challenge_window: waits.challenge_window,
				closing_delay: waits.closing_delay,
				unbonding_delay: waits.unbonding_delay,
				min_bond: <Runtime as pallet_workers::Config>::MinBond::get(),
				existential_deposit: constants::EXISTENTIAL_DEPOSIT,
				challenge_bond: <Runtime as pallet_attribution::Config>::ChallengeBond::get(),
			}
		}

		fn channel(payer: Id, worker: Id) -> Option<ChannelView> {
			Attribution::channel(payer.into(), worker.into())
		}

		fn worker(operator: Id) -> Option<WorkerView> {
			Workers::worker(operator.into())
		}

		fn workers(start: u32, limit: u32) -> Vec<WorkerView> {
			Workers::workers(start, limit.min(MAX_PAGE))
		}

		fn settlement(worker: Id) -> SettlementView {
			Attribution::settlement(worker.into())
		}

		fn batch(worker: Id, sequence: u64) -> Option<BatchView> {
			Attribution::batch(worker.into(), sequence)
		}

		fn claimable(who: Id) -> Vec<Claimable> {
			Attribution::claimable(who.into())
		}

		fn earnings_claimed(worker: Id, earner: Earner) -> Balance {
			Attribution::earnings_claimed(worker.into(), earner)
		}

		fn vault(key: VaultKey) -> VaultView {
			Attribution::vault(key)
		}

		fn asset(id: AssetId) -> Option<AssetView> {
			Registry::asset(id)
		}

		fn assets(start: AssetId, limit: u32) -> Vec<AssetView> {
			Registry::assets(start, limit.min(MAX_PAGE))
		}

		fn agent(id: AssetId, version: Option<AssetVersion>) -> Option<AgentView> {
			Agents::agent(id, version)
		}

		fn agents(start: AssetId, limit: u32) -> Vec<AgentView> {
			Agents::agents(start, limit.min(MAX_PAGE))
		}

		fn tool(id: AssetId, version: Option<AssetVersion>) -> Option<ToolView> {
			Tools::tool(id, version)
		}

		fn tools(start: AssetId, limit: u32) -> Vec<ToolView> {
			Tools::tools(start, limit.min(MAX_PAGE))
		}

		fn trail(id: AssetId) -> Option<TrailView> {
			let asset = Registry::asset(id)?;
			let newest = asset.versions.last().map(|version| AssetRef { asset: id, version: version.version })?;
			Some(TrailView {
				training: Adapters::training(newest),
				erased: !Adapters::erased(newest, 0, 1).is_empty(),
				evaluations: Adapters::evaluations(id),
				agent: Agents::agent(id, None),
				asset,
			})
		}

		fn datanet(id: DataNetId) -> Option<DataNetView> {
			Datanets::datanet(id)
		}

		fn datanets(start: DataNetId, limit: u32) -> Vec<DataNetView> {
			Datanets::datanets(start, limit.min(MAX_PAGE))
		}

		fn contributions(
			datanet: DataNetId,
			start: ContributionIndex,
			limit: u32,
		) -> Vec<ContributionView> {
			Datanets::contributions(datanet, start, limit.min(MAX_PAGE))
		}

		fn snapshot(datanet: DataNetId, version: SnapshotVersion) -> Option<SnapshotView> {
			Datanets::snapshot_of(datanet, version)
		}

		fn documents(asset: AssetId, version: AssetVersion) -> Vec<DocumentView> {
			Registry::documents(AssetRef { asset, version })
		}

		fn erased(
			asset: AssetId,
			version: AssetVersion,
			start: u32,
			limit: u32,
		) -> Vec<(DataNetId, ContributionIndex)> {
			Adapters::erased(AssetRef { asset, version }, start, limit.min(MAX_PAGE))
		}

		fn access(datanet: DataNetId) -> Option<AccessView> {
			Grants::access(datanet)
		}

		fn may_use(who: Id, datanet: DataNetId, purpose: Purpose) -> bool {
			Grants::may_use(who.into(), datanet, purpose)
		}

		fn grant(datanet: DataNetId, grantee: Id, purpose: Purpose) -> Option<GrantView> {
			Grants::grant_of(datanet, grantee.into(), purpose)
		}

		fn grants(datanet: DataNetId, start: u32, limit: u32) -> Vec<GrantView> {
			Grants::grants(datanet, start, limit.min(MAX_PAGE))
		}

		fn grant_requests(datanet: DataNetId, start: u32, limit: u32) -> Vec<RequestView> {
			Grants::requests(datanet, start, limit.min(MAX_PAGE))
		}

		fn recipient(who: Id) -> Option<Recipient> {
			Grants::recipient_of(who.into())
		}
	}
}
