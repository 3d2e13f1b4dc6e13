//! Reading private DataNets: who may, as the chain says, and with which keys.

use super::{DataNetKeys, Identity, PrivateError, MAX_SEALED_OVERHEAD};
use crate::{
	chain::MAX_PAGE,
	keys::{address, Keypair},
	money::format_trb,
	Chain, ChainError, ContentError, Store,
};
use std::time::{Duration, Instant};
use tributary_primitives::{
	views::{AccessView, ContributionView},
	AccountId, DataNetId, Hash, Purpose,
};
use zeroize::Zeroizing;

/// Most bytes of a private text.
pub const MAX_PRIVATE_TEXT: usize = 16 << 20;
/// Time between two looks at a grant.
const POLL: Duration = Duration::from_secs(10);
/// How long the chain may be away before a grant counts as gone.
const MAX_SILENCE: Duration = Duration::from_secs(600);

/// Why a private DataNet cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// No such DataNet.
	#[error("there is no DataNet {0}: `tributary datanet list` shows those there are")]
	UnknownDataNet(DataNetId),
	/// No grant stands.
	#[error("{who} has no grant to {} DataNet {datanet}, which is private. {next}", purpose_name(*.purpose))]
	NoGrant {
		/// Who wants to read.
		who: String,
		/// The DataNet.
		datanet: DataNetId,
		/// What for.
		purpose: Purpose,
		/// What to do.
		next: String,
	},
	/// The keys cannot be had.
	#[error("the keys of DataNet {datanet} cannot be had: {source}")]
	Keys {
		/// The DataNet.
		datanet: DataNetId,
		/// Why.
		source: PrivateError,
	},
	/// The owner's key gives another recipient than the chain has.
	#[error("the recipient of DataNet {0} on chain does not follow from this key: it was set by another program. Begin a new epoch with `tributary datanet rotate {0}`; what came before can be read with the `age` command and its identity")]
	Foreign(DataNetId),
	/// A contribution cannot be fetched.
	#[error("contribution {index} of DataNet {datanet}: {source}")]
	Content {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: u32,
		/// Why.
		source: ContentError,
	},
	/// A contribution cannot be opened.
	#[error("contribution {index} of DataNet {datanet}: {source}")]
	Contribution {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: u32,
		/// Why.
		source: PrivateError,
	},
	/// Bytes that are no text.
	#[error("contribution {index} of DataNet {datanet} is not UTF-8 text: ask its owner to erase it")]
	NotText {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: u32,
	},
}

/// A purpose as part of a sentence.
pub fn purpose_name(purpose: Purpose) -> &'static str {
	match purpose {
		Purpose::Train => "train on",
		Purpose::Retrieve => "retrieve from",
	}
}

/// A purpose as an argument.
pub fn purpose_word(purpose: Purpose) -> &'static str {
	match purpose {
		Purpose::Train => "train",
		Purpose::Retrieve => "retrieve",
	}
}

/// The keys that `reader` opens a DataNet with for a purpose: its own, or those in the capsule of its grant.
/// `None` for a public DataNet.
pub async fn keys(
	chain: &Chain,
	reader: &Keypair,
	datanet: DataNetId,
	purpose: Purpose,
) -> Result<Option<DataNetKeys>, AccessError> {
	let Some(access) = chain.access(datanet).await? else { return Ok(None) };
	let view = chain.datanet(datanet).await?.ok_or(AccessError::UnknownDataNet(datanet))?;
	let (who, genesis) = (reader.account(), chain.genesis());
	if view.owner == who {
		return owner_keys(reader, &genesis, datanet, &access).map(Some);
	}
	let Some(grant) = chain.grant(datanet, who, purpose).await? else {
		let next = next_step(chain, &view.owner, &access, (datanet, &who, purpose)).await?;
		return Err(AccessError::NoGrant { who: address(&who), datanet, purpose, next });
	};
	let identity = Identity::of_account(reader, &genesis);
	let opened = DataNetKeys::from_capsule(&grant.capsule, &identity, datanet, grant.epoch);
	opened.map(Some).map_err(|source| AccessError::Keys { datanet, source })
}

