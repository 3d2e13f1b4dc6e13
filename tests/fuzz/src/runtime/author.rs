//! Calls that only somebody who looks at the state can make: compositions of parts that fit, reports on what was held
//! out, reviews of what waits.

use super::{
	chain::now,
	settle::Signed,
	typed::{account, balance},
	world::World,
};
use pallet_adapters::Training;
use pallet_agents::{Composition, Skill};
use tributary_fuzz_driver::Input;
use tributary_primitives::{fee::Price, royalty::Parent, AssetKind, AssetRef, SnapshotRef};
use tributary_runtime::{AccountId, Runtime, RuntimeCall};

/// A call of one of the kinds of this module; `None` when the state has nothing for it.
pub fn any(input: &mut Input, world: &mut World) -> Option<Signed> {
	match input.below(12) {
		0 => compose(input, world, false),
		1 => compose(input, world, true),
		2 => adapter(input, world),
		3 => report(input, world),
		4 => withdraw_report(input),
		5 => contribute(input),
		6 => review(input),
		7 => snapshot(input),
		8 => request(input),
		9 => grant(input),
		10 => withdraw_channel(input),
		_ => announced(input, world),
	}
}

/// The newest version of an asset.
fn newest(asset: u32) -> AssetRef {
	let version = pallet_registry::Assets::<Runtime>::get(asset).map_or(1, |asset| asset.newest);
	AssetRef { asset, version }
}

fn owner(asset: u32) -> Option<AccountId> {
	Some(pallet_registry::Assets::<Runtime>::get(asset)?.owner)
}

/// Up to `most` different newest versions of a kind.
fn parts(input: &mut Input, world: &mut World, kind: AssetKind, most: usize) -> Vec<AssetRef> {
	let mut parts: Vec<AssetRef> = Vec::new();
	for _ in 0..input.below(most + 1) {
		let part = newest(world.asset(&[kind], input));
		if !parts.contains(&part) || input.one_in(64) {
			parts.push(part);
		}
	}
	parts
}

fn snapshots(input: &mut Input, most: usize) -> Vec<SnapshotRef> {
	let known: Vec<_> = pallet_datanets::Snapshots::<Runtime>::iter_keys().collect();
	let mut chosen: Vec<SnapshotRef> = Vec::new();
	for _ in 0..input.below(most + 1) {
		let Some((datanet, version)) = input.choose(&known).copied() else { continue };
		if !chosen.iter().any(|one| one.datanet == datanet) || input.one_in(64) {
			chosen.push(SnapshotRef { datanet, version });
		}
	}
	chosen
}

fn text<T: TryFrom<Vec<u8>>>(input: &mut Input) -> Option<T> {
	let length = 1 + input.below(5);
	let letters = input.take(length).iter().map(|byte| b'a' + byte % 26);
	letters.chain([b'z']).collect::<Vec<u8>>().try_into().ok()
}

fn compose(input: &mut Input, world: &mut World, again: bool) -> Option<Signed> {
	let base = newest(world.asset(&[AssetKind::BaseModel], input));
	let mut adapters = parts(input, world, AssetKind::Adapter, 3);
	if !input.one_in(16) {
		adapters.retain(|adapter| {
			pallet_adapters::Trainings::<Runtime>::get(adapter.asset, adapter.version)
				.is_some_and(|training| training.base.asset == base.asset)
		});
	}
	let adapters: Vec<_> =
		adapters.into_iter().map(|adapter| (adapter, 1 + u32::from(input.byte()) * 10_000)).collect();
	let prompts = parts(input, world, AssetKind::Prompt, 3);
	let datanets = snapshots(input, 3);
	let tools = parts(input, world, AssetKind::Tool, 3);
	let priced = [base.asset].into_iter().chain(adapters.iter().map(|part| part.0.asset));
	let floor = priced.chain(prompts.iter().map(|part| part.asset)).fold(Price::default(), |sum, asset| {
		let price = pallet_registry::Assets::<Runtime>::get(asset).map(|asset| asset.price);
		sum.checked_add(price.unwrap_or_default()).unwrap_or(sum)
	});
	let more = u128::from(input.byte());
	let skills: Vec<_> = (0..input.below(3))
		.filter_map(|_| {
			let mask = |input: &mut Input, parts: usize| input.byte() & !(0xff << parts.min(7)) as u8;
			Some(Skill {
				description: text(input)?,
				threshold: i32::from(input.byte()) * 1_000,
				adapters: mask(input, adapters.len()),
				prompts: mask(input, prompts.len()),
				datanets: mask(input, datanets.len()),
			})
		})
		.collect();
	let composition = Composition {
		base,
		adapters: adapters.try_into().ok()?,
		prompts: prompts.try_into().ok()?,
		datanets: datanets.try_into().ok()?,
		tools: tools.try_into().ok()?,
		skills: skills.try_into().ok()?,
		price: floor.checked_add(Price { input: more, output: more })?,
	};
	if again {
		let agent = world.asset(&[AssetKind::Agent], input);
		return Some((owner(agent)?, pallet_agents::Call::recompose { agent, composition }.into()));
	}
	let name = text(input)?;
	Some((account(input), pallet_agents::Call::compose { name, composition }.into()))
}

