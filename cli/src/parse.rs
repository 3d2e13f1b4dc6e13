//! Arguments as values.

use crate::failure::Failure;
use std::str::FromStr;
use tributary_client::{chain::SessionKeys, keys::parse_account, money::parse_trb, Chain};
use tributary_primitives::{
	AccountId, AssetId, AssetRef, AssetVersion, Balance, DataNetId, Ppm, SnapshotRef, SnapshotVersion,
	VaultKey, PPM,
};

/// An address or `0x` hex key.
pub fn account(text: &str) -> Result<AccountId, String> {
	parse_account(text).map_err(|e| e.to_string())
}

/// A validator's public session keys, one after the other.
pub fn session_keys(text: &str) -> Result<SessionKeys, String> {
	let bytes: [u8; 64] = bytes(text).ok_or_else(|| {
		format!(
			"session keys are 0x and 128 hex digits, not these {} characters: copy all of `keys` as \
			 deploy/session-keys.sh printed it",
			text.chars().count()
		)
	})?;
	let mut keys = SessionKeys::default();
	for (key, half) in keys.iter_mut().zip(bytes.chunks_exact(32)) {
		key.copy_from_slice(half);
	}
	Ok(keys)
}

/// The signatures of session keys that prove whose they are, in the keys' order: sr25519, ed25519.
pub type OwnershipProof = [u8; 128];

/// The proof that session keys are an account's.
pub fn ownership_proof(text: &str) -> Result<OwnershipProof, String> {
	bytes(text).ok_or_else(|| {
		format!(
			"a proof is 0x and 256 hex digits, not these {} characters: copy all of `proof` as \
			 deploy/session-keys.sh printed it",
			text.chars().count()
		)
	})
}

/// `0x` and the hex of exactly so many bytes.
fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
	hex::decode(text.strip_prefix("0x")?).ok()?.try_into().ok()
}

/// An amount in TRB.
pub fn amount(text: &str) -> Result<Balance, String> {
	parse_trb(text).ok_or_else(|| {
		format!(
			"`{text}` is no amount: give TRB with at most 12 decimals (0.25), or planck (250000000000planck)"
		)
	})
}

/// A share as a fraction (`0.1`) of one whole.
pub fn fraction(text: &str) -> Result<Ppm, String> {
	let wrong = || {
		format!("`{text}` is no fraction: give a number from 0 to 16 with at most 6 decimals, such as 0.1")
	};
	let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
	let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
	if whole.is_empty() || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
		return Err(wrong());
	}
	let whole: Ppm = whole.parse().ok().filter(|whole| *whole <= 16).ok_or_else(wrong)?;
	let rest: Ppm = format!("{decimals:0<6}").parse().map_err(|_| wrong())?;
	whole.checked_mul(PPM).and_then(|ppm| ppm.checked_add(rest)).ok_or_else(wrong)
}

/// A score with at most 6 decimals, in millionths.
pub fn score(text: &str) -> Result<i64, String> {
	let wrong = || format!("`{text}` is no score: give a number with at most 6 decimals");
	let (sign, number) = text.strip_prefix('-').map_or((1i64, text), |rest| (-1, rest));
	let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
	let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
	if whole.is_empty() || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
		return Err(wrong());
	}
	let whole: i64 = whole.parse().map_err(|_| wrong())?;
	let rest: i64 = format!("{decimals:0<6}").parse().map_err(|_| wrong())?;
	whole
		.checked_mul(1_000_000)
		.and_then(|score| score.checked_add(rest))
		.and_then(|score| score.checked_mul(sign))
		.ok_or_else(wrong)
}

/// `ID` or `ID:VERSION`; the newest version when none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versioned {
	/// The asset or DataNet.
	pub id: u32,
	/// The version or snapshot.
	pub version: Option<u32>,
}

impl FromStr for Versioned {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let wrong = |_| format!("`{text}` is neither ID nor ID:VERSION");
		let (id, version) = match text.split_once(':') {
			Some((id, version)) => (id, Some(version.parse().map_err(wrong)?)),
			None => (text, None),
		};
		Ok(Self { id: id.parse().map_err(wrong)?, version })
	}
}

impl Versioned {
	/// As an asset version.
	pub async fn asset(self, chain: &Chain) -> Result<AssetRef, Failure> {
		let asset: AssetId = self.id;
		let version: AssetVersion = match self.version {
			Some(version) => version,
			None => {
				let view = chain.asset(asset).await?.ok_or_else(|| no_asset(asset))?;
				view.versions.last().map(|version| version.version).ok_or_else(|| no_asset(asset))?
			}
		};
		Ok(AssetRef { asset, version })
	}

	/// As a snapshot.
	pub async fn snapshot(self, chain: &Chain) -> Result<SnapshotRef, Failure> {
		let datanet: DataNetId = self.id;
		let version: SnapshotVersion = match self.version {
			Some(version) => version,
			None => {
				let view = chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
				if view.snapshots == 0 {
					let hint = format!("tributary datanet snapshot {datanet}");
					return Err(Failure::Usage(format!(
						"DataNet {datanet} has no snapshot yet: take one with `{hint}`"
					)));
				}
				view.snapshots
			}
		};
		Ok(SnapshotRef { datanet, version })
	}
}

/// `ID[:VERSION]=FRACTION` or `ID[:VERSION]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weighted {
	/// What.
	pub of: Versioned,
	/// How much, ppm.
	pub ppm: Option<Ppm>,
}

