//! `curves.jsonl`: what a training measures while it runs, one JSON object a line.

use std::{
	fs::{File, OpenOptions},
	io::Write,
	path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{error::FactoryError, files};

/// Name of a curve. In a folder that will be published it begins with a dot, which keeps it out: seconds differ from run
/// to run, the hash of what is published must not.
pub const CURVES: &str = "curves.jsonl";

/// The curve of a training that was told no other place.
pub(crate) fn in_output(folder: &Path) -> PathBuf {
	folder.join(format!(".{CURVES}"))
}

/// A line of a curve. Lines stand in the order of their steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum CurvePoint {
	/// An optimizer step.
	Step {
		/// Steps done, this one included.
		step: usize,
		/// Mean cross-entropy of the step's tokens before it was done, nats per token.
		loss: f64,
		/// Learning rate of the step.
		learning_rate: f64,
		/// Tokens seen since the first step.
		tokens: u64,
		/// Seconds trained since the first step, interruptions not counted.
		seconds: f64,
	},
	/// A measurement on the held-out texts.
	Evaluation {
		/// Steps done.
		step: usize,
		/// Mean cross-entropy, nats per token.
		loss: f64,
		/// As in a step.
		seconds: f64,
	},
	/// A step whose loss or gradient was no number: the weights stayed as they were.
	Skipped {
		/// Steps done, this one included.
		step: usize,
		/// Names of the documents that were in it.
		documents: Vec<String>,
	},
}

impl CurvePoint {
	/// Steps done.
	pub fn step(&self) -> usize {
		match self {
			Self::Step { step, .. } | Self::Evaluation { step, .. } | Self::Skipped { step, .. } => *step,
		}
	}
}

/// Reads a curve; a last line that is still being written is left out, a missing file is an empty curve.
pub fn read_curve(path: &Path) -> Result<Vec<CurvePoint>, FactoryError> {
	if !path.exists() {
		return Ok(Vec::new());
	}
	let bytes = files::read(path)?;
	let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
	bytes[..whole]
		.split(|byte| *byte == b'\n')
		.filter(|line| !line.is_empty())
		.enumerate()
		.map(|(index, line)| {
			serde_json::from_slice(line).map_err(|error| {
				let reason = format!("line {} is no point of a curve: {error}; remove the file", index + 1);
				FactoryError::model(path, reason)
			})
		})
		.collect()
}

/// A curve that is being written.
pub(crate) struct Curve {
	path: PathBuf,
	file: File,
}

impl Curve {
	/// Opens the curve of a training that goes on after `step`: what was written of later steps is cut off. Points of
	/// `step` itself stay.
	pub(crate) fn open(path: PathBuf, step: Option<usize>) -> Result<Self, FactoryError> {
		let mut kept = Vec::new();
		if let Some(step) = step {
			for point in read_curve(&path)?.into_iter().take_while(|point| point.step() <= step) {
				kept.extend(line(&point, &path)?);
			}
		}
		files::write(&path, &kept)?;
		let file = OpenOptions::new().append(true).open(&path).map_err(FactoryError::write(&path))?;
		Ok(Self { path, file })
	}

	/// Appends a point; a reader sees it at once.
	pub(crate) fn append(&mut self, point: &CurvePoint) -> Result<(), FactoryError> {
		self.file.write_all(&line(point, &self.path)?).map_err(FactoryError::write(&self.path))
	}
}

fn line(point: &CurvePoint, path: &Path) -> Result<Vec<u8>, FactoryError> {
	let mut line = serde_json::to_vec(point).map_err(|error| FactoryError::model(path, error))?;
	line.push(b'\n');
	Ok(line)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn step(step: usize) -> CurvePoint {
		CurvePoint::Step { step, loss: 2.5, learning_rate: 1e-3, tokens: step as u64 * 10, seconds: 0.5 }
	}

	#[test]
	fn curve_is_cut_at_the_checkpoint_when_a_training_goes_on() {
		let dir = tempfile::tempdir().expect("temporary folder");
		let path = dir.path().join(CURVES);
		let mut curve = Curve::open(path.clone(), None).expect("new");
		let evaluation = CurvePoint::Evaluation { step: 2, loss: 2.4, seconds: 0.6 };
		let skipped = CurvePoint::Skipped { step: 3, documents: vec!["a.txt".into()] };
		for point in [step(1), step(2), evaluation.clone(), skipped, step(4)] {
			curve.append(&point).expect("written");
		}
		// A kill in the middle of a line.
		curve.file.write_all(b"{\"kind\":\"step\",\"st").expect("written");
		assert_eq!(read_curve(&path).expect("curve").len(), 5);

		let mut curve = Curve::open(path.clone(), Some(2)).expect("cut");
		curve.append(&step(3)).expect("written");
		assert_eq!(read_curve(&path).expect("curve"), [step(1), step(2), evaluation, step(3)]);
		Curve::open(path.clone(), None).expect("anew");
		assert!(read_curve(&path).expect("curve").is_empty());
	}

	#[test]
	fn curve_is_refused_with_its_line_when_it_is_damaged() {
		let dir = tempfile::tempdir().expect("temporary folder");
		let path = dir.path().join(CURVES);
		std::fs::write(&path, "{\"kind\":\"skipped\",\"step\":1,\"documents\":[]}\nnothing\n")
			.expect("written");
		assert!(read_curve(&path).expect_err("damaged").to_string().contains("line 2"));
		assert!(read_curve(&dir.path().join("none")).expect("empty").is_empty());
	}
}
