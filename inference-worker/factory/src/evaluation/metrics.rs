//! What is measured, and the scores of single answers.

use std::{collections::HashMap, fmt, str::FromStr};

use super::{error::EvaluationError, items::Task};

/// Most words of a text that ROUGE-L compares: its time is their product.
const MAX_WORDS: usize = 4_096;

/// Compares the words of an answer with those of a reference.
type Rouge = fn(&[String], &[String]) -> f64;

/// A measure of a model on a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
	/// exp of the mean negative log-likelihood of a token of a text, or of a reference answer.
	Perplexity,
	/// Share of answers that equal a reference, but for case, white space and a closing full stop.
	ExactMatch,
	/// Share of questions whose right choice has the highest likelihood per byte.
	MultipleChoice,
	/// F1 of the words in common with the best reference (Lin, 2004).
	Rouge1,
	/// F1 of the word pairs.
	Rouge2,
	/// F1 of the longest common subsequence of words.
	RougeL,
	/// Share of answers that pass every check.
	Judge,
}

impl Metric {
	/// All.
	pub const ALL: [Self; 7] = [
		Self::Perplexity,
		Self::ExactMatch,
		Self::MultipleChoice,
		Self::Rouge1,
		Self::Rouge2,
		Self::RougeL,
		Self::Judge,
	];

	/// Its name in recipes, reports and on chain.
	pub fn name(self) -> &'static str {
		match self {
			Self::Perplexity => "perplexity",
			Self::ExactMatch => "exact_match",
			Self::MultipleChoice => "multiple_choice",
			Self::Rouge1 => "rouge1",
			Self::Rouge2 => "rouge2",
			Self::RougeL => "rougeL",
			Self::Judge => "judge",
		}
	}

	/// Whether more is better.
	pub fn higher_is_better(self) -> bool {
		self != Self::Perplexity
	}

	/// Whether it can be measured on a task.
	pub fn fits(self, task: &Task) -> bool {
		match task {
			Task::Text(_) => self == Self::Perplexity,
			Task::Answer { .. } => {
				matches!(self, Self::Perplexity | Self::ExactMatch) || self.rouge().is_some()
			}
			Task::Choice { .. } => self == Self::MultipleChoice,
			Task::Judged { .. } => self == Self::Judge,
		}
	}

	/// Whether an answer must be written for it.
	pub fn needs_answer(self) -> bool {
		!matches!(self, Self::Perplexity | Self::MultipleChoice)
	}

	/// What its items look like, for messages.
	pub fn needs(self) -> &'static str {
		match self {
			Self::Perplexity => "plain text, or `prompt` and `answer`",
			Self::MultipleChoice => "`question`, `choices` and `answer`",
			Self::Judge => "`prompt` and `checks`",
			_ => "`prompt` and `answer`",
		}
	}

	fn rouge(self) -> Option<Rouge> {
		match self {
			Self::Rouge1 => Some(|one, other| rouge_n(one, other, 1)),
			Self::Rouge2 => Some(|one, other| rouge_n(one, other, 2)),
			Self::RougeL => Some(rouge_l),
			_ => None,
		}
	}

	/// Score of an answer against the best of the references; none for metrics that compare no texts.
	pub fn compare(self, answer: &str, references: &[String]) -> Option<f64> {
		if self == Self::ExactMatch {
			let answer = plain(answer);
			return Some(f64::from(u8::from(references.iter().any(|reference| plain(reference) == answer))));
		}
		let rouge = self.rouge()?;
		let answer = words(answer);
		Some(references.iter().map(|reference| rouge(&answer, &words(reference))).fold(0.0, f64::max))
	}
}

impl fmt::Display for Metric {
	fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
		formatter.write_str(self.name())
	}
}

impl FromStr for Metric {
	type Err = EvaluationError;

	fn from_str(text: &str) -> Result<Self, EvaluationError> {
		Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or_else(|| {
			let known = Self::ALL.map(Self::name).join(", ");
			EvaluationError::UnknownMetric(text.chars().take(64).collect(), known)
		})
	}
}

