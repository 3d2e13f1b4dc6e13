// This file is part of Tributary.
// SPDX-License-Identifier: GPL-3.0-or-later WITH Classpath-exception-2.0

//! A chain in memory whose blocks the compiled runtime builds and executes.

use super::Result;
use codec::{Decode, Encode};
use polkadot_sdk::{
	frame_support::{
		dispatch::GetDispatchInfo,
		storage::{storage_prefix, with_transaction, TransactionOutcome},
		weights::Weight,
	},
	frame_system::{self, EventRecord},
	pallet_sudo, pallet_timestamp,
	sc_executor::{Externalities as _, WasmExecutor},
	sp_consensus_aura::{Slot, AURA_ENGINE_ID},
	sp_core::{
		sr25519::Pair,
		traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode},
		Blake2Hasher, Pair as _,
	},
	sp_io::{SubstrateHostFunctions, TestExternalities},
	sp_runtime::{
		generic::{Digest, DigestItem},
		traits::{BlakeTwo256, Block as _, Hash as _, Header as _, TransactionExtension},
		ApplyExtrinsicResult, MultiAddress, MultiSignature,
	},
	sp_state_machine::{Ext, OverlayedChanges},
};
use std::time::{Duration, Instant};
use tributary_runtime::{
	testing::{self, extension, signed},
	AccountId, Block, Hash, Header, Runtime, RuntimeCall, RuntimeEvent, UncheckedExtrinsic,
};

/// A call and who sends it.
pub struct Transaction {
	pub call: RuntimeCall,
	pub sender: Sender,
}

/// Who sends a transaction.
pub enum Sender {
	/// An account that has sent so many before.
	Account { pair: Box<Pair>, nonce: u32 },
	/// The node that makes the block: nobody signs, and nobody pays.
	Node,
}

impl Transaction {
	/// Declared weight of its call and extensions.
	pub fn weight(&self) -> Weight {
		let call = self.call.get_dispatch_info().call_weight;
		match self.sender {
			Sender::Account { .. } => call.saturating_add(extension(0, 0).weight(&self.call)),
			Sender::Node => call,
		}
	}

	/// Most bytes that it takes in a block.
	pub fn length(&self) -> usize {
		let envelope = match self.sender {
			Sender::Account { .. } => signature(),
			Sender::Node => 0,
		};
		// Its length and version before it.
		5 + envelope + self.call.encoded_size()
	}

	/// As a block has it. In the state whose genesis hash and runtime version are signed.
	fn extrinsic(&self) -> UncheckedExtrinsic {
		let Sender::Account { pair, nonce } = &self.sender else {
			return UncheckedExtrinsic::new_bare(self.call.clone());
		};
		signed(pair, *nonce, 0, self.call.clone())
	}
}

pub struct Chain {
	state: TestExternalities,
	executor: WasmExecutor<SubstrateHostFunctions>,
	code: Vec<u8>,
}

/// Slot of the block: later than any that a transaction reports something of.
const SLOT: u64 = 1_000;

type Changes = OverlayedChanges<Blake2Hasher>;

impl Chain {
	/// The development preset's state, before its first block.
	pub fn new(code: &[u8]) -> Result<Self> {
		let mut state = TestExternalities::new(testing::genesis("development"));
		state.execute_with(|| frame_system::BlockHash::<Runtime>::insert(0, genesis()));
		state.commit_all()?;
		Ok(Self { state, executor: WasmExecutor::builder().build(), code: code.to_vec() })
	}

	/// Runs something and forgets what it changed.
	pub fn rehearse<R>(&mut self, act: impl FnOnce() -> Result<R>) -> Result<R> {
		self.state.execute_with(|| {
			let mut result = None;
			let _ = with_transaction(|| {
				result = Some(act());
				TransactionOutcome::Rollback(Ok::<(), polkadot_sdk::sp_runtime::DispatchError>(()))
			});
			result.ok_or("the rehearsal did not run")?
		})
	}

