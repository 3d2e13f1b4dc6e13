//! ModelFactory: trains small base models from scratch and LoRA adapters on Burn.
//!
//! ```no_run
//! use tributary_factory::{train_adapter, AdapterConfig, Console};
//!
//! let config = AdapterConfig::new("models/tributary-3m".into(), vec!["corpus/git".into()], "adapters/git".into());
//! let report = train_adapter(&config, &mut Console::new())?;
//! println!("perplexity {:.1} -> {:.1}", report.perplexity_before, report.perplexity_after);
//! # Ok::<(), tributary_factory::FactoryError>(())
//! ```
//!
//! A training is a function of its configuration: settings, texts, base model and seed give the same weights, also
//! when the run was killed and went on from its checkpoint. On [`Processor::Flex`] they are the same bytes.

pub mod ablation;
mod adapter;
mod backward;
mod base;
mod batch;
mod card;
mod chat;
mod checkpoint;
mod config;
mod conversations;
mod curves;
mod dropout;
mod error;
pub mod evaluation;
mod files;
mod layer;
mod lora;
mod mixture;
mod model;
mod optimizer;
mod parameters;
pub mod plot;
mod positions;
mod progress;
pub mod recipe;
mod record;
pub mod runs;
mod samples;
mod schedule;
mod shape;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod tokenizer;
mod train;
mod weight;
pub mod workflow;

pub use adapter::{train_adapter, train_adapter_on};
pub use base::train_base;
pub use checkpoint::CHECKPOINT;
pub use config::{configuration_hash, AdapterConfig, BaseConfig, Method, Source, PROJECTIONS};
pub use curves::{read_curve, CurvePoint, CURVES};
pub use error::FactoryError;
pub use files::{read_texts, Document};
pub use lora::{CONFIG as ADAPTER_CONFIG, WEIGHTS as ADAPTER_WEIGHTS};
pub use progress::{Console, Progress, Silent};
pub use record::RECORD;
pub use schedule::{Processor, Schedule};
pub use shape::ModelShape;
pub use tokenizer::{ASSISTANT, CHAT_TEMPLATE, END, END_OF_TEXT, SYSTEM, USER};
pub use train::Report;
