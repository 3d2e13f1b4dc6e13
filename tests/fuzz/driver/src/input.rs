//! Choices taken from an input's bytes.

/// Reads an input as a sequence of choices; zeros follow its end, so every input means something.
#[derive(Clone, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
	/// From bytes.
	pub fn new(bytes: &'a [u8]) -> Self {
		Self(bytes)
	}

	/// Whether all bytes are read.
	pub fn is_empty(&self) -> bool {
		self.0.is_empty()
	}

	/// The bytes that are left.
	pub fn rest(&self) -> &'a [u8] {
		self.0
	}

	/// Up to `length` bytes.
	pub fn take(&mut self, length: usize) -> &'a [u8] {
		let (taken, rest) = self.0.split_at(length.min(self.0.len()));
		self.0 = rest;
		taken
	}

	/// One byte.
	pub fn byte(&mut self) -> u8 {
		self.take(1).first().copied().unwrap_or(0)
	}

	/// `N` bytes.
	pub fn array<const N: usize>(&mut self) -> [u8; N] {
		let mut array = [0; N];
		let taken = self.take(N);
		array[..taken.len()].copy_from_slice(taken);
		array
	}

	/// A number of eight bytes.
	pub fn number(&mut self) -> u64 {
		u64::from_le_bytes(self.array())
	}

	/// A number below `bound`, from one byte where that is enough; 0 when `bound` is.
	pub fn below(&mut self, bound: usize) -> usize {
		match bound {
			0 | 1 => 0,
			2..=256 => usize::from(self.byte()) % bound,
			_ => self.number() as usize % bound,
		}
	}

	/// Whether one of `of` equally likely cases is the case.
	pub fn one_in(&mut self, of: usize) -> bool {
		self.below(of) == of - 1
	}

	/// One of `items`; `None` when there is none.
	pub fn choose<'b, T>(&mut self, items: &'b [T]) -> Option<&'b T> {
		items.get(self.below(items.len()))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn choices_are_zeros_when_the_input_is_over() {
		let mut input = Input::new(&[5, 1]);
		assert_eq!((input.below(4), input.number(), input.byte()), (1, 1, 0));
		assert!(input.is_empty() && !input.one_in(2));
		assert_eq!(input.choose(&[7, 8]), Some(&7));
		assert_eq!(input.choose::<u8>(&[]), None);
	}
}
