//! What every kind of store is asked in its tests.

use async_trait::async_trait;
use std::sync::{
	atomic::{AtomicUsize, Ordering::Relaxed},
	Arc,
};
use tributary_attribution::{Chunks, Document};
use tributary_primitives::SnapshotRef;
use tributary_retrieval::{search, ChunkIndex, ChunkStore, Embedder, Found, Progress, Query, Space};

/// Tokens of a chunk: every document here is one.
pub const TOKENS: usize = 64;
/// Content hash of the model.
pub const MODEL: [u8; 32] = [7; 32];

/// Puts letters into eight places, and counts the texts that it was given. Fails after `left` of them.
pub struct Letters {
	pub embedded: AtomicUsize,
	pub left: AtomicUsize,
}

impl Default for Letters {
	fn default() -> Self {
		Self { embedded: AtomicUsize::new(0), left: AtomicUsize::new(usize::MAX) }
	}
}

pub fn letters(text: &str) -> Vec<f32> {
	let mut vector = [0.01f32; 8];
	for byte in text.bytes().filter(u8::is_ascii_alphabetic) {
		vector[usize::from(byte) % 8] += 1.0;
	}
	let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
	vector.iter().map(|number| number / length).collect()
}

#[async_trait]
impl Embedder for Letters {
	async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
		if texts.len() > self.left.load(Relaxed) {
			return Err("the engine was stopped".into());
		}
		self.left.fetch_sub(texts.len(), Relaxed);
		self.embedded.fetch_add(texts.len(), Relaxed);
		Ok(texts.iter().map(|text| letters(text)).collect())
	}
}

impl Letters {
	pub fn count(&self) -> usize {
		self.embedded.load(Relaxed)
	}
}

