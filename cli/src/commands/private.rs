//! What `tributary datanet` does for private DataNets: keys, prices, reading, erasing.

use super::grant::{price, private_access, renewals};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::no_datanet,
	texts::{self, MAX_TEXT_BYTES},
};
use serde_json::{json, Value};
use tributary_client::{
	chain::Call,
	private::{self, purpose_word, recipient_text, seal, AccessError, DataNetKeys},
	Chain, Keypair,
};
use tributary_primitives::{
	views::{AccessView, ContributionStatus, ContributionView},
	Balance, ContributionIndex, DataNetId, Purpose,
};

/// Grants of one transaction.
const PER_CALL: usize = 32;

/// Makes a new DataNet private: its first keys follow from its owner's key.
pub async fn make_private(context: &Context, owner: &Keypair, datanet: DataNetId) -> Result<String, Failure> {
	let chain = context.chain().await?;
	let keys = derived(chain, owner, datanet, 1)?;
	context.submit_as(&Call::set_recipient(datanet, keys.recipient()), owner).await?;
	Ok(recipient_text(&keys.recipient()))
}

fn derived(chain: &Chain, owner: &Keypair, datanet: DataNetId, epoch: u32) -> Result<DataNetKeys, Failure> {
	DataNetKeys::of_owner(owner, &chain.genesis(), datanet, epoch).map_err(|e| Failure::Usage(e.to_string()))
}

/// Begins the next epoch and gives those whose grants stand its keys.
pub async fn rotate(context: &Context, datanet: DataNetId) -> Result<Output, Failure> {
	let (chain, owner) = (context.chain().await?, context.signer()?);
	let access = private_access(chain, datanet).await?;
	let view = chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
	if view.owner != owner.account() {
		return Err(Failure::Refused(format!("DataNet {datanet} belongs to {}", address(&view.owner))));
	}
	let keys = derived(chain, &owner, datanet, access.epoch.saturating_add(1))?;
	let (mut calls, left_out) = renewals(chain, &keys).await?;
	let renewed = calls.len();
	calls.insert(0, Call::set_recipient(datanet, keys.recipient()));
	for calls in calls.chunks(PER_CALL) {
		context.submit_as(&Call::All(calls.to_vec()), &owner).await?;
	}
	let mut text = format!(
		"DataNet {datanet} is in epoch {}: contributions are encrypted to {}; {renewed} grants have its keys",
		keys.epoch(),
		recipient_text(&keys.recipient())
	);
	for grantee in &left_out {
		text += &format!("\n{} announces no recipient any more and got no keys", address(grantee));
	}
	let json = json!({
		"datanet": datanet, "epoch": keys.epoch(), "recipient": recipient_text(&keys.recipient()),
		"renewed": renewed, "left_out": left_out.iter().map(address).collect::<Vec<_>>(),
	});
	Ok(Output::new(json, text))
}

/// Sets or ends the price of grants.
pub async fn offer(
	context: &Context,
	datanet: DataNetId,
	purpose: Purpose,
	price: Option<Balance>,
) -> Result<Output, Failure> {
	let word = purpose_word(purpose);
	let text = match price {
		Some(price) => format!("a grant to {word} costs {}", trb(price)),
		None => format!("grants to {word} are no longer offered; those that stand still do"),
	};
	context.submit_and_say(&Call::offer(datanet, purpose, price), text).await
}

/// One contribution's text.
pub async fn read(
	context: &Context,
	datanet: DataNetId,
	index: ContributionIndex,
) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let one = contribution(chain, datanet, index).await?;
	if one.status == ContributionStatus::Tombstoned {
		return Err(Failure::Refused(format!("contribution {index} of DataNet {datanet} was erased")));
	}
	let store = context.store()?;
	let text = match chain.access(datanet).await? {
		Some(_) => {
			let keys = any_keys(chain, &context.signer()?, datanet).await?;
			private::open_text(&store, &keys, &one).await?.to_string()
		}
		None => {
			let bytes = store.get_within(&one.content, MAX_TEXT_BYTES).await?;
			String::from_utf8_lossy(&bytes).into_owned()
		}
	};
	let json = json!({ "datanet": datanet, "index": index, "text": text });
	Ok(Output::new(json, text))
}

