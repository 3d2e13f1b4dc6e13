//! Work that is waited for only a moment: what takes longer goes on in the background.

use std::{
	collections::HashMap,
	future::Future,
	hash::Hash,
	time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::timeout};

/// Time that what is done is kept for whoever began it and does not come back.
const KEPT: Duration = Duration::from_secs(600);

/// Work under way, by what it is for.
pub struct Background<K, T> {
	/// Time that is waited after work began.
	patience: Duration,
	running: HashMap<K, Running<T>>,
}

struct Running<T> {
	began: Instant,
	task: JoinHandle<Result<T, String>>,
}

impl<T> Drop for Running<T> {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl<K: Clone + Eq + Hash, T: Send + 'static> Background<K, T> {
	/// Nothing yet.
	pub fn new(patience: Duration) -> Self {
		Self { patience, running: HashMap::new() }
	}

	/// What `work` came to; it begins now unless it is under way. `None` while it is.
	pub async fn get(
		&mut self,
		key: &K,
		work: impl Future<Output = Result<T, String>> + Send + 'static,
	) -> Option<Result<T, String>> {
		self.running.retain(|_, running| !running.task.is_finished() || running.began.elapsed() < KEPT);
		let begin = || Running { began: Instant::now(), task: tokio::spawn(work) };
		let running = self.running.entry(key.clone()).or_insert_with(begin);
		let patience = self.patience.saturating_sub(running.began.elapsed());
		let done = timeout(patience, &mut running.task).await.ok()?;
		self.running.remove(key);
		Some(done.unwrap_or_else(|error| Err(error.to_string())))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::sync::{
		atomic::{AtomicUsize, Ordering::SeqCst},
		Arc,
	};
	use tokio::sync::Semaphore;

	#[tokio::test]
	async fn work_is_done_once_and_told_later_when_it_takes_long() {
		let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
		let work = || {
			let (begun, gate) = (begun.clone(), gate.clone());
			async move {
				begun.fetch_add(1, SeqCst);
				gate.acquire().await.map(drop).map_err(|error| error.to_string())?;
				Ok::<_, String>(7)
			}
		};
		let mut background = Background::new(Duration::from_millis(50));
		assert_eq!(background.get(&"a", work()).await, None);
		// Others are not held up by it.
		assert_eq!(background.get(&"b", async { Ok(8) }).await, Some(Ok(8)));
		assert_eq!(background.get(&"a", work()).await, None);
		gate.add_permits(1);
		let mut done = None;
		for _ in 0..100 {
			done = background.get(&"a", work()).await;
			if done.is_some() {
				break;
			}
			tokio::time::sleep(Duration::from_millis(10)).await;
		}
		assert_eq!((done, begun.load(SeqCst)), (Some(Ok(7)), 1));
	}

	#[tokio::test]
	async fn work_begins_again_when_it_failed() {
		let mut background: Background<u8, u8> = Background::new(Duration::from_secs(5));
		assert_eq!(background.get(&1, async { Err("away".into()) }).await, Some(Err("away".into())));
		assert_eq!(background.get(&1, async { Ok(2) }).await, Some(Ok(2)));
	}
}
