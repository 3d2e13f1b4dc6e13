//! Opening contributions in memory.

use crate::{context::Context, failure::Failure};
use std::future::Future;
use tributary_factory::workflow::{Dataset, Open, PlainText, StepError};
use tributary_primitives::DataNetId;

/// Opens what is public.
pub struct Opener;

impl Opener {
	/// For these snapshots.
	pub async fn new<'a>(
		_context: &Context,
		_datasets: impl IntoIterator<Item = &'a Dataset>,
	) -> Result<Self, Failure> {
		Ok(Self)
	}
}

impl Open for Opener {
	fn open(&self, dataset: &Dataset, content: Vec<u8>) -> Result<String, StepError> {
		PlainText.open(dataset, content)
	}
}

/// Whether a DataNet's contributions are encrypted.
pub async fn is_private(_context: &Context, _datanet: DataNetId) -> Result<bool, Failure> {
	Ok(false)
}

/// Ends with the reason when a grant that the work needs is gone.
pub async fn gone(
	_context: &Context,
	_datanets: impl IntoIterator<Item = DataNetId>,
) -> Result<impl Future<Output = String> + Send + 'static, Failure> {
	Ok(std::future::pending())
}
