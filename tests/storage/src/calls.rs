//! The largest item of each kind.

use crate::measure::{measure, sign, Row};
use polkadot_sdk::{
	frame_support::traits::Get,
	sp_io::TestExternalities,
	sp_keyring::Sr25519Keyring::{self, *},
};
use tributary_primitives::{
	fee::Price, royalty::Parent, views::Policy, AssetRef, DocumentKind, Purpose, SnapshotRef,
};
use tributary_runtime::{constants::*, testing::genesis, AccountId, System};

fn id(key: Sr25519Keyring) -> AccountId {
	key.to_account_id()
}

/// Bytes of text, `length` of them.
fn text<T: TryFrom<Vec<u8>>>(length: usize) -> T {
	vec![b'a'; length].try_into().ok().expect("it may be as long")
}

/// A text of its own.
fn named<T: TryFrom<Vec<u8>>>(number: u8, length: usize) -> T {
	let mut bytes = vec![b'a'; length];
	bytes[0] = b'a' + number;
	bytes.try_into().ok().expect("it may be as long")
}

fn list<E, T: TryFrom<Vec<E>>>(elements: Vec<E>) -> T {
	elements.try_into().ok().expect("there may be as many")
}

fn hints() -> pallet_registry::Hints {
	list(vec![text(256), text(256), text(256)])
}

fn server(prefix: &str, length: usize) -> Vec<u8> {
	let mut bytes = prefix.as_bytes().to_vec();
	bytes.resize(length, b'a');
	bytes
}

/// Different accounts.
fn accounts(count: u8) -> Vec<AccountId> {
	(1..=count).map(|number| AccountId::new([number; 32])).collect()
}

/// All of them, each measured as it is made.
pub fn rows() -> Vec<Row> {
	TestExternalities::new(genesis("development")).execute_with(|| {
		System::set_block_number(1);
		[data(), grants(), models(), agents(), work(), stake()].concat()
	})
}

const PRICE: Price = Price { input: 1, output: 1 };

fn create(policy: Policy) -> pallet_datanets::Call<tributary_runtime::Runtime> {
	let curators = list(accounts(16));
	pallet_datanets::Call::create { name: text(64), description: text(256), policy, curators }
}

fn contribute(content: u8, datanet: u32) -> pallet_datanets::Call<tributary_runtime::Runtime> {
	let item = pallet_datanets::Item {
		content: [content; 32],
		bytes: u64::MAX,
		licence: text(64),
		metadata: text(256),
	};
	pallet_datanets::Call::contribute { datanet, items: list(vec![item]) }
}

fn data() -> Vec<Row> {
	use pallet_datanets::{Call, Decision, Review};
	let (owner, contributor, other) = (id(Alice), id(Bob), id(Charlie));
	let review =
		|index, verdict| Call::review { datanet: 0, decisions: list(vec![Decision { index, verdict }]) };
	let mut rows = vec![
		// With the first contribution, which makes the pool.
		measure("DataNet with a contribution", || {
			sign(&owner, create(Policy::Curated));
			sign(&other, contribute(1, 0));
			sign(&owner, review(0, Review::Accept));
		}),
		measure("contribution, pending", || sign(&contributor, contribute(2, 0))),
		measure("contribution, rejected", || {
			sign(&contributor, contribute(3, 0));
			sign(&owner, review(2, Review::Reject(text(256))));
		}),
		measure("contribution, accepted", || {
			sign(&contributor, contribute(4, 0));
			sign(&owner, review(3, Review::Accept));
		}),
		measure("snapshot", || sign(&owner, Call::snapshot { datanet: 0 })),
		measure("contribution, erased", || {
			sign(&contributor, contribute(5, 0));
			sign(&owner, review(4, Review::Accept));
			sign(&owner, Call::tombstone { datanet: 0, index: 4 });
		}),
	];
	// For what follows: a private one, and snapshots of eight.
	rows.push(measure("DataNet, private", || {
		sign(&owner, create(Policy::Open));
		sign(&owner, pallet_grants::Call::set_recipient { datanet: 1, recipient: [9; 32] });
		for purpose in [Purpose::Train, Purpose::Retrieve] {
			sign(&owner, pallet_grants::Call::offer { datanet: 1, purpose, price: Some(TRB) });
		}
	}));
	for datanet in 2..10 {
		sign(&owner, create(Policy::Open));
		sign(&owner, contribute(5, datanet));
		sign(&owner, Call::snapshot { datanet });
	}
	rows
}

fn grants() -> Vec<Row> {
	use pallet_grants::Call;
	let (owner, grantee, datanet, purpose) = (id(Alice), id(Bob), 1, Purpose::Train);
	// Free, so that all that is held for a request is its deposit.
	sign(&owner, Call::offer { datanet, purpose, price: Some(0) });
	let recipient = measure("recipient", || sign(&grantee, Call::announce { recipient: [8; 32] }));
	let request =
		measure("request for a grant", || sign(&grantee, Call::request { datanet, purpose, most: 0 }));
	// A request that is granted gives its deposit back, which would hide a part of the grant's.
	sign(&grantee, Call::withdraw_request { datanet, purpose });
	let grant = measure("grant", || {
		let capsule = text(1_024);
		sign(&owner, Call::grant { datanet, grantee: id(Bob), purpose, capsule });
	});
	vec![recipient, request, grant]
}

fn training() -> pallet_adapters::Training {
	pallet_adapters::Training {
		base: AssetRef { asset: 0, version: 1 },
		rank: 512,
		snapshots: list((2..10).map(|datanet| SnapshotRef { datanet, version: 1 }).collect()),
		configuration: [2; 32],
	}
}

