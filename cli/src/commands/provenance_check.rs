//! Whether what a statement says is what the chain and the content say now.

use super::provenance_gather::{gather, target, Target};
use crate::{context::Context, failure::Failure, output::*, texts};
use serde_json::Value;
use std::collections::BTreeSet;
use tributary_client::{
	provenance::{canonical, Digests, Kind, Statement, Subject},
	Chain,
};
use tributary_primitives::{views::ContributionStatus, DataNetId};

/// Compares a statement whose signatures are right; gives what was found in order.
pub async fn check(context: &Context, statement: &Statement) -> Result<Vec<String>, Failure> {
	let chain = context.chain().await?;
	let genesis = hex32(&chain.genesis());
	if statement.chain().genesis != genesis {
		return Err(Failure::Wrong(format!(
			"the statement is about another chain (genesis {}, not {genesis}): name a node of that one with --node",
			statement.chain().genesis
		)));
	}
	let kind = statement.kind()?;
	let target = target::of(kind, statement.about())?;
	let now = gather(context, &target, statement.signer()).await?;
	if !now.signers.contains(&statement.signer().account()?) {
		let owners: Vec<_> = now.signers.iter().map(address).collect();
		return Err(Failure::Wrong(format!(
			"{} signed it, but on chain it is {}'s",
			statement.signer().account,
			owners.join(" or ")
		)));
	}
	let mut said = statement.about().clone();
	if kind == Kind::DataNet {
		check_list(&said, &statement.subject)?;
	}
	let erased = leave_out_erased(chain, &mut said).await?;
	compare(&said, &now.about, "predicate")?;
	let mut notes = vec!["says what is on chain".to_string()];
	if erased > 0 {
		notes.push(format!("{erased} of its contributions have been erased since"));
	}
	if kind != Kind::DataNet {
		compare_subjects(&statement.subject, &now.subjects)?;
		notes.push(match target {
			Target::Answer { .. } => "its record is in the batch whose hash is on chain".into(),
			_ => format!("{} digests are the content's", statement.subject.len()),
		});
	}
	Ok(notes)
}

/// A snapshot's subject is the list in its own predicate; what was erased since is still in it.
fn check_list(said: &Value, subjects: &[Subject]) -> Result<(), Failure> {
	let list = said.pointer("/snapshots/0/contributions").unwrap_or(&Value::Null);
	let digests = Digests::of(canonical(list).as_bytes());
	let named = subjects.first().map(|subject| &subject.digest.0);
	match named.is_some_and(|named| digests.0.iter().all(|(name, digest)| named.get(name) == Some(digest))) {
		true => Ok(()),
		false => {
			Err(Failure::Wrong("the subject's digests are not those of the list of contributions".into()))
		}
	}
}

/// Removes contributions that the chain says are erased, which current statements do not list; counts them.
async fn leave_out_erased(chain: &Chain, said: &mut Value) -> Result<usize, Failure> {
	let mut count = 0usize;
	for snapshot in said.get_mut("snapshots").and_then(Value::as_array_mut).into_iter().flatten() {
		let datanet =
			snapshot.get("datanet").and_then(Value::as_u64).and_then(|id| DataNetId::try_from(id).ok());
		let Some(datanet) = datanet else { continue };
		let all = texts::contributions(chain, datanet).await?;
		let erased = all.into_iter().filter(|one| one.status == ContributionStatus::Tombstoned);
		let erased: BTreeSet<_> =
			erased.map(|one| (u64::from(one.index), hex::encode(one.content))).collect();
		let Some(list) = snapshot.get_mut("contributions").and_then(Value::as_array_mut) else { continue };
		let before = list.len();
		list.retain(|one| {
			let key =
				one.get("index").and_then(Value::as_u64).zip(one.get("content").and_then(Value::as_str));
			!key.is_some_and(|(index, content)| erased.contains(&(index, content.to_string())))
		});
		count = count.saturating_add(before.saturating_sub(list.len()));
	}
	Ok(count)
}

fn compare_subjects(said: &[Subject], now: &[Subject]) -> Result<(), Failure> {
	for subject in now {
		let same = said.iter().any(|other| other == subject);
		if !same {
			return Err(Failure::Wrong(format!(
				"`{}` has other digests than its content, or is missing from the statement",
				line(subject.name.as_bytes())
			)));
		}
	}
	match said.len() == now.len() {
		true => Ok(()),
		false => Err(Failure::Wrong("the statement has subjects that are not in the content".into())),
	}
}

/// Says where two values first differ.
fn compare(said: &Value, now: &Value, at: &str) -> Result<(), Failure> {
	match (said, now) {
		(Value::Object(said), Value::Object(now)) => {
			let keys: BTreeSet<_> = said.keys().chain(now.keys()).collect();
			let member = |map: &serde_json::Map<String, Value>, key: &str| {
				map.get(key).cloned().unwrap_or(Value::Null)
			};
			keys.into_iter()
				.try_for_each(|key| compare(&member(said, key), &member(now, key), &format!("{at}.{key}")))
		}
		(Value::Array(said), Value::Array(now)) if said.len() == now.len() => {
			let pairs = said.iter().zip(now).enumerate();
			pairs
				.into_iter()
				.try_for_each(|(index, (said, now))| compare(said, now, &format!("{at}[{index}]")))
		}
		_ if said == now => Ok(()),
		_ => Err(Failure::Wrong(format!(
			"{at} is {} in the statement and {} on chain",
			shown(said),
			shown(now)
		))),
	}
}

fn shown(value: &Value) -> String {
	let text = line(value.to_string().as_bytes());
	match text.char_indices().nth(80) {
		Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
		None => text,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use serde_json::json;

	#[test]
	fn difference_is_told_when_a_member_was_changed_added_or_left_out() {
		let now = json!({ "a": [1, { "b": "x" }], "c": null });
		assert!(compare(&now, &now, "p").is_ok());
		for (said, at) in [
			(json!({ "a": [1, { "b": "y" }], "c": null }), "p.a[1].b"),
			(json!({ "a": [1], "c": null }), "p.a"),
			(json!({ "a": [1, { "b": "x" }], "c": null, "d": 2 }), "p.d"),
			(json!({ "c": null }), "p.a"),
		] {
			let error = compare(&said, &now, "p").unwrap_err().to_string();
			assert!(error.starts_with(&format!("{at} is ")), "{error}");
		}
	}

	#[test]
	fn subjects_are_wrong_when_one_is_changed_missing_or_too_much() {
		let subject =
			|name: &str, content: &[u8]| Subject { name: name.into(), digest: Digests::of(content) };
		let now = [subject("a", b"1"), subject("b", b"2")];
		assert!(compare_subjects(&now, &now).is_ok());
		assert!(compare_subjects(&[subject("a", b"1"), subject("b", b"3")], &now).is_err());
		assert!(compare_subjects(&now[..1], &now).is_err());
		assert!(compare_subjects(&now, &now[..1]).is_err());
	}

	#[test]
	fn list_is_wrong_when_the_subject_has_other_digests() {
		let about = json!({ "snapshots": [{ "contributions": [{ "index": 0 }] }] });
		let of = |list: &Value| {
			vec![Subject { name: "d".into(), digest: Digests::of(canonical(list).as_bytes()) }]
		};
		assert!(check_list(&about, &of(&json!([{ "index": 0 }]))).is_ok());
		assert!(check_list(&about, &of(&json!([{ "index": 1 }]))).is_err());
		assert!(check_list(&about, &[]).is_err());
	}
}
