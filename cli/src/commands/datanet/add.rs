//! `tributary datanet add`: files become contributions.

use super::{private, status};
use crate::{context::Context, failure::Failure, output::*, parse::no_datanet, texts};
use serde_json::json;
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
};
use tributary_client::{
	chain::{Call, Item},
	content::hash_bytes,
	private::Plaintext,
	Keypair,
};
use tributary_primitives::{views::ContributionView, AccountId, DataNetId, Hash};

/// Contributions of one transaction.
const PER_CALL: usize = 128;
/// Bytes of a contribution's metadata.
const MAX_METADATA: usize = 256;

/// What is said of every text.
pub struct Labels {
	/// Their licence.
	pub licence: String,
	/// Endings of the files that are taken.
	pub endings: Vec<String>,
	/// Where they come from.
	pub source: Option<String>,
}

/// A text that was not contributed, and why.
struct Skipped {
	path: PathBuf,
	reason: String,
}

/// Contributes a file, or the files below a folder.
pub async fn add(
	context: &Context,
	datanet: DataNetId,
	path: &Path,
	labels: &Labels,
) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
	let mut files = Vec::new();
	list_files(path, &labels.endings, &mut files)?;
	if files.is_empty() {
		let endings = labels.endings.join(", ");
		return Err(Failure::Usage(format!(
			"{} has no files that end in {endings}: see --endings",
			path.display()
		)));
	}
	files.sort();
	let access = chain.access(datanet).await?;
	let (store, signer) = (context.store()?, context.signer()?);
	// What is on chain already tells where an interrupted run stopped.
	let mut known = Known::new(&texts::contributions(chain, datanet).await?, signer.account());
	let (mut skipped, mut added, mut pending) = (Vec::new(), Vec::new(), Vec::new());
	let bar = texts::progress(files.len(), "contributing");
	for file in files {
		bar.inc(1);
		let mut bytes = match read_text(&file) {
			Ok(bytes) => bytes,
			Err(reason) => {
				skipped.push(Skipped { path: file, reason });
				continue;
			}
		};
		let metadata = metadata(path, &file, labels.source.as_deref());
		if let Some(reason) = known.reason(hash_bytes(&bytes), &metadata, access.is_some(), &file) {
			skipped.push(Skipped { path: file, reason });
			continue;
		}
		let content = match &access {
			Some(access) => private::seal_text(access, &bytes)?,
			None => std::mem::take(&mut *bytes),
		};
		let size = content.len() as u64;
		// Stored before it is registered: whatever is on chain can be fetched.
		let hash = store.put_bytes(content).await?;
		let licence = labels.licence.clone().into_bytes();
		pending.push((file, Item { content: hash, bytes: size, licence, metadata }));
		if pending.len() == PER_CALL {
			send(context, &signer, datanet, &mut pending, &mut added).await?;
		}
	}
	send(context, &signer, datanet, &mut pending, &mut added).await?;
	bar.finish_and_clear();
	Ok(added_output(datanet, &added, &skipped))
}

/// Texts that need not be contributed again.
struct Known {
	contents: BTreeMap<Hash, String>,
	/// What the signer contributed, by its metadata: each encryption of a text is another content.
	own: BTreeMap<Vec<u8>, String>,
}

impl Known {
	fn new(contributions: &[ContributionView], signer: AccountId) -> Self {
		let there = |one: &ContributionView| {
			format!("is contribution {} already ({})", one.index, status(&one.status))
		};
		let own = contributions.iter().filter(|one| one.contributor == signer);
		Self {
			contents: contributions.iter().map(|one| (one.content, there(one))).collect(),
			own: own.map(|one| (one.metadata.clone(), there(one))).collect(),
		}
	}

	/// Why a text is not contributed; it counts as known from now on.
	fn reason(&mut self, text: Hash, metadata: &[u8], private: bool, file: &Path) -> Option<String> {
		let own = self.own.get(metadata).filter(|_| private);
		if let Some(there) = own {
			return Some(format!("{there}, by its name: rename the file if its text is another"));
		}
		if let Some(reason) = self.contents.get(&text) {
			return Some(reason.clone());
		}
		self.contents.insert(text, format!("has the same text as {}", file.display()));
		None
	}
}

async fn send(
	context: &Context,
	signer: &Keypair,
	datanet: DataNetId,
	pending: &mut Vec<(PathBuf, Item)>,
	added: &mut Vec<(PathBuf, Hash)>,
) -> Result<(), Failure> {
	if pending.is_empty() {
		return Ok(());
	}
	let items: Vec<_> = pending.iter().map(|(_, item)| item.clone()).collect();
	context.submit_as(&Call::contribute(datanet, &items), signer).await?;
	added.extend(pending.drain(..).map(|(path, item)| (path, item.content)));
	Ok(())
}

fn added_output(datanet: DataNetId, added: &[(PathBuf, Hash)], skipped: &[Skipped]) -> Output {
	let json = json!({
		"datanet": datanet,
		"added": added.iter().map(|(path, hash)| json!({ "file": path, "content": hex32(hash) })).collect::<Vec<_>>(),
		"skipped": skipped.iter().map(|one| json!({ "file": one.path, "reason": one.reason })).collect::<Vec<_>>(),
	});
	let told = skipped.iter().map(|one| format!("skipped {}: {}\n", one.path.display(), one.reason));
	let text = format!("contributed {} texts to DataNet {datanet}, skipped {}\n", added.len(), skipped.len());
	Output::new(json, told.collect::<String>() + &text)
}

