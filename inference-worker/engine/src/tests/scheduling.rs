//! The queue, the batch, and adapters that come and go.

use std::sync::{mpsc::sync_channel, Arc, Mutex};

use super::*;
use crate::{
	error::{AdapterError, SubmitError, WeightsError},
	executor::BLOCK_TOKENS,
	Precision, Steering,
};

const PROMPT: [u32; 5] = [0, 70, 71, 72, 73];

/// A model with so many pages of memory beside its weights, of which 6 hold the longest request.
fn start_with(pages: u64, config: EngineConfig) -> Engine {
	let try_with = |memory_bytes| {
		let max_context = Some(6 * BLOCK_TOKENS);
		let config = EngineConfig { memory_bytes: Some(memory_bytes), max_context, ..config.clone() };
		Engine::start(config, Arc::new(Folders::of("llama")))
	};
	match try_with(1).map(|_| ()).unwrap_err() {
		EngineError::Memory { weights, cache, .. } => try_with(weights + cache / 6 * pages).unwrap(),
		other => panic!("{other}"),
	}
}

/// Pages of the fixture adapters.
const PLAIN: u64 = 1;
const RSLORA: u64 = 5;
const PATTERN: u64 = 1;

/// Waits until no request holds memory: an answer is reported before its pages are given back.
fn released(engine: &Engine) {
	let started = std::time::Instant::now();
	while engine.stats().cache_pages > 0 {
		assert!(started.elapsed() < PATIENCE);
		std::thread::sleep(Duration::from_millis(1));
	}
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
	for (model, precision) in [
		("llama", Precision::Full),
		("qwen3", Precision::Full),
		("mistral", Precision::Int8),
		("mixtral", Precision::Int4),
		("qwen3_moe", Precision::Full),
	] {
		answers_stay_the_same_in_company(model, precision);
	}
}

