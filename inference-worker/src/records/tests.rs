#[path = "../../../client/tests/golden/mod.rs"]
mod golden;

use super::*;
use golden::Golden;
use tributary_client::{
	voucher::{body_hash, sign_order, sign_voucher},
	Keypair,
};
use tributary_primitives::{
	batch::{BatchHeader, ChannelFault},
	merkle_sum::SumNode,
	request::{RequestOrder, SignedOrder},
	voucher::Voucher,
	AssetRef, Earner,
};

pub const GENESIS: Hash = [1; 32];
pub const WORKER: AccountId = [2; 32];

pub fn scratch() -> (tempfile::TempDir, Records) {
	let folder = tempfile::tempdir().unwrap();
	let records = open(&folder);
	(folder, records)
}

fn open(folder: &tempfile::TempDir) -> Records {
	Records::open(&folder.path().join("records.redb"), &GENESIS, &WORKER).unwrap()
}

pub fn payer(name: &str) -> Keypair {
	Keypair::from_uri(name).unwrap()
}

pub fn order_by(key: &Keypair, nonce: u64, max_fee: Balance) -> SignedOrder {
	let order = RequestOrder {
		genesis: GENESIS,
		payer: key.account(),
		worker: WORKER,
		channel: 1,
		nonce,
		body: body_hash(b"body"),
		max_fee,
	};
	sign_order(order, key)
}

pub fn voucher_by(key: &Keypair, cumulative: Balance) -> SignedVoucher {
	let voucher = Voucher {
		genesis: GENESIS,
		payer: key.account(),
		worker: WORKER,
		channel: 1,
		cumulative,
		expiry: 1_000,
	};
	sign_voucher(voucher, key)
}

pub fn order_of(nonce: u64, max_fee: Balance) -> SignedOrder {
	order_by(&payer("//Alice"), nonce, max_fee)
}

pub fn voucher_of(cumulative: Balance) -> SignedVoucher {
	voucher_by(&payer("//Alice"), cumulative)
}

pub fn stored_by(key: &Keypair, nonce: u64, fee: Balance) -> StoredRecord {
	let record = UsageRecord {
		order: order_by(key, nonce, fee),
		agent: AssetRef { asset: 7, version: 1 },
		skills: Default::default(),
		tokens_in: 10,
		tokens_out: 5,
		calls: Default::default(),
		tools: 0,
		parameters: 1,
		fee,
		output: [3; 32],
		evidence: [4; 32],
		profile: [5; 32],
		at: nonce,
		vector: Default::default(),
	};
	StoredRecord { record, state: RecordState::Unsettled }
}

pub fn stored(nonce: u64, fee: Balance) -> StoredRecord {
	stored_by(&payer("//Alice"), nonce, fee)
}

fn intent(sequence: u64, records: Vec<u64>) -> Intent {
	let header = BatchHeader {
		sequence,
		records_root: SumNode::default(),
		records: records.len() as u32,
		data: [6; 32],
		earnings: SumNode::default(),
	};
	Intent { header, agents: vec![], charges: vec![], records }
}

fn inclusion(shares: Vec<(Earner, Balance)>) -> Inclusion {
	Inclusion { failed: vec![], shares, escrow: 12, state: BatchState::Pending { matures_at: 9 } }
}

#[test]
fn record_is_there_when_the_database_is_reopened() {
	let (folder, records) = scratch();
	let one = stored(1, 7);
	records.commit(&one, &voucher_of(20), 5, b"evidence").unwrap();
	drop(records);
	let records = open(&folder);
	let id = one.record.order.order.id();
	assert_eq!(records.get(&id).unwrap(), Some(one));
	assert_eq!(records.evidence(&id).unwrap().as_deref(), Some(b"evidence".as_slice()));
	assert_eq!(records.totals(), Totals { records: 1, fees: 7 });
	let row = records.channel(&payer("//Alice").account()).unwrap().unwrap();
	assert_eq!((row.nonce, row.settled, row.unsettled, row.last_nonce), (1, 5, 7, 1));
}

#[test]
fn record_is_billed_once_when_committed_twice() {
	let (_folder, records) = scratch();
	for _ in 0..2 {
		records.commit(&stored(1, 7), &voucher_of(20), 0, b"{}").unwrap();
	}
	assert_eq!(records.totals(), Totals { records: 1, fees: 7 });
	assert_eq!(records.channel(&payer("//Alice").account()).unwrap().unwrap().unsettled, 7);
}

#[test]
fn best_voucher_is_kept_when_answers_end_out_of_order() {
	let (_folder, records) = scratch();
	records.commit(&stored(2, 7), &voucher_of(40), 0, b"{}").unwrap();
	records.commit(&stored(1, 7), &voucher_of(20), 0, b"{}").unwrap();
	let row = records.channel(&payer("//Alice").account()).unwrap().unwrap();
	assert_eq!((row.voucher.voucher.cumulative, row.last_nonce, row.unsettled), (40, 2, 14));
}

