//! What indexes are built from.

/// One accepted contribution of a DataNet snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
	/// The contribution's index in its DataNet; the order of registration.
	pub contribution: u32,
	/// Its contributor's account.
	pub contributor: [u8; 32],
	/// Its text in tokens of the model whose answers are attributed.
	pub tokens: Vec<u32>,
	/// Its text.
	pub text: String,
}

/// The documents in order of registration.
pub(crate) fn by_registration(docs: &[Document]) -> Vec<&Document> {
	let mut sorted: Vec<&Document> = docs.iter().collect();
	sorted.sort_by_key(|doc| doc.contribution);
	sorted
}
