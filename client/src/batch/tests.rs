use super::*;
use crate::{
	keys::Keypair,
	voucher::{sign_order, sign_voucher},
};
use codec::Encode;
use proptest::prelude::*;
use tributary_primitives::{
	batch::{BatchStatus, ChannelFault},
	fee::fee,
	record::{Method, Share},
	request::RequestOrder,
	split::SplitTable,
	views::BatchView,
	voucher::{SignedVoucher, Voucher},
	Earner, Hash, SnapshotRef, PPM,
};

const GENESIS: Hash = [1; 32];
const WORKER: AccountId = [2; 32];

fn parameters() -> Parameters {
	Parameters { split: SplitTable::default(), platform_fee: 1_000 }
}

fn agent(asset: u32, datanets: &[u32]) -> AgentView {
	let reference = |asset| AssetRef { asset, version: 1 };
	AgentView {
		agent: reference(asset),
		name: b"agent".to_vec(),
		owner: [3; 32],
		price: Price { input: 1_000_000, output: 3_000_000 },
		base: reference(0),
		adapters: vec![(reference(1), PPM)],
		prompts: Vec::new(),
		datanets: datanets.iter().map(|datanet| SnapshotRef { datanet: *datanet, version: 1 }).collect(),
		retired: false,
		evaluated: false,
		staked: false,
	}
}

fn vector(datanet: u32, contributors: &[(u32, u8, u32)]) -> Vec<Share> {
	let rest = PPM - contributors.iter().map(|(_, _, ppm)| ppm).sum::<u32>();
	let pool =
		Share { datanet, contribution: None, method: Method::Pool, earner: Earner::Pool(datanet), ppm: rest };
	let share = |(contribution, who, ppm): &(u32, u8, u32)| Share {
		datanet,
		contribution: Some(*contribution),
		method: Method::Span,
		earner: Earner::Account([*who; 32]),
		ppm: *ppm,
	};
	std::iter::once(pool).chain(contributors.iter().map(share)).filter(|share| share.ppm > 0).collect()
}

fn record(
	payer: &Keypair,
	nonce: u64,
	agent: &AgentView,
	tokens: (u32, u32),
	vector: Vec<Share>,
) -> UsageRecord {
	let fee = fee(agent.price, tokens.0, tokens.1, 0, parameters().platform_fee).unwrap();
	let order = RequestOrder {
		genesis: GENESIS,
		payer: payer.account(),
		worker: WORKER,
		channel: 1,
		nonce,
		body: [4; 32],
		max_fee: fee + 5,
	};
	UsageRecord {
		order: sign_order(order, payer),
		agent: agent.agent,
		tokens_in: tokens.0,
		tokens_out: tokens.1,
		tools: 0,
		parameters: 1,
		fee,
		output: [5; 32],
		evidence: [6; 32],
		profile: [7; 32],
		at: 1,
		vector: vector.try_into().unwrap(),
	}
}

/// A batch as it would be on chain when every channel settles.
struct Case {
	agents: Vec<AgentView>,
	prepared: Prepared,
	view: BatchView,
	data: Vec<u8>,
	settled: EarningsTree,
	session_keys: BTreeMap<AccountId, [u8; 32]>,
	parameters: BTreeMap<u32, Parameters>,
}

fn vouchers(payers: &[Keypair]) -> BTreeMap<AccountId, SignedVoucher> {
	let voucher = |payer: &Keypair| Voucher {
		genesis: GENESIS,
		payer: payer.account(),
		worker: WORKER,
		channel: 1,
		cumulative: 1 << 60,
		expiry: 100,
	};
	payers.iter().map(|payer| (payer.account(), sign_voucher(voucher(payer), payer))).collect()
}

