//! Changing an input a little.

use crate::Random;

/// Values at which code tends to branch.
const EDGES: [u64; 12] = [0, 1, 2, 63, 64, 127, 128, 255, 16_383, 16_384, u32::MAX as u64, u64::MAX];

/// One to five changes of `input`, some of them with pieces of `other`. Never longer than `longest`.
pub fn mutate(random: &mut Random, input: &[u8], other: &[u8], longest: usize) -> Vec<u8> {
	let mut bytes = input.to_vec();
	for _ in 0..=random.below(5) {
		change(random, &mut bytes, other);
	}
	bytes.truncate(longest);
	bytes
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
	let at = random.below(bytes.len());
	let most = match random.below(4) {
		0 => bytes.len() / 2 + 1,
		1 => 64,
		_ => 8,
	};
	let length = 1 + random.below(most);
	let end = (at + length).min(bytes.len());
	match random.below(9) {
		0 => {
			if let Some(byte) = bytes.get_mut(at) {
				*byte ^= 1 << random.below(8);
			}
		}
		1 => {
			if let Some(byte) = bytes.get_mut(at) {
				*byte = random.number() as u8;
			}
		}
		2 => {
			if let Some(byte) = bytes.get_mut(at) {
				*byte = byte.wrapping_add(1 + random.below(3) as u8).wrapping_sub(random.below(5) as u8);
			}
		}
		3 => {
			let edge = EDGES[random.below(EDGES.len())].to_le_bytes();
			let width = 1 << random.below(4);
			for (byte, edge) in bytes[at..].iter_mut().zip(&edge[..width]) {
				*byte = *edge;
			}
		}
		4 => {
			bytes.drain(at..end);
		}
		5 => {
			let piece = random.bytes(length.min(32));
			bytes.splice(at..at, piece);
		}
		6 => {
			let piece = bytes[at..end].to_vec();
			let to = random.below(bytes.len() + 1);
			bytes.splice(to..to, piece);
		}
		7 => {
			let from = random.below(other.len());
			let piece = other[from..(from + length).min(other.len())].to_vec();
			bytes.splice(at..at, piece);
		}
		// From here on like the other one.
		_ => {
			bytes.truncate(at);
			bytes.extend_from_slice(&other[random.below(other.len())..]);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn mutations_stay_within_the_limit_when_inputs_are_of_any_length() {
		let mut random = Random::new(1);
		for length in 0..200 {
			let (input, other) = (random.bytes(length), random.bytes(200 - length));
			assert!(mutate(&mut random, &input, &other, 150).len() <= 150);
		}
	}

	#[test]
	fn mutations_are_the_same_when_the_seed_is() {
		let made = |seed| {
			let mut random = Random::new(seed);
			(0..50).map(|_| mutate(&mut random, b"some input", b"another", 64)).collect::<Vec<_>>()
		};
		assert_eq!(made(7), made(7));
		assert_ne!(made(7), made(8));
	}
}
