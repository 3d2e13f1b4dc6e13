//! Usage records, batches and earnings on disk (redb). Every change is one transaction that is synced
//! before it returns: what was written survives a kill at any moment, whole or not at all.

mod batches;
mod types;

pub use types::*;

use codec::{Decode, DecodeAll, Encode};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction};
use std::{path::Path, sync::Mutex};
use tributary_primitives::{record::UsageRecord, voucher::SignedVoucher, AccountId, Balance, Hash};

type Bytes = &'static [u8];

/// Records in the order they were written.
const RECORDS: TableDefinition<u64, Bytes> = TableDefinition::new("records");
/// Order id to record number.
const IDS: TableDefinition<Bytes, u64> = TableDefinition::new("ids");
/// Numbers of records that no batch has settled.
const UNSETTLED: TableDefinition<u64, ()> = TableDefinition::new("unsettled");
/// Order id to published evidence.
const EVIDENCE: TableDefinition<Bytes, Bytes> = TableDefinition::new("evidence");
/// Payer to [`ChannelRow`].
const CHANNELS: TableDefinition<Bytes, Bytes> = TableDefinition::new("channels");
/// Earner to cumulative planck over settled batches.
const EARNINGS: TableDefinition<Bytes, u128> = TableDefinition::new("earnings");
/// The one batch that is on its way to the chain.
const INTENT: TableDefinition<(), Bytes> = TableDefinition::new("intent");
/// Sequence to intents of that number that were given up: a copy on its way may yet arrive.
const RETIRED: TableDefinition<u64, Bytes> = TableDefinition::new("retired");
/// Sequence to [`BatchRow`].
const BATCHES: TableDefinition<u64, Bytes> = TableDefinition::new("batches");
/// Sequence to SCALE of the published batch data.
const DATA: TableDefinition<u64, Bytes> = TableDefinition::new("data");
/// Whose records these are.
const META: TableDefinition<&str, Bytes> = TableDefinition::new("meta");

