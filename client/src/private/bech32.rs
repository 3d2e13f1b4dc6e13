//! Keys of 32 bytes as age writes them: Bech32 (BIP 173) without its limit on length.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATORS: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
/// Symbols of the checksum.
const CHECKSUM: usize = 6;
/// Symbols of 32 bytes: 5 bits each, the last one filled up with 4 zero bits.
const SYMBOLS: usize = 52;

/// Writes a key, in lower case.
pub(super) fn encode(prefix: &str, key: &[u8; 32]) -> Zeroizing<String> {
	// One allocation: a string that grows leaves copies of its text behind.
	let mut text = Zeroizing::new(String::with_capacity(prefix.len() + 1 + SYMBOLS + CHECKSUM));
	text.push_str(prefix);
	text.push('1');
	let mut sum = checksum_of_prefix(prefix);
	let (mut bits, mut count) = (0u32, 0u32);
	for byte in key.iter().map(Some).chain([None]) {
		// Four zero bits end the last symbol.
		(bits, count) = match byte {
			Some(byte) => ((bits << 8) | u32::from(*byte), count + 8),
			None => (bits << 4, count + 4),
		};
		while count >= 5 {
			count -= 5;
			push(&mut text, &mut sum, (bits >> count) & 31);
		}
		bits &= (1 << count) - 1;
	}
	for _ in 0..CHECKSUM {
		sum = step(sum, 0);
	}
	sum ^= 1;
	for place in (0..CHECKSUM).rev() {
		text.push(symbol((sum >> (5 * place)) & 31));
	}
	text
}

/// Reads a key; `None` when the text is not one with this prefix. Capitals are taken too, mixed ones are not.
pub(super) fn decode(prefix: &str, text: &str) -> Option<Zeroizing<[u8; 32]>> {
	let mixed = text.bytes().any(|c| c.is_ascii_lowercase()) && text.bytes().any(|c| c.is_ascii_uppercase());
	let lower = Zeroizing::new(text.to_ascii_lowercase());
	let data = lower.strip_prefix(prefix)?.strip_prefix('1')?;
	if mixed || data.len() != SYMBOLS + CHECKSUM {
		return None;
	}
	let mut key = Zeroizing::new([0; 32]);
	let mut places = key.iter_mut();
	let (mut sum, mut bits, mut count) = (checksum_of_prefix(prefix), 0u32, 0u32);
	for (index, c) in data.bytes().enumerate() {
		let value = u32::try_from(ALPHABET.iter().position(|known| *known == c)?).ok()?;
		sum = step(sum, value);
		if index >= SYMBOLS {
			continue;
		}
		(bits, count) = ((bits << 5) | value, count + 5);
		if count >= 8 {
			count -= 8;
			*places.next()? = u8::try_from((bits >> count) & 0xff).ok()?;
			bits &= (1 << count) - 1;
		}
	}
	(sum == 1 && bits == 0).then_some(key)
}

fn push(text: &mut String, sum: &mut u32, value: u32) {
	*sum = step(*sum, value);
	text.push(symbol(value));
}

fn symbol(value: u32) -> char {
	ALPHABET.get(value as usize).copied().map_or('q', char::from)
}

fn checksum_of_prefix(prefix: &str) -> u32 {
	let high = prefix.bytes().map(|c| u32::from(c) >> 5);
	let low = prefix.bytes().map(|c| u32::from(c) & 31);
	high.chain([0]).chain(low).fold(1, step)
}

fn step(sum: u32, value: u32) -> u32 {
	let top = sum >> 25;
	let shifted = ((sum & 0x01ff_ffff) << 5) ^ value;
	let chosen = GENERATORS.iter().enumerate().filter(|(bit, _)| (top >> bit) & 1 == 1);
	chosen.fold(shifted, |sum, (_, generator)| sum ^ generator)
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