#[test]
fn database_is_refused_when_it_is_of_another_chain_or_operator() {
	let (folder, records) = scratch();
	drop(records);
	let path = folder.path().join("records.redb");
	assert!(matches!(Records::open(&path, &[9; 32], &WORKER), Err(RecordsError::Foreign("chain"))));
	assert!(matches!(Records::open(&path, &GENESIS, &[9; 32]), Err(RecordsError::Foreign("operator"))));
}

#[test]
fn intent_survives_when_the_database_is_reopened() {
	let (folder, records) = scratch();
	records.set_intent(&intent(3, vec![]), b"data").unwrap();
	drop(records);
	let records = open(&folder);
	assert_eq!(records.intent().unwrap(), Some(intent(3, vec![])));
	assert_eq!(records.data(3).unwrap().as_deref(), Some(b"data".as_slice()));
	records.drop_intent().unwrap();
	assert_eq!(records.intent().unwrap(), None);
}

#[test]
fn batch_settles_good_channels_and_fails_the_others_when_one_was_skipped() {
	let (_folder, records) = scratch();
	let (alice, bob) = (payer("//Alice"), payer("//Bob"));
	records.commit(&stored_by(&alice, 1, 7), &voucher_by(&alice, 20), 0, b"{}").unwrap();
	records.commit(&stored_by(&bob, 1, 5), &voucher_by(&bob, 20), 0, b"{}").unwrap();
	records.commit(&stored_by(&alice, 2, 3), &voucher_by(&alice, 20), 0, b"{}").unwrap();
	let batch = intent(0, vec![0, 1]);
	records.set_intent(&batch, b"data").unwrap();
	let earner = Earner::Account([8; 32]);
	let outcome =
		Inclusion { failed: vec![(bob.account(), ChannelFault::Expired)], ..inclusion(vec![(earner, 2)]) };
	records.settle(&batch, &outcome).unwrap();

	let state = |key: &Keypair, nonce| records.get(&order_by(key, nonce, 0).order.id());
	assert!(state(&alice, 1).unwrap().is_none(), "ids cover the maximum fee");
	let of = |key: &Keypair, nonce, fee| {
		records.get(&order_by(key, nonce, fee).order.id()).unwrap().unwrap().state
	};
	assert_eq!(of(&alice, 1, 7), RecordState::Settled { sequence: 0 });
	assert_eq!(of(&bob, 1, 5), RecordState::Failed { sequence: Some(0), fault: ChannelFault::Expired });
	assert_eq!(of(&alice, 2, 3), RecordState::Unsettled);
	assert_eq!(records.totals(), Totals { records: 1, fees: 3 });
	let row = records.channel(&alice.account()).unwrap().unwrap();
	assert_eq!((row.settled, row.unsettled), (7, 3));
	let row = records.channel(&bob.account()).unwrap().unwrap();
	assert_eq!((row.settled, row.unsettled), (0, 0));
	assert_eq!(records.intent().unwrap(), None);
	assert_eq!(records.earnings().unwrap().get(&earner), 2);
	assert_eq!(records.pending().unwrap().len(), 1);
}

#[test]
fn earnings_fall_back_when_a_batch_is_voided() {
	let (_folder, records) = scratch();
	records.commit(&stored(1, 7), &voucher_of(20), 0, b"{}").unwrap();
	let earner = Earner::Pool(1);
	let batch = intent(0, vec![0]);
	records.settle(&batch, &inclusion(vec![(earner, 2)])).unwrap();
	records.settle(&intent(1, vec![]), &inclusion(vec![(earner, 5)])).unwrap();
	for _ in 0..2 {
		records.conclude(0, BatchState::Voided).unwrap();
	}
	assert_eq!(records.earnings().unwrap().get(&earner), 5);
	let record = records.get(&order_of(1, 7).order.id()).unwrap().unwrap();
	assert_eq!(record.state, RecordState::Voided { sequence: 0 });
	records.conclude(1, BatchState::Credited).unwrap();
	assert!(records.pending().unwrap().is_empty());
}

#[test]
fn written_off_records_leave_the_books_when_their_channel_is_gone() {
	let (_folder, records) = scratch();
	records.commit(&stored(1, 7), &voucher_of(20), 0, b"{}").unwrap();
	records.write_off(&[0], ChannelFault::NoChannel).unwrap();
	assert_eq!(records.totals(), Totals::default());
	assert!(records.unsettled(10).unwrap().is_empty());
	assert_eq!(records.channel(&payer("//Alice").account()).unwrap().unwrap().unsettled, 0);
}

#[test]
fn record_keeps_its_golden_bytes_and_hash_when_stored_and_read() {
	use codec::{DecodeAll, Encode};
	let (_folder, records) = scratch();
	let (golden, voucher) = (Golden::load("record"), Golden::load("voucher"));
	let bytes = golden.scale();
	let record = UsageRecord::decode_all(&mut bytes.as_slice()).unwrap();
	let voucher = SignedVoucher::decode_all(&mut voucher.scale().as_slice()).unwrap();
	let stored = StoredRecord { record, state: RecordState::Unsettled };
	records.commit(&stored, &voucher, 0, b"{}").unwrap();
	let read = records.unsettled(1).unwrap().remove(0).1.record;
	assert_eq!(read.encode(), bytes);
	assert_eq!(read.hash().to_vec(), golden.digest("hash"));
	assert_eq!(read.leaf().hash.to_vec(), golden.digest("leaf"));
}