fn case() -> Case {
	let payers = [Keypair::from_uri("//Alice").unwrap(), Keypair::from_uri("//Bob").unwrap()];
	let agents = vec![agent(10, &[1]), agent(11, &[])];
	let records = vec![
		record(&payers[0], 1, &agents[0], (100, 20), vector(1, &[(0, 20, 300_000), (4, 21, 200_000)])),
		record(&payers[0], 2, &agents[1], (50, 10), Vec::new()),
		record(&payers[1], 1, &agents[0], (10, 333), vector(1, &[(4, 21, 1_000_000)])),
	];
	let mut settled = EarningsTree::default();
	settled.credit(Earner::Account([20; 32]), 77).unwrap();
	settled.credit(Earner::Pool(1), 5).unwrap();
	let terms: Vec<_> = agents.iter().map(AgentTerms::from).collect();
	let prepared = prepare(Draft {
		genesis: GENESIS,
		worker: WORKER,
		sequence: 3,
		parameters_version: 1,
		parameters: parameters(),
		terms: &terms,
		records,
		vouchers: &vouchers(&payers),
		settled: &settled,
	})
	.unwrap();
	let view = BatchView {
		worker: WORKER,
		header: prepared.header,
		status: BatchStatus::Pending,
		submitted_at: 10,
		matures_at: 20,
		parameters: 1,
		escrow: prepared.header.records_root.sum,
		agents: prepared.totals.clone(),
		failed: Vec::new(),
	};
	let data = prepared.bytes.clone();
	let parameters = BTreeMap::from([(1, parameters())]);
	Case { agents, prepared, view, data, settled, session_keys: BTreeMap::new(), parameters }
}

impl Case {
	fn verify(&self) -> Report {
		verify(&Evidence {
			genesis: GENESIS,
			view: &self.view,
			data: &self.data,
			parameters: &self.parameters,
			agents: &self.agents,
			session_keys: &self.session_keys,
			settled: Some(&self.settled),
		})
	}

	/// Publishes changed data under its own hash, as a lying worker would.
	fn publish(mut self, change: impl FnOnce(&mut tributary_primitives::batch::BatchData)) -> Self {
		change(&mut self.prepared.data);
		self.data = self.prepared.data.encode();
		self.view.header.data = crate::content::hash_bytes(&self.data);
		let leaves: Vec<_> = self.prepared.data.records.iter().map(UsageRecord::leaf).collect();
		self.view.header.records_root = tributary_primitives::merkle_sum::root(&leaves).unwrap();
		self
	}
}

fn failures(report: &Report) -> Vec<&'static str> {
	report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
}

#[test]
fn batch_is_right_when_nothing_was_changed() {
	let report = case().verify();
	assert!(report.is_right(), "{:?}", report.checks);
	assert_eq!(report.checks.len(), 10);
	assert_eq!(report.tree, Some(case().prepared.tree));
}

#[test]
fn charges_add_up_to_the_records_when_a_batch_is_prepared() {
	let Prepared { charges, header, totals, tree, .. } = case().prepared;
	let charged: u128 = charges.iter().map(|charge| charge.amount().unwrap()).sum();
	assert_eq!(charged, header.records_root.sum);
	assert_eq!(charged, totals.iter().map(|total| total.fee).sum::<u128>());
	let data: u128 = totals.iter().map(|total| total.data).sum();
	assert_eq!(tree.root(&WORKER).unwrap().sum, data + 82);
	assert_eq!(charges.iter().map(|charge| charge.usage.len()).collect::<Vec<_>>().iter().sum::<usize>(), 3);
}

#[test]
fn published_bytes_are_refused_when_one_of_them_changes() {
	let mut case = case();
	let last = case.data.len() - 1;
	case.data[last] ^= 1;
	assert!(failures(&case.verify()).contains(&"data hash"));
}

#[test]
fn published_bytes_are_refused_when_they_are_no_batch() {
	let mut case = case();
	case.data.truncate(40);
	assert_eq!(failures(&case.verify()), ["data hash", "data format"]);
}

#[test]
fn record_is_detected_when_tampered_after_the_batch_was_sent() {
	let case = case();
	let root = case.view.header.records_root;
	let mut case = case.publish(|data| data.records[0].output = [9; 32]);
	case.view.header.records_root = root;
	assert_eq!(failures(&case.verify()), ["records root"]);
}

#[test]
fn record_is_detected_when_left_out() {
	let failed = case().publish(|data| drop(data.records.pop())).verify();
	assert!(["identity", "totals", "earnings root"].iter().all(|name| failures(&failed).contains(name)));
}

#[test]
fn fee_is_detected_when_it_does_not_follow_from_tokens() {
	let report = case().publish(|data| data.records[0].fee += 1).verify();
	assert!(failures(&report).contains(&"fees"));
	assert!(report.check("fees").unwrap().detail.starts_with("record 0"));
}

#[test]
fn fee_is_detected_when_above_what_the_payer_allowed() {
	let report = case().publish(|data| data.records[2].fee += 6).verify();
	assert!(failures(&report).contains(&"orders"));
}

