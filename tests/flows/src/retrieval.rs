//! Measures retrieval: how often the source of a question is among the chunks that are found, by words, by vectors and
//! by both, and how long building and searching take.

use anyhow::{anyhow, ensure, Context, Result};
use serde::Serialize;
use std::{
	collections::{BTreeMap, HashMap},
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tributary_attribution::{words, Chunks, Document};
use tributary_engine::{AdapterSource, ContentHash, DeviceChoice, Engine, EngineConfig};
use tributary_primitives::SnapshotRef;
use tributary_retrieval::{
	search, ChunkIndex, ChunkStore, Embedder, Files, Found, Memory, Postgres, Progress, Query, Space,
	CANDIDATES,
};
use tributary_worker::embedder::EngineEmbedder;

/// Chunks found for a question; its source is among them or not.
const FOUND: usize = 4;
/// Tokens of a chunk: the worker's default.
const CHUNK_TOKENS: usize = 96;
/// Words of a sentence that becomes a question.
const SENTENCE: std::ops::RangeInclusive<usize> = 8..=40;
/// Words that vague questions lack, the rarest of the sentence.
const VAGUE: usize = 3;
/// What a rank by words counts beside one by vectors.
const WEIGHTS: [(f64, f64); 6] = [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (5.0, 1.0)];

/// What to measure.
pub struct Settings {
	/// Hugging Face folder of the model that embeds.
	pub model: PathBuf,
	/// Folder of text files: each is a document.
	pub corpus: PathBuf,
	/// Device.
	pub device: DeviceChoice,
	/// Chunks that building and searching are timed with, at most.
	pub chunks: usize,
	/// Server to time as well.
	pub postgres: Option<String>,
}

/// What was measured. Nothing is judged here.
#[derive(Debug, Serialize)]
pub struct RetrievalReport {
	/// Documents of the corpus.
	pub documents: usize,
	/// Chunks of them that can be found.
	pub chunks: usize,
	/// Width of the vectors.
	pub dimensions: usize,
	/// Least cosine at which a chunk counts as near.
	pub near: f32,
	/// Recall by kind of question.
	pub recall: Vec<Recall>,
	/// Time by store.
	pub times: Vec<Times>,
}

/// How often the source of a question was among the first 4 chunks.
#[derive(Debug, Serialize)]
pub struct Recall {
	/// What was asked: sentences or headings that were taken out of their documents before, or such sentences without
	/// their three rarest words.
	pub questions: &'static str,
	/// How many.
	pub count: usize,
	/// By the search that workers use.
	pub served: f64,
	/// By lists of words and vectors fused with these weights.
	pub fused: BTreeMap<String, f64>,
}

/// How long a store takes.
#[derive(Debug, Serialize)]
pub struct Times {
	/// files, memory or postgres.
	pub store: &'static str,
	/// Chunks in the index.
	pub chunks: usize,
	/// First build, embedding included, seconds.
	pub build_seconds: f64,
	/// Build of the next snapshot, with a tenth of the documents new, seconds.
	pub next_seconds: f64,
	/// Time to open and check the index, seconds.
	pub open_seconds: f64,
	/// Median time by words, microseconds.
	pub words_p50_us: f64,
	/// Median time by vectors, microseconds.
	pub vectors_p50_us: f64,
	/// Median time of the search that workers use without the question's embedding, microseconds.
	pub search_p50_us: f64,
	/// Median time to embed a question, microseconds.
	pub embed_p50_us: f64,
}

/// No request names an adapter.
struct NoAdapters;

impl AdapterSource for NoAdapters {
	fn folder(&self, _: &ContentHash) -> Result<PathBuf, String> {
		Err("there are no adapters here".into())
	}
}

/// Builds indexes of the corpus and asks them. The same questions at every run.
///
/// # Errors
/// When model, corpus or server cannot be used.
pub fn measure(settings: &Settings) -> Result<RetrievalReport> {
	let config = EngineConfig {
		model_dir: settings.model.clone(),
		device: settings.device,
		..EngineConfig::default()
	};
	let engine = Engine::start(config, Arc::new(NoAdapters)).map_err(|error| anyhow!("{error}"))?;
	let runtime = tokio::runtime::Runtime::new()?;
	let report = runtime.block_on(run(settings, &engine));
	engine.shutdown();
	report
}

async fn run(settings: &Settings, engine: &Engine) -> Result<RetrievalReport> {
	let texts = read(&settings.corpus)?;
	let embedder = EngineEmbedder(engine.clone());
	let (held_out, asked) = questions(&texts);
	let documents = documents(engine, &held_out)?;
	let store = Memory::default();
	let chunks = Chunks::cut(&documents, CHUNK_TOKENS);
	let index = store.build(&spaces()[0], chunks, Some(&embedder), &Progress::default()).await?;
	let summary = index.summary();
	let mut recall = Vec::new();
	for (questions, asked) in asked {
		recall.push(recalled(&index, &embedder, questions, &asked).await?);
	}
	let mut times = Vec::new();
	let folder = tempfile::tempdir()?;
	let mut stores: Vec<(&'static str, Box<dyn ChunkStore>)> = vec![
		("files", Box::new(Files::new(folder.path().to_owned())?)),
		("memory", Box::new(Memory::default())),
	];
	if let Some(url) = &settings.postgres {
		stores.push(("postgres", Box::new(Postgres::new(url)?)));
	}
	for (name, store) in stores {
		times.push(timed(name, store.as_ref(), &documents, &embedder, settings.chunks).await?);
	}
	Ok(RetrievalReport {
		documents: documents.len(),
		chunks: summary.chunks,
		dimensions: summary.dimensions.unwrap_or_default(),
		near: summary.near,
		recall,
		times,
	})
}

/// A snapshot and the next one, of a model that no other run had: nothing is found that an earlier one left in the server.
fn spaces() -> [Space; 2] {
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	let model = *blake3::hash(&now.as_nanos().to_le_bytes()).as_bytes();
	let snapshot = |version| SnapshotRef { datanet: 1, version };
	[1, 2].map(|version| Space::of(snapshot(version), &[0; 32], model, [], CHUNK_TOKENS, true))
}

/// The text files in a folder and below, by path.
fn read(folder: &Path) -> Result<Vec<String>> {
	let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
	while let Some(folder) = folders.pop() {
		let entries = std::fs::read_dir(&folder);
		for entry in entries.with_context(|| format!("cannot list {}", folder.display()))? {
			let path = entry?.path();
			let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
			match path.is_dir() {
				true if !name.starts_with('.') => folders.push(path),
				false if name.ends_with(".txt") => files.push(path),
				_ => {}
			}
		}
	}
	files.sort();
	ensure!(!files.is_empty(), "{} has no text files: make them with scripts/corpus.sh", folder.display());
	files.iter().map(|file| std::fs::read_to_string(file).context("cannot read a text")).collect()
}

/// A question and the document that it was taken from.
type Asked = Vec<(u32, String)>;

/// The texts without what is asked, and what is asked of each kind.
fn questions(texts: &[String]) -> (Vec<String>, Vec<(&'static str, Asked)>) {
	let mut frequency: HashMap<String, usize> = HashMap::new();
	for word in texts.iter().flat_map(|text| words(text)) {
		*frequency.entry(word).or_default() += 1;
	}
	let (mut held_out, mut sentences, mut headings, mut vague) = (vec![], vec![], vec![], vec![]);
	for (number, text) in (0u32..).zip(texts) {
		let mut text = text.clone();
		if let Some(heading) = text.lines().rfind(|line| line.starts_with('#')).map(str::to_owned) {
			text = text.replace(&heading, "");
			headings.push((number, heading.trim_start_matches(['#', ' ']).to_owned()));
		}
		if let Some(sentence) = middle_sentence(&text) {
			text = text.replace(&sentence, "");
			vague.push((number, without_rarest(&sentence, &frequency)));
			sentences.push((number, sentence));
		}
		held_out.push(text);
	}
	(held_out, vec![("sentences", sentences), ("headings", headings), ("vague", vague)])
}

/// The sentence of running text in the middle of a text.
fn middle_sentence(text: &str) -> Option<String> {
	let lines = text.lines().filter(|line| !line.starts_with([' ', '#', '\t']));
	let all = lines.flat_map(|line| line.split_inclusive(". "));
	let fit = |sentence: &&str| sentence.trim().ends_with('.') && SENTENCE.contains(&words(sentence).len());
	let sentences: Vec<&str> = all.filter(fit).collect();
	sentences.get(sentences.len() / 2).map(|sentence| sentence.trim().to_owned())
}

fn without_rarest(sentence: &str, frequency: &HashMap<String, usize>) -> String {
	let mut rarest = words(sentence);
	rarest.sort_by_key(|word| (frequency.get(word).copied().unwrap_or(0), word.clone()));
	rarest.dedup();
	let left: Vec<String> = words(sentence)
		.into_iter()
		.filter(|word| !rarest.iter().take(VAGUE).any(|rare| rare == word))
		.collect();
	left.join(" ")
}

fn documents(engine: &Engine, texts: &[String]) -> Result<Vec<Document>> {
	let document = |(contribution, text): (u32, &String)| {
		let tokens = engine.tokenizer().encode(text, false).map_err(|error| anyhow!("{error}"))?;
		Ok(Document { contribution, contributor: [0; 32], tokens, text: text.clone() })
	};
	(0..).zip(texts).map(document).collect()
}

async fn query(embedder: &EngineEmbedder, text: &str) -> Result<Query> {
	let vectors = embedder.embed(vec![text.to_owned()]).await.map_err(|error| anyhow!("{error}"))?;
	Ok(Query::new(text, vectors.into_iter().next()))
}

async fn recalled(
	index: &Arc<dyn ChunkIndex>,
	embedder: &EngineEmbedder,
	questions: &'static str,
	asked: &Asked,
) -> Result<Recall> {
	let (mut served, mut fused) = (0, BTreeMap::<String, usize>::new());
	for (source, text) in asked {
		let query = query(embedder, text).await?;
		let hits = search(std::slice::from_ref(index), &query, FOUND).await?;
		served += usize::from(hits.iter().any(|hit| hit.chunk.contribution == *source));
		let lists =
			[index.by_keywords(&query, CANDIDATES).await?, index.by_vector(&query, CANDIDATES).await?];
		for weights in WEIGHTS {
			let found = index.chunks(&fuse(&lists, weights)).await?;
			let name = format!("words {} : vectors {}", weights.0, weights.1);
			*fused.entry(name).or_default() +=
				usize::from(found.iter().any(|chunk| chunk.contribution == *source));
		}
	}
	let part = |found: usize| found as f64 / asked.len().max(1) as f64;
	let fused = fused.into_iter().map(|(name, found)| (name, part(found))).collect();
	Ok(Recall { questions, count: asked.len(), served: part(served), fused })
}

/// Rows by reciprocal rank fusion with these weights.
fn fuse(lists: &[Vec<Found>; 2], weights: (f64, f64)) -> Vec<u32> {
	let mut scores: BTreeMap<u32, f64> = BTreeMap::new();
	for (list, weight) in lists.iter().zip([weights.0, weights.1]).filter(|(_, weight)| *weight > 0.0) {
		for (rank, found) in (1..).zip(list) {
			*scores.entry(found.row).or_default() += weight / (60.0 + f64::from(rank));
		}
	}
	let mut rows: Vec<(u32, f64)> = scores.into_iter().collect();
	rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
	rows.into_iter().take(FOUND).map(|(row, _)| row).collect()
}

async fn timed(
	name: &'static str,
	store: &dyn ChunkStore,
	documents: &[Document],
	embedder: &EngineEmbedder,
	most: usize,
) -> Result<Times> {
	let all = Chunks::cut(documents, CHUNK_TOKENS);
	let count = all.chunks.len().min(most);
	let part = |count: usize| Chunks { chunks: all.chunks.iter().take(count).cloned().collect(), copies: 0 };
	let [first, next] = spaces();
	let began = Instant::now();
	store.build(&first, part(count - count / 10), Some(embedder), &Progress::default()).await?;
	let build_seconds = began.elapsed().as_secs_f64();
	let began = Instant::now();
	store.build(&next, part(count), Some(embedder), &Progress::default()).await?;
	let next_seconds = began.elapsed().as_secs_f64();
	let began = Instant::now();
	let index = store.open(&next).await?.context("the index that was just built is gone")?;
	let open_seconds = began.elapsed().as_secs_f64();

	let (mut words, mut vectors, mut searches, mut embeds) = (vec![], vec![], vec![], vec![]);
	for chunk in all.chunks.iter().take(count).step_by((count / 200).max(1)) {
		// A question as long as people ask.
		let text: Vec<&str> = chunk.text.split_whitespace().take(12).collect();
		let began = Instant::now();
		let query = query(embedder, &text.join(" ")).await?;
		embeds.push(began.elapsed());
		let began = Instant::now();
		index.by_keywords(&query, CANDIDATES).await?;
		words.push(began.elapsed());
		let began = Instant::now();
		index.by_vector(&query, CANDIDATES).await?;
		vectors.push(began.elapsed());
		let began = Instant::now();
		search(std::slice::from_ref(&index), &query, FOUND).await?;
		searches.push(began.elapsed());
	}
	let median = |mut times: Vec<Duration>| {
		times.sort();
		times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
	};
	Ok(Times {
		store: name,
		chunks: index.summary().chunks,
		build_seconds,
		next_seconds,
		open_seconds,
		words_p50_us: median(words),
		vectors_p50_us: median(vectors),
		search_p50_us: median(searches),
		embed_p50_us: median(embeds),
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn question_is_not_in_its_text_when_it_is_asked() {
		let sentence = "The index file is what holds the paths that the next commit will record.";
		let text = format!("# Git\n\n## The index file\n\nShort one. {sentence} And more.\n");
		let (held_out, asked) = questions(&[text]);
		assert!(!held_out[0].contains(sentence) && !held_out[0].contains("## The index file"));
		let of = |kind: usize| asked[kind].1[0].1.as_str();
		assert_eq!((of(0), of(1)), (sentence, "The index file"));
		assert_eq!(words(of(2)).len(), words(sentence).len() - VAGUE);
	}

	#[test]
	fn rows_are_ordered_by_weighted_ranks_when_lists_are_fused() {
		let found = |row| Found { row, score: 1.0 };
		let lists = [vec![found(1), found(2)], vec![found(3), found(2)]];
		assert_eq!(fuse(&lists, (1.0, 0.0)), [1, 2]);
		assert_eq!(fuse(&lists, (0.0, 1.0)), [3, 2]);
		assert_eq!(fuse(&lists, (1.0, 1.0)), [2, 1, 3]);
	}
}
