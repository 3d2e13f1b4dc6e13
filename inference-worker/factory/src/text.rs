//! What is trained on.

use crate::batch::Row;

/// A source of rows.
pub(crate) trait Text {
	/// `count` rows of training from the `first`-th ever seen: a function of the seed.
	fn rows(&mut self, first: usize, count: usize) -> Vec<Row>;

	/// Different tokens.
	fn tokens(&self) -> u64;

	/// Name of a document of a row.
	fn name(&self, document: usize) -> String;
}
