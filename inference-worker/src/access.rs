//! Private DataNets on this worker: its grants, and the keys that they carry.
//!
//! Keys and plaintext are in memory only: they are never logged, never written, and dropped as soon as the chain no
//! longer lets this worker retrieve.

use crate::config::Config;
use anyhow::{Context, Result};
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::Arc,
};
use tributary_client::{
	chain::{Call, Wait},
	money::format_trb,
	private::{self, recipient_text, AccessError, DataNetKeys, Identity},
	Chain, Keypair, Store,
};
use tributary_primitives::{
	views::{AccessView, ContributionView, GrantView},
	Balance, DataNetId, Purpose, SnapshotRef,
};

/// Largest contribution of a public DataNet, bytes.
const MAX_CONTRIBUTION: u64 = 16 << 20;

/// Asks the chain what this worker may retrieve from, and holds the keys.
pub struct Access {
	chain: Chain,
	/// The service key: its account is the grantee, and capsules are encrypted to the identity that follows from it.
	reader: Keypair,
	/// DataNets known to be public. One with a snapshot stays what it is.
	public: BTreeSet<DataNetId>,
	opened: BTreeMap<DataNetId, Opened>,
}

struct Opened {
	/// What the keys came from.
	from: (AccessView, Option<GrantView>),
	keys: Arc<DataNetKeys>,
}

impl Access {
	/// For a worker with this service key.
	pub fn new(chain: Chain, reader: Keypair) -> Self {
		Self { chain, reader, public: BTreeSet::new(), opened: BTreeMap::new() }
	}

	/// The keys of a DataNet by what the chain says now; `None` for a public one. The error says why there are none, and
	/// what to do; keys that were there are gone then.
	pub async fn keys(&mut self, datanet: DataNetId) -> Result<Option<Arc<DataNetKeys>>, String> {
		if self.public.contains(&datanet) {
			return Ok(None);
		}
		match self.current(datanet).await {
			Ok(keys) => {
				if keys.is_none() {
					self.public.insert(datanet);
				}
				Ok(keys)
			}
			Err(error) => {
				self.opened.remove(&datanet);
				Err(hint(error))
			}
		}
	}

	async fn current(&mut self, datanet: DataNetId) -> Result<Option<Arc<DataNetKeys>>, AccessError> {
		let Some(access) = self.chain.access(datanet).await? else { return Ok(None) };
		let grant = self.chain.grant_of(datanet, self.reader.account(), Purpose::Retrieve).await?;
		let from = (access, grant);
		if let Some(opened) = self.opened.get(&datanet).filter(|opened| opened.from == from) {
			return Ok(Some(opened.keys.clone()));
		}
		let Some(keys) = private::keys(&self.chain, &self.reader, datanet, Purpose::Retrieve).await? else {
			return Ok(None);
		};
		let keys = Arc::new(keys);
		self.opened.insert(datanet, Opened { from, keys: keys.clone() });
		Ok(Some(keys))
	}

	/// Forgets the keys of DataNets that no agent uses.
	pub fn retain(&mut self, used: &BTreeSet<SnapshotRef>) {
		self.opened.retain(|datanet, _| used.iter().any(|snapshot| snapshot.datanet == *datanet));
	}
}

/// A worker asks with its own key.
fn hint(error: AccessError) -> String {
	match error {
		AccessError::NoGrant { who, datanet, next, .. } => format!(
			"DataNet {datanet} is private, and the worker's account {who} has no grant to retrieve from it. {}",
			next.replace(
				&format!("tributary grant request {datanet} --purpose retrieve"),
				&format!("tributary-worker request {datanet}")
			)
		),
		other => other.to_string(),
	}
}

/// A contribution's text, opened when its DataNet is private.
pub async fn text(
	store: &Store,
	keys: Option<&DataNetKeys>,
	datanet: DataNetId,
	contribution: &ContributionView,
) -> Result<String, String> {
	if let Some(keys) = keys {
		let mut text =
			private::open_text(store, keys, contribution).await.map_err(|error| error.to_string())?;
		return Ok(std::mem::take(&mut *text));
	}
	let bytes = store.get_within(&contribution.content, MAX_CONTRIBUTION).await.map_err(|error| {
		format!("contribution {} of DataNet {datanet} cannot be had: {error}", contribution.index)
	})?;
	Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Says on chain whom capsules for this worker are encrypted to.
pub async fn announce(config: &Config) -> Result<()> {
	let (chain, key) = (connect(config).await?, crate::run::service_key(config)?);
	let recipient = Identity::of_account(&key, &chain.genesis()).recipient();
	submit(&chain, &key, &Call::announce(recipient)).await?;
	println!("capsules for {} are encrypted to {}", key.address(), recipient_text(&recipient));
	Ok(())
}

/// Asks for a grant to retrieve from a private DataNet, for at most `most` planck or else its price now.
pub async fn request(config: &Config, datanet: DataNetId, most: Option<Balance>) -> Result<()> {
	let (chain, key) = (connect(config).await?, crate::run::service_key(config)?);
	let access = chain.access(datanet).await?;
	let access =
		access.with_context(|| format!("DataNet {datanet} is not private: nobody needs a grant for it"))?;
	let price = access.retrieve;
	let price = price
		.with_context(|| format!("the owner of DataNet {datanet} offers no grants to retrieve from it"))?;
	let ask = Call::request(datanet, Purpose::Retrieve, most.unwrap_or(price));
	let call = match chain.recipient_of(key.account()).await? {
		Some(_) => ask,
		None => {
			Call::All(vec![Call::announce(Identity::of_account(&key, &chain.genesis()).recipient()), ask])
		}
	};
	submit(&chain, &key, &call).await?;
	let give = format!("tributary grant give {datanet} {} --purpose retrieve", key.address());
	println!(
		"asked; {} is held until the owner of DataNet {datanet} decides. It grants with: {give}",
		format_trb(price)
	);
	Ok(())
}

async fn connect(config: &Config) -> Result<Chain> {
	Ok(Chain::connect([config.chain.url.as_str()]).await?)
}

async fn submit(chain: &Chain, key: &Keypair, call: &Call) -> Result<()> {
	chain.submit(call, key, Wait::InBlock).await?;
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn worker_is_told_its_own_command_when_it_has_no_grant() {
		let error = AccessError::NoGrant {
			who: "5Service".into(),
			datanet: 3,
			purpose: Purpose::Retrieve,
			next: "Ask for one with `tributary grant request 3 --purpose retrieve`; it costs 5 TRB".into(),
		};
		let text = hint(error);
		assert!(
			text.contains("5Service has no grant") && text.contains("`tributary-worker request 3`"),
			"{text}"
		);
	}
}
