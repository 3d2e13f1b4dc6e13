//! Recipients, identities, and the keys of a DataNet.

use super::{bech32, seal, Plaintext, PrivateError};
use crate::keys::Keypair;
use age::secrecy::ExposeSecret;
use std::str::FromStr;
use tributary_primitives::{DataNetId, Hash};
use zeroize::Zeroizing;

/// Most epochs of a DataNet's keys.
pub const MAX_EPOCHS: u32 = 4_096;

const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";

const ACCOUNT: &str = "tributary 2026 private: age identity of an account";
const LAST_STATE: &str = "tributary 2026 private: last state of a DataNet's keys";
const EARLIER_STATE: &str = "tributary 2026 private: earlier state of a DataNet's keys";
const OF_STATE: &str = "tributary 2026 private: age identity of a DataNet's state";

/// Points of low order (u coordinates, little endian, top bit clear): an exchange with them gives zero.
const LOW_ORDER: [[u8; 32]; 7] = {
	let (zero, mut one) = ([0; 32], [0; 32]);
	one[0] = 1;
	let mut near = [[0xff; 32]; 3];
	(near[0][0], near[1][0], near[2][0]) = (0xec, 0xed, 0xee);
	(near[0][31], near[1][31], near[2][31]) = (0x7f, 0x7f, 0x7f);
	let eight = [
		0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
		0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
	];
	let other_eight = [
		0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
		0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
	];
	[zero, one, eight, other_eight, near[0], near[1], near[2]]
};

/// A recipient as age writes it: `age1…`.
pub fn recipient_text(recipient: &[u8; 32]) -> String {
	bech32::encode(RECIPIENT, recipient).to_string()
}

/// Reads a recipient that age wrote; refuses points of low order.
pub fn parse_recipient(text: &str) -> Result<[u8; 32], PrivateError> {
	let text = text.trim();
	let recipient = bech32::decode(RECIPIENT, text)
		.ok_or_else(|| PrivateError::Recipient(text.chars().take(80).collect()))?;
	check_recipient(&recipient)?;
	Ok(*recipient)
}

/// Refuses a recipient that anyone could read for. age itself would panic.
pub(super) fn check_recipient(recipient: &[u8; 32]) -> Result<(), PrivateError> {
	let mut point = *recipient;
	if let Some(top) = point.last_mut() {
		*top &= 0x7f;
	}
	match LOW_ORDER.contains(&point) {
		true => Err(PrivateError::WeakRecipient),
		false => Ok(()),
	}
}

/// An X25519 secret key that opens what is encrypted to its recipient. Wiped when dropped.
#[derive(Clone)]
pub struct Identity(pub(super) age::x25519::Identity);

impl std::fmt::Debug for Identity {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "Identity({})", self.0.to_public())
	}
}

impl Identity {
	/// The identity of an account on a chain, derived from its secret: capsules are encrypted to it.
	pub fn of_account(key: &Keypair, genesis: &Hash) -> Self {
		Self::from_secret(&key.derive(ACCOUNT, genesis))
	}

	fn from_secret(secret: &[u8; 32]) -> Self {
		let mut text = bech32::encode(IDENTITY, secret);
		text.make_ascii_uppercase();
		match age::x25519::Identity::from_str(&text) {
			Ok(identity) => Self(identity),
			// Any 32 bytes are a secret key, and the text is well formed.
			Err(reason) => unreachable!("age refused its own form: {reason}"),
		}
	}

	/// Reads an identity that `age-keygen` wrote.
	pub fn parse(text: &str) -> Result<Self, PrivateError> {
		age::x25519::Identity::from_str(text.trim()).map(Self).map_err(|_| PrivateError::Identity)
	}

	/// As `age-keygen` writes it. A secret: whoever has it reads what was encrypted to the recipient.
	pub fn to_text(&self) -> Zeroizing<String> {
		Zeroizing::new(self.0.to_string().expose_secret().to_owned())
	}

	/// The public key.
	pub fn recipient(&self) -> [u8; 32] {
		// age shows the key as text only, which it wrote itself.
		bech32::decode(RECIPIENT, &self.0.to_public().to_string()).map(|key| *key).unwrap_or_default()
	}

	/// Opens an age file of at most `limit` bytes of plaintext.
	pub fn open(&self, sealed: &[u8], limit: usize) -> Result<Plaintext, PrivateError> {
		seal::open(std::slice::from_ref(self), sealed, limit)
	}
}

/// The keys of a DataNet up to an epoch. Wiped when dropped.
#[derive(Clone)]
pub struct DataNetKeys {
	datanet: DataNetId,
	epoch: u32,
	/// From which everything up to the epoch follows.
	pub(super) state: Zeroizing<[u8; 32]>,
	/// Newest first.
	identities: Vec<Identity>,
}

impl std::fmt::Debug for DataNetKeys {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(formatter, "DataNetKeys(DataNet {}, up to epoch {})", self.datanet, self.epoch)
	}
}

impl DataNetKeys {
	/// Derives the keys of a DataNet from its owner's secret.
	pub fn of_owner(
		owner: &Keypair,
		genesis: &Hash,
		datanet: DataNetId,
		epoch: u32,
	) -> Result<Self, PrivateError> {
		check_epoch(epoch)?;
		let mut info = genesis.to_vec();
		info.extend(datanet.to_le_bytes());
		let mut state = owner.derive(LAST_STATE, &info);
		for _ in epoch..MAX_EPOCHS {
			state = earlier(&state);
		}
		Self::from_state(datanet, epoch, state)
	}

	/// From the state of an epoch.
	pub(super) fn from_state(
		datanet: DataNetId,
		epoch: u32,
		state: Zeroizing<[u8; 32]>,
	) -> Result<Self, PrivateError> {
		check_epoch(epoch)?;
		let mut identities = Vec::with_capacity(epoch as usize);
		let mut at = state.clone();
		for _ in 0..epoch {
			identities.push(Identity::from_secret(&kdf(OF_STATE, at.as_slice())));
			at = earlier(&at);
		}
		Ok(Self { datanet, epoch, state, identities })
	}

	/// Of which DataNet.
	pub fn datanet(&self) -> DataNetId {
		self.datanet
	}

	/// The newest epoch they open.
	pub fn epoch(&self) -> u32 {
		self.epoch
	}

	/// Whom contributions of the newest epoch are encrypted to.
	pub fn recipient(&self) -> [u8; 32] {
		self.identities.first().map(Identity::recipient).unwrap_or_default()
	}

	/// The identities of all epochs, newest first.
	pub fn identities(&self) -> &[Identity] {
		&self.identities
	}

	/// Opens a contribution of at most `limit` bytes of text, of whichever epoch.
	pub fn open(&self, sealed: &[u8], limit: usize) -> Result<Plaintext, PrivateError> {
		seal::open(&self.identities, sealed, limit)
	}
}

fn check_epoch(epoch: u32) -> Result<(), PrivateError> {
	match (1..=MAX_EPOCHS).contains(&epoch) {
		true => Ok(()),
		false => Err(PrivateError::Epoch(epoch)),
	}
}

fn earlier(state: &Zeroizing<[u8; 32]>) -> Zeroizing<[u8; 32]> {
	kdf(EARLIER_STATE, state.as_slice())
}

fn kdf(context: &str, secret: &[u8]) -> Zeroizing<[u8; 32]> {
	Zeroizing::new(blake3::derive_key(context, secret))
}
