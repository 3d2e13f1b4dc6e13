//! Whether what a statement says is what the chain and the content say now.

use super::{
	provenance_gather::{described_contribution, gather},
	provenance_target::{self as target, Target},
};
use crate::{context::Context, failure::Failure, output::*, texts};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
	let subjects = match kind {
		Kind::DataNet => list_subjects(&said, &now.subjects),
		_ => now.subjects,
	};
	compare_subjects(&statement.subject, &subjects)?;
	let erased = leave_out_erased(chain, &mut said).await?;
	compare(&said, &now.about, "predicate")?;
	let mut notes = vec!["says what is on chain".to_string()];
	if erased > 0 {
		notes.push(format!("{erased} of its contributions have been erased since"));
	}
	notes.push(match target {
		Target::Answer { .. } => "its record is in the batch whose hash is on chain".into(),
		Target::DataNet(_) => "its digests are those of its list and the root on chain".into(),
		_ => format!("{} digests are the content's", statement.subject.len()),
	});
	Ok(notes)
}

/// The subjects as they are now, with the digests of the list in the statement's own predicate: what was erased since
/// is still in it. The root is the chain's.
fn list_subjects(said: &Value, now: &[Subject]) -> Vec<Subject> {
	let list = said.pointer("/snapshots/0/contributions").unwrap_or(&Value::Null);
	let digests = Digests::of(canonical(list).as_bytes()).0;
	let of = |subject: &Subject| Subject {
		name: subject.name.clone(),
		digest: Digests(subject.digest.0.clone().into_iter().chain(digests.clone()).collect()),
	};
	now.iter().map(of).collect()
}

/// Removes contributions that the chain says are erased, which current statements do not list; counts them.
async fn leave_out_erased(chain: &Chain, said: &mut Value) -> Result<usize, Failure> {
	let mut count = 0usize;
	for snapshot in said.get_mut("snapshots").and_then(Value::as_array_mut).into_iter().flatten() {
		let datanet =
			snapshot.get("datanet").and_then(Value::as_u64).and_then(|id| DataNetId::try_from(id).ok());
		let Some(datanet) = datanet else { continue };
		let leaves = snapshot.get("leaves").and_then(Value::as_u64).unwrap_or_default();
		let Some(list) = snapshot.get_mut("contributions").and_then(Value::as_array_mut) else { continue };
		if list.len() as u64 > leaves {
			return Err(Failure::Wrong(format!(
				"the statement lists {} contributions, the snapshot has {leaves}",
				list.len()
			)));
		}
		let all = texts::contributions(chain, datanet).await?;
		let erased = all.iter().filter(|one| one.status == ContributionStatus::Tombstoned);
		let erased = erased.map(|one| (u64::from(one.index), described_contribution(one))).collect();
		count = count.saturating_add(remove_erased(list, erased));
	}
	Ok(count)
}

/// Removes each erased contribution once, where all that is said of it is what the chain says; counts them.
fn remove_erased(list: &mut Vec<Value>, mut erased: BTreeMap<u64, Value>) -> usize {
	let before = list.len();
	list.retain(|one| {
		let index = one.get("index").and_then(Value::as_u64);
		let Some(index) = index.filter(|index| erased.get(index) == Some(one)) else { return true };
		erased.remove(&index);
		false
	});
	before.saturating_sub(list.len())
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
	fn list_is_wrong_when_the_subject_has_another_digest_root_or_name() {
		let about = json!({ "snapshots": [{ "contributions": [{ "index": 0 }] }] });
		let of = |list: &Value, root: &str| Subject {
			name: "DataNet 0:1".into(),
			digest: Digests::of(canonical(list).as_bytes()).and("root", root.into()),
		};
		let list = json!([{ "index": 0 }]);
		// One that was erased since is no longer in what the chain says.
		let expected = list_subjects(&about, &[of(&json!([]), "aa")]);
		assert!(compare_subjects(&[of(&list, "aa")], &expected).is_ok());
		let renamed = Subject { name: "DataNet 0:2".into(), ..of(&list, "aa") };
		let bare = Subject { digest: Digests::of(canonical(&list).as_bytes()), ..of(&list, "aa") };
		for wrong in [of(&json!([{ "index": 1 }]), "aa"), of(&list, "bb"), renamed, bare] {
			assert!(compare_subjects(&[wrong], &expected).is_err());
		}
		assert!(compare_subjects(&[of(&list, "aa"), of(&list, "bb")], &expected).is_err());
		assert!(compare_subjects(&[], &expected).is_err());
	}

	#[test]
	fn erased_contribution_stays_in_the_list_when_more_is_said_of_it_than_the_chain_says() {
		let erased = || BTreeMap::from([(1, json!({ "index": 1, "licence": "CC0-1.0" }))]);
		let kept = json!({ "index": 0, "licence": "CC0-1.0" });
		let gone = json!({ "index": 1, "licence": "CC0-1.0" });
		let mut list = vec![kept.clone(), gone.clone()];
		assert_eq!(remove_erased(&mut list, erased()), 1);
		assert_eq!(list, [kept]);
		let mut twice = vec![gone.clone(), gone];
		assert_eq!(remove_erased(&mut twice, erased()), 1);
		let mut other = vec![json!({ "index": 1, "licence": "MIT" })];
		assert_eq!(remove_erased(&mut other, erased()), 0);
	}
}
