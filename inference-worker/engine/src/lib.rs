//! Language-model inference on [Burn](https://burn.dev): one base model, many LoRA adapters.
//!
//! [`Engine::start`] loads a Hugging Face folder of a Llama-like architecture ([`config::Architecture`]) and runs it on
//! one thread with continuous batching. Requests of one batch may use different adapters, which are fetched by content hash when a
//! request first needs them; base weights are never changed. The engine knows no chain and no network.
//!
//! ```no_run
//! use std::sync::Arc;
//! use tributary_engine::{AdapterSource, ContentHash, Engine, EngineConfig, Event, Request};
//!
//! struct Folder(std::path::PathBuf);
//!
//! impl AdapterSource for Folder {
//! 	fn folder(&self, _: &ContentHash) -> Result<std::path::PathBuf, String> {
//! 		Ok(self.0.clone())
//! 	}
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = EngineConfig { model_dir: "model".into(), ..EngineConfig::default() };
//! let engine = Engine::start(config, Arc::new(Folder("adapter".into())))?;
//! let request = Request {
//! 	prompt: engine.tokenizer().encode("Once upon a time", true)?,
//! 	max_tokens: 32,
//! 	eos: true,
//! 	..Request::default()
//! };
//! engine.submit(request, Box::new(|event| {
//! 	if let Event::Token { text, .. } = event {
//! 		print!("{text}");
//! 	}
//! 	true
//! }))?;
//! engine.shutdown();
//! # Ok(())
//! # }
//! ```

mod chat;
mod checkpoint;
pub mod config;
mod cpu;
mod device;
mod draw;
mod embedding;
mod engine;
mod error;
mod executor;
mod fairness;
mod frozen;
mod grammar;
mod intake;
pub mod loading;
mod lora;
mod memory;
mod ops;
mod pages;
mod perplexity;
mod projection;
mod quantize;
mod quantized;
mod request;
pub mod rope;
mod routing;
mod sampling;
mod scheduler;
mod scoring;
mod sequence;
mod stats;
mod steering;
mod tensor;
#[cfg(test)]
mod tests;
mod text;
mod tokenizer;

pub use chat::{ChatMessage, ChatTemplate, ToolFormat};
pub use cpu::Precision;
pub use device::DeviceChoice;
pub use engine::{Engine, EngineConfig};
pub use error::{AdapterError, EngineError, ModelError, SubmitError, WeightsError};
pub use frozen::{FrozenWeights, Int4};
pub use grammar::{written_plainly, Grammar, GrammarSource, Grammars, MAX_GRAMMAR_BYTES};
pub use lora::{check_adapter, loader::AdapterSource};
pub use perplexity::perplexity;
pub use projection::Projection;
pub use quantize::{quantize, QuantizeReport};
pub use request::{
	AdapterUse, Cancel, Event, FinishReason, Request, Sink, MAX_ADAPTERS, MAX_STOPS, MAX_STOP_BYTES,
	MAX_TOP_LOGPROBS,
};
pub use sampling::{gumbel, sample, Sampled, Sampling, SAMPLER_VERSION};
pub use scoring::Scorer;
pub use stats::Stats;
pub use steering::{Steering, MAX_BIAS, MAX_BIASES, MAX_PENALTY};
pub use tokenizer::Tokenizer;

/// BLAKE3 hash by which content is addressed.
pub type ContentHash = [u8; 32];
