//! Private DataNets: what is contributed is encrypted, and who may read it holds the keys.
//!
//! Contributions are [age](https://age-encryption.org/v1) files to an X25519 recipient, so that the stock `age`
//! command reads and writes them. Keys are never stored: an account's identity and a DataNet's keys are derived
//! from the account's secret ([`Identity::of_account`], [`DataNetKeys::of_owner`]), so that the mnemonic is all
//! there is to back up, and whoever has it has everything.
//!
//! # Epochs
//!
//! A DataNet's keys have epochs, counted from 1. They are a hash chain that runs backwards (key regression: Fu,
//! Kamara and Kohno, NDSS 2006): from the state of an epoch follow the states of all before it, and of none
//! after. One state of 32 bytes is therefore all that a grantee needs, and a capsule never grows.
//!
//! ```text
//! state(4096) = KDF(secret of the owner, chain, DataNet)     state(n) = KDF(state(n + 1))
//! identity(n) = KDF(state(n))
//! ```
//!
//! The KDF is BLAKE3's, with a context of its own for each use. Secrets and plaintext are wiped when they are
//! dropped, and appear in no `Debug` text and no error.

mod access;
mod bech32;
mod capsule;
mod keys;
mod seal;
#[cfg(test)]
mod tests;

pub use access::{
	keys, may_use_finalised, open_text, owner_keys, purpose_name, purpose_word, revoked, AccessError,
	MAX_PRIVATE_TEXT,
};
pub use keys::{parse_recipient, recipient_text, DataNetKeys, Identity, MAX_EPOCHS};
pub use seal::{seal, Plaintext, MAX_SEALED_OVERHEAD};

use tributary_primitives::DataNetId;

/// Why something private could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateError {
	/// Not a recipient.
	#[error("`{0}` is no age recipient: give age1 and 58 more characters, as `age-keygen -y` or `tributary grant recipient` print it")]
	Recipient(String),
	/// A recipient that everyone can open files of.
	#[error("this recipient is a point of low order: what is encrypted to it is readable by all. Its owner must announce another")]
	WeakRecipient,
	/// Not an identity. The text is not repeated: it may be a secret with a typing error.
	#[error("not an age identity: give AGE-SECRET-KEY-1 and 58 more characters, as `age-keygen` prints it")]
	Identity,
	/// Not an age file.
	#[error("not an age file (it does not begin with `age-encryption.org/v1`): its contributor did not encrypt it. Ask the DataNet's owner to reject or erase it")]
	NotAge,
	/// An age file with a header that cannot be read.
	#[error("the age file's header is damaged or larger than {0} bytes: fetch the content again, or ask its contributor for it")]
	Header(usize),
	/// Encrypted to someone else.
	#[error("none of the {0} keys opens this: it is encrypted to another recipient. If the DataNet's keys were replaced since your grant, ask its owner to grant anew")]
	WrongKey(usize),
	/// Ends too early.
	#[error("the age file is cut short: fetch the content again")]
	Truncated,
	/// Changed.
	#[error("the age file was changed or cut after it was encrypted: fetch the content again")]
	Tampered,
	/// Too much.
	#[error("{size} bytes are more than the {limit} that a text may have: split it")]
	TooLarge {
		/// Its size, bytes.
		size: usize,
		/// The limit, bytes.
		limit: usize,
	},
	/// A capsule that does not hold what it should.
	#[error(
		"the capsule does not hold the keys of DataNet {0} up to epoch {1}: ask its owner to grant anew"
	)]
	Capsule(DataNetId, u32),
	/// An epoch that cannot be.
	#[error("epoch {0} is not from 1 to {MAX_EPOCHS}: a DataNet's keys can be replaced so often and no more; make a new DataNet")]
	Epoch(u32),
	/// The library failed to encrypt.
	#[error("encrypting failed: {0}")]
	Encrypt(String),
}
