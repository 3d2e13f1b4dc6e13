//! What worker and command line send and read agrees with the golden vectors of `primitives/vectors`.

mod golden;

use base64::{engine::general_purpose::STANDARD, Engine};
use codec::{DecodeAll, Encode};
use golden::Golden;
use tributary_client::voucher::{order_from_header, to_header, voucher_from_header};
use tributary_primitives::{
	batch::{BatchData, BatchHeader, ChannelCharge},
	merkle_sum::{self, SumNode, SumProof},
	request::{choice_seed, payer_seed, sampling_seed},
};

#[test]
fn voucher_header_matches_golden_vector_when_written_and_read() {
	let golden = Golden::load("voucher");
	let signed = voucher_from_header(&STANDARD.encode(golden.scale())).unwrap();
	assert_eq!(to_header(&signed), STANDARD.encode(golden.scale()));
	assert_eq!(signed.voucher.signing_hash().to_vec(), golden.digest("signing_hash"));
}

#[test]
fn order_header_matches_golden_vector_when_written_and_read() {
	let golden = Golden::load("order");
	let signed = order_from_header(&STANDARD.encode(golden.scale())).unwrap();
	assert_eq!(to_header(&signed), STANDARD.encode(golden.scale()));
	assert_eq!(signed.order.id().to_vec(), golden.digest("id"));
	let seed = sampling_seed(&signed.signature, &signed.order.worker, signed.order.nonce);
	assert_eq!(seed.to_vec(), golden.digest("sampling_seed"));
	assert_eq!(choice_seed(&seed, 0), seed);
	assert_eq!(choice_seed(&seed, 1).to_vec(), golden.digest("choice_seed_1"));
	assert_eq!(payer_seed(&signed.order.payer, 7).to_vec(), golden.digest("payer_seed_7"));
}

#[test]
fn batch_matches_golden_vectors_when_recomputed_from_its_data() {
	let data = BatchData::decode_all(&mut &Golden::load("batch-data").scale()[..]).unwrap();
	let header = BatchHeader::decode_all(&mut &Golden::load("batch-header").scale()[..]).unwrap();
	let leaves: Vec<_> = data.records.iter().map(|record| record.leaf()).collect();
	assert_eq!(merkle_sum::root(&leaves), Some(header.records_root));
	let charge = ChannelCharge::decode_all(&mut &Golden::load("channel-charge").scale()[..]).unwrap();
	assert_eq!(charge.amount(), Some(header.records_root.sum));
}

#[test]
fn earnings_proof_matches_golden_vector_when_verified() {
	let golden = Golden::load("earnings-proof");
	let proof = SumProof::decode_all(&mut &golden.scale()[..]).unwrap();
	assert_eq!(proof.encode(), golden.scale());
	let node = |hash: &str, sum: &str| SumNode {
		hash: golden.digest(hash).try_into().unwrap(),
		sum: golden.derived(sum).parse().unwrap(),
	};
	assert!(merkle_sum::verify(&node("root", "sum"), node("leaf", "cumulative"), &proof));
}
