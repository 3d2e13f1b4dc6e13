//! A suffix index over one DataNet snapshot: built in memory, saved to one file, opened memory-mapped.

use crate::{
	document::{by_registration, Document},
	error::IndexError,
	layout::{self, Layout, HASHED_HEADER, HEADER, MAGIC, VERSION},
};
use std::{fs::File, io::Write, path::Path};

/// A suffix index over the model's tokens of one DataNet snapshot.
///
/// Takes 6 bytes per token (8 when a token id is 65,535 or more), in memory after [`build`](Self::build),
/// in the page cache after [`open`](Self::open).
pub struct SnapshotIndex {
	image: Image,
	layout: Layout,
}

enum Image {
	Built(Vec<u8>),
	Mapped(memmap2::Mmap),
}

impl SnapshotIndex {
	/// Builds the index of a snapshot's documents, in any order; empty ones are allowed.
	///
	/// The suffix array is sorted over bytes by one core in O(n log n). Peak memory is 14 bytes per token,
	/// or 24 when a token id is 65,535 or more; the most is 2^31 - 2 bytes of text, that is 1,073,741,823
	/// (or 536,870,911) tokens with one separator per document.
	///
	/// # Errors
	/// [`TooLarge`](IndexError::TooLarge), [`DuplicateContribution`](IndexError::DuplicateContribution),
	/// [`ReservedToken`](IndexError::ReservedToken) for token id `u32::MAX`.
	pub fn build(datanet: u32, docs: &[Document]) -> Result<Self, IndexError> {
		let docs = by_registration(docs);
		if let Some([twice, _]) = docs.array_windows().find(|[a, b]| a.contribution == b.contribution) {
			return Err(IndexError::DuplicateContribution(twice.contribution));
		}
		let width = width_of(&docs)?;
		let tokens =
			docs.iter().fold(0usize, |sum, doc| sum.saturating_add(doc.tokens.len()).saturating_add(1));
		let layout = fitting_layout(datanet, width, docs.len(), tokens)?;

		let mut image = Vec::with_capacity(layout.total);
		layout.write_header(&mut image);
		let mut start = 0u32;
		for doc in &docs {
			image.extend_from_slice(&doc.contribution.to_le_bytes());
			image.extend_from_slice(&start.to_le_bytes());
			image.extend_from_slice(&doc.contributor);
			// Cannot overflow: `fitting_layout` bounds the number of tokens by `i32::MAX`.
			start += doc.tokens.len() as u32 + 1;
		}
		for doc in &docs {
			for token in doc.tokens.iter().chain([&layout::separator(width)]) {
				layout::push_token(&mut image, *token, width);
			}
		}
		push_suffixes(&mut image, &layout);
		let hash = layout::hash(&image);
		if let Some(place) = image.get_mut(HASHED_HEADER..HEADER) {
			place.copy_from_slice(&hash);
		}
		Ok(Self { image: Image::Built(image), layout })
	}

	/// Writes the index to `path`: first to a file beside it, then renamed into place, so that a crash
	/// leaves either the old file or the new one.
	///
	/// # Errors
	/// [`Io`](IndexError::Io).
	pub fn save(&self, path: &Path) -> Result<(), IndexError> {
		let partial = path.with_extension(format!("{}.partial", std::process::id()));
		let result = write_synced(&partial, self.image()).and_then(|()| std::fs::rename(&partial, path));
		result.map_err(|source| {
			// What matters is the first error; a partial file that cannot be removed does no harm.
			let _ = std::fs::remove_file(&partial);
			IndexError::Io { action: "write", path: path.into(), source }
		})
	}

	/// Opens a saved index memory-mapped, after checking its hash, sizes and offsets. O(size).
	///
	/// # Errors
	/// [`Io`](IndexError::Io), [`NotAnIndex`](IndexError::NotAnIndex), [`Version`](IndexError::Version),
	/// [`Corrupt`](IndexError::Corrupt).
	pub fn open(path: &Path) -> Result<Self, IndexError> {
		let io = |source| IndexError::Io { action: "open", path: path.into(), source };
		let file = File::open(path).map_err(io)?;
		// SAFETY: files in place are never written again, only replaced by rename, which leaves the mapped
		// one alone. Every read of the mapping is bounds-checked and allows for any content.
		let image = unsafe { memmap2::Mmap::map(&file) }.map_err(io)?;
		if !image.starts_with(MAGIC) {
			return Err(IndexError::NotAnIndex(path.into()));
		}
		let found = layout::u32_at(&image, MAGIC.len()).unwrap_or_default();
		if found != VERSION {
			return Err(IndexError::Version { path: path.into(), found, expected: VERSION });
		}
		let layout = Layout::check(&image).map_err(|what| IndexError::Corrupt { path: path.into(), what })?;
		Ok(Self { image: Image::Mapped(image), layout })
	}