/// Why records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
	/// The database failed.
	#[error("the records database failed: {0}. Check the disk and the permissions of the data folder.")]
	Database(#[from] Box<redb::Error>),
	/// A row does not decode.
	#[error("a row of the records database is damaged ({0}). Restore the data folder from a backup.")]
	Damaged(&'static str),
	/// The folder belongs to another chain or operator.
	#[error("the data folder holds records of another {0}. Name another `data` folder for this one.")]
	Foreign(&'static str),
	/// A sum does not fit.
	#[error("an amount overflows")]
	Overflow,
}

impl RecordsError {
	fn from<E: Into<redb::Error>>(error: E) -> Self {
		Self::Database(Box::new(error.into()))
	}
}

macro_rules! database_errors {
	($($error:ident),*) => { $(impl From<redb::$error> for RecordsError {
		fn from(error: redb::$error) -> Self { Self::from(error) }
	})* };
}
database_errors!(DatabaseError, TransactionError, TableError, StorageError, CommitError);

type Result<T> = std::result::Result<T, RecordsError>;

fn decode<T: Decode>(bytes: &[u8], what: &'static str) -> Result<T> {
	T::decode_all(&mut &*bytes).map_err(|_| RecordsError::Damaged(what))
}

/// The database.
pub struct Records {
	db: Database,
	totals: Mutex<Totals>,
}

impl Records {
	/// The chain whose records a database holds; `None` when there is none yet.
	pub fn genesis_of(path: &Path) -> Result<Option<Hash>> {
		if !path.exists() {
			return Ok(None);
		}
		let db = Database::open(path)?;
		let read = db.begin_read()?;
		let Ok(meta) = read.open_table(META) else { return Ok(None) };
		let known = meta.get("genesis")?.map(|known| known.value().to_vec());
		let hash = |bytes: Vec<u8>| Hash::try_from(bytes).map_err(|_| RecordsError::Damaged("genesis"));
		known.map(hash).transpose()
	}

	/// Opens or creates the database of one operator on one chain.
	pub fn open(path: &Path, genesis: &Hash, worker: &AccountId) -> Result<Self> {
		let db = Database::create(path)?;
		let write = db.begin_write()?;
		{
			let mut meta = write.open_table(META)?;
			for (key, value, what) in [("genesis", genesis, "chain"), ("worker", worker, "operator")] {
				let known = meta.get(key)?.map(|known| known.value() == value.as_slice());
				match known {
					Some(true) => {}
					Some(false) => return Err(RecordsError::Foreign(what)),
					None => drop(meta.insert(key, value.as_slice())?),
				}
			}
			write.open_table(RECORDS)?;
			write.open_table(IDS)?;
			write.open_table(UNSETTLED)?;
			write.open_table(EVIDENCE)?;
			write.open_table(CHANNELS)?;
			write.open_table(EARNINGS)?;
			write.open_table(INTENT)?;
			write.open_table(RETIRED)?;
			write.open_table(BATCHES)?;
			write.open_table(DATA)?;
		}
		write.commit()?;
		let records = Self { db, totals: Mutex::default() };
		let mut totals = Totals::default();
		for (_, stored) in records.unsettled(usize::MAX)? {
			totals.add(stored.record.fee)?;
		}
		records.set_totals(|known| *known = totals);
		Ok(records)
	}

	fn set_totals(&self, change: impl FnOnce(&mut Totals)) {
		change(&mut self.totals.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
	}

	/// What is unsettled now.
	pub fn totals(&self) -> Totals {
		*self.totals.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
	}

	/// Writes an answer's record, its evidence and the state of its channel. Returns only when the disk
	/// has them. A record that is already there is left alone: nothing is billed twice.
	///
	/// `settled` is what the channel had been charged on chain when the request was accepted, planck.
	pub fn commit(
		&self,
		stored: &StoredRecord,
		voucher: &SignedVoucher,
		settled: Balance,
		evidence: &[u8],
	) -> Result<()> {
		let (id, payer) = (stored.record.order.order.id(), stored.record.order.order.payer);
		let write = self.db.begin_write()?;
		{
			let mut ids = write.open_table(IDS)?;
			if ids.get(id.as_slice())?.is_some() {
				return Ok(());
			}
			let mut records = write.open_table(RECORDS)?;
			let number = match records.last()? {
				Some((last, _)) => last.value().checked_add(1).ok_or(RecordsError::Overflow)?,
				None => 0,
			};
			records.insert(number, stored.encode().as_slice())?;
			ids.insert(id.as_slice(), number)?;
			write.open_table(UNSETTLED)?.insert(number, ())?;
			write.open_table(EVIDENCE)?.insert(id.as_slice(), evidence)?;
			let mut channels = write.open_table(CHANNELS)?;
			let row = channel_row(&channels, &payer)?;
			let row =
				ChannelRow::after(row, &stored.record, voucher, settled).ok_or(RecordsError::Overflow)?;
			channels.insert(payer.as_slice(), row.encode().as_slice())?;
		}
		write.commit()?;
		let mut added = Ok(());
		self.set_totals(|totals| added = totals.add(stored.record.fee));
		added
	}

	/// A record by its order's id.
	pub fn get(&self, id: &Hash) -> Result<Option<StoredRecord>> {
		let read = self.db.begin_read()?;
		let Some(number) = read.open_table(IDS)?.get(id.as_slice())?.map(|number| number.value()) else {
			return Ok(None);
		};
		let records = read.open_table(RECORDS)?;
		let row = records.get(number)?.ok_or(RecordsError::Damaged("missing record"))?;
		decode(row.value(), "record").map(Some)
	}

	/// The evidence behind a record: exactly the bytes whose hash it carries.
	pub fn evidence(&self, id: &Hash) -> Result<Option<Vec<u8>>> {
		let read = self.db.begin_read()?;
		let row = read.open_table(EVIDENCE)?.get(id.as_slice())?.map(|row| row.value().to_vec());
		Ok(row)
	}

	/// A payer's channel as the last record left it.
	pub fn channel(&self, payer: &AccountId) -> Result<Option<ChannelRow>> {
		let read = self.db.begin_read()?;
		channel_row(&read.open_table(CHANNELS)?, payer)
	}

	/// The oldest unsettled records, at most `limit`, with their numbers.
	pub fn unsettled(&self, limit: usize) -> Result<Vec<(u64, StoredRecord)>> {
		let read = self.db.begin_read()?;
		let (unsettled, records) = (read.open_table(UNSETTLED)?, read.open_table(RECORDS)?);
		let numbers = unsettled.iter()?.take(limit);
		numbers
			.map(|entry| {
				let number = entry?.0.value();
				let row = records.get(number)?.ok_or(RecordsError::Damaged("missing record"))?;
				Ok((number, decode(row.value(), "record")?))
			})
			.collect()
	}

	/// Records by number.
	pub fn numbered(&self, numbers: &[u64]) -> Result<Vec<StoredRecord>> {
		let read = self.db.begin_read()?;
		let records = read.open_table(RECORDS)?;
		let one = |number: &u64| {
			let row = records.get(*number)?.ok_or(RecordsError::Damaged("missing record"))?;
			decode(row.value(), "record")
		};
		numbers.iter().map(one).collect()
	}

	/// Corrects what a channel was charged on chain: a voided batch or a lost data folder changes it.
	pub fn correct_settled(&self, payer: &AccountId, nonce: u64, settled: Balance) -> Result<()> {
		let write = self.db.begin_write()?;
		{
			let mut channels = write.open_table(CHANNELS)?;
			let Some(mut row) = channel_row(&channels, payer)?.filter(|row| row.nonce == nonce) else {
				return Ok(());
			};
			row.settled = settled;
			channels.insert(payer.as_slice(), row.encode().as_slice())?;
		}
		write.commit()?;
		Ok(())
	}

	/// Gives records up that no batch can settle any more.
	pub fn write_off(&self, numbers: &[u64], fault: tributary_primitives::batch::ChannelFault) -> Result<()> {
		let write = self.db.begin_write()?;
		let mut freed = Totals::default();
		for number in numbers {
			let fee = close(&write, *number, RecordState::Failed { sequence: None, fault }, false)?;
			freed.add(fee)?;
		}
		write.commit()?;
		self.set_totals(|totals| totals.remove(freed));
		Ok(())
	}
}

fn channel_row(table: &impl ReadableTable<Bytes, Bytes>, payer: &AccountId) -> Result<Option<ChannelRow>> {
	table.get(payer.as_slice())?.map(|row| decode(row.value(), "channel")).transpose()
}

/// Moves one record out of the unsettled ones and its fee out of its channel's. Returns the fee.
fn close(write: &WriteTransaction, number: u64, state: RecordState, charged: bool) -> Result<Balance> {
	let mut records: Table<u64, Bytes> = write.open_table(RECORDS)?;
	let row = records
		.get(number)?
		.map(|row| row.value().to_vec())
		.ok_or(RecordsError::Damaged("missing record"))?;
	let mut stored: StoredRecord = decode(&row, "record")?;
	stored.state = state;
	records.insert(number, stored.encode().as_slice())?;
	write.open_table(UNSETTLED)?.remove(number)?;
	let UsageRecord { order, fee, .. } = &stored.record;
	let mut channels = write.open_table(CHANNELS)?;
	if let Some(mut channel) = channel_row(&channels, &order.order.payer)? {
		if channel.nonce == order.order.channel {
			channel.unsettled = channel.unsettled.saturating_sub(*fee);
			if charged {
				channel.settled = channel.settled.checked_add(*fee).ok_or(RecordsError::Overflow)?;
			}
			channels.insert(order.order.payer.as_slice(), channel.encode().as_slice())?;
		}
	}
	Ok(*fee)
}

/// Undoes [`close`] for a record that this batch closed; `None` when it was not.
fn reopen(write: &WriteTransaction, number: u64, batch: u64) -> Result<Option<Balance>> {
	let mut records: Table<u64, Bytes> = write.open_table(RECORDS)?;
	let row = records
		.get(number)?
		.map(|row| row.value().to_vec())
		.ok_or(RecordsError::Damaged("missing record"))?;
	let mut stored: StoredRecord = decode(&row, "record")?;
	let charged = match stored.state {
		RecordState::Settled { sequence } if sequence == batch => true,
		RecordState::Failed { sequence: Some(sequence), .. } if sequence == batch => false,
		_ => return Ok(None),
	};
	stored.state = RecordState::Unsettled;
	records.insert(number, stored.encode().as_slice())?;
	write.open_table(UNSETTLED)?.insert(number, ())?;
	let UsageRecord { order, fee, .. } = &stored.record;
	let mut channels = write.open_table(CHANNELS)?;
	if let Some(mut channel) = channel_row(&channels, &order.order.payer)? {
		if channel.nonce == order.order.channel {
			channel.unsettled = channel.unsettled.checked_add(*fee).ok_or(RecordsError::Overflow)?;
			if charged {
				channel.settled = channel.settled.saturating_sub(*fee);
			}
			channels.insert(order.order.payer.as_slice(), channel.encode().as_slice())?;
		}
	}
	Ok(Some(*fee))
}

#[cfg(test)]
pub(crate) mod tests;
