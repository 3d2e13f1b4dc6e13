//! Progress of a recipe on standard error, and reasons to stop it.

use crate::{context::Context, failure::Failure};
use std::{
	future::Future,
	sync::{Arc, OnceLock},
};
use tokio::task::JoinHandle;
use tributary_factory::{
	workflow::{Event, Observer},
	Console, Progress,
};
use tributary_primitives::DataNetId;

/// Waits for a future from inside a step.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
	tokio::runtime::Handle::current().block_on(future)
}

/// Shows progress; Ctrl-C stops at the next safe point, and so does a grant that is gone.
pub struct Watch {
	console: Console,
	stop: Arc<OnceLock<String>>,
	task: JoinHandle<()>,
}

/// Watches over work that uses these DataNets.
pub async fn watched(
	context: &Context,
	datanets: impl IntoIterator<Item = DataNetId>,
) -> Result<Watch, Failure> {
	let stop = Arc::new(OnceLock::new());
	let gone = super::open::gone(context, datanets).await?;
	let asked = stop.clone();
	let task = tokio::spawn(async move {
		let reason = tokio::select! {
			reason = gone => reason,
			Ok(()) = tokio::signal::ctrl_c() => "interrupted; run the same command again to go on".into(),
		};
		eprintln!("stopping at the next step: {reason}");
		// Set once, here only.
		let _ = asked.set(reason);
	});
	Ok(Watch { console: Console::new(), stop, task })
}

impl Drop for Watch {
	fn drop(&mut self) {
		self.task.abort();
	}
}

impl Progress for Watch {
	fn begin(&mut self, what: &str, total: u64) {
		self.console.begin(what, total);
	}

	fn step(&mut self, done: u64, message: &str) {
		self.console.step(done, message);
	}

	fn end(&mut self, message: &str) {
		self.console.end(message);
	}

	fn wants_stop(&mut self) -> Option<String> {
		self.stop.get().cloned()
	}
}

impl Observer for Watch {
	fn event(&mut self, event: Event<'_>) {
		match event {
			Event::Skipped { name } => eprintln!("{name}: done already"),
			Event::Broken { name, reason } => eprintln!("{name}: done again, for {reason}"),
			Event::Started { name } => eprintln!("{name}: begins"),
			Event::Finished { name, seconds } => eprintln!("{name}: done in {seconds:.1} s"),
		}
	}
}
