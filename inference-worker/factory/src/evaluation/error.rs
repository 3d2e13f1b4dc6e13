//! What can go wrong in an evaluation, and what to do about it.

use tributary_engine::{EngineError, SubmitError};

/// Error of an evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
	/// A benchmark's contribution is no items.
	#[error("benchmark contribution {contribution}, line {line}: {reason}; ask its curators to replace it, or take another snapshot")]
	Item {
		/// Index of the contribution in its DataNet.
		contribution: u32,
		/// Line in it, from 1.
		line: usize,
		/// What is wrong.
		reason: String,
	},
	/// The benchmark is empty or larger than an evaluation may be.
	#[error("the benchmark has {items} items, an evaluation takes 1 to {most}; choose another snapshot")]
	Size {
		/// Items found.
		items: usize,
		/// Largest number.
		most: usize,
	},
	/// No item of the benchmark can be measured that way.
	#[error("no item of the benchmark fits {metric}, which needs {needs}; name another metric or benchmark")]
	NoItems {
		/// The metric.
		metric: &'static str,
		/// What its items look like.
		needs: &'static str,
	},
	/// There is no such metric.
	#[error("`{0}` is no metric; known are {1}")]
	UnknownMetric(String, String),
	/// An item does not fit the model.
	#[error("benchmark contribution {contribution}, line {line} has {tokens} tokens where the model takes {context}; use a model of longer context or lower max_tokens")]
	TooLong {
		/// Index of the contribution.
		contribution: u32,
		/// Line in it.
		line: usize,
		/// Tokens of the prompt and the answer.
		tokens: usize,
		/// The model's context, tokens.
		context: usize,
	},
	/// The model cannot be run.
	#[error("the model cannot be evaluated: {0}")]
	Engine(#[from] EngineError),
	/// The engine takes no request.
	#[error("the model cannot be evaluated: {0}")]
	Submit(#[from] SubmitError),
	/// A setting is out of range.
	#[error("{name} {reason}; change it and run again")]
	Setting {
		/// Its name.
		name: &'static str,
		/// What is wrong.
		reason: String,
	},
	/// A stored report is none.
	#[error("the stored report is not readable: {0}; ask its evaluator to report again")]
	Report(String),
	/// The caller asked to stop.
	#[error("stopped: {0}; the same command begins this measurement anew")]
	Stopped(String),
}
