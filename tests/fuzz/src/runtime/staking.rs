//! Calls of validators and those who back them, and of those who catch them cheating.

use super::{settle::Signed, typed::account};
use codec::{DecodeAll, Encode};
use pallet_validators::KeyOwners;
use polkadot_sdk::{
	frame_support::traits::KeyOwnerProofSystem,
	pallet_aura, pallet_grandpa,
	sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthorityId, sr25519::AuthoritySignature},
	sp_consensus_grandpa,
	sp_core::{ed25519, sr25519, Pair},
	sp_keyring::{Ed25519Keyring, Sr25519Keyring},
	sp_runtime::{generic::Digest, traits::Header as _, DigestItem},
};
use tributary_fuzz_driver::Input;
use tributary_runtime::{constants::TRB, AccountId, Grandpa, Header, Runtime, System, Validators};

/// Seeds of the session keys that accounts register.
pub const SEEDS: u8 = 24;

/// A call of one of the kinds of this module; `None` when the state has nothing for it.
pub fn any(input: &mut Input) -> Option<Signed> {
	use pallet_validators::Call;
	let amount = (1 + u128::from(input.byte())) * 100 * TRB;
	Some(match input.below(12) {
		0 | 1 => {
			let commission = u32::from(input.byte()) * 2_000;
			(account(input), Call::bond { amount: amount * 10, commission }.into())
		}
		2 | 3 => (account(input), Call::nominate { candidate: candidate(input)?, amount }.into()),
		4 | 5 => {
			let (staker, candidate) = position(input)?;
			let amount = (input.byte() & 1 == 1).then_some(amount);
			(staker, Call::unbond { candidate, amount }.into())
		}
		6 => {
			let leaving: Vec<_> = pallet_validators::Chunks::<Runtime>::iter()
				.map(|(staker, candidate, _)| (staker, candidate))
				.collect();
			let (staker, candidate) = input.choose(&leaving).cloned()?;
			(staker, Call::withdraw_unbonded { candidate }.into())
		}
		7 => {
			let (staker, candidate) = position(input)?;
			match input.below(3) {
				0 => (staker, Call::claim { candidate }.into()),
				1 => (account(input), Call::claim_for { staker, candidate }.into()),
				_ => (account(input), Call::apply_slash { staker, candidate }.into()),
			}
		}
		8 => (candidate(input)?, Call::chill {}.into()),
		9 => match input.below(2) {
			0 => (candidate(input)?, Call::resume {}.into()),
			_ => (
				candidate(input)?,
				Call::set_commission { commission: u32::from(input.byte()) * 1_000 }.into(),
			),
		},
		10 => two_blocks(input)?,
		_ => two_votes(input)?,
	})
}

fn candidate(input: &mut Input) -> Option<AccountId> {
	let candidates: Vec<_> = pallet_validators::Candidates::<Runtime>::iter_keys().collect();
	input.choose(&candidates).cloned()
}

fn position(input: &mut Input) -> Option<(AccountId, AccountId)> {
	let positions: Vec<_> = pallet_validators::Positions::<Runtime>::iter_keys().collect();
	input.choose(&positions).cloned()
}

/// The key that makes an authority's blocks, where it is one of those that tests know.
fn block_key(of: &AuthorityId) -> Option<sr25519::Pair> {
	let well_known = Sr25519Keyring::iter().map(|key| key.pair());
	let registered = (0..SEEDS).map(|seed| sr25519::Pair::from_seed(&[seed; 32]));
	well_known.chain(registered).find(|pair| AuthorityId::from(pair.public()) == *of)
}

/// A report of an authority that sealed two blocks for a slot.
fn two_blocks(input: &mut Input) -> Option<Signed> {
	let authorities = pallet_aura::Authorities::<Runtime>::get();
	let now = u64::from(pallet_aura::CurrentSlot::<Runtime>::get());
	let slot = now.saturating_sub(u64::from(input.byte() % 12));
	let its_turn = authorities.get(slot.checked_rem(authorities.len() as u64)? as usize)?;
	let offender = if input.one_in(8) { input.choose(&authorities)?.clone() } else { its_turn.clone() };
	let key = block_key(&offender)?;
	let sealed = |what: u8| {
		let turn: DigestItem = CompatibleDigestItem::<AuthoritySignature>::aura_pre_digest(slot.into());
		let digest = Digest { logs: vec![turn] };
		let root = [what; 32].into();
		let mut header =
			Header::new(System::block_number(), Default::default(), root, Default::default(), digest);
		let seal = key.sign(header.hash().as_ref());
		header.digest_mut().push(DigestItem::aura_seal(AuthoritySignature::from(seal)));
		header
	};
	let second = if input.one_in(16) { 1 } else { 2 };
	let equivocation = tributary_runtime_api::AuraEquivocation {
		offender: offender.clone(),
		slot: slot.into(),
		first_header: sealed(1),
		second_header: sealed(second),
	};
	let key_owner = Validators::prove_key_owner(&offender)?;
	let equivocation = Box::new(equivocation);
	Some((account(input), pallet_validators::Call::report_equivocation { equivocation, key_owner }.into()))
}

/// A report of an authority that voted twice in a round.
fn two_votes(input: &mut Input) -> Option<Signed> {
	const PREVOTE: u8 = 0;
	let authorities = Grandpa::grandpa_authorities();
	let (authority, _) = input.choose(&authorities)?.clone();
	let well_known = Ed25519Keyring::iter().map(|key| key.pair());
	let registered = (0..SEEDS).map(|seed| ed25519::Pair::from_seed(&[seed; 32]));
	let key = well_known
		.chain(registered)
		.find(|pair| sp_consensus_grandpa::AuthorityId::from(pair.public()) == authority)?;
	let set = pallet_grandpa::CurrentSetId::<Runtime>::get();
	let set = set.saturating_sub(u64::from(input.one_in(8)));
	let (round, number) = (u64::from(input.byte()), System::block_number());
	let vote = |what: u8| {
		let signature = key.sign(&(PREVOTE, [what; 32], number, round, set).encode());
		([what; 32], number, signature)
	};
	let proof = (set, PREVOTE, round, key.public(), vote(1), vote(2)).encode();
	type Proof = sp_consensus_grandpa::EquivocationProof<tributary_runtime::Hash, u32>;
	let equivocation_proof = Box::new(Proof::decode_all(&mut &proof[..]).ok()?);
	let key_owner_proof = KeyOwners::<Runtime>::prove((sp_consensus_grandpa::KEY_TYPE, authority))?;
	let call = pallet_grandpa::Call::report_equivocation { equivocation_proof, key_owner_proof };
	Some((account(input), call.into()))
}