fn adapter(input: &mut Input, world: &mut World) -> Option<Signed> {
	let training = Training {
		base: newest(world.asset(&[AssetKind::BaseModel], input)),
		rank: 1 + u16::from(input.byte()),
		snapshots: snapshots(input, 3).try_into().ok()?,
		configuration: [1; 32],
	};
	let parents: Vec<_> = parts(input, world, AssetKind::Adapter, 2)
		.into_iter()
		.map(|parent| Parent { asset: parent.asset, share: 1 + u32::from(input.byte()) * 1_200 })
		.collect();
	let (content, hints, parents) = ([2; 32], Default::default(), parents.try_into().ok()?);
	if input.one_in(3) {
		let asset = world.asset(&[AssetKind::Adapter], input);
		let training = Some(training);
		let call = pallet_adapters::Call::add_version { asset, content, hints, parents, training };
		return Some((owner(asset)?, call.into()));
	}
	let price = Price { input: balance(input) % 1_000_000, output: u128::from(input.byte()) };
	let name = text(input)?;
	let call = pallet_adapters::Call::register_adapter { name, content, hints, price, parents, training };
	Some((account(input), call.into()))
}

fn report(input: &mut Input, world: &mut World) -> Option<Signed> {
	let asset = world.asset(&[AssetKind::Adapter, AssetKind::BaseModel], input);
	let evaluators = pallet_adapters::Evaluators::<Runtime>::get(asset);
	let evaluator = input.choose(&evaluators).cloned()?;
	let version = newest(asset).version;
	let benchmark = *snapshots(input, 4).first()?;
	let metric = vec![b'a' + input.byte() % 6].try_into().ok()?;
	let score = i64::from(input.byte());
	let call = pallet_adapters::Call::report { asset, version, benchmark, metric, score, report: [3; 32] };
	Some((evaluator, call.into()))
}

fn withdraw_report(input: &mut Input) -> Option<Signed> {
	let lists: Vec<_> = pallet_adapters::Reports::<Runtime>::iter().collect();
	let (asset, version, reports) = input.choose(&lists)?;
	let report = input.choose(reports)?;
	let metric = report.metric.clone();
	let call = pallet_adapters::Call::withdraw_report { asset: *asset, version: *version, metric };
	Some((report.evaluator.clone(), call.into()))
}

fn datanet(input: &mut Input) -> u32 {
	input.below(pallet_datanets::NextDataNet::<Runtime>::get() as usize) as u32
}

fn contribute(input: &mut Input) -> Option<Signed> {
	let datanet = datanet(input);
	let count = 1 + input.below(4) + if input.one_in(64) { 100 } else { 0 };
	let mut content = [0; 32];
	content[0] = input.byte();
	content[1] = now() as u8;
	let items: Vec<_> = (0..count)
		.map(|number| {
			content[2] = number as u8;
			pallet_datanets::Item {
				content,
				bytes: 1 + number as u64,
				licence: b"MIT".to_vec().try_into().unwrap_or_default(),
				metadata: vec![b'm'; number * 3 % 256].try_into().unwrap_or_default(),
			}
		})
		.collect();
	let items = items.try_into().ok()?;
	Some((account(input), pallet_datanets::Call::contribute { datanet, items }.into()))
}

fn review(input: &mut Input) -> Option<Signed> {
	use pallet_datanets::{Contributions, Decision, Review, Status};
	let datanet = datanet(input);
	let who = pallet_datanets::DataNets::<Runtime>::get(datanet)?.owner;
	let pending: Vec<_> = Contributions::<Runtime>::iter_prefix(datanet)
		.filter(|(_, one)| one.status == Status::Pending)
		.map(|(index, _)| index)
		.collect();
	let decisions: Vec<_> = pending
		.into_iter()
		.take(1 + input.below(5))
		.filter_map(|index| {
			let verdict = if input.one_in(3) { Review::Reject(text(input)?) } else { Review::Accept };
			Some(Decision { index, verdict })
		})
		.collect();
	let decisions = decisions.try_into().ok()?;
	Some((who, pallet_datanets::Call::review { datanet, decisions }.into()))
}

