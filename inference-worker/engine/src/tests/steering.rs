//! What is asked of an answer beside its text: log-probabilities, penalties, grammars, several answers of one prompt.

use serde_json::json;

use super::*;
use crate::{GrammarSource, Steering};

const PROMPT: [u32; 5] = [0, 70, 71, 72, 73];

/// A token, its log-probability, and the likeliest in its place.
type Drawn = (u32, f32, Vec<(u32, f32)>);

fn tokens(engine: &Engine, request: Request) -> Vec<Drawn> {
	let answer = Answer::of(engine, request);
	let mut tokens = Vec::new();
	loop {
		match answer.next() {
			Event::Token { id, logprob, top_logprobs, .. } => tokens.push((id, logprob, top_logprobs)),
			Event::Started { .. } | Event::Embedding(_) => {}
			Event::Done { .. } => return tokens,
			Event::Failed(error) => panic!("{error}"),
		}
	}
}

/// Text of an answer that matches the grammar, drawn at random.
fn written(engine: &Engine, source: GrammarSource, seed: u8) -> Finished {
	let steering = Steering { grammar: Some(engine.grammar(source).unwrap()), ..Steering::default() };
	let sampling = Sampling { seed: [seed; 32], ..Sampling::default() };
	answer(engine, Request { steering, sampling, eos: true, ..request(&PROMPT, &[], 100) })
}

#[test]
fn likeliest_tokens_come_with_each_token_when_asked_for() {
	for device in DEVICES {
		let engine =
			Engine::start(EngineConfig { device, ..config("llama") }, Arc::new(Folders::default())).unwrap();
		let all = tokens(&engine, Request { top_logprobs: 3, ..request(&PROMPT, &[], 6) });
		assert_eq!(all.len(), 6);
		for (id, logprob, top) in all {
			// Greedy: what is drawn is the likeliest.
			assert_eq!((top.len(), top[0]), (3, (id, logprob)));
			assert!(top[0].1 >= top[1].1 && top[1].1 >= top[2].1);
		}
	}
}

#[test]
fn logprob_is_of_the_models_own_distribution_when_the_answer_is_steered() {
	let engine = start("llama");
	let bias = Steering { logit_bias: vec![(77, 100.0)], ..Steering::default() };
	let steered = tokens(&engine, Request { steering: bias, top_logprobs: 20, ..request(&PROMPT, &[], 1) });
	let plain = tokens(&engine, Request { top_logprobs: 20, ..request(&PROMPT, &[], 1) });
	assert_eq!(steered[0].0, 77);
	assert_eq!(steered[0].2, plain[0].2);
	assert!(steered[0].1 <= plain[0].1);
}

#[test]
fn answer_is_valid_json_when_a_schema_is_asked_of_random_weights() {
	let engine = start("llama");
	let schema = json!({
		"type": "object",
		"properties": { "name": { "enum": ["Elbe", "Spree"] }, "km": { "type": "integer", "minimum": 0, "maximum": 99 } },
		"required": ["name", "km"],
		"additionalProperties": false,
	});
	for seed in 0..8 {
		let finished = written(&engine, GrammarSource::Json(schema.clone()), seed);
		assert_eq!(finished.end, Ok(FinishReason::Stop), "{}", finished.text);
		let value: Value = serde_json::from_str(&finished.text).unwrap();
		assert!(["Elbe", "Spree"].contains(&value["name"].as_str().unwrap()), "{value}");
		assert!(value["km"].as_u64().unwrap() < 100, "{value}");
		assert_eq!(written(&engine, GrammarSource::Json(schema.clone()), seed), finished);
	}
}

#[test]
fn answer_follows_the_grammar_when_it_is_lark() {
	let engine = start("llama");
	let source = GrammarSource::Lark("start: \"<a>\\n\" %json{\"type\": \"boolean\"} /[xy]{2}/".into());
	let finished = written(&engine, source, 3);
	let rest = finished.text.strip_prefix("<a>\n").unwrap();
	let rest = rest.strip_prefix("true").or(rest.strip_prefix("false")).unwrap();
	assert!(rest.len() == 2 && rest.chars().all(|letter| "xy".contains(letter)), "{}", finished.text);
}

