//! From an HTTP request to a running answer: agent, payment, prompt, engine; cheapest checks first.

use super::{errors::ApiError, loras::authorize, members::wrong, openai::Head, options::Options};
use crate::{
	agents::{Agent, Standing},
	answer::{start, Job, Piece},
	billing::{Bill, Terms, Trial},
	channels::Reservation,
	offers::{offer, Offer},
	orders::Refusal,
	prompt::{assemble, Ask, Prompt},
	retrieve::retrieve,
	rounds::{can_pay, Counted, Rounds},
	routing::{route, Route},
	telling::Told,
	tools::{Choice, Tools},
	worker::{unix_ms, ReadError, Worker},
};
use axum::http::HeaderMap;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;
use tributary_attribution::Hit;
use tributary_client::{
	http::ChannelState,
	keys,
	voucher::{body_hash, order_from_header, voucher_from_header, ORDER_HEADER, VOUCHER_HEADER},
};
use tributary_engine::{ChatMessage, Grammar};
use tributary_primitives::{
	fee::fee, request::SignedOrder, voucher::SignedVoucher, AccountId, Hash, SkillSet,
};

/// An answer that has begun.
pub struct Begun {
	/// Its order's id.
	pub id: Hash,
	/// What the engine generates.
	pub pieces: UnboundedReceiver<Piece>,
}

impl Begun {
	/// What its bodies have in common; the id is made of `prefix` and the order's.
	pub fn head(&self, worker: &Worker, prefix: &str, model: &str) -> Head {
		Head {
			id: format!("{prefix}-{}", hex::encode(self.id)),
			created: unix_ms() / 1_000,
			model: model.into(),
			fingerprint: fingerprint(worker),
		}
	}
}

/// Name of the numerics profile.
pub fn fingerprint(worker: &Worker) -> String {
	let digits = hex::encode(worker.engine.profile());
	format!("fp_{}", digits.get(..16).unwrap_or(&digits))
}

/// Checks, reserves, builds the prompt and submits.
pub async fn begin(
	worker: &Arc<Worker>,
	headers: &HeaderMap,
	body: &[u8],
	model: &str,
	ask: Ask,
	options: &Options,
) -> Result<Begun, ApiError> {
	let mut generation = options.generation.clone();
	let (terms, embedding) = match worker.loaded.get(model).filter(|_| worker.catalogue.get(model).is_none())
	{
		Some(loaded) => {
			authorize(worker, headers)?;
			generation.steering.check(worker.engine.vocabulary())?;
			let agent = Arc::new(Agent::trial(model, loaded.generation));
			let trial = Trial { agent, id: worker.loaded.trial_id(), operator: worker.operator };
			(Terms::Trial(trial), None)
		}
		None => {
			let agent = find_agent(worker, model)?;
			generation.steering.check(worker.engine.vocabulary())?;
			let bill = open_bill(worker, headers, body, agent).await?;
			let (agent, payer) = (bill.agent.clone(), bill.order.order.payer);
			let Route { agent, skills, scores, vector } =
				route(&worker.engine, agent, ask.query(), payer).await?;
			(Terms::Paid(Box::new(Bill { agent, skills, scores, ..bill })), vector)
		}
	};
	let wanted = options.max_tokens.unwrap_or(worker.config.generation.default_max_tokens);
	let offers = offers(worker, &terms, &ask, options);
	let mut tools = options.tools.clone();
	tools.all.extend(offers.iter().map(|offer| offer.tool.clone()));
	// The model reads what an agent's tool said before it calls again.
	tools.parallel &= offers.is_empty();
	tools.check().map_err(wrong)?;
	let rounds = rounds(worker, &ask, options, offers);
	let (indexes, chunks) = (&terms.agent().indexes, worker.config.retrieval.chunks);
	let hits = retrieve(&worker.engine, indexes, ask.query(), embedding, terms.payer(), chunks).await?;
	let (prompt, grammar) = build_prompt(
		worker.clone(),
		terms.agent().clone(),
		hits,
		ask,
		options.clone(),
		tools.clone(),
		wanted,
	)
	.await?;
	generation.steering.grammar = grammar;
	let tokens_in = u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX);
	let room = worker.engine.context().saturating_sub(prompt.tokens.len()).min(wanted);
	// The choices share what the order allows.
	let choices = generation.choices.max(1);
	let limit = u32::try_from(room).unwrap_or(u32::MAX).saturating_mul(choices);
	let affordable =
		|tools| terms.purse().affordable(tokens_in, tools, limit).checked_div(choices).unwrap_or(0);
	// What the model writes leaves enough for a call, if that is possible.
	let max_tokens = match affordable(rounds.as_ref().map_or(0, Rounds::next_price)) {
		0 => affordable(0),
		max_tokens => max_tokens,
	};
	if let (0, Terms::Paid(bill)) = (max_tokens, &terms) {
		let (price, platform_fee, max_fee) =
			(bill.agent.view.price, bill.platform_fee, bill.order.order.max_fee);
		let least = fee(price, tokens_in, choices, 0, platform_fee).unwrap_or(u128::MAX);
		let message = format!(
			"the prompt has {tokens_in} tokens with the agent's prompts and sources: even one token of answer for each \
			 of {choices} choices costs {least} planck, the order allows {max_fee}. Sign a larger max_fee."
		);
		return Err(ApiError::payment("max_fee_too_small", message));
	}
	let id = terms.id();
	let format = worker.engine.template().map(|template| template.tool_format());
	let job = Job {
		terms,
		prompt,
		max_tokens: usize::try_from(max_tokens).unwrap_or(usize::MAX),
		wanted,
		generation,
		calls: format.ok().and_then(|format| tools.style(format)),
		rounds,
	};
	Ok(Begun { id, pieces: start(worker.clone(), job)? })
}

