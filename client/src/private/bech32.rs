//! Keys of 32 bytes as age writes them: Bech32 (BIP 173).

use ::bech32::{encode_lower_to_fmt, primitives::decode::CheckedHrpstring, Bech32, Hrp};
use zeroize::Zeroizing;

/// Symbols of 32 bytes and of the checksum.
const SYMBOLS: usize = 52 + 6;

/// Writes a key, in lower case.
pub(super) fn encode(prefix: &str, key: &[u8; 32]) -> Zeroizing<String> {
	// One allocation: a string that grows leaves copies of its text behind.
	let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 1 + SYMBOLS));
	match encode_lower_to_fmt::<Bech32, _>(&mut *text, Hrp::parse_unchecked(prefix), key) {
		Ok(()) => text,
		// A short prefix and 32 bytes are never too long, and a string takes all that is written.
		Err(reason) => unreachable!("32 bytes cannot be written: {reason}"),
	}
}

/// Reads a key; `None` when the text is not one with this prefix. Capitals are taken too, mixed ones are not.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<[u8; 32]>> {
	let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
	// Bits that fill the last symbol up are zero.
	checked.validate_segwit_padding().ok()?;
	let mut key = Zeroizing::new([0; 32]);
	let bytes = checked.byte_iter();
	if checked.hrp() != Hrp::parse_unchecked(prefix) || bytes.len() != key.len() {
		return None;
	}
	key.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
	Some(key)
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn key_is_the_same_text_when_age_writes_it() {
		// From age's own tests.
		let text = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
		let key = decode("age", text).unwrap();
		assert_eq!(*encode("age", &key), text);
		assert_eq!(decode("age", &text.to_ascii_uppercase()), Some(key));
	}

	#[test]
	fn text_is_refused_when_a_symbol_the_prefix_or_the_case_is_wrong() {
		let text = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
		for index in 4..text.len() {
			let mut wrong = text.as_bytes().to_vec();
			wrong[index] = if wrong[index] == b'q' { b'p' } else { b'q' };
			assert_eq!(decode("age", std::str::from_utf8(&wrong).unwrap()), None, "{index}");
		}
		for wrong in ["", "age1", "age", &text[..61], &format!("{text}q"), &text.replacen('t', "T", 1), "é"]
		{
			assert_eq!(decode("age", wrong), None, "{wrong}");
		}
		assert_eq!(decode("bge", text), None);
	}

	proptest! {
		#[test]
		fn key_comes_back_when_written(key: [u8; 32]) {
			prop_assert_eq!(*decode("age", &encode("age", &key)).unwrap(), key);
		}
	}
}
