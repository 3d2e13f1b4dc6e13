//! The expanded secret of a secret URI: what signs, and what a key file holds. subxt-signer does the same and does
//! not show it.

use super::KeyError;
use hmac::Hmac;
use schnorrkel::{derive::ChainCode, derive::Derivation, ExpansionMode, MiniSecretKey, SecretKey};
use std::str::FromStr;
use subxt_signer::{bip39::Mnemonic, DeriveJunction, ExposeSecret, SecretUri};
use zeroize::Zeroizing;

/// Rounds of PBKDF2 from a mnemonic's entropy to a seed (substrate-bip39).
const ROUNDS: u32 = 2_048;

/// The secret key of a secret URI.
pub(super) fn expanded(uri: &str) -> Result<SecretKey, KeyError> {
	let wrong = |reason: String| KeyError::Secret(reason);
	let uri = SecretUri::from_str(uri.trim()).map_err(|e| wrong(e.to_string()))?;
	let phrase = uri.phrase.expose_secret();
	let seed = match phrase.strip_prefix("0x") {
		Some(digits) => {
			let mut seed = Zeroizing::new([0u8; 32]);
			hex::decode_to_slice(digits, seed.as_mut_slice()).map_err(|e| wrong(e.to_string()))?;
			seed
		}
		None => {
			let mnemonic = Mnemonic::from_str(phrase).map_err(|e| wrong(e.to_string()))?;
			let password = uri.password.as_ref().map_or("", |password| password.expose_secret());
			seed_of(&mnemonic.to_entropy(), password)?
		}
	};
	let mini = MiniSecretKey::from_bytes(seed.as_slice()).map_err(|e| wrong(e.to_string()))?;
	Ok(uri.junctions.iter().fold(mini.expand(ExpansionMode::Ed25519), derive))
}

fn derive(secret: SecretKey, junction: &DeriveJunction) -> SecretKey {
	match junction {
		DeriveJunction::Soft(code) => secret.derived_key_simple(ChainCode(*code), []).0,
		DeriveJunction::Hard(code) => {
			secret.hard_derive_mini_secret_key(Some(ChainCode(*code)), b"").0.expand(ExpansionMode::Ed25519)
		}
	}
}

fn seed_of(entropy: &[u8], password: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
	let mut long = Zeroizing::new([0u8; 64]);
	let salt = Zeroizing::new(format!("mnemonic{password}"));
	pbkdf2::pbkdf2::<Hmac<sha2::Sha512>>(entropy, salt.as_bytes(), ROUNDS, long.as_mut_slice())
		.map_err(|e| KeyError::Secret(e.to_string()))?;
	long.first_chunk().copied().map(Zeroizing::new).ok_or_else(|| KeyError::Secret("no seed".into()))
}
