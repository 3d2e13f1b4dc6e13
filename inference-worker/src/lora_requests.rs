//! Which agents with adapters have requests in the queue and in the batch: what routers in front of several workers
//! read to send a request where its adapter is in use.

use std::{
	collections::BTreeMap,
	fmt::Write,
	sync::{Arc, Mutex, PoisonError},
};

/// Waiting and running requests by the name of their agent.
#[derive(Clone, Default)]
pub struct LoraRequests(Arc<Mutex<BTreeMap<String, Counts>>>);

#[derive(Clone, Copy, Default)]
struct Counts {
	waiting: usize,
	running: usize,
}

/// One request; it counts until it is dropped.
pub struct LoraRequest {
	all: LoraRequests,
	/// None for an agent without adapters.
	name: Option<String>,
	is_running: bool,
}

impl LoraRequests {
	/// A request that waits.
	pub fn waiting(&self, name: &str, has_adapters: bool) -> LoraRequest {
		let request =
			LoraRequest { all: self.clone(), name: has_adapters.then(|| name.to_owned()), is_running: false };
		request.change(|counts| counts.waiting = counts.waiting.saturating_add(1));
		request
	}

	/// vLLM's gauge in Prometheus' text; `most` is how many different adapters a batch may hold. Written here, since a
	/// registry would keep every combination of names that there ever was.
	pub fn render(&self, most: usize, now: u64) -> String {
		let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
		let names = |is_counted: fn(&Counts) -> bool| {
			let counted = all.iter().filter(|(_, counts)| is_counted(counts)).map(|(name, _)| escaped(name));
			counted.collect::<Vec<_>>().join(",")
		};
		let (running, waiting) = (names(|counts| counts.running > 0), names(|counts| counts.waiting > 0));
		let mut text = String::new();
		// Writing to a string does not fail.
		let _ = write!(
			text,
			"# HELP vllm:lora_requests_info Agents with adapters that have requests; the value is the time.\n\
			 # TYPE vllm:lora_requests_info gauge\n\
			 vllm:lora_requests_info{{max_lora=\"{most}\",running_lora_adapters=\"{running}\",\
			 waiting_lora_adapters=\"{waiting}\"}} {now}\n"
		);
		text
	}
}

/// A label's value as Prometheus' text format has it.
fn escaped(name: &str) -> String {
	name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl LoraRequest {
	/// It joined the batch.
	pub fn joined(&mut self) {
		if !std::mem::replace(&mut self.is_running, true) {
			self.change(|counts| {
				counts.waiting = counts.waiting.saturating_sub(1);
				counts.running = counts.running.saturating_add(1);
			});
		}
	}

	fn change(&self, change: impl FnOnce(&mut Counts)) {
		let Some(name) = &self.name else { return };
		let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
		let counts = all.entry(name.clone()).or_default();
		change(counts);
		if counts.waiting == 0 && counts.running == 0 {
			all.remove(name);
		}
	}
}

impl Drop for LoraRequest {
	fn drop(&mut self) {
		self.change(|counts| match self.is_running {
			true => counts.running = counts.running.saturating_sub(1),
			false => counts.waiting = counts.waiting.saturating_sub(1),
		});
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn gauge_names_agents_while_they_have_requests() {
		let all = LoraRequests::default();
		let line = |running: &str, waiting: &str| {
			format!(
				"{{max_lora=\"4\",running_lora_adapters=\"{running}\",waiting_lora_adapters=\"{waiting}\"}} 7\n"
			)
		};
		let mut first = all.waiting("rivers", true);
		let second = all.waiting("rivers", true);
		let _plain = all.waiting("base", false);
		let odd = all.waiting("a\"b", true);
		first.joined();
		first.joined();
		assert!(all.render(4, 7).ends_with(&line("rivers", "a\\\"b,rivers")), "{}", all.render(4, 7));
		drop((second, odd));
		assert!(all.render(4, 7).ends_with(&line("rivers", "")));
		drop(first);
		assert!(all.render(4, 7).ends_with(&line("", "")));
		assert!(all.0.lock().unwrap().is_empty());
	}
}
