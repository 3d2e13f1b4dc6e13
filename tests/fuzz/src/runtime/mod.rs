//! Random calls against the real runtime while blocks pass.
//!
//! An input is a list of steps: end the block, let some pass, or sign a call. Calls come from raw bytes, from the
//! runtime's types, or from somebody who keeps books and keys. The invariants of [`checks`] must hold all the time.

mod author;
mod chain;
mod checks;
mod scene;
mod settle;
mod staking;
mod typed;
mod world;

use chain::{apply, begin_block, end_block, Applied};
use checks::{Money, Told};
use codec::{DecodeLimit, Encode};
use pallet_validators::Timing;
use polkadot_sdk::{
	frame_support::traits::GetCallMetadata, pallet_sudo, sp_runtime::BuildStorage,
	sp_state_machine::BasicExternalities, sp_storage::Storage,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use tributary_fuzz_driver::{Input, Trace};
use tributary_runtime::{testing::genesis_config, AccountId, Runtime, RuntimeCall, RuntimeEvent, System};
use world::World;

/// Calls in a block at most; a real block has more, and nothing new with them.
const MOST_CALLS: u32 = 24;
/// Blocks between checks of the pallets' own invariants; they are also checked at the end.
const CHECK_EVERY: u32 = 8;
/// How deep a transaction's encoding may be, as the executive has it.
const MOST_DEPTH: u32 = 256;

/// Of the validators: elections, rewards of a session and the end of unbonding come in most runs.
const TIMING: Timing = Timing { session_blocks: 10, unbonding_sessions: 2 };

/// A state to start from.
#[derive(Clone)]
struct Start {
	state: Storage,
	world: World,
}

/// A chain of four validators.
fn genesis() -> Storage {
	let mut config = genesis_config("network");
	config.validators.timing = TIMING;
	config.build_storage().expect("the preset builds")
}

/// A new chain, or one on which everything has happened once, shortly before a session ends.
fn start(fresh: bool) -> Start {
	thread_local! {
		static STARTS: [Start; 2] = [
			Start { state: genesis(), world: World::default() },
			scene::played(genesis()),
		];
	}
	STARTS.with(|[new, played]| if fresh { new.clone() } else { played.clone() })
}

/// A chain in its first block.
pub(crate) struct AfterGenesis;

impl AfterGenesis {
	/// On a genesis state.
	pub(crate) fn begun(state: Storage) -> BasicExternalities {
		let mut chain = BasicExternalities::new(state);
		chain.execute_with(|| begin_block(&mut 0, 0));
		chain
	}
}

/// The target.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let Start { state, world } = start(input.byte() < 16);
	BasicExternalities::new(state).execute_with(|| {
		let (money, told) = (checks::money(), Told::default());
		let mut run = Run { world, trace, money, told, calls: 0, unchecked: 0, last: 0 };
		run.begin(0);
		while !input.is_empty() {
			run.step(&mut input);
		}
		run.end();
		checks::pallets();
	});
}

/// Inputs to begin with: one of each kind of step, over and over.
pub fn seeds() -> Vec<Vec<u8>> {
	let mut random = tributary_fuzz_driver::Random::new(5);
	(0..32).map(|seed| [vec![seed * 8], random.bytes(512)].concat()).collect()
}

struct Run<'a> {
	world: World,
	trace: &'a mut Trace,
	/// As it was when it was checked last.
	money: Money,
	/// What changed it since then.
	told: Told,
	/// In this block.
	calls: u32,
	/// Blocks since the pallets' own invariants were checked.
	unchecked: u32,
	/// The last good call, for what follows it.
	last: u64,
}

