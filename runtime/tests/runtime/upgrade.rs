//! The upgrade of a chain that ran the last release: its state, kept in `chain-specs/releases`, under this runtime.

use crate::common::{alice, bob, time};
use codec::Encode;
use polkadot_sdk::{
	frame_support::{
		assert_ok,
		traits::{GetStorageVersion, StorageInfoTrait},
	},
	frame_system, pallet_balances,
	sp_io::{
		storage::{get, next_key},
		TestExternalities,
	},
	sp_runtime::Storage,
};
use serde::Deserialize;
use std::{
	collections::BTreeMap,
	fs,
	path::{Path, PathBuf},
};
use tributary_runtime::*;

/// As `scripts/release-snapshot.sh` writes it.
#[derive(Deserialize)]
struct Snapshot {
	spec_version: u32,
	state: Vec<(String, String)>,
}

fn bytes(text: &str) -> Vec<u8> {
	let digits = text.trim_start_matches("0x").as_bytes();
	let digit = |byte: u8| (byte as char).to_digit(16).expect("hexadecimal") as u8;
	digits.chunks(2).map(|pair| (digit(pair[0]) << 4) | digit(pair[1])).collect()
}

/// Of the newest release that is kept.
fn snapshot() -> Snapshot {
	let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chain-specs/releases");
	let with_version = |folder: PathBuf| {
		let version: Result<Vec<u32>, _> = folder.file_name()?.to_str()?.split('.').map(str::parse).collect();
		Some((version.ok()?, folder))
	};
	let (_, newest) = fs::read_dir(kept)
		.expect("releases are kept")
		.filter_map(|entry| with_version(entry.expect("the folder can be read").path()))
		.max()
		.expect("there is a release");
	let text = fs::read_to_string(newest.join("state.json")).expect("each release has a state");
	serde_json::from_str(&text).expect("a snapshot is JSON")
}

/// The state of a network that ran the last release.
fn released() -> TestExternalities {
	let top = snapshot().state.iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
	Storage { top, children_default: Default::default() }.into()
}

fn keys(prefix: &[u8]) -> Vec<Vec<u8>> {
	let next = |key: &Vec<u8>| next_key(key).filter(|key| key.starts_with(prefix));
	std::iter::successors(next(&prefix.to_vec()), next).collect()
}

/// Balances by account: free and reserved, planck.
fn balances() -> BTreeMap<AccountId, (Balance, Balance)> {
	frame_system::Account::<Runtime>::iter()
		.map(|(who, account)| (who, (account.data.free, account.data.reserved)))
		.collect()
}

/// Fails unless every value under each map decodes, whole: iterating leaves out those that do not decode, and reads no
/// further than a value goes.
macro_rules! assert_decode {
	($($pallet:ident :: $map:ident),* $(,)?) => {$(
		let info = <$pallet::$map<Runtime> as StorageInfoTrait>::storage_info();
		let stored: Vec<_> = keys(&info[0].prefix).iter().filter_map(|key| get(key)).collect();
		let decoded: Vec<_> = $pallet::$map::<Runtime>::iter_values().map(|value| value.encode()).collect();
		assert_eq!(decoded.len(), stored.len(), "{}.{}", stringify!($pallet), stringify!($map));
		let whole = stored.iter().zip(&decoded).all(|(stored, decoded)| stored[..] == decoded[..]);
		assert!(whole, "{}.{} has bytes that are not read", stringify!($pallet), stringify!($map));
	)*};
}

/// As [`assert_decode`], of single values that the snapshot has.
macro_rules! assert_value_decodes {
	($($pallet:ident :: $value:ident),* $(,)?) => {$(
		let stored = get(&$pallet::$value::<Runtime>::hashed_key());
		let decoded = $pallet::$value::<Runtime>::get().encode();
		assert_eq!(stored.as_deref(), Some(&decoded[..]), "{}.{}", stringify!($pallet), stringify!($value));
	)*};
}

/// Fails unless each pallet's stored version is that of its code.
macro_rules! assert_versions {
	($($pallet:ident),* $(,)?) => {$(
		assert_eq!(
			$pallet::on_chain_storage_version(),
			$pallet::in_code_storage_version(),
			"{}: raise the stored version in a migration", stringify!($pallet),
		);
	)*};
}

fn assert_invariants() {
	assert_ok!(Registry::do_try_state());
	assert_ok!(Datanets::do_try_state());
	assert_ok!(Grants::do_try_state());
	assert_ok!(Adapters::do_try_state());
	assert_ok!(Prompts::do_try_state());
	assert_ok!(Tools::do_try_state());
	assert_ok!(Agents::do_try_state());
	assert_ok!(Workers::do_try_state());
	assert_ok!(Attribution::do_try_state());
	assert_ok!(Delays::do_try_state());
	assert_ok!(Validators::do_try_state());
}

