// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Calls of assets: of all kinds, adapters, prompts, tools and agents.

use super::{data::snapshots, senders::*};
use crate::weights::chain::Transaction;
use pallet_registry::{Hints, Lineage, NewVersion, ParentVersion};
use polkadot_sdk::frame_support::{traits::Get, BoundedVec};
use tributary_primitives::{
	fee::Price,
	limits::MAX_PARENTS,
	royalty::{Parent, MAX_PARENTS_SHARE},
	traits::VaultHolders,
	AssetId, AssetKind, AssetRef, DocumentKind, SnapshotRef, VaultKey, PPM, TRB,
};
use tributary_runtime::{AccountId, Adapters, Agents, Attribution, Registry, Runtime};

const PRICE: Price = Price { input: 5, output: 6 };

fn hints() -> Hints {
	full(full(b'a'))
}

/// A new asset.
fn asset(owner: &AccountId, kind: AssetKind, parents: Lineage) -> AssetId {
	let version = NewVersion { content: HASH, hints: hints(), parents, extra_bytes: 0 };
	Registry::create(owner, kind, full(b'a'), PRICE, version).expect("the owner has funds")
}

fn plain(owner: &AccountId, kind: AssetKind) -> AssetId {
	asset(owner, kind, Lineage::new())
}

/// A new asset with as many payees as possible.
fn descendant(kind: AssetKind) -> AssetId {
	let owner = other();
	(0..15).fold(plain(&owner, kind), |last, _| child(&owner, kind, last))
}

fn child(owner: &AccountId, kind: AssetKind, parent: AssetId) -> AssetId {
	let parent = ParentVersion { parent: first(parent), share: MAX_PARENTS_SHARE };
	asset(owner, kind, vec![parent].try_into().expect("one is allowed"))
}

/// The first version of an asset.
pub fn first(asset: AssetId) -> AssetRef {
	AssetRef { asset, version: 1 }
}

fn parents<S: Get<u32>>() -> BoundedVec<Parent, S> {
	list(MAX_PARENTS, |_| Parent {
		asset: descendant(AssetKind::Adapter),
		share: MAX_PARENTS_SHARE / MAX_PARENTS,
	})
}

fn training(base: AssetRef) -> pallet_adapters::Training {
	pallet_adapters::Training { base, rank: 1, snapshots: snapshots(8), configuration: HASH }
}

/// A composition of as many parts as possible.
pub fn composition() -> pallet_agents::Composition {
	let owner = other();
	let base = first(descendant(AssetKind::BaseModel));
	let [adapter, prompt, tool] = [AssetKind::Adapter, AssetKind::Prompt, AssetKind::Tool].map(descendant);
	let trained = pallet_adapters::Training { snapshots: Default::default(), ..training(base) };
	pallet_agents::Composition {
		base,
		adapters: list(8, |_| {
			let id = child(&owner, AssetKind::Adapter, adapter);
			pallet_adapters::Trainings::<Runtime>::insert(id, 1, trained.clone());
			(first(id), PPM)
		}),
		prompts: list(8, |_| first(child(&owner, AssetKind::Prompt, prompt))),
		datanets: snapshots(8),
		tools: list(8, |_| {
			let id = child(&owner, AssetKind::Tool, tool);
			let tool = pallet_tools::Tool { server: full(b'a'), identity: full(b'a'), price: 1 };
			pallet_tools::Tools::<Runtime>::insert(id, 1, tool);
			first(id)
		}),
		skills: full(pallet_agents::Skill {
			description: full(b'a'),
			threshold: 0,
			adapters: u8::MAX,
			prompts: u8::MAX,
			datanets: u8::MAX,
		}),
		price: Price { input: TRB, output: TRB },
	}
}

/// As long a name as possible, another for each number.
pub fn agent_name(number: u32) -> pallet_registry::Name {
	format!("{number:064}").into_bytes().try_into().expect("as long as a name may be")
}

pub mod registry {
	use super::*;
	use pallet_registry::Call;

	fn attached(owner: &AccountId) -> AssetId {
		let asset = plain(owner, AssetKind::Prompt);
		Registry::attach(signed(owner), asset, 1, DocumentKind::Provenance, HASH, hints())
			.expect("it has funds");
		asset
	}

	pub fn set_price(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::set_price { asset: plain(who, AssetKind::Prompt), price: PRICE })
	}

	pub fn transfer(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let asset = plain(who, AssetKind::Prompt);
			let holders = list(8, |index| (AccountId::new([index as u8; 32]), 1));
			Registry::set_holders(signed(who), asset, holders).expect("they are distinct");
			Call::transfer { asset, new_owner: partner(number) }
		})
	}

	pub fn set_holders(count: u32) -> Vec<Transaction> {
		each(count, |_, who| {
			let asset = plain(who, AssetKind::Prompt);
			let old = list(8, |index| (AccountId::new([index as u8; 32]), 1));
			Registry::set_holders(signed(who), asset, old).expect("they are distinct");
			Call::set_holders { asset, holders: list(8, |index| (AccountId::new([index as u8 + 8; 32]), 1)) }
		})
	}

	pub fn retire(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::retire { asset: plain(who, AssetKind::Prompt) })
	}

	pub fn attach(count: u32) -> Vec<Transaction> {
		let kind = DocumentKind::Provenance;
		each(count, |_, who| Call::attach {
			asset: attached(who),
			version: 1,
			kind,
			content: HASH,
			hints: hints(),
		})
	}

	pub fn detach(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::detach {
			asset: attached(who),
			version: 1,
			kind: DocumentKind::Provenance,
		})
	}
}

