//! Numbers that follow from a seed.

/// SplitMix64 (Steele, Lea and Flood, 2014): small, fast, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
	/// From a seed.
	pub fn new(seed: u64) -> Self {
		Self(seed)
	}

	/// The next number.
	pub fn number(&mut self) -> u64 {
		self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
		let mut mixed = self.0;
		mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
		mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
		mixed ^ (mixed >> 31)
	}

	/// A number below `bound`; 0 when `bound` is.
	pub fn below(&mut self, bound: usize) -> usize {
		match bound {
			0 => 0,
			_ => (self.number() % bound as u64) as usize,
		}
	}

	/// `length` bytes.
	pub fn bytes(&mut self, length: usize) -> Vec<u8> {
		let mut bytes = Vec::with_capacity(length + 8);
		while bytes.len() < length {
			bytes.extend_from_slice(&self.number().to_le_bytes());
		}
		bytes.truncate(length);
		bytes
	}
}
