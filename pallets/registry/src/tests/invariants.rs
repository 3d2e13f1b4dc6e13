//! What must hold after any calls.

use crate::{mock::*, NewVersion};
use frame::{deps::frame_support::storage::with_storage_layer, testing_prelude::*};
use polkadot_sdk::{polkadot_sdk_frame as frame, sp_runtime::AccountId32};
use proptest::prelude::{any, prop, prop_oneof, proptest, ProptestConfig, Strategy};
use tributary_primitives::{royalty::Parent, AssetId, AssetKind, DocumentKind};

#[derive(Clone, Debug)]
enum Step {
	Create { who: u8, kind: bool, parents: Vec<(AssetId, u32)> },
	AddVersion { who: u8, asset: AssetId, parents: Vec<(AssetId, u32)> },
	Transfer { who: u8, asset: AssetId, to: u8 },
	SetHolders { who: u8, asset: AssetId, holders: Vec<(u8, u16)> },
	Retire { who: u8, asset: AssetId },
	Attach { who: u8, asset: AssetId, hints: u8 },
	Detach { who: u8, asset: AssetId },
}

fn account(number: u8) -> AccountId32 {
	[ALICE, BOB, CHARLIE][usize::from(number) % 3].clone()
}

fn step() -> impl Strategy<Value = Step> {
	let parents = || prop::collection::vec((0u32..8, 0u32..300_000), 0..4);
	prop_oneof![
		(any::<u8>(), any::<bool>(), parents()).prop_map(|(who, kind, parents)| Step::Create {
			who,
			kind,
			parents
		}),
		(any::<u8>(), 0u32..8, parents()).prop_map(|(who, asset, parents)| Step::AddVersion {
			who,
			asset,
			parents
		}),
		(any::<u8>(), 0u32..8, any::<u8>()).prop_map(|(who, asset, to)| Step::Transfer { who, asset, to }),
		(any::<u8>(), 0u32..8, prop::collection::vec((any::<u8>(), 0u16..4), 0..4))
			.prop_map(|(who, asset, holders)| Step::SetHolders { who, asset, holders }),
		(any::<u8>(), 0u32..8).prop_map(|(who, asset)| Step::Retire { who, asset }),
		(any::<u8>(), 0u32..8, 0u8..4).prop_map(|(who, asset, hints)| Step::Attach { who, asset, hints }),
		(any::<u8>(), 0u32..8).prop_map(|(who, asset)| Step::Detach { who, asset }),
	]
}

fn derived(parents: Vec<(AssetId, u32)>) -> Result<NewVersion, DispatchError> {
	let parents: Vec<_> = parents.into_iter().map(|(asset, share)| Parent { asset, share }).collect();
	Ok(NewVersion { parents: Registry::newest_parents(&parents.try_into().unwrap())?, ..version() })
}

/// Refusals are part of the test: they must change nothing.
fn run(step: Step) -> DispatchResult {
	let kind = |adapter| if adapter { AssetKind::Adapter } else { AssetKind::Prompt };
	match step {
		Step::Create { who, kind: adapter, parents } => {
			let new = derived(parents)?;
			Registry::create(&account(who), kind(adapter), text("x"), price(1), new).map(|_| ())
		}
		Step::AddVersion { who, asset, parents } => {
			let kind = Registry::get(asset)?.kind;
			Registry::add_version(&account(who), kind, asset, derived(parents)?).map(|_| ())
		}
		Step::Transfer { who, asset, to } => Registry::transfer(signed(account(who)), asset, account(to)),
		Step::SetHolders { who, asset, holders } => {
			let holders: Vec<_> = holders.into_iter().map(|(who, weight)| (account(who), weight)).collect();
			Registry::set_holders(signed(account(who)), asset, holders.try_into().unwrap())
		}
		Step::Retire { who, asset } => Registry::retire(signed(account(who)), asset),
		Step::Attach { who, asset, hints } => {
			let hints = vec![text("https://x"); hints.into()].try_into().unwrap();
			let kind = if who & 1 == 0 { DocumentKind::Ablation } else { DocumentKind::Provenance };
			Registry::attach(signed(account(who)), asset, 1, kind, [who; 32], hints)
		}
		Step::Detach { who, asset } => {
			Registry::detach(signed(account(who)), asset, 1, DocumentKind::Ablation)
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]
	#[test]
	fn registry_keeps_its_invariants_when_steps_are_random(steps in prop::collection::vec(step(), 1..60)) {
		test(|| {
			let issued = Balances::total_issuance();
			for step in steps {
				let _ = with_storage_layer(|| run(step));
				Registry::do_try_state().unwrap();
			}
			assert_eq!(Balances::total_issuance(), issued);
		});
	}
}
