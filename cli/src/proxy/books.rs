//! Which numbers the next voucher and order carry.

use super::{ledger::Entry, BooksError, Ledger};
use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tributary_client::{
	http::ChannelState,
	voucher::{body_hash, sign_order, sign_voucher},
	Keypair,
};
use tributary_primitives::{
	request::{RequestOrder, SignedOrder},
	voucher::{SignedVoucher, Voucher},
	AccountId, Balance, BlockNumber, Hash,
};

/// Blocks that a voucher outlives the worker's best block by. Long: a batch may come late, and a later
/// voucher replaces it anyway.
const LIFETIME: BlockNumber = 100_000;

/// What the chain says of the channel; never taken from the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
	/// Genesis hash.
	pub genesis: Hash,
	/// Who pays.
	pub payer: AccountId,
	/// The operator.
	pub worker: AccountId,
	/// The channel's nonce.
	pub channel: u64,
}

impl Terms {
	/// Whether the worker speaks of the same channel.
	pub fn check(&self, state: &ChannelState) -> Result<(), BooksError> {
		let is = |text: &str, expected: &[u8; 32]| {
			text.strip_prefix("0x").is_some_and(|digits| digits.eq_ignore_ascii_case(&hex::encode(expected)))
		};
		if !is(&state.genesis, &self.genesis) {
			return Err(BooksError::Foreign("chain"));
		}
		if !is(&state.worker_hex, &self.worker) {
			return Err(BooksError::Foreign("worker"));
		}
		if state.channel != self.channel {
			return Err(BooksError::Foreign("channel"));
		}
		Ok(())
	}
}

/// Both signed messages of a request. While it lives, the request counts as running.
pub struct Signed {
	/// The order.
	pub order: SignedOrder,
	/// The voucher.
	pub voucher: SignedVoucher,
	running: Arc<Mutex<Running>>,
}

impl Drop for Signed {
	fn drop(&mut self) {
		lock(&self.running).remove(&self.order.order.nonce);
	}
}

/// Running requests: order nonce → most it may cost, planck.
type Running = BTreeMap<u64, Balance>;

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
	// A panic elsewhere leaves the map as it was: every change is one step.
	running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signs requests on one channel.
pub struct Books {
	key: Keypair,
	ledger: Ledger,
	resync: bool,
	running: Arc<Mutex<Running>>,
}

impl Books {
	/// Books on a ledger. With `resync`, a worker's larger numbers are believed.
	pub fn new(key: Keypair, ledger: Ledger, resync: bool) -> Self {
		Self { key, ledger, resync, running: Arc::default() }
	}

