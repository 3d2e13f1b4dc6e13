//! The bytes of an index: one image, the same in memory and on disk.
//!
//! ```text
//! 0   magic "TRIBSUFX"        24  tokens with separators, u64
//! 8   format version, u32     32  BLAKE3 of bytes 0..32 and 64..
//! 12  DataNet, u32            64  documents: contribution u32, start u32, contributor [u8; 32]
//! 16  bytes per token, u32    ..  text: tokens, big-endian, a separator after each document
//! 20  documents, u32          ..  suffix array: token positions, u32
//! ```
//!
//! Integers are little-endian except the text, which is big-endian so that bytes sort as tokens do.
//! The hash finds damage, not forgery: a worker opens only indexes that it built.

pub(crate) const MAGIC: &[u8; 8] = b"TRIBSUFX";
pub(crate) const VERSION: u32 = 1;
pub(crate) const HEADER: usize = 64;
pub(crate) const HASHED_HEADER: usize = 32;
pub(crate) const DOCUMENT: usize = 40;
pub(crate) const SUFFIX: usize = 4;

/// Where things are in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
	pub datanet: u32,
	/// Bytes per token, 2 or 4.
	pub width: usize,
	pub documents: usize,
	/// Tokens with separators.
	pub tokens: usize,
	pub text_at: usize,
	pub suffixes_at: usize,
	pub total: usize,
}

/// One row of the document table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
	pub contribution: u32,
	/// Position of the first token.
	pub start: usize,
	pub contributor: [u8; 32],
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
	Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
	Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// The token id that ends every document; no text contains it.
pub(crate) fn separator(width: usize) -> u32 {
	if width == 2 {
		u16::MAX.into()
	} else {
		u32::MAX
	}
}

/// Appends a token's bytes. The token fits into `width` bytes.
pub(crate) fn push_token(bytes: &mut Vec<u8>, token: u32, width: usize) {
	let wide = token.to_be_bytes();
	bytes.extend_from_slice(wide.get(4 - width.min(4)..).unwrap_or_default());
}

/// BLAKE3 of everything but the hash itself.
pub(crate) fn hash(image: &[u8]) -> [u8; 32] {
	let mut hasher = blake3::Hasher::new();
	hasher.update(image.get(..HASHED_HEADER).unwrap_or_default());
	hasher.update(image.get(HEADER..).unwrap_or_default());
	hasher.finalize().into()
}

impl Layout {
	/// `None` when the sizes do not fit into the address space.
	pub fn new(datanet: u32, width: usize, documents: usize, tokens: usize) -> Option<Self> {
		let text_at = documents.checked_mul(DOCUMENT)?.checked_add(HEADER)?;
		let suffixes_at = tokens.checked_mul(width)?.checked_add(text_at)?;
		let total = tokens.checked_mul(SUFFIX)?.checked_add(suffixes_at)?;
		Some(Self { datanet, width, documents, tokens, text_at, suffixes_at, total })
	}

	/// Appends the header with an empty hash to an empty image.
	pub fn write_header(&self, image: &mut Vec<u8>) {
		image.extend_from_slice(MAGIC);
		for value in [VERSION, self.datanet, self.width as u32, self.documents as u32] {
			image.extend_from_slice(&value.to_le_bytes());
		}
		image.extend_from_slice(&(self.tokens as u64).to_le_bytes());
		image.resize(HEADER, 0);
	}

	/// Reads a header whose magic and version are known to be right.
	fn read_header(image: &[u8]) -> Option<Self> {
		let width = usize::try_from(u32_at(image, 16)?).ok()?;
		let documents = usize::try_from(u32_at(image, 20)?).ok()?;
		let tokens = usize::try_from(u64_at(image, 24)?).ok()?;
		matches!(width, 2 | 4).then(|| Self::new(u32_at(image, 12)?, width, documents, tokens))?
	}

	/// Checks a whole image: sizes, hash, document table, separators and suffix positions. O(size).
	pub fn check(image: &[u8]) -> Result<Self, &'static str> {
		let layout = Self::read_header(image).ok_or("its header is impossible")?;
		if image.len() != layout.total {
			return Err("its length is not what its header says");
		}
		if image.get(HASHED_HEADER..HEADER) != Some(&hash(image)) {
			return Err("its bytes do not match their hash");
		}
		let documents_fit = layout.documents_fit(image).ok_or("its document table is cut off")?;
		if !documents_fit {
			return Err("its document table is not in order");
		}
		let suffixes = image.get(layout.suffixes_at..).unwrap_or_default();
		let in_text =
			|suffix: &[u8]| u32_at(suffix, 0).is_some_and(|position| (position as usize) < layout.tokens);
		if !suffixes.chunks_exact(SUFFIX).all(in_text) {
			return Err("its suffix array points outside the text");
		}
		Ok(layout)
	}

	/// Whether contributions ascend and every document ends with the only separators in the text.
	fn documents_fit(&self, image: &[u8]) -> Option<bool> {
		let (mut at, mut last) = (0, None);
		let mut separator_bytes = Vec::new();
		push_token(&mut separator_bytes, separator(self.width), self.width);
		let text = image.get(self.text_at..self.suffixes_at)?;
		for index in 0..self.documents {
			let (row, end) = (self.row(image, index)?, self.document_end(image, index)?);
			let content = match (end.checked_sub(at), row.start == at, last < Some(row.contribution)) {
				(Some(length), true, true) => text.get(at * self.width..(at + length) * self.width)?,
				_ => return Some(false),
			};
			let ends = text.get(end * self.width..)?.starts_with(&separator_bytes);
			if !ends || content.chunks_exact(self.width).any(|token| token == separator_bytes) {
				return Some(false);
			}
			(at, last) = (end + 1, Some(row.contribution));
		}
		Some(at == self.tokens)
	}

	/// A row of the document table.
	pub fn row(&self, image: &[u8], index: usize) -> Option<Row> {
		if index >= self.documents {
			return None;
		}
		let at = HEADER + index * DOCUMENT;
		Some(Row {
			contribution: u32_at(image, at)?,
			start: u32_at(image, at + 4)? as usize,
			contributor: image.get(at + 8..at + DOCUMENT)?.try_into().ok()?,
		})
	}

	/// Position of the separator that ends a document.
	pub fn document_end(&self, image: &[u8], index: usize) -> Option<usize> {
		let next = self.row(image, index + 1).map_or(self.tokens, |row| row.start);
		next.checked_sub(1).filter(|end| *end < self.tokens)
	}
}