/// A word that no other number has.
pub fn word(number: u32) -> String {
	let hash = blake3::hash(&number.to_le_bytes());
	hash.as_bytes().iter().take(8).map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// Text of a contribution: words of its own, and between them some that others have too.
pub fn text(contribution: u32) -> String {
	let own = (0..6).map(|n| word(contribution * 100 + n));
	let shared = (0..6).map(|n| word(1_000_000 + (contribution * 7 + n * 3) % 29));
	let words: Vec<String> = own.zip(shared).flat_map(|(own, shared)| [own, shared]).collect();
	format!("only{contribution} {} \u{0}ünï.", words.join(" "))
}

pub fn documents(contributions: &[u32]) -> Vec<Document> {
	let document = |contribution: &u32| Document {
		contribution: *contribution,
		contributor: [*contribution as u8; 32],
		tokens: (0..20).collect(),
		text: text(*contribution),
	};
	contributions.iter().map(document).collect()
}

/// The space of a snapshot of which these contributions are left.
pub fn space(datanet: u32, version: u32, contributions: &[u32]) -> Space {
	let listed = contributions.iter().map(|c| (*c, *blake3::hash(text(*c).as_bytes()).as_bytes()));
	let snapshot = SnapshotRef { datanet, version };
	Space::of(snapshot, &[version as u8; 32], MODEL, listed, TOKENS, true)
}

pub async fn build(
	store: &dyn ChunkStore,
	space: &Space,
	contributions: &[u32],
	letters: &Letters,
) -> Result<Arc<dyn ChunkIndex>, tributary_retrieval::RetrievalError> {
	let chunks = Chunks::cut(&documents(contributions), TOKENS);
	store.build(space, chunks, Some(letters), &Progress::default()).await
}

pub fn query(text: &str) -> Query {
	Query::new(text, Some(letters(text)))
}

pub fn rows(found: &[Found]) -> Vec<u32> {
	found.iter().map(|found| found.row).collect()
}

/// Contributions that a search finds.
pub async fn find(index: &Arc<dyn ChunkIndex>, text: &str) -> Vec<u32> {
	let hits = search(std::slice::from_ref(index), &query(text), 4).await.unwrap();
	hits.iter().map(|hit| hit.chunk.contribution).collect()
}

/// What any store must do.
pub async fn behaves(store: &dyn ChunkStore, datanet: u32) {
	let all: Vec<u32> = (0..200).collect();
	let (first, letters) = (space(datanet, 1, &all), Letters::default());
	assert!(store.open(&first).await.unwrap().is_none());
	let index = build(store, &first, &all, &letters).await.unwrap();
	let summary = index.summary();
	assert_eq!((summary.chunks, summary.copies, summary.dimensions), (200, 0, Some(8)));
	assert_eq!(letters.count(), 200);

	// By words, by vectors, the chunk itself with every byte, and nothing.
	assert_eq!(rows(&index.by_keywords(&query("only17"), 5).await.unwrap()), [17]);
	assert_eq!(rows(&index.by_vector(&query(&text(42)), 1).await.unwrap()), [42]);
	let chunk = index.chunks(&[42, 3]).await.unwrap().remove(0);
	assert_eq!((chunk.contribution, chunk.contributor, chunk.text.as_str()), (42, [42; 32], text(42).trim()));
	assert_eq!(text(42).get(chunk.range.clone()), Some(chunk.text.as_str()));
	assert_eq!(find(&index, &text(9)).await[0], 9);
	for nothing in ["", "?!", "absent'; DROP TABLE tributary.spaces; --"] {
		let found = index.by_keywords(&query(nothing), 5).await.unwrap();
		assert!(found.is_empty(), "{nothing}: {found:?}");
	}
	assert!(index.by_vector(&Query::new("only17", None), 5).await.unwrap().is_empty());
	assert!(index.by_vector(&Query::new("only17", Some(vec![1.0; 3])), 5).await.unwrap().is_empty());
	assert_eq!(index.by_vector(&query("a"), 64).await.unwrap().len(), 64);

	// Opened again, it is the same.
	store.touch(&first).await.unwrap();
	let opened = store.open(&first).await.unwrap().unwrap();
	assert_eq!(opened.summary(), summary);
	for n in [0, 5, 199] {
		assert_eq!(find(&opened, &text(n)).await, find(&index, &text(n)).await);
	}

	// The next snapshot has ten more and one less: only the ten are embedded.
	let next: Vec<u32> = (0..210).filter(|c| *c != 17).collect();
	let second = space(datanet, 2, &next);
	let index = build(store, &second, &next, &letters).await.unwrap();
	assert_eq!((letters.count(), index.summary().chunks), (210, 209));
	assert!(index.by_keywords(&query("only17"), 5).await.unwrap().is_empty());
	assert_ne!(find(&index, &text(17)).await.first(), Some(&17));
	assert_eq!(find(&index, &text(205)).await[0], 205);

	// A contribution of it is erased: nothing is embedded, and it is not found.
	let left: Vec<u32> = next.iter().copied().filter(|c| *c != 30).collect();
	let third = space(datanet, 2, &left);
	assert_ne!(second.digest, third.digest);
	assert!(store.open(&third).await.unwrap().is_none(), "an older index is not taken for this one");
	let index = build(store, &third, &left, &letters).await.unwrap();
	assert_eq!(letters.count(), 210);
	assert!(!find(&index, &text(30)).await.contains(&30));

	// An empty snapshot has an index too.
	let empty = space(datanet, 9, &[]);
	let index = build(store, &empty, &[], &letters).await.unwrap();
	assert_eq!(index.summary().chunks, 0);
	assert!(find(&index, "only1").await.is_empty());
	assert!(store.open(&empty).await.unwrap().is_some());
}

/// A build that was interrupted goes on where it was.
pub async fn goes_on(store: &dyn ChunkStore, datanet: u32) {
	let all: Vec<u32> = (0..200).collect();
	let (space, letters) = (space(datanet, 1, &all), Letters::default());
	letters.left.store(150, Relaxed);
	let error = build(store, &space, &all, &letters).await.map(|_| ()).unwrap_err().to_string();
	assert!(error.contains("the engine was stopped"), "{error}");
	assert!(store.open(&space).await.unwrap().is_none(), "half an index is none");
	let done = letters.count();
	assert!(done >= 100, "{done}");
	letters.left.store(usize::MAX, Relaxed);
	let index = build(store, &space, &all, &letters).await.unwrap();
	assert_eq!((letters.count(), index.summary().chunks), (200, 200));
	assert_eq!(find(&index, &text(180)).await[0], 180);
}