	/// Sets the state up, and keeps it.
	pub fn set_up<R>(&mut self, act: impl FnOnce() -> R) -> Result<R> {
		let result = self.state.execute_with(act);
		self.state.commit_all()?;
		Ok(result)
	}

	/// A block of these transactions on the state. None may fail, and no call in one.
	pub fn build(&mut self, transactions: Vec<Transaction>) -> Result<Block> {
		let mut changes = Changes::default();
		let slot = Slot::from(SLOT);
		let mut digest = Digest::default();
		digest.push(DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode()));
		let header = Header::new(1, Default::default(), Default::default(), genesis(), digest);
		self.call(&mut changes, "Core_initialize_block", &header.encode())?;
		let now = tributary_runtime::constants::BLOCK_MILLIS * *slot;
		let time = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
		let signed =
			self.state.execute_with(|| transactions.iter().map(Transaction::extrinsic).collect::<Vec<_>>());
		let all = std::iter::once(UncheckedExtrinsic::new_bare(time)).chain(signed);
		let extrinsics: Vec<UncheckedExtrinsic> = all.collect();
		for extrinsic in &extrinsics {
			let result = self.call(&mut changes, "BlockBuilder_apply_extrinsic", &extrinsic.encode())?;
			let result = ApplyExtrinsicResult::decode(&mut result.as_slice())?;
			if !matches!(result, Ok(Ok(()))) {
				return Err(format!("{:?}: {result:?}", extrinsic.function).into());
			}
		}
		self.ensure_done(&mut changes)?;
		let header = self.call(&mut changes, "BlockBuilder_finalize_block", &[])?;
		Ok(Block::new(Header::decode(&mut header.as_slice())?, extrinsics))
	}

	/// A call that sudo makes may fail though its transaction does not.
	fn ensure_done(&mut self, changes: &mut Changes) -> Result<()> {
		let mut ext = Ext::new(changes, &self.state.backend, None);
		let events = ext.storage(&storage_prefix(b"System", b"Events")).unwrap_or_default();
		let events = Vec::<EventRecord<RuntimeEvent, Hash>>::decode(&mut events.as_slice())?;
		for EventRecord { event, .. } in events {
			if let RuntimeEvent::Sudo(pallet_sudo::Event::Sudid { sudo_result: Err(error) }) = event {
				return Err(format!("root's call failed: {error:?}").into());
			}
		}
		Ok(())
	}

	/// Executes a block as an importing node does; how long it took.
	pub fn execute(&mut self, block: &Block) -> Result<Duration> {
		let mut changes = Changes::default();
		let encoded = block.encode();
		let started = Instant::now();
		self.call(&mut changes, "Core_execute_block", &encoded)?;
		Ok(started.elapsed())
	}

	fn call(&mut self, changes: &mut Changes, method: &str, data: &[u8]) -> Result<Vec<u8>> {
		let fetcher = WrappedRuntimeCode(self.code.as_slice().into());
		let code = RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash: vec![1] };
		changes.enter_runtime().map_err(|_| "calls are not nested")?;
		let mut ext = Ext::new(changes, &self.state.backend, Some(&mut self.state.extensions));
		let (result, _) =
			self.executor.call(&mut ext, &code, method, data, CallContext::Onchain { import: true });
		changes.exit_runtime().map_err(|_| "the call has ended")?;
		Ok(result.map_err(|error| format!("{method}: {error}"))?)
	}
}

/// Of the block before the first.
pub fn genesis() -> Hash {
	BlakeTwo256::hash(b"genesis")
}

/// Bytes of an account's address, signature and extensions.
fn signature() -> usize {
	let by = Pair::from_seed(&[1; 32]);
	let address = MultiAddress::<AccountId, ()>::Id(by.public().into());
	let signature = MultiSignature::Sr25519(by.sign(&[]));
	address.encoded_size() + signature.encoded_size() + extension(u32::MAX, 0).encoded_size()
}