	/// Signs one request of at most `max_fee` planck, given the worker's view of the channel. The numbers
	/// are on disk before this returns.
	pub fn sign(
		&self,
		terms: &Terms,
		state: &ChannelState,
		body: &[u8],
		max_fee: Balance,
	) -> Result<Signed, BooksError> {
		terms.check(state)?;
		// Held to the end: numbers are given out in order.
		let mut running = lock(&self.running);
		let known = self.ledger.entry(terms)?;
		let claimed = state.charged.max(state.last_cumulative);
		if let Some(Entry { cumulative, .. }) = known {
			if claimed > cumulative && !self.resync {
				return Err(BooksError::Overclaimed { claimed, signed: cumulative });
			}
		}
		let before = known.unwrap_or_default();
		// Running requests that the worker has taken are in `charged` already.
		let unseen = running.range(state.last_order_nonce.saturating_add(1)..).map(|(_, fee)| *fee);
		let needed = unseen
			.chain([max_fee])
			.try_fold(state.charged, |sum, fee| sum.checked_add(fee))
			.ok_or(BooksError::Overflow)?;
		let entry = Entry {
			nonce: before.nonce.max(state.last_order_nonce).checked_add(1).ok_or(BooksError::Overflow)?,
			cumulative: needed.max(before.cumulative).max(state.last_cumulative),
		};
		self.ledger.advance(terms, entry)?;
		running.insert(entry.nonce, max_fee);
		let Terms { genesis, payer, worker, channel } = *terms;
		let expiry = state.block.saturating_add(LIFETIME);
		let order = RequestOrder {
			genesis,
			payer,
			worker,
			channel,
			nonce: entry.nonce,
			body: body_hash(body),
			max_fee,
		};
		let voucher = Voucher { genesis, payer, worker, channel, cumulative: entry.cumulative, expiry };
		Ok(Signed {
			order: sign_order(order, &self.key),
			voucher: sign_voucher(voucher, &self.key),
			running: self.running.clone(),
		})
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_client::voucher::{verify_order, verify_voucher};

	const FEE: Balance = 100;

	struct Case {
		folder: tempfile::TempDir,
		key: Keypair,
		terms: Terms,
		state: ChannelState,
	}

	fn case() -> Case {
		let key = Keypair::from_uri("//Alice").unwrap();
		let terms = Terms { genesis: [1; 32], payer: key.account(), worker: [2; 32], channel: 3 };
		let state = ChannelState {
			genesis: format!("0x{}", "01".repeat(32)),
			worker: String::new(),
			worker_hex: format!("0x{}", "02".repeat(32)),
			channel: 3,
			charged: 0,
			deposit: 1 << 60,
			last_order_nonce: 0,
			last_cumulative: 0,
			block: 10,
		};
		Case { folder: tempfile::tempdir().unwrap(), key, terms, state }
	}

	impl Case {
		fn books(&self, resync: bool) -> Books {
			let ledger = Ledger::open(&self.folder.path().join("ledger.redb")).unwrap();
			Books::new(self.key.clone(), ledger, resync)
		}
	}

	fn numbers(signed: &Signed) -> (u64, Balance) {
		(signed.order.order.nonce, signed.voucher.voucher.cumulative)
	}

	#[test]
	fn request_is_signed_for_what_was_charged_and_its_own_fee() {
		let mut case = case();
		let books = case.books(false);
		let first = books.sign(&case.terms, &case.state, b"{}", FEE).unwrap();
		assert_eq!(numbers(&first), (1, 100));
		assert!(verify_order(&first.order, None) && verify_voucher(&first.voucher, None));
		drop(first);
		(case.state.charged, case.state.last_order_nonce, case.state.last_cumulative) = (30, 1, 100);
		assert_eq!(numbers(&books.sign(&case.terms, &case.state, b"{}", FEE).unwrap()), (2, 130));
	}

	#[test]
	fn voucher_does_not_shrink_when_the_next_request_is_cheaper() {
		let mut case = case();
		let books = case.books(false);
		drop(books.sign(&case.terms, &case.state, b"{}", FEE).unwrap());
		(case.state.charged, case.state.last_order_nonce, case.state.last_cumulative) = (10, 1, 100);
		assert_eq!(numbers(&books.sign(&case.terms, &case.state, b"{}", 20).unwrap()), (2, 100));
	}

	#[test]
	fn voucher_covers_running_requests_when_the_worker_has_not_seen_them() {
		let mut case = case();
		let books = case.books(false);
		let _first = books.sign(&case.terms, &case.state, b"{}", FEE).unwrap();
		let second = books.sign(&case.terms, &case.state, b"{}", FEE).unwrap();
		assert_eq!(numbers(&second), (2, 200));
		// The worker reserved the first: it is in `charged`, only the second is still unseen.
		(case.state.charged, case.state.last_order_nonce, case.state.last_cumulative) = (100, 1, 100);
		let third = books.sign(&case.terms, &case.state, b"{}", FEE).unwrap();
		assert_eq!(numbers(&third), (3, 300));
	}

	#[test]
	fn nonce_and_amount_go_on_when_the_proxy_restarts() {
		let case = case();
		drop(case.books(false).sign(&case.terms, &case.state, b"{}", FEE).unwrap());
		// The worker did not take the first request: its view is as before.
		let signed = case.books(false).sign(&case.terms, &case.state, b"{}", 7).unwrap();
		assert_eq!(numbers(&signed), (2, 100));
	}

	#[test]
	fn nothing_is_signed_when_the_worker_claims_more_than_was_signed() {
		let mut case = case();
		let books = case.books(false);
		drop(books.sign(&case.terms, &case.state, b"{}", FEE).unwrap());
		for claim in [|s: &mut ChannelState| s.charged = 101, |s: &mut ChannelState| s.last_cumulative = 101]
		{
			let mut state = case.state.clone();
			claim(&mut state);
			let refused = books.sign(&case.terms, &state, b"{}", FEE).err();
			assert_eq!(refused, Some(BooksError::Overclaimed { claimed: 101, signed: 100 }));
		}
		drop(books);
		case.state.charged = 101;
		case.state.last_cumulative = 150;
		assert_eq!(numbers(&case.books(true).sign(&case.terms, &case.state, b"{}", FEE).unwrap()), (2, 201));
	}

	#[test]
	fn worker_view_is_taken_over_when_the_ledger_is_new() {
		let mut case = case();
		(case.state.charged, case.state.last_order_nonce, case.state.last_cumulative) = (500, 9, 700);
		assert_eq!(
			numbers(&case.books(false).sign(&case.terms, &case.state, b"{}", FEE).unwrap()),
			(10, 700)
		);
	}

	#[test]
	fn nothing_is_signed_when_the_view_is_foreign_or_overflows() {
		let case = case();
		let books = case.books(false);
		let refused = |change: fn(&mut ChannelState)| {
			let mut state = case.state.clone();
			change(&mut state);
			books.sign(&case.terms, &state, b"{}", FEE).err().unwrap()
		};
		assert_eq!(refused(|s| s.genesis = format!("0x{}", "09".repeat(32))), BooksError::Foreign("chain"));
		assert_eq!(refused(|s| s.worker_hex = "02".repeat(32)), BooksError::Foreign("worker"));
		assert_eq!(refused(|s| s.channel = 4), BooksError::Foreign("channel"));
		assert_eq!(refused(|s| s.last_order_nonce = u64::MAX), BooksError::Overflow);
		assert_eq!(refused(|s| s.charged = u128::MAX), BooksError::Overflow);
	}
}