/// The agent's functions that this request is offered: those that it can pay, unless its answer has a form of its own,
/// no tools, or several choices.
fn offers(worker: &Worker, terms: &Terms, ask: &Ask, options: &Options) -> Vec<Offer> {
	let is_on = matches!(ask, Ask::Chat(_))
		&& worker.config.tools.calls_per_request > 0
		&& options.generation.choices == 1
		&& options.format.is_none()
		&& options.tools.choice != Choice::None;
	let nothing = Counted { tokens_in: 0, tokens_out: 0, last: 0 };
	match is_on {
		true => {
			offer(&terms.agent().tools, &options.tools.all, |price| can_pay(terms.purse(), nothing, 0, price))
		}
		false => Vec::new(),
	}
}

fn rounds(worker: &Worker, ask: &Ask, options: &Options, offers: Vec<Offer>) -> Option<Rounds> {
	let messages: Vec<ChatMessage> = match ask {
		Ask::Chat(messages) if !offers.is_empty() => messages.clone(),
		_ => return None,
	};
	let settings = &worker.config.tools;
	Some(Rounds::new(messages, options.tools.clone(), offers, settings.calls_per_request, settings.limits()))
}

/// Checks order and voucher, and reserves what the order allows.
pub async fn open_bill(
	worker: &Arc<Worker>,
	headers: &HeaderMap,
	body: &[u8],
	agent: Arc<Agent>,
) -> Result<Bill, ApiError> {
	let (order, voucher) = signed(headers)?;
	let reservation = reserve(worker, &order, &voucher, &body_hash(body)).await?;
	let head = worker.head.get();
	let (parameters, platform_fee) = (head.parameters_version, head.parameters.platform_fee);
	let (skills, scores) = (SkillSet::default(), Vec::new());
	Ok(Bill { agent, order, voucher, reservation, skills, scores, parameters, platform_fee })
}

/// The agent of this name, ready to be served.
pub fn find_agent(worker: &Worker, model: &str) -> Result<Arc<Agent>, ApiError> {
	match worker.catalogue.get(model).map(|listed| listed.standing) {
		Some(Standing::Ready(agent)) => Ok(agent),
		Some(Standing::Missing(reason)) => {
			let message =
				format!("agent `{model}` is not ready here: {reason}. Try again, or ask another worker.");
			Err(ApiError::unavailable("agent_not_ready", message, 10))
		}
		Some(Standing::Foreign) => {
			let message =
				format!("agent `{model}` runs on a base model that this worker does not serve. Ask another.");
			Err(ApiError::not_found("model_not_served", message))
		}
		None => {
			let served = worker.catalogue.served();
			let there = match served.len() {
				0 => "There are no agents here yet.".to_owned(),
				1..=20 => format!("There are: {}.", served.join(", ")),
				many => format!("GET /v1/models lists the {many} that there are."),
			};
			Err(ApiError::not_found("model_not_found", format!("there is no agent `{model}`. {there}")))
		}
	}
}

/// The order and voucher of a request.
fn signed(headers: &HeaderMap) -> Result<(SignedOrder, SignedVoucher), ApiError> {
	let text = |name: &'static str, code: &'static str| {
		headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| {
			let message = format!(
				"the header {name} is missing. Requests are paid by signed vouchers: point your client at `tributary proxy`."
			);
			ApiError::payment(code, message)
		})
	};
	let order = order_from_header(text(ORDER_HEADER, "order_missing")?);
	let voucher = voucher_from_header(text(VOUCHER_HEADER, "voucher_missing")?);
	Ok((
		order.map_err(|error| ApiError::payment("order_malformed", error.to_string()))?,
		voucher.map_err(|error| ApiError::payment("voucher_malformed", error.to_string()))?,
	))
}

