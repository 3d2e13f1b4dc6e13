use super::*;
use tempfile::{tempdir, TempDir};

fn store() -> (TempDir, Store) {
	let folder = tempdir().unwrap();
	let store = Store::open(folder.path().to_str().unwrap()).unwrap();
	(folder, store)
}

/// A store that lacks everything and reads from `source` too.
fn behind(source: &Store) -> (TempDir, Store) {
	let (folder, mut store) = store();
	store.sources.push(source.home.clone());
	(folder, store)
}

fn object_path(folder: &TempDir, hash: &Hash) -> PathBuf {
	folder.path().join(key(hash))
}

fn adapter() -> TempDir {
	let folder = tempdir().unwrap();
	std::fs::write(folder.path().join("adapter_config.json"), "{}").unwrap();
	std::fs::create_dir(folder.path().join("weights")).unwrap();
	std::fs::write(folder.path().join("weights/a b.safetensors"), vec![7; 3_000_000]).unwrap();
	std::fs::write(folder.path().join(".hidden"), "left out").unwrap();
	folder
}

#[tokio::test]
async fn bytes_come_back_when_stored() {
	let (_folder, store) = store();
	let hash = store.put_bytes("text").await.unwrap();
	assert_eq!(hash, hash_bytes(b"text"));
	assert_eq!(store.put_bytes("text").await.unwrap(), hash);
	assert_eq!(&store.get(&hash).await.unwrap()[..], b"text");
	assert!(store.has(&hash).await);
}

#[tokio::test]
async fn empty_object_comes_back_when_stored() {
	let (_folder, store) = store();
	let hash = store.put_bytes("").await.unwrap();
	assert!(store.get(&hash).await.unwrap().is_empty());
}

#[tokio::test]
async fn reading_fails_when_no_place_has_the_object() {
	let (_folder, store) = store();
	let error = store.get(&[1; 32]).await.unwrap_err();
	assert!(matches!(error, ContentError::Missing(..)), "{error}");
	assert!(!store.has(&[1; 32]).await);
}

#[tokio::test]
async fn reading_fails_when_the_object_was_changed() {
	let (folder, store) = store();
	let hash = store.put_bytes("text").await.unwrap();
	std::fs::write(object_path(&folder, &hash), "tampered").unwrap();
	assert!(matches!(store.get(&hash).await, Err(ContentError::Corrupt { .. })));
	let target = folder.path().join("out/file");
	assert!(matches!(store.fetch_file(&hash, &target, 100).await, Err(ContentError::Corrupt { .. })));
	assert!(!target.exists());
	assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), 0);
}

#[tokio::test]
async fn changed_object_is_read_from_another_source_when_there_is_one() {
	let (_good_folder, good) = store();
	let hash = good.put_bytes("text").await.unwrap();
	let (folder, store) = behind(&good);
	store.put_bytes("text").await.unwrap();
	std::fs::write(object_path(&folder, &hash), "tampered").unwrap();
	assert_eq!(&store.get(&hash).await.unwrap()[..], b"text");
}

#[tokio::test]
async fn reading_fails_when_the_object_is_larger_than_allowed() {
	let (folder, store) = store();
	let hash = store.put_bytes(vec![1; 101]).await.unwrap();
	assert!(matches!(store.get_within(&hash, 100).await, Err(ContentError::TooLarge { limit: 100, .. })));
	let target = folder.path().join("file");
	assert!(matches!(store.fetch_file(&hash, &target, 100).await, Err(ContentError::TooLarge { .. })));
	assert!(!target.exists());
	assert_eq!(store.get_within(&hash, 101).await.unwrap().len(), 101);
}

