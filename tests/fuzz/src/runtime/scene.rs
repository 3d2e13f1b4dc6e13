//! A chain on which everything has happened once: what random calls then change.

use super::{
	chain::{apply, begin_block, end_block, now},
	checks, settle,
	world::World,
	Start, TIMING,
};
use polkadot_sdk::{
	sp_keyring::Sr25519Keyring::{self, *},
	sp_state_machine::BasicExternalities,
	sp_storage::Storage,
};
use tributary_fuzz_driver::Input;
use tributary_primitives::{
	fee::Price, views::Policy, AssetRef, Balance, DocumentKind, Purpose, SnapshotRef,
};
use tributary_runtime::{constants::*, AccountId, RuntimeCall};

/// Some sessions have passed, and the next one begins soon.
const LAST_BLOCK: u32 = 128;

fn id(key: Sr25519Keyring) -> AccountId {
	key.to_account_id()
}

fn bytes<T: TryFrom<Vec<u8>>>(text: &str) -> T {
	text.as_bytes().to_vec().try_into().ok().expect("the text fits")
}

fn list<E, T: TryFrom<Vec<E>>>(elements: Vec<E>) -> T {
	elements.try_into().ok().expect("the list fits")
}

fn sign(by: Sr25519Keyring, call: impl Into<RuntimeCall>) {
	let call = call.into();
	let shown = format!("{call:?}");
	let applied = apply(id(by), call);
	assert!(matches!(applied, Ok(Ok(_))), "{shown}: {applied:?}");
}

fn pass(world: &mut World, blocks: u32) {
	for _ in 0..blocks {
		end_block();
		begin_block(&mut world.slot, 0);
	}
}

fn price(planck: Balance) -> Price {
	Price { input: planck, output: 2 * planck }
}

fn data() {
	use pallet_datanets::{Call, Decision, Item, Review};
	let create = |name: &str, policy, curators| Call::create {
		name: bytes(name),
		description: bytes("texts"),
		policy,
		curators,
	};
	sign(Alice, create("open", Policy::Open, Default::default()));
	sign(Bob, create("curated", Policy::Curated, list(vec![id(Charlie)])));
	sign(Charlie, create("private", Policy::Open, Default::default()));
	sign(Alice, create("held out", Policy::Open, Default::default()));
	sign(Charlie, pallet_grants::Call::set_recipient { datanet: 2, recipient: [9; 32] });
	for purpose in [Purpose::Train, Purpose::Retrieve] {
		sign(Charlie, pallet_grants::Call::offer { datanet: 2, purpose, price: Some(TRB) });
	}
	let mut content = 100;
	for (by, datanet) in [(Dave, 0), (Eve, 0), (Eve, 1), (Ferdie, 1), (Ferdie, 2), (Dave, 2), (Dave, 3)] {
		let items = (0..3).map(|_| {
			content += 1;
			Item { content: [content; 32], bytes: 9, licence: bytes("CC0-1.0"), metadata: bytes("a title") }
		});
		sign(by, Call::contribute { datanet, items: list(items.collect()) });
	}
	let decisions = vec![
		Decision { index: 0, verdict: Review::Accept },
		Decision { index: 1, verdict: Review::Reject(bytes("spam")) },
		Decision { index: 3, verdict: Review::Accept },
	];
	sign(Charlie, Call::review { datanet: 1, decisions: list(decisions) });
	for (by, datanet) in [(Alice, 0), (Bob, 1), (Charlie, 2), (Alice, 3)] {
		sign(by, Call::snapshot { datanet });
	}
	for by in [Alice, Bob, Dave, Eve] {
		sign(by, pallet_grants::Call::announce { recipient: [8; 32] });
	}
	let request = |purpose| pallet_grants::Call::request { datanet: 2, purpose, most: TRB };
	sign(Bob, request(Purpose::Train));
	sign(Alice, request(Purpose::Retrieve));
	let capsule = bytes("sealed");
	sign(
		Charlie,
		pallet_grants::Call::grant { datanet: 2, grantee: id(Bob), purpose: Purpose::Train, capsule },
	);
}

fn models() {
	use pallet_adapters::{Call, Training};
	let hints = || Default::default();
	for name in ["base", "other base"] {
		sign(
			Alice,
			Call::register_base {
				name: bytes(name),
				content: [1; 32],
				hints: hints(),
				price: price(MICRO_TRB),
			},
		);
	}
	let training = |datanet| Training {
		base: AssetRef { asset: 0, version: 1 },
		rank: 8,
		snapshots: list(vec![SnapshotRef { datanet, version: 1 }]),
		configuration: [2; 32],
	};
	let adapter = |name, parents, datanet| Call::register_adapter {
		name: bytes(name),
		content: [3; 32],
		hints: hints(),
		price: price(MICRO_TRB),
		parents,
		training: training(datanet),
	};
	sign(Bob, adapter("adapter", Default::default(), 0));
	let parent = tributary_primitives::royalty::Parent { asset: 2, share: 100_000 };
	sign(Bob, adapter("derived", list(vec![parent]), 2));
	for asset in [0, 2] {
		let owner = if asset == 0 { Alice } else { Bob };
		sign(owner, Call::set_evaluators { asset, evaluators: list(vec![id(Eve), id(Dave)]) });
		sign(
			Eve,
			Call::report {
				asset,
				version: 1,
				benchmark: SnapshotRef { datanet: 3, version: 1 },
				metric: bytes("perplexity"),
				score: -1_000_000,
				report: [4; 32],
			},
		);
	}
	let attach = pallet_registry::Call::attach {
		asset: 2,
		version: 1,
		kind: DocumentKind::Provenance,
		content: [5; 32],
		hints: hints(),
	};
	sign(Bob, attach);
}

