//! sr25519 keys, addresses and key files.

mod file;
mod secret;

pub use file::KeyFile;

use std::str::FromStr;
use subxt::{transactions::Signer, utils::AccountId32, SubstrateConfig};
use subxt_signer::{bip39::Mnemonic, sr25519};
use tributary_primitives::AccountId;
use zeroize::Zeroizing;

/// Why a key or address could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
	/// Not a secret URI.
	#[error("not a secret: {0}. Give a mnemonic of 12 to 24 words, 0x and 64 hex digits, or a development account such as //Alice; derivations follow as /soft//hard")]
	Secret(String),
	/// Not an address.
	#[error("`{0}` is no account: give an address (5...) or 0x and 64 hex digits")]
	Address(String),
	/// Not a key file.
	#[error("not a polkadot.js key file: {0}. Export the account again, as JSON, of type sr25519")]
	File(String),
	/// The password does not open the file.
	#[error("the password does not open the key file. Try again, or import the mnemonic anew")]
	Password,
	/// No randomness.
	#[error("the system gives no randomness: {0}")]
	Random(String),
}

/// What Substrate signs in.
const SIGNING_CONTEXT: &[u8] = b"substrate";

/// A key that signs for an account. Its secret is wiped when it is dropped.
#[derive(Clone)]
pub struct Keypair(schnorrkel::Keypair);

impl std::fmt::Debug for Keypair {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "Keypair({})", self.address())
	}
}

impl Keypair {
	/// From a secret URI: a mnemonic or `0x` seed, then `//hard` and `/soft` derivations, then
	/// `///password`. Derivations alone, for example `//Alice`, start from the public development mnemonic.
	pub fn from_uri(uri: &str) -> Result<Self, KeyError> {
		Ok(Self(secret::expanded(uri)?.to_keypair()))
	}

	/// The account it signs for.
	pub fn account(&self) -> AccountId {
		self.0.public.to_bytes()
	}

	/// The account's address, prefix 42.
	pub fn address(&self) -> String {
		address(&self.account())
	}

	/// Signs a message (sr25519, context `substrate`).
	pub fn sign(&self, message: &[u8]) -> [u8; 64] {
		self.0.sign(schnorrkel::signing_context(SIGNING_CONTEXT).bytes(message)).to_bytes()
	}

	/// 32 bytes for another use of the same secret: BLAKE3's key derivation with `context`, which no other use
	/// may have, over the secret scalar and `info`. The scalar alone, for the rest of an expanded secret is
	/// drawn at random where a soft derivation made it.
	pub(crate) fn derive(&self, context: &str, info: &[u8]) -> Zeroizing<[u8; 32]> {
		let secret = Zeroizing::new(self.0.secret.to_bytes());
		let mut hasher = blake3::Hasher::new_derive_key(context);
		hasher.update(secret.first_chunk::<32>().map_or(&[], |scalar| scalar.as_slice())).update(info);
		Zeroizing::new(*hasher.finalize().as_bytes())
	}
}

impl Signer<SubstrateConfig> for Keypair {
	fn account_id(&self) -> AccountId32 {
		AccountId32(self.account())
	}

	fn sign(&self, payload: &[u8]) -> subxt::utils::MultiSignature {
		subxt::utils::MultiSignature::Sr25519(Keypair::sign(self, payload))
	}
}

/// Whether `account` signed the message.
pub fn verify(account: &AccountId, signature: &[u8; 64], message: &[u8]) -> bool {
	sr25519::verify(&sr25519::Signature(*signature), message, &sr25519::PublicKey(*account))
}

/// An account's address (SS58, prefix 42).
pub fn address(account: &AccountId) -> String {
	AccountId32(*account).to_string()
}

/// Reads an address (SS58 of any prefix) or `0x` and 64 hex digits.
pub fn parse_account(text: &str) -> Result<AccountId, KeyError> {
	let wrong = || KeyError::Address(text.into());
	if let Some(digits) = text.strip_prefix("0x") {
		let mut account = AccountId::default();
		hex::decode_to_slice(digits, &mut account).map_err(|_| wrong())?;
		return Ok(account);
	}
	AccountId32::from_str(text).map(|account| account.0).map_err(|_| wrong())
}