/// Lower case, single spaces, no closing full stop.
fn plain(text: &str) -> String {
	let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
	words.join(" ").trim_end_matches('.').to_owned()
}

/// Lower-case runs of letters and digits.
fn words(text: &str) -> Vec<String> {
	let runs = text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
	runs.take(MAX_WORDS).map(str::to_lowercase).collect()
}

fn f1(common: usize, one: usize, other: usize) -> f64 {
	match one + other {
		0 => 0.0,
		both => 2.0 * common as f64 / both as f64,
	}
}

fn rouge_n(answer: &[String], reference: &[String], n: usize) -> f64 {
	let mut counts: HashMap<&[String], usize> = HashMap::new();
	for gram in reference.windows(n) {
		*counts.entry(gram).or_default() += 1;
	}
	let mut common = 0;
	for gram in answer.windows(n) {
		if let Some(left) = counts.get_mut(gram).filter(|left| **left > 0) {
			*left -= 1;
			common += 1;
		}
	}
	let grams = |words: &[String]| (words.len() + 1).saturating_sub(n);
	f1(common, grams(answer), grams(reference))
}

/// One row of the table at a time.
fn rouge_l(answer: &[String], reference: &[String]) -> f64 {
	let mut row = vec![0usize; reference.len() + 1];
	for word in answer {
		let mut diagonal = 0;
		for (place, other) in reference.iter().enumerate() {
			let above = row.get(place + 1).copied().unwrap_or(0);
			let left = row.get(place).copied().unwrap_or(0);
			let longest = if word == other { diagonal + 1 } else { above.max(left) };
			if let Some(cell) = row.get_mut(place + 1) {
				*cell = longest;
			}
			diagonal = above;
		}
	}
	f1(row.last().copied().unwrap_or(0), answer.len(), reference.len())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn score(metric: Metric, answer: &str, reference: &str) -> f64 {
		metric.compare(answer, &[reference.to_owned()]).expect("compares texts")
	}

	#[test]
	fn rouge_is_the_published_value_when_texts_overlap() {
		// By hand from the definition.
		let (reference, answer) =
			("The quick brown fox jumps over the lazy dog", "the quick fox sleeps near the dog");
		assert!((score(Metric::Rouge1, answer, reference) - 0.625).abs() < 1e-9);
		assert!((score(Metric::Rouge2, answer, reference) - 2.0 / 14.0).abs() < 1e-9);
		assert!((score(Metric::RougeL, answer, reference) - 0.625).abs() < 1e-9);
		assert!((score(Metric::RougeL, "dog the over", reference) - 4.0 / 12.0).abs() < 1e-9);
	}

	#[test]
	fn score_is_one_when_texts_are_equal_and_zero_when_nothing_is_in_common() {
		for metric in [Metric::ExactMatch, Metric::Rouge1, Metric::Rouge2, Metric::RougeL] {
			assert_eq!(score(metric, "A  Branch moves.", "a branch moves"), 1.0, "{metric}");
			assert_eq!(score(metric, "something else", "a branch moves"), 0.0, "{metric}");
			assert_eq!(score(metric, "", "a branch moves"), 0.0, "{metric}");
		}
	}

	#[test]
	fn best_reference_counts_when_there_are_several() {
		let references = ["one".to_owned(), "two words".to_owned()];
		assert_eq!(Metric::Rouge1.compare("two words", &references), Some(1.0));
		assert_eq!(Metric::Judge.compare("two words", &references), None);
	}

	#[test]
	fn metric_is_refused_with_the_known_ones_when_its_name_is_wrong() {
		for metric in Metric::ALL {
			assert_eq!(metric.name().parse::<Metric>().expect("known"), metric);
		}
		assert!("bleu".parse::<Metric>().expect_err("unknown").to_string().contains("rougeL"));
	}
}