#[test]
fn runtime_has_a_later_version_than_the_last_release() {
	assert!(VERSION.spec_version > snapshot().spec_version, "a changed runtime needs a new spec_version");
}

#[test]
fn state_is_whole_when_it_comes_from_the_last_release() {
	released().execute_with(|| {
		let (before, money) = (keys(&[]), balances());
		let weight = Executive::execute_on_runtime_upgrade();
		let limits = <Runtime as frame_system::Config>::BlockWeights::get();
		assert!(weight.all_lt(limits.max_block), "the upgrade takes {weight}, more than a block");
		let after = keys(&[]);
		let lost: Vec<_> = before.iter().filter(|key| after.binary_search(key).is_err()).collect();
		assert!(lost.is_empty(), "the upgrade loses {} items: {lost:02x?}", lost.len());
		assert_eq!(balances(), money);
		let sum: Balance = money.values().map(|(free, reserved)| free + reserved).sum();
		assert_eq!(pallet_balances::TotalIssuance::<Runtime>::get(), sum);
		assert_versions!(
			Registry,
			Datanets,
			Grants,
			Adapters,
			Prompts,
			Tools,
			Agents,
			Workers,
			Attribution,
			Delays,
			Balances,
			Session,
			Grandpa,
			Multisig,
			Validators,
		);
		assert_decode!(
			pallet_registry::Assets,
			pallet_registry::Versions,
			pallet_registry::Documents,
			pallet_datanets::DataNets,
			pallet_datanets::Contributions,
			pallet_datanets::Contents,
			pallet_datanets::Reasons,
			pallet_datanets::Ranges,
			pallet_datanets::Snapshots,
			pallet_datanets::Erasures,
			pallet_datanets::ErasureCounts,
			pallet_grants::Recipients,
			pallet_grants::Accesses,
			pallet_grants::Requests,
			pallet_grants::Grants,
			pallet_adapters::Trainings,
			pallet_adapters::Evaluators,
			pallet_adapters::Reports,
			pallet_adapters::ReportCounts,
			pallet_tools::Tools,
			pallet_tools::ToolIds,
			pallet_agents::Compositions,
			pallet_agents::Names,
			pallet_agents::Agents,
			pallet_workers::Workers,
			pallet_workers::ServiceKeys,
			pallet_attribution::ParametersOf,
			pallet_attribution::Channels,
			pallet_attribution::Settlements,
			pallet_attribution::Batches,
			pallet_attribution::PendingBatches,
			pallet_attribution::Challenges,
			pallet_attribution::Vaults,
			pallet_attribution::Holders,
			pallet_attribution::Claimed,
			pallet_validators::Candidates,
			pallet_validators::Pools,
			pallet_validators::Positions,
			pallet_validators::Tranches,
			pallet_validators::Chunks,
			pallet_validators::Elected,
			pallet_validators::SessionStarts,
			pallet_validators::Slashed,
		);
		assert_value_decodes!(
			pallet_datanets::NextDataNet,
			pallet_tools::ToolCount,
			pallet_attribution::ParametersVersion,
			pallet_attribution::NextChannel,
			delays::InForce,
		);
		assert_invariants();
	});
}

#[test]
fn snapshot_has_items_of_every_kind_when_migrations_are_tested_on_it() {
	released().execute_with(|| {
		assert!(pallet_registry::Versions::<Runtime>::iter().count() > 5);
		assert!(pallet_datanets::Snapshots::<Runtime>::iter().count() > 1);
		assert!(pallet_adapters::Reports::<Runtime>::iter().count() > 0);
		assert!(pallet_agents::Compositions::<Runtime>::iter().count() > 0);
		assert!(pallet_grants::Grants::<Runtime>::iter().count() > 0);
		assert!(pallet_attribution::Batches::<Runtime>::iter().count() > 1);
	});
}

#[test]
fn chain_goes_on_when_it_is_upgraded() {
	released().execute_with(|| {
		Executive::execute_on_runtime_upgrade();
		time::pass(3);
		let value = constants::TRB;
		let before = Balances::free_balance(bob());
		assert_ok!(Balances::transfer_keep_alive(RuntimeOrigin::signed(alice()), bob().into(), value));
		assert_eq!(Balances::free_balance(bob()), before + value);
		time::pass(20);
		assert_invariants();
	});
}

#[cfg(feature = "try-runtime")]
#[test]
fn upgrade_passes_try_runtimes_checks() {
	use polkadot_sdk::frame_try_runtime::UpgradeCheckSelect;
	released().execute_with(|| {
		assert_ok!(Executive::try_runtime_upgrade(UpgradeCheckSelect::All));
	});
}