/// A new mnemonic of 12 words.
pub fn generate_mnemonic() -> Result<String, KeyError> {
	let mut entropy = [0; 16];
	random(&mut entropy)?;
	let mnemonic = Mnemonic::from_entropy(&entropy).map_err(|e| KeyError::Random(e.to_string()))?;
	Ok(mnemonic.to_string())
}

fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
	use rand_chacha::rand_core::{OsRng, TryRngCore};
	OsRng.try_fill_bytes(bytes).map_err(|e| KeyError::Random(e.to_string()))
}

#[cfg(test)]
mod tests {
	use super::*;

	const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

	#[test]
	fn development_account_has_its_known_address_when_derived() {
		assert_eq!(Keypair::from_uri("//Alice").unwrap().address(), ALICE);
		let words = "bottom drive obey lake curtain smoke basket hold race lonely fit walk//Alice";
		assert_eq!(Keypair::from_uri(words).unwrap().address(), ALICE);
	}

	#[test]
	fn address_survives_when_parsed() {
		let account = parse_account(ALICE).unwrap();
		assert_eq!(address(&account), ALICE);
		assert_eq!(parse_account(&format!("0x{}", hex::encode(account))).unwrap(), account);
	}

	#[test]
	fn account_is_refused_when_it_is_no_address() {
		for text in ["", "Alice", "0x12", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ"] {
			assert!(matches!(parse_account(text), Err(KeyError::Address(_))), "{text}");
		}
	}

	#[test]
	fn secret_is_refused_when_it_is_no_mnemonic() {
		for text in ["", "twelve wrong words", "0x12"] {
			// An empty secret would be the public development key.
			let result = Keypair::from_uri(text);
			assert!(text.is_empty() || matches!(result, Err(KeyError::Secret(_))), "{text}");
		}
	}

	#[test]
	fn mnemonic_opens_the_same_account_when_used_twice() {
		let words = generate_mnemonic().unwrap();
		assert_eq!(words.split(' ').count(), 12);
		assert_eq!(
			Keypair::from_uri(&words).unwrap().account(),
			Keypair::from_uri(&words).unwrap().account()
		);
		assert_ne!(words, generate_mnemonic().unwrap());
	}

	#[test]
	fn account_is_the_same_when_subxt_signer_derives_it() {
		for uri in ["//Alice", "//Alice/soft//hard", &format!("0x{}/a", "ab".repeat(32)), "//Bob///password"]
		{
			let theirs = sr25519::Keypair::from_uri(&uri.parse().unwrap()).unwrap();
			assert_eq!(Keypair::from_uri(uri).unwrap().account(), theirs.public_key().0, "{uri}");
		}
	}

	#[test]
	fn derived_secret_is_the_same_when_the_key_was_kept_in_a_file_or_derived_again() {
		for uri in ["//Alice", "//Alice/soft/er"] {
			let secret = |key: Keypair| key.derive("tributary test", b"info");
			let first = secret(Keypair::from_uri(uri).unwrap());
			assert_eq!(first, secret(Keypair::from_uri(uri).unwrap()), "{uri}");
			let file = KeyFile::encrypt(uri, "test", "secret").unwrap();
			assert_eq!(first, secret(file.decrypt("secret").unwrap()), "{uri}");
		}
		let alice = Keypair::from_uri("//Alice").unwrap();
		assert_ne!(alice.derive("tributary test", b"info"), alice.derive("tributary test", b"other"));
		assert_ne!(alice.derive("tributary test", b"info"), alice.derive("tributary other", b"info"));
	}

	#[test]
	fn signature_is_refused_when_message_or_account_differs() {
		let (alice, bob) = (Keypair::from_uri("//Alice").unwrap(), Keypair::from_uri("//Bob").unwrap());
		let signature = alice.sign(b"message");
		assert!(verify(&alice.account(), &signature, b"message"));
		assert!(!verify(&alice.account(), &signature, b"other"));
		assert!(!verify(&bob.account(), &signature, b"message"));
		assert!(!verify(&[0xff; 32], &[0xff; 64], b"message"));
	}
}
