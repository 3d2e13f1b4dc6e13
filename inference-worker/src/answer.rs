//! One answer: from the engine's tokens to a durable record.
//!
//! Runs as its own task, apart from the HTTP response: when the client leaves, generation stops and what
//! was generated is recorded all the same. The last piece leaves only when the record is on disk.

use crate::{
	billing::{Recorded, Terms, Work},
	lora_requests::LoraRequest,
	metrics,
	prompt::Prompt,
	retrieve::{citations, Citation},
	tools::{Call, CallReader, CallStyle, Part},
	worker::Worker,
};
use std::{sync::Arc, time::Instant};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tributary_engine::{
	Cancel, Event, FinishReason, Request, Sampling, Sink, Steering, SubmitError, Tokenizer,
};
use tributary_primitives::{request::choice_seed, Hash};

/// How an answer is generated. All of it comes from the body that the payer signed.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
	/// How tokens are drawn; its seed is that of the order, or follows from `seed`.
	pub sampling: Sampling,
	/// The payer's own seed.
	pub seed: Option<i64>,
	/// What changes the logits.
	pub steering: Steering,
	/// Texts that end the answer.
	pub stop: Vec<String>,
	/// Answers to the same prompt, at least one.
	pub choices: u32,
	/// Whether tokens come with their log-probabilities, and with how many others.
	pub logprobs: Option<usize>,
}

/// A request that may be answered.
pub struct Job {
	/// Who answers, and who pays.
	pub terms: Terms,
	/// What the model reads.
	pub prompt: Prompt,
	/// Most tokens to generate, of each choice.
	pub max_tokens: usize,
	/// How.
	pub generation: Generation,
	/// How calls of tools are found in the text; `None` without tools.
	pub calls: Option<CallStyle>,
}

/// A piece of an answer.
#[derive(Debug)]
pub enum Piece {
	/// More of one choice.
	More(Delta),
	/// The end; the record is durable.
	End(Ending),
	/// The answer failed and is not billed.
	Failed(String),
}

/// What a choice has more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
	/// Which one.
	pub choice: u32,
	/// Text.
	pub text: String,
	/// Its tokens, where they were asked for. Text may come later than its tokens.
	pub logprobs: Vec<TokenLogprob>,
	/// Calls of tools.
	pub calls: Vec<Call>,
}

impl Delta {
	fn is_empty(&self) -> bool {
		self.text.is_empty() && self.logprobs.is_empty() && self.calls.is_empty()
	}

	/// Adds what came later.
	pub fn extend(&mut self, more: Self) {
		self.text.push_str(&more.text);
		self.logprobs.extend(more.logprobs);
		self.calls.extend(more.calls);
	}
}

/// A token with the natural logarithm of its probability before steering, temperature and cuts.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
	/// Its bytes, which need not be whole characters.
	pub bytes: Vec<u8>,
	/// The logarithm.
	pub logprob: f32,
	/// Characters of the tokens before it.
	pub offset: usize,
	/// The likeliest tokens in its place, the likeliest first.
	pub top: Vec<(Vec<u8>, f32)>,
}

/// How an answer ended.
#[derive(Clone, Debug)]
pub struct Ending {
	/// Of each choice: `stop`, `length` or `tool_calls`, as in OpenAI's API.
	pub reasons: Vec<&'static str>,
	/// Tokens that are billed.
	pub tokens: Recorded,
	/// Prompt tokens that were computed before, for an earlier request.
	pub cached: u32,
	/// What the marks in the context stand for.
	pub citations: Vec<Citation>,
}