#[test]
fn answer_is_the_same_when_a_grammar_is_guessed_ahead() {
	let start = |speculate| {
		let config = EngineConfig { speculate, ..config("llama") };
		Engine::start(config, Arc::new(Folders::default())).unwrap()
	};
	let (plain, guessing) = (start(0), start(4));
	for seed in 0..4 {
		let source = || GrammarSource::Lark("start: /(abab|ab){12}/".into());
		assert_eq!(written(&plain, source(), seed), written(&guessing, source(), seed));
	}
	assert!(guessing.stats().accepted_tokens > 0);
}

#[test]
fn grammar_is_refused_with_its_reason_when_it_is_wrong_or_too_large() {
	let engine = start("llama");
	let refused = |source| engine.grammar(source).unwrap_err().to_string();
	assert!(refused(GrammarSource::Json(json!({ "type": "river" }))).contains("river"));
	assert!(refused(GrammarSource::Json(json!([]))).contains("object"));
	let long = json!({ "enum": (0..9_000).map(|number| format!("number {number}")).collect::<Vec<_>>() });
	assert!(refused(GrammarSource::Json(long)).contains("bytes"));
	assert!(engine.grammar(GrammarSource::Lark("start: nothing".into())).is_err());
}

#[test]
fn request_fails_when_steering_is_out_of_range_or_a_grammar_cannot_end() {
	let engine = start("llama");
	let fail = |request| Answer::of(&engine, request).failure();
	let bias = Steering { logit_bias: vec![(320, 1.0)], ..Steering::default() };
	assert!(matches!(fail(Request { steering: bias, ..request(&[1], &[], 4) }), EngineError::Sampling(_)));
	assert!(matches!(fail(Request { top_logprobs: 21, ..request(&[1], &[], 4) }), EngineError::Config(_)));
	let grammar = Some(engine.grammar(GrammarSource::Lark("start: \"a\"".into())).unwrap());
	let endless = Steering { grammar, ..Steering::default() };
	assert!(matches!(fail(Request { steering: endless, ..request(&[1], &[], 4) }), EngineError::Config(_)));
}

#[test]
fn prompt_is_computed_once_when_several_answers_are_asked_for() {
	let engine = start("llama");
	let prompt: Vec<u32> = (0..100).map(|token| token * 7 % 320).collect();
	let choice = |seed: u8| {
		let sampling = Sampling { seed: [seed; 32], ..Sampling::default() };
		Request { sampling, ..request(&prompt, &[], 8) }
	};
	let (requests, answers): (Vec<_>, Vec<_>) = (0..4)
		.map(|seed| {
			let (events, answer) = channel();
			let sink: crate::Sink = Box::new(move |event| events.send(event).is_ok());
			((choice(seed), sink), Answer(answer))
		})
		.unzip();
	engine.submit_all(requests).unwrap();
	let finished: Vec<Finished> = answers.into_iter().map(Answer::finish).collect();
	// Three share the six full blocks of the first one's prompt.
	assert_eq!(engine.stats().prefix_hits, 3 * 96);
	let alone = start("llama");
	for (seed, finished) in (0..4).zip(finished) {
		assert_eq!(answer(&alone, choice(seed)), finished);
	}
	assert_eq!(engine.stats().waiting, 0);
}

#[test]
fn places_in_the_queue_are_given_back_when_the_first_of_several_is_called_off() {
	let config = EngineConfig { queue: 4, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::default())).unwrap();
	let several = |count: usize, cancel: &Cancel| {
		let one = || -> (Request, crate::Sink) {
			(Request { cancel: cancel.clone(), ..request(&PROMPT, &[], 100) }, Box::new(|_| true))
		};
		engine.submit_all((0..count).map(|_| one()).collect())
	};
	let cancel = Cancel::default();
	cancel.cancel();
	several(4, &cancel).unwrap();
	for _ in 0..1_000 {
		if engine.stats().waiting == 0 {
			break;
		}
		std::thread::sleep(Duration::from_millis(5));
	}
	assert_eq!(engine.stats().waiting, 0);
	assert!(matches!(several(5, &Cancel::default()), Err(crate::SubmitError::QueueFull { .. })));
	assert_eq!(engine.stats().waiting, 0);
}