#[tokio::test]
async fn large_file_comes_back_when_stored_in_parts() {
	let (folder, store) = store();
	let path = folder.path().join("large");
	std::fs::write(&path, (0..20_000_003u32).map(|i| (i % 251) as u8).collect::<Vec<_>>()).unwrap();
	let hash = store.put_file(&path).await.unwrap();
	assert_eq!(hash, hash_file(&path).unwrap());
	let back = folder.path().join("back");
	store.fetch_file(&hash, &back, MAX_FOLDER).await.unwrap();
	assert_eq!(hash_file(&back).unwrap(), hash);
}

#[tokio::test]
async fn folder_comes_back_when_fetched_from_another_store() {
	let (adapter, (_there_folder, there)) = (adapter(), store());
	let hash = there.put_folder(adapter.path()).await.unwrap();
	assert_eq!(hash, hash_folder(adapter.path()).unwrap());
	let (_here_folder, here) = behind(&there);
	let cache = tempdir().unwrap();
	let path = here.fetch_folder(&hash, cache.path()).await.unwrap();
	assert_eq!(hash_folder(&path).unwrap(), hash);
	assert_eq!(here.fetch_folder(&hash, cache.path()).await.unwrap(), path);
	assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn folder_does_not_appear_when_one_of_its_files_is_missing_or_changed() {
	let (adapter, (folder, store)) = (adapter(), store());
	let hash = store.put_folder(adapter.path()).await.unwrap();
	let file = object_path(&folder, &hash_bytes(b"{}"));
	let cache = tempdir().unwrap();
	std::fs::write(&file, "xx").unwrap();
	assert!(matches!(store.fetch_folder(&hash, cache.path()).await, Err(ContentError::Corrupt { .. })));
	std::fs::remove_file(&file).unwrap();
	assert!(matches!(store.fetch_folder(&hash, cache.path()).await, Err(ContentError::Missing(..))));
	assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn folder_is_refused_when_it_is_larger_than_allowed() {
	let (adapter, (_folder, store)) = (adapter(), store());
	let hash = store.put_folder(adapter.path()).await.unwrap();
	let cache = tempdir().unwrap();
	let fetched = store.fetch_folder_within(&hash, cache.path(), 1_000_000).await;
	assert!(matches!(fetched, Err(ContentError::TooLarge { .. })));
}

#[tokio::test]
async fn folder_is_refused_when_a_file_is_larger_than_its_manifest_says() {
	let (_folder, store) = store();
	let file = store.put_bytes("ten bytes!").await.unwrap();
	let hash = store.put_bytes(format!("{} 3 name\n", hex::encode(file))).await.unwrap();
	let cache = tempdir().unwrap();
	assert!(matches!(
		store.fetch_folder(&hash, cache.path()).await,
		Err(ContentError::TooLarge { limit: 3, .. })
	));
}

#[tokio::test]
async fn folder_is_refused_when_a_name_leaves_it() {
	let (_folder, store) = store();
	let file = store.put_bytes("evil").await.unwrap();
	let cache = tempdir().unwrap();
	for name in
		["../evil", "/evil", "a/../../evil", "a//b", "./evil", "..", "", "a\\..\\evil", "C:evil", "a\u{0}b"]
	{
		let hash = store.put_bytes(format!("{} 4 {name}\n", hex::encode(file))).await.unwrap();
		let fetched = store.fetch_folder(&hash, &cache.path().join("cache")).await;
		assert!(matches!(fetched, Err(ContentError::Manifest { .. })), "{name:?}: {fetched:?}");
	}
	assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn manifest_is_refused_when_malformed() {
	let hash = "ab".repeat(32);
	for text in [
		String::new(),
		"\n".into(),
		format!("{hash} 1 name"),
		format!("{hash} 1\n"),
		format!("{hash} -1 name\n"),
		format!("{} 1 name\n", "xy".repeat(32)),
		format!("{hash} 1 b\n{hash} 1 a\n"),
		format!("{hash} 1 a\n{hash} 1 a\n"),
	] {
		assert!(matches!(Manifest::parse(text.as_bytes()), Err(ContentError::Manifest { .. })), "{text:?}");
	}
	assert!(matches!(Manifest::parse(&[0xff, b'\n']), Err(ContentError::Manifest { .. })));
}

#[test]
fn manifest_survives_when_written_and_parsed() {
	let adapter = adapter();
	let manifest = Manifest::of_folder(adapter.path()).unwrap();
	let names: Vec<_> = manifest.entries().iter().map(|entry| entry.name.as_str()).collect();
	assert_eq!(names, ["adapter_config.json", "weights/a b.safetensors"]);
	assert_eq!(Manifest::parse(manifest.to_text().as_bytes()).unwrap(), manifest);
}

#[cfg(unix)]
#[tokio::test]
async fn folder_is_not_stored_when_it_holds_a_link() {
	let (adapter, (_folder, store)) = (adapter(), store());
	std::os::unix::fs::symlink("/etc/hostname", adapter.path().join("link")).unwrap();
	assert!(matches!(store.put_folder(adapter.path()).await, Err(ContentError::Unstorable { .. })));
}

#[tokio::test]
async fn folder_is_not_stored_when_it_is_empty() {
	let ((_folder, store), empty) = (store(), tempdir().unwrap());
	assert!(matches!(store.put_folder(empty.path()).await, Err(ContentError::Unstorable { .. })));
}

#[tokio::test]
async fn writing_fails_when_the_place_is_read_only() {
	let store = Store::open("http://127.0.0.1:9/store").unwrap();
	assert!(matches!(store.put_bytes("text").await, Err(ContentError::ReadOnly(_))));
}

#[test]
fn location_is_refused_when_it_is_unknown() {
	for location in ["", "ftp://host/path"] {
		assert!(matches!(Store::open(location), Err(ContentError::Location(_))), "{location}");
	}
}

#[test]
fn hint_is_skipped_when_it_points_at_a_local_folder() {
	let (_folder, store) = store();
	let store = store.with_sources(["/etc", "file:///etc", "https://example.org/store"]);
	assert_eq!(store.sources.len(), 1);
}

#[tokio::test]
async fn object_is_fetched_over_http_when_the_folder_lacks_it() {
	let (there_folder, there) = store();
	let hash = there.put_bytes("over http").await.unwrap();
	let address = serve(there_folder.path().to_path_buf()).await;
	let (_here_folder, here) = store();
	let here = here.with_sources([format!("http://{address}").as_str()]);
	assert_eq!(&here.get(&hash).await.unwrap()[..], b"over http");
	assert!(matches!(here.get(&[1; 32]).await, Err(ContentError::Missing(..))));
}

/// A minimal server of static files: one request per connection.
async fn serve(folder: PathBuf) -> std::net::SocketAddr {
	let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
	let address = listener.local_addr().unwrap();
	tokio::spawn(async move {
		loop {
			let (mut socket, _) = listener.accept().await.unwrap();
			let mut request = vec![0; 4_096];
			let count = socket.read(&mut request).await.unwrap();
			let head = String::from_utf8_lossy(&request[..count]).to_string();
			let path = head.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_string();
			let date = "Thu, 01 Jan 1970 00:00:00 GMT";
			let answer = match std::fs::read(folder.join(path)) {
				Ok(body) => {
					let head = format!(
						"HTTP/1.1 200 OK\r\nlast-modified: {date}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
						body.len()
					);
					[head.into_bytes(), body].concat()
				}
				Err(_) => {
					b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
				}
			};
			socket.write_all(&answer).await.unwrap();
		}
	});
	address
}

#[tokio::test]
async fn bytes_are_gone_when_removed() {
	let (folder, store) = store();
	let hash = store.put_bytes("to be erased").await.unwrap();
	assert!(store.remove(&hash).await.unwrap());
	assert!(!object_path(&folder, &hash).exists());
	assert!(matches!(store.get(&hash).await, Err(ContentError::Missing(..))));
	assert!(!store.remove(&hash).await.unwrap());
}
