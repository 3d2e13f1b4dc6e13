use super::*;
use crate::{
	keys::Keypair,
	voucher::{sign_order, sign_voucher},
};
use codec::Encode;
use proptest::prelude::*;
use tributary_primitives::{
	batch::{BatchStatus, ChannelFault},
	fee::{fee, Price},
	record::{Method, Share, ToolUse},
	request::RequestOrder,
	split::SplitTable,
	views::{AgentView, BatchView, SkillView, ToolView},
	voucher::{SignedVoucher, Voucher},
	Earner, Hash, SkillSet, SnapshotRef, PPM,
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
		tools: Vec::new(),
		skills: Vec::new(),
		retired: false,
		evaluated: Vec::new(),
		staked: false,
	}
}

fn tool(asset: u32, price: Balance) -> ToolView {
	ToolView {
		tool: AssetRef { asset, version: 1 },
		name: b"tool".to_vec(),
		owner: [3; 32],
		server: b"stdio:tool".to_vec(),
		identity: b"tool 1.0".to_vec(),
		content: [8; 32],
		hints: Vec::new(),
		price,
		retired: false,
	}
}

/// Two tools, and a skill of its adapter and its second DataNet.
fn versatile(asset: u32) -> AgentView {
	let skill =
		SkillView { description: b"rivers".to_vec(), threshold: 0, adapters: 1, prompts: 0, datanets: 2 };
	AgentView { tools: vec![tool(51, 700), tool(50, 0)], skills: vec![skill], ..agent(asset, &[1, 2]) }
}

