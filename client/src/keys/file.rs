//! Encrypted key files in polkadot.js's own format (version 3: pkcs8, scrypt, xsalsa20-poly1305).
//! The same file can be imported into polkadot.js Apps or its extension, and theirs can be used here.

use super::{address, parse_account, random, secret, KeyError, Keypair};
use base64::{engine::general_purpose::STANDARD, Engine};
use crypto_secretbox::{aead::Aead, Key, KeyInit, Nonce, XSalsa20Poly1305};
use schnorrkel::SecretKey;
use serde::{Deserialize, Serialize};
use tributary_primitives::AccountId;
use zeroize::Zeroizing;

/// polkadot.js's standard cost: 2^15 rounds, one lane, blocks of 8.
const LOG_ROUNDS: u8 = 15;
const LANES: u32 = 1;
const BLOCKS: u32 = 8;
/// Rounds and lanes that polkadot.js allows.
const COSTS: [(u32, u32); 6] =
	[(1 << 13, 10), (1 << 14, 5), (1 << 15, 3), (1 << 15, 1), (1 << 16, 2), (1 << 17, 1)];
/// Salt, three cost parameters and nonce before the sealed bytes.
const HEADER: usize = 32 + 3 * 4 + 24;
/// pkcs8 of an sr25519 pair, and its Poly1305 tag.
const SEALED: usize = 117 + 16;
const PKCS8_HEADER: [u8; 16] = [48, 83, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
const PKCS8_DIVIDER: [u8; 5] = [161, 35, 3, 33, 0];

/// An encrypted key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyFile {
	encoded: String,
	encoding: Encoding,
	address: String,
	meta: Meta,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Encoding {
	content: Vec<String>,
	r#type: Vec<String>,
	version: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Meta {
	#[serde(default)]
	name: String,
	/// Milliseconds since 1970.
	#[serde(default, rename = "whenCreated")]
	when_created: u64,
}

impl KeyFile {
	/// Encrypts the key of a secret URI.
	pub fn encrypt(uri: &str, name: &str, password: &str) -> Result<Self, KeyError> {
		let pair = secret::expanded(uri)?.to_keypair();
		let (secret, public) = (Zeroizing::new(pair.secret.to_ed25519_bytes()), pair.public.to_bytes());
		let (mut salt, mut nonce) = ([0u8; 32], [0u8; 24]);
		random(&mut salt)?;
		random(&mut nonce)?;
		let plain = Zeroizing::new([&PKCS8_HEADER[..], secret.as_slice(), &PKCS8_DIVIDER, &public].concat());
		let key = password_key(password, &salt, [1 << LOG_ROUNDS, LANES, BLOCKS])?;
		let sealed = XSalsa20Poly1305::new(&key)
			.encrypt(Nonce::from_slice(&nonce), plain.as_slice())
			.map_err(|e| KeyError::File(e.to_string()))?;
		let cost = [1u32 << LOG_ROUNDS, LANES, BLOCKS].map(u32::to_le_bytes).concat();
		let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
		let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
		Ok(Self {
			encoded: STANDARD.encode([&salt[..], &cost, &nonce, &sealed].concat()),
			encoding: Encoding {
				content: words(&["pkcs8", "sr25519"]),
				r#type: words(&["scrypt", "xsalsa20-poly1305"]),
				version: "3".into(),
			},
			address: address(&public),
			meta: Meta {
				name: name.into(),
				when_created: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
			},
		})
	}

	/// Reads a file made here or exported by polkadot.js.
	pub fn from_json(text: &str) -> Result<Self, KeyError> {
		let wrong = |reason: &str| KeyError::File(reason.into());
		let file: Self = serde_json::from_str(text).map_err(|e| wrong(&e.to_string()))?;
		let sealed = STANDARD.decode(&file.encoded).map_err(|e| wrong(&e.to_string()))?;
		if sealed.len() != HEADER + SEALED {
			return Err(wrong("the sealed part has the wrong length"));
		}
		parse_account(&file.address).map_err(|_| wrong("the address is not valid"))?;
		Ok(file)
	}

	/// The file's text.
	pub fn to_json(&self) -> Result<String, KeyError> {
		serde_json::to_string_pretty(self).map_err(|e| KeyError::File(e.to_string()))
	}

	/// The account, readable without the password.
	pub fn account(&self) -> Result<AccountId, KeyError> {
		parse_account(&self.address)
	}

	/// The name it was given.
	pub fn name(&self) -> &str {
		&self.meta.name
	}

	/// Opens the key.
	pub fn decrypt(&self, password: &str) -> Result<Keypair, KeyError> {
		let wrong = |reason: &str| KeyError::File(reason.into());
		let named = |list: &[String], word: &str| list.iter().any(|one| one == word);
		let Encoding { content, r#type: kind, version } = &self.encoding;
		let sr25519 = named(content, "pkcs8") && named(content, "sr25519");
		if version != "3" || !sr25519 || !named(kind, "scrypt") || !named(kind, "xsalsa20-poly1305") {
			return Err(wrong("it is not encoded as sr25519 by version 3 of the format"));
		}
		let bytes = STANDARD.decode(&self.encoded).map_err(|e| wrong(&e.to_string()))?;
		let short = || wrong("the sealed part has the wrong length");
		let (salt, rest) = bytes.split_at_checked(32).ok_or_else(short)?;
		let (cost, rest) = rest.split_at_checked(3 * 4).ok_or_else(short)?;
		let (nonce, sealed) = rest.split_at_checked(24).ok_or_else(short)?;
		let mut numbers =
			cost.chunks_exact(4).map(|four| four.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)));
		let mut number = || numbers.next().unwrap_or_default();
		let key = password_key(password, salt, [number(), number(), number()])?;
		let plain = XSalsa20Poly1305::new(&key)
			.decrypt(Nonce::from_slice(nonce), sealed)
			.map_err(|_| KeyError::Password)?;
		let plain = Zeroizing::new(plain);
		let inner = plain.strip_prefix(&PKCS8_HEADER).and_then(|rest| rest.split_at_checked(64));
		let (secret, rest) = inner.ok_or_else(|| wrong("what is sealed is no key"))?;
		let pair = SecretKey::from_ed25519_bytes(secret).map_err(|e| wrong(&e.to_string()))?.to_keypair();
		let public = pair.public.to_bytes();
		if rest.strip_prefix(&PKCS8_DIVIDER) != Some(&public) || self.account()? != public {
			return Err(wrong("the key in it is not the address's"));
		}
		Ok(Keypair(pair))
	}
}

/// The key that a password gives. Costs other than those of polkadot.js are refused: they could take forever.
fn password_key(password: &str, salt: &[u8], cost: [u32; 3]) -> Result<Zeroizing<Key>, KeyError> {
	let wrong = |reason: String| KeyError::File(reason);
	let [rounds, lanes, blocks] = cost;
	if !COSTS.contains(&(rounds, lanes)) || blocks != BLOCKS {
		return Err(wrong(format!(
			"scrypt of {rounds} rounds, {lanes} lanes, {blocks} blocks is none of polkadot.js's"
		)));
	}
	let log_rounds = u8::try_from(rounds.ilog2()).map_err(|e| wrong(e.to_string()))?;
	let params = scrypt::Params::new(log_rounds, blocks, lanes, 32).map_err(|e| wrong(e.to_string()))?;
	let mut key = Zeroizing::new(Key::default());
	scrypt::scrypt(password.as_bytes(), salt, &params, &mut key).map_err(|e| wrong(e.to_string()))?;
	Ok(key)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn key_opens_when_written_and_read_back() {
		let words = super::super::generate_mnemonic().unwrap();
		for uri in [
			"//Alice",
			"//Alice/soft//hard",
			&words,
			&format!("{words}///password"),
			&format!("0x{}", "ab".repeat(32)),
		] {
			let text = KeyFile::encrypt(uri, "test", "secret").unwrap().to_json().unwrap();
			let file = KeyFile::from_json(&text).unwrap();
			let key = file.decrypt("secret").unwrap();
			let expected = Keypair::from_uri(uri).unwrap();
			assert_eq!(key.account(), expected.account());
			assert_eq!(file.account().unwrap(), expected.account());
			assert!(super::super::verify(&expected.account(), &key.sign(b"message"), b"message"));
		}
	}

	#[test]
	fn key_stays_shut_when_the_password_is_wrong() {
		let file = KeyFile::encrypt("//Alice", "test", "secret").unwrap();
		assert!(matches!(file.decrypt("Secret"), Err(KeyError::Password)));
	}

	#[test]
	fn file_is_refused_when_it_is_cut_or_of_another_kind() {
		let text = KeyFile::encrypt("//Alice", "test", "secret").unwrap().to_json().unwrap();
		let mut cut = KeyFile::from_json(&text).unwrap();
		cut.encoded.truncate(40);
		assert!(matches!(KeyFile::from_json(&cut.to_json().unwrap()), Err(KeyError::File(_))));
		let other = text.replace("sr25519", "ed25519");
		assert!(matches!(KeyFile::from_json(&other).unwrap().decrypt("secret"), Err(KeyError::File(_))));
		assert!(matches!(KeyFile::from_json("{}"), Err(KeyError::File(_))));
	}

	#[test]
	fn file_is_refused_when_its_cost_or_its_address_was_changed() {
		let file = KeyFile::encrypt("//Alice", "test", "secret").unwrap();
		let mut bytes = STANDARD.decode(&file.encoded).unwrap();
		bytes[32..36].copy_from_slice(&(1u32 << 30).to_le_bytes());
		let costly = KeyFile { encoded: STANDARD.encode(&bytes), ..file.clone() };
		assert!(costly.decrypt("secret").unwrap_err().to_string().contains("1073741824 rounds"));
		let other = KeyFile { address: Keypair::from_uri("//Bob").unwrap().address(), ..file };
		assert!(other.decrypt("secret").unwrap_err().to_string().contains("not the address's"));
	}

	#[test]
	fn key_opens_when_polkadot_js_made_the_file() {
		let file = KeyFile::from_json(include_str!("../../tests/fixtures/polkadot-js.json")).unwrap();
		let key = file.decrypt("fixture password").unwrap();
		assert_eq!(key.account(), Keypair::from_uri("//Alice//fixture").unwrap().account());
		assert_eq!(file.name(), "fixture");
	}
}