	/// The DataNet.
	pub fn datanet(&self) -> u32 {
		self.layout.datanet
	}

	/// Number of documents.
	pub fn documents(&self) -> usize {
		self.layout.documents
	}

	/// Number of tokens in all documents.
	pub fn tokens(&self) -> usize {
		self.layout.tokens.saturating_sub(self.layout.documents)
	}

	/// Size of the index, bytes.
	pub fn bytes(&self) -> usize {
		self.layout.total
	}

	pub(crate) fn layout(&self) -> &Layout {
		&self.layout
	}

	pub(crate) fn image(&self) -> &[u8] {
		match &self.image {
			Image::Built(image) => image,
			Image::Mapped(image) => image,
		}
	}
}

/// Bytes per token: 2 when every id is below the 2-byte separator, else 4.
fn width_of(docs: &[&Document]) -> Result<usize, IndexError> {
	let mut width = 2;
	for doc in docs {
		match doc.tokens.iter().max() {
			Some(token) if *token == layout::separator(4) => {
				return Err(IndexError::ReservedToken { contribution: doc.contribution, token: *token })
			}
			Some(token) if *token >= layout::separator(2) => width = 4,
			_ => {}
		}
	}
	Ok(width)
}

/// The layout, when the suffix sorter (which counts bytes in `i32`) can take the text.
fn fitting_layout(datanet: u32, width: usize, documents: usize, tokens: usize) -> Result<Layout, IndexError> {
	let max = (i32::MAX as usize - 1) / width;
	Layout::new(datanet, width, documents, tokens)
		.filter(|_| tokens <= max)
		.ok_or(IndexError::TooLarge { tokens, max })
}