/// Two channels' records in a batch that is in a block, and its payers.
fn included() -> (tempfile::TempDir, Records, Intent, [Keypair; 2]) {
	let (folder, records) = scratch();
	let payers = [payer("//Alice"), payer("//Bob")];
	for (key, fee) in payers.iter().zip([7, 5]) {
		records.commit(&stored_by(key, 1, fee), &voucher_by(key, 20), 0, b"{}").unwrap();
	}
	let batch = intent(0, vec![0, 1]);
	records.set_intent(&batch, b"data").unwrap();
	let inclusion = Inclusion { state: BatchState::Included, ..inclusion(vec![(Earner::Pool(1), 3)]) };
	records.settle(&batch, &inclusion).unwrap();
	(folder, records, batch, payers)
}

fn books(records: &Records, key: &Keypair) -> (Balance, Balance) {
	let row = records.channel(&key.account()).unwrap().unwrap();
	(row.settled, row.unsettled)
}

#[test]
fn batch_awaits_finality_when_its_block_can_be_reorganised_away() {
	let (_folder, records, ..) = included();
	assert!(records.awaits_finality().unwrap());
	assert_eq!(records.pending().unwrap().len(), 1);
	records.conclude(0, BatchState::Pending { matures_at: 9 }).unwrap();
	assert!(!records.awaits_finality().unwrap());
}

#[test]
fn records_are_unsettled_again_when_their_batch_is_gone_for_good() {
	let (_folder, records, batch, [alice, bob]) = included();
	assert_eq!(records.totals(), Totals::default());
	assert_eq!(records.reopen(0).unwrap(), vec![batch.clone()]);
	assert_eq!(records.totals(), Totals { records: 2, fees: 12 });
	assert_eq!(records.unsettled(10).unwrap().len(), 2);
	assert_eq!((books(&records, &alice), books(&records, &bob)), ((0, 7), (0, 5)));
	assert_eq!(records.earnings().unwrap().get(&Earner::Pool(1)), 0);
	assert!(records.pending().unwrap().is_empty());
	// It may yet arrive.
	assert_eq!(records.retired(&batch.header).unwrap(), Some(batch));
}

#[test]
fn records_stay_settled_when_a_later_batch_is_gone() {
	let (_folder, records, ..) = included();
	assert!(records.reopen(1).unwrap().is_empty());
	assert_eq!(records.totals(), Totals::default());
}

#[test]
fn books_follow_the_final_block_when_it_skipped_a_channel_that_the_first_one_charged() {
	let (_folder, records, _, [alice, bob]) = included();
	let revised = Inclusion {
		failed: vec![(bob.account(), ChannelFault::NoChannel)],
		..inclusion(vec![(Earner::Pool(1), 2)])
	};
	for _ in 0..2 {
		records.revise(0, &revised).unwrap();
	}
	assert_eq!((books(&records, &alice), books(&records, &bob)), ((7, 0), (0, 0)));
	assert_eq!(records.earnings().unwrap().get(&Earner::Pool(1)), 2);
	assert_eq!(records.totals(), Totals::default());
	assert!(!records.awaits_finality().unwrap());
}

#[test]
fn intent_is_recognised_when_it_was_given_up() {
	let (_folder, records) = scratch();
	let given_up = intent(3, vec![]);
	records.set_intent(&given_up, b"data").unwrap();
	records.drop_intent().unwrap();
	let other = BatchHeader { data: [9; 32], ..given_up.header };
	assert_eq!(records.retired(&other).unwrap(), None);
	assert_eq!(records.retired(&given_up.header).unwrap(), Some(given_up.clone()));
	records.set_intent(&given_up, b"data").unwrap();
	records.settle(&given_up, &inclusion(vec![])).unwrap();
	records.conclude(3, BatchState::Credited).unwrap();
	assert_eq!(records.retired(&given_up.header).unwrap(), None);
}

#[test]
fn intent_is_remembered_when_another_replaces_it() {
	let (_folder, records) = scratch();
	let (first, second) = (intent(3, vec![]), intent(4, vec![]));
	records.set_intent(&first, b"one").unwrap();
	records.set_intent(&second, b"two").unwrap();
	assert_eq!(records.intent().unwrap(), Some(second));
	assert_eq!(records.retired(&first.header).unwrap(), Some(first));
}

#[test]
fn chain_of_a_database_is_known_when_it_was_opened_once() {
	let folder = tempfile::tempdir().unwrap();
	let path = folder.path().join("records.redb");
	assert_eq!(Records::genesis_of(&path).unwrap(), None);
	drop(open(&folder));
	assert_eq!(Records::genesis_of(&path).unwrap(), Some(GENESIS));
}