fn list_files(path: &Path, endings: &[String], found: &mut Vec<PathBuf>) -> Result<(), Failure> {
	let kind = std::fs::metadata(path).map_err(|e| Failure::file(path, e))?;
	if kind.is_file() {
		found.push(path.into());
		return Ok(());
	}
	for entry in std::fs::read_dir(path).map_err(|e| Failure::file(path, e))? {
		let entry = entry.map_err(|e| Failure::file(path, e))?;
		let kind = entry.file_type().map_err(|e| Failure::file(&entry.path(), e))?;
		let child = entry.path();
		let wanted = child
			.extension()
			.and_then(|e| e.to_str())
			.is_some_and(|e| endings.iter().any(|known| known == e));
		if entry.file_name().to_string_lossy().starts_with('.') {
			continue;
		}
		if kind.is_dir() {
			list_files(&child, endings, found)?;
		} else if kind.is_file() && wanted {
			found.push(child);
		}
	}
	Ok(())
}

/// The text's bytes, or why it cannot be contributed.
fn read_text(path: &Path) -> Result<Plaintext, String> {
	let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
	if size > texts::MAX_TEXT_BYTES {
		return Err(format!("larger than {} bytes: split it", texts::MAX_TEXT_BYTES));
	}
	let bytes = Plaintext::new(std::fs::read(path).map_err(|e| e.to_string())?);
	let text = std::str::from_utf8(&bytes).map_err(|_| "not UTF-8 text: convert it first".to_string())?;
	if text.trim().is_empty() {
		return Err("empty".into());
	}
	Ok(bytes)
}

/// Source and path inside the folder, cut to what the chain stores.
fn metadata(root: &Path, file: &Path, source: Option<&str>) -> Vec<u8> {
	let name = match file.strip_prefix(root) {
		Ok(inside) if inside.components().next().is_some() => inside,
		_ => file.file_name().map_or(file, Path::new),
	};
	let name = name.to_string_lossy();
	let mut text = source.map_or_else(|| name.to_string(), |source| format!("{source}: {name}"));
	let mut end = MAX_METADATA.min(text.len());
	while !text.is_char_boundary(end) {
		end = end.saturating_sub(1);
	}
	text.truncate(end);
	text.into_bytes()
}

#[cfg(test)]
mod tests {
	use super::*;
	use tributary_primitives::views::ContributionStatus;

	#[test]
	fn file_is_listed_when_it_has_a_wanted_ending() {
		let folder = tempfile::tempdir().unwrap();
		std::fs::create_dir(folder.path().join("sub")).unwrap();
		for name in ["a.txt", "b.bin", ".c.txt", "sub/d.md"] {
			std::fs::write(folder.path().join(name), "text").unwrap();
		}
		let mut found = Vec::new();
		list_files(folder.path(), &["txt".into(), "md".into()], &mut found).unwrap();
		found.sort();
		assert_eq!(found, [folder.path().join("a.txt"), folder.path().join("sub/d.md")]);
	}

	#[test]
	fn text_is_known_when_its_content_or_in_a_private_datanet_its_name_is_on_chain() {
		let there = ContributionView {
			index: 3,
			contributor: [1; 32],
			content: [7; 32],
			bytes: 1,
			licence: vec![],
			metadata: b"a.txt".to_vec(),
			status: ContributionStatus::Pending,
		};
		let mut known = Known::new(&[there], [1; 32]);
		let file = Path::new("b.txt");
		assert!(known.reason([7; 32], b"b.txt", false, file).unwrap().contains("contribution 3"));
		assert!(known.reason([8; 32], b"a.txt", true, file).unwrap().contains("rename"));
		assert_eq!(known.reason([8; 32], b"a.txt", false, file), None);
		assert!(known.reason([8; 32], b"c.txt", false, file).unwrap().contains("b.txt"));
	}

	#[test]
	fn text_is_skipped_when_empty_or_not_utf8() {
		let folder = tempfile::tempdir().unwrap();
		let path = folder.path().join("a.txt");
		std::fs::write(&path, " \n").unwrap();
		assert_eq!(read_text(&path).unwrap_err(), "empty");
		std::fs::write(&path, [0xff, 0xfe]).unwrap();
		assert!(read_text(&path).unwrap_err().contains("UTF-8"));
	}

	#[test]
	fn metadata_is_cut_at_a_character_when_too_long() {
		let long = "ü".repeat(200);
		let text = metadata(Path::new("/texts"), Path::new("/texts/a.txt"), Some(&long));
		assert!(text.len() <= MAX_METADATA);
		assert!(String::from_utf8(text).is_ok());
		assert_eq!(
			metadata(Path::new("/texts"), Path::new("/texts/b/a.txt"), Some("wiki")),
			b"wiki: b/a.txt"
		);
		assert_eq!(metadata(Path::new("/a.txt"), Path::new("/a.txt"), None), b"a.txt");
	}
}