#[test]
fn vector_is_detected_when_it_has_not_the_form() {
	let report = case().publish(|data| data.records[0].vector[1].ppm += 1).verify();
	assert!(failures(&report).contains(&"vectors"));
	let report = case().publish(|data| data.records[0].vector = Default::default()).verify();
	assert!(failures(&report).contains(&"vectors"));
	let report = case().publish(|data| data.records[0].vector = vector(9, &[]).try_into().unwrap()).verify();
	assert!(failures(&report).contains(&"vectors"));
}

#[test]
fn earnings_root_is_detected_when_shares_go_to_somebody_else() {
	let report = case().publish(|data| data.records[0].vector[1].earner = Earner::Account([66; 32])).verify();
	assert_eq!(failures(&report), ["earnings root"]);
}

#[test]
fn earnings_root_is_detected_when_its_sum_is_too_large() {
	let mut case = case();
	case.view.header.earnings.sum += 1;
	let report = case.verify();
	assert_eq!(failures(&report), ["earnings root"]);
	assert!(report.check("earnings root").unwrap().detail.contains("sum"));
}

#[test]
fn tree_before_is_detected_when_it_is_not_what_earlier_batches_give() {
	let report = case().publish(|data| data.settled[0].cumulative += 1).verify();
	assert_eq!(failures(&report), ["tree before"]);
	let report = case().publish(|data| data.settled.push(data.settled[0])).verify();
	assert_eq!(failures(&report), ["tree before"]);
}

#[test]
fn totals_are_detected_when_the_chain_settled_others() {
	let mut case = case();
	case.view.agents[0].records += 1;
	assert_eq!(failures(&case.verify()), ["totals"]);
}

#[test]
fn order_is_detected_when_repeated_or_signed_by_another() {
	let report = case().publish(|data| data.records[1].order = data.records[0].order).verify();
	assert!(failures(&report).contains(&"orders"));
	let report = case().publish(|data| data.records[0].order.signature[0] ^= 1).verify();
	assert_eq!(failures(&report), ["orders"]);
	let report = case().publish(|data| data.records[0].order.order.worker = [9; 32]).verify();
	assert_eq!(failures(&report), ["orders"]);
}

#[test]
fn order_is_right_when_the_session_key_signed_it() {
	let session = Keypair::from_uri("//Session").unwrap();
	let mut case = case().publish(|data| {
		for record in &mut data.records {
			record.order = sign_order(record.order.order, &session);
		}
	});
	assert_eq!(failures(&case.verify()), ["orders"]);
	for payer in ["//Alice", "//Bob"] {
		case.session_keys.insert(Keypair::from_uri(payer).unwrap().account(), session.account());
	}
	assert!(case.verify().is_right());
}

#[test]
fn batch_of_another_chain_is_detected_when_presented() {
	let report = case().publish(|data| data.genesis = [9; 32]).verify();
	assert_eq!(failures(&report), ["identity"]);
}

#[test]
fn batch_is_right_when_a_channel_failed_and_the_rest_settled() {
	let mut case = case();
	let bob = Keypair::from_uri("//Bob").unwrap().account();
	let terms: Vec<_> = case.agents.iter().map(AgentTerms::from).collect();
	let alices = case.prepared.data.records.iter().filter(|record| record.order.order.payer != bob);
	case.view.agents = totals(alices, &terms, &parameters()).unwrap();
	case.view.escrow = case.view.agents.iter().map(|total| total.fee).sum();
	case.view.failed = vec![(bob, ChannelFault::OverDeposit)];
	let report = case.verify();
	assert!(report.is_right(), "{:?}", report.checks);
	let tree = report.tree.unwrap();
	let data: u128 = case.view.agents.iter().map(|total| total.data).sum();
	assert_eq!(tree.root(&WORKER).unwrap().sum, data + 82);
	assert!(tree.get(&Earner::Account([21; 32])) < case.prepared.tree.get(&Earner::Account([21; 32])));
}

#[test]
fn batch_is_right_when_evaluators_came_after_it_was_settled() {
	let mut case = case();
	case.agents[0].evaluated = true;
	assert!(case.verify().is_right());
}

