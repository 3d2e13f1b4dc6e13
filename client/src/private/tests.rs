use super::*;
use crate::keys::Keypair;
use proptest::prelude::*;
use std::io::Write;
use tributary_primitives::limits::MAX_CAPSULE;

const GENESIS: [u8; 32] = [7; 32];
const LIMIT: usize = 1 << 20;

fn key(uri: &str) -> Keypair {
	Keypair::from_uri(uri).unwrap()
}

fn keys(epoch: u32) -> DataNetKeys {
	DataNetKeys::of_owner(&key("//Alice"), &GENESIS, 3, epoch).unwrap()
}

fn fixture(name: &str) -> Vec<u8> {
	let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/age");
	std::fs::read(std::path::Path::new(folder).join(name)).unwrap()
}

fn grantee() -> Identity {
	Identity::of_account(&key("//Bob"), &GENESIS)
}

#[test]
fn text_opens_when_sealed_to_the_datanet() {
	for size in [0, 1, 65_535, 65_536, 65_537, 200_000] {
		let text: Vec<u8> = (0..size).map(|index| index as u8).collect();
		let sealed = seal(&keys(1).recipient(), &text).unwrap();
		assert!(sealed.len() <= text.len() + MAX_SEALED_OVERHEAD);
		assert_eq!(*keys(1).open(&sealed, LIMIT).unwrap(), text, "{size}");
	}
}

#[test]
fn earlier_epochs_open_and_later_ones_do_not_when_keys_were_replaced() {
	let sealed: Vec<_> =
		(1..=3).map(|epoch| seal(&keys(epoch).recipient(), &[epoch as u8]).unwrap()).collect();
	let second = keys(2);
	assert_eq!(*second.open(&sealed[0], LIMIT).unwrap(), [1]);
	assert_eq!(*second.open(&sealed[1], LIMIT).unwrap(), [2]);
	assert_eq!(second.open(&sealed[2], LIMIT).unwrap_err(), PrivateError::WrongKey(2));
}

#[test]
fn keys_differ_when_owner_chain_or_datanet_differs() {
	let of =
		|uri, genesis, datanet| DataNetKeys::of_owner(&key(uri), &genesis, datanet, 1).unwrap().recipient();
	let ours = of("//Alice", GENESIS, 3);
	assert_eq!(ours, keys(1).recipient());
	for other in [of("//Bob", GENESIS, 3), of("//Alice", [8; 32], 3), of("//Alice", GENESIS, 4)] {
		assert_ne!(ours, other);
	}
	assert_ne!(Identity::of_account(&key("//Bob"), &[8; 32]).recipient(), grantee().recipient());
}

#[test]
fn epoch_is_refused_when_it_is_zero_or_beyond_the_last() {
	for epoch in [0, MAX_EPOCHS + 1, u32::MAX] {
		let result = DataNetKeys::of_owner(&key("//Alice"), &GENESIS, 3, epoch);
		assert_eq!(result.unwrap_err(), PrivateError::Epoch(epoch));
	}
	assert_eq!(keys(MAX_EPOCHS).identities().len(), MAX_EPOCHS as usize);
}

#[test]
fn capsule_gives_the_keys_up_to_its_epoch_when_the_grantee_opens_it() {
	for epoch in [1, 2, 40, MAX_EPOCHS] {
		let capsule = keys(epoch).capsule(&grantee().recipient()).unwrap();
		assert!(capsule.len() <= MAX_CAPSULE as usize);
		let opened = DataNetKeys::from_capsule(&capsule, &grantee(), 3, epoch).unwrap();
		assert_eq!(opened.recipient(), keys(epoch).recipient());
		let first = seal(&keys(1).recipient(), b"first").unwrap();
		assert_eq!(*opened.open(&first, LIMIT).unwrap(), b"first");
	}
}

#[test]
fn capsule_is_refused_when_it_is_for_another_grantee_datanet_or_epoch() {
	let capsule = keys(2).capsule(&grantee().recipient()).unwrap();
	let open = |who: &Identity, datanet, epoch| DataNetKeys::from_capsule(&capsule, who, datanet, epoch);
	let other = Identity::of_account(&key("//Eve"), &GENESIS);
	assert_eq!(open(&other, 3, 2).unwrap_err(), PrivateError::WrongKey(1));
	assert_eq!(open(&grantee(), 4, 2).unwrap_err(), PrivateError::Capsule(4, 2));
	assert_eq!(open(&grantee(), 3, 1).unwrap_err(), PrivateError::Capsule(3, 1));
}