/// Submits a job to the engine. The pieces end with [`Piece::End`] or [`Piece::Failed`]; dropping the
/// receiver stops generation.
pub fn start(worker: Arc<Worker>, mut job: Job) -> Result<UnboundedReceiver<Piece>, SubmitError> {
	let gone = Cancel::default();
	let seed = job.terms.seed(job.generation.seed);
	let request = Request {
		prompt: std::mem::take(&mut job.prompt.tokens),
		adapters: job.terms.agent().adapters.clone(),
		max_tokens: job.max_tokens,
		embed: false,
		sampling: job.generation.sampling,
		steering: std::mem::take(&mut job.generation.steering),
		top_logprobs: job.generation.logprobs.unwrap_or(0),
		stop: std::mem::take(&mut job.generation.stop),
		eos: true,
		payer: job.terms.payer(),
		cancel: gone.clone(),
	};
	let tokens_in = request.prompt.len();
	// All channels are bounded by max_tokens and the number of choices.
	let (events_in, events) = unbounded_channel();
	let (pieces_in, pieces) = unbounded_channel();
	let requests = (0..job.generation.choices).map(|choice| {
		let mut request = request.clone();
		request.sampling.seed = choice_seed(&seed, choice);
		let events = events_in.clone();
		let sink: Sink = Box::new(move |event| events.send((choice, event)).is_ok());
		(request, sink)
	});
	worker.engine.submit_all(requests.collect())?;
	let choices = (0..job.generation.choices).map(|_| Choice::new(job.calls.as_ref())).collect();
	let began = Instant::now();
	let agent = job.terms.agent();
	let lora = worker.lora_requests.waiting(&agent.name, !agent.adapters.is_empty());
	let answer =
		Answer { worker, job, tokens_in, choices, cached: 0, began, lora, queued: None, first: None };
	tokio::spawn(answer.drive(events, pieces_in, gone));
	Ok(pieces)
}

/// One of the answers to a prompt, as far as it is.
struct Choice {
	tokens: Vec<u32>,
	reason: Option<&'static str>,
	calls: Option<CallReader>,
	/// Characters of its tokens.
	offset: usize,
	/// When its last token came.
	last: Option<Instant>,
}

impl Choice {
	fn new(calls: Option<&CallStyle>) -> Self {
		let calls = calls.cloned().map(CallReader::new);
		Self { tokens: Vec::new(), reason: None, calls, offset: 0, last: None }
	}

	/// Text as it is shown, and calls that were in it.
	fn read(&mut self, text: String, ended: bool, answer: &Hash, choice: u32) -> Delta {
		let Some(reader) = &mut self.calls else {
			return Delta { choice, text, ..Delta::default() };
		};
		let mut parts = reader.push(&text);
		if ended {
			parts.extend(reader.finish());
		}
		let mut delta = Delta { choice, ..Delta::default() };
		for part in parts {
			match part {
				Part::Text(text) => delta.text.push_str(&text),
				Part::Call(call) => delta.calls.push(call.with_id(answer, choice)),
			}
		}
		delta
	}

	fn logprob(&mut self, tokenizer: &Tokenizer, id: u32, logprob: f32, top: &[(u32, f32)]) -> TokenLogprob {
		let bytes = tokenizer.token_bytes(id).into_owned();
		let top =
			top.iter().map(|(id, logprob)| (tokenizer.token_bytes(*id).into_owned(), *logprob)).collect();
		let offset = self.offset;
		self.offset = offset.saturating_add(String::from_utf8_lossy(&bytes).chars().count());
		TokenLogprob { bytes, logprob, offset, top }
	}
}

/// An answer that is generated.
struct Answer {
	worker: Arc<Worker>,
	job: Job,
	tokens_in: usize,
	choices: Vec<Choice>,
	cached: usize,
	began: Instant,
	lora: LoraRequest,
	/// When the first choice joined the batch.
	queued: Option<Instant>,
	/// When its first token came.
	first: Option<Instant>,
}

