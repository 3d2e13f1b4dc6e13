//! How much memory a piece of code takes.

use std::{
	alloc::{GlobalAlloc, Layout, System},
	sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted. A program that asks for [`peak_of`] makes it its global allocator.
pub struct Meter;

fn took(bytes: usize) {
	let now = NOW.fetch_add(bytes, Relaxed).wrapping_add(bytes);
	PEAK.fetch_max(now, Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Meter {
	unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
		took(layout.size());
		// SAFETY: the caller's promises are those that the system's allocator asks for.
		unsafe { System.alloc(layout) }
	}

	unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
		NOW.fetch_sub(layout.size(), Relaxed);
		// SAFETY: as above.
		unsafe { System.dealloc(pointer, layout) }
	}

	unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
		took(layout.size());
		// SAFETY: as above.
		unsafe { System.alloc_zeroed(layout) }
	}

	unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
		NOW.fetch_sub(layout.size(), Relaxed);
		took(size);
		// SAFETY: as above.
		unsafe { System.realloc(pointer, layout, size) }
	}
}

/// Most bytes that `work` had on the heap at once, beyond those that were there before. Zero where [`Meter`] is
/// not the program's allocator.
pub fn peak_of<R>(work: impl FnOnce() -> R) -> (R, usize) {
	let before = NOW.load(Relaxed);
	PEAK.store(before, Relaxed);
	let result = work();
	(result, PEAK.load(Relaxed).saturating_sub(before))
}
