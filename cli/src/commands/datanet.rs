//! `tributary datanet`.

use super::{grant::PurposeArgument, private};
use crate::{
	context::Context,
	failure::Failure,
	output::*,
	parse::{self, no_datanet, Indices, Versioned},
	texts,
};
use clap::{Subcommand, ValueEnum};
use serde_json::{json, Value};
use std::{
	collections::{BTreeMap, BTreeSet},
	path::{Path, PathBuf},
};
use tributary_client::{
	chain::{Call, Decision, Item, Review, MAX_PAGE},
	content::hash_bytes,
	private::Plaintext,
};
use tributary_primitives::{
	views::{AccessView, ContributionStatus, ContributionView, DataNetView, Policy},
	AccountId, Balance, ContributionIndex, DataNetId, Hash,
};

/// Contributions or decisions of one transaction.
const PER_CALL: usize = 128;
/// Bytes of a contribution's metadata.
const MAX_METADATA: usize = 256;

/// Who may add.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PolicyArgument {
	/// Contributions are accepted at once.
	Open,
	/// A curator accepts or rejects each.
	Curated,
}

/// DataNets: create, contribute, review, snapshot.
#[derive(Debug, Subcommand)]
pub enum DatanetCommand {
	/// Create a DataNet.
	Create {
		/// Its name.
		name: String,
		/// What it is about.
		#[arg(long, default_value = "")]
		description: String,
		/// Who may add.
		#[arg(long, value_enum, default_value = "curated")]
		policy: PolicyArgument,
		/// Who reviews; repeat for more [default: the key's account].
		#[arg(long = "curator", value_name = "ACCOUNT", value_parser = parse::account)]
		curators: Vec<AccountId>,
		/// Encrypt what is contributed; only those with a grant can read it.
		#[arg(long)]
		private: bool,
	},
	/// Contribute a text file, or every text file below a folder.
	Add {
		/// The DataNet.
		datanet: DataNetId,
		/// File or folder.
		path: PathBuf,
		/// Licence of the texts: an SPDX expression.
		#[arg(long)]
		licence: String,
		/// File name endings to take.
		#[arg(long, value_delimiter = ',', default_value = "txt,md")]
		endings: Vec<String>,
		/// Said of each text before its file name, for example its source.
		#[arg(long)]
		source: Option<String>,
	},
	/// Accept and reject contributions.
	Review {
		/// The DataNet.
		datanet: DataNetId,
		/// Accept these: 3 or 3-8; repeat for more.
		#[arg(long, value_name = "INDICES")]
		accept: Vec<Indices>,
		/// Reject these.
		#[arg(long, value_name = "INDICES", requires = "reason")]
		reject: Vec<Indices>,
		/// Why they are rejected.
		#[arg(long)]
		reason: Option<String>,
		/// Accept all that are pending and not rejected here.
		#[arg(long)]
		accept_pending: bool,
	},
	/// Take a snapshot of the accepted contributions.
	Snapshot {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// Show a DataNet.
	Show {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// List contributions.
	Contributions {
		/// The DataNet.
		datanet: DataNetId,
		/// Pending ones only.
		#[arg(long)]
		pending: bool,
	},
	/// List DataNets.
	List,
	/// Fetch a snapshot's texts into a folder, proven to be the snapshot's.
	Fetch {
		/// DataNet and snapshot: ID or ID:VERSION.
		snapshot: Versioned,
		/// Where to.
		folder: PathBuf,
	},
	/// Replace the curators.
	Curators {
		/// The DataNet.
		datanet: DataNetId,
		/// The new ones.
		#[arg(required = true, value_parser = parse::account)]
		curators: Vec<AccountId>,
	},
	/// Begin the next epoch of a private DataNet: those whose grants stand get its keys, others cannot read what is
	/// contributed from now on.
	Rotate {
		/// The DataNet.
		datanet: DataNetId,
	},
	/// Set what a grant to use a private DataNet costs, or end the offer.
	Offer {
		/// The DataNet.
		datanet: DataNetId,
		/// What for.
		#[arg(long, value_enum)]
		purpose: PurposeArgument,
		/// The price, TRB; 0 for a free grant.
		#[arg(long, value_name = "TRB", value_parser = parse::amount, required_unless_present = "end")]
		price: Option<Balance>,
		/// Offer no more grants.
		#[arg(long, conflicts_with = "price")]
		end: bool,
	},
	/// Show one contribution's text; a private one is opened in memory.
	Read {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: ContributionIndex,
	},
	/// Erase a contribution: it is no longer served, indexed or trained on, and its text is deleted from the store.
	#[command(alias = "tombstone")]
	Erase {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: ContributionIndex,
	},
	/// Take back a pending or rejected contribution, and its deposit.
	Withdraw {
		/// The DataNet.
		datanet: DataNetId,
		/// The contribution.
		index: ContributionIndex,
	},
}

impl DatanetCommand {
	/// Runs the command.
	pub async fn run(self, context: &Context) -> Result<Output, Failure> {
		match self {
			Self::Create { name, description, policy, curators, private } => {
				create(context, (&name, &description), policy, curators, private).await
			}
			Self::Add { datanet, path, licence, endings, source } => {
				add(context, datanet, &path, &Labels { licence, endings, source }).await
			}
			Self::Review { datanet, accept, reject, reason, accept_pending } => {
				let decide = |index: ContributionIndex| {
					let named = |list: &[Indices]| list.iter().any(|indices| indices.contains(index));
					match (named(&reject), named(&accept) || accept_pending) {
						(true, _) => Some(Review::Reject(reason.clone().unwrap_or_default().into_bytes())),
						(false, true) => Some(Review::Accept),
						(false, false) => None,
					}
				};
				review(context, datanet, decide).await
			}
			Self::Snapshot { datanet } => take_snapshot(context, datanet).await,
			Self::Show { datanet } => {
				let chain = context.chain().await?;
				let view = chain.datanet(datanet).await?.ok_or_else(|| no_datanet(datanet))?;
				let access = chain.access(datanet).await?;
				let mut json = datanet_json(&view);
				if let Some(fields) = json.as_object_mut() {
					fields.insert("access".into(), private::access_json(access.as_ref()));
				}
				Ok(Output::new(json, datanet_text(&view, access.as_ref())))
			}
			Self::Contributions { datanet, pending } => {
				let mut all = texts::contributions(context.chain().await?, datanet).await?;
				all.retain(|one| !pending || one.status == ContributionStatus::Pending);
				let json = all.iter().map(contribution_json).collect();
				let rows = all.iter().map(contribution_row).collect();
				let headings = ["index>", "status", "bytes>", "licence", "contributor", "metadata"];
				Ok(Output::new(json, table(&headings, rows)))
			}
			Self::List => list(context).await,
			Self::Fetch { snapshot: argument, folder } => {
				let chain = context.chain().await?;
				let reference = argument.snapshot(chain).await?;
				texts::refuse_private(chain, reference.datanet).await?;
				let members = texts::members(chain, reference).await?;
				texts::write(context, &members, &folder).await?;
				let json =
					json!({ "snapshot": snapshot(reference), "texts": members.len(), "folder": folder });
				Ok(Output::new(json, format!("{} texts of snapshot {}", members.len(), snapshot(reference))))
			}
			Self::Curators { datanet, curators } => {
				let text = format!("DataNet {datanet} has {} curators", curators.len());
				context.submit_and_say(&Call::set_curators(datanet, &curators), text).await
			}
			Self::Rotate { datanet } => private::rotate(context, datanet).await,
			Self::Offer { datanet, purpose, price, end: _ } => {
				private::offer(context, datanet, purpose.into(), price).await
			}
			Self::Read { datanet, index } => private::read(context, datanet, index).await,
			Self::Erase { datanet, index } => private::erase(context, datanet, index).await,
			Self::Withdraw { datanet, index } => {
				let text = format!("contribution {index} of DataNet {datanet} is withdrawn");
				context.submit_and_say(&Call::withdraw_contribution(datanet, index), text).await
			}
		}
	}
}

async fn create(
	context: &Context,
	(name, description): (&str, &str),
	policy: PolicyArgument,
	mut curators: Vec<AccountId>,
	private: bool,
) -> Result<Output, Failure> {
	let signer = context.signer()?;
	let policy = match policy {
		PolicyArgument::Open => Policy::Open,
		PolicyArgument::Curated => Policy::Curated,
	};
	if curators.is_empty() {
		curators.push(signer.account());
	}
	let included =
		context.submit_as(&Call::create_datanet(name, description, policy, &curators), &signer).await?;
	let missing =
		|| Failure::Other("the chain did not say which DataNet it created: see `datanet list`".into());
	let id = included.created_datanet().ok_or_else(missing)?;
	let recipient = match private {
		true => Some(private::make_private(context, &signer, id).await?),
		false => None,
	};
	let how = recipient.as_ref().map(|to| format!(", private, encrypted to {to}")).unwrap_or_default();
	let text = format!("DataNet {id} ({name}){how}. Next: tributary datanet add {id} FOLDER --licence SPDX");
	Ok(Output::new(json!({ "datanet": id, "recipient": recipient, "included": included }), text))
}

/// What is said of every text.
struct Labels {
	licence: String,
	endings: Vec<String>,
	source: Option<String>,
}

/// A text that was not contributed, and why.
struct Skipped {
	path: PathBuf,
	reason: String,
}

async fn add(context: &Context, datanet: DataNetId, path: &Path, labels: &Labels) -> Result<Output, Failure> {
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
	signer: &tributary_client::Keypair,
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

async fn review(
	context: &Context,
	datanet: DataNetId,
	decide: impl Fn(ContributionIndex) -> Option<Review>,
) -> Result<Output, Failure> {
	let pending: BTreeSet<_> = texts::contributions(context.chain().await?, datanet)
		.await?
		.into_iter()
		.filter(|one| one.status == ContributionStatus::Pending)
		.map(|one| one.index)
		.collect();
	let verdict =
		|index: &ContributionIndex| decide(*index).map(|verdict| Decision { index: *index, verdict });
	let decisions: Vec<_> = pending.iter().filter_map(verdict).collect();
	if decisions.is_empty() {
		let shown = format!("tributary datanet contributions {datanet} --pending");
		return Err(Failure::Usage(format!(
			"nothing to decide: {} are pending, see `{shown}`; choose with --accept, --reject or --accept-pending",
			pending.len()
		)));
	}
	let signer = context.signer()?;
	let bar = texts::progress(decisions.len(), "reviewing");
	for chunk in decisions.chunks(PER_CALL) {
		context.submit_as(&Call::review(datanet, chunk), &signer).await?;
		bar.inc(chunk.len() as u64);
	}
	bar.finish_and_clear();
	let accepted = decisions.iter().filter(|decision| decision.verdict == Review::Accept).count();
	let rejected = decisions.len().saturating_sub(accepted);
	let json = json!({ "datanet": datanet, "accepted": accepted, "rejected": rejected });
	Ok(Output::new(
		json,
		format!("accepted {accepted}, rejected {rejected} contributions of DataNet {datanet}"),
	))
}

async fn take_snapshot(context: &Context, datanet: DataNetId) -> Result<Output, Failure> {
	let included = context.submit(&Call::snapshot(datanet)).await?;
	let event = included.event("Datanets", "SnapshotTaken");
	let version = event.and_then(|event| event.fields.get("snapshot")?.get("version")?.as_u64());
	let leaves = event.and_then(|event| event.number("leaves"));
	let (Some(version), Some(leaves)) = (version, leaves) else {
		return Err(Failure::Other(
			"the chain did not say which snapshot it took: see `datanet show`".into(),
		));
	};
	let json = json!({ "datanet": datanet, "version": version, "leaves": leaves, "included": included });
	Ok(Output::new(json, format!("snapshot {datanet}:{version} of {leaves} contributions")))
}

async fn list(context: &Context) -> Result<Output, Failure> {
	let chain = context.chain().await?;
	let mut all: Vec<DataNetView> = Vec::new();
	loop {
		let start = all.last().map_or(0, |last| last.id.saturating_add(1));
		let page = chain.datanets(start, MAX_PAGE).await?;
		if page.is_empty() {
			break;
		}
		all.extend(page);
	}
	let json = all.iter().map(datanet_json).collect();
	let row = |view: &DataNetView| {
		vec![
			view.id.to_string(),
			line(&view.name),
			format!("{:?}", view.policy),
			view.contributions.to_string(),
			view.accepted.to_string(),
			view.snapshots.to_string(),
			address(&view.owner),
		]
	};
	let headings = ["id>", "name", "policy", "contributions>", "accepted>", "snapshots>", "owner"];
	Ok(Output::new(json, table(&headings, all.iter().map(row).collect())))
}

fn datanet_json(view: &DataNetView) -> Value {
	json!({
		"id": view.id,
		"name": line(&view.name),
		"description": line(&view.description),
		"policy": format!("{:?}", view.policy).to_lowercase(),
		"owner": address(&view.owner),
		"curators": view.curators.iter().map(address).collect::<Vec<_>>(),
		"contributions": view.contributions,
		"accepted": view.accepted,
		"snapshots": view.snapshots,
	})
}

fn datanet_text(view: &DataNetView, access: Option<&AccessView>) -> String {
	let mut lines = vec![
		("DataNet", view.id.to_string()),
		("name", line(&view.name)),
		("description", line(&view.description)),
		("policy", format!("{:?}", view.policy)),
		("owner", address(&view.owner)),
		("curators", view.curators.iter().map(address).collect::<Vec<_>>().join(", ")),
		("contributions", format!("{} ({} accepted)", view.contributions, view.accepted)),
		("snapshots", view.snapshots.to_string()),
	];
	lines.extend(private::access_facts(access));
	facts(&lines)
}

fn status(status: &ContributionStatus) -> &'static str {
	match status {
		ContributionStatus::Pending => "pending",
		ContributionStatus::Accepted { .. } => "accepted",
		ContributionStatus::Rejected => "rejected",
		ContributionStatus::Tombstoned => "erased",
	}
}

fn contribution_json(one: &ContributionView) -> Value {
	json!({
		"index": one.index,
		"status": status(&one.status),
		"content": hex32(&one.content),
		"bytes": one.bytes,
		"licence": line(&one.licence),
		"contributor": address(&one.contributor),
		"metadata": line(&one.metadata),
	})
}

fn contribution_row(one: &ContributionView) -> Vec<String> {
	vec![
		one.index.to_string(),
		status(&one.status).into(),
		one.bytes.to_string(),
		line(&one.licence),
		address(&one.contributor),
		line(&one.metadata),
	]
}

#[cfg(test)]
mod tests {
	use super::*;

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
