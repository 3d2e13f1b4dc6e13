//! The worker's books on its channels: what the chain says, what is recorded, what running requests may
//! still cost. Checking a request and reserving its maximum is one step, so two requests cannot spend
//! the same deposit.

use crate::{
	orders::{check, ChannelState, Here, Refusal},
	records::{ChannelRow, Records, RecordsError},
};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard},
	time::{Duration, Instant},
};
use tributary_primitives::{
	request::SignedOrder, views::ChannelView, voucher::SignedVoucher, AccountId, Balance, BlockNumber, Hash,
};

/// Channels kept in memory; the longest unused one makes room.
const MAX_CHANNELS: usize = 65_536;

/// Books on all channels.
pub struct Channels {
	records: Arc<Records>,
	inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
	known: HashMap<AccountId, Known>,
	/// Changes whenever a batch may change what channels were charged on chain.
	epoch: u64,
	/// Sum of all reservations, planck.
	reserved: Balance,
}

struct Known {
	state: ChannelState,
	read_at: Instant,
}

impl Channels {
	/// Books over the records of earlier runs.
	pub fn new(records: Arc<Records>) -> Self {
		Self { records, inner: Mutex::default() }
	}

	fn lock(&self) -> MutexGuard<'_, Inner> {
		self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
	}

	/// A channel and how long ago the chain was asked for it.
	pub fn get(&self, payer: &AccountId) -> Option<(ChannelState, Duration)> {
		self.lock().known.get(payer).map(|known| (known.state, known.read_at.elapsed()))
	}

	/// Sum of what running requests may cost, planck.
	pub fn reserved(&self) -> Balance {
		self.lock().reserved
	}

	/// Whether a channel's records should be settled at once.
	pub fn any_urgent(&self, block: BlockNumber, margin: BlockNumber) -> bool {
		self.lock().known.values().any(|known| known.state.is_urgent(block, margin))
	}

	/// To be taken before the chain is read, and given to [`Self::update`].
	pub fn epoch(&self) -> u64 {
		self.lock().epoch
	}

	/// A batch leaves or has arrived: what was read from the chain before says nothing any more.
	pub fn next_epoch(&self) {
		let mut inner = self.lock();
		inner.epoch = inner.epoch.wrapping_add(1);
	}

	/// Takes over what the chain says about a channel; `None` when there is none.
	pub fn update(
		&self,
		payer: &AccountId,
		view: Option<&ChannelView>,
		epoch: u64,
	) -> Result<(), RecordsError> {
		let mut inner = self.lock();
		let Some(view) = view else {
			inner.known.remove(payer);
			return Ok(());
		};
		// While a batch is on its way or may be reorganised away, only our own books say on which side of it a record is.
		let current =
			epoch == inner.epoch && self.records.intent()?.is_none() && !self.records.awaits_finality()?;
		let row = self.records.channel(payer)?.filter(|row| row.nonce == view.nonce);
		if let (Some(row), true) = (&row, current) {
			if row.settled != view.charged {
				self.records.correct_settled(payer, view.nonce, view.charged)?;
			}
		}
		let settled = match row {
			Some(row) if !current => row.settled,
			_ => view.charged,
		};
		let earlier =
			inner.known.get(payer).map(|known| known.state).filter(|state| state.nonce == view.nonce);
		let mut state = ChannelState {
			nonce: view.nonce,
			limit: view.charged.saturating_add(view.deposit),
			session_key: view.session_key,
			closes_at: view.closes_at,
			settled,
			..earlier.unwrap_or_default()
		};
		if let Some(row) = row {
			take_over(&mut state, &row);
			state.settled = settled;
		}
		make_room(&mut inner.known);
		inner.known.insert(*payer, Known { state, read_at: Instant::now() });
		Ok(())
	}

	/// Takes over what the records say about a channel, after a batch or an answer.
	pub fn sync(&self, payer: &AccountId) -> Result<(), RecordsError> {
		let mut inner = self.lock();
		if let Some(known) = inner.known.get_mut(payer) {
			sync_state(&self.records, payer, &mut known.state)?;
		}
		Ok(())
	}

	/// Checks a request and reserves its maximum. `None` when the channel is not known: read it first.
	pub fn reserve(
		self: &Arc<Self>,
		here: &Here,
		order: &SignedOrder,
		voucher: &SignedVoucher,
		body: &Hash,
	) -> Option<Result<Reservation, Refusal>> {
		let mut inner = self.lock();
		let payer = order.order.payer;
		let state = &mut inner.known.get_mut(&payer)?.state;
		if let Err(refusal) = check(here, state, order, voucher, body) {
			return Some(Err(refusal));
		}
		let amount = order.order.max_fee;
		state.last_nonce = order.order.nonce;
		state.last_cumulative = voucher.voucher.cumulative;
		// Cannot overflow: the check found both below the voucher's cumulative amount.
		state.reserved = state.reserved.saturating_add(amount);
		let settled = state.settled;
		inner.reserved = inner.reserved.saturating_add(amount);
		Some(Ok(Reservation { channels: self.clone(), payer, channel: order.order.channel, amount, settled }))
	}
}

