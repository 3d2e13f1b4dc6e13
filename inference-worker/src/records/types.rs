//! Rows of the records database.

use super::RecordsError;
use codec::{Decode, Encode};
use tributary_primitives::{
	batch::{BatchHeader, ChannelCharge, ChannelFault},
	record::UsageRecord,
	voucher::SignedVoucher,
	Balance, BlockNumber, Earner, Served,
};

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RecordState {
	/// No batch has settled it.
	Unsettled,
	/// Paid by its channel in a batch.
	Settled {
		/// The batch.
		sequence: u64,
	},
	/// Its channel was skipped, or cannot pay any more.
	Failed {
		/// The batch that skipped it; `None` when it was in none.
		sequence: Option<u64>,
		/// Why.
		fault: ChannelFault,
	},
	/// Its batch was voided.
	Voided {
		/// The batch.
		sequence: u64,
	},
}

/// A record and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StoredRecord {
	/// The record.
	pub record: UsageRecord,
	/// Where it stands.
	pub state: RecordState,
}

/// A payer's channel as this worker knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChannelRow {
	/// The channel's nonce on chain.
	pub nonce: u64,
	/// Charged on chain, as far as this worker's own batches tell, planck.
	pub settled: Balance,
	/// Recorded and not yet settled, planck.
	pub unsettled: Balance,
	/// Highest nonce of a recorded order.
	pub last_nonce: u64,
	/// The voucher that allows most.
	pub voucher: SignedVoucher,
}

impl ChannelRow {
	/// The row after one more record; `None` on overflow. A record on a reopened channel starts anew.
	pub fn after(
		known: Option<Self>,
		record: &UsageRecord,
		voucher: &SignedVoucher,
		settled: Balance,
	) -> Option<Self> {
		let order = &record.order.order;
		let fresh = Self { nonce: order.channel, settled, unsettled: 0, last_nonce: 0, voucher: *voucher };
		let mut row = match known {
			Some(known) if known.nonce > order.channel => return Some(known),
			Some(known) if known.nonce == order.channel => known,
			_ => fresh,
		};
		row.unsettled = row.unsettled.checked_add(record.fee)?;
		row.last_nonce = row.last_nonce.max(order.nonce);
		let better = |new: &SignedVoucher, old: &SignedVoucher| {
			(new.voucher.cumulative, new.voucher.expiry) > (old.voucher.cumulative, old.voucher.expiry)
		};
		if better(voucher, &row.voucher) {
			row.voucher = *voucher;
		}
		Some(row)
	}
}

/// A batch that is on its way to the chain. Written before it is sent, so that after a crash it is known
/// what may have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Intent {
	/// Its head.
	pub header: BatchHeader,
	/// Agent versions with their active skills.
	pub agents: Vec<Served>,
	/// What each channel pays.
	pub charges: Vec<ChannelCharge>,
	/// Numbers of its records, in the order of the records root.
	pub records: Vec<u64>,
}

/// Where a batch of ours stands on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum BatchState {
	/// In its challenge window, or challenged.
	Pending {
		/// First block at which it may be credited.
		matures_at: BlockNumber,
	},
	/// Paid out.
	Credited,
	/// Voided: escrow went back.
	Voided,
	/// In a block that a reorganisation may still remove.
	Included,
}

/// A batch that is on chain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct BatchRow {
	/// As it was sent.
	pub intent: Intent,
	/// What it added to the earnings tree.
	pub shares: Vec<(Earner, Balance)>,
	/// Escrow it moved, planck.
	pub escrow: Balance,
	/// Where it stands.
	pub state: BatchState,
}

/// What became of an intent on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
	/// Channels that were skipped.
	pub failed: Vec<(tributary_primitives::AccountId, ChannelFault)>,
	/// Data shares of the rest.
	pub shares: Vec<(Earner, Balance)>,
	/// Escrow moved, planck.
	pub escrow: Balance,
	/// Where the batch stands.
	pub state: BatchState,
}

/// Unsettled records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
	/// How many.
	pub records: u64,
	/// Their fees, planck.
	pub fees: Balance,
}

impl Totals {
	pub(super) fn add(&mut self, fee: Balance) -> Result<(), RecordsError> {
		self.records = self.records.saturating_add(1);
		self.fees = self.fees.checked_add(fee).ok_or(RecordsError::Overflow)?;
		Ok(())
	}

	pub(super) fn restore(&mut self, other: Self) {
		self.records = self.records.saturating_add(other.records);
		self.fees = self.fees.saturating_add(other.fees);
	}

	pub(super) fn remove(&mut self, other: Self) {
		self.records = self.records.saturating_sub(other.records);
		self.fees = self.fees.saturating_sub(other.fees);
	}
}
