//! Batches in the records database: the intent on its way, what arrived, and the earnings it brought.

use super::{
	close, decode, reopen, BatchRow, BatchState, Inclusion, Intent, RecordState, Records, RecordsError,
	Result, StoredRecord, Totals, BATCHES, DATA, EARNINGS, INTENT, RECORDS, RETIRED,
};
use codec::{DecodeAll, Encode};
use redb::{ReadableDatabase, ReadableTable, WriteTransaction};
use tributary_primitives::{
	batch::BatchHeader,
	earnings::{EarningsLeaf, EarningsTree},
	Earner,
};

/// Intents of one number that are remembered after they were given up.
const MAX_RETIRED: usize = 16;

impl Records {
	/// The batch that is on its way, if one is.
	pub fn intent(&self) -> Result<Option<Intent>> {
		let read = self.db.begin_read()?;
		let row = read.open_table(INTENT)?.get(())?.map(|row| row.value().to_vec());
		row.map(|row| decode(&row, "intent")).transpose()
	}

	/// Writes an intent and the data to publish with it. Another that it replaces is given up.
	pub fn set_intent(&self, intent: &Intent, data: &[u8]) -> Result<()> {
		let write = self.db.begin_write()?;
		let encoded = intent.encode();
		let mut intents = write.open_table(INTENT)?;
		let replaced = intents.insert((), encoded.as_slice())?.map(|row| row.value().to_vec());
		drop(intents);
		if let Some(replaced) = replaced.filter(|replaced| *replaced != encoded) {
			retire(&write, &decode(&replaced, "intent")?)?;
		}
		write.open_table(DATA)?.insert(intent.header.sequence, data)?;
		write.commit()?;
		Ok(())
	}

	/// Gives the intent up; its records stay unsettled.
	pub fn drop_intent(&self) -> Result<()> {
		let Some(intent) = self.intent()? else { return Ok(()) };
		let write = self.db.begin_write()?;
		write.open_table(INTENT)?.remove(())?;
		retire(&write, &intent)?;
		write.commit()?;
		Ok(())
	}

	/// The intent with this head, if one was given up.
	pub fn retired(&self, header: &BatchHeader) -> Result<Option<Intent>> {
		let read = self.db.begin_read()?;
		let row = read.open_table(RETIRED)?.get(header.sequence)?.map(|row| row.value().to_vec());
		let Some(row) = row else { return Ok(None) };
		let all: Vec<Intent> = decode(&row, "retired intents")?;
		Ok(all.into_iter().find(|intent| intent.header == *header))
	}

	/// Closes an intent that the chain has: settles its records, adds its shares to the earnings.
	pub fn settle(&self, intent: &Intent, inclusion: &Inclusion) -> Result<()> {
		let sequence = intent.header.sequence;
		let write = self.db.begin_write()?;
		let mut freed = Totals::default();
		for number in &intent.records {
			freed.add(close_in(&write, *number, sequence, inclusion)?)?;
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

	/// Corrects a batch that another block settled otherwise than the one it was in first.
	pub fn revise(&self, sequence: u64, inclusion: &Inclusion) -> Result<()> {
		let Some(mut row) = self.batch(sequence)? else { return Ok(()) };
		let write = self.db.begin_write()?;
		for number in &row.intent.records {
			if reopen(&write, *number, sequence)?.is_some() {
				close_in(&write, *number, sequence, inclusion)?;
			}
		}
		change_earnings(&write, &row.shares, u128::checked_sub)?;
		change_earnings(&write, &inclusion.shares, u128::checked_add)?;
		row.shares = inclusion.shares.clone();
		row.escrow = inclusion.escrow;
		row.state = inclusion.state;
		write.open_table(BATCHES)?.insert(sequence, row.encode().as_slice())?;
		write.commit()?;
		Ok(())
	}

	/// Takes pending batches from `sequence` on back, which are gone from the chain for good: their records are
	/// unsettled again. Gives what they were.
	pub fn reopen(&self, sequence: u64) -> Result<Vec<Intent>> {
		let mut rows = self.pending()?;
		rows.retain(|row| row.intent.header.sequence >= sequence);
		let write = self.db.begin_write()?;
		let mut restored = Totals::default();
		for row in &rows {
			let of = row.intent.header.sequence;
			for number in &row.intent.records {
				if let Some(fee) = reopen(&write, *number, of)? {
					restored.add(fee)?;
				}
			}
			change_earnings(&write, &row.shares, u128::checked_sub)?;
			write.open_table(BATCHES)?.remove(of)?;
			retire(&write, &row.intent)?;
		}
		write.commit()?;
		self.set_totals(|totals| totals.restore(restored));
		Ok(rows.into_iter().map(|row| row.intent).collect())
	}

	/// Notes that a batch is final, was credited or voided; voiding takes its shares out of the earnings.
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
			if matches!(state, BatchState::Credited | BatchState::Voided) {
				write.open_table(RETIRED)?.remove(sequence)?;
			}
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
				BatchState::Included | BatchState::Pending { .. } => pending.push(row),
				// Batches are credited in order, so the first credited one ends the search.
				BatchState::Credited => break,
				BatchState::Voided => {}
			}
		}
		pending.reverse();
		Ok(pending)
	}

	/// Whether a batch of ours is in a block that is not final. They become final in their order.
	pub fn awaits_finality(&self) -> Result<bool> {
		let read = self.db.begin_read()?;
		let row = read.open_table(BATCHES)?.last()?.map(|(_, row)| row.value().to_vec());
		let row: Option<BatchRow> = row.map(|row| decode(&row, "batch")).transpose()?;
		Ok(row.is_some_and(|row| row.state == BatchState::Included))
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

/// Closes a record as its batch settled it. Returns its fee.
fn close_in(
	write: &WriteTransaction,
	number: u64,
	sequence: u64,
	inclusion: &Inclusion,
) -> Result<tributary_primitives::Balance> {
	let payer = payer_of(write, number)?;
	let fault = inclusion.failed.iter().find(|(failed, _)| *failed == payer).map(|(_, fault)| *fault);
	let state = match fault {
		Some(fault) => RecordState::Failed { sequence: Some(sequence), fault },
		None => RecordState::Settled { sequence },
	};
	close(write, number, state, fault.is_none())
}

fn retire(write: &WriteTransaction, intent: &Intent) -> Result<()> {
	let mut retired = write.open_table(RETIRED)?;
	let row = retired.get(intent.header.sequence)?.map(|row| row.value().to_vec());
	let mut all: Vec<Intent> =
		row.map(|row| decode(&row, "retired intents")).transpose()?.unwrap_or_default();
	all.retain(|known| known.header != intent.header);
	if all.len() >= MAX_RETIRED {
		all.remove(0);
	}
	all.push(intent.clone());
	retired.insert(intent.header.sequence, all.encode().as_slice())?;
	Ok(())
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
