//! Whole blocks over the real runtime, as authors make them: a slot each, sealed by the validator whose turn
//! it is.

use polkadot_sdk::{
	frame_system, pallet_aura,
	sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature},
	sp_core::{sr25519, Pair},
	sp_keyring::Sr25519Keyring,
	sp_runtime::{generic::Digest, traits::Header as _, DigestItem},
};
use tributary_runtime::{
	constants::BLOCK_MILLIS, AccountId, Executive, Header, Runtime, RuntimeOrigin, Session, System,
};

/// The Aura key pair of an account of the presets.
pub fn aura_pair(account: &AccountId) -> sr25519::Pair {
	Sr25519Keyring::iter()
		.find(|key| key.to_account_id() == *account)
		.map(|key| key.pair())
		.expect("an account of the presets")
}

/// The newest slot.
pub fn slot() -> u64 {
	pallet_aura::CurrentSlot::<Runtime>::get().into()
}

fn pre_digest(slot: u64) -> DigestItem {
	CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot.into())
}

/// Whose turn a slot is.
pub fn turn(slot: u64) -> AccountId {
	let validators = Session::validators();
	validators[slot as usize % validators.len()].clone()
}

/// Begins the next block in the next slot that is not of one of `sleeping` or disabled.
pub fn begin(sleeping: &[AccountId]) {
	let mut next = slot() + 1;
	loop {
		let place = next as u32 % Session::validators().len() as u32;
		if !Session::disabled_validators().contains(&place) && !sleeping.contains(&turn(next)) {
			break;
		}
		next += 1;
	}
	let parent = System::block_hash(System::block_number());
	let header = Header::new(
		System::block_number() + 1,
		Default::default(),
		Default::default(),
		parent,
		Digest { logs: vec![pre_digest(next)] },
	);
	Executive::initialize_block(&header);
	let now = next * BLOCK_MILLIS;
	polkadot_sdk::pallet_timestamp::Pallet::<Runtime>::set(RuntimeOrigin::none(), now).expect("time passes");
}

/// Ends the block.
pub fn end() -> Header {
	let header = Executive::finalize_block();
	frame_system::BlockHash::<Runtime>::insert(header.number(), header.hash());
	header
}

/// Makes whole empty blocks until the next session has begun; the block that began it is not ended.
pub fn next_session(sleeping: &[AccountId]) {
	let session = Session::current_index();
	while Session::current_index() == session {
		end();
		begin(sleeping);
	}
}

/// A block of a slot that somebody sealed beside the chain.
pub fn sealed(author: &AccountId, slot: u64, what: u8) -> Header {
	let mut header = Header::new(
		System::block_number(),
		Default::default(),
		[what; 32].into(),
		Default::default(),
		Digest { logs: vec![pre_digest(slot)] },
	);
	let seal = aura_pair(author).sign(header.hash().as_ref());
	header.digest_mut().push(DigestItem::aura_seal(AuthoritySignature::from(seal)));
	header
}
