//! The engine runs what the factory writes, and computes the same.

use std::{
	path::PathBuf,
	sync::{mpsc::channel, Arc},
};

use burn::tensor::{activation, Device};
use tributary_engine::{
	AdapterSource, AdapterUse, ChatMessage, ContentHash, DeviceChoice, Engine, EngineConfig, Event, Request,
	Sampling,
};

use super::{adapter_config, base_config, batch_of, folders::load_adapter};
use crate::{
	chat::Exchange, config::Method, model::Model, parameters::load_model, train_adapter, train_base, Silent,
};

pub(super) struct Folder(pub PathBuf);

impl AdapterSource for Folder {
	fn folder(&self, _: &ContentHash) -> Result<PathBuf, String> {
		Ok(self.0.clone())
	}
}

const PROMPT: [u32; 5] = [40, 70, 280, 12, 99];

/// Greedy tokens of the engine with the logarithms of their probabilities.
pub(super) fn generate(
	engine: &Engine,
	prompt: &[u32],
	adapters: Vec<AdapterUse>,
	max_tokens: usize,
) -> Vec<(u32, f32)> {
	let (sender, receiver) = channel();
	let request = Request {
		prompt: prompt.to_vec(),
		adapters,
		max_tokens,
		sampling: Sampling { temperature: 0.0, ..Sampling::default() },
		..Request::default()
	};
	engine.submit(request, Box::new(move |event| sender.send(event).is_ok())).expect("submitted");
	receiver
		.iter()
		.filter_map(|event| match event {
			Event::Token { id, logprob, .. } => Some((id, logprob)),
			Event::Started { .. } | Event::Embedding(_) | Event::Done { .. } => None,
			Event::Failed(error) => panic!("{error}"),
		})
		.collect()
}

/// Logarithm of the probability that the factory's model gives each of the tokens after the prompt.
fn log_probabilities(model: &Model, generated: &[(u32, f32)]) -> Vec<f32> {
	let tokens: Vec<u32> = PROMPT.iter().copied().chain(generated.iter().map(|(id, _)| *id)).collect();
	let hidden = model.hidden(&batch_of(&tokens));
	let rows =
		activation::log_softmax(model.logits(hidden), 1).try_into_vec_as::<f32>().expect("probabilities");
	let vocabulary = model.shape.vocab_size;
	(PROMPT.len()..tokens.len())
		.map(|place| rows[(place - 1) * vocabulary + tokens[place] as usize])
		.collect()
}

fn assert_close(generated: &[(u32, f32)], expected: &[f32]) {
	assert_eq!(generated.len(), 8);
	for ((_, found), expected) in generated.iter().zip(expected) {
		assert!((found - expected).abs() < 1e-4, "{found} {expected}");
	}
}

#[test]
fn engine_computes_the_same_when_it_loads_trained_folders() {
	let root = tempfile::tempdir().expect("temporary folder");
	train_base(&base_config(root.path(), "base"), &mut Silent).expect("base");
	let mut config = adapter_config(root.path(), "base", "adapter");
	config.schedule.learning_rate = 5e-2;
	train_adapter(&config, &mut Silent).expect("adapter");

	let engine_config = EngineConfig {
		model_dir: config.base_dir.clone(),
		device: DeviceChoice::Cpu,
		..EngineConfig::default()
	};
	let engine = Engine::start(engine_config, Arc::new(Folder(config.out_dir.clone()))).expect("engine");
	let mut model = load_model(&config.base_dir, Method::Lora, &Device::flex()).expect("base");
	let plain = generate(&engine, &PROMPT, vec![], 8);
	assert_close(&plain, &log_probabilities(&model, &plain));

	load_adapter(&mut model, &config);
	let adapted = generate(&engine, &PROMPT, vec![AdapterUse { hash: [1; 32], scale: 1.0 }], 8);
	assert_close(&adapted, &log_probabilities(&model, &adapted));
	assert_ne!(plain, adapted);

	let messages = [("system", "Be brief."), ("user", "What is an index?"), ("assistant", "A file.")].map(
		|(role, content)| ChatMessage {
			role: role.into(),
			content: content.into(),
			..ChatMessage::default()
		},
	);
	let rendered = engine.render_chat(&messages, false).expect("template");
	let exchange = Exchange {
		document: 0,
		system: "Be brief.".into(),
		user: "What is an index?".into(),
		assistant: "A file.".into(),
	};
	assert_eq!(rendered, exchange.render());
	engine.shutdown();
}
