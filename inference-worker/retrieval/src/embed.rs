//! Vectors of chunks: asked for in batches, those that are known already not again.

use crate::RetrievalError;
use async_trait::async_trait;
use std::{
	collections::HashMap,
	sync::atomic::{AtomicUsize, Ordering::Relaxed},
	time::{Duration, Instant},
};

/// Chunks embedded, and kept, at a time.
pub(crate) const BATCH: usize = 64;
/// Pause between lines about progress.
const REPORT: Duration = Duration::from_secs(10);
/// Pairs of chunks whose cosines say what is ordinary.
const PAIRS: usize = 512;
/// Fewest pairs that say anything: a smaller index is searched by keywords only.
const LEAST_PAIRS: usize = 8;
/// Standard deviations above the mean of those at which a query counts as near a chunk.
const DEVIATIONS: f64 = 2.0;

/// A cosine that no two vectors have.
pub(crate) const NOWHERE: f32 = 2.0;

/// BLAKE3 of a chunk's text: with the model, what its vector depends on.
pub(crate) type TextHash = [u8; 32];

/// Turns texts into vectors.
#[async_trait]
pub trait Embedder: Send + Sync {
	/// One vector for each text, all of the same width. The error says what to do.
	async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String>;
}

/// How far a build is.
#[derive(Debug, Default)]
pub struct Progress {
	done: AtomicUsize,
	all: AtomicUsize,
}

impl Progress {
	/// Chunks that have their vectors, and all.
	pub fn get(&self) -> (usize, usize) {
		(self.done.load(Relaxed), self.all.load(Relaxed))
	}

	pub(crate) fn begin(&self, all: usize) {
		self.done.store(0, Relaxed);
		self.all.store(all, Relaxed);
	}

	pub(crate) fn add(&self, done: usize) {
		self.done.fetch_add(done, Relaxed);
	}
}

/// Says now and then how far a build is.
pub(crate) struct Reporter<'a> {
	space: String,
	progress: &'a Progress,
	last: Instant,
}

impl<'a> Reporter<'a> {
	pub fn new(space: String, progress: &'a Progress) -> Self {
		Self { space, progress, last: Instant::now() }
	}

	pub fn report(&mut self) {
		if self.last.elapsed() >= REPORT {
			self.last = Instant::now();
			let (done, all) = self.progress.get();
			tracing::info!(index = self.space, done, all, "embedding chunks");
		}
	}
}

/// Embeds texts and checks what comes back: as many vectors, of the same width as others, of length 1.
pub(crate) async fn embed(
	embedder: &dyn Embedder,
	texts: Vec<String>,
	dimensions: Option<usize>,
) -> Result<Vec<Vec<f32>>, RetrievalError> {
	let count = texts.len();
	let mut vectors = embedder.embed(texts).await.map_err(RetrievalError::Embedding)?;
	let width = dimensions.or(vectors.first().map(Vec::len)).unwrap_or_default();
	if vectors.len() != count || width == 0 || vectors.iter().any(|vector| vector.len() != width) {
		let got = vectors.first().map_or(0, Vec::len);
		return Err(RetrievalError::Embedding(format!(
			"{count} vectors of {width} numbers were asked for, {} of {got} came; serve the base model that the agents \
			 name",
			vectors.len()
		)));
	}
	match vectors.iter_mut().all(|vector| normalise(vector)) {
		true => Ok(vectors),
		false => Err(RetrievalError::Embedding(
			"the model gave a vector that is zero or not finite; check its weights, or set retrieval.vectors = false"
				.into(),
		)),
	}
}

/// Makes a vector's length 1, if it has one.
fn normalise(vector: &mut [f32]) -> bool {
	let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
	let has_length = length.is_finite() && length > 0.0;
	if has_length {
		vector.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
	}
	has_length
}

/// The cosine at which a query counts as near a chunk: well above that of chunks which have nothing to do with each
/// other. Models differ much in what is ordinary. The same for the same vectors, given in order of rows.
pub(crate) fn near(sample: &[Vec<f32>]) -> f32 {
	let half = sample.len() / 2;
	let (first, second) = sample.split_at(half);
	let cosines: Vec<f64> = first.iter().zip(second).map(|(a, b)| f64::from(dot(a, b))).collect();
	if cosines.len() < LEAST_PAIRS {
		return NOWHERE;
	}
	let count = cosines.len() as f64;
	let mean = cosines.iter().sum::<f64>() / count;
	let variance = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f64>() / count;
	(mean + DEVIATIONS * variance.sqrt()).min(1.0) as f32
}

/// Rows whose vectors [`near`] takes: spread evenly over all.
pub(crate) fn sampled(rows: usize) -> impl Iterator<Item = usize> {
	let count = rows.min(2 * PAIRS);
	(0..count).map(move |number| number * rows / count.max(1))
}

/// Scalar product. Sixteen sums side by side, which compilers turn into vector instructions.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
	const LANES: usize = 16;
	let mut sums = [0f32; LANES];
	let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
	let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
	for (a, b) in a.zip(b) {
		for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
			*sum += a * b;
		}
	}
	sums.iter().sum::<f32>() + rest
}

/// Vectors by the hashes of their texts.
pub(crate) type Known = HashMap<TextHash, Vec<f32>>;

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	struct Fixed(Vec<Vec<f32>>);

	#[async_trait]
	impl Embedder for Fixed {
		async fn embed(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
			Ok(self.0.clone())
		}
	}

	#[tokio::test]
	async fn vectors_are_refused_when_they_are_few_uneven_or_without_length() {
		for vectors in [
			vec![],
			vec![vec![1.0, 0.0]],
			vec![vec![1.0], vec![1.0, 0.0]],
			vec![vec![0.0, 0.0], vec![1.0, 0.0]],
			vec![vec![f32::NAN, 1.0], vec![1.0, 0.0]],
		] {
			let embedded = embed(&Fixed(vectors.clone()), vec!["a".into(), "b".into()], Some(2)).await;
			assert!(matches!(embedded, Err(RetrievalError::Embedding(_))), "{vectors:?}");
		}
		let embedded = embed(&Fixed(vec![vec![3.0, 4.0]]), vec!["a".into()], None).await.unwrap();
		assert_eq!(embedded, [[0.6, 0.8]]);
	}

	#[test]
	fn sample_is_spread_when_there_are_many_rows() {
		assert_eq!(sampled(3).collect::<Vec<_>>(), [0, 1, 2]);
		let rows: Vec<usize> = sampled(10_000).collect();
		assert!(rows.len() == 1_024 && rows[1_023] > 9_900 && rows.is_sorted());
		assert_eq!(sampled(0).count(), 0);
	}

	#[test]
	fn nothing_is_near_when_too_few_chunks_say_what_is_ordinary() {
		let rows =
			|count: usize| (0..count).map(|n| vec![(n as f32).cos(), (n as f32).sin()]).collect::<Vec<_>>();
		assert_eq!(near(&rows(15)), NOWHERE);
		assert!(near(&rows(16)) <= 1.0);
	}

	proptest! {
		#[test]
		fn dot_is_the_sum_of_products_when_width_varies(pairs in prop::collection::vec((-1f32..1.0, -1f32..1.0), 0..70)) {
			let (a, b): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
			let plain: f64 = pairs.iter().map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
			prop_assert!((f64::from(dot(&a, &b)) - plain).abs() < 1e-4);
		}
	}
}