#[test]
fn draft_is_refused_when_it_cannot_be_a_batch() {
	let alice = Keypair::from_uri("//Alice").unwrap();
	let agent = agent(10, &[1]);
	let terms = [AgentTerms::from(&agent)];
	let settled = EarningsTree::default();
	let attempt = |records: Vec<UsageRecord>, terms: &[AgentTerms], payers: &[Keypair]| {
		prepare(Draft {
			genesis: GENESIS,
			worker: WORKER,
			sequence: 0,
			parameters_version: 1,
			parameters: parameters(),
			terms,
			records,
			vouchers: &vouchers(payers),
			settled: &settled,
		})
		.map(drop)
		.unwrap_err()
	};
	let one = |channel| {
		let mut record = record(&alice, channel, &agent, (1, 1), vector(1, &[]));
		record.order.order.channel = channel;
		record
	};
	let payers = [alice.clone()];
	assert_eq!(attempt(Vec::new(), &terms, &payers), BatchError::Empty);
	assert_eq!(attempt(vec![one(1); 4_097], &terms, &payers), BatchError::TooMany("records"));
	assert_eq!(attempt(vec![one(1)], &[], &payers), BatchError::UnknownAgent(agent.agent));
	assert_eq!(attempt(vec![one(1)], &terms, &[]), BatchError::NoVoucher(alice.account()));
	assert_eq!(attempt(vec![one(1), one(2)], &terms, &payers), BatchError::TwoChannels(alice.account()));
}

#[test]
fn batch_is_built_and_right_when_the_platform_fee_rose_above_its_records() {
	for platform_fee in [10_000, 1 << 40] {
		let mut case = case();
		let dear = Parameters { platform_fee, ..parameters() };
		let records = case.prepared.data.records.clone();
		let terms: Vec<_> = case.agents.iter().map(AgentTerms::from).collect();
		let payers = ["//Alice", "//Bob"].map(|uri| Keypair::from_uri(uri).unwrap());
		case.prepared = prepare(Draft {
			genesis: GENESIS,
			worker: WORKER,
			sequence: 3,
			parameters_version: 2,
			parameters: dear,
			terms: &terms,
			records,
			vouchers: &vouchers(&payers),
			settled: &case.settled,
		})
		.unwrap();
		case.data = case.prepared.bytes.clone();
		case.view.header = case.prepared.header;
		case.view.agents = case.prepared.totals.clone();
		case.view.parameters = 2;
		case.parameters.insert(2, dear);
		let report = case.verify();
		assert!(report.is_right(), "{:?}", report.checks);
		let data: u128 = case.prepared.totals.iter().map(|total| total.data).sum();
		assert_eq!(report.tree.unwrap().root(&WORKER).unwrap().sum, data + 82);
	}
}

#[test]
fn fee_of_parameters_that_came_later_is_detected() {
	let mut case = case().publish(|data| data.records[0].parameters = 2);
	case.parameters.insert(2, parameters());
	assert!(failures(&case.verify()).contains(&"fees"));
}

#[test]
fn records_are_left_for_the_next_batch_when_they_do_not_fit() {
	let alice = Keypair::from_uri("//Alice").unwrap();
	let records: Vec<_> =
		(0..40).map(|id| record(&alice, id.into(), &agent(id, &[]), (1, 1), Vec::new())).collect();
	assert_eq!(fitting(&records), 32);
	assert_eq!(fitting(&records[..5]), 5);
	let mut reopened = records[..5].to_vec();
	reopened[3].order.order.channel = 2;
	assert_eq!(fitting(&reopened), 3);
	assert_eq!(fitting(&vec![records[0].clone(); 5_000]), 4_096);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(24))]
	#[test]
	fn tree_grows_by_exactly_the_data_share_when_records_vary(
		uses in proptest::collection::vec((1u32..5_000, 0u32..5_000, any::<u8>(), 0u32..=PPM), 1..12)
	) {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let agent = agent(10, &[1]);
		let records: Vec<_> = uses.iter().enumerate().map(|(nonce, (input, output, who, ppm))| {
			record(&alice, nonce as u64, &agent, (*input, *output), vector(1, &[(3, *who, *ppm)][..usize::from(*ppm > 0)]))
		}).collect();
		let terms = [AgentTerms::from(&agent)];
		let totals = totals(&records, &terms, &parameters()).unwrap();
		let tree = advance(&EarningsTree::default(), &records, &[], &totals, &terms, parameters().platform_fee).unwrap();
		prop_assert_eq!(tree.root(&WORKER).unwrap().sum, totals[0].data);
	}
}
