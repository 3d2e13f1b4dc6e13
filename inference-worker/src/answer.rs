//! One answer: from the engine's tokens to a durable record.
//!
//! Runs as its own task, apart from the HTTP response: when the client leaves, generation stops and what
//! was generated is recorded all the same. The last piece leaves only when the record is on disk.

use crate::{
	agents::Agent,
	channels::Reservation,
	metrics,
	prompt::Prompt,
	records::{RecordState, StoredRecord},
	worker::{unix_ms, Worker},
};
use std::{sync::Arc, time::Instant};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};
use tributary_attribution::Evidence;
use tributary_client::voucher::body_hash;
use tributary_engine::{Cancel, Event, FinishReason, Request, Sampling, SubmitError};
use tributary_primitives::{
	fee::fee, record::UsageRecord, request::sampling_seed, request::SignedOrder, voucher::SignedVoucher,
	Balance, Hash,
};

/// A request that was paid for and may be answered.
pub struct Job {
	/// Who answers.
	pub agent: Arc<Agent>,
	/// The payer's order.
	pub order: SignedOrder,
	/// The payer's voucher.
	pub voucher: SignedVoucher,
	/// Hold on the channel.
	pub reservation: Reservation,
	/// What the model reads.
	pub prompt: Prompt,
	/// Most tokens to generate.
	pub max_tokens: usize,
	/// 0 for the most probable token.
	pub temperature: f32,
	/// Nucleus.
	pub top_p: f32,
	/// Most probable tokens kept; 0 for all.
	pub top_k: usize,
	/// Texts that end the answer.
	pub stop: Vec<String>,
	/// Version of the parameters in force.
	pub parameters: u32,
	/// Flat fee, planck.
	pub platform_fee: Balance,
}

/// A piece of an answer.
#[derive(Debug)]
pub enum Piece {
	/// More text.
	Text(String),
	/// The end; the record is durable.
	End(Ending),
	/// The answer failed and is not billed.
	Failed(String),
}

/// How an answer ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
	/// `stop` or `length`, as in OpenAI's API.
	pub reason: &'static str,
	/// Prompt tokens.
	pub tokens_in: u32,
	/// Generated tokens.
	pub tokens_out: u32,
}

/// Submits a job to the engine. The pieces end with [`Piece::End`] or [`Piece::Failed`]; dropping the
/// receiver stops generation.
pub fn start(worker: Arc<Worker>, mut job: Job) -> Result<UnboundedReceiver<Piece>, SubmitError> {
	let order = &job.order.order;
	let request = Request {
		prompt: std::mem::take(&mut job.prompt.tokens),
		adapters: job.agent.adapters.clone(),
		max_tokens: job.max_tokens,
		sampling: Sampling {
			temperature: job.temperature,
			top_p: job.top_p,
			top_k: job.top_k,
			seed: sampling_seed(&job.order.signature, &order.worker, order.nonce),
		},
		stop: std::mem::take(&mut job.stop),
		eos: true,
		payer: order.payer,
		cancel: Cancel::default(),
	};
	let tokens_in = request.prompt.len();
	let gone = request.cancel.clone();
	// Both channels are bounded by max_tokens.
	let (events_in, events) = unbounded_channel();
	let (pieces_in, pieces) = unbounded_channel();
	let sink = move |event| events_in.send(event).is_ok();
	worker.engine.submit(request, Box::new(sink))?;
	tokio::spawn(drive(worker, job, tokens_in, events, pieces_in, gone));
	Ok(pieces)
}

async fn drive(
	worker: Arc<Worker>,
	job: Job,
	tokens_in: usize,
	mut events: UnboundedReceiver<Event>,
	pieces: UnboundedSender<Piece>,
	gone: Cancel,
) {
	let _running = worker.running.clone();
	let began = Instant::now();
	let mut last = began;
	let (mut tokens, mut reason) = (Vec::new(), "stop");
	loop {
		let event = tokio::select! {
			event = events.recv() => event,
			() = pieces.closed(), if !gone.is_cancelled() => {
				gone.cancel();
				continue;
			},
		};
		match event {
			Some(Event::Token { id, text, .. }) => {
				let now = Instant::now();
				if tokens.is_empty() {
					metrics::first_token(now - began);
				} else {
					metrics::next_token(now - last);
				}
				last = now;
				tokens.push(id);
				if !text.is_empty() {
					// A client that left is seen above.
					let _ = pieces.send(Piece::Text(text));
				}
			}
			Some(Event::Done { reason: done, tokens: all }) => {
				tokens = all;
				reason = match done {
					FinishReason::Stop => "stop",
					FinishReason::Length => "length",
				};
				break;
			}
			Some(Event::Failed(error)) => {
				tracing::error!(%error, agent = job.agent.name, "an answer failed and is not billed");
				let _ = pieces.send(Piece::Failed(error.to_string()));
				return;
			}
			// The engine let go of a cancelled request.
			None => break,
		}
	}
	if tokens.is_empty() {
		let _ = pieces.send(Piece::Failed("the engine generated nothing. Send the request again.".into()));
		return;
	}
	let recording =
		tokio::task::spawn_blocking(move || record(&worker, job, tokens_in, &tokens, reason, began));
	let last = match recording.await {
		Ok(Ok(ending)) => Piece::End(ending),
		Ok(Err(error)) => failed(error),
		Err(error) => failed(error.to_string()),
	};
	let _ = pieces.send(last);
}