impl Answer {
	async fn drive(
		mut self,
		mut events: UnboundedReceiver<(u32, Event)>,
		pieces: UnboundedSender<Piece>,
		gone: Cancel,
	) {
		let _running = self.worker.running.clone();
		while self.choices.iter().any(|choice| choice.reason.is_none()) {
			let event = tokio::select! {
				event = events.recv() => event,
				() = pieces.closed(), if !gone.is_cancelled() => {
					gone.cancel();
					continue;
				},
			};
			// Without an event, the engine let go of a cancelled request.
			let Some((choice, event)) = event else { break };
			match self.take(choice, event) {
				Ok(delta) if delta.is_empty() => {}
				// A client that left is seen above.
				Ok(delta) => drop(pieces.send(Piece::More(delta))),
				Err(error) => {
					// One choice is no answer: the others stop too.
					gone.cancel();
					tracing::error!(
						error,
						agent = self.job.terms.agent().name,
						"an answer failed and is not billed"
					);
					let _ = pieces.send(Piece::Failed(error));
					return;
				}
			}
		}
		let _ = pieces.send(self.finish().await);
	}

	/// Takes one event of one choice.
	fn take(&mut self, number: u32, event: Event) -> Result<Delta, String> {
		let Some(choice) = self.choices.get_mut(number as usize) else { return Ok(Delta::default()) };
		let id_of_answer = self.job.terms.id();
		match event {
			Event::Started { cached } => {
				if self.queued.is_none() {
					self.cached = cached;
					self.lora.joined();
					metrics::joined(self.began.elapsed());
					self.queued = Some(Instant::now());
				}
				Ok(Delta::default())
			}
			Event::Token { id, text, logprob, top_logprobs } => {
				let now = Instant::now();
				match choice.last.replace(now) {
					Some(last) => metrics::next_token(now - last),
					None if self.first.is_none() => {
						metrics::first_token(now - self.began, now - self.queued.unwrap_or(self.began));
						self.first = Some(now);
					}
					None => {}
				}
				choice.tokens.push(id);
				let mut delta = choice.read(text, false, &id_of_answer, number);
				let tokenizer = self.worker.engine.tokenizer();
				// The token that ends an answer is not part of its text.
				if self.job.generation.logprobs.is_some() && !tokenizer.eos_ids().contains(&id) {
					delta.logprobs.push(choice.logprob(tokenizer, id, logprob, &top_logprobs));
				}
				Ok(delta)
			}
			Event::Done { reason, tokens } => {
				choice.tokens = tokens;
				let delta = choice.read(String::new(), true, &id_of_answer, number);
				let called = choice.calls.as_ref().is_some_and(CallReader::has_called);
				choice.reason = Some(match reason {
					FinishReason::Stop if called => "tool_calls",
					FinishReason::Stop => "stop",
					FinishReason::Length => "length",
				});
				Ok(delta)
			}
			Event::Embedding(_) => Ok(Delta::default()),
			Event::Failed(error) => Err(error.to_string()),
		}
	}

	/// Records what was generated.
	async fn finish(self) -> Piece {
		let Self { worker, job, tokens_in, choices, cached, began, first, .. } = self;
		let reasons: Vec<&'static str> =
			choices.iter().map(|choice| choice.reason.unwrap_or("stop")).collect();
		let tokens: Vec<Vec<u32>> = choices.into_iter().map(|choice| choice.tokens).collect();
		if tokens.iter().all(Vec::is_empty) {
			return Piece::Failed("the engine generated nothing. Send the request again.".into());
		}
		let citations = citations(&job.prompt.hits);
		let decoding = first.map(|first| first.elapsed()).unwrap_or_default();
		let recording = tokio::task::spawn_blocking(move || {
			let work = Work::Answer { choices: &tokens, hits: &job.prompt.hits };
			job.terms.settle(&worker, tokens_in, &work)
		});
		match recording.await {
			Ok(Ok(tokens)) => {
				metrics::answered(&reasons, began.elapsed(), decoding);
				let cached = u32::try_from(cached).unwrap_or(u32::MAX);
				Piece::End(Ending { reasons, tokens, cached, citations })
			}
			Ok(Err(error)) => unrecorded(error),
			Err(error) => unrecorded(error.to_string()),
		}
	}
}

fn unrecorded(error: String) -> Piece {
	tracing::error!(error, "an answer could not be recorded and is not billed");
	Piece::Failed(format!("the answer could not be recorded and is not billed: {error}"))
}
