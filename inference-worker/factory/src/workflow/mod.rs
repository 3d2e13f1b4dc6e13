//! Resumable workflows: steps whose inputs and outputs are addressed by content.
//!
//! A step's key is the BLAKE3 of its kind, its settings and the hashes of its inputs. What it makes lies under
//! `steps/<key>/`; `done.json` there holds the hash of every output and is written last. A step is skipped while its
//! folder is finished and whole, so a killed run goes on where it was, and a changed setting redoes its step and those
//! that read what changed. This module knows no chain.

mod done;
mod error;
mod fetched;
mod lock;
mod status;
mod steps;
#[cfg(test)]
mod tests;

pub use error::{StepError, WorkflowError};
pub use fetched::{Dataset, Fetched, Member, Open, PlainText, CONTENT_DIR, MEMBERS};
pub use status::{State, Status, StepStatus, STATUS_FILE};
pub use steps::{
	AblateStep, Base, EvaluateStep, Measurement, TrainStep, ABLATION_REPORT, ADAPTER_DIR, CURVES_FILE,
};

use std::{
	collections::{BTreeMap, BTreeSet},
	fs,
	path::{Path, PathBuf},
	time::Instant,
};

use serde_json::{json, Value};

use crate::{config::configuration_hash, error::FactoryError, files, progress::Progress};
use done::Done;
use lock::Lock;

/// Folder of the steps in a work folder.
pub const STEPS_DIR: &str = "steps";
/// What a step's folder is called in messages and on the page of curves.
pub const STEP_FILE: &str = "step.json";

/// A piece of work that is not done again while its inputs are the same.
pub trait Step {
	/// Its name in this workflow, which later steps and people know it by.
	fn name(&self) -> &str;
	/// What it does; part of its key.
	fn kind(&self) -> &'static str;
	/// All that decides, beside the inputs, what it makes; part of its key.
	fn settings(&self) -> Value;
	/// Names of the earlier steps whose outputs it reads.
	fn inputs(&self) -> Vec<String>;
	/// Files and folders that it makes in its folder.
	fn outputs(&self) -> Vec<&'static str>;
	/// Whether what it did outside its folder is still so: asked before a finished step is skipped.
	fn holds(&self, folder: &Path) -> Result<bool, StepError> {
		let _ = folder;
		Ok(true)
	}
	/// Does the work, or goes on with it: what an interrupted run left in the folder is still there.
	fn run(&mut self, place: &Place, progress: &mut dyn Progress) -> Result<(), StepError>;
}

/// Where a step works.
#[derive(Debug, Clone)]
pub struct Place {
	/// Its own folder.
	pub folder: PathBuf,
	inputs: BTreeMap<String, PathBuf>,
}

impl Place {
	/// Folder of an input.
	pub fn input(&self, name: &str) -> Result<&Path, StepError> {
		let missing = || format!("the step `{name}` is none of its inputs");
		Ok(self.inputs.get(name).ok_or_else(missing)?)
	}
}

/// What happens to a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Event<'a> {
	/// It is finished and whole.
	Skipped {
		/// Its name.
		name: &'a str,
	},
	/// What it made is there no longer, or not as it was.
	Broken {
		/// Its name.
		name: &'a str,
		/// What is wrong with it.
		reason: &'a str,
	},
	/// It begins, or goes on.
	Started {
		/// Its name.
		name: &'a str,
	},
	/// It is finished.
	Finished {
		/// Its name.
		name: &'a str,
		/// How long it took this time.
		seconds: f64,
	},
}

/// Receives what a workflow does, and the progress inside its steps.
pub trait Observer: Progress {
	/// A step changed.
	fn event(&mut self, event: Event<'_>);
}

impl Observer for crate::Silent {
	fn event(&mut self, _: Event<'_>) {}
}

/// A work folder, held by this process alone.
#[derive(Debug)]
pub struct Workflow {
	root: PathBuf,
	name: String,
	_lock: Lock,
}

impl Workflow {
	/// Takes a work folder, which is made where there is none. Errors: another process works in it.
	pub fn open(root: &Path, name: &str) -> Result<Self, WorkflowError> {
		files::create_dir(&root.join(STEPS_DIR))?;
		let lock = Lock::take(root)?;
		Ok(Self { root: root.to_owned(), name: name.to_owned(), _lock: lock })
	}