fn failed(error: String) -> Piece {
	tracing::error!(error, "an answer could not be recorded and is not billed");
	Piece::Failed(format!("the answer could not be recorded and is not billed: {error}"))
}

/// Attributes an answer and writes its record. Blocks until the disk has it.
fn record(
	worker: &Worker,
	job: Job,
	tokens_in: usize,
	tokens: &[u32],
	reason: &'static str,
	began: Instant,
) -> Result<Ending, String> {
	let rules = &worker.config.attribution;
	let datanets: Vec<u32> = job.agent.view.datanets.iter().map(|snapshot| snapshot.datanet).collect();
	let spans: Vec<_> =
		job.agent.indexes.iter().flat_map(|index| index.spans.spans(tokens, rules.min_span)).collect();
	let evidence = Evidence::collect(rules, &datanets, tokens.len(), &spans, &job.prompt.hits);
	let count = |tokens: usize| u32::try_from(tokens).map_err(|_| "too many tokens".to_owned());
	let (tokens_in, tokens_out) = (count(tokens_in)?, count(tokens.len())?);
	let fee = fee(job.agent.view.price, tokens_in, tokens_out, 0, job.platform_fee)
		.filter(|fee| *fee <= job.order.order.max_fee)
		.ok_or("its fee exceeds the order's maximum")?;
	let record = UsageRecord {
		order: job.order,
		agent: job.agent.view.agent,
		tokens_in,
		tokens_out,
		tools: 0,
		parameters: job.parameters,
		fee,
		output: output_hash(tokens),
		evidence: evidence.hash(),
		profile: worker.engine.profile(),
		at: unix_ms(),
		vector: evidence.vector(),
	};
	let stored = StoredRecord { record, state: RecordState::Unsettled };
	let commit = worker.records.commit(&stored, &job.voucher, job.reservation.settled, &evidence.to_bytes());
	commit.map_err(|error| error.to_string())?;
	metrics::answered(tokens_in, tokens_out, fee, reason, began.elapsed());
	Ok(Ending { reason, tokens_in, tokens_out })
}

/// What a record says about the generated tokens.
fn output_hash(tokens: &[u32]) -> Hash {
	let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
	body_hash(&bytes)
}

/// Most tokens that `max_fee` pays for after a prompt of `tokens_in`, at most `limit`. `None` when it does
/// not even pay for one.
pub fn affordable(
	price: tributary_primitives::fee::Price,
	tokens_in: u32,
	platform_fee: Balance,
	max_fee: Balance,
	limit: u32,
) -> Option<u32> {
	let fits = |out: u32| fee(price, tokens_in, out, 0, platform_fee).is_some_and(|fee| fee <= max_fee);
	if limit == 0 || !fits(1) {
		return None;
	}
	// Fees grow with tokens: the largest that fits lies in [low, high].
	let (mut low, mut high) = (1u32, limit);
	while low < high {
		let middle = low + (high - low).div_ceil(2);
		if fits(middle) {
			low = middle;
		} else {
			high = middle - 1;
		}
	}
	Some(low)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use tributary_primitives::fee::Price;

	proptest! {
		#[test]
		fn affordable_is_the_largest_that_fits_when_the_fee_is_bounded(
			input in 0u128..1_000_000, output in 0u128..1_000_000, tokens_in in 0u32..5_000,
			platform in 0u128..1_000, max_fee in 0u128..10_000_000, limit in 0u32..5_000
		) {
			let price = Price { input, output };
			let cost = |out| fee(price, tokens_in, out, 0, platform).unwrap();
			match affordable(price, tokens_in, platform, max_fee, limit) {
				Some(out) => {
					prop_assert!(out >= 1 && out <= limit && cost(out) <= max_fee);
					prop_assert!(out == limit || cost(out + 1) > max_fee);
				},
				None => prop_assert!(limit == 0 || cost(1) > max_fee),
			}
		}
	}

	#[test]
	fn output_hash_covers_ids_in_order_when_tokens_repeat() {
		assert_ne!(output_hash(&[1, 2]), output_hash(&[2, 1]));
		assert_eq!(output_hash(&[1]), body_hash(&[1, 0, 0, 0]));
	}
}
