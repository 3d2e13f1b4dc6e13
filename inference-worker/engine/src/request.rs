//! What a caller asks and what comes back.

use std::sync::{
	atomic::{AtomicBool, Ordering::Relaxed},
	Arc,
};

use crate::{
	error::{AdapterError, EngineError},
	sampling::Sampling,
	steering::Steering,
	ContentHash,
};

/// Most adapters of one request.
pub const MAX_ADAPTERS: usize = 16;
/// Most stop strings of one request.
pub const MAX_STOPS: usize = 16;
/// Longest stop string, bytes.
pub const MAX_STOP_BYTES: usize = 1024;

/// Most tokens reported beside each drawn one.
pub const MAX_TOP_LOGPROBS: usize = 20;

/// An adapter of a request. Several add up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdapterUse {
	/// Content hash of the PEFT folder.
	pub hash: ContentHash,
	/// Factor of the adapter's own scaling; 1 applies it as trained.
	pub scale: f32,
}

/// Calls a request off, from any thread: when its client has left, say. Clones call off the same request.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
	/// The request gets no more events, also no last one; what it holds is given back before the next step.
	pub fn cancel(&self) {
		self.0.store(true, Relaxed);
	}

	/// Whether it was called off.
	pub fn is_cancelled(&self) -> bool {
		self.0.load(Relaxed)
	}
}

impl PartialEq for Cancel {
	fn eq(&self, other: &Self) -> bool {
		Arc::ptr_eq(&self.0, &other.0)
	}
}

/// A prompt to continue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
	/// Tokens of the prompt.
	pub prompt: Vec<u32>,
	/// Adapters on top of the base model; empty for the base model alone.
	pub adapters: Vec<AdapterUse>,
	/// Most tokens of the answer.
	pub max_tokens: usize,
	/// Whether the prompt's embedding is wanted instead of an answer: the mean of the hidden states after the last norm
	/// over its tokens, of length 1. `max_tokens` is 0 then.
	pub embed: bool,
	/// How tokens are drawn.
	pub sampling: Sampling,
	/// What changes the logits before.
	pub steering: Steering,
	/// How many of the most likely tokens are reported beside each drawn one; at most [`MAX_TOP_LOGPROBS`].
	pub top_logprobs: usize,
	/// The answer ends before the first of these strings.
	pub stop: Vec<String>,
	/// Whether an end-of-sequence token ends the answer.
	pub eos: bool,
	/// Whose request it is: those who wait are served in turns, by what they had so far. All zeros where nobody is told
	/// apart.
	pub payer: [u8; 32],
	/// Calls the request off.
	pub cancel: Cancel,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
	/// An end-of-sequence token or a stop string.
	Stop,
	/// `max_tokens`.
	Length,
}

/// Progress of a request. The last event is `Done` or `Failed`, and exactly one of them comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
	/// The request joined the batch. Comes first, if it comes.
	Started {
		/// Tokens of the prompt whose keys and values were there already.
		cached: usize,
	},
	/// One more token. The end-of-sequence token that ends an answer is one too.
	Token {
		/// Token id.
		id: u32,
		/// Text that can be shown now, valid UTF-8, may be empty. The texts of all tokens make up the answer.
		text: String,
		/// Natural logarithm of the token's probability before steering, temperature and cuts.
		logprob: f32,
		/// The most likely tokens with theirs, the most likely first, as many as were asked for.
		top_logprobs: Vec<(u32, f32)>,
	},
	/// The embedding that was asked for, as wide as the model.
	Embedding(Vec<f32>),
	/// The answer is complete.
	Done {
		/// Why it ended.
		reason: FinishReason,
		/// The ids of all `Token` events.
		tokens: Vec<u32>,
	},
	/// The request failed; others go on.
	Failed(EngineError),
}

/// Receives the events of a request on the engine's thread; must not block. False means that nobody listens any
/// more, and cancels the request.
pub type Sink = Box<dyn FnMut(Event) -> bool + Send>;

/// A sink that gets exactly one last event, also when the request is dropped on the way.
pub(crate) struct Reporter {
	sink: Option<Sink>,
}

impl Reporter {
	pub(crate) fn new(sink: Sink) -> Self {
		Self { sink: Some(sink) }
	}

	/// Reports progress. False if nobody listens any more; nothing is reported after that.
	pub(crate) fn send(&mut self, event: Event) -> bool {
		let listening = self.sink.as_mut().is_some_and(|sink| call(sink, event));
		if !listening {
			self.sink = None;
		}
		listening
	}

	/// Reports nothing any more.
	pub(crate) fn forget(&mut self) {
		self.sink = None;
	}

	/// Reports the last event.
	pub(crate) fn end(&mut self, event: Event) {
		if let Some(mut sink) = self.sink.take() {
			call(&mut sink, event);
		}
	}
}

/// Calls a receiver. One that panics fails its own request only: it does not listen any more.
fn call(sink: &mut Sink, event: Event) -> bool {
	let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| sink(event)));
	called.unwrap_or_else(|_| {
		tracing::error!("the receiver of a request panicked");
		false
	})
}

impl Drop for Reporter {
	fn drop(&mut self) {
		let reason = "the engine stopped before the answer was complete".into();
		self.end(Event::Failed(EngineError::Inference(reason)));
	}
}

impl Request {
	/// Checks what does not depend on the state of the engine.
	pub(crate) fn check(&self, vocab_size: usize) -> Result<(), EngineError> {
		self.sampling.check()?;
		self.steering.check(vocab_size)?;
		if self.steering.grammar.is_some() && !self.eos {
			return Err(EngineError::Config("an answer that follows a grammar must end with eos".into()));
		}
		if self.top_logprobs > MAX_TOP_LOGPROBS {
			return Err(EngineError::Config(format!("top_logprobs may be {MAX_TOP_LOGPROBS} at most")));
		}
		if let Some(id) = self.prompt.iter().find(|id| **id as usize >= vocab_size) {
			return Err(EngineError::Tokenizer(format!(
				"token {id} is not in the vocabulary of {vocab_size}; encode the prompt with this model's tokenizer"
			)));
		}
		if self.adapters.len() > MAX_ADAPTERS {
			return Err(EngineError::Config(format!("a request may use {MAX_ADAPTERS} adapters at most")));
		}
		if self.stop.len() > MAX_STOPS || self.stop.iter().any(|stop| stop.len() > MAX_STOP_BYTES) {
			return Err(EngineError::Config(format!(
				"a request may have {MAX_STOPS} stop strings of {MAX_STOP_BYTES} bytes at most"
			)));
		}
		match self.adapters.iter().find(|adapter| !adapter.scale.is_finite()) {
			Some(adapter) => {
				Err(EngineError::adapter(&adapter.hash, AdapterError::Scale(adapter.scale.to_string())))
			}
			None => Ok(()),
		}
	}
}

impl EngineError {
	pub(crate) fn adapter(hash: &ContentHash, error: AdapterError) -> Self {
		Self::Adapter { hash: hex::encode(hash), error }
	}
}
