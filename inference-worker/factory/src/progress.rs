//! Showing how far a training is: a bar in a terminal, lines otherwise.

use std::{
	io::IsTerminal,
	time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Receives what a training does. Methods are called on the training thread and should return at once.
pub trait Progress {
	/// A part of the work begins; `total` is its number of steps.
	fn begin(&mut self, what: &str, total: u64);
	/// `done` steps of the current part are done.
	fn step(&mut self, done: u64, message: &str);
	/// The current part is done.
	fn end(&mut self, message: &str);
	/// Asked after every step: a reason to stop, such as "the grant to train on DataNet 3 was revoked", writes a
	/// checkpoint and ends the training with [`FactoryError::Stopped`](crate::FactoryError::Stopped).
	fn wants_stop(&mut self) -> Option<String> {
		None
	}
}

/// Shows nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
	fn begin(&mut self, _: &str, _: u64) {}
	fn step(&mut self, _: u64, _: &str) {}
	fn end(&mut self, _: &str) {}
}

/// Prints to standard error: a bar where it is a terminal, else a line every few seconds.
#[derive(Debug)]
pub struct Console {
	bar: Option<ProgressBar>,
	what: String,
	total: u64,
	begun: Instant,
	last_line: Option<Instant>,
}

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

impl Console {
	/// Looks at standard error to choose bar or lines.
	pub fn new() -> Self {
		let bar = std::io::stderr().is_terminal().then(ProgressBar::hidden);
		Self { bar, what: String::new(), total: 0, begun: Instant::now(), last_line: None }
	}
}

impl Default for Console {
	fn default() -> Self {
		Self::new()
	}
}

impl Progress for Console {
	fn begin(&mut self, what: &str, total: u64) {
		what.clone_into(&mut self.what);
		self.total = total;
		self.begun = Instant::now();
		self.last_line = None;
		match &mut self.bar {
			Some(bar) => {
				*bar = ProgressBar::new(total);
				if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {eta} {msg}")
				{
					bar.set_style(style.progress_chars("=> "));
				}
				bar.set_prefix(self.what.clone());
			}
			None => eprintln!("{what}: {total} steps"),
		}
	}

	fn step(&mut self, done: u64, message: &str) {
		if let Some(bar) = &self.bar {
			bar.set_position(done);
			bar.set_message(message.to_owned());
			return;
		}
		let due = self.last_line.is_none_or(|last| last.elapsed() >= LINE_INTERVAL);
		if due || done == self.total {
			self.last_line = Some(Instant::now());
			eprintln!("{}: {done}/{} {message}", self.what, self.total);
		}
	}

	fn end(&mut self, message: &str) {
		match &self.bar {
			Some(bar) => bar.finish_with_message(message.to_owned()),
			None => eprintln!("{}: {message} ({:.0} s)", self.what, self.begun.elapsed().as_secs_f64()),
		}
	}
}
