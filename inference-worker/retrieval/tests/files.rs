//! Indexes in files and in memory.

mod common;

use common::{behaves, build, find, goes_on, query, rows, space, text, word, Letters};
use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
};
use tributary_attribution::Chunks;
use tributary_primitives::SnapshotRef;
use tributary_retrieval::{ChunkStore, Files, Memory, Query, RetrievalError, Space};

fn files_in(folder: &Path) -> Vec<PathBuf> {
	let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
	entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

/// Files below a folder that contain these bytes.
fn containing(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
	let contains = |path: &PathBuf| {
		let content = std::fs::read(path).unwrap();
		content.windows(bytes.len()).any(|window| window == bytes)
	};
	files_in(folder).into_iter().filter(contains).collect()
}

#[tokio::test]
async fn index_is_found_reused_and_renewed_when_in_files() {
	let folder = tempfile::tempdir().unwrap();
	let store = Files::new(folder.path().join("chunks")).unwrap();
	behaves(&store, 1).await;
	// And by another process later.
	let store = Files::new(folder.path().join("chunks")).unwrap();
	let left: Vec<u32> = (0..210).filter(|c| *c != 17 && *c != 30).collect();
	let index = store.open(&space(1, 2, &left)).await.unwrap().unwrap();
	assert_eq!(find(&index, &text(205)).await[0], 205);
}

#[tokio::test]
async fn index_is_found_reused_and_renewed_when_in_memory() {
	behaves(&Memory::default(), 1).await;
}

#[tokio::test]
async fn build_goes_on_when_it_was_interrupted_in_files() {
	let folder = tempfile::tempdir().unwrap();
	goes_on(&Files::new(folder.path().into()).unwrap(), 1).await;
	assert!(!files_in(folder.path()).iter().any(|path| path.ends_with("journal")));
}

#[tokio::test]
async fn nothing_of_an_erased_contribution_is_on_disk_when_indexes_are_tidied() {
	let folder = tempfile::tempdir().unwrap();
	let store = Files::new(folder.path().into()).unwrap();
	let letters = Letters::default();
	let all: Vec<u32> = (0..40).collect();
	let left: Vec<u32> = all.iter().copied().filter(|c| *c != 17).collect();
	let (before, after) = (space(1, 1, &all), space(1, 1, &left));
	build(&store, &before, &all, &letters).await.unwrap();
	// Words of its own are in the texts, its text's hash is among the vectors.
	let hash = *blake3::hash(text(17).trim().as_bytes()).as_bytes();
	let (own, other) = (word(1_703), word(1_803));
	assert!(!containing(folder.path(), own.as_bytes()).is_empty());
	assert!(!containing(folder.path(), &hash).is_empty());
	let index = build(&store, &after, &left, &letters).await.unwrap();
	store.retain(&BTreeSet::from([after.snapshot]), &[after]).await.unwrap();
	for n in 0..6 {
		assert_eq!(containing(folder.path(), word(1_700 + n).as_bytes()), Vec::<PathBuf>::new());
	}
	assert_eq!(containing(folder.path(), &hash), Vec::<PathBuf>::new());
	assert!(!containing(folder.path(), other.as_bytes()).is_empty(), "others stay");
	assert_eq!(find(&index, &text(18)).await[0], 18);
	assert!(index.by_keywords(&query("only17"), 5).await.unwrap().is_empty());
}

#[tokio::test]
async fn index_is_kept_when_it_is_in_use_or_may_be() {
	let folder = tempfile::tempdir().unwrap();
	let store = Files::new(folder.path().into()).unwrap();
	let letters = Letters::default();
	let spaces = [space(1, 1, &[0]), space(1, 1, &[0, 1]), space(1, 2, &[0]), space(2, 1, &[0])];
	for (space, contributions) in spaces.iter().zip([&[0][..], &[0, 1], &[0], &[0]]) {
		build(&store, space, contributions, &letters).await.unwrap();
	}
	std::fs::write(folder.path().join("stray"), "x").unwrap();
	let used = BTreeSet::from([spaces[0].snapshot, spaces[2].snapshot]);
	store.retain(&used, &[spaces[0]]).await.unwrap();
	let mut open = Vec::new();
	for space in &spaces {
		open.push(store.open(space).await.unwrap().is_some());
	}
	assert_eq!(open, [true, false, true, false]);
	assert!(!folder.path().join("stray").exists());
}

#[tokio::test]
async fn index_is_refused_when_files_are_cut_short_changed_or_missing() {
	let folder = tempfile::tempdir().unwrap();
	let store = Files::new(folder.path().into()).unwrap();
	let (letters, all) = (Letters::default(), (0..20).collect::<Vec<u32>>());
	let space = space(1, 1, &all);
	build(&store, &space, &all, &letters).await.unwrap();
	let place = folder.path().join(space.name());
	let files: Vec<PathBuf> =
		files_in(&place).into_iter().filter(|path| !path.to_string_lossy().contains(".lock")).collect();
	assert!(files.len() >= 8, "{files:?}");
	let mut refused = 0;
	for file in &files {
		let whole = std::fs::read(file).unwrap();
		let mut changed = whole.clone();
		let middle = changed.len() / 2;
		changed[middle] ^= 0x55;
		let cut = whole[..whole.len() - 1].to_vec();
		for bytes in [Some(changed), Some(cut), None] {
			match &bytes {
				Some(bytes) => std::fs::write(file, bytes).unwrap(),
				None => std::fs::remove_file(file).unwrap(),
			}
			match store.open(&space).await {
				Err(RetrievalError::Damaged { .. } | RetrievalError::Stale { .. }) => refused += 1,
				// tantivy's list of its own files is for deleting what is none of them: nothing is read from it.
				Ok(Some(_)) if file.ends_with(".managed.json") => {}
				other => panic!("{}: {:?}", file.display(), other.map(|index| index.is_some())),
			}
			std::fs::write(file, &whole).unwrap();
		}
	}
	assert!(refused >= 3 * (files.len() - 1), "{refused}");
	assert!(store.open(&space).await.unwrap().is_some());
	// And it is built again in its place, without embedding anything that is still whole.
	std::fs::write(place.join("manifest.json"), "{}").unwrap();
	assert!(store.open(&space).await.is_err());
	build(&store, &space, &all, &letters).await.unwrap();
	assert_eq!(letters.count(), 20);
	assert!(store.open(&space).await.unwrap().is_some());
}

#[tokio::test]
async fn index_is_refused_when_it_is_of_another_snapshot_or_model() {
	let folder = tempfile::tempdir().unwrap();
	let store = Files::new(folder.path().into()).unwrap();
	let letters = Letters::default();
	let (older, newer) = (space(1, 1, &[0]), space(1, 1, &[0, 1]));
	build(&store, &older, &[0], &letters).await.unwrap();
	std::fs::rename(folder.path().join(older.name()), folder.path().join(newer.name())).unwrap();
	let error = store.open(&newer).await.map(|_| ()).unwrap_err();
	assert!(matches!(error, RetrievalError::Stale { what: "snapshot", .. }), "{error}");
	let other = Space { model: [9; 32], ..newer };
	let error = store.open(&other).await.map(|_| ()).unwrap_err();
	assert!(matches!(error, RetrievalError::Stale { what: "model", .. }), "{error}");
	// Vectors of another model are not taken over.
	build(&store, &other, &[0], &letters).await.unwrap();
	assert_eq!(letters.count(), 2);
}

#[tokio::test]
async fn memory_forgets_an_index_when_it_was_replaced() {
	let (store, letters) = (Memory::default(), Letters::default());
	let (before, after) = (space(1, 1, &[0, 1]), space(1, 1, &[0]));
	build(&store, &before, &[0, 1], &letters).await.unwrap();
	build(&store, &after, &[0], &letters).await.unwrap();
	store.retain(&BTreeSet::from([after.snapshot]), &[after]).await.unwrap();
	assert!(store.open(&before).await.unwrap().is_none());
	assert!(store.open(&after).await.unwrap().is_some());
	store.retain(&BTreeSet::new(), &[]).await.unwrap();
	assert!(store.open(&after).await.unwrap().is_none());
}

#[tokio::test]
async fn search_ranks_over_all_indexes_when_there_are_several() {
	let snapshot = |datanet| SnapshotRef { datanet, version: 1 };
	let index = |datanet: u32, texts: &[&str]| {
		let documents: Vec<_> = texts
			.iter()
			.zip(0..)
			.map(|(text, contribution)| tributary_attribution::Document {
				contribution,
				contributor: [contribution as u8; 32],
				tokens: (0..9).collect(),
				text: text.to_string(),
			})
			.collect();
		let space = Space::of(snapshot(datanet), &[0; 32], [0; 32], [], 64, false);
		Memory::by_keywords(space, &Chunks::cut(&documents, 64)).unwrap()
	};
	let indexes = [
		index(5, &["the kernel schedules processes", "bread needs flour and the oven", "the sea is wide"]),
		index(3, &["the kernel swaps pages", "owls see at night", "larks sing early in the day"]),
	];
	let found = |text: &'static str| {
		let indexes = &indexes;
		async move {
			let hits = tributary_retrieval::search(indexes, &Query::new(text, None), 4).await.unwrap();
			let place =
				|hit: &tributary_attribution::Hit| (hit.datanet, hit.chunk.contribution, hit.ranks.keyword);
			hits.iter().map(place).collect::<Vec<_>>()
		}
	};
	// Equal ones by DataNet; ranks count over both.
	assert_eq!(found("kernel").await, [(3, 0, Some(1)), (5, 0, Some(2))]);
	assert_eq!(found("flour").await, [(5, 1, Some(1))]);
	assert!(found("absent").await.is_empty());
	assert!(tributary_retrieval::search(&[], &Query::new("kernel", None), 4).await.unwrap().is_empty());
	assert_eq!(rows(&indexes[0].by_keywords(&Query::new("the", None), 2).await.unwrap()).len(), 2);
}