#[test]
fn capsule_is_refused_when_it_holds_something_else() {
	let refused = |bytes: &[u8]| DataNetKeys::from_capsule(bytes, &grantee(), 3, 1).unwrap_err();
	let sealed = |content: &[u8]| seal(&grantee().recipient(), content).unwrap();
	for bytes in [sealed(b"short"), sealed(&[0; 41]), sealed(&[1; 42]), vec![0; 1_025], b"keys".to_vec()] {
		assert_eq!(refused(&bytes), PrivateError::Capsule(3, 1));
	}
}

#[test]
fn sealed_text_is_refused_when_the_key_is_another() {
	let sealed = seal(&keys(1).recipient(), b"text").unwrap();
	assert_eq!(grantee().open(&sealed, LIMIT).unwrap_err(), PrivateError::WrongKey(1));
}

#[test]
fn sealed_text_is_refused_when_it_is_cut_anywhere() {
	let sealed = seal(&grantee().recipient(), &[7; 70_000]).unwrap();
	let body = sealed.windows(5).position(|window| window == b"\n--- ").unwrap() + 5 + 44 + 16;
	for length in [1, 10, 22, 40, body - 30, body - 16, body - 1, body, body + 65_552] {
		assert_eq!(
			grantee().open(&sealed[..length], LIMIT).unwrap_err(),
			PrivateError::Truncated,
			"{length}"
		);
	}
	// In the midst of a chunk nothing tells a cut from a change.
	for length in [body + 1, body + 65_000, sealed.len() - 1] {
		assert_eq!(grantee().open(&sealed[..length], LIMIT).unwrap_err(), PrivateError::Tampered, "{length}");
	}
}

#[test]
fn sealed_text_is_refused_when_it_was_changed() {
	let sealed = seal(&grantee().recipient(), b"text").unwrap();
	let mac = sealed.windows(5).position(|window| window == b"\n--- ").unwrap() + 5;
	for index in [mac, sealed.len() - 1, sealed.len() - 18] {
		let mut changed = sealed.clone();
		changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
		assert_eq!(grantee().open(&changed, LIMIT).unwrap_err(), PrivateError::Tampered, "{index}");
	}
	let longer = [&sealed[..], b"x"].concat();
	assert_eq!(grantee().open(&longer, LIMIT).unwrap_err(), PrivateError::Tampered);
}

#[test]
fn sealed_text_is_refused_when_it_is_larger_than_allowed() {
	let sealed = seal(&grantee().recipient(), &[7; 1_001]).unwrap();
	assert_eq!(
		grantee().open(&sealed, 1_000).unwrap_err(),
		PrivateError::TooLarge { size: 1_001, limit: 1_000 }
	);
	assert_eq!(grantee().open(&sealed, 1_001).unwrap().len(), 1_001);
}

#[test]
fn bytes_are_refused_when_they_are_no_age_file() {
	for bytes in
		[&b""[..], b"plain text", b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"age-encryption.org/v2\n"]
	{
		assert_eq!(grantee().open(bytes, LIMIT).unwrap_err(), PrivateError::NotAge);
	}
	let endless = [b"age-encryption.org/v1\n".as_slice(), &b"-> X25519 a\n\n".repeat(10_000)].concat();
	assert!(matches!(grantee().open(&endless, LIMIT).unwrap_err(), PrivateError::Header(_)));
	let broken = b"age-encryption.org/v1\n-> X25519\nx\n--- bad mac\n0123456789";
	assert!(matches!(grantee().open(broken, LIMIT).unwrap_err(), PrivateError::Header(_)));
}

