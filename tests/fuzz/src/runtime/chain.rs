//! A chain without a node: blocks and transactions as the runtime's executive runs them. Left out are
//! what costs time and holds no rule of ours: transactions' signatures, the state root and the extrinsics root.

use codec::Encode;
use polkadot_sdk::{
	frame_support::{
		dispatch::{DispatchClass, GetDispatchInfo, PostDispatchInfo},
		traits::{GetCallMetadata, OnFinalize, OnIdle},
	},
	frame_system, pallet_aura,
	sp_consensus_aura::AURA_ENGINE_ID,
	sp_core::H256,
	sp_runtime::{
		generic::{CheckedExtrinsic, Digest, DigestItem, ExtrinsicFormat},
		traits::{Applyable, Dispatchable, Header as _},
		transaction_validity::TransactionValidityError,
		DispatchErrorWithPostInfo,
	},
};
use tributary_runtime::{
	constants::BLOCK_MILLIS, testing::extension, AccountId, AllPalletsWithSystem, BlockNumber, Executive,
	Header, Runtime, RuntimeCall, RuntimeOrigin, Session, System, TxExtension,
};

/// First slot: some day in 2023.
const FIRST_SLOT: u64 = 283_000_000;

/// Calls of stock pallets that report more than they declare; FRAME charges for what was declared.
/// `approve_as_multi` declares its own weight and reports that of `as_multi`.
const KNOWN_HEAVIER: [(&str, &str); 1] = [("Multisig", "approve_as_multi")];

/// What became of a transaction.
pub type Applied =
	Result<Result<PostDispatchInfo, DispatchErrorWithPostInfo<PostDispatchInfo>>, TransactionValidityError>;

/// The current block.
pub fn now() -> BlockNumber {
	System::block_number()
}

/// The first slot from `slot` on whose author is not disabled: one that is makes no blocks.
fn enabled(slot: u64) -> u64 {
	let authors = pallet_aura::Authorities::<Runtime>::get().len() as u64;
	let disabled = Session::disabled_validators();
	let is_enabled = |slot: &u64| !disabled.contains(&((slot % authors) as u32));
	(slot..slot + authors).find(is_enabled).expect("some validators are enabled")
}

/// Begins the next block, `skipped` slots later than it could, with its inherent.
pub fn begin_block(slot: &mut u64, skipped: u64) {
	let number = now() + 1;
	*slot = enabled((*slot).max(FIRST_SLOT) + 1 + skipped);
	let parent = H256::from_low_u64_be(u64::from(number) - 1);
	let digest = Digest { logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())] };
	let header = Header::new(number, H256::zero(), H256::zero(), parent, digest);
	Executive::initialize_block(&header);
	let set = polkadot_sdk::pallet_timestamp::Call::<Runtime>::set { now: *slot * BLOCK_MILLIS };
	let call = RuntimeCall::from(set);
	let info = call.get_dispatch_info();
	let result = call.dispatch(RuntimeOrigin::none());
	assert!(result.is_ok(), "the time is set in every block: {result:?}");
	System::note_applied_extrinsic(&result, info);
	Executive::inherents_applied();
}

/// Ends the block.
pub fn end_block() {
	System::note_finished_extrinsics();
	let limits = <Runtime as frame_system::Config>::BlockWeights::get();
	let left = limits.max_block.saturating_sub(System::block_weight().total());
	if left.all_gt(Default::default()) {
		let used = AllPalletsWithSystem::on_idle(now(), left);
		System::register_extra_weight_unchecked(used, DispatchClass::Mandatory);
	}
	AllPalletsWithSystem::on_finalize(now());
}

/// Applies a signed transaction: its extensions, which charge for it and keep the block's limits, and its call.
///
/// Panics when the call used more than it declared.
pub fn apply(signer: AccountId, call: RuntimeCall) -> Applied {
	let extension = extension(System::account_nonce(&signer), 0);
	// Version, signer, signature and extensions are some hundred bytes.
	let length = call.encoded_size() + 120;
	let checked: CheckedExtrinsic<AccountId, RuntimeCall, TxExtension> =
		CheckedExtrinsic { format: ExtrinsicFormat::Signed(signer, extension), function: call };
	let name = checked.function.get_call_metadata();
	let mut info = checked.function.get_dispatch_info();
	info.extension_weight = checked.extension_weight();
	let applied = checked.apply::<Runtime>(&info, length);
	if let Ok(result) = &applied {
		System::note_applied_extrinsic(result, info);
		let post = match result {
			Ok(post) => post,
			Err(error) => &error.post_info,
		};
		if let Some(actual) = post.actual_weight {
			let declared = info.total_weight();
			let (pallet, call) = (name.pallet_name, name.function_name);
			let fits = actual.all_lte(declared) || KNOWN_HEAVIER.contains(&(pallet, call));
			assert!(fits, "{pallet}.{call} used {actual} and had declared {declared}");
		}
	}
	applied
}
