//! The maths of money, with numbers of any size.

use tributary_fuzz_driver::{Input, Trace};
use tributary_primitives::{
	fee::{fee, price_of_calls, Price},
	math::{largest_remainder, mul_div},
	royalty::{flatten, pay, Parent, Payees},
	split::{split, split_by_price, Presence, SplitTable, PARTS},
	Balance, PPM,
};

fn amount(input: &mut Input) -> Balance {
	match input.below(6) {
		0 => 0,
		1 => u128::MAX - u128::from(input.byte()),
		2 => u128::from_le_bytes(input.array()),
		3 => 1 << (input.byte() % 128),
		4 => input.number().into(),
		_ => input.byte().into(),
	}
}

fn sum(amounts: impl IntoIterator<Item = Balance>) -> Option<Balance> {
	amounts.into_iter().try_fold(0u128, |sum, amount| sum.checked_add(amount))
}

/// The target: what is divided stays whole, and what does not fit is `None`.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	while !input.is_empty() {
		match input.below(5) {
			0 => division(&mut input, trace),
			1 => fees(&mut input, trace),
			2 => parts(&mut input, trace),
			3 => lineage(&mut input, trace),
			_ => quotient(&mut input, trace),
		}
	}
}

/// Counts an outcome; each is something to reach.
fn told(trace: &mut Trace, group: &'static str, name: &'static str, good: bool) {
	trace.call(group, name, good);
	let bytes = group.bytes().chain(name.bytes());
	trace.reached(bytes.fold(u64::from(good), |sum, byte| sum.wrapping_mul(131).wrapping_add(byte.into())));
}

fn division(input: &mut Input, trace: &mut Trace) {
	let whole = amount(input);
	let weights: Vec<_> = (0..input.below(12)).map(|_| amount(input)).collect();
	let by_weight = largest_remainder(whole, &weights);
	told(trace, "math", "largest_remainder", by_weight.is_some());
	for divided in [by_weight, split_by_price(whole, &weights)].into_iter().flatten() {
		assert_eq!(divided.len(), weights.len());
		assert!(
			sum(divided) == Some(whole) || weights.iter().all(|weight| *weight == 0),
			"a division is not whole"
		);
	}
}

fn fees(input: &mut Input, trace: &mut Trace) {
	let price = Price { input: amount(input), output: amount(input) };
	let (read, written) = (input.number() as u32, input.number() as u32);
	let (tools, platform) = (amount(input), amount(input));
	let whole = fee(price, read, written, tools, platform);
	told(trace, "fee", "fee", whole.is_some());
	if let Some(whole) = whole {
		assert!(whole >= tools && whole >= platform);
		let cheaper = fee(price, read, written.saturating_sub(1), tools, platform);
		assert!(cheaper.is_some_and(|cheaper| cheaper <= whole), "a shorter answer costs more");
	}
	let calls: Vec<_> = (0..input.below(4)).map(|_| (input.number() as u32, amount(input))).collect();
	told(trace, "fee", "price_of_calls", price_of_calls(calls).is_some());
}

fn parts(input: &mut Input, trace: &mut Trace) {
	let mut table = SplitTable::default();
	let moved = input.number() as u32 % (table.worker + 2);
	table.worker = table.worker.saturating_sub(moved);
	table.data = table.data.wrapping_add(moved);
	let flags = input.byte();
	let has = |bit: u8| flags >> bit & 1 == 1;
	let presence = Presence {
		stakers: has(0),
		base_model: has(1),
		adapters: has(2),
		prompts: has(3),
		tools: has(4),
		evaluators: has(5),
		agent: has(6),
		data: has(7),
	};
	let net = amount(input);
	let divided = split(net, &table, presence);
	told(trace, "split", "split", divided.is_some());
	assert_eq!(divided.is_some(), table.is_valid());
	if let Some(parts) = divided {
		let all: [Balance; PARTS] = [
			parts.platform,
			parts.worker,
			parts.stakers,
			parts.base_model,
			parts.adapters,
			parts.prompts,
			parts.tools,
			parts.evaluators,
			parts.agent,
			parts.data,
		];
		assert_eq!(sum(all), Some(net), "a split is not whole");
		assert!(has(7) || parts.data == 0, "an absent part is paid");
	}
}

fn lineage(input: &mut Input, trace: &mut Trace) {
	let mut line: Vec<Payees> = vec![flatten(0, &[]).expect("without parents")];
	for asset in 1..2 + input.below(20) as u32 {
		let parents: Vec<_> = (0..input.below(5))
			.filter_map(|_| {
				let of = input.below(line.len());
				let share = input.number() as u32 % (PPM / 2 + 2);
				Some((Parent { asset: of as u32, share }, line.get(of)?.clone()))
			})
			.collect();
		let payees = flatten(asset, &parents);
		told(trace, "royalty", "flatten", payees.is_some());
		let Some(payees) = payees else { continue };
		assert_eq!(payees.iter().map(|payee| payee.share).sum::<u32>(), PPM);
		let whole = amount(input);
		let paid = pay(whole, &payees);
		told(trace, "royalty", "pay", paid.is_some());
		if let Some(paid) = paid {
			assert_eq!(sum(paid.into_iter().map(|(_, part)| part)), Some(whole), "a payment is not whole");
		}
		line.push(payees);
	}
}

fn quotient(input: &mut Input, trace: &mut Trace) {
	let (a, b, c) = (amount(input), amount(input), amount(input));
	let quotient = mul_div(a, b, c);
	told(trace, "math", "mul_div", quotient.is_some());
	assert_eq!(quotient, mul_div(b, a, c));
	if let (Some(quotient), Some(product)) = (quotient, a.checked_mul(b)) {
		assert_eq!(quotient, product / c);
	}
}

/// Zeros and some numbers.
pub fn seeds() -> Vec<Vec<u8>> {
	let mut random = tributary_fuzz_driver::Random::new(3);
	(0..8).map(|_| random.bytes(256)).collect()
}
