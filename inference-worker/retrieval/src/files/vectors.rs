//! Vectors of one index: searched exactly, kept in a file of checked entries.

use crate::{
	embed::{dot, Known, TextHash},
	index::Found,
	RetrievalError,
};
use rayon::prelude::*;
use std::{
	cmp::Ordering,
	collections::BTreeSet,
	fs::{File, OpenOptions},
	io::{BufReader, BufWriter, Read, Write},
	path::Path,
};
use tributary_primitives::Hash;

/// First bytes of a file of vectors; the last is its version.
const MAGIC: [u8; 8] = *b"TRBVECT\x01";
/// Magic, model, width.
const HEADER: usize = 8 + 32 + 4;
/// Bytes of an entry's checksum.
const CHECKSUM: usize = 8;
/// Widest vector; what a damaged header says beyond it is not believed.
const MAX_DIMENSIONS: usize = 1 << 16;

/// Vectors by row.
#[derive(Default)]
pub(super) struct Vectors {
	dimensions: usize,
	hashes: Vec<TextHash>,
	/// One after the other, each of length 1.
	numbers: Vec<f32>,
}

impl Vectors {
	pub fn new(dimensions: usize, rows: usize) -> Self {
		let numbers = Vec::with_capacity(dimensions.saturating_mul(rows));
		Self { dimensions, hashes: Vec::with_capacity(rows), numbers }
	}

	pub fn push(&mut self, hash: TextHash, vector: &[f32]) {
		self.hashes.push(hash);
		self.numbers.extend_from_slice(vector);
	}

	pub fn dimensions(&self) -> usize {
		self.dimensions
	}

	pub fn rows(&self) -> usize {
		self.hashes.len()
	}

	pub fn row(&self, row: usize) -> Option<&[f32]> {
		let start = row.checked_mul(self.dimensions)?;
		self.numbers.get(start..start.checked_add(self.dimensions)?)
	}

	/// Vectors by their texts.
	pub fn iter(&self) -> impl Iterator<Item = (&TextHash, &[f32])> {
		self.hashes.iter().zip(self.numbers.chunks_exact(self.dimensions.max(1)))
	}

	/// The `k` rows nearest to a vector of length 1: all are compared, on all cores.
	pub fn nearest(&self, query: &[f32], k: usize) -> Vec<Found> {
		if k == 0 || self.dimensions == 0 || query.len() != self.dimensions {
			return vec![];
		}
		let rows = self.numbers.par_chunks_exact(self.dimensions).with_min_len(1_024).enumerate();
		let mut found: Vec<Found> =
			rows.map(|(row, vector)| Found { row: row as u32, score: dot(vector, query) }).collect();
		if k < found.len() {
			found.select_nth_unstable_by(k, better);
			found.truncate(k);
		}
		found.sort_by(better);
		found
	}

	/// Writes all to a new file.
	pub fn save(&self, path: &Path, model: &Hash) -> Result<(), RetrievalError> {
		let mut journal = Journal::create(path, model, self.dimensions)?;
		for (hash, vector) in self.iter() {
			journal.append(hash, vector)?;
		}
		journal.close()
	}

	/// Reads a file that [`save`](Self::save) wrote.
	pub fn open(path: &Path, model: &Hash) -> Result<Self, RetrievalError> {
		let mut reader = Entries::open(path, model)?;
		let mut vectors = Self { dimensions: reader.dimensions, ..Self::default() };
		while let Some((hash, vector)) = reader.next()? {
			vectors.push(hash, &vector);
		}
		Ok(vectors)
	}
}

/// Best first, equal ones by row.
fn better(a: &Found, b: &Found) -> Ordering {
	b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}

/// Vectors as they come: what a build that was interrupted has embedded is not lost.
pub(super) struct Journal {
	path: std::path::PathBuf,
	file: BufWriter<File>,
}

impl Journal {
	pub fn create(path: &Path, model: &Hash, dimensions: usize) -> Result<Self, RetrievalError> {
		let open = OpenOptions::new().write(true).create(true).truncate(true).open(path);
		let file = open.map_err(RetrievalError::io("create", path))?;
		let mut journal = Self { path: path.into(), file: BufWriter::new(file) };
		journal.write(&[&MAGIC, model, &(dimensions as u32).to_le_bytes()])?;
		Ok(journal)
	}

	pub fn append(&mut self, hash: &TextHash, vector: &[f32]) -> Result<(), RetrievalError> {
		let numbers: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
		let checksum = checksum(hash, &numbers);
		self.write(&[hash, &numbers, &checksum])
	}

	/// Hands everything to the operating system.
	pub fn flush(&mut self) -> Result<(), RetrievalError> {
		self.file.flush().map_err(RetrievalError::io("write", &self.path))
	}

	/// Brings everything to the disk.
	pub fn close(mut self) -> Result<(), RetrievalError> {
		self.flush()?;
		self.file.get_ref().sync_all().map_err(RetrievalError::io("write", &self.path))
	}

	fn write(&mut self, parts: &[&[u8]]) -> Result<(), RetrievalError> {
		let mut write = || parts.iter().try_for_each(|part| self.file.write_all(part));
		write().map_err(RetrievalError::io("write", &self.path))
	}
}

fn checksum(hash: &TextHash, numbers: &[u8]) -> [u8; CHECKSUM] {
	let mut hasher = blake3::Hasher::new();
	hasher.update(hash).update(numbers);
	let mut checksum = [0; CHECKSUM];
	hasher.finalize_xof().fill(&mut checksum);
	checksum
}