fn agents() {
	use pallet_agents::{Call, Composition, Skill};
	let hints = || Default::default();
	let prompt = pallet_prompts::Call::create {
		name: bytes("prompt"),
		content: [6; 32],
		hints: hints(),
		price: price(MICRO_TRB),
	};
	sign(Dave, prompt);
	let parent = AssetRef { asset: 4, version: 1 };
	let name = bytes("fork");
	sign(Eve, pallet_prompts::Call::fork { parent, name, content: [7; 32], hints: hints(), price: price(0) });
	for name in ["weather", "clock"] {
		let tool = pallet_tools::Call::register_tool {
			name: bytes(name),
			server: bytes("https://tool.example"),
			identity: bytes(name),
			content: [8; 32],
			hints: hints(),
			price: 1_000,
		};
		sign(Eve, tool);
	}
	let first = |asset| AssetRef { asset, version: 1 };
	let snapshot = |datanet| SnapshotRef { datanet, version: 1 };
	let bare = Composition {
		base: first(0),
		adapters: Default::default(),
		prompts: Default::default(),
		datanets: Default::default(),
		tools: Default::default(),
		skills: Default::default(),
		price: price(10 * MICRO_TRB),
	};
	let full = Composition {
		adapters: list(vec![(first(2), 1_000_000), (first(3), 500_000)]),
		prompts: list(vec![first(4), first(5)]),
		datanets: list(vec![snapshot(0), snapshot(2)]),
		tools: list(vec![first(6), first(7)]),
		..bare.clone()
	};
	let skill = |adapters, prompts, datanets| Skill {
		description: bytes("when it is about rivers"),
		threshold: 0,
		adapters,
		prompts,
		datanets,
	};
	let skilled = Composition { skills: list(vec![skill(1, 2, 1), skill(2, 0, 2)]), ..full.clone() };
	for (name, composition) in [("bare", bare), ("full", full), ("skilled", skilled)] {
		sign(Ferdie, Call::compose { name: bytes(name), composition });
	}
}

fn proxies() {
	use polkadot_sdk::pallet_proxy::Call;
	use tributary_runtime::configs::ProxyType;
	let delegations = [
		(Alice, Bob, ProxyType::Any, 0),
		(Bob, Charlie, ProxyType::Any, 2),
		(Charlie, CharlieStash, ProxyType::Operator, 0),
	];
	for (real, delegate, proxy_type, delay) in delegations {
		sign(real, Call::add_proxy { delegate: id(delegate).into(), proxy_type, delay });
	}
}

fn stake() {
	use pallet_validators::Call;
	for (by, candidate) in [(Eve, Alice), (Ferdie, Bob), (Ferdie, Alice)] {
		sign(by, Call::nominate { candidate: id(candidate), amount: 5_000 * TRB });
	}
}

/// Some leave again, after an election that counted them.
fn unstake() {
	use pallet_validators::Call;
	sign(Eve, Call::unbond { candidate: id(Alice), amount: Some(1_000 * TRB) });
	sign(Ferdie, Call::unbond { candidate: id(Bob), amount: None });
}

fn settlement(world: &mut World) {
	for (operator, key) in [(Charlie, CharlieStash), (Dave, DaveStash)] {
		let register = pallet_workers::Call::register {
			service_key: id(key),
			endpoint: bytes("https://worker.example"),
			models: list(vec![0]),
			bond: 1_000 * TRB,
		};
		sign(operator, register);
	}
	for (payer, session_key) in [(Alice, None), (Bob, Some(id(BobStash).into())), (Eve, None)] {
		for worker in [id(Charlie), id(Dave)] {
			sign(payer, pallet_attribution::Call::open_channel { worker, deposit: 1_000 * TRB, session_key });
		}
	}
	// Batches, claims and verdicts as the choices of these bytes have them.
	let mut random = tributary_fuzz_driver::Random::new(11);
	let (mut made, mut good) = (0, 0);
	while made < 120 {
		let choices = random.bytes(256);
		let signed = settle::any(&mut Input::new(&choices), world);
		let Some((signer, call)) = signed else { continue };
		// Parameters and waits stay as they are at genesis.
		if matches!(&call, RuntimeCall::Sudo(_)) {
			continue;
		}
		made += 1;
		good += u32::from(matches!(apply(signer, call), Ok(Ok(_))));
		if made % 6 == 0 {
			pass(world, 1);
		}
	}
	assert!(good > made / 3, "{good} of {made} calls were good");
}

/// Plays the scene on a genesis state.
pub(super) fn played(state: Storage) -> Start {
	let mut world = World::default();
	let mut state = BasicExternalities::new(state);
	state.execute_with(|| {
		begin_block(&mut world.slot, 0);
		for part in [data, models, agents, proxies, stake] {
			part();
			pass(&mut world, 1);
		}
		settlement(&mut world);
		while now() < LAST_BLOCK - TIMING.session_blocks {
			pass(&mut world, 1);
		}
		unstake();
		pass(&mut world, LAST_BLOCK - now());
		end_block();
		checks::limits();
		checks::conserved(checks::money(), Default::default());
		checks::pallets();
	});
	Start { state: state.into_storages(), world }
}