async fn reserve(
	worker: &Arc<Worker>,
	order: &SignedOrder,
	voucher: &SignedVoucher,
	body: &Hash,
) -> Result<Reservation, ApiError> {
	let payer = order.order.payer;
	let limit = worker.config.settlement.credit_limit;
	if worker.credit().saturating_add(order.order.max_fee) > limit {
		tracing::warn!(credit_limit = limit, "refusing: unsettled answers reach the credit limit");
		let message = "answers wait to be settled on chain up to this worker's credit limit. Try again later, or ask another worker.";
		return Err(ApiError::unavailable("credit_exhausted", message, 30));
	}
	let mut just_read = ensure_channel(worker, &payer).await?;
	loop {
		match worker.channels.reserve(&worker.here(), order, voucher, body) {
			Some(Ok(reservation)) => return Ok(reservation),
			// The channel may have been opened, topped up or given a key a moment ago.
			Some(Err(refusal)) if !just_read && may_be_stale(&refusal) => {
				just_read = true;
				if let Err(ReadError::Records(error)) = worker.read_channel(&payer).await {
					return Err(ApiError::internal("records", error.to_string()));
				}
			}
			Some(Err(refusal)) => {
				return Err(ApiError::from(refusal).with_channel(channel_state(worker, &payer)));
			}
			None => return Err(no_channel(worker, &payer)),
		}
	}
}

fn may_be_stale(refusal: &Refusal) -> bool {
	matches!(
		refusal,
		Refusal::WrongChannel { .. }
			| Refusal::DepositTooSmall { .. }
			| Refusal::BadSignature(_)
			| Refusal::Closing(_)
	)
}

/// Reads the channel when it is unknown or old. Says whether it was read just now.
pub async fn ensure_channel(worker: &Worker, payer: &AccountId) -> Result<bool, ApiError> {
	let known = worker.channels.get(payer);
	if known.is_some_and(|(_, age)| age < worker.config.refresh()) {
		return Ok(false);
	}
	match worker.read_channel(payer).await {
		Ok(()) => Ok(true),
		// The chain is away: what was known of the channel is served on, up to the credit limit.
		Err(ReadError::Chain(error)) if known.is_some() => {
			tracing::warn!(%error, "the chain is away: serving on known channels");
			Ok(true)
		}
		Err(ReadError::Chain(error)) => {
			let message = format!("the channel cannot be read: {error}. Try again later.");
			Err(ApiError::unavailable("chain_away", message, 10))
		}
		Err(ReadError::Records(error)) => Err(ApiError::internal("records", error.to_string())),
	}
}

/// There is no channel of this payer.
pub fn no_channel(worker: &Worker, payer: &AccountId) -> ApiError {
	let message = format!(
		"{} has no channel to this worker. Open one: `tributary channel open` with worker {}.",
		keys::address(payer),
		keys::address(&worker.operator)
	);
	ApiError::payment("no_channel", message)
}

/// The worker's view of a channel, for payers.
pub fn channel_state(worker: &Worker, payer: &AccountId) -> Option<ChannelState> {
	let (state, _) = worker.channels.get(payer)?;
	Some(ChannelState {
		genesis: format!("0x{}", hex::encode(worker.genesis)),
		worker: keys::address(&worker.operator),
		worker_hex: format!("0x{}", hex::encode(worker.operator)),
		channel: state.nonce,
		charged: state.charged(),
		deposit: state.limit.saturating_sub(state.settled),
		last_order_nonce: state.last_nonce,
		last_cumulative: state.last_cumulative,
		block: worker.head.get().block,
	})
}

async fn build_prompt(
	worker: Arc<Worker>,
	agent: Arc<Agent>,
	hits: Vec<Hit>,
	ask: Ask,
	options: Options,
	tools: Tools,
	answer: usize,
) -> Result<(Prompt, Option<Grammar>), ApiError> {
	let build = move || {
		let engine = &worker.engine;
		let told = Told::of(engine, ask, &agent.prompts, &tools);
		let encode = |ask: Ask| told.encode(engine, ask);
		let prompt = assemble(&told.prompts, hits, &told.ask, engine.context(), answer, encode)?;
		let source = options.format.or(told.grammar);
		let grammar = source.map(|source| engine.grammar(source)).transpose();
		let name = if tools.are_on() { "tools" } else { "response_format" };
		Ok((prompt, grammar.map_err(|error| ApiError::invalid("invalid_value", format!("{name}: {error}")))?))
	};
	let built = tokio::task::spawn_blocking(build).await;
	built.map_err(|error| ApiError::internal("prompt", error.to_string()))?
}