#[test]
fn recipient_is_refused_when_it_has_low_order() {
	let points = (0..=255u8)
		.flat_map(|first| [(first, 0, 0), (first, 0xff, 0x7f), (first, 0xff, 0xff), (first, 0, 0x80)]);
	let mut weak = 0;
	for (first, middle, last) in points {
		let mut point = [middle; 32];
		(point[0], point[31]) = (first, last);
		// age panics on exactly those that we refuse.
		let ours = keys::check_recipient(&point).is_err();
		let text = bech32::encode("age", &point);
		let recipient: age::x25519::Recipient = text.parse().unwrap();
		let theirs = std::panic::catch_unwind(|| {
			age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).is_ok()
		});
		assert_eq!(ours, theirs.is_err(), "{point:?}");
		weak += u32::from(ours);
		if ours {
			assert_eq!(seal(&point, b"text"), Err(PrivateError::WeakRecipient));
			assert_eq!(parse_recipient(&text), Err(PrivateError::WeakRecipient));
		}
	}
	// 0, 1, and p - 1 to p + 1, each with the top bit clear and set.
	assert_eq!(weak, 10);
	for text in [
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	] {
		let mut point = [0; 32];
		hex::decode_to_slice(text, &mut point).unwrap();
		let recipient: age::x25519::Recipient = bech32::encode("age", &point).parse().unwrap();
		let theirs = std::panic::catch_unwind(|| {
			age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).is_ok()
		});
		assert!(theirs.is_err() && keys::check_recipient(&point).is_err());
	}
}

#[test]
fn keys_come_back_when_written_as_age_does() {
	let identity = grantee();
	let text = identity.to_text();
	assert!(text.starts_with("AGE-SECRET-KEY-1"));
	assert_eq!(Identity::parse(&text).unwrap().recipient(), identity.recipient());
	assert_eq!(parse_recipient(&recipient_text(&identity.recipient())), Ok(identity.recipient()));
	for wrong in ["", "age1", "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1QQQ"] {
		assert!(matches!(parse_recipient(wrong), Err(PrivateError::Recipient(_))));
		assert_eq!(Identity::parse(wrong).unwrap_err(), PrivateError::Identity);
	}
}

#[test]
fn secrets_are_not_shown_when_printed_or_refused() {
	let identity = grantee();
	let text = identity.to_text();
	let typed_wrong = text.replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-2");
	let shown = [
		format!("{identity:?}"),
		format!("{:?}", keys(1)),
		Identity::parse(&typed_wrong).unwrap_err().to_string(),
		format!("{:?}", Identity::parse(&typed_wrong).unwrap_err()),
	];
	let tail = &text[20..40];
	for shown in shown {
		assert!(!shown.contains(tail) && !shown.contains("SECRET-KEY-1Q"), "{shown}");
	}
}

#[test]
fn keys_are_those_of_the_first_release_when_derived() {
	// What was encrypted must stay readable: these may never change.
	let first =
		format!("{}\n{}\n", recipient_text(&keys(1).recipient()), recipient_text(&grantee().recipient()));
	assert_eq!(first.as_bytes(), fixture("recipients.txt"));
}

#[test]
fn file_opens_when_the_age_command_made_it() {
	let opened = grantee().open(&fixture("made-by-age.age"), LIMIT).unwrap();
	assert_eq!(opened.as_slice(), b"made by age 1.1.1\n");
}

/// Runs where `age` is installed; the fixture stands in for it elsewhere.
#[test]
fn age_command_opens_a_file_when_it_was_sealed_here() {
	let folder = tempfile::tempdir().unwrap();
	let (identity, sealed) = (folder.path().join("identity"), folder.path().join("sealed"));
	std::fs::write(&identity, grantee().to_text().as_bytes()).unwrap();
	std::fs::write(&sealed, seal(&grantee().recipient(), &b"text ".repeat(40_000)).unwrap()).unwrap();
	let opened = std::process::Command::new("age").arg("-d").arg("-i").arg(&identity).arg(&sealed).output();
	match opened {
		Ok(output) => {
			assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
			assert_eq!(output.stdout, b"text ".repeat(40_000));
		}
		Err(error) => drop(writeln!(std::io::stderr(), "skipped: there is no `age` command ({error})")),
	}
}

proptest! {
	#[test]
	fn bytes_never_panic_when_opened(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
		let _ = grantee().open(&bytes, LIMIT);
		let with_head = [b"age-encryption.org/v1\n-> X25519 ".as_slice(), &bytes, b"\n--- "].concat();
		prop_assert!(grantee().open(&with_head, LIMIT).is_err());
	}
}
