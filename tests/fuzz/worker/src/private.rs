//! What private DataNets carry: capsules with keys, and encrypted contributions.

use crate::{refused, size_of, taken};
use std::sync::OnceLock;
use tributary_client::{
	private::{seal, DataNetKeys, Identity, PrivateError},
	Keypair,
};
use tributary_fuzz_driver::{peak_of, Input, Trace};
use tributary_primitives::limits::MAX_CAPSULE;

const GENESIS: [u8; 32] = [7; 32];
const DATANET: u32 = 5;
const EPOCH: u32 = 3;
/// Longest text of a contribution here, bytes.
const MOST: usize = 2_048;
/// Memory that opening may take, bytes.
const ROOM: usize = 4 << 20;
const TEXT: &[u8] = b"what is private";

struct Scene {
	grantee: Identity,
	keys: DataNetKeys,
	capsule: Vec<u8>,
	contribution: Vec<u8>,
}

fn scene() -> &'static Scene {
	static SCENE: OnceLock<Scene> = OnceLock::new();
	SCENE.get_or_init(|| {
		let key = |uri: &str| Keypair::from_uri(uri).expect("a development key");
		let grantee = Identity::of_account(&key("//Bob"), &GENESIS);
		let keys =
			DataNetKeys::of_owner(&key("//Alice"), &GENESIS, DATANET, EPOCH).expect("an epoch that can be");
		let capsule = keys.capsule(&grantee.recipient()).expect("it is encrypted");
		let contribution = seal(&keys.recipient(), TEXT).expect("it is encrypted");
		Scene { grantee, keys, capsule, contribution }
	})
}

/// The target: a capsule, the content of one, a contribution, or the content of one, by the first byte.
pub fn run(data: &[u8], trace: &mut Trace) {
	let mut input = Input::new(data);
	let kind = input.below(4);
	let bytes = input.rest();
	let ((), peak) = peak_of(|| match kind {
		0 => capsule(bytes, trace),
		1 => capsule(&seal(&scene().grantee.recipient(), bytes).expect("it is encrypted"), trace),
		2 => contribution(bytes, None, trace),
		_ => {
			let sealed = seal(&scene().keys.recipient(), bytes).expect("it is encrypted");
			contribution(&sealed, Some(bytes), trace);
		}
	});
	assert!(peak <= ROOM, "{} bytes take {peak} of memory", data.len());
}

/// A capsule, its content known or not: whoever encrypts to a grantee may choose any keys, but for no other DataNet or
/// epoch than the grant's.
fn capsule(bytes: &[u8], trace: &mut Trace) {
	let opened = DataNetKeys::from_capsule(bytes, &scene().grantee, DATANET, EPOCH);
	let Some(keys) = taken(trace, "capsule", "open", opened) else { return };
	assert!(bytes.len() <= MAX_CAPSULE as usize);
	assert_eq!((keys.datanet(), keys.epoch(), keys.identities().len()), (DATANET, EPOCH, EPOCH as usize));
	trace.reached(u64::from(keys.recipient() == scene().keys.recipient()));
}

/// An encrypted contribution; with the text that is in it where that is known.
fn contribution(bytes: &[u8], text: Option<&[u8]>, trace: &mut Trace) {
	let opened = scene().keys.open(bytes, MOST);
	trace.call("contribution", "open", opened.is_ok());
	match (opened, text) {
		(Ok(opened), Some(text)) => assert_eq!(opened.as_slice(), text),
		// Nobody else knows a file's key, so bytes that were changed open as the one that was made here or not at all.
		(Ok(opened), None) => {
			assert_eq!(opened.as_slice(), TEXT);
			trace.reached(size_of(opened.len() as u64));
		}
		(Err(PrivateError::TooLarge { size, limit }), _) => assert!(limit == MOST && size > limit),
		(Err(error), text) => {
			assert!(text.is_none(), "what was encrypted to the DataNet does not open: {error}");
			refused(trace, error);
		}
	}
}

/// A good one of each, and a capsule of another epoch.
pub fn seeds() -> Vec<Vec<u8>> {
	let Scene { capsule, contribution, .. } = scene();
	let content = |epoch: u32| [&[1][..], &DATANET.to_le_bytes(), &epoch.to_le_bytes(), &[9; 32]].concat();
	[
		(0, capsule.clone()),
		(0, capsule[..capsule.len() / 2].to_vec()),
		(1, content(EPOCH)),
		(1, content(EPOCH + 1)),
		(2, contribution.clone()),
		(2, two_recipients(contribution)),
		(3, TEXT.to_vec()),
		(3, vec![b'x'; MOST + 1]),
	]
	.into_iter()
	.map(|(kind, bytes)| [&[kind][..], &bytes].concat())
	.collect()
}

/// The header with its recipient twice.
fn two_recipients(file: &[u8]) -> Vec<u8> {
	let lines: Vec<&[u8]> = file.splitn(4, |byte| *byte == b'\n').collect();
	let [version, recipient, key, rest] = lines[..] else { return Vec::new() };
	[version, recipient, key, recipient, key, rest].join(&b'\n')
}
