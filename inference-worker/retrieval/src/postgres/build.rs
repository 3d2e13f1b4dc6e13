//! Builds the tables of a space, in batches that are kept: an interrupted build goes on where it was.

use super::{connect::Connections, schema::Tables};
use crate::{
	embed::{embed, near, sampled, Known, Reporter, BATCH},
	Embedder, Progress, RetrievalError, Space,
};
use pgvector::Vector;
use std::{collections::BTreeMap, pin::pin};
use tokio_postgres::{
	binary_copy::BinaryCopyInWriter,
	types::{ToSql, Type},
	Client, Transaction,
};
use tributary_attribution::{words, Chunk, Chunks};

fn failed() -> impl FnOnce(tokio_postgres::Error) -> RetrievalError {
	RetrievalError::database("build an index")
}

pub(super) async fn build(
	connections: &Connections,
	space: &Space,
	chunks: &Chunks,
	embedder: Option<&dyn Embedder>,
	progress: &Progress,
) -> Result<(), RetrievalError> {
	let mut client = connections.connect().await?;
	// Ends with the connection. Workers that want the same index wait for the first.
	let lock = i64::from_le_bytes(space.digest.first_chunk().copied().unwrap_or_default());
	client.execute("SELECT pg_advisory_lock($1)", &[&lock]).await.map_err(failed())?;
	let begin = "INSERT INTO tributary.spaces \
		(digest, datanet, snapshot, model, chunks, copies, chunk_tokens, vectors, contributions) \
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (digest) DO UPDATE SET used_at = now() \
		RETURNING id, complete, dimensions";
	let (datanet, snapshot) = (i64::from(space.snapshot.datanet), i64::from(space.snapshot.version));
	let (all, copies) = (chunks.chunks.len() as i64, chunks.copies as i64);
	let (tokens, contributions) = (space.chunk_tokens as i64, space.contributions as i64);
	let (digest, model) = (space.digest.as_slice(), space.model.as_slice());
	let parameters: [&(dyn ToSql + Sync); 9] =
		[&digest, &datanet, &snapshot, &model, &all, &copies, &tokens, &space.vectors, &contributions];
	let row = client.query_one(begin, &parameters).await.map_err(failed())?;
	let id: i64 = row.try_get(0).map_err(failed())?;
	if row.try_get(1).map_err(failed())? {
		return Ok(());
	}
	let dimensions: Option<i32> = row.try_get(2).map_err(failed())?;
	let mut build = Build {
		client: &mut client,
		space,
		tables: Tables::of(id),
		id,
		dimensions: dimensions.and_then(|width| usize::try_from(width).ok()),
	};
	build.fill(&chunks.chunks, embedder, progress).await?;
	build.finish(chunks.chunks.len(), embedder.is_some()).await
}

struct Build<'a> {
	client: &'a mut Client,
	space: &'a Space,
	tables: Tables,
	id: i64,
	/// Width of the vectors, when it is known.
	dimensions: Option<usize>,
}