fn terms(views: &[AgentView]) -> Vec<AgentTerms> {
	let none = views.iter().filter_map(|view| AgentTerms::of(view, SkillSet(0)));
	none.chain(views.iter().filter_map(|view| AgentTerms::of(view, SkillSet(1)))).collect()
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
		skills: SkillSet(0),
		tokens_in: tokens.0,
		tokens_out: tokens.1,
		calls: Default::default(),
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

/// A record with skills and tool calls, as [`versatile`] would be paid for.
fn called(record: UsageRecord, skills: u8, calls: &[(u32, u32)], tools: Balance) -> UsageRecord {
	let used =
		|(asset, calls): &(u32, u32)| ToolUse { tool: AssetRef { asset: *asset, version: 1 }, calls: *calls };
	let calls: Vec<_> = calls.iter().map(used).collect();
	let (fee, calls) = (record.fee + tools, calls.try_into().unwrap());
	let mut order = record.order.order;
	order.max_fee += tools;
	let payers = ["//Alice", "//Bob"].map(|uri| Keypair::from_uri(uri).unwrap());
	let payer = payers.iter().find(|payer| payer.account() == order.payer).unwrap();
	UsageRecord { order: sign_order(order, payer), skills: SkillSet(skills), calls, tools, fee, ..record }
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
	case_of(agents, records)
}

/// One record by each payer without the skill, and one with it; the first and the last call tools.
fn versatile_case() -> Case {
	let payers = [Keypair::from_uri("//Alice").unwrap(), Keypair::from_uri("//Bob").unwrap()];
	let agents = vec![versatile(10)];
	let plain = |payer: usize, nonce| {
		record(&payers[payer], nonce, &agents[0], (100, 20), vector(1, &[(0, 20, 300_000)]))
	};
	let skilled = |payer: usize, nonce| {
		record(&payers[payer], nonce, &agents[0], (10, 333), vector(2, &[(4, 21, 700_000)]))
	};
	let records = vec![
		called(plain(0, 1), 0, &[(50, 1), (51, 2)], 1_400),
		called(plain(1, 1), 0, &[], 0),
		called(skilled(0, 2), 1, &[], 0),
		called(skilled(1, 2), 1, &[(50, 4)], 0),
	];
	case_of(agents, records)
}

fn case_of(agents: Vec<AgentView>, records: Vec<UsageRecord>) -> Case {
	let payers = [Keypair::from_uri("//Alice").unwrap(), Keypair::from_uri("//Bob").unwrap()];
	let mut settled = EarningsTree::default();
	settled.credit(Earner::Account([20; 32]), 77).unwrap();
	settled.credit(Earner::Pool(1), 5).unwrap();
	let terms = terms(&agents);
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
	assert_eq!(report.checks.len(), 11);
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
	let terms = AgentTerms::all(case.prepared.agents.iter().copied(), &case.agents);
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
	case.agents[0].evaluated = vec![0];
	assert!(case.verify().is_right());
}

#[test]
fn batch_is_right_when_skills_and_tools_were_used() {
	let case = versatile_case();
	let Prepared { agents, charges, totals, .. } = &case.prepared;
	let served = |skills| Served { agent: case.agents[0].agent, skills: SkillSet(skills) };
	assert_eq!(*agents, [served(0), served(1)]);
	assert_eq!(totals.iter().map(|total| total.tools).collect::<Vec<_>>(), [1_400, 0]);
	// The composition's first tool is asset 51.
	let first: Vec<_> = charges
		.iter()
		.flat_map(|charge| charge.usage.iter())
		.flat_map(|usage| usage.calls.iter().map(|used| (usage.agent, used.tool, used.calls)))
		.collect();
	assert_eq!(first.len(), 3);
	for used in [(0, 0, 2), (0, 1, 1), (1, 1, 4)] {
		assert!(first.contains(&used), "{first:?}");
	}
	let report = case.verify();
	assert!(report.is_right(), "{:?}", report.checks);
}

#[test]
fn batch_is_right_when_a_channel_with_all_the_calls_failed() {
	let mut case = versatile_case();
	let bob = Keypair::from_uri("//Bob").unwrap().account();
	let terms = AgentTerms::all(case.prepared.agents.iter().copied(), &case.agents);
	let alices = case.prepared.data.records.iter().filter(|record| record.order.order.payer != bob);
	case.view.agents = totals(alices, &terms, &parameters()).unwrap();
	case.view.escrow = case.view.agents.iter().map(|total| total.fee).sum();
	case.view.failed = vec![(bob, ChannelFault::OverDeposit)];
	let report = case.verify();
	assert!(report.is_right(), "{:?}", report.checks);
}

#[test]
fn calls_are_detected_when_they_do_not_follow_from_the_tools() {
	let wrong = |change: fn(&mut UsageRecord)| {
		let report = versatile_case().publish(|data| change(&mut data.records[0])).verify();
		failures(&report).contains(&"calls")
	};
	assert!(wrong(|record| record.tools += 1));
	assert!(wrong(|record| record.calls[1].calls = 3));
	assert!(wrong(|record| record.calls[0].calls = 0));
	assert!(wrong(|record| {
		record.calls[0].tool.asset = 51;
		record.calls[1].tool.asset = 50;
	}));
	assert!(wrong(|record| record.calls[0].tool.asset = 49));
	assert!(wrong(|record| record.calls[1].calls = u32::MAX));
}

#[test]
fn skills_are_detected_when_the_version_lacks_them_or_the_batch_does_not_list_them() {
	let lacking = versatile_case().publish(|data| {
		data.agents[1].skills = SkillSet(0b10);
		data.records[2].skills = SkillSet(0b10);
		data.records[3].skills = SkillSet(0b10);
	});
	assert!(failures(&lacking.verify()).contains(&"agents"));
	let unlisted = versatile_case().publish(|data| data.records[2].skills = SkillSet(0b11));
	assert!(failures(&unlisted.verify()).contains(&"agents"));
}

#[test]
fn vector_is_detected_when_it_pays_a_datanet_that_was_not_active() {
	let report =
		versatile_case().publish(|data| data.records[0].vector = vector(2, &[]).try_into().unwrap()).verify();
	assert!(failures(&report).contains(&"vectors"));
}

#[test]
fn draft_is_refused_when_it_cannot_be_a_batch() {
	let alice = Keypair::from_uri("//Alice").unwrap();
	let agent = agent(10, &[1]);
	let terms = terms(std::slice::from_ref(&agent));
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
	assert_eq!(attempt(vec![one(1)], &[], &payers), BatchError::UnknownAgent(agent.agent.into()));
	assert_eq!(attempt(vec![one(1)], &terms, &[]), BatchError::NoVoucher(alice.account()));
	assert_eq!(attempt(vec![one(1), one(2)], &terms, &payers), BatchError::TwoChannels(alice.account()));
	let unknown = AssetRef { asset: 50, version: 1 };
	let calling = called(one(1), 0, &[(50, 1)], 0);
	assert_eq!(attempt(vec![calling], &terms, &payers), BatchError::UnknownTool(agent.agent.into(), unknown));
	let skilled = called(one(1), 1, &[], 0);
	assert_eq!(attempt(vec![skilled.clone()], &terms, &payers), BatchError::UnknownAgent(skilled.served()));
}

#[test]
fn batch_is_built_and_right_when_the_platform_fee_rose_above_its_records() {
	for platform_fee in [10_000, 1 << 40] {
		let mut case = case();
		let dear = Parameters { platform_fee, ..parameters() };
		let records = case.prepared.data.records.clone();
		let terms = terms(&case.agents);
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

#[test]
fn records_are_left_for_the_next_batch_when_skill_sets_are_too_many() {
	let alice = Keypair::from_uri("//Alice").unwrap();
	let agent = agent(10, &[]);
	let record = |skills: u8| UsageRecord {
		skills: SkillSet(skills),
		..record(&alice, skills.into(), &agent, (1, 1), Vec::new())
	};
	assert_eq!(fitting(&(0..40).map(record).collect::<Vec<_>>()), 32);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(24))]
	#[test]
	fn tree_and_totals_conserve_money_when_tools_are_called(
		uses in proptest::collection::vec((1u32..5_000, 0u32..5_000, any::<bool>(), 0u32..4, 0u32..4), 1..12)
	) {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let view = versatile(10);
		let records: Vec<_> = uses.iter().enumerate().map(|(nonce, (input, output, skilled, free, paid))| {
			let plain = record(&alice, nonce as u64, &view, (*input, *output), vector(1, &[(3, 9, 400_000)]));
			let calls: Vec<_> = [(50, *free), (51, *paid)].into_iter().filter(|used| used.1 > 0).collect();
			called(plain, u8::from(*skilled), &calls, u128::from(*paid) * 700)
		}).collect();
		let terms = terms(&[view]);
		let totals = totals(&records, &terms, &parameters()).unwrap();
		let fees: u128 = records.iter().map(|record| record.fee).sum();
		prop_assert_eq!(totals.iter().map(|total| total.fee).sum::<u128>(), fees);
		let tools: u128 = uses.iter().map(|used| u128::from(used.4) * 700).sum();
		prop_assert_eq!(totals.iter().map(|total| total.tools).sum::<u128>(), tools);
		for total in &totals {
			prop_assert!(total.data + total.tools <= total.fee);
		}
		let tree = advance(&EarningsTree::default(), &records, &[], &totals, &terms, parameters().platform_fee).unwrap();
		prop_assert_eq!(tree.root(&WORKER).unwrap().sum, totals.iter().map(|total| total.data).sum::<u128>());
	}

	#[test]
	fn tree_grows_by_exactly_the_data_share_when_records_vary(
		uses in proptest::collection::vec((1u32..5_000, 0u32..5_000, any::<u8>(), 0u32..=PPM), 1..12)
	) {
		let alice = Keypair::from_uri("//Alice").unwrap();
		let agent = agent(10, &[1]);
		let records: Vec<_> = uses.iter().enumerate().map(|(nonce, (input, output, who, ppm))| {
			record(&alice, nonce as u64, &agent, (*input, *output), vector(1, &[(3, *who, *ppm)][..usize::from(*ppm > 0)]))
		}).collect();
		let terms = [AgentTerms::of(&agent, SkillSet(0)).unwrap()];
		let totals = totals(&records, &terms, &parameters()).unwrap();
		let tree = advance(&EarningsTree::default(), &records, &[], &totals, &terms, parameters().platform_fee).unwrap();
		prop_assert_eq!(tree.root(&WORKER).unwrap().sum, totals[0].data);
	}
}
