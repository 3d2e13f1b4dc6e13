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
	rounds::{Counted, Next, Rounds},
	tools::{Call, CallReader, CallStyle, Part},
	worker::Worker,
};
use std::{
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tributary_attribution::{SkillScore, ToolReceipt};
use tributary_engine::{
	Cancel, Event, FinishReason, Request, Sampling, Sink, Steering, SubmitError, Tokenizer,
};
use tributary_primitives::{request::choice_seed, Hash};

/// Between two attempts to begin another round.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);

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
	/// Most tokens to generate, of each choice; where tools are called, in the first round.
	pub max_tokens: usize,
	/// Most tokens that the request asks for.
	pub wanted: usize,
	/// How.
	pub generation: Generation,
	/// How calls of tools are found in the text; `None` without tools.
	pub calls: Option<CallStyle>,
	/// For calls of the agent's own tools; there is one choice then.
	pub rounds: Option<Rounds>,
}

/// A piece of an answer.
#[derive(Debug)]
pub enum Piece {
	/// More of one choice.
	More(Delta),
	/// What is done meanwhile, for who watches.
	Note(String),
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
	/// How near the request was to each of the agent's skills.
	pub skills: Vec<SkillScore>,
	/// Calls of the agent's tools.
	pub receipts: Vec<ToolReceipt>,
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
	let (events, sinks) = channel(job.generation.choices);
	let (pieces_in, pieces) = unbounded_channel();
	let requests = (0..).zip(sinks).map(|(choice, sink)| {
		let mut request = request.clone();
		request.sampling.seed = choice_seed(&seed, choice);
		(request, sink)
	});
	worker.engine.submit_all(requests.collect())?;
	let choices = (0..job.generation.choices).map(|_| Choice::new(job.calls.clone(), 0)).collect();
	let began = Instant::now();
	let agent = job.terms.agent();
	let lora = worker.lora_requests.waiting(&agent.name, !agent.adapters.is_empty());
	let round = Request { prompt: Vec::new(), ..request };
	let answer = Answer {
		worker,
		job,
		round,
		seed,
		tokens_in,
		last_prompt: tokens_in,
		written: Vec::new(),
		choices,
		cached: 0,
		began,
		lora,
		queued: None,
		first: None,
	};
	tokio::spawn(answer.drive(events, pieces_in, gone));
	Ok(pieces)
}

/// What is generated for each of the choices. All channels are bounded by max_tokens and the number of choices.
fn channel(choices: u32) -> (UnboundedReceiver<(u32, Event)>, Vec<Sink>) {
	let (events_in, events) = unbounded_channel();
	let sink = |choice| -> Sink {
		let events = events_in.clone();
		Box::new(move |event| events.send((choice, event)).is_ok())
	};
	(events, (0..choices).map(sink).collect())
}

/// One of the answers to a prompt, as far as it is.
struct Choice {
	tokens: Vec<u32>,
	reason: Option<&'static str>,
	calls: Option<CallReader>,
	/// Text of this round.
	said: String,
	/// Calls of the agent's tools in this round.
	ours: Vec<Call>,
	/// Calls of the request's own tools.
	theirs: u32,
	/// Characters of its tokens.
	offset: usize,
	/// When its last token came.
	last: Option<Instant>,
}

impl Choice {
	/// After so many calls of the same answer.
	fn new(calls: Option<CallStyle>, before: u32) -> Self {
		let calls = calls.map(|style| CallReader::after(style, before));
		let (said, ours) = Default::default();
		Self { tokens: Vec::new(), reason: None, calls, said, ours, theirs: 0, offset: 0, last: None }
	}