/// Sorts the suffixes of an image's text and appends those that begin at a token. Bytes of a big-endian
/// text sort as its tokens do, so the rest of the byte-wise suffix array is not needed.
fn push_suffixes(image: &mut Vec<u8>, layout: &Layout) {
	let text = image.get(layout.text_at..).unwrap_or_default();
	let mut suffixes = vec![0i32; text.len()];
	divsufsort::sort_in_place(text, &mut suffixes);
	for position in suffixes {
		let position = position as usize;
		if position.is_multiple_of(layout.width) {
			image.extend_from_slice(&((position / layout.width) as u32).to_le_bytes());
		}
	}
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
	let mut file = File::create(path)?;
	file.write_all(bytes)?;
	file.sync_all()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::layout::{DOCUMENT, SUFFIX};
	use proptest::prelude::*;

	fn doc(contribution: u32, tokens: &[u32]) -> Document {
		Document {
			contribution,
			contributor: [contribution as u8; 32],
			tokens: tokens.into(),
			text: String::new(),
		}
	}

	fn sample() -> SnapshotIndex {
		SnapshotIndex::build(5, &[doc(4, &[1, 2, 3, 1, 2, 3]), doc(7, &[]), doc(2, &[3, 1, 2])]).unwrap()
	}

	/// Writes bytes and opens them, with the hash made right first if asked: then only the other checks are
	/// left to notice.
	fn reopen(mut image: Vec<u8>, rehash: bool) -> Result<SnapshotIndex, IndexError> {
		if rehash && image.len() >= HEADER {
			let hash = layout::hash(&image);
			image[HASHED_HEADER..HEADER].copy_from_slice(&hash);
		}
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("snapshot.spans");
		std::fs::write(&path, image).unwrap();
		SnapshotIndex::open(&path)
	}

	#[test]
	fn index_answers_alike_when_saved_and_opened() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("snapshot.spans");
		let built = sample();
		std::fs::write(&path, "an older file").unwrap();
		built.save(&path).unwrap();
		let opened = SnapshotIndex::open(&path).unwrap();
		assert_eq!(opened.image(), built.image());
		assert_eq!((opened.datanet(), opened.documents(), opened.tokens()), (5, 3, 9));
		assert_eq!(opened.bytes(), HEADER + 3 * DOCUMENT + 12 * (2 + SUFFIX));
		assert_eq!(opened.spans(&[1, 2, 3], 2), built.spans(&[1, 2, 3], 2));
		assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file is left");
	}

	#[test]
	fn index_is_the_same_when_documents_come_in_another_order() {
		let docs = [doc(2, &[3, 1, 2]), doc(4, &[1, 2, 3, 1, 2, 3]), doc(7, &[])];
		assert_eq!(SnapshotIndex::build(5, &docs).unwrap().image(), sample().image());
	}

	#[test]
	fn build_is_refused_when_a_contribution_is_there_twice() {
		let result = SnapshotIndex::build(0, &[doc(3, &[1]), doc(1, &[]), doc(3, &[2])]);
		assert!(matches!(result, Err(IndexError::DuplicateContribution(3))));
	}

	#[test]
	fn build_is_refused_when_a_token_is_reserved() {
		let result = SnapshotIndex::build(0, &[doc(3, &[1, u32::MAX])]);
		assert!(matches!(result, Err(IndexError::ReservedToken { contribution: 3, token: u32::MAX })));
	}

	#[test]
	fn build_is_refused_when_the_text_is_too_large_for_the_sorter() {
		for (width, max) in [(2, 1_073_741_823), (4, 536_870_911)] {
			assert!(fitting_layout(0, width, 1, max).is_ok());
			let result = fitting_layout(0, width, 1, max + 1);
			assert!(
				matches!(result, Err(IndexError::TooLarge { tokens, max: m }) if tokens == max + 1 && m == max)
			);
		}
	}

	#[test]
	fn token_takes_four_bytes_when_it_does_not_fit_into_two() {
		let width = |token| SnapshotIndex::build(0, &[doc(0, &[token])]).unwrap().layout().width;
		assert_eq!((width(0xfffe), width(0xffff), width(0x1_0000)), (2, 4, 4));
	}

	#[test]
	fn save_is_refused_when_the_folder_is_missing() {
		let folder = tempfile::tempdir().unwrap();
		let error = sample().save(&folder.path().join("missing").join("x")).unwrap_err();
		assert!(matches!(error, IndexError::Io { action: "write", .. }), "{error}");
	}

	#[test]
	fn open_is_refused_when_the_file_is_missing_or_empty() {
		let folder = tempfile::tempdir().unwrap();
		let missing = SnapshotIndex::open(&folder.path().join("x")).err().unwrap();
		assert!(matches!(missing, IndexError::Io { action: "open", .. }), "{missing}");
		assert!(reopen(Vec::new(), false).is_err());
	}

	#[test]
	fn open_is_refused_when_the_file_is_something_else() {
		let error = reopen(b"%PDF-1.7 and so on".to_vec(), false).err().unwrap();
		assert!(matches!(error, IndexError::NotAnIndex(_)), "{error}");
	}

	#[test]
	fn open_is_refused_when_the_version_is_another() {
		let mut image = sample().image().to_vec();
		image[8] = 99;
		let error = reopen(image, true).err().unwrap();
		assert!(matches!(error, IndexError::Version { found: 99, expected: VERSION, .. }), "{error}");
	}

	#[test]
	fn open_is_refused_when_the_file_is_cut_off_at_any_byte() {
		let image = sample().image().to_vec();
		for length in 0..image.len() {
			assert!(reopen(image[..length].to_vec(), true).is_err(), "{length}");
		}
	}

	#[test]
	fn open_is_refused_when_any_byte_is_changed() {
		let image = sample().image().to_vec();
		for at in 0..image.len() {
			let mut changed = image.clone();
			changed[at] ^= 0x10;
			assert!(reopen(changed, false).is_err(), "{at}");
		}
	}

	#[test]
	fn open_names_the_fault_when_a_rehashed_file_is_inconsistent() {
		let image = sample().image().to_vec();
		let layout = *sample().layout();
		let cases: [(usize, &[u8], &str); 7] = [
			(16, &[3], "header"),
			(20, &[0xff, 0xff, 0xff, 0xff], "length"),
			(24, &[0xff; 8], "header"),
			(HEADER, &[200], "document table"),
			(HEADER + DOCUMENT + 4, &[0], "document table"),
			(layout.text_at, &[0xff, 0xff], "document table"),
			(layout.suffixes_at, &[12], "suffix array"),
		];
		for (at, bytes, wanted) in cases {
			let mut changed = image.clone();
			changed[at..at + bytes.len()].copy_from_slice(bytes);
			let error = reopen(changed, true).err().unwrap();
			assert!(matches!(&error, IndexError::Corrupt { what, .. } if what.contains(wanted)), "{error}");
		}
	}

	proptest! {
		#[test]
		fn opened_file_never_panics_when_bytes_are_changed_and_rehashed(
			changes in proptest::collection::vec((8usize..256, any::<u8>()), 1..6),
			answer in proptest::collection::vec(0u32..5, 0..20)
		) {
			let mut image = sample().image().to_vec();
			for (at, byte) in changes {
				let at = at % image.len();
				image[at] = byte;
			}
			if let Ok(index) = reopen(image, true) {
				index.spans(&answer, 1);
			}
		}
	}
}
