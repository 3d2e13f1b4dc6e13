//! Kept inputs: one file each, named by its content.

use std::{collections::HashSet, fs, io, path::Path};

/// The inputs in a folder, in the order of their names; none where there is no folder.
pub fn load(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
	let entries = match fs::read_dir(folder) {
		Ok(entries) => entries,
		Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
		Err(error) => return Err(error),
	};
	let mut paths: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
	paths.retain(|path| path.is_file());
	paths.sort();
	paths.iter().map(fs::read).collect()
}

/// Writes an input under its name in the folder.
pub(crate) fn store(folder: &Path, input: &[u8]) -> io::Result<std::path::PathBuf> {
	fs::create_dir_all(folder)?;
	let path = folder.join(name(input));
	fs::write(&path, input)?;
	Ok(path)
}

/// FNV-1a of the content.
pub(crate) fn name(input: &[u8]) -> String {
	let hash = input
		.iter()
		.fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
	format!("{hash:016x}")
}

/// A few of the inputs that together reach everything that all of them reach: again and again the one that adds
/// most for its size.
pub fn distilled(mut inputs: Vec<(Vec<u8>, Vec<u64>)>) -> Vec<Vec<u8>> {
	let (mut reached, mut kept) = (HashSet::new(), Vec::new());
	loop {
		let worth = |(input, features): &(Vec<u8>, Vec<u64>)| {
			let fresh: HashSet<_> = features.iter().filter(|feature| !reached.contains(*feature)).collect();
			fresh.len() * 1_000_000 / (input.len() + 64)
		};
		let Some((at, best)) =
			inputs.iter().map(worth).enumerate().max_by_key(|(at, worth)| (*worth, usize::MAX - at))
		else {
			return kept;
		};
		if best == 0 {
			return kept;
		}
		let (input, features) = inputs.swap_remove(at);
		reached.extend(features);
		kept.push(input);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn corpus_keeps_only_inputs_that_add_something_when_distilled() {
		let kept = distilled(vec![(vec![1], vec![1, 2]), (vec![2], vec![2]), (vec![3], vec![3])]);
		assert_eq!(kept, [vec![1], vec![3]]);
	}
}