	/// Text as it is shown, and calls that were in it and are the client's to make.
	fn read(
		&mut self,
		text: String,
		ended: bool,
		answer: &Hash,
		choice: u32,
		rounds: Option<&Rounds>,
	) -> Delta {
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
				Part::Call(call) => {
					let call = call.with_id(answer, choice);
					if rounds.is_some_and(|rounds| rounds.is_ours(&call.name)) {
						self.ours.push(call);
					} else {
						delta.calls.push(Call { index: self.theirs, ..call });
						self.theirs = self.theirs.saturating_add(1);
					}
				}
			}
		}
		if rounds.is_some() {
			self.said.push_str(&delta.text);
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
	/// What the requests of all rounds have in common.
	round: Request,
	seed: Hash,
	/// Tokens that were read.
	tokens_in: usize,
	/// Length of the last prompt.
	last_prompt: usize,
	/// What was written in the rounds before this one.
	written: Vec<Vec<u32>>,
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
		let failed = loop {
			if let Err(error) = self.listen(&mut events, &pieces, &gone).await {
				break Some(error);
			}
			if gone.is_cancelled() {
				break None;
			}
			match self.call_tools(&pieces).await {
				Ok(None) => break None,
				Ok(Some(next)) => match self.go_on(next, &pieces).await {
					Ok(Some(next)) => events = next,
					Ok(None) => break None,
					Err(error) => break Some(error),
				},
				Err(error) => break Some(error),
			}
		};
		match failed {
			None => drop(pieces.send(self.finish().await)),
			Some(error) => {
				// One choice is no answer: the others stop too.
				gone.cancel();
				let agent = &self.job.terms.agent().name;
				tracing::error!(error, agent, "an answer failed and is not billed");
				let _ = pieces.send(Piece::Failed(error));
			}
		}
	}

	/// Passes on what the engine generates until all choices have ended.
	async fn listen(
		&mut self,
		events: &mut UnboundedReceiver<(u32, Event)>,
		pieces: &UnboundedSender<Piece>,
		gone: &Cancel,
	) -> Result<(), String> {
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
			let delta = self.take(choice, event)?;
			if !delta.is_empty() {
				// A client that left is seen above.
				let _ = pieces.send(Piece::More(delta));
			}
		}
		Ok(())
	}

	/// Calls the agent's tools where a round ended with calls of them alone. `None` ends the answer: with a call that is
	/// the client's to make it is the client's turn, and what the model wrote of its agent's tools is let go.
	async fn call_tools(&mut self, pieces: &UnboundedSender<Piece>) -> Result<Option<Next>, String> {
		let (Some(mut rounds), [choice]) = (self.job.rounds.take(), self.choices.as_mut_slice()) else {
			return Ok(None);
		};
		let calls = std::mem::take(&mut choice.ours);
		if choice.reason != Some("tool_calls") || calls.is_empty() || choice.theirs > 0 {
			self.job.rounds = Some(rounds);
			return Ok(None);
		}
		rounds.said(&std::mem::take(&mut choice.said), &calls);
		let written = choice.tokens.len();
		let counted = Counted {
			tokens_in: self.tokens_in,
			tokens_out: self.written.iter().map(Vec::len).sum::<usize>().saturating_add(written),
			last: self.last_prompt.saturating_add(written),
		};
		let purse = self.job.terms.purse();
		let mut results = Vec::with_capacity(calls.len());
		for call in calls {
			let text = match rounds.begin(&call, purse, counted) {
				Err(reason) => format!("error: {reason}"),
				Ok(calling) => {
					let _ = pieces.send(Piece::Note(format!("calling {}", calling.name())));
					let began = Instant::now();
					let result = tokio::select! {
						result = calling.run() => Some(result),
						() = pieces.closed() => None,
					};
					let left = result.is_none();
					let took = began.elapsed();
					let text = rounds.end(calling, result, took);
					if left {
						self.job.rounds = Some(rounds);
						return Ok(None);
					}
					text
				}
			};
			results.push((call, text));
		}
		let (worker, agent, hits) =
			(self.worker.clone(), self.job.terms.agent().clone(), self.job.prompt.hits.clone());
		let next = move || {
			let next = rounds.next(&worker.engine, &agent, &hits, purse, counted, results);
			(rounds, next)
		};
		let (rounds, next) = tokio::task::spawn_blocking(next).await.map_err(|error| error.to_string())?;
		let spent = rounds.spent().saturating_add(rounds.next_price());
		self.job.rounds = Some(rounds);
		let Some(next) = next? else {
			self.end_by_length();
			return Ok(None);
		};
		let tokens_in = self.tokens_in.saturating_add(next.tokens_in);
		// What may be written in all rounds together, less what was.
		let limit = self.job.wanted.min(self.worker.engine.context());
		let count = |tokens: usize| u32::try_from(tokens).unwrap_or(u32::MAX);
		let affordable = |tools| purse.affordable(count(tokens_in), tools, count(limit)) as usize;
		let least = counted.tokens_out.saturating_add(1);
		let paid = match affordable(spent) {
			paid if paid >= least => paid,
			_ => affordable(self.job.rounds.as_ref().map_or(0, Rounds::spent)),
		};
		let room = self.worker.engine.context().saturating_sub(next.prompt.len());
		self.round.max_tokens = paid.saturating_sub(counted.tokens_out).min(room);
		if self.round.max_tokens == 0 {
			self.end_by_length();
			return Ok(None);
		}
		Ok(Some(next))
	}

	fn end_by_length(&mut self) {
		for choice in &mut self.choices {
			choice.reason = Some("length");
		}
	}

	/// Begins the next round. Waits where the queue is full: the answer has begun. `None` when the client left.
	async fn go_on(
		&mut self,
		next: Next,
		pieces: &UnboundedSender<Piece>,
	) -> Result<Option<UnboundedReceiver<(u32, Event)>>, String> {
		let Some(choice) = self.choices.first_mut() else { return Ok(None) };
		let before = choice.calls.as_ref().map_or(0, CallReader::calls);
		let offset = choice.offset;
		let ended = std::mem::replace(choice, Choice::new(next.calls, before));
		choice.offset = offset;
		self.written.push(ended.tokens);
		self.last_prompt = next.prompt.len();
		let tokens_in = self.tokens_in.saturating_add(next.tokens_in);
		let mut request = self.round.clone();
		request.prompt = next.prompt;
		request.steering.grammar = next.grammar;
		// Each round draws as another choice would.
		request.sampling.seed =
			choice_seed(&self.seed, u32::try_from(self.written.len()).unwrap_or(u32::MAX));
		loop {
			let (events, sinks) = channel(1);
			let requests = sinks.into_iter().map(|sink| (request.clone(), sink)).collect();
			match self.worker.engine.submit_all(requests) {
				Ok(()) => {
					// A prompt that nobody reads is not paid.
					self.tokens_in = tokens_in;
					return Ok(Some(events));
				}
				Err(SubmitError::QueueFull { .. }) => {}
				Err(error) => return Err(error.to_string()),
			}
			tokio::select! {
				() = tokio::time::sleep(QUEUE_PAUSE) => {},
				() = pieces.closed() => return Ok(None),
			}
		}
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
				let mut delta = choice.read(text, false, &id_of_answer, number, self.job.rounds.as_ref());
				let tokenizer = self.worker.engine.tokenizer();
				// The token that ends an answer is not part of its text.
				if self.job.generation.logprobs.is_some() && !tokenizer.eos_ids().contains(&id) {
					delta.logprobs.push(choice.logprob(tokenizer, id, logprob, &top_logprobs));
				}
				Ok(delta)
			}
			Event::Done { reason, tokens } => {
				choice.tokens = tokens;
				let delta = choice.read(String::new(), true, &id_of_answer, number, self.job.rounds.as_ref());
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
		let Self { worker, job, tokens_in, written, choices, cached, began, first, .. } = self;
		let reasons: Vec<&'static str> =
			choices.iter().map(|choice| choice.reason.unwrap_or("stop")).collect();
		let last = choices.into_iter().map(|choice| choice.tokens);
		// A round that never began wrote nothing.
		let is_first = written.is_empty();
		let tokens: Vec<Vec<u32>> =
			written.into_iter().chain(last.filter(|tokens| is_first || !tokens.is_empty())).collect();
		if tokens.iter().all(Vec::is_empty) {
			return Piece::Failed("the engine generated nothing. Send the request again.".into());
		}
		let citations = citations(&job.prompt.hits);
		let decoding = first.map(|first| first.elapsed()).unwrap_or_default();
		let skills = match &job.terms {
			Terms::Paid(bill) => bill.scores.clone(),
			Terms::Trial(_) => Vec::new(),
		};
		let (calls, receipts) =
			job.rounds.map(|rounds| (rounds.uses(), rounds.receipts().to_vec())).unwrap_or_default();
		let shown = receipts.clone();
		let recording = tokio::task::spawn_blocking(move || {
			let hits = &job.prompt.hits;
			let work = Work::Answer { choices: &tokens, hits, calls: &calls, receipts: &receipts };
			job.terms.settle(&worker, tokens_in, &work)
		});
		match recording.await {
			Ok(Ok(tokens)) => {
				metrics::answered(&reasons, began.elapsed(), decoding);
				let cached = u32::try_from(cached).unwrap_or(u32::MAX);
				Piece::End(Ending { reasons, tokens, cached, skills, receipts: shown, citations })
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
