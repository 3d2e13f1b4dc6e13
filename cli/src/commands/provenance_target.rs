//! What a statement is about: found by a command's words, or read in the statement.

use crate::{context::Context, failure::Failure};
use serde_json::Value;
use tributary_client::provenance::Kind;
use tributary_primitives::{AccountId, AssetRef, Hash, SnapshotRef};

/// What a statement is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
	/// An adapter's version.
	Adapter(AssetRef),
	/// How it was trained.
	Training(AssetRef),
	/// A snapshot.
	DataNet(SnapshotRef),
	/// A score.
	Evaluation {
		/// Of what.
		version: AssetRef,
		/// By whom.
		evaluator: AccountId,
		/// What was measured.
		metric: String,
	},
	/// An answer, by the batch it was settled in.
	Answer {
		/// The operator.
		worker: AccountId,
		/// The batch.
		sequence: u64,
		/// The order's id.
		id: Hash,
	},
}

impl Target {
	/// The statement's kind.
	pub fn kind(&self) -> Kind {
		match self {
			Self::Adapter(_) => Kind::Adapter,
			Self::Training(_) => Kind::Training,
			Self::DataNet(_) => Kind::DataNet,
			Self::Evaluation { .. } => Kind::Evaluation,
			Self::Answer { .. } => Kind::Answer,
		}
	}

	/// Name of its file, without ending.
	pub fn file_name(&self) -> String {
		let name = self.kind().name();
		match self {
			Self::Adapter(of) | Self::Training(of) => format!("{name}-{}-{}", of.asset, of.version),
			Self::DataNet(of) => format!("{name}-{}-{}", of.datanet, of.version),
			Self::Evaluation { version: of, metric, .. } => {
				let plain = metric.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
				format!("{name}-{}-{}-{}", of.asset, of.version, plain.collect::<String>())
			}
			Self::Answer { id, .. } => format!("{name}-{}", hex::encode(id)),
		}
	}
}

/// Finds the batch that an answer was settled in, through the worker that gave it.
pub async fn answer(context: &Context, id: &str, worker: &str) -> Result<Target, Failure> {
	let trail = super::trail::fetch(context, id, worker).await?;
	let text = |name: &str| trail.get(name).and_then(Value::as_str).unwrap_or_default();
	let odd = || Failure::Other(format!("{worker} answered with a trail of another form"));
	let batch =
		trail.get("settlement").and_then(|settlement| settlement.get("batch")).and_then(Value::as_u64);
	let sequence = batch.ok_or_else(|| {
		Failure::Refused(
			"the answer is in no batch yet, so that the chain knows nothing of it: try again in a minute"
				.into(),
		)
	})?;
	Ok(Target::Answer {
		worker: crate::parse::account(text("worker")).map_err(|_| odd())?,
		sequence,
		id: hash(text("id")).ok_or_else(odd)?,
	})
}

/// What a statement says it is about.
pub fn of(kind: Kind, about: &Value) -> Result<Target, Failure> {
	let of = about.get("of").unwrap_or(&Value::Null);
	let wrong =
		|| Failure::Wrong(format!("a statement of kind {} does not say what it is about", kind.name()));
	let number = |name: &str| of.get(name).and_then(Value::as_u64).ok_or_else(wrong);
	let small = |name: &str| number(name)?.try_into().map_err(|_| wrong());
	let text = |name: &str| of.get(name).and_then(Value::as_str).ok_or_else(wrong);
	let account = |name: &str| crate::parse::account(text(name)?).map_err(|_| wrong());
	let version = || Ok::<_, Failure>(AssetRef { asset: small("asset")?, version: small("version")? });
	Ok(match kind {
		Kind::Adapter => Target::Adapter(version()?),
		Kind::Training => Target::Training(version()?),
		Kind::DataNet => {
			Target::DataNet(SnapshotRef { datanet: small("datanet")?, version: small("version")? })
		}
		Kind::Evaluation => Target::Evaluation {
			version: version()?,
			evaluator: account("evaluator")?,
			metric: text("metric")?.into(),
		},
		Kind::Answer => Target::Answer {
			worker: account("worker")?,
			sequence: number("batch")?,
			id: hash(text("id")?).ok_or_else(wrong)?,
		},
	})
}

fn hash(text: &str) -> Option<Hash> {
	let mut hash = Hash::default();
	hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut hash).ok()?;
	Some(hash)
}
