//! Prometheus metrics: vLLM's names where it has them, ours for adapters' residency and settlement.

use crate::{
	records::{Inclusion, Intent},
	worker::{unix_ms, Worker},
};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;
use tributary_attribution::CallOutcome;
use tributary_primitives::TRB;

/// Buckets of latencies, seconds.
const LATENCIES: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Installs the recorder and describes every metric.
pub fn install() -> Result<PrometheusHandle, String> {
	let builder = PrometheusBuilder::new()
		.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCIES)
		.map_err(|error| error.to_string())?;
	let handle = builder.install_recorder().map_err(|error| error.to_string())?;
	describe_gauge!("vllm:num_requests_running", "Requests being decoded.");
	describe_gauge!("vllm:num_requests_waiting", "Requests in the queue.");
	describe_gauge!("vllm:kv_cache_usage_perc", "Part of the KV cache that requests hold, 1 for all of it.");
	describe_counter!("vllm:prompt_tokens_total", "Prompt tokens of recorded answers.");
	describe_counter!("vllm:generation_tokens_total", "Generated tokens of recorded answers.");
	describe_counter!("vllm:request_success_total", "Recorded answers by finish reason.");
	describe_histogram!("vllm:time_to_first_token_seconds", "From acceptance to the first token.");
	describe_histogram!("vllm:inter_token_latency_seconds", "Between two tokens of an answer.");
	describe_histogram!("vllm:request_queue_time_seconds", "From acceptance until it joins the batch.");
	describe_histogram!("vllm:request_prefill_time_seconds", "From there to the first token.");
	describe_histogram!("vllm:request_decode_time_seconds", "From the first token to the last.");
	describe_histogram!("vllm:e2e_request_latency_seconds", "From acceptance to the durable record.");
	describe_gauge!(
		"vllm:kv_cache_usage_perc",
		"Part of the memory pages that running requests use, 0 to 1."
	);
	describe_gauge!(
		"tributary_memory_pages",
		"Pages of device memory by use: cache, idle (prefixes), adapters, free."
	);
	describe_gauge!("tributary_lora_resident", "Adapters by tier: device, host.");
	describe_gauge!("tributary_lora_resident_bytes", "Their memory by tier, bytes.");
	describe_counter!("tributary_lora_lookups_total", "Adapters looked for by tier: device, host, disk.");
	describe_counter!("tributary_lora_hits_total", "Adapters found by tier; what no tier has is fetched.");
	describe_counter!("tributary_lora_loads_total", "Adapters put on the device.");
	describe_counter!("tributary_lora_evictions_total", "Adapters evicted from the device.");
	describe_counter!("tributary_retrieved_chunks_total", "Chunks found for answers.");
	describe_histogram!(
		"tributary_retrieval_seconds",
		"Time to find the chunks of an answer, its question's embedding included."
	);
	describe_gauge!("tributary_agents_served", "Agents that are served.");
	describe_gauge!("tributary_agents_missing", "Agents that lack content.");
	describe_counter!("tributary_requests_refused_total", "Refused requests by error code.");
	describe_gauge!("tributary_fees_trb", "Fees of recorded answers, TRB.");
	describe_gauge!("tributary_unsettled_records", "Records that no batch has settled.");
	describe_gauge!("tributary_unsettled_trb", "Fees of those records, TRB.");
	describe_gauge!("tributary_reserved_trb", "Most that running requests may cost, TRB.");
	describe_gauge!(
		"tributary_waiting_records",
		"Records that wait for a voucher, a top-up or the next batch."
	);
	describe_counter!("tributary_batches_total", "Batches on chain.");
	describe_counter!("tributary_settled_records_total", "Records in batches on chain.");
	describe_gauge!("tributary_settled_trb", "Escrow moved by batches, TRB.");
	describe_counter!("tributary_failed_channels_total", "Channels that batches skipped.");
	describe_counter!("tributary_settlement_failures_total", "Attempts to settle that failed.");
	// From the start: an alert on the increase would miss the first one otherwise.
	for counted in ["tributary_failed_channels_total", "tributary_settlement_failures_total"] {
		counter!(counted).absolute(0);
	}
	describe_counter!("tributary_tool_calls_total", "Calls of agents' tools.");
	describe_histogram!("tributary_tool_call_seconds", "Time of a call, all attempts together.");
	describe_gauge!("tributary_chain_block", "Best block known.");
	describe_gauge!("tributary_chain_finalized_block", "Last final block known.");
	describe_gauge!("tributary_chain_age_seconds", "Since the chain was last read.");
	describe_gauge!("tributary_chain_endpoint", "1 for the node that is asked, by its place in chain.urls.");
	describe_counter!("tributary_chain_failovers_total", "Times that another node was taken.");
	describe_counter!(
		"tributary_reorganised_batches_total",
		"Batches sent again or replaced because their block was reorganised away."
	);
	Ok(handle)
}

