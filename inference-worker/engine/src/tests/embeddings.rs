//! Embeddings: against `transformers`, on both executors, beside answers.

use super::*;
use crate::{checkpoint::ModelWeights, config::ModelConfig, error::SubmitError, loading::Checkpoint};

/// The embedding of a prompt, or why there is none.
fn embed(engine: &Engine, prompt: &[u32], adapters: &[(u8, f32)]) -> Result<Vec<f32>, EngineError> {
	let answer = Answer::of(engine, Request { embed: true, ..request(prompt, adapters, 0) });
	let mut embedding = None;
	loop {
		match answer.next() {
			Event::Started { cached } => assert_eq!(cached, 0),
			Event::Embedding(found) => assert!(embedding.replace(found).is_none()),
			Event::Done { reason, tokens } => {
				assert_eq!((reason, tokens.len()), (FinishReason::Stop, 0));
				return Ok(embedding.unwrap());
			}
			Event::Failed(error) => return Err(error),
			Event::Token { .. } => panic!("an embedding has no tokens"),
		}
	}
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
	let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
	dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn embedding_is_the_mean_of_the_hidden_states_of_transformers_when_projected_to_logits() {
	for (model, device) in MODELS.into_iter().flat_map(|model| DEVICES.map(|device| (model, device))) {
		let engine =
			Engine::start(EngineConfig { device, ..config(model) }, Arc::new(Folders::of(model))).unwrap();
		let config = ModelConfig::open(&fixture(model)).unwrap();
		let output = ModelWeights::open(&fixture(model), &config).unwrap().output().unwrap();
		let output = output.into_full(config.hidden_size);
		let golden_logits =
			Checkpoint::open_file(&fixture(model).join("golden.safetensors"), 1 << 20).unwrap();
		let prompt = ids(&golden(model)["ids"][0]);
		for (label, adapters) in [("base", &[][..]), ("rslora", &[(1, 1.0)][..])] {
			let embedding = embed(&engine, &prompt, adapters).unwrap();
			assert_eq!(embedding.len(), config.hidden_size);
			// The output projection is linear: it takes the mean of the states to the mean of the logits.
			let projected: Vec<f64> = output
				.chunks_exact(config.hidden_size)
				.map(|row| row.iter().zip(&embedding).map(|(a, b)| f64::from(a * b)).sum())
				.collect();
			let shape = golden_logits.shape(label).unwrap().to_vec();
			let logits = golden_logits.tensor(label, &shape).unwrap().values;
			let mut mean = vec![0.0; config.vocab_size];
			for row in logits.chunks_exact(config.vocab_size) {
				mean.iter_mut().zip(row).for_each(|(mean, logit)| *mean += f64::from(*logit));
			}
			let alike = cosine(&projected, &mean);
			assert!(alike > 1.0 - 1e-6, "{model} on {device}, {label}: {alike}");
		}
	}
}

#[test]
fn embedding_is_the_same_to_the_last_bit_when_answers_run_beside_it_and_its_prompt_is_cached() {
	let engine = start("llama");
	let prompt: Vec<u32> = (0..120).map(|token| token * 11 % 320).collect();
	let one = embed(&engine, &prompt[..1], &[]).unwrap();
	let expected = embed(&engine, &prompt, &[(0, 1.0)]).unwrap();
	let beside: Vec<Answer> =
		(0..4).map(|at| Answer::of(&engine, request(&prompt[..100 + at], &[(0, 1.0)], 20))).collect();
	for _ in 0..3 {
		assert_eq!(embed(&engine, &prompt, &[(0, 1.0)]).unwrap(), expected);
		assert_eq!(embed(&engine, &prompt[..1], &[]).unwrap(), one);
	}
	for answer in beside {
		assert!(answer.finish().end.is_ok());
	}
	assert_ne!(embed(&engine, &prompt, &[]).unwrap(), expected);
}

#[test]
fn request_is_refused_when_it_wants_both_an_embedding_and_tokens_or_neither() {
	let engine = start("llama");
	for (embed, max_tokens) in [(true, 1), (false, 0)] {
		let request = Request { embed, ..request(&[1], &[], max_tokens) };
		assert_eq!(engine.submit(request, Box::new(|_| true)), Err(SubmitError::Empty));
	}
	assert!(embed(&engine, &[1, 320], &[]).is_err());
}
