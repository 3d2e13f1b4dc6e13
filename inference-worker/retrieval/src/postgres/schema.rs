//! Tables: what is there once, and what each space has.

use crate::{RetrievalError, Space};
use std::fmt;
use tokio_postgres::Client;

/// Each is applied once, in order, and never changed.
const MIGRATIONS: [&str; 1] = ["
	CREATE TABLE tributary.spaces (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		digest bytea NOT NULL UNIQUE,
		datanet bigint NOT NULL,
		snapshot bigint NOT NULL,
		model bytea NOT NULL,
		chunk_tokens bigint NOT NULL,
		vectors boolean NOT NULL,
		contributions bigint NOT NULL,
		chunks bigint NOT NULL,
		copies bigint NOT NULL,
		words bigint NOT NULL DEFAULT 0,
		dimensions int,
		near real,
		complete boolean NOT NULL DEFAULT false,
		used_at timestamptz NOT NULL DEFAULT now()
	)"];
/// What everything is locked by while the schema changes.
const MIGRATING: i64 = 0x7472_6962_7574_6172;
/// An index that no worker has used for this long is dropped: each says so every minute. One that has more in it than
/// may be used goes as soon as every worker has seen that.
const UNUSED: &str = "1 hour";
const ERASED: &str = "2 minutes";
/// Widest vectors that pgvector's HNSW indexes in 32 bits, and in 16.
const MAX_INDEXED: usize = 2_000;
const MAX_HALF_INDEXED: usize = 4_000;

/// Brings the schema up to date. Workers that do it at the same time wait for each other.
pub(super) async fn migrate(client: &mut Client) -> Result<(), RetrievalError> {
	let failed = || RetrievalError::database("bring its schema up to date");
	let transaction = client.transaction().await.map_err(failed())?;
	transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATING]).await.map_err(failed())?;
	let extension = transaction.batch_execute("CREATE EXTENSION IF NOT EXISTS vector").await;
	extension.map_err(RetrievalError::database(
		"make the extension vector, which is pgvector: install it on the server and run CREATE EXTENSION vector as its owner",
	))?;
	let begin = "CREATE SCHEMA IF NOT EXISTS tributary;
		CREATE TABLE IF NOT EXISTS tributary.migrations (version bigint PRIMARY KEY, at timestamptz DEFAULT now())";
	transaction.batch_execute(begin).await.map_err(failed())?;
	let newest = "SELECT coalesce(max(version), 0) FROM tributary.migrations";
	let applied: i64 = transaction.query_one(newest, &[]).await.map_err(failed())?.get(0);
	if applied > MIGRATIONS.len() as i64 {
		let reason = format!(
			"it has version {applied}, this program knows {}; use a newer program or another database",
			MIGRATIONS.len()
		);
		return Err(RetrievalError::Database { doing: "read its schema", reason });
	}
	for (version, migration) in (1i64..).zip(MIGRATIONS) {
		if version > applied {
			transaction.batch_execute(migration).await.map_err(failed())?;
			let note = "INSERT INTO tributary.migrations (version) VALUES ($1)";
			transaction.execute(note, &[&version]).await.map_err(failed())?;
		}
	}
	transaction.commit().await.map_err(failed())
}

/// Names of a space's tables. They are made of its number alone, never of text from outside.
pub(super) struct Tables {
	pub chunks: Table,
	pub postings: Table,
	pub vocabulary: Table,
}

/// A table of one space.
#[derive(Clone, Copy)]
pub(super) struct Table {
	kind: &'static str,
	space: i64,
}

impl fmt::Display for Table {
	fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(out, "tributary.{}_{}", self.kind, self.space)
	}
}

impl Tables {
	pub fn of(space: i64) -> Self {
		let table = |kind| Table { kind, space };
		Self { chunks: table("chunks"), postings: table("postings"), vocabulary: table("vocabulary") }
	}

	/// Makes them, for vectors of this width or none.
	pub fn create(&self, dimensions: Option<usize>) -> String {
		let Self { chunks, postings, .. } = self;
		let embedding =
			dimensions.map_or(String::new(), |width| format!(", embedding vector({width}) NOT NULL"));
		format!(
			"CREATE TABLE IF NOT EXISTS {chunks} (
				row bigint PRIMARY KEY, contribution bigint NOT NULL, contributor bytea NOT NULL,
				start_byte bigint NOT NULL, tokens bigint NOT NULL, text bytea NOT NULL, hash bytea NOT NULL{embedding}
			);
			CREATE TABLE IF NOT EXISTS {postings} (
				word text NOT NULL, row bigint NOT NULL, frequency real NOT NULL, length real NOT NULL
			);"
		)
	}

	/// Makes what searches need, when all rows are there.
	pub fn index(&self, dimensions: Option<usize>) -> String {
		let Self { chunks, postings, vocabulary } = self;
		let vectors =
			match dimensions {
				Some(width) if width <= MAX_INDEXED => {
					format!("CREATE INDEX ON {chunks} USING hnsw (embedding vector_cosine_ops);")
				}
				Some(width) if width <= MAX_HALF_INDEXED => {
					format!("CREATE INDEX ON {chunks} USING hnsw ((embedding::halfvec({width})) halfvec_cosine_ops);")
				}
				// Wider ones are compared one by one.
				_ => String::new(),
			};
		format!(
			"CREATE INDEX ON {postings} (word, row) INCLUDE (frequency, length);
			CREATE TABLE {vocabulary} AS SELECT word, count(*) AS chunks FROM {postings} GROUP BY word;
			ALTER TABLE {vocabulary} ADD PRIMARY KEY (word);
			CREATE INDEX ON {chunks} (hash);
			{vectors}"
		)
	}

	fn drop(&self) -> String {
		let Self { chunks, postings, vocabulary } = self;
		format!("DROP TABLE IF EXISTS {chunks}, {postings}, {vocabulary};")
	}
}

/// What rows are ordered by, so that the index of this width is used.
pub(super) fn distance(width: usize) -> String {
	match width {
		0..=MAX_INDEXED => "embedding <=> $1::vector".into(),
		width if width <= MAX_HALF_INDEXED => {
			format!("embedding::halfvec({width}) <=> $1::vector::halfvec({width})")
		}
		_ => "embedding <=> $1::vector".into(),
	}
}

/// Drops the indexes that nobody uses: soon those of which a contribution was erased, later others. `current` are the
/// indexes in use here.
pub(super) async fn drop_unused(client: &mut Client, current: &[Space]) -> Result<(), RetrievalError> {
	let failed = || RetrievalError::database("drop indexes that are not used");
	let column = |of: fn(&Space) -> i64| current.iter().map(of).collect::<Vec<i64>>();
	let datanets = column(|space| space.snapshot.datanet.into());
	let snapshots = column(|space| space.snapshot.version.into());
	let contributions = column(|space| space.contributions as i64);
	let transaction = client.transaction().await.map_err(failed())?;
	let gone = format!(
		"DELETE FROM tributary.spaces s WHERE used_at < now() - interval '{UNUSED}'
			OR used_at < now() - interval '{ERASED}' AND EXISTS (
				SELECT FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS now (datanet, snapshot, contributions)
				WHERE now.datanet = s.datanet AND now.snapshot = s.snapshot AND now.contributions < s.contributions
			) RETURNING id"
	);
	let rows = transaction.query(&gone, &[&datanets, &snapshots, &contributions]).await.map_err(failed())?;
	for row in rows {
		let tables = Tables::of(row.try_get(0).map_err(failed())?);
		transaction.batch_execute(&tables.drop()).await.map_err(failed())?;
	}
	transaction.commit().await.map_err(failed())
}
