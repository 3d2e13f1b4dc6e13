//! Tests of whole trainings and of the gradients.

mod containment;
mod data;
mod engine;
mod errors;
mod folders;
mod golden;
mod gradients;
mod methods;
mod runs;

use std::path::Path;

use crate::{
	batch::{Batch, Row},
	AdapterConfig, BaseConfig, ModelShape, Progress, Schedule,
};

/// A model of a few thousand values.
pub(crate) fn tiny_shape() -> ModelShape {
	ModelShape {
		vocab_size: 300,
		hidden_size: 16,
		intermediate_size: 24,
		num_hidden_layers: 2,
		num_attention_heads: 4,
		num_key_value_heads: 2,
		max_position_embeddings: 32,
		rms_norm_eps: 1e-6,
		rope_theta: 10_000.0,
		tie_word_embeddings: true,
		attention_bias: false,
	}
}

fn tiny_schedule() -> Schedule {
	Schedule {
		steps: 12,
		batch: 2,
		sequence: 16,
		learning_rate: 1e-2,
		warmup_steps: 2,
		checkpoint_steps: 5,
		evaluation_sequences: 4,
		..Schedule::default()
	}
}

/// Writes texts with headings and paragraphs.
fn write_texts(dir: &Path) {
	std::fs::create_dir_all(dir).expect("folder");
	for number in 0..6 {
		let paragraph = format!(
			"Item {number} is stored in the index before it is written. The index keeps item {number} until a commit \
			 names it. "
		);
		let text = format!("# Item {number}\n\n{paragraph}\n\n## Use\n\n{}\n", paragraph.repeat(3));
		std::fs::write(dir.join(format!("{number}.txt")), text).expect("text");
	}
}

pub(crate) fn base_config(root: &Path, out: &str) -> BaseConfig {
	write_texts(&root.join("texts"));
	BaseConfig {
		name: "tiny".into(),
		texts: vec![root.join("texts")],
		held_out: vec![],
		out_dir: root.join(out),
		shape: tiny_shape(),
		chat_share: 0.3,
		schedule: tiny_schedule(),
	}
}

pub(crate) fn adapter_config(root: &Path, base: &str, out: &str) -> AdapterConfig {
	AdapterConfig {
		rank: 2,
		alpha: 4.0,
		schedule: tiny_schedule(),
		..AdapterConfig::new(root.join(base), vec![root.join("texts")], root.join(out))
	}
}

/// A row of one text whose targets all count.
fn row(tokens: &[u32], targets: &[u32]) -> Row {
	Row {
		inputs: tokens.to_vec(),
		targets: targets.to_vec(),
		counted: vec![true; tokens.len()],
		starts: vec![0],
		documents: vec![0],
	}
}

/// A batch of one row whose targets do not matter.
fn batch_of(tokens: &[u32]) -> Batch {
	Batch::new(&[row(tokens, tokens)], &burn::tensor::Device::flex())
}

/// Stops a training after some steps.
struct StopAfter(u64);

impl Progress for StopAfter {
	fn begin(&mut self, _: &str, _: u64) {}
	fn step(&mut self, _: u64, _: &str) {}
	fn end(&mut self, _: &str) {}
	fn wants_stop(&mut self) -> Option<String> {
		self.0 -= 1;
		(self.0 == 0).then(|| "the test has seen enough".into())
	}
}
