//! Running one target: the corpus first, then inputs made from a seed.

use crate::{corpus, mutate, shrink, Random, Settings, Target, Trace};
use serde_json::{json, Value};
use std::{
	cell::RefCell,
	fs::{self, File},
	io,
	os::unix::fs::FileExt,
	panic::{catch_unwind, AssertUnwindSafe},
	path::PathBuf,
	sync::{
		atomic::{AtomicU64, Ordering::Relaxed},
		Arc, Once,
	},
	time::{Duration, Instant},
};

/// Longest time that one input may take: beyond it the program ends, and says with which input.
const MOST_SECONDS: u64 = 60;
/// Inputs that are mutated; beyond it new ones replace others.
const MOST_INPUTS: usize = 20_000;
/// How often a line says how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(15);

thread_local! {
	static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what panics say instead of printing it.
fn catch_panics() {
	static ONCE: Once = Once::new();
	ONCE.call_once(|| {
		std::panic::set_hook(Box::new(|info| {
			PANIC.with(|panic| *panic.borrow_mut() = Some(info.to_string()));
		}));
	});
}

/// An input that makes a target panic.
#[derive(Clone, Debug)]
pub struct Failure {
	/// The input, shrunk.
	pub input: Vec<u8>,
	/// What the panic says, with its place.
	pub message: String,
}

/// Runs a target once; what the panic says when it fails.
pub fn run_once(target: &Target, input: &[u8], trace: &mut Trace) -> Result<(), String> {
	catch_panics();
	trace.begin();
	catch_unwind(AssertUnwindSafe(|| (target.run)(input, trace))).map_err(|_| {
		PANIC.with(|panic| panic.borrow_mut().take()).unwrap_or_else(|| "panicked in another thread".into())
	})
}

/// Seconds that this thread spent on a processor.
fn busy() -> Option<f64> {
	let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
	let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
	Some(nanoseconds / 1e9)
}

/// The line that names the place of a panic: failures at the same place are the same failure.
fn place(message: &str) -> &str {
	message.lines().next().unwrap_or_default()
}

/// The input that runs now, in a file: where a run ends the whole process, the file stays.
struct Current {
	file: File,
	path: PathBuf,
	begun: Arc<AtomicU64>,
}

impl Current {
	fn new(target: &Target, settings: &Settings) -> io::Result<Self> {
		fs::create_dir_all(&settings.findings)?;
		let path = settings.findings.join(format!("{}-{}.running", target.name, std::process::id()));
		let current = Self { file: File::create(&path)?, path, begun: Arc::default() };
		let (begun, path) = (Arc::downgrade(&current.begun), current.path.clone());
		std::thread::spawn(move || {
			let mut last = (0, 0);
			while let Some(begun) = begun.upgrade() {
				let now = begun.load(Relaxed);
				last = if now == last.0 { (now, last.1 + 1) } else { (now, 0) };
				if now > 0 && last.1 > MOST_SECONDS {
					eprintln!(
						"an input ran for {MOST_SECONDS} s: replay it with --replay {}",
						path.display()
					);
					std::process::exit(1);
				}
				drop(begun);
				std::thread::sleep(Duration::from_secs(1));
			}
		});
		Ok(current)
	}

	fn set(&self, input: &[u8]) -> io::Result<()> {
		self.begun.fetch_add(1, Relaxed);
		self.file.write_all_at(input, 0)?;
		self.file.set_len(input.len() as u64)
	}

	fn end(self) -> io::Result<()> {
		fs::remove_file(&self.path)
	}
}

/// One target's campaign.
pub(crate) struct Campaign<'a> {
	target: &'a Target,
	settings: &'a Settings,
	trace: Trace,
	pool: Vec<Vec<u8>>,
	inputs: u64,
	kept: usize,
	started: Instant,
	elapsed: Duration,
	/// Time on a processor, where the system tells.
	busy: Option<(f64, f64)>,
}

impl<'a> Campaign<'a> {
	pub(crate) fn new(target: &'a Target, settings: &'a Settings) -> Self {
		Self {
			target,
			settings,
			trace: Trace::default(),
			pool: Vec::new(),
			inputs: 0,
			kept: 0,
			started: Instant::now(),
			elapsed: Duration::ZERO,
			busy: busy().map(|now| (now, now)),
		}
	}

	/// Replays, then makes inputs until `seconds` are over or `calls` were made. The first failure ends it.
	pub(crate) fn run(&mut self, seconds: f64, calls: Option<u64>) -> io::Result<Option<Failure>> {
		let current = Current::new(self.target, self.settings)?;
		let failure = self.replay(&current)?;
		let failure = match failure {
			None if !self.settings.replay_only => self.make(&current, seconds, calls)?,
			failure => failure,
		};
		self.elapsed = self.started.elapsed();
		self.busy = self.busy.and_then(|(from, _)| Some((from, busy()?)));
		current.end()?;
		if self.settings.keep {
			self.keep()?;
		}
		failure.map(|failure| self.shrunk(failure)).transpose()
	}

	fn replay(&mut self, current: &Current) -> io::Result<Option<Failure>> {
		let kept = corpus::load(&self.settings.corpus.join(self.target.name))?;
		self.kept = kept.len();
		let worked = match &self.settings.work {
			Some(work) => corpus::load(&work.join(self.target.name))?,
			None => Vec::new(),
		};
		for input in kept.into_iter().chain((self.target.seeds)()).chain(worked) {
			if let Some(failure) = self.try_input(current, &input)? {
				return Ok(Some(failure));
			}
			self.pool.push(input);
		}
		Ok(None)
	}

