//! Indexes in PostgreSQL with pgvector, for what outgrows one machine or is shared by several workers.
//!
//! Each space has tables of its own: chunks with their vectors, postings of their words, and the words with the number
//! of chunks they are in. BM25 is computed from the postings, as in files, because PostgreSQL's own ranking knows no
//! word frequencies over all chunks. Vectors have an HNSW index, up to the widths that pgvector can index.

mod build;
mod connect;
mod schema;

use crate::{
	embed::NOWHERE, query::rarest, ChunkIndex, ChunkStore, Embedder, Found, Progress, Query, RetrievalError,
	Space, Summary,
};
use async_trait::async_trait;
use connect::Connections;
use pgvector::Vector;
use schema::Tables;
use std::{
	collections::BTreeSet,
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::sync::Mutex;
use tokio_postgres::Row;
use tributary_attribution::{Chunk, Chunks};
use tributary_primitives::SnapshotRef;

/// BM25's parameters, those of tantivy.
const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Pause between looks for what can be dropped.
const TIDY: Duration = Duration::from_secs(60);

/// Keeps indexes in a PostgreSQL server with the extension pgvector.
pub struct Postgres {
	connections: Arc<Connections>,
	tidied: Mutex<Option<Instant>>,
}

impl Postgres {
	/// Indexes in the database that `url` (`postgres://user:password@host/database`, or `host=… user=…`) names. Nothing is
	/// asked of the server yet: it is reached, and its schema brought up to date, when an index is wanted.
	///
	/// # Errors
	/// When `url` is none.
	pub fn new(url: &str) -> Result<Self, RetrievalError> {
		Ok(Self { connections: Arc::new(Connections::new(url)?), tidied: Mutex::new(None) })
	}
}

#[async_trait]
impl ChunkStore for Postgres {
	async fn open(&self, space: &Space) -> Result<Option<Arc<dyn ChunkIndex>>, RetrievalError> {
		const DOING: &str = "look for an index";
		let find = "UPDATE tributary.spaces SET used_at = now() WHERE digest = $1 AND complete \
			RETURNING id, chunks, copies, words, dimensions, near";
		let looking = async {
			let client = self.connections.get().await?;
			let row = client.query_opt(find, &[&space.digest.as_slice()]).await;
			row.map_err(RetrievalError::database(DOING))
		};
		Ok(match self.connections.within(DOING, looking).await? {
			Some(row) => Some(Arc::new(PostgresIndex::of(self.connections.clone(), *space, &row)?)),
			None => None,
		})
	}

	async fn build(
		&self,
		space: &Space,
		chunks: Chunks,
		embedder: Option<&dyn Embedder>,
		progress: &Progress,
	) -> Result<Arc<dyn ChunkIndex>, RetrievalError> {
		build::build(&self.connections, space, &chunks, embedder, progress).await?;
		self.open(space).await?.ok_or_else(|| RetrievalError::Gone(space.name()))
	}

	async fn touch(&self, space: &Space) -> Result<(), RetrievalError> {
		match self.open(space).await? {
			Some(_) => Ok(()),
			None => Err(RetrievalError::Gone(space.name())),
		}
	}

	async fn retain(&self, _: &BTreeSet<SnapshotRef>, current: &[Space]) -> Result<(), RetrievalError> {
		let mut tidied = self.tidied.lock().await;
		if tidied.is_none_or(|at| at.elapsed() >= TIDY) {
			let dropping = async {
				let mut client = self.connections.connect().await?;
				schema::drop_unused(&mut client, current).await
			};
			self.connections.within("drop indexes that are not used", dropping).await?;
			*tidied = Some(Instant::now());
		}
		Ok(())
	}
}

struct PostgresIndex {
	connections: Arc<Connections>,
	space: Space,
	summary: Summary,
	tables: Tables,
	/// Words of a chunk, on average.
	average: f64,
}

impl PostgresIndex {
	fn of(connections: Arc<Connections>, space: Space, row: &Row) -> Result<Self, RetrievalError> {
		let reading = || RetrievalError::database("read an index");
		let number = |name: &str| row.try_get::<_, i64>(name).map_err(reading());
		let (chunks, words) = (number("chunks")?, number("words")?);
		let dimensions: Option<i32> = row.try_get("dimensions").map_err(reading())?;
		let near: Option<f32> = row.try_get("near").map_err(reading())?;
		let summary = Summary {
			chunks: usize::try_from(chunks).unwrap_or_default(),
			copies: usize::try_from(number("copies")?).unwrap_or_default(),
			dimensions: dimensions.and_then(|width| usize::try_from(width).ok()),
			near: near.unwrap_or(NOWHERE),
		};
		let tables = Tables::of(number("id")?);
		Ok(Self { connections, space, summary, tables, average: words as f64 / chunks.max(1) as f64 })
	}

	/// A query that failed because its tables were dropped says so.
	fn failed(&self, doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> RetrievalError {
		let name = self.space.name();
		move |error| match error.code() {
			Some(code) if *code == tokio_postgres::error::SqlState::UNDEFINED_TABLE => {
				RetrievalError::Gone(name)
			}
			_ => RetrievalError::database(doing)(error),
		}
	}

	async fn ask(
		&self,
		doing: &'static str,
		sql: &str,
		parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
	) -> Result<Vec<Row>, RetrievalError> {
		let asking = async {
			let client = self.connections.get().await?;
			client.query(sql, parameters).await.map_err(self.failed(doing))
		};
		self.connections.within(doing, asking).await
	}
}

fn found(row: &Row) -> Result<Found, tokio_postgres::Error> {
	let (number, score): (i64, f64) = (row.try_get(0)?, row.try_get(1)?);
	Ok(Found { row: u32::try_from(number).unwrap_or(u32::MAX), score: score as f32 })
}

#[async_trait]
impl ChunkIndex for PostgresIndex {
	fn space(&self) -> &Space {
		&self.space
	}

	fn summary(&self) -> Summary {
		self.summary
	}

	async fn by_keywords(&self, query: &Query, k: usize) -> Result<Vec<Found>, RetrievalError> {
		const DOING: &str = "search by keywords";
		if self.summary.chunks == 0 || query.words.is_empty() {
			return Ok(vec![]);
		}
		let Tables { vocabulary, postings, .. } = &self.tables;
		let known = format!("SELECT word, chunks FROM {vocabulary} WHERE word = ANY($1)");
		let rows = self.ask(DOING, &known, &[&query.words]).await?;
		let known = rows.iter().map(|row| Ok((row.try_get::<_, i64>(1)?.unsigned_abs(), row.try_get(0)?)));
		let known = known.collect::<Result<Vec<_>, _>>().map_err(self.failed(DOING))?;
		let all = self.summary.chunks as f64;
		let idf = |chunks: u64| (1.0 + (all - chunks as f64 + 0.5) / (chunks as f64 + 0.5)).ln();
		let (words, idf): (Vec<String>, Vec<f64>) =
			rarest(known).into_iter().map(|(chunks, word)| (word, idf(chunks))).unzip();
		// Summed as decimals: floating sums depend on their order, which is the server's.
		let ranked = format!(
			"SELECT row, sum((idf * frequency * {k} / (frequency + {K1} * ({rest} + {B} * length / $3)))::numeric(30, 9))
				::float8 AS score
			FROM {postings} JOIN unnest($1::text[], $2::float8[]) AS asked (word, idf) USING (word)
			GROUP BY row ORDER BY score DESC, row LIMIT $4",
			k = K1 + 1.0,
			rest = 1.0 - B,
		);
		let rows = self.ask(DOING, &ranked, &[&words, &idf, &self.average, &(k as i64)]).await?;
		rows.iter().map(found).collect::<Result<_, _>>().map_err(self.failed(DOING))
	}

	async fn by_vector(&self, query: &Query, k: usize) -> Result<Vec<Found>, RetrievalError> {
		const DOING: &str = "search by vectors";
		let vector = query.vector.as_ref().filter(|vector| self.summary.dimensions == Some(vector.len()));
		let (Some(vector), true) = (vector, self.summary.chunks > 0) else { return Ok(vec![]) };
		let (chunks, width) = (&self.tables.chunks, vector.len());
		let distance = schema::distance(width);
		let nearest = format!(
			"SELECT row, 1 - (embedding <=> $1::vector) AS score FROM {chunks} ORDER BY {distance} LIMIT $2"
		);
		let rows = self.ask(DOING, &nearest, &[&Vector::from(vector.clone()), &(k as i64)]).await?;
		let found = rows.iter().map(found).collect::<Result<Vec<_>, _>>();
		let mut found = found.map_err(self.failed(DOING))?;
		found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.row.cmp(&b.row)));
		Ok(found)
	}

	async fn chunks(&self, rows: &[u32]) -> Result<Vec<Chunk>, RetrievalError> {
		const DOING: &str = "read chunks";
		let wanted: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
		let read = format!(
			"SELECT contribution, contributor, start_byte, tokens, text FROM {} \
			JOIN unnest($1::bigint[]) WITH ORDINALITY AS wanted (row, place) USING (row) ORDER BY place",
			self.tables.chunks
		);
		let found = self.ask(DOING, &read, &[&wanted]).await?;
		let chunks = found.iter().map(chunk).collect::<Result<Vec<_>, _>>().map_err(self.failed(DOING))?;
		match chunks.len() == rows.len() {
			true => Ok(chunks),
			false => Err(RetrievalError::Gone(self.space.name())),
		}
	}
}

fn chunk(row: &Row) -> Result<Chunk, tokio_postgres::Error> {
	let contributor: &[u8] = row.try_get(1)?;
	let number = |at: usize| row.try_get::<_, i64>(at);
	let text = String::from_utf8_lossy(row.try_get(4)?).into_owned();
	let start = usize::try_from(number(2)?).unwrap_or_default();
	Ok(Chunk {
		contribution: u32::try_from(number(0)?).unwrap_or(u32::MAX),
		contributor: contributor.try_into().unwrap_or_default(),
		range: start..start.saturating_add(text.len()),
		tokens: usize::try_from(number(3)?).unwrap_or_default(),
		text,
	})
}