fn take_over(state: &mut ChannelState, row: &ChannelRow) {
	state.settled = row.settled;
	state.unsettled = row.unsettled;
	state.last_nonce = state.last_nonce.max(row.last_nonce);
	state.last_cumulative = state.last_cumulative.max(row.voucher.voucher.cumulative);
	state.expires_at = row.voucher.voucher.expiry;
}

fn sync_state(records: &Records, payer: &AccountId, state: &mut ChannelState) -> Result<(), RecordsError> {
	if let Some(row) = records.channel(payer)?.filter(|row| row.nonce == state.nonce) {
		take_over(state, &row);
	}
	Ok(())
}

fn make_room(known: &mut HashMap<AccountId, Known>) {
	if known.len() < MAX_CHANNELS {
		return;
	}
	let idle = known.iter().filter(|(_, known)| known.state.reserved == 0);
	if let Some(payer) = idle.min_by_key(|(_, known)| known.read_at).map(|(payer, _)| *payer) {
		known.remove(&payer);
	}
}

/// A running request's hold on its channel. Released when dropped, whatever happened; what was recorded
/// by then counts as unsettled.
pub struct Reservation {
	channels: Arc<Channels>,
	payer: AccountId,
	channel: u64,
	amount: Balance,
	/// What the channel had been charged on chain when the request was taken, planck.
	pub settled: Balance,
}

impl Reservation {
	/// Writes the request's record and ends the hold in one step: in between, the channel would count both.
	pub fn end_with<R>(mut self, record: impl FnOnce() -> R) -> R {
		let channels = self.channels.clone();
		let mut inner = channels.lock();
		let recorded = record();
		self.release(&mut inner);
		recorded
	}

	/// Ends the hold, once.
	fn release(&mut self, inner: &mut Inner) {
		let amount = std::mem::take(&mut self.amount);
		inner.reserved = inner.reserved.saturating_sub(amount);
		let known = inner.known.get_mut(&self.payer).filter(|known| known.state.nonce == self.channel);
		if let Some(known) = known {
			known.state.reserved = known.state.reserved.saturating_sub(amount);
			if let Err(error) = sync_state(&self.channels.records, &self.payer, &mut known.state) {
				tracing::error!(%error, "cannot read a channel back");
			}
		}
	}
}

