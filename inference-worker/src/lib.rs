//! The worker: serves agents over OpenAI's API, records every answer, settles on chain.
//!
//! A request passes [`orders`] (is it paid for?), [`agents`] (who answers?), [`routing`] (with which skills?), [`prompt`]
//! (what does the model read?), the engine and, as often as the model calls tools, [`rounds`], then [`answer`] (who shaped
//! it? write it down) and, later and apart, [`settlement`].

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod access;
pub mod agents;
pub mod answer;
mod background;
pub mod billing;
pub mod channels;
pub mod config;
pub mod embedder;
pub mod indexes;
pub mod loaded;
pub mod lora_requests;
pub mod metrics;
pub mod offers;
pub mod orders;
pub mod prompt;
pub mod quantize;
pub mod records;
pub mod retrieve;
pub mod rounds;
pub mod routing;
pub mod run;
pub mod server;
pub mod settlement;
pub mod telling;
pub mod tool_servers;
pub mod tools;
pub mod worker;
