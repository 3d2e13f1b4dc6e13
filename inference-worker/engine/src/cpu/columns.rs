//! A matrix that several threads fill, each its own columns.

use std::{marker::PhantomData, ops::Range};

/// Rows of numbers whose columns are handed out for writing.
pub(crate) struct Columns<'a> {
	start: *mut f32,
	rows: usize,
	width: usize,
	borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: threads get at the numbers only through `columns`, whose callers name disjoint ones.
unsafe impl Sync for Columns<'_> {}

impl<'a> Columns<'a> {
	/// The rows of `matrix`, each `width` long.
	pub(crate) fn new(matrix: &'a mut [f32], width: usize) -> Self {
		assert!(width > 0 && matrix.len().is_multiple_of(width));
		Self { start: matrix.as_mut_ptr(), rows: matrix.len() / width, width, borrowed: PhantomData }
	}

	/// The numbers of a row in `columns`.
	///
	/// # Safety
	/// While the slice lives, nobody else may ask for the same columns of the same row.
	#[allow(clippy::mut_from_ref)] // That is what the type is for.
	#[inline(always)]
	pub(crate) unsafe fn columns(&self, row: usize, columns: Range<usize>) -> &mut [f32] {
		assert!(row < self.rows && columns.start <= columns.end && columns.end <= self.width);
		// SAFETY: inside the matrix as asserted, and nobody else's as the caller promises.
		unsafe {
			let start = self.start.add(row * self.width + columns.start);
			std::slice::from_raw_parts_mut(start, columns.len())
		}
	}
}
