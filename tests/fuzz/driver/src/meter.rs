//! How much memory a piece of code takes.

use std::{
	alloc::{GlobalAlloc, Layout, System},
	sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed},
};

/// Whether somebody wants to know. Counting costs a tenth of the time of code that allocates much.
static COUNTS: AtomicBool = AtomicBool::new(false);
static NOW: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// The system's allocator, counted. A program that asks for [`peak_of`] makes it its global allocator.
pub struct Meter;

fn took(bytes: usize) {
	if COUNTS.load(Relaxed) {
		let bytes = bytes as isize;
		let now = NOW.fetch_add(bytes, Relaxed).wrapping_add(bytes);
		PEAK.fetch_max(now, Relaxed);
	}
}

fn gave(bytes: usize) {
	if COUNTS.load(Relaxed) {
		NOW.fetch_sub(bytes as isize, Relaxed);
	}
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Meter {
	unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
		took(layout.size());
		// SAFETY: the caller's promises are those that the system's allocator asks for.
		unsafe { System.alloc(layout) }
	}

	unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
		gave(layout.size());
		// SAFETY: as above.
		unsafe { System.dealloc(pointer, layout) }
	}

	unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
		took(layout.size());
		// SAFETY: as above.
		unsafe { System.alloc_zeroed(layout) }
	}

	unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
		gave(layout.size());
		took(size);
		// SAFETY: as above.
		unsafe { System.realloc(pointer, layout, size) }
	}
}

/// Most bytes that `work` had on the heap at once, beyond those that were there before. Zero where [`Meter`] is
/// not the program's allocator. One thread asks at a time.
pub fn peak_of<R>(work: impl FnOnce() -> R) -> (R, usize) {
	NOW.store(0, Relaxed);
	PEAK.store(0, Relaxed);
	COUNTS.store(true, Relaxed);
	let result = work();
	COUNTS.store(false, Relaxed);
	(result, PEAK.load(Relaxed).max(0) as usize)
}