/// The keys by whichever grant stands; when none does, the error is that of training.
async fn any_keys(chain: &Chain, reader: &Keypair, datanet: DataNetId) -> Result<DataNetKeys, Failure> {
	let public = || Failure::Other(format!("DataNet {datanet} is public"));
	let keys = match private::keys(chain, reader, datanet, Purpose::Retrieve).await {
		Err(AccessError::NoGrant { .. }) => private::keys(chain, reader, datanet, Purpose::Train).await,
		found => found,
	};
	keys?.ok_or_else(public)
}

async fn contribution(
	chain: &Chain,
	datanet: DataNetId,
	index: ContributionIndex,
) -> Result<ContributionView, Failure> {
	let page = chain.contributions(datanet, index, 1).await?;
	page.into_iter().find(|one| one.index == index).ok_or_else(|| {
		let shown = format!("tributary datanet contributions {datanet}");
		Failure::Usage(format!("DataNet {datanet} has no contribution {index}: see `{shown}`"))
	})
}

/// Erases a contribution on chain, then its text here: from the content store and from fetched snapshots.
pub async fn erase(
	context: &Context,
	datanet: DataNetId,
	index: ContributionIndex,
) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let one = contribution(chain, datanet, index).await?;
	// Erased on chain before, perhaps by an interrupted run: then the text is what is left to do.
	let included = match one.status {
		ContributionStatus::Tombstoned => None,
		_ => Some(context.submit(&Call::tombstone(datanet, index)).await?),
	};
	// Another contribution may have the same content.
	let all = texts::contributions(chain, datanet).await?;
	let shared = all.iter().any(|other| {
		other.index != index && other.content == one.content && other.status != ContributionStatus::Tombstoned
	});
	let store = context.store()?;
	let removed = !shared && store.remove(&one.content).await?;
	let fetched = texts::forget(context, datanet, index)?;
	let from_store = match (removed, shared) {
		(true, _) => format!("its text is deleted from {}", store.location()),
		(_, true) => "its text stays in the store, another contribution has the same".into(),
		_ => format!("its text was not in {}: delete it wherever it is kept", store.location()),
	};
	let text = format!(
		"contribution {index} of DataNet {datanet} is erased; {from_store}, and from {fetched} fetched snapshots"
	);
	let json = json!({ "datanet": datanet, "index": index, "removed": removed, "fetched": fetched, "included": included });
	Ok(Output::new(json, text))
}

/// What `datanet add` does with each text of a private DataNet.
pub fn seal_text(access: &AccessView, text: &[u8]) -> Result<Vec<u8>, Failure> {
	seal(&access.recipient, text).map_err(|e| Failure::Other(e.to_string()))
}

/// For `datanet show`.
pub fn access_json(access: Option<&AccessView>) -> Value {
	access.map_or(Value::Null, |access| {
		json!({
			"recipient": recipient_text(&access.recipient),
			"epoch": access.epoch,
			"train": access.train.map(|price| price.to_string()),
			"retrieve": access.retrieve.map(|price| price.to_string()),
		})
	})
}

/// For `datanet show`.
pub fn access_facts(access: Option<&AccessView>) -> Vec<(&'static str, String)> {
	let Some(access) = access else { return vec![("access", "public".into())] };
	let offered = |purpose| price(access, purpose).map_or("not offered".into(), trb);
	vec![
		("access", format!("private, epoch {}", access.epoch)),
		("recipient", recipient_text(&access.recipient)),
		("to train", offered(Purpose::Train)),
		("to retrieve", offered(Purpose::Retrieve)),
	]
}
