//! `tributary trail`: lineage of an answer or an asset.

use super::{agent::agent_json, agent::agent_text, asset::asset_json, asset::asset_text};
use crate::{context::Context, failure::Failure, output::*, parse::no_asset};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use tributary_primitives::{views::TrailView, AssetId, Balance, PPM};

/// Most bytes of a trail.
const MAX_TRAIL: usize = 16 << 20;

/// Who was paid for an answer and why, or what an asset is made of.
#[derive(Debug, Args)]
pub struct TrailArguments {
	#[command(subcommand)]
	of: Option<Of>,
	/// The answer: its x-tributary-trail header or completion id.
	id: Option<String>,
	/// Worker that gave the answer: its URL or operator.
	#[arg(long, env = "TRIBUTARY_WORKER", value_name = "WORKER")]
	worker: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Of {
	/// What an asset is made of, trained on and judged by.
	Asset {
		/// The asset.
		asset: AssetId,
	},
}

impl TrailArguments {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match (self.of, self.id, self.worker) {
			(Some(Of::Asset { asset }), ..) => {
				let view = context.chain().await?.trail(asset).await?.ok_or_else(|| no_asset(asset))?;
				Ok(Output::new(trail_json(&view), trail_text(&view)))
			}
			(None, Some(id), Some(worker)) => answer(context, &id, &worker).await,
			(None, Some(_), None) => Err(Failure::Usage(
				"which worker gave the answer? Name it with --worker or TRIBUTARY_WORKER".into(),
			)),
			(None, None, _) => {
				let hint = "give the answer's x-tributary-trail header, or `asset ID`";
				Err(Failure::Usage(format!("the trail of what? {hint}")))
			}
		}
	}
}

async fn answer(context: &Context, id: &str, worker: &str) -> Result<Output, Failure> {
	let trail = fetch(context, id, worker).await?;
	let text = answer_text(&trail);
	Ok(Output::new(trail, text))
}

/// An answer's trail, as the worker that gave it tells it.
pub async fn fetch(context: &Context, id: &str, worker: &str) -> Result<Value, Failure> {
	if !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
		return Err(Failure::Usage(format!(
			"`{id}` is no trail: give the x-tributary-trail header of an answer"
		)));
	}
	let url = format!("{}/v1/trail/{id}", context.worker_url(worker).await?);
	let bytes = context.get(&url, MAX_TRAIL).await?;
	serde_json::from_slice(&bytes).map_err(|e| Failure::Other(format!("{url} answered no JSON: {e}")))
}

fn text_of(value: Option<&Value>) -> String {
	match value {
		Some(Value::String(text)) => line(text.as_bytes()),
		Some(Value::Null) | None => "-".into(),
		Some(other) => other.to_string(),
	}
}

fn planck_of(value: Option<&Value>) -> Option<Balance> {
	value?.as_str()?.parse().ok()
}

fn answer_text(trail: &Value) -> String {
	let field = |name: &str| text_of(trail.get(name));
	let amount = |value: Option<&Value>| planck_of(value).map_or_else(|| text_of(value), trb);
	let agent = trail.get("agent");
	let part = |name: &str| text_of(agent.and_then(|agent| agent.get(name)));
	let settlement = trail.get("settlement").and_then(Value::as_object);
	let settled: Vec<_> =
		settled_facts(settlement).map(|(name, value)| format!("{name} {}", text_of(Some(value)))).collect();
	let head = facts(&[
		("answer", field("id")),
		("agent", format!("{} ({}:{})", part("name"), part("id"), part("version"))),
		("payer", field("payer")),
		("worker", field("worker")),
		("tokens", format!("{} read, {} written", field("tokens_in"), field("tokens_out"))),
		("fee", format!("{} of at most {}", amount(trail.get("fee")), amount(trail.get("max_fee")))),
		("settlement", settled.join(", ")),
	]);
	let parts = trail.get("parts").and_then(Value::as_object);
	let paid = |(name, value): (&String, &Value)| {
		(planck_of(Some(value)) != Some(0)).then(|| vec![name.replace('_', " "), amount(Some(value))])
	};
	let parts: Vec<_> = parts.into_iter().flatten().filter_map(paid).collect();
	let data = planck_of(trail.get("parts").and_then(|parts| parts.get("data"))).unwrap_or_default();
	let shares = trail.get("shares").and_then(Value::as_array);
	let share = |share: &Value| {
		let ppm = share.get("ppm").and_then(Value::as_u64).unwrap_or_default();
		let value = tributary_primitives::math::mul_div(data, ppm.into(), PPM.into()).unwrap_or_default();
		vec![
			format!("{:.4}%", ppm as f64 / 10_000.0),
			trb(value),
			text_of(share.get("method")),
			text_of(share.get("datanet")),
			text_of(share.get("contribution")),
			text_of(share.get("earner")),
		]
	};
	let shares: Vec<_> = shares.into_iter().flatten().map(share).collect();
	let headings = ["of data>", "about>", "because", "DataNet>", "contribution>", "who"];
	let mut text = head + "\n" + &table(&["paid to", "about>"], parts);
	if !shares.is_empty() {
		text += &format!("\n{}", table(&headings, shares));
	}
	text
}