fn trb(planck: u128) -> f64 {
	planck as f64 / TRB as f64
}

/// An answer or embeddings were recorded.
pub fn recorded(tokens_in: u32, tokens_out: u32, fee: u128) {
	counter!("vllm:prompt_tokens_total").increment(tokens_in.into());
	counter!("vllm:generation_tokens_total").increment(tokens_out.into());
	gauge!("tributary_fees_trb").increment(trb(fee));
}

/// A recorded answer has ended, with these reasons of its choices; `decoding` is what followed its first token.
pub fn answered(reasons: &[&'static str], took: Duration, decoding: Duration) {
	for reason in reasons {
		counter!("vllm:request_success_total", "finished_reason" => *reason).increment(1);
	}
	histogram!("vllm:e2e_request_latency_seconds").record(took.as_secs_f64());
	histogram!("vllm:request_decode_time_seconds").record(decoding.as_secs_f64());
}

/// Embeddings were recorded.
pub fn embedded(took: Duration) {
	histogram!("vllm:e2e_request_latency_seconds").record(took.as_secs_f64());
}

/// Chunks were found for an answer.
pub fn retrieved(chunks: usize, took: Duration) {
	counter!("tributary_retrieved_chunks_total").increment(chunks as u64);
	histogram!("tributary_retrieval_seconds").record(took.as_secs_f64());
}

/// An answer left the queue.
pub fn joined(after: Duration) {
	histogram!("vllm:request_queue_time_seconds").record(after.as_secs_f64());
}

/// The first token of an answer is there; `prefill` is what it took after the queue.
pub fn first_token(after: Duration, prefill: Duration) {
	histogram!("vllm:time_to_first_token_seconds").record(after.as_secs_f64());
	histogram!("vllm:request_prefill_time_seconds").record(prefill.as_secs_f64());
}

/// Another token is there.
pub fn next_token(after: Duration) {
	histogram!("vllm:inter_token_latency_seconds").record(after.as_secs_f64());
}

/// A call of a tool ended.
pub fn tool_called(outcome: CallOutcome, took: Duration) {
	let outcome = match outcome {
		CallOutcome::Done => "done",
		CallOutcome::ToolError => "tool_error",
		CallOutcome::Failed => "failed",
		CallOutcome::Abandoned => "abandoned",
	};
	counter!("tributary_tool_calls_total", "outcome" => outcome).increment(1);
	histogram!("tributary_tool_call_seconds").record(took.as_secs_f64());
}

/// A request was refused.
pub fn refused(code: &str) {
	counter!("tributary_requests_refused_total", "code" => code.to_owned()).increment(1);
}

/// An adapter was looked for on the disk.
pub fn looked_on_disk(found: bool) {
	counter!("tributary_lora_lookups_total", "tier" => "disk").increment(1);
	counter!("tributary_lora_hits_total", "tier" => "disk").increment(u64::from(found));
}

/// A batch is on chain.
pub fn batch_settled(intent: &Intent, inclusion: &Inclusion) {
	counter!("tributary_batches_total").increment(1);
	counter!("tributary_settled_records_total").increment(intent.header.records.into());
	counter!("tributary_failed_channels_total").increment(inclusion.failed.len() as u64);
	gauge!("tributary_settled_trb").increment(trb(inclusion.escrow));
}

/// A batch is sent again, or counted otherwise: its block was reorganised away.
pub fn reorganised() {
	counter!("tributary_reorganised_batches_total").increment(1);
}

/// Settlement failed and will try again.
pub fn settlement_failed() {
	counter!("tributary_settlement_failures_total").increment(1);
}

/// Records that the last plan left out.
pub fn waiting(records: usize) {
	gauge!("tributary_waiting_records").set(records as f64);
}

/// Reads all gauges and renders everything.
pub fn render(worker: &Worker) -> String {
	let stats = worker.engine.stats();
	gauge!("vllm:num_requests_running").set(stats.running as f64);
	gauge!("vllm:num_requests_waiting").set(stats.waiting as f64);
	let of_adapters = stats.pages.saturating_sub(stats.cache_pages + stats.idle_pages + stats.free_pages);
	gauge!("vllm:kv_cache_usage_perc").set(stats.cache_pages as f64 / stats.pages.max(1) as f64);
	for (used_for, pages) in [
		("cache", stats.cache_pages),
		("idle", stats.idle_pages),
		("adapters", of_adapters),
		("free", stats.free_pages),
	] {
		gauge!("tributary_memory_pages", "use" => used_for).set(pages as f64);
	}
	for (tier, resident, bytes, lookups, hits) in [
		("device", stats.resident_adapters, stats.adapter_bytes, stats.adapter_lookups, stats.adapter_hits),
		(
			"host",
			stats.host_adapters,
			stats.host_bytes,
			stats.host_hits + stats.folder_reads,
			stats.host_hits,
		),
	] {
		gauge!("tributary_lora_resident", "tier" => tier).set(resident as f64);
		gauge!("tributary_lora_resident_bytes", "tier" => tier).set(bytes as f64);
		counter!("tributary_lora_lookups_total", "tier" => tier).absolute(lookups);
		counter!("tributary_lora_hits_total", "tier" => tier).absolute(hits);
	}
	counter!("tributary_lora_loads_total").absolute(stats.adapter_loads);
	counter!("tributary_lora_evictions_total").absolute(stats.adapter_evictions);
	counter!("vllm:spec_decode_num_draft_tokens").absolute(stats.drafted_tokens);
	counter!("vllm:spec_decode_num_accepted_tokens").absolute(stats.accepted_tokens);
	counter!("vllm:prefix_cache_queries").absolute(stats.prefix_lookups);
	counter!("vllm:prefix_cache_hits").absolute(stats.prefix_hits);
	let (served, all) = (worker.catalogue.served().len(), worker.catalogue.all());
	let missing =
		all.values().filter(|listed| matches!(listed.standing, crate::agents::Standing::Missing(_))).count();
	gauge!("tributary_agents_served").set(served as f64);
	gauge!("tributary_agents_missing").set(missing as f64);
	let totals = worker.records.totals();
	gauge!("tributary_unsettled_records").set(totals.records as f64);
	gauge!("tributary_unsettled_trb").set(trb(totals.fees));
	gauge!("tributary_reserved_trb").set(trb(worker.channels.reserved()));
	let head = worker.head.get();
	gauge!("tributary_chain_block").set(f64::from(head.block));
	gauge!("tributary_chain_finalized_block").set(f64::from(head.finalized));
	gauge!("tributary_chain_age_seconds").set(head.read_at.elapsed().as_secs_f64());
	let endpoint = worker.chain.endpoint();
	for number in 1..=endpoint.of {
		let is_asked = endpoint.number == Some(number);
		gauge!("tributary_chain_endpoint", "endpoint" => number.to_string())
			.set(f64::from(u8::from(is_asked)));
	}
	counter!("tributary_chain_failovers_total").absolute(endpoint.failovers);
	let most = worker.config.engine.max_batch;
	worker.metrics.render() + &worker.lora_requests.render(most, unix_ms() / 1_000)
}