fn answers_stay_the_same_in_company(model: &str, precision: Precision) {
	let config = EngineConfig { max_batch: 5, precision, ..config(model) };
	let engine = Engine::start(config, Arc::new(Folders::of(model))).unwrap();
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
		assert_eq!(finished.tokens, alone.tokens, "{model}, request {index}");
		// To the last bit: what else is in the batch changes nothing.
		assert_eq!(finished.logprobs, alone.logprobs, "{model}, request {index}");
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
fn adapters_are_evicted_least_recently_used_first_when_memory_is_tiny() {
	let engine = start_with(7, config("llama"));
	// No prompt fills a block, so that none is kept.
	let answer = |adapter: u8| answer(&engine, request(&PROMPT, &[(adapter, 1.0)], 4)).tokens;
	let plain = answer(0);
	answer(2);
	let stats = engine.stats();
	assert_eq!((stats.resident_adapters, stats.adapter_loads, stats.adapter_evictions), (2, 2, 0));
	assert_eq!(answer(0), plain);
	assert_eq!((engine.stats().adapter_hits, engine.stats().adapter_loads), (1, 2));
	let rslora = answer(1);
	let stats = engine.stats();
	assert_eq!((stats.resident_adapters, stats.adapter_evictions), (2, 1));
	assert_eq!(answer(0), plain);
	assert_eq!(answer(1), rslora);
	assert_eq!((engine.stats().adapter_loads, engine.stats().adapter_lookups), (3, 6));
}

#[test]
fn all_requests_are_answered_when_their_adapters_never_fit_together() {
	let engine = start_with(6, EngineConfig { max_batch: 3, ..config("llama") });
	const { assert!(PLAIN + PATTERN + RSLORA > 6) };
	let expected: Vec<Vec<u32>> = (0..3)
		.map(|adapter| answer(&start("llama"), request(&PROMPT, &[(adapter, 1.0)], 9)).tokens)
		.collect();
	let answers: Vec<Answer> =
		(0..18).map(|index| Answer::of(&engine, request(&PROMPT, &[(index % 3, 1.0)], 9))).collect();
	for (index, answer) in answers.into_iter().enumerate() {
		assert_eq!(answer.finish().tokens, expected[index % 3]);
	}
	assert!(engine.stats().adapter_evictions > 0);
}

#[test]
fn every_request_ends_when_memory_is_tiny_and_traffic_is_random() {
	for pages in [6, 7, 9] {
		let engine = start_with(pages, EngineConfig { max_batch: 3, ..config("llama") });
		let sets: [&[(u8, f32)]; 6] =
			[&[], &[(0, 1.0)], &[(1, 1.0)], &[(2, 0.5), (0, 1.0)], &[(1, 1.0), (2, 1.0)], &[(9, 1.0)]];
		let answers: Vec<(bool, Answer)> = (0..120usize)
			.map(|index| {
				let draw = index * 2_654_435_761 % 9_973;
				let prompt: Vec<u32> =
					(0..1 + draw % 60).map(|at| (at * 7 + draw % 3) as u32 % 320).collect();
				let payer = [(draw % 4) as u8; 32];
				let request = Request { payer, ..request(&prompt, sets[draw % 6], 1 + draw / 7 % 30) };
				let cancel = request.cancel.clone();
				let answer = Answer::of(&engine, request);
				let cancelled = draw % 11 == 0;
				if cancelled {
					cancel.cancel();
				}
				(cancelled, answer)
			})
			.collect();
		for (cancelled, answer) in answers {
			match cancelled {
				// Its channel closes: nothing is reported any more.
				true => while answer.0.recv_timeout(PATIENCE).is_ok() {},
				false => drop(answer.finish()),
			}
		}
		engine.shutdown();
		let stats = engine.stats();
		assert_eq!((stats.waiting, stats.running, stats.cache_pages), (0, 0, 0), "{pages} pages: {stats:?}");
	}
}

#[test]
fn adapters_and_caches_use_what_the_other_leaves() {
	let engine = start_with(8, config("llama"));
	let long: Vec<u32> = (0..64).map(|token| token * 7 % 320).collect();
	let expected = answer(&engine, request(&long, &[], 2));
	// The blocks of an earlier request stay, until an adapter needs their pages.
	released(&engine);
	assert_eq!(engine.stats().idle_pages, 4);
	answer(&engine, request(&PROMPT, &[(1, 1.0)], 4));
	released(&engine);
	assert_eq!((engine.stats().idle_pages, engine.stats().resident_adapters), (2, 1));
	// And an adapter stays until a request needs its pages.
	assert_eq!(answer(&engine, request(&long, &[], 2)), expected);
	assert_eq!(engine.stats().resident_adapters, 0);
}

#[test]
fn request_fails_alone_when_it_needs_more_memory_than_there_is() {
	let engine = start_with(6, config("llama"));
	let long: Vec<u32> = (0..70).map(|token| token * 7 % 320).collect();
	// The adapters by themselves, and one of them with the cache of a long request.
	let adapters = Answer::of(&engine, request(&PROMPT, &[(0, 1.0), (1, 1.0), (2, 1.0)], 4));
	let cache = Answer::of(&engine, request(&long, &[(1, 1.0)], 20));
	let one = Answer::of(&engine, request(&PROMPT, &[(1, 1.0)], 4));
	match adapters.failure() {
		EngineError::Adapter { error: AdapterError::OverBudget { bytes, budget }, .. } => {
			assert_eq!(bytes * 6, budget * (PLAIN + RSLORA + PATTERN));
		}
		other => panic!("{other}"),
	}
	match cache.failure() {
		EngineError::TooLarge { needed, budget } => assert_eq!(needed * 6, budget * (6 + RSLORA)),
		other => panic!("{other}"),
	}
	assert!(one.finish().end.is_ok());
}

#[test]
fn request_is_not_overtaken_for_ever_when_its_adapter_lacks_room() {
	let engine = start_with(10, EngineConfig { max_batch: 2, ..config("llama") });
	let (release, held) = hold(&engine, 60);
	// The adapter and each answer need five pages.
	let order = Arc::new(Mutex::new(Vec::new()));
	let answers: Vec<Answer> = (0..8)
		.map(|index| {
			let (events, answer) = channel();
			let order = order.clone();
			let sink = move |event| {
				if matches!(event, Event::Done { .. }) {
					order.lock().unwrap().push(index);
				}
				events.send(event).is_ok()
			};
			let adapters: &[(u8, f32)] = if index == 0 { &[(1, 1.0)] } else { &[] };
			engine.submit(request(&PROMPT, adapters, 60), Box::new(sink)).unwrap();
			Answer(answer)
		})
		.collect();
	drop(release);
	assert!(held.finish().end.is_ok());
	answers.into_iter().for_each(|answer| assert!(answer.finish().end.is_ok()));
	let order = order.lock().unwrap().clone();
	let place = order.iter().position(|index| *index == 0).unwrap();
	assert!(place <= 4, "{order:?}");
}

#[test]
fn pinned_adapter_is_there_before_it_is_asked_for_and_goes_last() {
	let engine = start_with(7, config("llama"));
	engine.pin(vec![[1; 32], [9; 32]]);
	let started = std::time::Instant::now();
	while engine.stats().resident_adapters == 0 {
		assert!(started.elapsed() < PATIENCE);
		std::thread::sleep(Duration::from_millis(1));
	}
	answer(&engine, request(&PROMPT, &[(0, 1.0)], 4));
	answer(&engine, request(&PROMPT, &[(2, 1.0)], 4));
	answer(&engine, request(&PROMPT, &[(0, 1.0)], 4));
	let before = engine.stats();
	answer(&engine, request(&PROMPT, &[(1, 1.0)], 4));
	let after = engine.stats();
	assert_eq!((before.adapter_loads, before.adapter_evictions), (4, 2));
	assert_eq!((after.adapter_loads, after.adapter_hits - before.adapter_hits), (4, 1));
	// A request that could not run otherwise takes its place.
	let long: Vec<u32> = (0..70).map(|token| token * 7 % 320).collect();
	assert!(answer(&engine, request(&long, &[], 20)).end.is_ok());
	assert!(engine.stats().adapter_evictions > after.adapter_evictions);
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
	let engine = start_with(6, config("llama"));
	let prompt: Vec<u32> = (0..70).map(|token| token * 7 % 320).collect();
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
