//! `workflow.json`: how far a workflow is, for `tributary factory status`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{error::WorkflowError, lock::Lock, Step};
use crate::{error::FactoryError, files};

/// Name of the file in the work folder.
pub const STATUS_FILE: &str = "workflow.json";

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
	/// Its turn has not come.
	Waiting,
	/// It was begun.
	Running,
	/// It is finished.
	Done,
	/// It failed.
	Failed,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepStatus {
	/// Its name.
	pub name: String,
	/// What it does.
	pub kind: String,
	/// Its key, once its inputs are known: the name of its folder.
	pub key: Option<String>,
	/// Where it stands.
	pub state: State,
	/// How long its last run took, once it is finished.
	pub seconds: Option<f64>,
	/// Why it failed.
	pub error: Option<String>,
}

/// A workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
	/// What it is called.
	pub workflow: String,
	/// Its steps, in order.
	pub steps: Vec<StepStatus>,
	/// Whether a process works on it now. A step that is [`State::Running`] while none does was interrupted.
	#[serde(skip)]
	pub running: bool,
}

impl Status {
	pub(super) fn new(workflow: &str, steps: &[Box<dyn Step + '_>]) -> Self {
		let status = |step: &(dyn Step + '_)| StepStatus {
			name: step.name().to_owned(),
			kind: step.kind().to_owned(),
			key: None,
			state: State::Waiting,
			seconds: None,
			error: None,
		};
		Self {
			workflow: workflow.to_owned(),
			steps: steps.iter().map(|step| status(step.as_ref())).collect(),
			running: true,
		}
	}

	pub(super) fn key(&mut self, index: usize, key: &str) {
		if let Some(step) = self.steps.get_mut(index) {
			step.key = Some(key.to_owned());
		}
	}

	pub(super) fn set(&mut self, index: usize, state: State, seconds: Option<f64>, error: Option<String>) {
		if let Some(step) = self.steps.get_mut(index) {
			(step.state, step.seconds, step.error) = (state, seconds, error);
		}
	}

	pub(super) fn save(&self, root: &Path) -> Result<(), WorkflowError> {
		Ok(files::write_json(&root.join(STATUS_FILE), &json!(self))?)
	}

	/// Of a work folder.
	pub fn read(root: &Path) -> Result<Self, WorkflowError> {
		let path = root.join(STATUS_FILE);
		let bytes = files::read(&path)?;
		let mut status: Self =
			serde_json::from_slice(&bytes).map_err(|error| FactoryError::model(&path, error))?;
		status.running = matches!(Lock::take(root), Err(WorkflowError::Locked(_)));
		Ok(status)
	}
}
