//! What became of a batch that was sent, told from the chain as one block has it. Pure.

use crate::records::{BatchState, Intent};
use tributary_primitives::{
	batch::BatchStatus,
	views::{BatchView, SettlementView},
};

/// What became of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'a> {
	/// The chain has it: settle its records, never send it again.
	Included(&'a BatchView),
	/// The chain has a batch under its number but keeps no details any more: settle all its records, for
	/// billing twice is worse than not knowing which channel failed.
	Forgotten,
	/// The chain waits for this number: send it again, unchanged.
	NotYet,
	/// The chain waits for an earlier number: what came before it is not there, or not there any more.
	Early,
	/// Another batch took its number: give it up, its records stay unsettled.
	Displaced,
}

/// Compares an intent with the worker's settlement state and the chain's batch of the same number.
pub fn fate<'a>(intent: &Intent, settlement: &SettlementView, batch: Option<&'a BatchView>) -> Fate<'a> {
	let sequence = intent.header.sequence;
	match batch {
		Some(batch) if batch.header == intent.header => Fate::Included(batch),
		Some(_) => Fate::Displaced,
		None if settlement.next_sequence == sequence => Fate::NotYet,
		None if settlement.next_sequence > sequence => Fate::Forgotten,
		None => Fate::Early,
	}
}

/// Where a batch stands, in our books' words.
pub fn state(batch: &BatchView) -> BatchState {
	match batch.status {
		BatchStatus::Pending | BatchStatus::Challenged => {
			BatchState::Pending { matures_at: batch.matures_at }
		}
		BatchStatus::Credited => BatchState::Credited,
		BatchStatus::Voided => BatchState::Voided,
	}
}

/// Whether the chain's oldest pending batch may be credited.
pub fn is_due(batch: &BatchView, block: tributary_primitives::BlockNumber) -> bool {
	batch.status == BatchStatus::Pending && batch.matures_at <= block
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_primitives::{batch::BatchHeader, merkle_sum::SumNode};

	fn intent(sequence: u64) -> Intent {
		let header = BatchHeader {
			sequence,
			records_root: SumNode::default(),
			records: 1,
			data: [1; 32],
			earnings: SumNode::default(),
		};
		Intent { header, agents: vec![], charges: vec![], records: vec![0] }
	}

	fn view(header: BatchHeader, status: BatchStatus) -> BatchView {
		BatchView {
			worker: [2; 32],
			header,
			status,
			submitted_at: 5,
			matures_at: 9,
			parameters: 0,
			escrow: 3,
			agents: vec![],
			failed: vec![],
		}
	}

	fn settlement(next_sequence: u64) -> SettlementView {
		SettlementView { next_sequence, ..Default::default() }
	}

	#[test]
	fn intent_is_included_when_the_chain_has_the_same_head() {
		let batch = view(intent(4).header, BatchStatus::Pending);
		assert_eq!(fate(&intent(4), &settlement(5), Some(&batch)), Fate::Included(&batch));
	}

	#[test]
	fn intent_is_sent_again_when_the_chain_waits_for_its_number() {
		assert_eq!(fate(&intent(4), &settlement(4), None), Fate::NotYet);
	}

	#[test]
	fn intent_is_displaced_when_another_batch_has_its_number() {
		let other = view(BatchHeader { records: 2, ..intent(4).header }, BatchStatus::Pending);
		assert_eq!(fate(&intent(4), &settlement(5), Some(&other)), Fate::Displaced);
	}

	#[test]
	fn intent_is_early_when_the_chain_lost_what_came_before_it() {
		assert_eq!(fate(&intent(4), &settlement(3), None), Fate::Early);
	}

	#[test]
	fn intent_is_never_billed_again_when_the_chain_forgot_its_batch() {
		assert_eq!(fate(&intent(4), &settlement(9), None), Fate::Forgotten);
	}

	#[test]
	fn batch_is_due_when_its_window_has_passed_unchallenged() {
		assert!(is_due(&view(intent(4).header, BatchStatus::Pending), 9));
		assert!(!is_due(&view(intent(4).header, BatchStatus::Pending), 8));
		assert!(!is_due(&view(intent(4).header, BatchStatus::Challenged), 9));
	}

	#[test]
	fn state_follows_the_chain_when_a_batch_is_challenged_credited_or_voided() {
		let of = |status| state(&view(intent(4).header, status));
		assert_eq!(of(BatchStatus::Challenged), BatchState::Pending { matures_at: 9 });
		assert_eq!(of(BatchStatus::Credited), BatchState::Credited);
		assert_eq!(of(BatchStatus::Voided), BatchState::Voided);
	}
}