impl FromStr for Weighted {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		match text.split_once('=') {
			Some((of, ppm)) => Ok(Self { of: of.parse()?, ppm: Some(fraction(ppm)?) }),
			None => Ok(Self { of: text.parse()?, ppm: None }),
		}
	}
}

/// `ACCOUNT=WEIGHT`.
pub fn holder(text: &str) -> Result<(AccountId, u16), String> {
	let (who, weight) = text.split_once('=').ok_or_else(|| format!("`{text}` is not ACCOUNT=WEIGHT"))?;
	let weight = weight.parse().map_err(|_| format!("`{weight}` is no weight: give 1 to 65535"))?;
	Ok((account(who)?, weight))
}

/// `platform`, `stakers`, `operator=ACCOUNT`, `asset=ID`, `evaluators=ID` or `pool=DATANET`.
pub fn vault(text: &str) -> Result<VaultKey, String> {
	let wrong = || {
		format!("`{text}` is no vault: give platform, stakers, operator=ACCOUNT, asset=ID, evaluators=ID or pool=DATANET")
	};
	let number = |text: &str| text.parse().map_err(|_| wrong());
	match text.split_once('=') {
		None if text == "platform" => Ok(VaultKey::Platform),
		None if text == "stakers" => Ok(VaultKey::Stakers),
		Some(("operator", who)) => Ok(VaultKey::Operator(account(who)?)),
		Some(("asset", id)) => Ok(VaultKey::Asset(number(id)?)),
		Some(("evaluators", id)) => Ok(VaultKey::Evaluators(number(id)?)),
		Some(("pool", id)) => Ok(VaultKey::Pool(number(id)?)),
		_ => Err(wrong()),
	}
}

/// `3` or `3-8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indices {
	first: u32,
	last: u32,
}

impl FromStr for Indices {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let wrong = || format!("`{text}` is neither INDEX nor FIRST-LAST");
		let (first, last) = text.split_once('-').unwrap_or((text, text));
		let (first, last) = (first.parse().map_err(|_| wrong())?, last.parse().map_err(|_| wrong())?);
		if first > last {
			return Err(wrong());
		}
		Ok(Self { first, last })
	}
}

impl Indices {
	/// Whether the index is one of them.
	pub fn contains(&self, index: u32) -> bool {
		(self.first..=self.last).contains(&index)
	}
}

/// There is no such asset.
pub fn no_asset(asset: AssetId) -> Failure {
	Failure::Usage(format!("there is no asset {asset}: `tributary asset list` shows those there are"))
}

/// There is no such DataNet.
pub fn no_datanet(datanet: DataNetId) -> Failure {
	Failure::Usage(format!("there is no DataNet {datanet}: `tributary datanet list` shows those there are"))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn version_is_read_when_named_or_left_out() {
		assert_eq!("7".parse(), Ok(Versioned { id: 7, version: None }));
		assert_eq!("7:2".parse(), Ok(Versioned { id: 7, version: Some(2) }));
		assert_eq!(
			"7:2=0.5".parse(),
			Ok(Weighted { of: Versioned { id: 7, version: Some(2) }, ppm: Some(500_000) })
		);
		for text in ["", "a", "7:", "7:x", ":2", "-1"] {
			assert!(text.parse::<Versioned>().is_err(), "{text}");
		}
	}

	#[test]
	fn fraction_and_score_are_exact_when_they_have_six_decimals() {
		assert_eq!(fraction("1"), Ok(PPM));
		assert_eq!(fraction("0.000001"), Ok(1));
		assert_eq!(score("-12.5"), Ok(-12_500_000));
		assert_eq!(score("-0.5"), Ok(-500_000));
		for text in ["", ".5", "0.0000001", "1e3", "17", "+1"] {
			assert!(fraction(text).is_err(), "{text}");
		}
		assert!(score("99999999999999").is_err());
	}

	#[test]
	fn session_keys_and_proof_are_read_when_a_node_made_them() {
		let keys = format!("0x{}{}", "11".repeat(32), "22".repeat(32));
		assert_eq!(session_keys(&keys), Ok([[0x11; 32], [0x22; 32]]));
		assert_eq!(ownership_proof(&format!("0x{}", "03".repeat(128))), Ok([3; 128]));
	}

	#[test]
	fn session_keys_and_proof_are_refused_when_they_are_others_or_swapped() {
		let (keys, proof) = (format!("0x{}", "11".repeat(64)), format!("0x{}", "11".repeat(128)));
		for text in
			["", "0x", "0x11", &keys[2..], &keys[..129], &format!("{keys}22"), &proof, &"é".repeat(65)]
		{
			assert!(session_keys(text).unwrap_err().contains("0x and 128 hex digits"), "{text}");
		}
		for text in ["", "0x", &keys, &proof[2..], &format!("{proof}22"), &proof.replace('1', "g")] {
			assert!(ownership_proof(text).unwrap_err().contains("0x and 256 hex digits"), "{text}");
		}
	}

	#[test]
	fn vault_is_read_when_it_is_one() {
		assert_eq!(vault("asset=3"), Ok(VaultKey::Asset(3)));
		assert_eq!(vault("platform"), Ok(VaultKey::Platform));
		for text in ["", "asset", "asset=x", "platform=1", "operator=nobody"] {
			assert!(vault(text).is_err(), "{text}");
		}
	}

	#[test]
	fn indices_are_read_when_single_or_a_range() {
		assert!("3-8".parse::<Indices>().unwrap().contains(8));
		assert!(!"3".parse::<Indices>().unwrap().contains(4));
		assert!("8-3".parse::<Indices>().is_err());
	}
}
