//! Why a recipe is refused: where, what, and what to write instead.

use std::{fmt, path::PathBuf};

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
	/// Line of the file; 0 where it is not in the file.
	pub line: u64,
	/// The field, such as `evaluation[0].metrics`.
	pub field: String,
	/// What is wrong with it.
	pub reason: String,
}

/// Error of a recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
	/// The file cannot be read.
	#[error("cannot read {path}: {source}; check that it exists and may be read")]
	Read {
		/// The file.
		path: PathBuf,
		/// Reason given by the system.
		source: std::io::Error,
	},
	/// The file is no recipe by its size.
	#[error("{path} has {bytes} bytes, a recipe at most {limit}; check that it is the file you meant")]
	TooLarge {
		/// The file.
		path: PathBuf,
		/// Its size.
		bytes: u64,
		/// Largest size.
		limit: u64,
	},
	/// A field or word that is not known.
	#[error("{name}:{line}: unknown {what} `{found}`{}; known are {}", near(nearest), known.join(", "))]
	Unknown {
		/// The file.
		name: String,
		/// Its line.
		line: u64,
		/// `field` or `value`.
		what: &'static str,
		/// What was written.
		found: String,
		/// What was probably meant.
		nearest: Option<&'static str>,
		/// What may stand there.
		known: Vec<&'static str>,
	},
	/// Not YAML, or values of another type.
	#[error("{name}:{line}: {reason}")]
	Yaml {
		/// The file.
		name: String,
		/// Its line; 0 where it is not known.
		line: u64,
		/// What is wrong.
		reason: String,
	},
	/// Values out of range.
	#[error("{}", list(name, problems))]
	Settings {
		/// The file.
		name: String,
		/// All of them.
		problems: Vec<Problem>,
	},
}

fn near(nearest: &Option<&'static str>) -> String {
	nearest.map_or_else(String::new, |nearest| format!(", did you mean `{nearest}`?"))
}

fn list(name: &str, problems: &[Problem]) -> String {
	problems.iter().map(|problem| format!("{name}:{problem}")).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Problem {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(formatter, "{}: {} {}", self.line, self.field, self.reason)
	}
}

impl RecipeError {
	pub(super) fn yaml(name: &str, error: &serde_saphyr::Error) -> Self {
		use serde_saphyr::Error;
		let line = error.location().map_or(0, |location| location.line());
		let unknown = |what, found: &str, known: &[&'static str]| Self::Unknown {
			name: name.to_owned(),
			line,
			what,
			found: found.chars().take(64).collect(),
			nearest: nearest(found, known),
			known: known.to_vec(),
		};
		match error.without_snippet() {
			Error::SerdeUnknownField { field, expected, .. } => unknown("field", field, expected),
			Error::SerdeUnknownVariant { variant, expected, .. } => unknown("value", variant, expected),
			// Without the line, which stands before it.
			other => {
				let text = other.to_string();
				let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
				Self::Yaml { name: name.to_owned(), line, reason }
			}
		}
	}
}

/// The known name with the fewest changes, if they are few.
pub(super) fn nearest(found: &str, known: &[&'static str]) -> Option<&'static str> {
	let found: Vec<char> = found.chars().take(64).collect();
	let changes = |name: &&&'static str| distance(&found, &name.chars().collect::<Vec<_>>());
	let best = known.iter().min_by_key(changes)?;
	(changes(&best) <= 1 + found.len() / 3).then_some(*best)
}

/// Levenshtein distance.
fn distance(one: &[char], other: &[char]) -> usize {
	let mut row: Vec<usize> = (0..=other.len()).collect();
	for (index, a) in one.iter().enumerate() {
		let mut diagonal = index;
		let mut left = index + 1;
		for (cell, b) in row.iter_mut().skip(1).zip(other) {
			let replaced = diagonal + usize::from(a != b);
			diagonal = *cell;
			left = replaced.min(diagonal + 1).min(left + 1);
			*cell = left;
		}
		if let Some(first) = row.first_mut() {
			*first = index + 1;
		}
	}
	row.last().copied().unwrap_or(one.len())
}