fn settled_facts(
	settlement: Option<&serde_json::Map<String, Value>>,
) -> impl Iterator<Item = (&String, &Value)> {
	settlement.into_iter().flatten()
}

fn trail_json(view: &TrailView) -> Value {
	json!({
		"asset": asset_json(&view.asset),
		"training": view.training.as_ref().map(|training| json!({
			"base": version(training.base),
			"rank": training.rank,
			"snapshots": training.snapshots.iter().map(|one| snapshot(*one)).collect::<Vec<_>>(),
			"configuration": hex32(&training.configuration),
		})),
		"erased": view.erased,
		"evaluations": view.evaluations.iter().map(|one| json!({
			"version": one.version,
			"evaluator": address(&one.evaluator),
			"benchmark": snapshot(one.benchmark),
			"metric": line(&one.metric),
			"score_millionths": one.score,
			"report": hex32(&one.report),
		})).collect::<Vec<_>>(),
		"agent": view.agent.as_ref().map(agent_json),
	})
}

fn trail_text(view: &TrailView) -> String {
	let mut text = asset_text(&view.asset);
	if let Some(training) = &view.training {
		let snapshots: Vec<_> = training.snapshots.iter().map(|one| snapshot(*one)).collect();
		text += "\ntrained\n";
		text += &facts(&[
			("base model", version(training.base)),
			("rank", training.rank.to_string()),
			("on snapshots", snapshots.join(", ")),
			("configuration", hex32(&training.configuration)),
		]);
	}
	if view.erased {
		let id = view.asset.id;
		text += &format!("\nsome of its training data has been erased: tributary asset erased {id}\n");
	}
	if !view.evaluations.is_empty() {
		let row = |one: &tributary_primitives::views::EvaluationView| {
			let score = format!("{}", one.score as f64 / 1e6);
			vec![
				one.version.to_string(),
				line(&one.metric),
				score,
				snapshot(one.benchmark),
				address(&one.evaluator),
				hex32(&one.report),
			]
		};
		let headings = ["version>", "metric", "score>", "benchmark>", "evaluator", "report"];
		text += &format!("\n{}", table(&headings, view.evaluations.iter().map(row).collect()));
	}
	if let Some(agent) = &view.agent {
		text += &format!("\nmade of\n{}", agent_text(agent));
	}
	text
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn answer_shows_who_is_paid_when_the_trail_is_complete() {
		let trail = json!({
			"id": "0xab", "agent": { "id": 7, "version": 1, "name": "git-guide" }, "payer": "5A", "worker": "5B",
			"tokens_in": 10, "tokens_out": 5, "fee": "1000000000000", "max_fee": "2000000000000",
			"parts": { "worker": "300000000000", "tools": "0", "data": "250000000000" },
			"shares": [{ "datanet": 1, "contribution": 3, "method": "span", "earner": "5C", "ppm": 500_000 }],
			"settlement": { "status": "pending", "batch": 2 },
		});
		let text = answer_text(&trail);
		for part in [
			"git-guide (7:1)",
			"1 TRB of at most 2 TRB",
			"0.3 TRB",
			"50.0000%",
			"0.125 TRB",
			"status pending",
		] {
			assert!(text.contains(part), "{part} in {text}");
		}
		assert!(!text.contains("tools"));
	}

	#[test]
	fn answer_is_shown_when_the_trail_lacks_everything() {
		assert!(answer_text(&json!({})).contains("answer"));
	}
}
