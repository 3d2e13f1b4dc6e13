//! Batches in the records database: the intent on its way, what arrived, and the earnings it brought.

use super::{
	close, decode, BatchRow, BatchState, Inclusion, Intent, RecordState, Records, RecordsError, Result,
	StoredRecord, Totals, BATCHES, DATA, EARNINGS, INTENT, RECORDS,
};
use codec::{DecodeAll, Encode};
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};
use tributary_primitives::{
	earnings::{EarningsLeaf, EarningsTree},
	Earner,
};

impl Records {
	/// The batch that is on its way, if one is.
	pub fn intent(&self) -> Result<Option<Intent>> {
		let read = self.db.begin_read()?;
		let row = read.open_table(INTENT)?.get(())?.map(|row| row.value().to_vec());
		row.map(|row| decode(&row, "intent")).transpose()
	}

	/// Writes an intent and the data to publish with it, replacing any other.
	pub fn set_intent(&self, intent: &Intent, data: &[u8]) -> Result<()> {
		let write = self.db.begin_write()?;
		write.open_table(INTENT)?.insert((), intent.encode().as_slice())?;
		write.open_table(DATA)?.insert(intent.header.sequence, data)?;
		write.commit()?;
		Ok(())
	}

	/// Forgets an intent that the chain does not have; its records stay unsettled.
	pub fn drop_intent(&self) -> Result<()> {
		let write = self.db.begin_write()?;
		write.open_table(INTENT)?.remove(())?;
		write.commit()?;
		Ok(())
	}

	/// Closes an intent that the chain has: settles its records, adds its shares to the earnings.
	pub fn settle(&self, intent: &Intent, inclusion: &Inclusion) -> Result<()> {
		let sequence = intent.header.sequence;
		let write = self.db.begin_write()?;
		let mut freed = Totals::default();
		for number in &intent.records {
			let payer = payer_of(&write, *number)?;
			let fault = inclusion.failed.iter().find(|(failed, _)| *failed == payer).map(|(_, fault)| *fault);
			let state = match fault {
				Some(fault) => RecordState::Failed { sequence: Some(sequence), fault },
				None => RecordState::Settled { sequence },
			};
			freed.add(close(&write, *number, state, fault.is_none())?)?;
		}
		change_earnings(&write, &inclusion.shares, u128::checked_add)?;
		let row = BatchRow {
			intent: intent.clone(),
			shares: inclusion.shares.clone(),
			escrow: inclusion.escrow,
			state: inclusion.state,
		};
		write.open_table(BATCHES)?.insert(sequence, row.encode().as_slice())?;
		write.open_table(INTENT)?.remove(())?;
		write.commit()?;
		self.set_totals(|totals| totals.remove(freed));
		Ok(())
	}

	/// Notes that a batch was credited or voided; voiding takes its shares out of the earnings.
	pub fn conclude(&self, sequence: u64, state: BatchState) -> Result<()> {
		let write = self.db.begin_write()?;
		{
			let mut batches = write.open_table(BATCHES)?;
			let Some(row) = batches.get(sequence)?.map(|row| row.value().to_vec()) else { return Ok(()) };
			let mut row: BatchRow = decode(&row, "batch")?;
			if row.state == state || row.state == BatchState::Voided {
				return Ok(());
			}
			if state == BatchState::Voided {
				change_earnings(&write, &row.shares, u128::checked_sub)?;
				let mut records = write.open_table(RECORDS)?;
				for number in &row.intent.records {
					let Some(stored) = records.get(*number)?.map(|row| row.value().to_vec()) else {
						continue;
					};
					let mut stored: StoredRecord = decode(&stored, "record")?;
					if stored.state == (RecordState::Settled { sequence }) {
						stored.state = RecordState::Voided { sequence };
						records.insert(*number, stored.encode().as_slice())?;
					}
				}
			}
			row.state = state;
			batches.insert(sequence, row.encode().as_slice())?;
		}
		write.commit()?;
		Ok(())
	}

	/// A batch of ours.
	pub fn batch(&self, sequence: u64) -> Result<Option<BatchRow>> {
		let read = self.db.begin_read()?;
		let row = read.open_table(BATCHES)?.get(sequence)?.map(|row| row.value().to_vec());
		row.map(|row| decode(&row, "batch")).transpose()
	}

	/// Our batches that are neither credited nor voided, oldest first.
	pub fn pending(&self) -> Result<Vec<BatchRow>> {
		let read = self.db.begin_read()?;
		let mut pending = Vec::new();
		for entry in read.open_table(BATCHES)?.iter()?.rev() {
			let row: BatchRow = decode(entry?.1.value(), "batch")?;
			match row.state {
				BatchState::Pending { .. } => pending.push(row),
				// Batches are credited in order, so the first credited one ends the search.
				BatchState::Credited => break,
				BatchState::Voided => {}
			}
		}
		pending.reverse();
		Ok(pending)
	}

	/// SCALE of a batch's published data.
	pub fn data(&self, sequence: u64) -> Result<Option<Vec<u8>>> {
		let read = self.db.begin_read()?;
		let row = read.open_table(DATA)?.get(sequence)?.map(|row| row.value().to_vec());
		Ok(row)
	}

	/// The earnings tree over all settled batches.
	pub fn earnings(&self) -> Result<EarningsTree> {
		let read = self.db.begin_read()?;
		let mut leaves = Vec::new();
		for entry in read.open_table(EARNINGS)?.iter()? {
			let (earner, cumulative) = entry?;
			let earner =
				Earner::decode_all(&mut earner.value()).map_err(|_| RecordsError::Damaged("earner"))?;
			leaves.push(EarningsLeaf { earner, cumulative: cumulative.value() });
		}
		EarningsTree::from_leaves(&leaves).ok_or(RecordsError::Damaged("earnings"))
	}

	/// Replaces the earnings: for a data folder that was lost, from the last batch's published data.
	pub fn restore_earnings(&self, tree: &EarningsTree) -> Result<()> {
		let write = self.db.begin_write()?;
		{
			let mut earnings = write.open_table(EARNINGS)?;
			earnings.retain(|_, _| false)?;
			for leaf in tree.leaves() {
				earnings.insert(leaf.earner.encode().as_slice(), leaf.cumulative)?;
			}
		}
		write.commit()?;
		Ok(())
	}
}

fn payer_of(write: &WriteTransaction, number: u64) -> Result<tributary_primitives::AccountId> {
	let records = write.open_table(RECORDS)?;
	let row = records.get(number)?.ok_or(RecordsError::Damaged("missing record"))?;
	let stored: StoredRecord = decode(row.value(), "record")?;
	Ok(stored.record.order.order.payer)
}

fn change_earnings(
	write: &WriteTransaction,
	shares: &[(Earner, u128)],
	change: impl Fn(u128, u128) -> Option<u128>,
) -> Result<()> {
	let mut earnings = write.open_table(EARNINGS)?;
	for (earner, share) in shares {
		let key = earner.encode();
		let known = earnings.get(key.as_slice())?.map(|known| known.value()).unwrap_or_default();
		let next = change(known, *share).ok_or(RecordsError::Overflow)?;
		if next == 0 {
			earnings.remove(key.as_slice())?;
		} else {
			earnings.insert(key.as_slice(), next)?;
		}
	}
	Ok(())
}