/// The keys of a DataNet that `owner` owns, up to the epoch on chain.
pub fn owner_keys(
	owner: &Keypair,
	genesis: &Hash,
	datanet: DataNetId,
	access: &AccessView,
) -> Result<DataNetKeys, AccessError> {
	let keys = DataNetKeys::of_owner(owner, genesis, datanet, access.epoch)
		.map_err(|source| AccessError::Keys { datanet, source })?;
	match keys.recipient() == access.recipient {
		true => Ok(keys),
		false => Err(AccessError::Foreign(datanet)),
	}
}

async fn next_step(
	chain: &Chain,
	owner: &AccountId,
	access: &AccessView,
	(datanet, who, purpose): (DataNetId, &AccountId, Purpose),
) -> Result<String, AccessError> {
	let (owner, word) = (address(owner), purpose_word(purpose));
	let mut start = 0;
	loop {
		let page = chain.grant_requests(datanet, start, MAX_PAGE).await?;
		if let Some(open) = page.iter().find(|open| open.grantee == *who && open.purpose == purpose) {
			let give = format!("tributary grant give {datanet} {} --purpose {word}", address(who));
			return Ok(format!("The request of block {} waits for the owner {owner}: `{give}`", open.at));
		}
		let count = u32::try_from(page.len()).unwrap_or(MAX_PAGE);
		if count < MAX_PAGE {
			break;
		}
		start = start.saturating_add(count);
	}
	let price = match purpose {
		Purpose::Train => access.train,
		Purpose::Retrieve => access.retrieve,
	};
	Ok(match price {
		Some(price) => {
			let ask = format!("tributary grant request {datanet} --purpose {word}");
			format!("Ask for one with `{ask}`; it costs {}", format_trb(price))
		}
		None => format!("Its owner {owner} offers none: ask them to grant it"),
	})
}

/// Fetches a contribution and opens it, in memory.
pub async fn open_text(
	store: &Store,
	keys: &DataNetKeys,
	contribution: &ContributionView,
) -> Result<Zeroizing<String>, AccessError> {
	let (datanet, index) = (keys.datanet(), contribution.index);
	let limit = MAX_PRIVATE_TEXT.saturating_add(MAX_SEALED_OVERHEAD) as u64;
	let sealed = store.get_within(&contribution.content, limit).await;
	let sealed = sealed.map_err(|source| AccessError::Content { datanet, index, source })?;
	let mut plain = keys.open(&sealed, MAX_PRIVATE_TEXT).map_err(|source| AccessError::Contribution {
		datanet,
		index,
		source,
	})?;
	match String::from_utf8(std::mem::take(&mut *plain)) {
		Ok(text) => Ok(Zeroizing::new(text)),
		Err(error) => {
			drop(Zeroizing::new(error.into_bytes()));
			Err(AccessError::NotText { datanet, index })
		}
	}
}

/// Whether an account may use a DataNet for a purpose, by the last finalised block.
pub async fn may_use_finalised(
	chain: &Chain,
	who: &AccountId,
	datanet: DataNetId,
	purpose: Purpose,
) -> Result<bool, ChainError> {
	let block = chain.finalized_hash().await?;
	chain.state_call_at("TributaryApi_may_use", &(who, datanet, purpose), Some(block)).await
}

/// A grant of the last few blocks is not final yet: it ended only when the best block does not have it either.
async fn stands(
	chain: &Chain,
	who: &AccountId,
	datanet: DataNetId,
	purpose: Purpose,
) -> Result<bool, ChainError> {
	let finalised = may_use_finalised(chain, who, datanet, purpose).await?;
	Ok(finalised || chain.may_use(*who, datanet, purpose).await?)
}

/// Waits until one of the grants no longer stands in the finalised chain, or cannot be asked after for ten minutes;
/// gives the reason. Never ends while all stand.
pub async fn revoked(chain: &Chain, who: &AccountId, datanets: &[DataNetId], purpose: Purpose) -> String {
	let mut heard = Instant::now();
	loop {
		tokio::time::sleep(POLL).await;
		for datanet in datanets {
			match stands(chain, who, *datanet, purpose).await {
				Ok(true) => heard = Instant::now(),
				Ok(false) => {
					return format!("the grant to {} DataNet {datanet} was revoked", purpose_name(purpose))
				}
				Err(error) if heard.elapsed() > MAX_SILENCE => {
					return format!(
						"whether the grant to {} DataNet {datanet} still stands is not known: {error}",
						purpose_name(purpose)
					)
				}
				Err(error) => tracing::warn!(%error, "cannot ask whether a grant still stands"),
			}
		}
	}
}
