//! The calls take exactly the bytes of the golden vectors in `primitives/vectors`.

use crate::{mock::*, Call};
use codec::{Decode, Encode};
use polkadot_sdk::{sp_core::bytes::from_hex, sp_io::hashing::blake2_256};
use serde_json::Value;
use tributary_primitives::{merkle_sum::SumProof, voucher::SignedVoucher, AssetRef, Served, SkillSet};

fn golden(name: &str) -> Value {
	let path = format!("{}/../../primitives/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
	serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn scale(name: &str) -> Vec<u8> {
	from_hex(golden(name)["scale"].as_str().unwrap()).unwrap()
}

#[test]
fn submit_batch_reads_the_golden_header_and_charge_when_decoded() {
	let agents = vec![Served { agent: AssetRef { asset: 11, version: 1 }, skills: SkillSet(0b10) }];
	let one_charge = [vec![4], scale("channel-charge")].concat();
	let bytes = [vec![5], scale("batch-header"), agents.encode(), one_charge].concat();
	let call = Call::<Test>::decode(&mut &bytes[..]).unwrap();
	assert_eq!(call.encode(), bytes);
	let Call::submit_batch { header, charges, .. } = call else { panic!("another call") };
	assert_eq!(charges[0].amount(), Some(header.records_root.sum));
}

#[test]
fn claim_earnings_reads_the_golden_proof_when_decoded() {
	let bytes = [vec![10], OPERATOR.encode(), 4_001u128.encode(), scale("earnings-proof")].concat();
	let call = Call::<Test>::decode(&mut &bytes[..]).unwrap();
	assert_eq!(call.encode(), bytes);
	let Call::claim_earnings { proof, .. } = call else { panic!("another call") };
	assert_eq!(proof, SumProof::decode(&mut &scale("earnings-proof")[..]).unwrap());
}

#[test]
fn voucher_hash_is_the_golden_one_when_the_pallet_computes_it() {
	let SignedVoucher { voucher, .. } = SignedVoucher::decode(&mut &scale("voucher")[..]).unwrap();
	let expected = golden("voucher")["derived"]["signing_hash"].as_str().unwrap().to_owned();
	assert_eq!(voucher.signing_hash().to_vec(), from_hex(&expected).unwrap());
	// The domain and the fields in order, hashed as the documentation says.
	assert_eq!(voucher.signing_hash(), blake2_256(&("tributary/voucher/1", voucher).encode()));
}
