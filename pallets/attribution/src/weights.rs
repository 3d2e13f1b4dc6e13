//! Weights of the calls, derived from counted storage accesses, signature checks and hashes.
//!
//! | what | cost | why |
//! |---|---|---|
//! | storage read, write | the runtime's `DbWeight` | ParityDB: 8 µs and 50 µs |
//! | sr25519 verification | 55 µs | schnorrkel on the reference machine, rounded up |
//! | hash of a Merkle node | 1 µs | blake2-256 of 97 bytes |
//! | each call | 20 µs | decoding, hashing storage keys, the event |
//! | each channel, agent of a batch | 20 µs | decoding, hashing the voucher, splitting, the balances event |
//! | each vault credit | 2 µs | the accumulator's division |
//!
//! A hold, release or transfer of held funds reads and writes the account and its list of holds. Items
//! that one call reads or writes several times are counted once: they stay in the overlay. Records cost
//! nothing here: the chain sees only their root. Proof sizes are zero: this is a solo chain, blocks
//! carry no proofs.
//!
//! A batch of 4,096 records with 32 channels and 8 agents comes to 4.8 µs per inference on
//! ParityDB, crediting on the way included; a test prints and checks it.

use crate::Config;
use core::marker::PhantomData;
use polkadot_sdk::polkadot_sdk_frame::prelude::{Get, Weight};

/// Cost of each call.
pub trait WeightInfo {
	/// `open_channel`.
	fn open_channel() -> Weight;
	/// `top_up`.
	fn top_up() -> Weight;
	/// `set_session_key`.
	fn set_session_key() -> Weight;
	/// `close_channel`.
	fn close_channel() -> Weight;
	/// `withdraw_channel`.
	fn withdraw_channel() -> Weight;
	/// `submit_batch` without what it credits, by channels charged, agents listed, and uses: of an agent by a
	/// channel, and of a tool by such.
	fn submit_batch(channels: u32, agents: u32, uses: u32) -> Weight;
	/// `credit`, by batches credited and credits to vaults.
	fn credit(batches: u32, credits: u32) -> Weight;
	/// `challenge`.
	fn challenge() -> Weight;
	/// `resolve`, by channels refunded and steps of the oldest pending batch.
	fn resolve(channels: u32, steps: u32) -> Weight;
	/// `claim`.
	fn claim() -> Weight;
	/// `claim_earnings`, by siblings in the proof.
	fn claim_earnings(siblings: u32) -> Weight;
	/// `sweep_pool`, by siblings in the proof.
	fn sweep_pool(siblings: u32) -> Weight;
	/// `set_parameters`.
	fn set_parameters() -> Weight;
}

/// Picoseconds of each kind of work.
const CALL: u64 = 20_000_000;
const ITEM: u64 = 20_000_000;
const CREDIT: u64 = 2_000_000;
const VERIFY: u64 = 55_000_000;
const HASH: u64 = 1_000_000;
const USE: u64 = 200_000;

/// What an agent's parts cost to read: its composition and its own payees, the payees of a base model,
/// 8 adapters, 8 prompts and 8 tools, the prices of the latter 24, and the evaluators' vaults of 9 models.
const AGENT_READS: u64 = 60;

/// The counted weights.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: Config> SubstrateWeight<T> {
	fn work(picoseconds: u64, reads: u64, writes: u64) -> Weight {
		Weight::from_parts(picoseconds, 0).saturating_add(T::DbWeight::get().reads_writes(reads, writes))
	}

	/// Reads settlement and claimed amount, writes both; a leaf is two hashes, each sibling one.
	fn proof(siblings: u32) -> Weight {
		let hashes = u64::from(siblings).saturating_add(2).saturating_mul(HASH);
		Self::work(hashes, 2, 2)
	}
}

impl<T: Config> WeightInfo for SubstrateWeight<T> {
	/// Reads channel, worker, its bond (2), next nonce and the hold (2); writes channel, nonce, hold (2).
	fn open_channel() -> Weight {
		Self::work(CALL, 7, 4)
	}

	/// Reads and writes channel and hold (2).
	fn top_up() -> Weight {
		Self::work(CALL, 3, 3)
	}

	/// Reads and writes the channel.
	fn set_session_key() -> Weight {
		Self::work(CALL, 1, 1)
	}

	/// Reads and writes the channel.
	fn close_channel() -> Weight {
		Self::work(CALL, 1, 1)
	}

	/// Reads and writes channel and hold (2).
	fn withdraw_channel() -> Weight {
		Self::work(CALL, 3, 3)
	}

	/// Once: reads service key, worker, settlement, genesis hash, parameters (2), the stakers' vault and
	/// the pot; writes batch, its money, the forgotten batch, settlement and pot. Each channel: reads and
	/// writes channel and hold (2), verifies for the payer's and the session key. Each agent: reads its
	/// parts. Each use of an agent or tool: is decoded, checked, priced and summed.
	fn submit_batch(channels: u32, agents: u32, uses: u32) -> Weight {
		let once = Self::work(CALL, 8, 5);
		let channel = Self::work(ITEM.saturating_add(VERIFY.saturating_mul(2)), 3, 3);
		let agent = Self::work(ITEM, AGENT_READS, 0);
		once.saturating_add(channel.saturating_mul(channels.into()))
			.saturating_add(agent.saturating_mul(agents.into()))
			.saturating_add(Self::work(USE, 0, 0).saturating_mul(uses.into()))
	}

	/// Once: reads and writes the settlement. Each batch: reads batch, its money and the next one's key,
	/// writes batch and money. Each credit: reads and writes the vault.
	fn credit(batches: u32, credits: u32) -> Weight {
		let once = Self::work(CALL, 1, 1);
		let batch = Self::work(ITEM, 3, 2);
		let credit = Self::work(CREDIT, 1, 1);
		once.saturating_add(batch.saturating_mul(batches.into()))
			.saturating_add(credit.saturating_mul(credits.into()))
	}

	/// Reads batch, settlement and hold (2); writes batch, challenge, settlement and hold (2).
	fn challenge() -> Weight {
		Self::work(CALL, 4, 5)
	}

	/// Once: reads batch, its money, challenge, settlement, the challenger's hold (2), the worker's bond
	/// (2), treasury and pot; writes the same. Each channel: reads and writes channel and hold (2), or a
	/// vault and its holder. Each step: reads a batch's key.
	fn resolve(channels: u32, steps: u32) -> Weight {
		let once = Self::work(CALL, 10, 10);
		let channel = Self::work(ITEM, 3, 3);
		let step = Self::work(0, 1, 0);
		once.saturating_add(channel.saturating_mul(channels.into()))
			.saturating_add(step.saturating_mul(steps.into()))
	}

	/// Reads and writes vault, holder, pot and account.
	fn claim() -> Weight {
		Self::work(CALL, 4, 4)
	}

	/// Beside the proof: reads and writes pot and account.
	fn claim_earnings(siblings: u32) -> Weight {
		Self::work(CALL, 2, 2).saturating_add(Self::proof(siblings))
	}

	/// Beside the proof: reads and writes the pool's vault.
	fn sweep_pool(siblings: u32) -> Weight {
		Self::work(CALL.saturating_add(CREDIT), 1, 1).saturating_add(Self::proof(siblings))
	}

	/// Reads the version; writes version and parameters.
	fn set_parameters() -> Weight {
		Self::work(CALL, 1, 2)
	}
}