impl Build<'_> {
	/// Writes the rows that are not there yet.
	async fn fill(
		&mut self,
		chunks: &[Chunk],
		embedder: Option<&dyn Embedder>,
		progress: &Progress,
	) -> Result<(), RetrievalError> {
		progress.begin(chunks.len());
		let there = self.rows().await?.min(chunks.len());
		progress.add(there);
		let mut reporter = Reporter::new(self.space.name(), progress);
		for (number, batch) in chunks.get(there..).unwrap_or_default().chunks(BATCH).enumerate() {
			let vectors = match embedder {
				Some(embedder) => Some(self.vectors(batch, embedder).await?),
				None => None,
			};
			self.write(there + number * BATCH, batch, vectors).await?;
			progress.add(batch.len());
			reporter.report();
		}
		Ok(())
	}

	/// How many rows an earlier build has written.
	async fn rows(&self) -> Result<usize, RetrievalError> {
		let named = self.tables.chunks.to_string();
		let there = self.client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&named]).await;
		if !there.map_err(failed())?.try_get::<_, bool>(0).map_err(failed())? {
			return Ok(0);
		}
		let count = self.client.query_one(&format!("SELECT count(*) FROM {named}"), &[]).await;
		let count: i64 = count.map_err(failed())?.try_get(0).map_err(failed())?;
		Ok(usize::try_from(count).unwrap_or_default())
	}

	/// The vectors of a batch: those of another index of the DataNet where it has them, the others from the model.
	async fn vectors(
		&mut self,
		batch: &[Chunk],
		embedder: &dyn Embedder,
	) -> Result<Vec<Vec<f32>>, RetrievalError> {
		let hashes: Vec<_> =
			batch.iter().map(|chunk| *blake3::hash(chunk.text.as_bytes()).as_bytes()).collect();
		let mut known = self.known(&hashes).await?;
		let missing: Vec<_> =
			batch.iter().zip(&hashes).filter(|(_, hash)| !known.contains_key(*hash)).collect();
		if !missing.is_empty() {
			let texts = missing.iter().map(|(chunk, _)| chunk.text.clone()).collect();
			let embedded = embed(embedder, texts, self.dimensions).await?;
			known.extend(missing.iter().map(|(_, hash)| **hash).zip(embedded));
		}
		let vectors: Vec<Vec<f32>> = hashes.iter().filter_map(|hash| known.get(hash).cloned()).collect();
		self.dimensions = self.dimensions.or(vectors.first().map(Vec::len));
		Ok(vectors)
	}

	async fn known(&self, hashes: &[[u8; 32]]) -> Result<Known, RetrievalError> {
		let others =
			"SELECT id, dimensions FROM tributary.spaces WHERE datanet = $1 AND model = $2 AND complete \
			AND dimensions IS NOT NULL ORDER BY used_at DESC, id DESC LIMIT 1";
		let datanet = i64::from(self.space.snapshot.datanet);
		let other = self.client.query_opt(others, &[&datanet, &self.space.model.as_slice()]).await;
		let Some(other) = other.map_err(failed())? else { return Ok(Known::new()) };
		let width: i32 = other.try_get(1).map_err(failed())?;
		if self.dimensions.is_some_and(|dimensions| usize::try_from(width) != Ok(dimensions)) {
			return Ok(Known::new());
		}
		let tables = Tables::of(other.try_get(0).map_err(failed())?);
		let wanted: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
		let take = format!("SELECT hash, embedding FROM {} WHERE hash = ANY($1)", tables.chunks);
		let rows = match self.client.query(&take, &[&wanted]).await {
			Ok(rows) => rows,
			// Another worker has just dropped it.
			Err(error) if error.code() == Some(&tokio_postgres::error::SqlState::UNDEFINED_TABLE) => vec![],
			Err(error) => return Err(failed()(error)),
		};
		let vector = |row: &tokio_postgres::Row| {
			let hash: &[u8] = row.try_get(0)?;
			Ok((hash.try_into().unwrap_or_default(), row.try_get::<_, Vector>(1)?.into()))
		};
		rows.iter().map(vector).collect::<Result<_, _>>().map_err(failed())
	}

	/// Writes a batch, all of it or nothing.
	async fn write(
		&mut self,
		first: usize,
		batch: &[Chunk],
		vectors: Option<Vec<Vec<f32>>>,
	) -> Result<(), RetrievalError> {
		let width = vectors.is_some().then_some(self.dimensions).flatten();
		let transaction = self.client.transaction().await.map_err(failed())?;
		if first == 0 {
			transaction.batch_execute(&self.tables.create(width)).await.map_err(failed())?;
		}
		let stored = width.and_then(|width| i32::try_from(width).ok());
		let note = "UPDATE tributary.spaces SET dimensions = $2, used_at = now() WHERE id = $1";
		transaction.execute(note, &[&self.id, &stored]).await.map_err(failed())?;
		copy_chunks(&transaction, &self.tables, first, batch, vectors).await?;
		copy_postings(&transaction, &self.tables, first, batch).await?;
		transaction.commit().await.map_err(failed())
	}

	/// Makes what searches need, and the space whole.
	async fn finish(&mut self, rows: usize, has_vectors: bool) -> Result<(), RetrievalError> {
		let near = match has_vectors {
			true if rows > 0 => Some(near(&self.sample(rows).await?)),
			_ => None,
		};
		let Tables { chunks, postings, vocabulary } = &self.tables;
		let transaction = self.client.transaction().await.map_err(failed())?;
		let mut words = 0i64;
		if rows > 0 {
			let index = self.tables.index(self.dimensions.filter(|_| has_vectors));
			transaction.batch_execute(&index).await.map_err(failed())?;
			let count = format!("SELECT coalesce(sum(frequency::bigint), 0)::bigint FROM {postings}");
			words =
				transaction.query_one(&count, &[]).await.map_err(failed())?.try_get(0).map_err(failed())?;
		}
		let done = "UPDATE tributary.spaces SET complete = true, words = $2, near = $3, used_at = now() WHERE id = $1";
		transaction.execute(done, &[&self.id, &words, &near]).await.map_err(failed())?;
		transaction.commit().await.map_err(failed())?;
		if rows > 0 {
			let analyze = format!("VACUUM ANALYZE {chunks}, {postings}, {vocabulary}");
			self.client.batch_execute(&analyze).await.map_err(failed())?;
		}
		Ok(())
	}

	async fn sample(&self, rows: usize) -> Result<Vec<Vec<f32>>, RetrievalError> {
		let wanted: Vec<i64> = sampled(rows).filter_map(|row| i64::try_from(row).ok()).collect();
		let take = format!("SELECT embedding FROM {} WHERE row = ANY($1) ORDER BY row", self.tables.chunks);
		let rows = self.client.query(&take, &[&wanted]).await.map_err(failed())?;
		let vectors = rows.iter().map(|row| row.try_get::<_, Vector>(0).map(Vec::from));
		vectors.collect::<Result<_, _>>().map_err(failed())
	}
}

