//! The queue, the batch, and adapters that come and go.

use std::sync::{mpsc::sync_channel, Arc, Mutex};

use super::*;
use crate::{
	error::{AdapterError, SubmitError, WeightsError},
	Steering,
};

const PROMPT: [u32; 5] = [0, 70, 71, 72, 73];

/// Bytes of the fixture adapter in memory.
fn bytes_of(adapter: &str) -> u64 {
	let model = crate::config::ModelConfig::open(&fixture("llama")).unwrap();
	crate::lora::reader::read(&fixture("llama").join(adapter), &model, 1 << 20).unwrap().bytes
}

/// Submits a request whose first token blocks the engine until the sender is used or dropped.
fn hold(engine: &Engine, max_tokens: usize) -> (std::sync::mpsc::SyncSender<()>, Answer) {
	let (release, held) = sync_channel::<()>(1);
	let (entered, waiting) = channel();
	let (events, answer) = channel();
	let mut first = true;
	let sink = move |event| {
		if matches!(event, Event::Token { .. }) && std::mem::take(&mut first) {
			entered.send(()).unwrap();
			let _ = held.recv_timeout(PATIENCE);
		}
		events.send(event).is_ok()
	};
	engine.submit(request(&PROMPT, &[], max_tokens), Box::new(sink)).unwrap();
	waiting.recv_timeout(PATIENCE).unwrap();
	(release, Answer(answer))
}

