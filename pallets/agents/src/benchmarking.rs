//! Benchmarks of the calls, and the largest agents for other pallets' benchmarks.

// A benchmark that cannot be set up shall fail; none runs on chain.
#![allow(
	clippy::arithmetic_side_effects,
	clippy::indexing_slicing,
	clippy::unwrap_used,
	clippy::expect_used,
	clippy::panic
)]

use crate::{Config, Pallet as AgentsPallet, *};
use alloc::vec::Vec;
use frame::{benchmarking::prelude::*, traits::fungible::Mutate};
use pallet_registry::{
	benchmarking::{child, descendant, fund, longest},
	Name,
};
use polkadot_sdk::polkadot_sdk_frame as frame;
use tributary_primitives::{
	fee::Price,
	limits::{
		MAX_AGENT_ADAPTERS, MAX_AGENT_DATANETS, MAX_AGENT_PROMPTS, MAX_AGENT_SKILLS, MAX_AGENT_TOOLS,
		MAX_NAME,
	},
	AssetKind, AssetRef, Balance, SnapshotRef, PPM,
};

/// What benchmarks need of other pallets.
pub trait BenchmarkHelper {
	/// Snapshots of different DataNets.
	fn snapshots(count: u32) -> Vec<SnapshotRef>;
	/// Says of an asset that it was trained on a base model.
	fn train(adapter: AssetRef, base: AssetRef);
}

/// More than the parts of a benchmark ask together, planck per 1,000 tokens.
const PRICE: Price = Price { input: 1 << 50, output: 1 << 50 };

fn caller<T: Config>() -> T::AccountId
where
	<T as pallet_registry::Config>::Currency: Mutate<T::AccountId>,
{
	let who = whitelisted_caller();
	fund::<T>(&who);
	who
}

fn list<P: core::fmt::Debug, S: Get<u32>>(count: u32, part: impl FnMut(u32) -> P) -> BoundedVec<P, S> {
	(0..count).map(part).collect::<Vec<_>>().try_into().expect("as many as a composition may have")
}

/// How many parts of each kind a composition has: adapters, prompts, DataNets, tools, skills.
pub type Counts = [u32; 5];

/// Of the parts of a benchmark's agents: each kind's parts descend from the same asset, so that all have as many
/// payees as possible.
pub struct Ancestors([u32; 4]);

impl Ancestors {
	/// New ancestors.
	pub fn new<T: Config>(owner: &T::AccountId) -> Self {
		let kinds = [AssetKind::BaseModel, AssetKind::Adapter, AssetKind::Prompt, AssetKind::Tool];
		Self(kinds.map(|kind| descendant::<T>(owner, kind)))
	}
}

/// A composition of new parts.
pub fn composition<T: Config>(owner: &T::AccountId, ancestors: &Ancestors, counts: Counts) -> Composition {
	let Ancestors([base, adapter, prompt, tool]) = *ancestors;
	let [a, p, d, t, s] = counts;
	let first = |kind, parent| AssetRef { asset: child::<T>(owner, kind, parent), version: 1 };
	let base = first(AssetKind::BaseModel, base);
	let snapshots = T::BenchmarkHelper::snapshots(d);
	Composition {
		base,
		adapters: list(a, |_| {
			let adapter = first(AssetKind::Adapter, adapter);
			T::BenchmarkHelper::train(adapter, base);
			(adapter, PPM)
		}),
		prompts: list(p, |_| first(AssetKind::Prompt, prompt)),
		datanets: snapshots.try_into().expect("as many as were asked for"),
		tools: list(t, |_| first(AssetKind::Tool, tool)),
		skills: list(s, |_| skill(a, p, d)),
		price: PRICE,
	}
}

/// A skill of all parts; of a bit that is none when there are no parts: such skills are refused.
fn skill(a: u32, p: u32, d: u32) -> Skill {
	let all = |count: u32| 1u8.checked_shl(count).map_or(u8::MAX, |bit| bit.wrapping_sub(1));
	Skill {
		description: longest(),
		threshold: MAX_THRESHOLD,
		adapters: all(a),
		prompts: all(p),
		datanets: all(d),
	}
}

fn name() -> Name {
	list(MAX_NAME, |_| b'a')
}

#[benchmarks(where <T as pallet_registry::Config>::Currency: Mutate<T::AccountId>)]
mod benches {
	use super::*;

	#[benchmark]
	fn compose(
		a: Linear<1, MAX_AGENT_ADAPTERS>,
		p: Linear<0, MAX_AGENT_PROMPTS>,
		d: Linear<0, MAX_AGENT_DATANETS>,
		t: Linear<0, MAX_AGENT_TOOLS>,
		s: Linear<0, MAX_AGENT_SKILLS>,
	) {
		let who = caller::<T>();
		let composition = composition::<T>(&who, &Ancestors::new::<T>(&who), [a, p, d, t, s]);
		#[extrinsic_call]
		_(RawOrigin::Signed(who), name(), composition);
		assert_eq!(AgentCount::<T>::get(), 1);
	}

	/// At another price.
	#[benchmark]
	fn recompose(
		a: Linear<1, MAX_AGENT_ADAPTERS>,
		p: Linear<0, MAX_AGENT_PROMPTS>,
		d: Linear<0, MAX_AGENT_DATANETS>,
		t: Linear<0, MAX_AGENT_TOOLS>,
		s: Linear<0, MAX_AGENT_SKILLS>,
	) {
		let who = caller::<T>();
		let composition = composition::<T>(&who, &Ancestors::new::<T>(&who), [a, p, d, t, s]);
		let old = Composition { price: Price { input: Balance::MAX, ..PRICE }, ..composition.clone() };
		let agent = pallet_registry::NextAsset::<T>::get();
		AgentsPallet::<T>::do_compose(&who, name(), old).expect("its parts exist");
		#[extrinsic_call]
		_(RawOrigin::Signed(who), agent, composition);
		assert!(Compositions::<T>::contains_key(agent, 2));
	}

	impl_benchmark_test_suite!(AgentsPallet, crate::mock::empty(), crate::mock::Test);
}
