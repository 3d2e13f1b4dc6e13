//! Sealing and opening age files in memory.

use super::{keys::check_recipient, recipient_text, Identity, PrivateError};
use age::{x25519, DecryptError, Decryptor, Encryptor};
use std::{
	io::{ErrorKind, Read, Write},
	str::FromStr,
};
use zeroize::Zeroizing;

/// Text that was opened. Wiped when dropped.
pub type Plaintext = Zeroizing<Vec<u8>>;

const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// What ends a header, before 43 characters of its MAC.
const END_OF_HEADER: &[u8] = b"\n--- ";
/// Largest header that is read, bytes: room for some thirty recipients.
const MAX_HEADER: usize = 4_096;
/// Bytes of plaintext that share an authentication tag.
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;
/// Most that a sealed text of 16 MiB is larger than its plaintext, bytes.
pub const MAX_SEALED_OVERHEAD: usize = MAX_HEADER + (16 << 20) / CHUNK * TAG + 64;

/// Encrypts bytes to a recipient.
pub fn seal(recipient: &[u8; 32], plaintext: &[u8]) -> Result<Vec<u8>, PrivateError> {
	check_recipient(recipient)?;
	let failed = |error: &dyn std::fmt::Display| PrivateError::Encrypt(error.to_string());
	let recipient = x25519::Recipient::from_str(&recipient_text(recipient)).map_err(|e| failed(&e))?;
	let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
		.map_err(|e| failed(&e))?;
	let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(1_024));
	let mut writer = encryptor.wrap_output(&mut sealed).map_err(|e| failed(&e))?;
	writer.write_all(plaintext).map_err(|e| failed(&e))?;
	writer.finish().map_err(|e| failed(&e))?;
	Ok(sealed)
}

/// Opens an age file with whichever of the identities fits.
pub(super) fn open(identities: &[Identity], sealed: &[u8], limit: usize) -> Result<Plaintext, PrivateError> {
	check_header(sealed)?;
	let keys = identities.iter().map(|identity| &identity.0 as &dyn age::Identity);
	let opened = Decryptor::new_buffered(sealed).and_then(|decryptor| decryptor.decrypt(keys));
	let reader = opened.map_err(|error| match error {
		DecryptError::NoMatchingKeys => PrivateError::WrongKey(identities.len()),
		DecryptError::InvalidMac | DecryptError::DecryptionFailed => PrivateError::Tampered,
		DecryptError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => PrivateError::Truncated,
		_ => PrivateError::Header(MAX_HEADER),
	})?;
	// As large as it can become, so that no copy is left behind by growing. One byte more than allowed tells
	// that there is too much.
	let room = sealed.len().min(limit.saturating_add(1));
	let mut text = Zeroizing::new(Vec::with_capacity(room.saturating_add(64)));
	reader.take(room as u64).read_to_end(&mut text).map_err(|error| match error.kind() {
		ErrorKind::UnexpectedEof => PrivateError::Truncated,
		_ => PrivateError::Tampered,
	})?;
	if text.len() > limit {
		return Err(PrivateError::TooLarge { size: text.len(), limit });
	}
	Ok(text)
}

/// Looks for the end of the header where it must be: the parser would read on through any amount of it.
fn check_header(sealed: &[u8]) -> Result<(), PrivateError> {
	if !sealed.starts_with(MAGIC) {
		let cut = !sealed.is_empty() && MAGIC.starts_with(sealed);
		return Err(if cut { PrivateError::Truncated } else { PrivateError::NotAge });
	}
	let head = sealed.get(..MAX_HEADER).unwrap_or(sealed);
	match head.windows(END_OF_HEADER.len()).any(|window| window == END_OF_HEADER) {
		true => Ok(()),
		false if sealed.len() < MAX_HEADER => Err(PrivateError::Truncated),
		false => Err(PrivateError::Header(MAX_HEADER)),
	}
}