	fn make(&mut self, current: &Current, seconds: f64, calls: Option<u64>) -> io::Result<Option<Failure>> {
		let Settings { seed, part, .. } = *self.settings;
		let mut random = Random::new(seed ^ (u64::from(part.0) << 32));
		let (begun, before) = (Instant::now(), self.trace.total());
		let mut reported = Instant::now();
		loop {
			let made = self.trace.total() - before;
			let over = match calls {
				Some(calls) => made >= calls,
				None => begun.elapsed().as_secs_f64() >= seconds,
			};
			if over {
				return Ok(None);
			}
			if reported.elapsed() >= REPORT_EVERY {
				reported = Instant::now();
				self.report(made, begun.elapsed());
			}
			let input = self.next_input(&mut random);
			if let Some(failure) = self.try_input(current, &input)? {
				return Ok(Some(failure));
			}
			if self.trace.fresh() == 0 {
				continue;
			}
			if let Some(work) = &self.settings.work {
				corpus::store(&work.join(self.target.name), &input)?;
			}
			if self.pool.len() < MOST_INPUTS {
				self.pool.push(input);
			} else {
				let at = random.below(self.pool.len());
				self.pool[at] = input;
			}
		}
	}

	/// Now and then a new one, else a changed one of the pool, the later ones more often.
	fn next_input(&self, random: &mut Random) -> Vec<u8> {
		if self.pool.is_empty() || random.below(12) == 0 {
			let length = 1 + random.below(self.target.longest);
			return random.bytes(length);
		}
		let any = random.below(self.pool.len());
		let at = if random.below(2) == 0 { any.max(random.below(self.pool.len())) } else { any };
		let other = random.below(self.pool.len());
		mutate(random, &self.pool[at], &self.pool[other], self.target.longest)
	}

	fn try_input(&mut self, current: &Current, input: &[u8]) -> io::Result<Option<Failure>> {
		current.set(input)?;
		self.inputs += 1;
		let outcome = run_once(self.target, input, &mut self.trace);
		Ok(outcome.err().map(|message| Failure { input: input.to_vec(), message }))
	}

	fn shrunk(&self, failure: Failure) -> io::Result<Failure> {
		eprintln!("{}: failed, shrinking {} bytes", self.target.name, failure.input.len());
		let same = |input: &[u8]| {
			let outcome = run_once(self.target, input, &mut Trace::default());
			outcome.is_err_and(|message| place(&message) == place(&failure.message))
		};
		let input = shrink(&failure.input, same);
		let message = run_once(self.target, &input, &mut Trace::default()).err().unwrap_or(failure.message);
		Ok(Failure { input, message })
	}

	/// Writes a small corpus that reaches all that was reached.
	fn keep(&mut self) -> io::Result<()> {
		let mut inputs = Vec::new();
		for input in &self.pool {
			let mut trace = Trace::default();
			if run_once(self.target, input, &mut trace).is_ok() {
				inputs.push((input.clone(), trace.current().to_vec()));
			}
		}
		let folder = self.settings.corpus.join(self.target.name);
		let kept = corpus::distilled(inputs);
		if folder.exists() {
			fs::remove_dir_all(&folder)?;
		}
		for input in &kept {
			corpus::store(&folder, input)?;
		}
		eprintln!("{}: kept {} inputs in {}", self.target.name, kept.len(), folder.display());
		Ok(())
	}

	fn report(&self, made: u64, elapsed: Duration) {
		eprintln!(
			"{}: {} s, {made} calls, {:.0} a second, {} reached, {} inputs in the pool",
			self.target.name,
			elapsed.as_secs(),
			made as f64 / elapsed.as_secs_f64(),
			self.trace.features(),
			self.pool.len(),
		);
	}

	/// The figures of the campaign.
	pub(crate) fn figures(&self) -> Value {
		let seconds = self.elapsed.as_secs_f64();
		let busy = self.busy.map(|(from, to)| to - from);
		let (mut good, mut outcomes) = (0, serde_json::Map::new());
		for ((group, name), counted) in self.trace.calls() {
			good += counted.good;
			let share = counted.good as f64 / (counted.good + counted.refused) as f64;
			let counted = json!({ "good": counted.good, "refused": counted.refused, "share": share });
			outcomes.insert(format!("{group}.{name}"), counted);
		}
		let never: Vec<_> = outcomes
			.iter()
			.filter(|(_, counted)| counted["good"] == 0)
			.map(|(name, _)| name.clone())
			.collect();
		json!({
			"target": self.target.name,
			"seed": self.settings.seed,
			"part": format!("{}/{}", self.settings.part.0, self.settings.part.1),
			"seconds": seconds,
			"processor_seconds": busy,
			"calls_per_processor_second": busy.map(|busy| self.trace.total() as f64 / busy),
			"inputs": self.inputs,
			"kept": self.kept,
			"calls": self.trace.total(),
			"calls_per_second": self.trace.total() as f64 / seconds,
			"good_share": good as f64 / self.trace.total().max(1) as f64,
			"reached": self.trace.features(),
			"never_good": never,
			"outcomes": outcomes,
		})
	}
}