fn snapshot(input: &mut Input) -> Option<Signed> {
	let datanet = datanet(input);
	let who = pallet_datanets::DataNets::<Runtime>::get(datanet)?.owner;
	Some((who, pallet_datanets::Call::snapshot { datanet }.into()))
}

fn request(input: &mut Input) -> Option<Signed> {
	let private: Vec<_> = pallet_grants::Accesses::<Runtime>::iter().collect();
	let (datanet, access) = input.choose(&private)?;
	let purpose = purpose(input);
	let most = access.price(purpose)?;
	let announced: Vec<_> = pallet_grants::Recipients::<Runtime>::iter_keys().collect();
	let who = input.choose(&announced).cloned()?;
	Some((who, pallet_grants::Call::request { datanet: *datanet, purpose, most }.into()))
}

fn purpose(input: &mut Input) -> tributary_primitives::Purpose {
	match input.below(2) {
		0 => tributary_primitives::Purpose::Train,
		_ => tributary_primitives::Purpose::Retrieve,
	}
}

/// What becomes of a request, or of a grant.
fn grant(input: &mut Input) -> Option<Signed> {
	use pallet_grants::Call;
	let owner = |datanet: u32| Some(pallet_datanets::DataNets::<Runtime>::get(datanet)?.owner);
	if input.one_in(3) {
		let granted: Vec<_> = pallet_grants::Grants::<Runtime>::iter_keys().collect();
		let (datanet, (grantee, purpose)) = input.choose(&granted).cloned()?;
		return Some(match input.below(2) {
			0 => (grantee, Call::renounce { datanet, purpose }.into()),
			_ => (owner(datanet)?, Call::revoke { datanet, grantee, purpose }.into()),
		});
	}
	let open: Vec<_> = pallet_grants::Requests::<Runtime>::iter_keys().collect();
	let (datanet, (grantee, purpose)) = input.choose(&open).cloned()?;
	Some(match input.below(4) {
		0 => (grantee, Call::withdraw_request { datanet, purpose }.into()),
		1 => (owner(datanet)?, Call::refuse { datanet, grantee, purpose }.into()),
		_ => {
			let capsule = text(input)?;
			(owner(datanet)?, Call::grant { datanet, grantee, purpose, capsule }.into())
		}
	})
}

fn withdraw_channel(input: &mut Input) -> Option<Signed> {
	let closing: Vec<_> = pallet_attribution::Channels::<Runtime>::iter()
		.filter(|(_, _, channel)| channel.closes_at.is_some())
		.map(|(payer, worker, _)| (payer, worker))
		.collect();
	let (payer, worker) = input.choose(&closing).cloned()?;
	Some((payer, pallet_attribution::Call::withdraw_channel { worker }.into()))
}

/// A delayed proxy's call, announced or carried out.
fn announced(input: &mut Input, world: &mut World) -> Option<Signed> {
	use polkadot_sdk::{frame_system, pallet_proxy, sp_runtime::traits::Hash};
	let call: RuntimeCall =
		frame_system::Call::<Runtime>::remark_with_event { remark: vec![input.byte() % 4] }.into();
	let call_hash = <Runtime as frame_system::Config>::Hashing::hash_of(&call);
	world.hashes.push(call_hash.0);
	let delayed: Vec<_> = pallet_proxy::Proxies::<Runtime>::iter()
		.flat_map(|(real, (proxies, _))| proxies.into_iter().map(move |proxy| (real.clone(), proxy)))
		.collect();
	let (real, proxy) = input.choose(&delayed).cloned()?;
	let delegate = proxy.delegate;
	let (to, by) = (real.clone().into(), delegate.clone().into());
	Some(match input.below(6) {
		0 | 1 => (delegate, pallet_proxy::Call::announce { real: to, call_hash }.into()),
		2 => (delegate, pallet_proxy::Call::remove_announcement { real: to, call_hash }.into()),
		3 => (real, pallet_proxy::Call::reject_announcement { delegate: by, call_hash }.into()),
		4 => {
			let (proxy_type, delay) = (proxy.proxy_type, proxy.delay);
			(real, pallet_proxy::Call::remove_proxy { delegate: by, proxy_type, delay }.into())
		}
		_ => {
			let call = Box::new(call);
			let call =
				pallet_proxy::Call::proxy_announced { delegate: by, real: to, force_proxy_type: None, call };
			(account(input), call.into())
		}
	})
}
