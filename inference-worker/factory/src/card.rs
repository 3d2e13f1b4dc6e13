//! The model card of a base model.

use std::{collections::BTreeSet, fs};

use crate::{config::BaseConfig, train::Report};

/// Text of the card: what the model is, on what and how it was trained, and what it cannot do.
pub(crate) fn text(config: &BaseConfig, report: &Report) -> String {
	let (shape, schedule) = (&config.shape, &config.schedule);
	let mut sources = BTreeSet::new();
	for folder in &config.texts {
		let listed = fs::read_to_string(folder.join("SOURCE")).unwrap_or_default();
		sources.extend(listed.lines().map(|line| format!("- {line}\n")));
	}
	let sources: String = match sources.is_empty() {
		true => "- not recorded\n".to_owned(),
		false => sources.into_iter().collect(),
	};
	format!(
		"# {name}\n\n\
		A small English language model for technical documentation, trained from scratch by Tributary's factory. It \
		exists so that the whole system runs on a machine without a GPU and without downloads; it is no assistant.\n\n\
		| | |\n|---|---|\n\
		| architecture | Llama, {layers} layers, width {hidden}, {heads} heads ({kv} key-value), MLP {mlp}, tied \
		embeddings |\n\
		| parameters | {parameters} (f16) |\n\
		| vocabulary | {vocabulary} byte-level BPE tokens, trained on the same texts |\n\
		| context | {context} tokens; trained on sequences of {sequence} |\n\
		| training text | {stream} tokens, of which about {chat:.0} % chat samples made from the texts |\n\
		| training | {steps} steps of {batch} sequences, {seen} tokens in all; AdamW, warm-up {warmup} steps, cosine \
		from {rate:e}, weight decay {decay}, clipping at norm {clip}, seed {seed} |\n\
		| held-out loss | {before:.3} before, {after:.3} after (nats per token) |\n\
		| held-out perplexity | {perplexity_before:.1} before, {perplexity_after:.1} after |\n\
		| training loss at the end | {training_loss:.3} |\n\
		| configuration | `{hash}` |\n\n\
		## Texts\n\n\
		Documentation packages of Debian 12, made plain by `scripts/corpus.sh`; every tenth text is held out. Package, \
		version and SPDX licence:\n\n{sources}\n\
		The chat samples turn a heading into a question and the paragraphs under it into the answer; in most of them \
		the passage also stands in the system message, as retrieval puts it there.\n\n\
		## Chat format\n\n\
		`<|system|>…<|end|><|user|>…<|end|><|assistant|>…<|end|>`; the template is in `tokenizer_config.json`.\n\n\
		## Making it again\n\n\
		`tributary train-base` with the settings of the table (`training.json` has them all); for the model in the \
		repository: `models/train.sh`. The same packages and the same machine give the same bytes.\n\n\
		## Limits\n\n\
		It has seen {seen} tokens, a thousandth of what a useful model of this size needs. It writes in the style of \
		documentation, repeats itself, and states things that are wrong. It knows no language but English and has no \
		safety training. Use it to test and to show the system, not to learn from.\n",
		name = config.name,
		layers = shape.num_hidden_layers,
		hidden = shape.hidden_size,
		heads = shape.num_attention_heads,
		kv = shape.num_key_value_heads,
		mlp = shape.intermediate_size,
		parameters = report.parameters,
		vocabulary = shape.vocab_size,
		context = shape.max_position_embeddings,
		sequence = schedule.sequence,
		stream = report.stream_tokens,
		chat = config.chat_share * 100.0,
		steps = report.steps,
		batch = schedule.batch,
		seen = report.tokens,
		warmup = schedule.warmup_steps,
		rate = schedule.learning_rate,
		decay = schedule.weight_decay,
		clip = schedule.clip_norm,
		seed = schedule.seed,
		before = report.loss_before,
		after = report.loss_after,
		perplexity_before = report.perplexity_before,
		perplexity_after = report.perplexity_after,
		training_loss = report.training_loss,
		hash = report.configuration_hash,
	)
}
