// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Who sends, and lists of what they send: what scenarios of all pallets need.

use crate::weights::chain::{Sender, Transaction};
use polkadot_sdk::{
	frame_support::{
		traits::{fungible::Mutate, Get},
		BoundedVec,
	},
	sp_core::{sr25519::Pair, Pair as _},
	sp_keyring::Sr25519Keyring,
};
use tributary_primitives::{Balance, TRB};
use tributary_runtime::{AccountId, Balances, RuntimeCall, RuntimeOrigin};

/// A hash of something.
pub const HASH: [u8; 32] = [7; 32];
/// What an account has to pay with, planck.
pub const RICH: Balance = 1_000_000_000 * TRB;

/// The key pair of a number.
pub fn pair(number: u32) -> Pair {
	let mut seed = [0x5e; 32];
	seed[..4].copy_from_slice(&number.to_le_bytes());
	Pair::from_seed(&seed)
}

pub fn account(number: u32) -> AccountId {
	pair(number).public().into()
}

/// An account that sends nothing, with funds.
pub fn other() -> AccountId {
	let who = AccountId::new([0xee; 32]);
	fund(&who);
	who
}

pub fn fund(who: &AccountId) {
	Balances::set_balance(who, RICH);
}

pub fn signed(who: &AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who.clone())
}

/// `count` senders with funds, and the call of each.
pub fn each<C: Into<RuntimeCall>>(
	count: u32,
	mut call: impl FnMut(u32, &AccountId) -> C,
) -> Vec<Transaction> {
	(0..count)
		.map(|number| {
			let pair = pair(number);
			let who = pair.public().into();
			fund(&who);
			Transaction {
				call: call(number, &who).into(),
				sender: Sender::Account { pair: pair.into(), nonce: 0 },
			}
		})
		.collect()
}

/// The same, sent by the development chain's root.
pub fn by_root<C: Into<RuntimeCall>>(count: u32, mut call: impl FnMut(u32) -> C) -> Vec<Transaction> {
	use polkadot_sdk::pallet_sudo::Call;
	(0..count)
		.map(|nonce| {
			let call = Box::new(call(nonce).into());
			let sender = Sender::Account { pair: Sr25519Keyring::Alice.pair().into(), nonce };
			Transaction { call: Call::sudo { call }.into(), sender }
		})
		.collect()
}

pub fn full<E: Clone, S: Get<u32>>(element: E) -> BoundedVec<E, S> {
	list(S::get(), |_| element.clone())
}

pub fn list<E, S: Get<u32>>(count: u32, element: impl FnMut(u32) -> E) -> BoundedVec<E, S> {
	(0..count)
		.map(element)
		.collect::<Vec<_>>()
		.try_into()
		.unwrap_or_else(|_| unreachable!("as many as allowed"))
}

/// An account for each sender that sends nothing itself.
pub fn partner(number: u32) -> AccountId {
	let mut bytes = [0xdd; 32];
	bytes[..4].copy_from_slice(&number.to_le_bytes());
	let who = AccountId::new(bytes);
	fund(&who);
	who
}
