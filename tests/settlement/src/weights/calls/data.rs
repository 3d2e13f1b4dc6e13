// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! Calls of DataNets and of who may use them.

use super::senders::*;
use crate::weights::chain::Transaction;
use polkadot_sdk::frame_support::{traits::Get, BoundedVec};
use tributary_primitives::{views::Policy, DataNetId, Purpose, SnapshotRef, TRB};
use tributary_runtime::{AccountId, Datanets, Grants, Runtime};

fn datanet(owner: &AccountId, policy: Policy, curator: &AccountId) -> DataNetId {
	let id = pallet_datanets::NextDataNet::<Runtime>::get();
	let mut curators: BoundedVec<_, _> = list(15, |number| AccountId::new([number as u8; 32]));
	curators.try_push(curator.clone()).expect("one more is allowed");
	Datanets::create(signed(owner), full(b'a'), full(b'a'), policy, curators).expect("the owner has funds");
	id
}

fn items(count: u32) -> pallet_datanets::Items {
	list(count, |number| {
		let mut content = HASH;
		content[..4].copy_from_slice(&number.to_le_bytes());
		pallet_datanets::Item { content, bytes: 1, licence: full(b'a'), metadata: full(b'a') }
	})
}

/// First snapshots of new DataNets.
pub fn snapshots<S: Get<u32>>(count: u32) -> BoundedVec<SnapshotRef, S> {
	let owner = other();
	list(count, |_| {
		let datanet = datanet(&owner, Policy::Open, &owner);
		Datanets::contribute(signed(&owner), datanet, items(1)).expect("the owner has funds");
		Datanets::snapshot(signed(&owner), datanet).expect("there is a text");
		SnapshotRef { datanet, version: 1 }
	})
}

fn capsule() -> pallet_grants::Capsule {
	full(7)
}

/// A private DataNet with an offer.
fn private(owner: &AccountId) -> DataNetId {
	let id = datanet(owner, Policy::Open, owner);
	Grants::set_recipient(signed(owner), id, HASH).expect("the DataNet is empty");
	Grants::offer(signed(owner), id, Purpose::Train, Some(TRB)).expect("the DataNet is private");
	id
}

fn ask(grantee: &AccountId, datanet: DataNetId) {
	Grants::announce(signed(grantee), HASH).expect("the grantee has funds");
	Grants::request(signed(grantee), datanet, Purpose::Train, TRB).expect("it is offered");
}

pub mod datanets {
	use super::*;
	use pallet_datanets::{Call, Decision, Review};

	pub fn create(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::create {
			name: full(b'a'),
			description: full(b'a'),
			policy: Policy::Curated,
			curators: list(16, |number| AccountId::new([number as u8; 32])),
		})
	}

	pub fn set_curators(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::set_curators {
			datanet: datanet(who, Policy::Curated, who),
			curators: list(16, |number| AccountId::new([number as u8 + 16; 32])),
		})
	}

	pub fn contribute(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| Call::contribute {
			datanet: datanet(&owner, Policy::Open, who),
			items: items(128),
		})
	}

	pub fn review(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Curated, who);
			let (senders, texts) = (128, items(128));
			for (number, item) in (0..senders).zip(texts) {
				let item = vec![item].try_into().expect("one is allowed");
				Datanets::contribute(signed(&partner(number)), datanet, item).expect("it has funds");
			}
			Call::review {
				datanet,
				decisions: list(128, |index| Decision { index, verdict: Review::Accept }),
			}
		})
	}

	pub fn snapshot(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Open, who);
			Datanets::contribute(signed(&owner), datanet, items(127)).expect("the owner has funds");
			Call::snapshot { datanet }
		})
	}

	pub fn tombstone(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Open, who);
			Datanets::contribute(signed(&owner), datanet, items(1)).expect("the owner has funds");
			Call::tombstone { datanet, index: 0 }
		})
	}

	pub fn withdraw(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = datanet(&owner, Policy::Curated, &owner);
			Datanets::contribute(signed(who), datanet, items(1)).expect("the contributor has funds");
			Call::withdraw { datanet, index: 0 }
		})
	}
}

pub mod grants {
	use super::*;
	use pallet_grants::Call;

	const PURPOSE: Purpose = Purpose::Train;

	fn granted(owner: &AccountId, grantee: &AccountId) -> DataNetId {
		let datanet = private(owner);
		ask(grantee, datanet);
		Grants::grant(signed(owner), datanet, grantee.clone(), PURPOSE, capsule()).expect("it was asked for");
		datanet
	}

	pub fn announce(count: u32) -> Vec<Transaction> {
		each(count, |_, _| Call::announce { recipient: HASH })
	}

	pub fn withdraw_recipient(count: u32) -> Vec<Transaction> {
		each(count, |_, who| {
			Grants::announce(signed(who), HASH).expect("it has funds");
			Call::withdraw_recipient {}
		})
	}

	pub fn set_recipient(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::set_recipient {
			datanet: datanet(who, Policy::Open, who),
			recipient: HASH,
		})
	}

	pub fn offer(count: u32) -> Vec<Transaction> {
		each(count, |_, who| Call::offer { datanet: private(who), purpose: PURPOSE, price: Some(1) })
	}

	pub fn request(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			Grants::announce(signed(who), HASH).expect("it has funds");
			Call::request { datanet: private(&owner), purpose: PURPOSE, most: TRB }
		})
	}

	pub fn withdraw_request(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| {
			let datanet = private(&owner);
			ask(who, datanet);
			Call::withdraw_request { datanet, purpose: PURPOSE }
		})
	}

	pub fn refuse(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let (datanet, grantee) = (private(who), partner(number));
			ask(&grantee, datanet);
			Call::refuse { datanet, grantee, purpose: PURPOSE }
		})
	}

	pub fn grant(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let (datanet, grantee) = (private(who), partner(number));
			ask(&grantee, datanet);
			Call::grant { datanet, grantee, purpose: PURPOSE, capsule: capsule() }
		})
	}

	pub fn revoke(count: u32) -> Vec<Transaction> {
		each(count, |number, who| {
			let grantee = partner(number);
			Call::revoke { datanet: granted(who, &grantee), grantee, purpose: PURPOSE }
		})
	}

	pub fn renounce(count: u32) -> Vec<Transaction> {
		let owner = other();
		each(count, |_, who| Call::renounce { datanet: granted(&owner, who), purpose: PURPOSE })
	}
}