	/// Does the steps in order, skipping those that are done, and ends after `until` if it is named. Gives the folder
	/// of each step by its name.
	pub fn run(
		&self,
		steps: &mut [Box<dyn Step + '_>],
		until: Option<&str>,
		observer: &mut dyn Observer,
	) -> Result<BTreeMap<String, PathBuf>, WorkflowError> {
		if let Some(until) = until.filter(|until| !steps.iter().any(|step| step.name() == *until)) {
			let known = steps.iter().map(|step| step.name().to_owned()).collect();
			return Err(WorkflowError::NoStep { name: until.to_owned(), known });
		}
		let mut status = Status::new(&self.name, steps);
		status.save(&self.root)?;
		let mut finished: BTreeMap<String, (PathBuf, String)> = BTreeMap::new();
		for (index, step) in steps.iter_mut().enumerate() {
			let result = self.step(index, step.as_mut(), &finished, &mut status, observer);
			if let Err(error) = &result {
				status.set(index, State::Failed, None, Some(error.to_string()));
				status.save(&self.root)?;
			}
			let name = step.name().to_owned();
			let last = until == Some(name.as_str());
			finished.insert(name, result?);
			if last {
				break;
			}
		}
		Ok(finished.into_iter().map(|(name, (folder, _))| (name, folder)).collect())
	}

	/// Removes the folders of steps that the last run did not need: those of other settings and older texts. What it did
	/// need stays, and so does everything that is no step. Gives how many were removed. Errors: the last run is not
	/// finished.
	pub fn clean(&self) -> Result<usize, WorkflowError> {
		let status = Status::read(&self.root)?;
		if status.steps.iter().any(|step| step.state != State::Done) {
			return Err(WorkflowError::Unfinished(self.root.clone()));
		}
		let needed: BTreeSet<String> = status.steps.into_iter().filter_map(|step| step.key).collect();
		let steps = self.root.join(STEPS_DIR);
		let mut removed = 0;
		for entry in fs::read_dir(&steps).map_err(FactoryError::read(&steps))? {
			let entry = entry.map_err(FactoryError::read(&steps))?;
			let name = entry.file_name().to_string_lossy().into_owned();
			let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
			if is_folder && blake3::Hash::from_hex(&name).is_ok() && !needed.contains(&name) {
				done::clear(&entry.path())?;
				removed += 1;
			}
		}
		Ok(removed)
	}

	fn step(
		&self,
		index: usize,
		step: &mut dyn Step,
		finished: &BTreeMap<String, (PathBuf, String)>,
		status: &mut Status,
		observer: &mut dyn Observer,
	) -> Result<(PathBuf, String), WorkflowError> {
		let name = step.name().to_owned();
		let failed = |source| WorkflowError::Step { name: name.clone(), source };
		let (mut inputs, mut hashes) = (BTreeMap::new(), BTreeMap::new());
		for input in step.inputs() {
			let missing = || WorkflowError::Order { name: name.clone(), input: input.clone() };
			let (folder, hash) = finished.get(&input).ok_or_else(missing)?;
			inputs.insert(input.clone(), folder.clone());
			hashes.insert(input, hash.clone());
		}
		let (kind, settings) = (step.kind(), step.settings());
		let key = key(kind, &settings, &hashes);
		let folder = self.root.join(STEPS_DIR).join(&key);
		status.key(index, &key);
		match Done::read(&folder, &key) {
			Ok(None) => {}
			Ok(Some(done)) => match step.holds(&folder).map_err(failed)? {
				true => {
					status.set(index, State::Done, Some(done.seconds), None);
					status.save(&self.root)?;
					observer.event(Event::Skipped { name: &name });
					return Ok((folder, done.hash()));
				}
				false => {
					observer.event(Event::Broken { name: &name, reason: "what it registered is not there" });
					done::remove(&folder)?;
				}
			},
			// Nothing of a folder that is not as it was is trusted: the step begins anew.
			Err(reason) => {
				observer.event(Event::Broken { name: &name, reason: &reason });
				done::clear(&folder)?;
			}
		}
		files::create_dir(&folder)?;
		let label = json!({ "workflow": self.name, "name": name, "kind": kind });
		files::write_json(&folder.join(STEP_FILE), &label)?;
		status.set(index, State::Running, None, None);
		status.save(&self.root)?;
		observer.event(Event::Started { name: &name });
		let begun = Instant::now();
		let place = Place { folder: folder.clone(), inputs };
		step.run(&place, observer).map_err(failed)?;
		let seconds = begun.elapsed().as_secs_f64();
		let done = Done::make(&folder, &key, kind, &step.outputs(), seconds)?;
		done.save(&folder)?;
		status.set(index, State::Done, Some(seconds), None);
		status.save(&self.root)?;
		observer.event(Event::Finished { name: &name, seconds });
		Ok((folder, done.hash()))
	}
}

/// BLAKE3 of kind, settings and inputs, hexadecimal.
fn key(kind: &str, settings: &Value, inputs: &BTreeMap<String, String>) -> String {
	let whole = json!({ "kind": kind, "settings": settings, "inputs": inputs });
	blake3::Hash::from_bytes(configuration_hash(&whole)).to_hex().to_string()
}