/// Entries of a file, in order.
struct Entries<'a> {
	path: &'a Path,
	file: BufReader<File>,
	dimensions: usize,
	entry: Vec<u8>,
}

impl<'a> Entries<'a> {
	fn open(path: &'a Path, model: &Hash) -> Result<Self, RetrievalError> {
		let file = File::open(path).map_err(RetrievalError::io("open", path))?;
		let mut file = BufReader::new(file);
		let mut header = [0; HEADER];
		if file.read_exact(&mut header).is_err() {
			return Err(RetrievalError::damaged(path, "it is too short"));
		}
		let (magic, rest) = header.split_at(MAGIC.len());
		let (of, width) = rest.split_at(model.len());
		if magic != MAGIC {
			return Err(RetrievalError::damaged(path, "it is no file of vectors"));
		}
		if of != model {
			return Err(RetrievalError::Stale { path: path.into(), what: "model" });
		}
		let dimensions = width.iter().rev().fold(0usize, |width, byte| width << 8 | usize::from(*byte));
		if dimensions == 0 || dimensions > MAX_DIMENSIONS {
			return Err(RetrievalError::damaged(path, "the width of its vectors cannot be"));
		}
		Ok(Self { path, file, dimensions, entry: vec![0; 32 + 4 * dimensions + CHECKSUM] })
	}

	/// The next entry; `None` at the end of the file.
	fn next(&mut self) -> Result<Option<(TextHash, Vec<f32>)>, RetrievalError> {
		let mut filled = 0;
		while let Some(rest) = self.entry.get_mut(filled..).filter(|rest| !rest.is_empty()) {
			match self.file.read(rest) {
				Ok(0) if filled == 0 => return Ok(None),
				Ok(0) => return Err(RetrievalError::damaged(self.path, "it is cut short")),
				Ok(read) => filled += read,
				Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
				Err(error) => return Err(RetrievalError::io("read", self.path)(error)),
			}
		}
		let (hash, rest) = self.entry.split_at(32);
		let (numbers, sum) = rest.split_at(4 * self.dimensions);
		let hash: TextHash = hash.try_into().unwrap_or_default();
		if checksum(&hash, numbers) != sum {
			return Err(RetrievalError::damaged(self.path, "a checksum does not hold"));
		}
		let number = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap_or_default());
		Ok(Some((hash, numbers.chunks_exact(4).map(number).collect())))
	}
}

/// Vectors of wanted texts from a file, up to the first entry that does not hold: an interrupted build leaves such.
pub(super) fn salvage(path: &Path, model: &Hash, wanted: &BTreeSet<TextHash>, known: &mut Known) {
	let Ok(mut reader) = Entries::open(path, model) else { return };
	while let Ok(Some((hash, vector))) = reader.next() {
		if wanted.contains(&hash) {
			known.entry(hash).or_insert(vector);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn vectors() -> Vectors {
		let mut vectors = Vectors::new(2, 3);
		for (row, vector) in [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]].iter().enumerate() {
			vectors.push([row as u8; 32], vector);
		}
		vectors
	}

	#[test]
	fn nearest_rows_come_first_and_equal_ones_in_order() {
		let mut vectors = vectors();
		vectors.push([9; 32], &[0.6, 0.8]);
		let rows =
			|query: &[f32], k| vectors.nearest(query, k).iter().map(|found| found.row).collect::<Vec<_>>();
		assert_eq!(rows(&[0.6, 0.8], 9), [2, 3, 1, 0]);
		assert_eq!(rows(&[0.6, 0.8], 1), [2]);
		assert!(rows(&[1.0], 4).is_empty() && rows(&[1.0, 0.0], 0).is_empty());
		assert!(Vectors::default().nearest(&[], 4).is_empty());
	}

	#[test]
	fn file_is_refused_when_of_another_model_cut_short_or_changed() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("vectors");
		vectors().save(&path, &[7; 32]).unwrap();
		let read = Vectors::open(&path, &[7; 32]).unwrap();
		assert_eq!((read.rows(), read.dimensions(), read.row(2)), (3, 2, Some([0.6, 0.8].as_slice())));
		assert!(matches!(Vectors::open(&path, &[8; 32]), Err(RetrievalError::Stale { what: "model", .. })));
		let whole = std::fs::read(&path).unwrap();
		let mut changed = whole.clone();
		*changed.last_mut().unwrap() ^= 1;
		for bytes in [&whole[..whole.len() - 1], &changed, &whole[..20], b"", &[0; 99]] {
			std::fs::write(&path, bytes).unwrap();
			let opened = Vectors::open(&path, &[7; 32]).map(|read| read.rows());
			assert!(matches!(opened, Err(RetrievalError::Damaged { .. })), "{opened:?}");
		}
		assert!(matches!(
			Vectors::open(&folder.path().join("none"), &[7; 32]),
			Err(RetrievalError::Io { .. })
		));
	}

	#[test]
	fn whole_entries_are_salvaged_when_the_last_is_cut_short() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("vectors");
		vectors().save(&path, &[7; 32]).unwrap();
		let whole = std::fs::read(&path).unwrap();
		std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
		let mut known = Known::new();
		salvage(&path, &[7; 32], &BTreeSet::from([[1; 32], [2; 32]]), &mut known);
		assert_eq!(known, Known::from([([1; 32], vec![0.0, 1.0])]));
		salvage(&path, &[8; 32], &BTreeSet::from([[0; 32]]), &mut known);
		assert_eq!(known.len(), 1, "those of another model are not taken");
	}
}
