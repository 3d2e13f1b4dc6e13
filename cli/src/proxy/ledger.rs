//! What was signed on each channel, on disk.

use super::{BooksError, Terms};
use redb::{Database, ReadableDatabase, TableDefinition};
use std::path::Path;

/// Genesis, worker, payer, channel → last order nonce, highest cumulative amount.
const SIGNED: TableDefinition<'_, &[u8], (u64, u128)> = TableDefinition::new("signed");

/// The highest numbers that were signed on a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
	/// Of orders.
	pub nonce: u64,
	/// Of vouchers, planck.
	pub cumulative: u128,
}

/// The ledger; one process at a time may have it open.
pub struct Ledger {
	database: Database,
}

fn failed(error: impl std::fmt::Display) -> BooksError {
	BooksError::Ledger(error.to_string())
}

fn key(terms: &Terms) -> Vec<u8> {
	[&terms.genesis[..], &terms.worker, &terms.payer, &terms.channel.to_le_bytes()].concat()
}

impl Ledger {
	/// Opens or makes the ledger.
	pub fn open(path: &Path) -> Result<Self, BooksError> {
		if let Some(parent) = path.parent() {
			std::fs::create_dir_all(parent).map_err(failed)?;
		}
		let database = Database::create(path).map_err(|error| match error {
			redb::DatabaseError::DatabaseAlreadyOpen => {
				failed("another proxy pays this worker from the same channel: stop that one first")
			}
			other => failed(other),
		})?;
		let write = database.begin_write().map_err(failed)?;
		write.open_table(SIGNED).map_err(failed)?;
		write.commit().map_err(failed)?;
		Ok(Self { database })
	}

	/// What was signed on a channel; `None` for one that was never used from here.
	pub fn entry(&self, terms: &Terms) -> Result<Option<Entry>, BooksError> {
		let read = self.database.begin_read().map_err(failed)?;
		let table = read.open_table(SIGNED).map_err(failed)?;
		let found = table.get(key(terms).as_slice()).map_err(failed)?;
		Ok(found.map(|found| found.value()).map(|(nonce, cumulative)| Entry { nonce, cumulative }))
	}

	/// Records what is about to be signed; on disk when it returns.
	pub fn advance(&self, terms: &Terms, entry: Entry) -> Result<(), BooksError> {
		let write = self.database.begin_write().map_err(failed)?;
		{
			let mut table = write.open_table(SIGNED).map_err(failed)?;
			table.insert(key(terms).as_slice(), (entry.nonce, entry.cumulative)).map_err(failed)?;
		}
		write.commit().map_err(failed)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn terms(channel: u64) -> Terms {
		Terms { genesis: [1; 32], payer: [2; 32], worker: [3; 32], channel }
	}

	#[test]
	fn entry_survives_when_the_ledger_is_opened_again() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("proxy/ledger.redb");
		let entry = Entry { nonce: 5, cumulative: 1 << 100 };
		Ledger::open(&path).unwrap().advance(&terms(1), entry).unwrap();
		let ledger = Ledger::open(&path).unwrap();
		assert_eq!(ledger.entry(&terms(1)).unwrap(), Some(entry));
		assert_eq!(ledger.entry(&terms(2)).unwrap(), None);
	}

	#[test]
	fn ledger_is_refused_when_another_proxy_has_it() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("ledger.redb");
		let _first = Ledger::open(&path).unwrap();
		let Err(error) = Ledger::open(&path) else { panic!("opened twice") };
		assert!(error.to_string().contains("another proxy"), "{error}");
	}
}