#[test]
fn submit_fails_with_retry_after_when_the_queue_is_full() {
	let config = EngineConfig { queue: 2, max_batch: 1, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let (release, held) = hold(&engine, 3);
	let queued = [0, 1].map(|_| Answer::of(&engine, request(&PROMPT, &[], 2)));
	let full = engine.submit(request(&PROMPT, &[], 2), Box::new(|_| true)).unwrap_err();
	assert!(matches!(full, SubmitError::QueueFull { retry_after_secs: 1..=60 }), "{full}");
	assert_eq!(engine.stats().waiting, 2);
	drop(release);
	assert!(held.finish().end.is_ok());
	for answer in queued {
		assert_eq!(answer.finish().tokens.len(), 2);
	}
	assert_eq!(answer(&engine, request(&PROMPT, &[], 1)).tokens.len(), 1);
}

#[test]
fn request_ends_without_further_events_when_its_client_goes() {
	let engine = start("llama");
	let events = Arc::new(Mutex::new(Vec::new()));
	let seen = events.clone();
	let sink = move |event| {
		seen.lock().unwrap().push(event);
		seen.lock().unwrap().len() < 3
	};
	engine.submit(request(&PROMPT, &[(0, 1.0)], 100), Box::new(sink)).unwrap();
	// Requests are served in turn, so that an answer shows that the engine has gone on.
	let alone = answer(&engine, request(&PROMPT, &[], 100));
	assert_eq!(alone.tokens.len(), 100);
	engine.shutdown();
	assert_eq!(events.lock().unwrap().len(), 3);
	assert_eq!(engine.stats().running, 0);
}

#[test]
fn request_is_let_go_when_it_is_called_off_while_it_waits_or_reads_its_prompt() {
	let config = EngineConfig { max_batch: 2, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let (release, held) = hold(&engine, 2);
	let events = Arc::new(Mutex::new(0));
	let calls: Vec<Cancel> = (0..4)
		.map(|_| {
			let (events, request) = (events.clone(), request(&PROMPT, &[], 100));
			let cancel = request.cancel.clone();
			let sink = move |_| {
				*events.lock().unwrap() += 1;
				true
			};
			engine.submit(request, Box::new(sink)).unwrap();
			cancel
		})
		.collect();
	calls.iter().for_each(Cancel::cancel);
	drop(release);
	assert!(held.finish().end.is_ok());
	assert_eq!(answer(&engine, request(&PROMPT, &[], 3)).tokens.len(), 3);
	engine.shutdown();
	assert_eq!((*events.lock().unwrap(), engine.stats().waiting, engine.stats().running), (0, 0, 0));
}

#[test]
fn answers_stay_the_same_when_requests_join_and_leave_at_random() {
	let config = EngineConfig { max_batch: 5, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let adapters: [&[(u8, f32)]; 5] = [&[], &[(0, 1.0)], &[(1, 0.5)], &[(2, 1.0), (0, -1.0)], &[(1, 1.0)]];
	let request = |index: usize| {
		let prompt: Vec<u32> =
			(0..1 + index * 7 % 23).map(|token| (token * 13 + index) as u32 % 320).collect();
		let sampling =
			Sampling { temperature: 0.9, top_p: 0.95, seed: [index as u8; 32], ..Sampling::default() };
		Request { sampling, ..request(&prompt, adapters[index % 5], 1 + index * 11 % 40) }
	};
	let together: Vec<Answer> = (0..40).map(|index| Answer::of(&engine, request(index))).collect();
	let together: Vec<Finished> = together.into_iter().map(Answer::finish).collect();
	for (index, finished) in together.into_iter().enumerate() {
		let alone = answer(&engine, request(index));
		assert_eq!(finished.tokens, alone.tokens, "request {index}");
		// To the last bit: what else is in the batch changes nothing.
		assert_eq!(finished.logprobs, alone.logprobs, "request {index}");
	}
}

#[test]
fn long_prompt_is_answered_the_same_when_others_decode_meanwhile() {
	let copy = copy_of("llama");
	edit_json(&copy.path().join("config.json"), |json| json["max_position_embeddings"] = 600.into());
	let config = EngineConfig { model_dir: copy.path().to_owned(), ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let long: Vec<u32> = (0..500).map(|token| token * 7 % 320).collect();
	let alone = answer(&engine, request(&long, &[(1, 1.0)], 8));
	// The short ones end while the long prompt is half done.
	let short: Vec<Answer> =
		(1..6).map(|tokens| Answer::of(&engine, request(&PROMPT, &[], tokens))).collect();
	let meanwhile = Answer::of(&engine, request(&long, &[(1, 1.0)], 8));
	assert_eq!(meanwhile.finish().tokens, alone.tokens);
	for (index, answer) in short.into_iter().enumerate() {
		assert_eq!(answer.finish().tokens.len(), index + 1);
	}
}

#[test]
fn adapters_are_evicted_least_recently_used_first_when_the_budget_is_tiny() {
	let budget = bytes_of("rslora");
	assert!(bytes_of("plain") + bytes_of("pattern") < budget);
	let config = EngineConfig { adapter_bytes: budget, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let answer = |adapter: u8| answer(&engine, request(&PROMPT, &[(adapter, 1.0)], 4)).tokens;
	let plain = answer(0);
	answer(2);
	let stats = engine.stats();
	assert_eq!((stats.resident_adapters, stats.adapter_loads, stats.adapter_evictions), (2, 2, 0));
	assert_eq!(answer(0), plain);
	assert_eq!((engine.stats().adapter_hits, engine.stats().adapter_loads), (1, 2));
	let rslora = answer(1);
	let stats = engine.stats();
	assert!(stats.adapter_evictions == 2 && stats.adapter_bytes <= budget, "{stats:?}");
	assert_eq!(answer(0), plain);
	assert_eq!(answer(1), rslora);
	assert_eq!(engine.stats().adapter_loads, 5);
}

#[test]
fn all_requests_are_answered_when_their_adapters_never_fit_together() {
	let config = EngineConfig { adapter_bytes: bytes_of("rslora"), max_batch: 3, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let expected: Vec<Vec<u32>> = (0..3)
		.map(|adapter| answer(&start("llama"), request(&PROMPT, &[(adapter, 1.0)], 9)).tokens)
		.collect();
	let answers: Vec<Answer> =
		(0..18).map(|index| Answer::of(&engine, request(&PROMPT, &[(index % 3, 1.0)], 9))).collect();
	for (index, answer) in answers.into_iter().enumerate() {
		assert_eq!(answer.finish().tokens, expected[index % 3]);
	}
	assert!(engine.stats().adapter_bytes <= bytes_of("rslora"));
}

#[test]
fn request_fails_alone_when_its_adapters_together_exceed_the_budget() {
	let config = EngineConfig { adapter_bytes: bytes_of("rslora"), ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let both = Answer::of(&engine, request(&PROMPT, &[(0, 1.0), (1, 1.0)], 4));
	let one = Answer::of(&engine, request(&PROMPT, &[(0, 1.0)], 4));
	match both.failure() {
		EngineError::Adapter { error: AdapterError::OverBudget { bytes, budget }, .. } => {
			assert_eq!((bytes, budget), (bytes_of("plain") + bytes_of("rslora"), bytes_of("rslora")));
		}
		other => panic!("{other}"),
	}
	assert!(one.finish().end.is_ok());
}

#[test]
fn others_decode_when_an_adapter_is_being_fetched() {
	let (fetched, wait) = channel();
	let source = Folders { wait: Some(Mutex::new(wait)), ..Folders::of("llama") };
	let engine = Engine::start(config("llama"), Arc::new(source)).unwrap();
	let slow = Answer::of(&engine, request(&PROMPT, &[(1, 1.0)], 6));
	assert_eq!(answer(&engine, request(&PROMPT, &[], 20)).tokens.len(), 20);
	assert!(slow.0.try_recv().is_err());
	let stats = engine.stats();
	assert_eq!(
		(stats.waiting, stats.prompt_tokens, stats.generated_tokens, stats.adapter_loads),
		(1, 5, 20, 0)
	);
	fetched.send(()).unwrap();
	assert_eq!(slow.finish().tokens, answer(&start("llama"), request(&PROMPT, &[(1, 1.0)], 6)).tokens);
}

#[test]
fn request_fails_alone_when_its_adapter_is_corrupt_or_unknown() {
	let copy = copy_of("llama/plain");
	edit_tensors(&copy.path().join("adapter_model.safetensors"), |tensors| {
		tensors.values_mut().next().unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
	});
	let mut source = Folders::of("llama");
	source.folders.insert([7; 32], copy.path().to_owned());
	let engine = Engine::start(config("llama"), Arc::new(source)).unwrap();
	let running = Answer::of(&engine, request(&PROMPT, &[(0, 1.0)], 60));
	let corrupt = Answer::of(&engine, request(&PROMPT, &[(7, 1.0)], 4));
	let mixed = Answer::of(&engine, request(&PROMPT, &[(0, 1.0), (7, 1.0)], 4));
	let unknown = Answer::of(&engine, request(&PROMPT, &[(9, 1.0)], 4));
	for answer in [corrupt, mixed] {
		match answer.failure() {
			EngineError::Adapter { hash, error: AdapterError::Weights(WeightsError::NotFinite { .. }) } => {
				assert_eq!(hash, "07".repeat(32));
			}
			other => panic!("{other}"),
		}
	}
	let fetch = AdapterError::Fetch("not in the store".into());
	assert_eq!(unknown.failure(), EngineError::Adapter { hash: "09".repeat(32), error: fetch });
	assert_eq!(running.finish().tokens.len(), 60);
	assert_eq!(engine.stats().waiting, 0);
}

#[test]
fn request_fails_and_the_engine_goes_on_when_a_receiver_panics() {
	let engine = start("llama");
	let running = Answer::of(&engine, request(&PROMPT, &[], 60));
	engine.submit(request(&PROMPT, &[], 4), Box::new(|_| panic!("a broken receiver"))).unwrap();
	assert_eq!(answer(&engine, request(&PROMPT, &[], 4)).tokens.len(), 4);
	assert_eq!(running.finish().tokens.len(), 60);
}

#[test]
fn answer_ends_at_the_end_token_when_asked_to() {
	// The adapter whose greedy answer to the second prompt holds the end token early.
	let engine = start("llama");
	let golden = golden("llama");
	let prompt = ids(&golden["ids"][1]);
	let expected = ids(&golden["greedy"]["pattern"][1]);
	let end = expected.iter().position(|id| engine.tokenizer().eos_ids().contains(id)).unwrap();
	let finished = answer(&engine, Request { eos: true, ..request(&prompt, &[(2, 1.0)], 24) });
	assert_eq!(finished.end, Ok(FinishReason::Stop));
	assert_eq!(finished.tokens, expected[..=end]);
	assert_eq!(finished.text, engine.tokenizer().decode(&expected[..end]).unwrap());
}

#[test]
fn answer_ends_before_the_stop_string_when_one_appears() {
	let engine = start("llama");
	let plain = answer(&engine, request(&PROMPT, &[], 40));
	let chars: Vec<char> = plain.text.chars().collect();
	let stop: String = chars[chars.len() / 2..chars.len() / 2 + 3].iter().collect();
	let stopped = answer(&engine, Request { stop: vec![stop.clone()], ..request(&PROMPT, &[], 40) });
	assert_eq!(stopped.end, Ok(FinishReason::Stop));
	assert_eq!(stopped.text, plain.text[..plain.text.find(&stop).unwrap()]);
	assert!(stopped.tokens.len() < 40 && plain.tokens.starts_with(&stopped.tokens));
	let absent = answer(&engine, Request { stop: vec!["never written".into()], ..request(&PROMPT, &[], 40) });
	assert_eq!((absent.text, absent.end), (plain.text, Ok(FinishReason::Length)));
}

#[test]
fn accepted_requests_finish_when_the_engine_shuts_down() {
	let config = EngineConfig { max_batch: 2, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let answers: Vec<Answer> =
		(0..6).map(|index| Answer::of(&engine, request(&PROMPT, &[(index % 3, 1.0)], 10))).collect();
	engine.shutdown();
	let refused = engine.submit(request(&PROMPT, &[], 1), Box::new(|_| true));
	assert_eq!(refused, Err(SubmitError::ShuttingDown));
	for answer in answers {
		assert_eq!(answer.finish().tokens.len(), 10);
	}
	engine.shutdown();
}

#[test]
fn accepted_request_finishes_when_the_handle_is_dropped() {
	let engine = start("llama");
	let answer = Answer::of(&engine, request(&PROMPT, &[], 30));
	drop(engine);
	assert_eq!(answer.finish().tokens.len(), 30);
}

#[test]
fn profile_is_stable_when_the_engine_is_started_again() {
	let (first, second) = (start("llama"), start("qwen2"));
	assert_eq!(first.profile(), second.profile());
	assert_eq!((first.context(), first.device()), (128, DeviceChoice::Cpu));
}

#[test]
fn prompt_is_not_computed_again_when_an_earlier_one_began_the_same() {
	let engine = start("llama");
	let prompt: Vec<u32> = (0..100).map(|token| token * 11 % 320).collect();
	let other: Vec<u32> = prompt[..70].iter().copied().chain([1, 2, 3]).collect();
	for (adapters, expected) in [(&[][..], [0, 96, 64]), (&[(1, 1.0)][..], [0, 96, 64])] {
		let mut answers = Vec::new();
		for (prompt, expected) in [&prompt, &prompt, &other].into_iter().zip(expected) {
			let before = engine.stats();
			answers.push(answer(&engine, request(prompt, adapters, 12)));
			let after = engine.stats();
			assert_eq!(after.prefix_hits - before.prefix_hits, expected);
			assert_eq!(after.prompt_tokens - before.prompt_tokens + expected, prompt.len() as u64);
		}
		// What is read from the cache is what would have been computed, to the last bit.
		assert_eq!(answers[0], answers[1]);
		let fresh = start("llama");
		assert_eq!(answer(&fresh, request(&other, adapters, 12)), answers[2]);
	}
}

#[test]
fn answer_is_the_same_when_repeated_tokens_are_guessed_ahead() {
	let start = |speculate| {
		let config = EngineConfig { speculate, ..config("llama") };
		Engine::start(config, Arc::new(Folders::of("llama"))).unwrap()
	};
	let (plain, guessing) = (start(0), start(4));
	for seed in 0..6u8 {
		let prompt: Vec<u32> = (0..40).map(|token| (token % 8 + u32::from(seed)) * 5).collect();
		// Few candidates, so that random weights repeat themselves too.
		let sampling = Sampling {
			temperature: f32::from(seed) / 4.0,
			top_k: 2,
			seed: [seed; 32],
			..Sampling::default()
		};
		// Every other answer depends on what it held before each guess.
		let steering = match seed % 2 {
			0 => Steering::default(),
			_ => Steering { frequency_penalty: 0.02, logit_bias: vec![(7, 1.0)], ..Steering::default() },
		};
		let top_logprobs = usize::from(seed);
		let request = || Request {
			sampling,
			steering: steering.clone(),
			top_logprobs,
			..request(&prompt, &[(seed % 3, 1.0)], 60)
		};
		assert_eq!(answer(&guessing, request()), answer(&plain, request()), "seed {seed}");
	}
	let stats = guessing.stats();
	assert!(stats.accepted_tokens > 20 && stats.accepted_tokens <= stats.drafted_tokens, "{stats:?}");
	assert_eq!((plain.stats().drafted_tokens, plain.stats().generated_tokens), (0, stats.generated_tokens));
}

#[test]
fn requests_wait_for_blocks_when_memory_holds_one_of_the_longest() {
	let fits = |memory_bytes| {
		let config = EngineConfig { memory_bytes: Some(memory_bytes), ..config("llama") };
		Engine::start(config, Arc::new(Folders::of("llama")))
	};
	let needed = match fits(1).map(|_| ()).unwrap_err() {
		crate::EngineError::Memory { needed, .. } => needed,
		other => panic!("{other}"),
	};
	let engine = fits(needed).unwrap();
	let prompt: Vec<u32> = (0..100).map(|token| token * 7 % 320).collect();
	let expected = answer(&start("llama"), request(&prompt, &[], 20));
	let answers: Vec<Answer> = (0..6).map(|_| Answer::of(&engine, request(&prompt, &[], 20))).collect();
	for answer in answers {
		assert_eq!(answer.finish(), expected);
	}
}

#[test]
fn payers_take_turns_when_one_of_them_asks_a_lot() {
	let config = EngineConfig { max_batch: 1, ..config("llama") };
	let engine = Engine::start(config, Arc::new(Folders::of("llama"))).unwrap();
	let (release, held) = hold(&engine, 2);
	let ends = Arc::new(Mutex::new(Vec::new()));
	let (done, all) = channel();
	for (number, payer) in [1, 1, 1, 1, 2, 2].into_iter().enumerate() {
		let (ends, done) = (ends.clone(), done.clone());
		let sink = move |event| {
			if matches!(event, Event::Done { .. }) {
				ends.lock().unwrap().push(number);
				done.send(()).unwrap();
			}
			true
		};
		let request = Request { payer: [payer; 32], ..request(&PROMPT, &[], 4) };
		engine.submit(request, Box::new(sink)).unwrap();
	}
	drop(release);
	assert!(held.finish().end.is_ok());
	(0..6).for_each(|_| all.recv_timeout(PATIENCE).unwrap());
	assert_eq!(*ends.lock().unwrap(), [0, 4, 1, 5, 2, 3]);
}
