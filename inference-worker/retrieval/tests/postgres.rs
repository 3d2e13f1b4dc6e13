//! Indexes in a real PostgreSQL server, which TRIBUTARY_TEST_POSTGRES names: `scripts/test.sh postgres` starts one.

mod common;

use common::{behaves, build, documents, find, goes_on, letters, query, rows, space, text, Letters};
use std::{collections::BTreeSet, sync::Arc};
use tokio_postgres::{Client, NoTls};
use tributary_attribution::Chunks;
use tributary_retrieval::{
	search, ChunkIndex, ChunkStore, Memory, Postgres, Progress, Query, RetrievalError,
};

/// A database of its own for each test.
async fn database(name: &str) -> (Postgres, String) {
	let server = std::env::var("TRIBUTARY_TEST_POSTGRES").expect("scripts/test.sh postgres sets it");
	let client = client(&server).await;
	client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
	client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
	let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
	(Postgres::new(&url).unwrap(), url)
}

async fn client(url: &str) -> Client {
	let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
	tokio::spawn(connection);
	client
}

async fn tables(client: &Client) -> Vec<String> {
	let list = "SELECT tablename FROM pg_tables WHERE schemaname = 'tributary' ORDER BY tablename";
	client.query(list, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
#[ignore = "needs a server"]
async fn index_is_found_reused_and_renewed_when_in_postgres() {
	let (store, url) = database("behaves").await;
	behaves(&store, 1).await;
	// And by another worker.
	let left: Vec<u32> = (0..210).filter(|c| *c != 17 && *c != 30).collect();
	let index = Postgres::new(&url).unwrap().open(&space(1, 2, &left)).await.unwrap().unwrap();
	assert_eq!(find(&index, &text(205)).await[0], 205);
	// pgvector's index is there.
	let hnsw =
		"SELECT count(*) FROM pg_indexes WHERE schemaname = 'tributary' AND indexdef LIKE '%USING hnsw%'";
	let count: i64 = client(&url).await.query_one(hnsw, &[]).await.unwrap().get(0);
	assert_eq!(count, 3, "of the two snapshots, and of one after its erasure");
}

#[tokio::test]
#[ignore = "needs a server"]
async fn build_goes_on_when_it_was_interrupted_in_postgres() {
	goes_on(&database("goes_on").await.0, 1).await;
}

#[tokio::test]
#[ignore = "needs a server"]
async fn postgres_and_memory_agree_when_they_hold_the_same_chunks() {
	let (store, _) = database("agrees").await;
	let (letters, all) = (Letters::default(), (0..300).collect::<Vec<u32>>());
	let space = space(1, 1, &all);
	let server = build(&store, &space, &all, &letters).await.unwrap();
	let memory = build(&Memory::default(), &space, &all, &letters).await.unwrap();
	assert_eq!(server.summary().chunks, memory.summary().chunks);
	assert!((server.summary().near - memory.summary().near).abs() < 1e-6);
	for n in (0..300).step_by(7) {
		let query = query(&text(n));
		let (ours, theirs) =
			(server.by_keywords(&query, 10).await.unwrap(), memory.by_keywords(&query, 10).await.unwrap());
		// Nearly equal chunks may change places: one sums decimals, the other 32-bit floats.
		assert_eq!((ours[0].row, ours.len()), (theirs[0].row, theirs.len()), "{n}");
		for (a, b) in ours.iter().zip(&theirs) {
			assert!((a.score - b.score).abs() < 1e-3 * b.score, "{n}: {a:?} {b:?}");
		}
		// An HNSW scan may miss a neighbour; with so few it hardly does.
		let (ours, theirs) =
			(server.by_vector(&query, 10).await.unwrap(), memory.by_vector(&query, 10).await.unwrap());
		let both = rows(&ours).iter().filter(|row| rows(&theirs).contains(row)).count();
		assert!(both >= 9, "{n}: {ours:?} {theirs:?}");
		assert_eq!(ours[0].row, theirs[0].row);
	}
}

#[tokio::test]
#[ignore = "needs a server"]
async fn one_index_is_built_when_several_workers_want_it_at_once() {
	let (_, url) = database("at_once").await;
	let (letters, all) = (Letters::default(), (0..100).collect::<Vec<u32>>());
	let space = space(1, 1, &all);
	let stores: Vec<Postgres> = (0..4).map(|_| Postgres::new(&url).unwrap()).collect();
	let builds = stores.iter().map(|store| build(store, &space, &all, &letters));
	let built = futures::future::try_join_all(builds).await.unwrap();
	assert_eq!((built.len(), letters.count()), (4, 100));
	assert_eq!(
		tables(&client(&url).await).await,
		["chunks_1", "migrations", "postings_1", "spaces", "vocabulary_1"]
	);
}

#[tokio::test]
#[ignore = "needs a server"]
async fn tables_are_dropped_when_a_contribution_was_erased_or_nobody_uses_them() {
	let (store, url) = database("dropped").await;
	let letters = Letters::default();
	let spaces = [space(1, 1, &[0, 1, 2]), space(1, 1, &[0, 1]), space(2, 1, &[0])];
	let mut indexes: Vec<Arc<dyn ChunkIndex>> = Vec::new();
	for (space, contributions) in spaces.iter().zip([&[0, 1, 2][..], &[0, 1], &[0]]) {
		indexes.push(build(&store, space, contributions, &letters).await.unwrap());
	}
	let client = client(&url).await;
	let current = &spaces[1..];
	let used = BTreeSet::from([spaces[1].snapshot, spaces[2].snapshot]);
	let tidy = |store: Postgres| {
		let used = used.clone();
		async move { store.retain(&used, current).await.unwrap() }
	};
	// Another worker may not have seen the erasure yet.
	tidy(Postgres::new(&url).unwrap()).await;
	assert_eq!(tables(&client).await.len(), 3 * 3 + 2);
	client.batch_execute("UPDATE tributary.spaces SET used_at = now() - interval '3 minutes'").await.unwrap();
	store.touch(&spaces[2]).await.unwrap();
	tidy(Postgres::new(&url).unwrap()).await;
	assert_eq!(tables(&client).await.len(), 2 * 3 + 2, "only what holds more than may be used is gone");
	for gone in [
		indexes[0].by_keywords(&query("only1"), 3).await.map(drop),
		indexes[0].by_vector(&query("only1"), 3).await.map(drop),
		indexes[0].chunks(&[0]).await.map(drop),
		store.touch(&spaces[0]).await,
	] {
		assert!(matches!(gone, Err(RetrievalError::Gone(_))), "{gone:?}");
	}
	assert_eq!(find(&indexes[1], &text(1)).await[0], 1);
	client.batch_execute("UPDATE tributary.spaces SET used_at = now() - interval '2 hours'").await.unwrap();
	store.touch(&spaces[2]).await.unwrap();
	tidy(Postgres::new(&url).unwrap()).await;
	assert_eq!(tables(&client).await.len(), 3 + 2);
}

#[tokio::test]
#[ignore = "needs a server"]
async fn neighbours_are_found_when_vectors_are_too_wide_for_an_index() {
	struct Wide(usize);
	#[async_trait::async_trait]
	impl tributary_retrieval::Embedder for Wide {
		async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
			Ok(texts.iter().map(|text| wide(text, self.0)).collect())
		}
	}
	fn wide(text: &str, width: usize) -> Vec<f32> {
		let mut vector = vec![0.0; width];
		vector[..8].copy_from_slice(&letters(text));
		vector
	}
	let (store, url) = database("wide").await;
	let all: Vec<u32> = (0..100).collect();
	for (datanet, width, indexed) in [(1, 3_000, true), (2, 5_000, false)] {
		let space = space(datanet, 1, &all);
		let chunks = Chunks::cut(&documents(&all), common::TOKENS);
		let index = store.build(&space, chunks, Some(&Wide(width)), &Progress::default()).await.unwrap();
		let query = Query::new("", Some(wide(&text(60), width)));
		assert_eq!(rows(&index.by_vector(&query, 1).await.unwrap()), [60]);
		let hnsw = format!(
			"SELECT count(*) FROM pg_indexes WHERE tablename = 'chunks_{datanet}' AND indexdef LIKE '%USING hnsw%'"
		);
		let count: i64 = client(&url).await.query_one(&hnsw, &[]).await.unwrap().get(0);
		assert_eq!(count == 1, indexed);
	}
}

#[tokio::test]
#[ignore = "needs a server"]
async fn search_goes_on_when_the_server_closed_its_connections() {
	let (store, url) = database("closed").await;
	let index = build(&store, &space(1, 1, &[0, 1]), &[0, 1], &Letters::default()).await.unwrap();
	assert_eq!(find(&index, &text(1)).await[0], 1);
	let close = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'closed' AND pid <> pg_backend_pid()";
	client(&url).await.batch_execute(close).await.unwrap();
	let mut answers = Vec::new();
	for _ in 0..12 {
		// What was on its way fails, and nothing more.
		answers.push(search(std::slice::from_ref(&index), &query(&text(1)), 4).await.is_ok());
		tokio::time::sleep(std::time::Duration::from_millis(20)).await;
	}
	assert!(answers.iter().rev().take(8).all(|answered| *answered), "{answers:?}");
}

#[tokio::test]
#[ignore = "needs a server"]
async fn database_is_refused_when_its_schema_is_newer() {
	let (store, url) = database("newer").await;
	assert!(store.open(&space(1, 1, &[0])).await.unwrap().is_none());
	client(&url).await.batch_execute("INSERT INTO tributary.migrations (version) VALUES (99)").await.unwrap();
	let error =
		Postgres::new(&url).unwrap().open(&space(1, 1, &[0])).await.map(drop).unwrap_err().to_string();
	assert!(error.contains("version 99") && error.contains("newer program"), "{error}");
}

#[tokio::test]
async fn error_names_the_setting_when_no_server_answers() {
	let store = Postgres::new("postgres://worker:secret@127.0.0.1:9/tributary").unwrap();
	let error = store.open(&space(1, 1, &[0])).await.map(drop).unwrap_err().to_string();
	assert!(error.contains("retrieval.postgres") && !error.contains("secret"), "{error}");
	assert!(store.retain(&BTreeSet::new(), &[]).await.is_err());
}

#[test]
fn address_is_refused_when_it_is_none_or_asks_for_tls() {
	for url in ["http://127.0.0.1", "postgres://h/d?sslmode=require", "postgres://h:port/d"] {
		let error = Postgres::new(url).map(drop).unwrap_err();
		assert!(matches!(error, RetrievalError::Database { .. }), "{url}: {error}");
	}
}
