//! A recipe's settings as those of a training.

use std::path::PathBuf;

use super::{Adapter, Device, Recipe};
use crate::{
	config::{AdapterConfig, Method, Source, PROJECTIONS},
	files::Document,
	schedule::{Processor, Schedule},
};

impl Recipe {
	/// Settings of the training that writes into `out_dir`; its curve goes to `curves`.
	pub fn training(&self, base_dir: PathBuf, out_dir: PathBuf, curves: PathBuf) -> AdapterConfig {
		let schedule = Schedule {
			steps: self.max_steps.unwrap_or(1),
			epochs: self.num_epochs,
			batch: self.micro_batch_size,
			accumulation: self.gradient_accumulation_steps,
			sequence: self.sequence_len,
			learning_rate: self.learning_rate,
			warmup_steps: self.warmup_steps,
			weight_decay: self.weight_decay as f32,
			clip_norm: self.max_grad_norm,
			seed: self.seed,
			checkpoint_steps: self.save_steps,
			packing: self.sample_packing,
			gradient_checkpointing: self.gradient_checkpointing,
			evaluation_steps: self.eval_steps,
			patience: self.early_stopping_patience,
			processor: match self.device {
				Device::Cpu => Processor::Flex,
				Device::Gpu => Processor::Gpu,
			},
			..Schedule::default()
		};
		let mut modules = self.lora_target_modules.clone();
		if modules.is_empty() {
			modules = PROJECTIONS.map(str::to_owned).to_vec();
		}
		AdapterConfig {
			method: match self.adapter {
				Adapter::Lora => Method::Lora,
				Adapter::Qlora => Method::Qlora,
			},
			rank: self.lora_r,
			alpha: self.lora_alpha,
			rslora: self.peft_use_rslora,
			dropout: self.lora_dropout,
			target_modules: modules,
			chat_share: self.chat_share,
			train_on_inputs: self.train_on_inputs,
			curves: Some(curves),
			schedule,
			..AdapterConfig::new(base_dir, Vec::new(), out_dir)
		}
	}
}

/// Takes a share of each source's texts out to measure on, evenly spread. Nothing is taken where every source has too
/// few texts for its share; the training then holds out by itself.
pub fn hold_out(sources: Vec<Source>, share: f64) -> (Vec<Source>, Vec<Document>) {
	let mut held_out = Vec::new();
	let mut kept = Vec::with_capacity(sources.len());
	for mut source in sources {
		let documents = std::mem::take(&mut source.documents);
		for (index, document) in documents.into_iter().enumerate() {
			let before = (index as f64 * share).floor();
			if ((index + 1) as f64 * share).floor() > before {
				held_out.push(document);
			} else {
				source.documents.push(document);
			}
		}
		kept.push(source);
	}
	(kept, held_out)
}
