//! Keywords of one index: a tantivy index of one segment, so that document numbers are rows.

use crate::{index::Found, query::rarest, RetrievalError};
use std::path::Path;
use tantivy::{
	collector::TopDocs,
	directory::{Directory, MmapDirectory, RamDirectory},
	query::{BooleanQuery, Occur, Query, TermQuery},
	schema::{
		BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
		Value, STORED,
	},
	tokenizer::{PreTokenizedString, Token},
	DocAddress, Index, IndexReader, ReloadPolicy, SingleSegmentIndexWriter, TantivyDocument, Term,
};
use tributary_attribution::{words, Chunk};

/// Memory that tantivy plans its first tables by, bytes.
const MEMORY: usize = 32 << 20;

/// The fields of a chunk.
#[derive(Clone, Copy)]
struct Fields {
	words: Field,
	text: Field,
	contribution: Field,
	contributor: Field,
	start: Field,
	tokens: Field,
}

impl Fields {
	fn schema() -> (Schema, Self) {
		let mut schema = Schema::builder();
		let indexing = TextFieldIndexing::default()
			// Never asked: words come cut already.
			.set_tokenizer("raw")
			.set_index_option(IndexRecordOption::WithFreqs);
		let stored = NumericOptions::default().set_stored();
		let fields = Self {
			words: schema.add_text_field("words", TextOptions::default().set_indexing_options(indexing)),
			text: schema.add_text_field("text", STORED),
			contribution: schema.add_u64_field("contribution", stored.clone()),
			contributor: schema.add_bytes_field("contributor", BytesOptions::default().set_stored()),
			start: schema.add_u64_field("start", stored.clone()),
			tokens: schema.add_u64_field("tokens", stored),
		};
		(schema.build(), fields)
	}
}

/// Searches words, and keeps the chunks themselves.
pub(super) struct Words {
	reader: IndexReader,
	fields: Fields,
	rows: usize,
}

impl Words {
	/// Indexes chunks in a new folder, or in memory only.
	pub fn build(folder: Option<&Path>, chunks: &[Chunk]) -> Result<Self, RetrievalError> {
		let directory: Box<dyn Directory> = match folder {
			Some(folder) => {
				std::fs::create_dir_all(folder).map_err(RetrievalError::io("create", folder))?;
				Box::new(MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?)
			}
			None => Box::new(RamDirectory::create()),
		};
		let (schema, fields) = Fields::schema();
		let mut writer: SingleSegmentIndexWriter =
			Index::builder().schema(schema).single_segment_index_writer(directory, MEMORY)?;
		for chunk in chunks {
			let mut document = TantivyDocument::default();
			document.add_pre_tokenized_text(fields.words, cut(&chunk.text));
			document.add_text(fields.text, &chunk.text);
			document.add_u64(fields.contribution, chunk.contribution.into());
			document.add_bytes(fields.contributor, &chunk.contributor);
			document.add_u64(fields.start, chunk.range.start as u64);
			document.add_u64(fields.tokens, chunk.tokens as u64);
			writer.add_document(document)?;
		}
		Self::of(&writer.finalize()?, fields)
	}

	/// Opens what [`build`](Self::build) wrote and checks every byte.
	pub fn open(folder: &Path) -> Result<Self, RetrievalError> {
		let damaged = |what: String| RetrievalError::damaged(folder, what);
		let index = Index::open_in_dir(folder).map_err(|error| damaged(error.to_string()))?;
		let (schema, fields) = Fields::schema();
		if index.schema() != schema {
			return Err(RetrievalError::Stale { path: folder.into(), what: "format" });
		}
		let broken = index.validate_checksum().map_err(|error| damaged(error.to_string()))?;
		if let Some(file) = broken.into_iter().min() {
			return Err(damaged(format!("the checksum of {} does not hold", file.display())));
		}
		Self::of(&index, fields).map_err(|error| damaged(error.to_string()))
	}

	fn of(index: &Index, fields: Fields) -> Result<Self, RetrievalError> {
		let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
		let rows = usize::try_from(reader.searcher().num_docs()).unwrap_or(usize::MAX);
		Ok(Self { reader, fields, rows })
	}

	/// Number of chunks.
	pub fn rows(&self) -> usize {
		self.rows
	}

	/// The `k` best by BM25.
	pub fn search(&self, query: &[String], k: usize) -> Result<Vec<Found>, RetrievalError> {
		if self.rows == 0 || k == 0 {
			return Ok(vec![]);
		}
		let searcher = self.reader.searcher();
		let term = |word: &str| Term::from_field_text(self.fields.words, word);
		let mut known = Vec::with_capacity(query.len());
		for word in query {
			known.push((searcher.doc_freq(&term(word))?, word.clone()));
		}
		let any = rarest(known).into_iter().map(|(_, word)| {
			let one: Box<dyn Query> = Box::new(TermQuery::new(term(&word), IndexRecordOption::WithFreqs));
			(Occur::Should, one)
		});
		let best = TopDocs::with_limit(k).order_by_score();
		let found = searcher.search(&BooleanQuery::new(any.collect()), &best)?;
		Ok(found.into_iter().map(|(score, address)| Found { row: address.doc_id, score }).collect())
	}

	/// Chunks by their rows.
	pub fn chunks(&self, rows: &[u32]) -> Result<Vec<Chunk>, RetrievalError> {
		rows.iter().map(|row| self.chunk(*row)).collect()
	}

	fn chunk(&self, row: u32) -> Result<Chunk, RetrievalError> {
		let lost = || {
			let what = format!("chunk {row} lacks a field");
			RetrievalError::Keywords(tantivy::TantivyError::InternalError(what))
		};
		let document: TantivyDocument = self.reader.searcher().doc(DocAddress::new(0, row))?;
		let number = |field| document.get_first(field).and_then(|value| value.as_u64()).ok_or_else(lost);
		let text = document.get_first(self.fields.text).and_then(|value| value.as_str().map(str::to_owned));
		let contributor = document.get_first(self.fields.contributor);
		let contributor = contributor.and_then(|value| value.as_bytes()?.try_into().ok()).ok_or_else(lost)?;
		let (text, start) = (text.ok_or_else(lost)?, number(self.fields.start)? as usize);
		Ok(Chunk {
			contribution: u32::try_from(number(self.fields.contribution)?).map_err(|_| lost())?,
			contributor,
			range: start..start.saturating_add(text.len()),
			tokens: number(self.fields.tokens)? as usize,
			text,
		})
	}
}

/// A text's words in tantivy's form. Places are not indexed.
fn cut(text: &str) -> PreTokenizedString {
	let token = |(position, text)| Token { position, text, ..Token::default() };
	PreTokenizedString {
		text: String::new(),
		tokens: words(text).into_iter().enumerate().map(token).collect(),
	}
}
