//! Golden vectors: the SCALE encodings, hashes and roots that chain, worker and command line must agree on.
//!
//! `vectors/*.json` is what other implementations test against. After an intended change of the protocol,
//! `UPDATE_VECTORS=1 cargo test -p tributary-primitives --test vectors` writes them anew.

use codec::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::PathBuf};
use tributary_primitives::{
	batch::*, earnings::*, fee::*, merkle_sum, range, record::*, request::*, royalty, split::*, views::*,
	voucher::*, *,
};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Golden {
	/// SCALE encoding, hex.
	scale: String,
	/// Named digests and numbers derived from the value.
	derived: BTreeMap<String, String>,
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
	format!("0x{}", hex::encode(bytes))
}

/// Compares with the committed file and checks that the encoding decodes to the same value again.
fn golden<T: Encode + Decode + PartialEq + core::fmt::Debug>(
	name: &str,
	value: &T,
	derived: &[(&str, String)],
) {
	let found = Golden {
		scale: hex(value.encode()),
		derived: derived.iter().map(|(k, v)| (k.to_string(), v.clone())).collect(),
	};
	assert_eq!(&T::decode(&mut &value.encode()[..]).unwrap(), value);
	let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/{name}.json"));
	if std::env::var_os("UPDATE_VECTORS").is_some() {
		fs::write(&path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
	}
	let expected: Golden = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
	assert_eq!(found, expected, "{name}");
}

fn voucher() -> Voucher {
	Voucher {
		genesis: [1; 32],
		payer: [2; 32],
		worker: [3; 32],
		channel: 4,
		cumulative: 5_000_000_000_000,
		expiry: 600,
	}
}

fn order() -> SignedOrder {
	let order = RequestOrder {
		genesis: [1; 32],
		payer: [2; 32],
		worker: [3; 32],
		channel: 4,
		nonce: 7,
		body: [8; 32],
		max_fee: 900_000,
	};
	SignedOrder { order, signature: [9; 64] }
}

fn vector() -> Vector {
	vec![
		Share { datanet: 0, contribution: None, method: Method::Pool, earner: Earner::Pool(0), ppm: 250_000 },
		Share {
			datanet: 0,
			contribution: Some(3),
			method: Method::Span,
			earner: Earner::Account([10; 32]),
			ppm: 500_000,
		},
		Share {
			datanet: 0,
			contribution: Some(3),
			method: Method::Retrieval,
			earner: Earner::Account([10; 32]),
			ppm: 250_000,
		},
	]
	.try_into()
	.unwrap()
}

fn record() -> UsageRecord {
	UsageRecord {
		order: order(),
		agent: AssetRef { asset: 11, version: 1 },
		skills: SkillSet(0b10),
		tokens_in: 120,
		tokens_out: 64,
		calls: vec![ToolUse { tool: AssetRef { asset: 17, version: 2 }, calls: 3 }].try_into().unwrap(),
		tools: 600,
		parameters: 3,
		fee: 700_123,
		output: [12; 32],
		evidence: [13; 32],
		profile: [14; 32],
		at: 1_700_000_000_000,
		vector: vector(),
	}
}

#[test]
fn voucher_matches_vector_when_encoded_and_hashed() {
	let signed = SignedVoucher { voucher: voucher(), signature: [6; 64] };
	golden("voucher", &signed, &[("signing_hash", hex(voucher().signing_hash()))]);
}

#[test]
fn order_matches_vector_when_encoded_and_hashed() {
	let seed = sampling_seed(&order().signature, &order().order.worker, order().order.nonce);
	golden(
		"order",
		&order(),
		&[
			("signing_hash", hex(order().order.signing_hash())),
			("id", hex(order().order.id())),
			("sampling_seed", hex(seed)),
			("choice_seed_1", hex(choice_seed(&seed, 1))),
			("payer_seed_7", hex(payer_seed(&order().order.payer, 7))),
		],
	);
}

#[test]
fn record_matches_vector_when_encoded_and_hashed() {
	assert!(is_valid_vector(&vector()));
	assert!(are_valid_calls(&record().calls));
	golden(
		"record",
		&record(),
		&[
			("hash", hex(record().hash())),
			("leaf", hex(record().leaf().hash)),
			("leaf_sum", record().leaf().sum.to_string()),
		],
	);
}

#[test]
fn batch_matches_vector_when_encoded() {
	let second = UsageRecord { fee: 1, calls: Default::default(), tools: 0, ..record() };
	let root = merkle_sum::root(&[record().leaf(), second.leaf()]).unwrap();
	let mut tree = EarningsTree::default();
	tree.credit(Earner::Account([10; 32]), 75).unwrap();
	tree.credit(Earner::Pool(0), 25).unwrap();
	let header = BatchHeader {
		sequence: 2,
		records_root: root,
		records: 2,
		data: [15; 32],
		earnings: tree.root(&[3; 32]).unwrap(),
	};
	golden(
		"batch-header",
		&header,
		&[("records_root", hex(root.hash)), ("earnings_root", hex(header.earnings.hash))],
	);
	let charge = ChannelCharge {
		payer: [2; 32],
		channel: 4,
		cumulative: 5_000_000_000_000,
		expiry: 600,
		signature: [6; 64],
		usage: vec![AgentUsage {
			agent: 0,
			records: 2,
			fee: root.sum,
			calls: vec![ToolCalls { tool: 1, calls: 3 }].try_into().unwrap(),
		}]
		.try_into()
		.unwrap(),
	};
	golden("channel-charge", &charge, &[("amount", charge.amount().unwrap().to_string())]);
	let data = BatchData {
		genesis: [1; 32],
		worker: [3; 32],
		sequence: 2,
		parameters: 0,
		agents: vec![record().served()],
		records: vec![record(), second],
		settled: tree.leaves(),
	};
	golden("batch-data", &data, &[]);
}

#[test]
fn earnings_proof_matches_vector_when_encoded() {
	let worker = [3; 32];
	let mut tree = EarningsTree::default();
	for index in 0..5u8 {
		tree.credit(Earner::Account([index; 32]), u128::from(index) * 1_000 + 1).unwrap();
	}
	let (leaf, proof) = tree.prove(&worker, &Earner::Account([4; 32])).unwrap();
	let root = tree.root(&worker).unwrap();
	assert!(merkle_sum::verify(&root, leaf.node(&worker), &proof));
	golden(
		"earnings-proof",
		&proof,
		&[
			("root", hex(root.hash)),
			("sum", root.sum.to_string()),
			("leaf", hex(leaf.node(&worker).hash)),
			("cumulative", leaf.cumulative.to_string()),
		],
	);
}

#[test]
fn snapshot_proof_matches_vector_when_encoded() {
	let leaves: Vec<Hash> = (0..6u32)
		.map(|index| {
			ContributionLeaf { datanet: 1, index, contributor: [index as u8; 32], content: [16; 32] }.digest()
		})
		.collect();
	let root = range::Range::from_leaves(&leaves).unwrap().root();
	let proof = range::prove(&leaves, 5).unwrap();
	assert!(range::verify(&root, leaves[5], &proof));
	golden("snapshot-proof", &proof, &[("root", hex(root)), ("leaf", hex(leaves[5]))]);
}

#[test]
fn split_and_royalty_match_vector_when_divided() {
	let parameters = Parameters { split: SplitTable::default(), platform_fee: 1_000_000 };
	let presence =
		Presence { base_model: true, adapters: true, agent: true, data: true, ..Default::default() };
	let parts = split(1_000_003, &parameters.split, presence).unwrap();
	let grandparent = royalty::flatten(0, &[]).unwrap();
	let parent = royalty::flatten(1, &[(royalty::Parent { asset: 0, share: 200_000 }, grandparent)]).unwrap();
	let payees = royalty::flatten(2, &[(royalty::Parent { asset: 1, share: 100_001 }, parent)]).unwrap();
	golden(
		"parameters",
		&parameters,
		&[
			("split_scale", hex(parts.encode())),
			("payees_scale", hex(payees.encode())),
			("paid", format!("{:?}", royalty::pay(999_999, &payees).unwrap())),
			("fee", fee(Price { input: 333, output: 777 }, 1_234, 567, 8, 9).unwrap().to_string()),
		],
	);
}
