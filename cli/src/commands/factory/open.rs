//! Opening contributions in memory, the private ones with the keys of the signer's grants.

use crate::{context::Context, failure::Failure, texts};
use std::{collections::BTreeMap, future::Future};
use tributary_client::private::{self, DataNetKeys, MAX_PRIVATE_TEXT};
use tributary_factory::workflow::{Dataset, Open, PlainText, StepError};
use tributary_primitives::{DataNetId, Purpose};

/// Opens what the signer may train on.
pub struct Opener {
	keys: BTreeMap<DataNetId, DataNetKeys>,
}

impl Opener {
	/// For these snapshots. Errors: no grant stands for one that is private.
	pub async fn new<'a>(
		context: &Context,
		datasets: impl IntoIterator<Item = &'a Dataset>,
	) -> Result<Self, Failure> {
		let mut keys = BTreeMap::new();
		for dataset in datasets.into_iter().filter(|dataset| dataset.private) {
			let datanet = dataset.datanet;
			if keys.contains_key(&datanet) {
				continue;
			}
			let (chain, signer) = (context.chain().await?, context.signer()?);
			if let Some(found) = private::keys(chain, &signer, datanet, Purpose::Train).await? {
				keys.insert(datanet, found);
			}
		}
		Ok(Self { keys })
	}
}

impl Open for Opener {
	fn open(&self, dataset: &Dataset, content: Vec<u8>) -> Result<String, StepError> {
		match self.keys.get(&dataset.datanet) {
			Some(keys) => {
				let plain = keys.open(&content, MAX_PRIVATE_TEXT)?;
				// The error of `String::from_utf8` would keep the text.
				let text = std::str::from_utf8(&plain);
				Ok(text.map_err(|_| "it is not UTF-8 text: ask its owner to erase it")?.to_owned())
			}
			None => PlainText.open(dataset, content),
		}
	}
}

/// Whether a DataNet's contributions are encrypted.
pub async fn is_private(context: &Context, datanet: DataNetId) -> Result<bool, Failure> {
	Ok(context.chain().await?.access(datanet).await?.is_some())
}

/// Ends with the reason when a grant that the work needs is gone.
pub async fn gone(
	context: &Context,
	datanets: impl IntoIterator<Item = DataNetId>,
) -> Result<impl Future<Output = String> + Send + 'static, Failure> {
	// Where nothing is private no chain is needed.
	let watched = match texts::granted(context, datanets).await? {
		Some(granted) => Some((context.chain().await?.clone(), granted)),
		None => None,
	};
	Ok(async move {
		match watched {
			Some((chain, (who, datanets))) => private::revoked(&chain, &who, &datanets, Purpose::Train).await,
			None => std::future::pending().await,
		}
	})
}
