//! The payer's side of a channel: a local OpenAI endpoint that signs a voucher and an order for each request.
//!
//! What was ever signed is in a ledger that is on disk before a signature leaves. A restart can therefore
//! neither repeat a nonce nor sign less than before, and a worker that claims more than was signed is found
//! out instead of believed.

mod books;
mod fees;
mod ledger;
mod server;

pub use books::{Books, Signed, Terms};
pub use fees::{Ask, EMBEDDINGS};
pub use ledger::Ledger;
pub use server::{serve, Settings};

/// Why a request is not signed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BooksError {
	/// The worker counts more than was ever signed here.
	#[error("the worker says {claimed} planck were charged on this channel, but only {signed} were ever signed here. If another machine pays on this channel too, start the proxy once with --resync; if not, do not: the worker claims what is not its own")]
	Overclaimed {
		/// By the worker, planck.
		claimed: u128,
		/// Here, planck.
		signed: u128,
	},
	/// The worker's view is of another chain, worker or channel.
	#[error("the worker speaks of another {0} than the chain: is --worker the right one?")]
	Foreign(&'static str),
	/// Numbers that do not fit.
	#[error("the worker's view of the channel overflows: it cannot be right")]
	Overflow,
	/// The ledger failed.
	#[error("the ledger of signatures failed ({0}): nothing was signed. Check the disk under --home")]
	Ledger(String),
}