fn models() -> Vec<Row> {
	use pallet_adapters::Call;
	let owner = id(Alice);
	let adapter = |number, parents| Call::register_adapter {
		name: named(number, 64),
		content: [1; 32],
		hints: hints(),
		price: PRICE,
		parents,
		training: training(),
	};
	let base = || Call::register_base { name: text(64), content: [1; 32], hints: hints(), price: PRICE };
	let evaluators = list([vec![id(Bob), id(Charlie)], accounts(6)].concat());
	let report = |by, report| {
		let benchmark = SnapshotRef { datanet: 1, version: 1 };
		sign(&by, Call::report { asset: 0, version: 1, benchmark, metric: text(64), score: 1, report });
	};
	sign(&owner, contribute(6, 1));
	sign(&owner, pallet_datanets::Call::snapshot { datanet: 1 });
	// With the first report, which makes the evaluators' vault.
	let mut rows = vec![measure("base model with its evaluators and a report", || {
		sign(&owner, base());
		sign(&owner, Call::set_evaluators { asset: 0, evaluators });
		report(id(Charlie), [3; 32]);
	})];
	// Assets 1 to 4 are parents.
	for number in 1..5 {
		sign(&owner, adapter(number, Default::default()));
	}
	let parents = || list((1..5).map(|asset| Parent { asset, share: 100_000 }).collect());
	rows.push(measure("adapter with four parents", || sign(&owner, adapter(5, parents()))));
	rows.push(measure("adapter's version", || {
		let training = Some(training());
		sign(
			&owner,
			Call::add_version { asset: 5, content: [2; 32], hints: hints(), parents: parents(), training },
		);
	}));
	rows.push(measure("document", || {
		let kind = DocumentKind::Provenance;
		sign(
			&owner,
			pallet_registry::Call::attach { asset: 5, version: 1, kind, content: [3; 32], hints: hints() },
		);
	}));
	rows.push(measure("evaluation report", || report(id(Bob), [4; 32])));
	rows
}

fn agents() -> Vec<Row> {
	use pallet_agents::{Call, Composition, Skill};
	let owner = id(Alice);
	let first = |asset| AssetRef { asset, version: 1 };
	let mut rows = vec![
		measure("prompt", || {
			let name = text(64);
			sign(
				&owner,
				pallet_prompts::Call::create { name, content: [1; 32], hints: hints(), price: PRICE },
			);
		}),
		measure("fork of a prompt", || {
			let (parent, name) = (first(6), text(64));
			sign(
				&owner,
				pallet_prompts::Call::fork { parent, name, content: [1; 32], hints: hints(), price: PRICE },
			);
		}),
	];
	for _ in 0..6 {
		let name = text(64);
		sign(&owner, pallet_prompts::Call::create { name, content: [1; 32], hints: hints(), price: PRICE });
	}
	// More adapters, so that there are eight: assets 1 to 5 and 14 to 16.
	for _ in 0..3 {
		let call = pallet_adapters::Call::register_adapter {
			name: text(64),
			content: [1; 32],
			hints: hints(),
			price: PRICE,
			parents: Default::default(),
			training: training(),
		};
		sign(&owner, call);
	}
	let tool = || pallet_tools::Call::register_tool {
		name: text(64),
		server: list(server("https://", 256)),
		identity: text(128),
		content: [1; 32],
		hints: hints(),
		price: 1,
	};
	rows.push(measure("tool", || sign(&owner, tool())));
	for _ in 0..7 {
		sign(&owner, tool());
	}
	let skill =
		|| Skill { description: text(256), threshold: 0, adapters: 0xff, prompts: 0xff, datanets: 0xff };
	let adapters: Vec<_> = (1..6).chain(14..17).map(|asset| (first(asset), 1_000_000)).collect();
	let composition = Composition {
		base: first(0),
		adapters: list(adapters),
		prompts: list((6..14).map(first).collect()),
		datanets: list((2..10).map(|datanet| SnapshotRef { datanet, version: 1 }).collect()),
		tools: list((17..25).map(first).collect()),
		skills: list(vec![skill(); 8]),
		price: Price { input: 1_000, output: 1_000 },
	};
	let first_version = composition.clone();
	rows.push(measure("agent", || {
		sign(&owner, Call::compose { name: text(64), composition: first_version })
	}));
	rows.push(measure("agent's version", || sign(&owner, Call::recompose { agent: 25, composition })));
	rows
}

fn work() -> Vec<Row> {
	let (operator, payer) = (id(Charlie), id(Dave));
	let register = pallet_workers::Call::register {
		service_key: id(CharlieStash),
		endpoint: list(server("https://", 256)),
		models: list((0..16).collect()),
		bond: 100 * TRB,
	};
	vec![
		measure("worker", || sign(&operator, register)),
		measure("channel", || {
			let deposit = <tributary_runtime::Runtime as pallet_attribution::Config>::MinDeposit::get();
			let session_key = Some([1; 32]);
			sign(
				&payer,
				pallet_attribution::Call::open_channel { worker: id(Charlie), deposit, session_key },
			);
		}),
	]
}

fn stake() -> Vec<Row> {
	use pallet_validators::Call;
	let (candidate, nominator) = (id(Eve), id(Ferdie));
	let bond = Call::bond { amount: 1_000 * TRB, commission: 100_000 };
	vec![
		measure("candidate with its pool", || sign(&candidate, bond)),
		measure("nomination", || sign(&nominator, Call::nominate { candidate: id(Eve), amount: 20 * TRB })),
		measure("stake that is leaving", || {
			sign(&nominator, Call::unbond { candidate: id(Eve), amount: Some(10 * TRB) })
		}),
	]
}