impl Run<'_> {
	fn step(&mut self, input: &mut Input) {
		match input.byte() {
			0..=15 => self.pass(1, input.byte()),
			16..=21 => self.pass(1 + u32::from(input.byte() % 12), 0),
			22 => self.pass(u32::from(input.byte()), 0),
			23..=31 => {
				let (signer, call) = (typed::account(input), self.raw(input));
				self.submit(signer, call);
			}
			32..=151 => {
				let call = typed::types().call(input, &mut self.world);
				let mut signer = typed::account(input);
				let how = input.byte();
				if let (true, Some(call)) = (how > 40, &call) {
					signer = settle::entitled(call, input).unwrap_or(signer);
				}
				match call {
					Some(call) if how < 12 => {
						let (signer, call) = settle::sudo(call);
						self.submit(signer, Some(call));
					}
					call => self.submit(signer, call),
				}
			}
			kind => {
				let made = match kind {
					152..=183 => author::any(input, &mut self.world),
					184..=203 => staking::any(input),
					_ => settle::any(input, &mut self.world),
				};
				if let Some((signer, call)) = made {
					self.submit(signer, Some(call));
				}
			}
		}
	}

	/// A call from bytes behind the numbers of a real one, decoded as a transaction's is.
	fn raw(&mut self, input: &mut Input) -> Option<RuntimeCall> {
		let calls = typed::types().calls();
		let number = calls[input.below(calls.len())];
		let length = usize::from(input.byte());
		let bytes = [&number[..], input.take(length), &[0; 64]].concat();
		RuntimeCall::decode_with_depth_limit(MOST_DEPTH, &mut &bytes[..]).ok()
	}

	fn submit(&mut self, signer: AccountId, call: Option<RuntimeCall>) {
		let Some(call) = call.filter(|call| !settle::is_beyond_rules(call)) else {
			self.trace.call("Fuzz", "no_call", false);
			return;
		};
		if self.calls >= MOST_CALLS {
			self.pass(1, 0);
		}
		self.calls += 1;
		let name = call.get_call_metadata();
		let inner = match &call {
			RuntimeCall::Sudo(pallet_sudo::Call::sudo { call }) => Some(call.get_call_metadata()),
			_ => None,
		};
		let applied = apply(signer, call);
		let good = matches!(applied, Ok(Ok(_)));
		self.trace.call(name.pallet_name, name.function_name, good);
		let outcome = code(&applied);
		self.reached((name.pallet_name, name.function_name, &outcome));
		if let (Some(inner), true) = (inner, good) {
			let result = System::read_events_for_pallet::<pallet_sudo::Event<Runtime>>();
			let good = matches!(result.last(), Some(pallet_sudo::Event::Sudid { sudo_result: Ok(()) }));
			self.trace.call(inner.pallet_name, inner.function_name, good);
			self.reached(("sudo", inner.pallet_name, inner.function_name, good));
		}
		if good {
			let this = hash((name.pallet_name, name.function_name));
			if self.last != this {
				self.trace.hint(hash((self.last, this)));
			}
			self.last = this;
		}
		// The block is full: the rest goes to the next one.
		if applied.is_err() && System::block_weight().total().ref_time() > 1_000_000_000_000 {
			self.pass(1, 0);
		}
	}

	fn reached(&mut self, feature: impl Hash) {
		self.trace.reached(hash(feature));
	}

	fn begin(&mut self, skipped: u64) {
		begin_block(&mut self.world.slot, skipped);
		self.calls = 0;
	}

	/// Ends the block, whose limits are checked and whose events are noted.
	fn close(&mut self) {
		end_block();
		checks::limits();
		let mut kinds = Vec::new();
		for record in System::read_events_no_consensus() {
			self.told.note(&record.event);
			if !matches!(record.event, RuntimeEvent::System(_)) {
				let encoded = record.event.encode();
				kinds.push([encoded.first().copied().unwrap_or(0), encoded.get(1).copied().unwrap_or(0)]);
			}
		}
		kinds.sort_unstable();
		kinds.dedup();
		for kind in kinds {
			self.reached(("event", kind));
		}
	}

	/// Ends the block and checks what was done in it.
	fn end(&mut self) {
		self.close();
		self.money = checks::conserved(self.money, std::mem::take(&mut self.told));
		self.unchecked += 1;
		if self.unchecked >= CHECK_EVERY {
			self.unchecked = 0;
			checks::pallets();
		}
	}

	fn pass(&mut self, blocks: u32, skipped: u8) {
		self.end();
		self.begin(skipped.into());
		// Nothing is signed in these: they only let time pass. The money is checked once after them.
		for _ in 1..blocks {
			self.close();
			self.begin(0);
		}
	}
}

fn hash(feature: impl Hash) -> u64 {
	let mut hasher = DefaultHasher::new();
	feature.hash(&mut hasher);
	hasher.finish()
}

/// What stands for an outcome: nothing when it is good, else the error's first bytes.
fn code(applied: &Applied) -> Vec<u8> {
	match applied {
		Ok(Ok(_)) => Vec::new(),
		Ok(Err(error)) => error.error.encode().into_iter().take(3).collect(),
		Err(error) => [&[0xff], &error.encode()[..]].concat(),
	}
}
