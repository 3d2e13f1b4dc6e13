//! What can go wrong in training, and what to do about it.

use std::path::{Path, PathBuf};

/// Error of the factory. Nothing half written is left in the output folder.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
	/// A file could not be read.
	#[error("cannot read {path}: {source}; check that it exists and may be read")]
	Read {
		/// The file or folder.
		path: PathBuf,
		/// Reason given by the system.
		source: std::io::Error,
	},
	/// A file could not be written.
	#[error(
		"cannot write {path}: {source}; check the disk space and the folder's permissions, then run again"
	)]
	Write {
		/// The file or folder.
		path: PathBuf,
		/// Reason given by the system.
		source: std::io::Error,
	},
	/// A setting is out of range.
	#[error("{name} {reason}; change it and run again")]
	Setting {
		/// Name of the setting.
		name: &'static str,
		/// What is wrong with it.
		reason: String,
	},
	/// There is not enough text for one batch.
	#[error(
		"too little text: {what} has {tokens} tokens, at least {needed} are needed; add texts or lower batch or sequence"
	)]
	TooLittleText {
		/// Which set of texts.
		what: &'static str,
		/// Tokens found.
		tokens: usize,
		/// Tokens needed.
		needed: usize,
	},
	/// Losses or gradients are no numbers, step after step.
	#[error(
		"loss or gradient was no number in several steps in a row, up to step {step} (loss {loss}, learning rate \
		 {learning_rate:e}{}); if this was so from the first step on, look at these texts and the base model, else lower \
		 learning_rate or raise warmup_steps and start anew in another folder; the last good checkpoint, if one was \
		 written, is kept", listed(.documents)
	)]
	NotFinite {
		/// Last of the steps.
		step: usize,
		/// Its loss.
		loss: f32,
		/// Its learning rate.
		learning_rate: f64,
		/// Names of the documents that the steps were computed from.
		documents: Vec<String>,
	},
	/// The held-out loss is no number.
	#[error(
		"the held-out loss is no number {when}; look at the base model's weights and the held-out texts"
	)]
	Evaluation {
		/// `before training` or `after training`.
		when: &'static str,
	},
	/// The tokenizer has ids that the model has no embedding for.
	#[error(
		"the tokenizer has ids up to {highest}, the model has {vocabulary} embeddings; use the tokenizer.json that \
		 belongs to the model"
	)]
	Vocabulary {
		/// Highest id of the tokenizer.
		highest: usize,
		/// Embeddings of the model.
		vocabulary: usize,
	},
	/// A checkpoint was made with other settings, texts or base model.
	#[error(
		"{path} was made with another configuration ({found}, now {expected}); use the same settings and texts to go \
		 on, or remove it to start anew"
	)]
	OtherConfiguration {
		/// The checkpoint.
		path: PathBuf,
		/// Configuration hash in the checkpoint.
		found: String,
		/// Configuration hash of this run.
		expected: String,
	},
	/// A model folder cannot be used.
	#[error("{path} cannot be used: {reason}")]
	Model {
		/// The file.
		path: PathBuf,
		/// What is wrong with it.
		reason: String,
	},
	/// The tokenizer failed.
	#[error("the tokenizer failed: {0}; check tokenizer.json")]
	Tokenizer(String),
	/// The caller asked to stop. A checkpoint was written.
	#[error("stopped after step {step}: {reason}; the checkpoint is kept, the same settings and texts go on from there")]
	Stopped {
		/// Steps done.
		step: usize,
		/// Why, as the caller gave it.
		reason: String,
	},
	/// There is nothing to train on.
	#[error(
		"{name} has no text to learn from; add documents to it or leave it out, or raise sequence where conversations are \
		 longer"
	)]
	Empty {
		/// The source or set of texts.
		name: String,
	},
	/// A conversation in a document cannot be used. What it says is not repeated here.
	#[error("{document}, line {line}: {reason}; correct the line or remove it")]
	Conversation {
		/// Name of the document.
		document: PathBuf,
		/// Line, counted from 1.
		line: usize,
		/// What is wrong with it.
		reason: String,
	},
}

impl FactoryError {
	pub(crate) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
		move |source| Self::Read { path: path.to_owned(), source }
	}

	pub(crate) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
		move |source| Self::Write { path: path.to_owned(), source }
	}

	pub(crate) fn model(path: &Path, reason: impl std::fmt::Display) -> Self {
		Self::Model { path: path.to_owned(), reason: reason.to_string() }
	}
}

/// Names for a message; the first of many.
fn listed(documents: &[String]) -> String {
	const SHOWN: usize = 8;
	let names: Vec<&str> = documents.iter().take(SHOWN).map(String::as_str).collect();
	match documents.len() {
		0 => String::new(),
		count if count > SHOWN => format!("; texts {} and {} more", names.join(", "), count - SHOWN),
		_ => format!("; texts {}", names.join(", ")),
	}
}

impl From<tokenizers::Error> for FactoryError {
	fn from(error: tokenizers::Error) -> Self {
		Self::Tokenizer(error.to_string())
	}
}
