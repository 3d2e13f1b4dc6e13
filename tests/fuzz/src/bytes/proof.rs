//! Merkle proofs: no proof, however changed, leads to what is not in the tree.

use super::{decoded, vector};
use codec::{DecodeAll, Encode};
use tributary_fuzz_driver::{Input, Trace};
use tributary_primitives::{
	earnings::{EarningsLeaf, EarningsTree},
	merkle_sum::{self, SumProof},
	range::{self, Range, RangeProof},
	Earner,
};

/// The worker whose tree it is.
const WORKER: [u8; 32] = [9; 32];

/// The target: bytes as they arrive; a tree, one of its proofs, and changes of that proof.
pub fn run(data: &[u8], trace: &mut Trace) {
	decoded::<SumProof>("sum proof", data, trace);
	decoded::<RangeProof>("range proof", data, trace);
	let mut input = Input::new(data);
	match input.byte() & 1 {
		0 => earnings(&mut input, trace),
		_ => contributions(&mut input, trace),
	}
}

/// `bytes` with some of them changed, cut out or put in.
fn changed(input: &mut Input, mut bytes: Vec<u8>) -> Vec<u8> {
	for _ in 0..1 + input.below(3) {
		let at = input.below(bytes.len());
		match input.below(8) {
			0 => {
				bytes.drain(at..(at + 32).min(bytes.len()));
			}
			1 => {
				let piece = input.take(32).to_vec();
				bytes.splice(at..at, piece);
			}
			_ => {
				if let Some(byte) = bytes.get_mut(at) {
					*byte ^= input.byte();
				}
			}
		}
	}
	bytes
}

fn earnings(input: &mut Input, trace: &mut Trace) {
	let mut tree = EarningsTree::default();
	for number in 0..1 + input.below(40) {
		let earner = match number % 3 {
			0 => Earner::Pool(number as u32),
			_ => Earner::Account([number as u8; 32]),
		};
		tree.credit(earner, 1 + u128::from(input.byte())).expect("small amounts");
	}
	let root = tree.root(&WORKER).expect("small amounts");
	let leaves = tree.leaves();
	let chosen = leaves[input.below(leaves.len())];
	let (leaf, proof) = tree.prove(&WORKER, &chosen.earner).expect("it is in the tree");
	assert!(merkle_sum::verify(&root, leaf.node(&WORKER), &proof), "a good proof is refused");
	let leaf = match EarningsLeaf::decode_all(&mut &changed(input, leaf.encode())[..]) {
		Ok(other) if input.byte() & 1 == 1 => other,
		_ => leaf,
	};
	let Ok(proof) = SumProof::decode_all(&mut &changed(input, proof.encode())[..]) else { return };
	let verified = merkle_sum::verify(&root, leaf.node(&WORKER), &proof);
	trace.call("verify", "sum proof", verified);
	trace.reached(u64::from(verified) << 32 | proof.siblings.len() as u64);
	assert!(!verified || leaves.contains(&leaf), "a proof leads to {leaf:?}, which is not in the tree");
	assert!(!merkle_sum::verify(&root, leaf.node(&[8; 32]), &proof), "a proof is good for another worker");
}

fn contributions(input: &mut Input, trace: &mut Trace) {
	let count = 1 + input.below(70) as u32;
	let leaves: Vec<_> = (0..count).map(|number| range::leaf(&number.to_le_bytes())).collect();
	let root = Range::from_leaves(&leaves).expect("few leaves").root();
	let index = input.below(count as usize) as u32;
	let proof = range::prove(&leaves, index).expect("it is in the range");
	assert!(range::verify(&root, leaves[index as usize], &proof), "a good proof is refused");
	let leaf = match input.byte() & 3 {
		0 => range::leaf(input.take(8)),
		1 => leaves[input.below(leaves.len())],
		_ => leaves[index as usize],
	};
	let Ok(proof) = RangeProof::decode_all(&mut &changed(input, proof.encode())[..]) else { return };
	let verified = range::verify(&root, leaf, &proof);
	trace.call("verify", "range proof", verified);
	trace.reached(1 << 48 | u64::from(verified) << 32 | proof.siblings.len() as u64);
	let there = proof.leaves == count && leaves.get(proof.index as usize) == Some(&leaf);
	assert!(!verified || there, "a proof leads to what is not in the range");
}

/// The golden vectors.
pub fn seeds() -> Vec<Vec<u8>> {
	vec![vector("earnings-proof"), vector("snapshot-proof"), vec![0; 64], vec![1; 64]]
}
