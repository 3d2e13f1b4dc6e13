//! What can go wrong in a workflow.

use std::path::PathBuf;

use crate::error::FactoryError;

/// Error of a step: what it said.
pub type StepError = Box<dyn std::error::Error + Send + Sync>;

/// Error of a workflow.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
	/// Another process works in the folder.
	#[error("{0} is in use by another run; wait for it, or name another folder with --work")]
	Locked(PathBuf),
	/// There is no such step.
	#[error("there is no step `{name}`; this recipe has {}", known.join(", "))]
	NoStep {
		/// What was asked for.
		name: String,
		/// The steps.
		known: Vec<String>,
	},
	/// A step reads one that does not come before it.
	#[error("step `{name}` reads `{input}`, which does not come before it")]
	Order {
		/// The step.
		name: String,
		/// Its input.
		input: String,
	},
	/// The last run in a work folder did not get to its end.
	#[error(
		"the last run in {0} is not finished, so what is still needed is not known; finish it, then clean"
	)]
	Unfinished(PathBuf),
	/// A step did not make what it said it would.
	#[error("the step made no usable {path}: {reason}; run again")]
	Output {
		/// The file.
		path: PathBuf,
		/// What is wrong with it.
		reason: String,
	},
	/// A step failed; what it did so far is kept.
	#[error("{name}: {source}")]
	Step {
		/// The step.
		name: String,
		/// Why.
		source: StepError,
	},
	/// A file could not be read or written.
	#[error(transparent)]
	Files(#[from] FactoryError),
}