pub mod adapters {
	use super::*;
	use pallet_adapters::Call;

	fn metric(number: u32) -> pallet_adapters::Metric {
		list(64, |_| b'a' + number as u8)
	}

	/// An adapter on which 8 evaluators, the last named here, have 4 reports each.
	fn reported(last: &AccountId, benchmark: SnapshotRef) -> AssetId {
		let owner = other();
		let asset = plain(&owner, AssetKind::Adapter);
		let mut evaluators: pallet_adapters::EvaluatorList<_> = list(7, |number| partner(1_000_000 + number));
		evaluators.try_push(last.clone()).expect("one more is allowed");
		Adapters::set_evaluators(signed(&owner), asset, evaluators.clone()).expect("they are distinct");
		for evaluator in evaluators {
			for number in 0..4 {
				Adapters::report(signed(&evaluator), asset, 1, benchmark, metric(number), 1, HASH)
					.expect("it has funds");
			}
		}
		asset
	}

	fn benchmark() -> SnapshotRef {
		snapshots::<polkadot_sdk::frame_support::traits::ConstU32<1>>(1)[0]
	}

	pub fn register_base(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::register_base {
			name: full(b'a'),
			content: HASH,
			hints: hints(),
			price: PRICE,
		})
	}

	pub fn register_adapter(count: u32) -> Vec<Transaction> {
		let training = training(first(plain(&other(), AssetKind::BaseModel)));
		let parents = parents();
		each(count, |_, _| Call::register_adapter {
			name: full(b'a'),
			content: HASH,
			hints: hints(),
			price: PRICE,
			parents: parents.clone(),
			training: training.clone(),
		})
	}

	pub fn add_version(count: u32) -> Vec<Transaction> {
		let training = training(first(plain(&other(), AssetKind::BaseModel)));
		let parents = parents();
		each(count, |_, who| Call::add_version {
			asset: plain(who, AssetKind::Adapter),
			content: HASH,
			hints: hints(),
			parents: parents.clone(),
			training: Some(training.clone()),
		})
	}

	pub fn set_evaluators(count: u32) -> Vec<Transaction> {
		each(count, |_, who| {
			let asset = plain(who, AssetKind::Adapter);
			let old = list(8, |number| partner(1_000_000 + number));
			Adapters::set_evaluators(signed(who), asset, old).expect("they are distinct");
			for number in 0..8 {
				let vault = VaultKey::Evaluators(asset);
				assert!(Attribution::set_weight(vault, partner(1_000_000 + number).as_ref(), 1).is_ok());
			}
			Call::set_evaluators { asset, evaluators: list(8, |number| partner(2_000_000 + number)) }
		})
	}

	/// In the place of one of 32.
	pub fn report(count: u32) -> Vec<Transaction> {
		let benchmark = benchmark();
		each(count, |_, who| {
			let asset = reported(&other(), benchmark);
			let new = vec![who.clone()].try_into().expect("one is allowed");
			Adapters::set_evaluators(signed(&other()), asset, new).expect("it is one");
			Call::report { asset, version: 1, benchmark, metric: metric(0), score: 1, report: HASH }
		})
	}

	pub fn withdraw_report(count: u32) -> Vec<Transaction> {
		let benchmark = benchmark();
		each(count, |_, who| Call::withdraw_report {
			asset: reported(who, benchmark),
			version: 1,
			metric: metric(3),
		})
	}
}

pub mod prompts {
	use super::*;
	use pallet_prompts::Call;

	pub fn create(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::create { name: full(b'a'), content: HASH, hints: hints(), price: PRICE })
	}

	pub fn fork(count: u32) -> Vec<Transaction> {
		let parent = first(descendant(AssetKind::Prompt));
		each(count, |_, _| Call::fork {
			parent,
			name: full(b'a'),
			content: HASH,
			hints: hints(),
			price: PRICE,
		})
	}

	pub fn add_version(count: u32) -> Vec<Transaction> {
		let parent = descendant(AssetKind::Prompt);
		each(count, |_, who| Call::add_version {
			asset: child(who, AssetKind::Prompt, parent),
			content: HASH,
			hints: hints(),
		})
	}
}

pub mod tools {
	use super::*;
	use pallet_tools::{Call, Server};

	fn server() -> Server {
		let mut url = b"https://".to_vec();
		url.resize(256, b'a');
		url.try_into().expect("as long as a URL may be")
	}

	pub fn register_tool(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::register_tool {
			name: full(b'a'),
			server: server(),
			identity: full(b'a'),
			content: HASH,
			hints: hints(),
			price: 1,
		})
	}

	pub fn add_version(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::add_version {
			tool: plain(who, AssetKind::Tool),
			server: server(),
			identity: full(b'a'),
			content: HASH,
			hints: hints(),
			price: 1,
		})
	}
}

pub mod agents {
	use super::*;
	use pallet_agents::Call;

	pub fn compose(count: u32) -> Vec<Transaction> {
		let composition = composition();
		each(count, |number, _| Call::compose { name: agent_name(number), composition: composition.clone() })
	}

	pub fn recompose(count: u32) -> Vec<Transaction> {
		let composition = composition();
		each(count, |number, who| {
			let agent = pallet_registry::NextAsset::<Runtime>::get();
			Agents::compose(signed(who), agent_name(number), composition.clone()).expect("its parts exist");
			let price = Price { input: 2 * TRB, output: TRB };
			Call::recompose {
				agent,
				composition: pallet_agents::Composition { price, ..composition.clone() },
			}
		})
	}
}
