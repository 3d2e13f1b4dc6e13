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
	private::{self, recipient_text, AccessError, DataNetKeys, Identity, PrivateError},
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
	reader: Reader,
}

/// Opens the contributions of one private DataNet.
#[derive(Clone)]
pub struct Reader {
	keys: Arc<DataNetKeys>,
	/// Whether the DataNet has begun an epoch whose keys are missing here.
	stale: bool,
}

/// Why a private DataNet cannot be read.
pub struct Denied {
	/// What is missing, and what to do.
	pub reason: String,
	/// Whether it is the chain that says so; else it only could not be asked.
	pub for_good: bool,
}

impl Access {
	/// For a worker with this service key.
	pub fn new(chain: Chain, reader: Keypair) -> Self {
		Self { chain, reader, public: BTreeSet::new(), opened: BTreeMap::new() }
	}

	/// Who opens a DataNet's contributions, by what the chain says now; `None` for a public one. Keys that the chain no
	/// longer grants are gone then.
	pub async fn reader(&mut self, datanet: DataNetId) -> Result<Option<Reader>, Denied> {
		if self.public.contains(&datanet) {
			return Ok(None);
		}
		match self.current(datanet).await {
			Ok(reader) => {
				if reader.is_none() {
					self.public.insert(datanet);
				}
				Ok(reader)
			}
			Err(AccessError::Chain(error)) => Err(Denied { reason: error.to_string(), for_good: false }),
			Err(error) => {
				self.opened.remove(&datanet);
				Err(Denied { reason: hint(error), for_good: true })
			}
		}
	}

	async fn current(&mut self, datanet: DataNetId) -> Result<Option<Reader>, AccessError> {
		let Some(access) = self.chain.access(datanet).await? else { return Ok(None) };
		let grant = self.chain.grant(datanet, self.reader.account(), Purpose::Retrieve).await?;
		let from = (access, grant);
		if let Some(opened) = self.opened.get(&datanet).filter(|opened| opened.from == from) {
			return Ok(Some(opened.reader.clone()));
		}
		let Some(keys) = private::keys(&self.chain, &self.reader, datanet, Purpose::Retrieve).await? else {
			return Ok(None);
		};
		let reader = Reader { stale: keys.epoch() < access.epoch, keys: Arc::new(keys) };
		self.opened.insert(datanet, Opened { from, reader: reader.clone() });
		Ok(Some(reader))
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

/// A contribution's text, opened when its DataNet is private. `None` for one that nobody can read: whoever contributes
/// rubbish must not silence an agent.
pub async fn text(
	store: &Store,
	reader: Option<&Reader>,
	datanet: DataNetId,
	contribution: &ContributionView,
) -> Result<Option<String>, String> {
	let Some(reader) = reader else {
		let bytes = store.get_within(&contribution.content, MAX_CONTRIBUTION).await.map_err(|error| {
			format!("contribution {} of DataNet {datanet} cannot be had: {error}", contribution.index)
		})?;
		return Ok(Some(String::from_utf8_lossy(&bytes).into_owned()));
	};
	match private::open_text(store, &reader.keys, contribution).await {
		Ok(mut text) => Ok(Some(std::mem::take(&mut *text))),
		// Whoever has the newer keys may well read it.
		Err(error @ AccessError::Contribution { source: PrivateError::WrongKey(_), .. }) if reader.stale => {
			Err(error.to_string())
		}
		Err(error @ (AccessError::Contribution { .. } | AccessError::NotText { .. })) => {
			tracing::warn!(%error, "a contribution is left out");
			Ok(None)
		}
		Err(error) => Err(error.to_string()),
	}
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
	let ask = Call::request_grant(datanet, Purpose::Retrieve, most.unwrap_or(price));
	let call = match chain.recipient(key.account()).await? {
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
	Ok(Chain::connect(config.chain.nodes()).await?)
}

async fn submit(chain: &Chain, key: &Keypair, call: &Call) -> Result<()> {
	chain.submit(call, key, Wait::InBlock).await?;
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_client::private::seal;
	use tributary_primitives::views::ContributionStatus;

	/// A store with one sealed content, and the contribution that names it.
	async fn stored(content: Vec<u8>) -> (tempfile::TempDir, Store, ContributionView) {
		let folder = tempfile::tempdir().unwrap();
		let store = Store::open(folder.path().to_str().unwrap()).unwrap();
		let bytes = content.len() as u64;
		let content = store.put_bytes(content).await.unwrap();
		let status = ContributionStatus::Accepted { leaf: 0 };
		let view = ContributionView {
			index: 4,
			contributor: [1; 32],
			content,
			bytes,
			licence: vec![],
			metadata: vec![],
			status,
		};
		(folder, store, view)
	}

	fn keys(epoch: u32) -> Arc<DataNetKeys> {
		let owner = Keypair::from_uri("//Ada").unwrap();
		Arc::new(DataNetKeys::of_owner(&owner, &[7; 32], 3, epoch).unwrap())
	}

	#[tokio::test]
	async fn text_is_opened_in_memory_when_the_keys_are_there() {
		let (folder, store, view) = stored(seal(&keys(1).recipient(), b"a private text").unwrap()).await;
		let reader = Reader { keys: keys(1), stale: false };
		let text = text(&store, Some(&reader), 3, &view).await.unwrap();
		assert_eq!(text.as_deref(), Some("a private text"));
		let on_disk = std::fs::read_dir(folder.path()).unwrap().flatten().count();
		assert_eq!(on_disk, 1);
	}

	#[tokio::test]
	async fn contribution_is_left_out_when_nobody_can_read_it() {
		let reader = Reader { keys: keys(2), stale: false };
		let stranger = Identity::of_account(&Keypair::from_uri("//Eve").unwrap(), &[7; 32]).recipient();
		for content in [
			b"not encrypted".to_vec(),
			seal(&stranger, b"for another").unwrap(),
			seal(&keys(2).recipient(), &[0xff, 0xfe]).unwrap(),
		] {
			let (_folder, store, view) = stored(content).await;
			assert_eq!(text(&store, Some(&reader), 3, &view).await, Ok(None));
		}
	}

	#[tokio::test]
	async fn contribution_is_missed_when_its_epoch_is_newer_than_the_grant() {
		let (_folder, store, view) = stored(seal(&keys(2).recipient(), b"text").unwrap()).await;
		let reader = Reader { keys: keys(1), stale: true };
		let reason = text(&store, Some(&reader), 3, &view).await.unwrap_err();
		assert!(reason.contains("grant anew"), "{reason}");
	}

	#[tokio::test]
	async fn contribution_is_missed_when_the_store_lacks_it() {
		let (_folder, store, mut view) = stored(b"text".to_vec()).await;
		view.content = [9; 32];
		let reader = Reader { keys: keys(1), stale: false };
		for reader in [None, Some(&reader)] {
			assert!(text(&store, reader, 3, &view).await.unwrap_err().contains("contribution 4"));
		}
	}

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