async fn copy_chunks(
	transaction: &Transaction<'_>,
	tables: &Tables,
	first: usize,
	batch: &[Chunk],
	vectors: Option<Vec<Vec<f32>>>,
) -> Result<(), RetrievalError> {
	let has_vectors = vectors.is_some();
	let columns = "row, contribution, contributor, start_byte, tokens, text, hash";
	let columns = if has_vectors { format!("{columns}, embedding") } else { columns.into() };
	let mut types =
		vec![Type::INT8, Type::INT8, Type::BYTEA, Type::INT8, Type::INT8, Type::BYTEA, Type::BYTEA];
	if has_vectors {
		// The server numbers the types of extensions.
		let ask = transaction.prepare("SELECT NULL::vector").await.map_err(failed())?;
		types.extend(ask.columns().first().map(|column| column.type_().clone()));
	}
	let copy = format!("COPY {} ({columns}) FROM STDIN BINARY", tables.chunks);
	let sink = transaction.copy_in(&copy).await.map_err(failed())?;
	let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
	let mut vectors = vectors.unwrap_or_default().into_iter().map(Vector::from);
	for (row, chunk) in (first..).zip(batch) {
		let hash = blake3::hash(chunk.text.as_bytes());
		let (row, contribution) = (row as i64, i64::from(chunk.contribution));
		let (start, tokens) = (chunk.range.start as i64, chunk.tokens as i64);
		let (contributor, text, hash) =
			(chunk.contributor.as_slice(), chunk.text.as_bytes(), hash.as_bytes().as_slice());
		let mut values: Vec<&(dyn ToSql + Sync)> =
			vec![&row, &contribution, &contributor, &start, &tokens, &text, &hash];
		let vector = vectors.next();
		if let Some(vector) = &vector {
			values.push(vector);
		}
		if values.len() != types.len() {
			return Err(RetrievalError::Embedding("a vector is missing".into()));
		}
		writer.as_mut().write(&values).await.map_err(failed())?;
	}
	writer.finish().await.map_err(failed())?;
	Ok(())
}

async fn copy_postings(
	transaction: &Transaction<'_>,
	tables: &Tables,
	first: usize,
	batch: &[Chunk],
) -> Result<(), RetrievalError> {
	let copy = format!("COPY {} (word, row, frequency, length) FROM STDIN BINARY", tables.postings);
	let sink = transaction.copy_in(&copy).await.map_err(failed())?;
	let types = [Type::TEXT, Type::INT8, Type::FLOAT4, Type::FLOAT4];
	let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
	for (row, chunk) in (first as i64..).zip(batch) {
		let words = words(&chunk.text);
		let length = words.len() as f32;
		let mut frequencies: BTreeMap<String, f32> = BTreeMap::new();
		for word in words {
			*frequencies.entry(word).or_default() += 1.0;
		}
		for (word, frequency) in &frequencies {
			writer.as_mut().write(&[word, &row, frequency, &length]).await.map_err(failed())?;
		}
	}
	writer.finish().await.map_err(failed())?;
	Ok(())
}
