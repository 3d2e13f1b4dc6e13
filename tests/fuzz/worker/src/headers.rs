//! Short texts of strangers: headers with vouchers and orders, addresses, amounts, keys.

use codec::Encode;
use tributary_client::{
	keys::{address, parse_account, KeyFile},
	money::{format_trb, parse_trb},
	private::{parse_recipient, recipient_text, Identity},
	voucher::{order_from_header, to_header, verify_voucher, voucher_from_header},
};
use tributary_fuzz_driver::{Input, Trace};
use tributary_primitives::{
	request::{RequestOrder, SignedOrder},
	voucher::{SignedVoucher, Voucher},
};

/// The target: the first byte says what the text is.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let kind = input.byte() % 7;
	let Ok(text) = std::str::from_utf8(input.rest()) else { return };
	let good = match kind {
		0 => voucher_from_header(text).is_ok_and(|signed| {
			assert_eq!(voucher_from_header(&to_header(&signed)).as_ref(), Ok(&signed));
			assert!(!verify_voucher(&signed, None), "a voucher that nobody signed is good");
			true
		}),
		1 => order_from_header(text).is_ok_and(|signed| {
			assert_eq!(
				order_from_header(&to_header(&signed)).map(|order| order.encode()),
				Ok(signed.encode())
			);
			true
		}),
		2 => parse_account(text).is_ok_and(|account| {
			assert_eq!(parse_account(&address(&account)).ok(), Some(account));
			true
		}),
		3 => parse_trb(text).is_some_and(|planck| {
			let shown = format_trb(planck);
			let number = shown.split(' ').next().unwrap_or_default();
			assert_eq!(parse_trb(number), Some(planck), "{text} is shown as {shown}");
			true
		}),
		4 => parse_recipient(text).is_ok_and(|recipient| {
			assert_eq!(parse_recipient(&recipient_text(&recipient)).ok(), Some(recipient));
			true
		}),
		5 => KeyFile::from_json(text).is_ok_and(|file| {
			let _ = (file.account().is_ok(), file.name().len());
			true
		}),
		_ => Identity::parse(text).is_ok(),
	};
	const NAMES: [&str; 7] = ["voucher", "order", "account", "amount", "recipient", "key file", "identity"];
	trace.call("text", NAMES[usize::from(kind)], good);
	trace.reached((u64::from(kind) << 8) | (u64::from(good) << 7) | (text.len().min(127) as u64 / 16));
}

/// One of each.
pub fn seeds() -> Vec<Vec<u8>> {
	let voucher =
		Voucher { genesis: [1; 32], payer: [2; 32], worker: [3; 32], channel: 4, cumulative: 5, expiry: 6 };
	let order = RequestOrder {
		genesis: [1; 32],
		payer: [2; 32],
		worker: [3; 32],
		channel: 4,
		nonce: 7,
		body: [8; 32],
		max_fee: 9,
	};
	[
		(0u8, to_header(&SignedVoucher { voucher, signature: [6; 64] })),
		(1, to_header(&SignedOrder { order, signature: [9; 64] })),
		(2, address(&[5; 32])),
		(3, "1234.567890123456".into()),
		(3, "340282366920938463463374607.431768211455".into()),
		(4, recipient_text(&[7; 32])),
		(5, include_str!("../../../../client/tests/fixtures/polkadot-js.json").into()),
		(6, "AGE-SECRET-KEY-1".into()),
	]
	.into_iter()
	.map(|(kind, text): (u8, String)| [&[kind][..], text.as_bytes()].concat())
	.collect()
}