impl Drop for Reservation {
	fn drop(&mut self) {
		let channels = self.channels.clone();
		let mut inner = channels.lock();
		self.release(&mut inner);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::records::tests::{order_of, scratch, stored, voucher_of, GENESIS, WORKER};
	use tributary_client::voucher::body_hash;

	fn view(charged: Balance, deposit: Balance) -> ChannelView {
		ChannelView { nonce: 1, deposit, charged, session_key: None, closes_at: None }
	}

	fn here() -> Here {
		Here { genesis: GENESIS, worker: WORKER, block: 0, expiry_margin: 1 }
	}

	fn channels() -> (tempfile::TempDir, Arc<Channels>, AccountId) {
		let (folder, records) = scratch();
		let channels = Arc::new(Channels::new(Arc::new(records)));
		let payer = order_of(1, 10).order.payer;
		channels.update(&payer, Some(&view(5, 100)), channels.epoch()).unwrap();
		(folder, channels, payer)
	}

	fn reserve(
		channels: &Arc<Channels>,
		nonce: u64,
		max_fee: Balance,
		cumulative: Balance,
	) -> Result<Reservation, Refusal> {
		let order = order_of(nonce, max_fee);
		channels.reserve(&here(), &order, &voucher_of(cumulative), &body_hash(b"body")).unwrap()
	}

	#[test]
	fn reservation_counts_until_dropped_when_requests_run_together() {
		let (_folder, channels, payer) = channels();
		let first = reserve(&channels, 1, 60, 65).unwrap();
		assert!(matches!(
			reserve(&channels, 2, 60, 125),
			Err(Refusal::DepositTooSmall { limit: 105, needed: 125 })
		));
		assert_eq!(channels.reserved(), 60);
		drop(first);
		assert_eq!(channels.get(&payer).unwrap().0.reserved, 0);
		assert!(reserve(&channels, 2, 60, 65).is_ok());
	}

	#[test]
	fn reserve_is_none_when_the_channel_was_not_read() {
		let (_folder, records) = scratch();
		let channels = Arc::new(Channels::new(Arc::new(records)));
		assert!(channels.reserve(&here(), &order_of(1, 1), &voucher_of(1), &body_hash(b"body")).is_none());
	}

	#[test]
	fn recorded_fee_counts_as_unsettled_when_the_reservation_ends() {
		let (_folder, channels, payer) = channels();
		let reservation = reserve(&channels, 1, 60, 65).unwrap();
		let record = stored(1, 7);
		channels.records.commit(&record, &voucher_of(65), reservation.settled, b"{}").unwrap();
		drop(reservation);
		let state = channels.get(&payer).unwrap().0;
		assert_eq!((state.settled, state.unsettled, state.reserved, state.charged()), (5, 7, 0, 12));
	}

	#[test]
	fn chain_state_read_before_a_batch_is_ignored_when_it_arrives_after() {
		let (_folder, channels, payer) = channels();
		let reservation = reserve(&channels, 1, 60, 65).unwrap();
		channels.records.commit(&stored(1, 7), &voucher_of(65), reservation.settled, b"{}").unwrap();
		drop(reservation);
		let stale = channels.epoch();
		channels.next_epoch();
		channels.update(&payer, Some(&view(99, 6)), stale).unwrap();
		assert_eq!(channels.get(&payer).unwrap().0.settled, 5);
		channels.update(&payer, Some(&view(99, 6)), channels.epoch()).unwrap();
		assert_eq!(channels.get(&payer).unwrap().0.settled, 99);
		assert_eq!(channels.records.channel(&payer).unwrap().unwrap().settled, 99);
	}

	#[test]
	fn nonces_and_vouchers_are_remembered_when_the_worker_restarts() {
		let (_folder, channels, payer) = channels();
		channels.records.commit(&stored(4, 7), &voucher_of(65), 5, b"{}").unwrap();
		let restarted = Arc::new(Channels::new(channels.records.clone()));
		restarted.update(&payer, Some(&view(5, 100)), restarted.epoch()).unwrap();
		assert!(matches!(reserve(&restarted, 4, 1, 65), Err(Refusal::Replayed { last: 4, .. })));
		assert!(matches!(reserve(&restarted, 5, 1, 64), Err(Refusal::Shrinking { last: 65, .. })));
	}

	#[test]
	fn channel_is_forgotten_when_the_chain_has_none() {
		let (_folder, channels, payer) = channels();
		channels.update(&payer, None, channels.epoch()).unwrap();
		assert!(channels.get(&payer).is_none());
	}
}
