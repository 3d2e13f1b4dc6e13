//! The chunks that an answer is given, and how it cites them.

use crate::{embedder::embed, indexes::DataNetIndex, metrics};
use serde::Serialize;
use std::{sync::Arc, time::Instant};
use tributary_attribution::Hit;
use tributary_client::keys::address;
use tributary_engine::Engine;
use tributary_primitives::AccountId;
use tributary_retrieval::{search, Query, RetrievalError};

/// The `chunks` best chunks over all these DataNets, best first, for a question and its embedding, if that is known. Where
/// it cannot be embedded, for the queue is full say, keywords alone decide, and the evidence shows no ranks by vectors.
pub async fn retrieve(
	engine: &Engine,
	indexes: &[Arc<DataNetIndex>],
	question: &str,
	embedding: Option<Vec<f32>>,
	payer: AccountId,
	chunks: usize,
) -> Result<Vec<Hit>, RetrievalError> {
	if chunks == 0 || indexes.is_empty() || question.trim().is_empty() {
		return Ok(vec![]);
	}
	let began = Instant::now();
	let indexes: Vec<_> = indexes.iter().map(|index| index.chunks.clone()).collect();
	let has_vectors = indexes.iter().any(|index| index.summary().dimensions.is_some());
	let vector = match embedding {
		None if has_vectors => {
			let embedded = embed(engine, question, payer).await.inspect_err(|error| {
				tracing::warn!(%error, "a question was not embedded: its chunks are found by keywords alone");
			});
			embedded.ok()
		}
		known => known,
	};
	let hits = search(&indexes, &Query::new(question, vector), chunks).await?;
	metrics::retrieved(hits.len(), began.elapsed());
	Ok(hits)
}

/// What a mark in an answer's sources stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Citation {
	/// The number that the model saw: `[1]` is the first.
	pub mark: usize,
	/// The DataNet.
	pub datanet: u32,
	/// The contribution in it.
	pub contribution: u32,
	/// Address of its contributor.
	pub contributor: String,
	/// Where the chunk begins in the contribution's text, bytes.
	pub start: usize,
	/// Where it ends, bytes.
	pub end: usize,
	/// BLAKE3 of the chunk's text.
	pub text: String,
}

/// The citations of an answer whose context held these chunks, in order of their marks.
pub fn citations(hits: &[Hit]) -> Vec<Citation> {
	let cite = |(mark, Hit { datanet, chunk, .. }): (usize, &Hit)| Citation {
		mark,
		datanet: *datanet,
		contribution: chunk.contribution,
		contributor: address(&chunk.contributor),
		start: chunk.range.start,
		end: chunk.range.end,
		text: format!("0x{}", blake3::hash(chunk.text.as_bytes()).to_hex()),
	};
	(1..).zip(hits).map(cite).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_attribution::{Chunk, Ranks};

	#[test]
	fn citation_names_who_wrote_what_where_when_a_chunk_was_in_the_context() {
		let chunk =
			Chunk { contribution: 5, contributor: [7; 32], range: 10..13, tokens: 1, text: "owl".into() };
		let hit = Hit { datanet: 3, chunk, ranks: Ranks { keyword: Some(1), vector: None } };
		let cited = citations(&[hit.clone(), hit]);
		assert_eq!(cited.iter().map(|citation| citation.mark).collect::<Vec<_>>(), [1, 2]);
		let Citation { datanet, contribution, contributor, start, end, text, .. } = &cited[0];
		assert_eq!((*datanet, *contribution, *start, *end), (3, 5, 10, 13));
		assert_eq!(*contributor, address(&[7; 32]));
		assert_eq!(*text, format!("0x{}", blake3::hash(b"owl").to_hex()));
	}
}
