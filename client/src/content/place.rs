//! One place that content is kept at.

use super::ContentError;
use object_store::{
	aws::AmazonS3Builder, http::HttpBuilder, local::LocalFileSystem, path::Path as Key, ClientOptions,
	ObjectStore, RetryConfig,
};
use std::{sync::Arc, time::Duration};

/// A folder, bucket or HTTP server.
#[derive(Clone, Debug)]
pub(super) struct Place {
	/// As the user named it.
	pub name: String,
	/// What reads and writes it.
	pub store: Arc<dyn ObjectStore>,
	/// Put before every key.
	pub prefix: Key,
	/// Whether it refuses writes.
	pub read_only: bool,
}

impl Place {
	/// Opens a place by its location, S3 with the credentials of this machine.
	pub fn open(location: &str) -> Result<Self, ContentError> {
		Self::open_as(location, AmazonS3Builder::from_env())
	}

	/// Opens a place that a stranger named: S3 without credentials, for reading only.
	pub fn open_hint(location: &str) -> Result<Self, ContentError> {
		let s3 = AmazonS3Builder::new().with_region("us-east-1").with_skip_signature(true);
		Ok(Self { read_only: true, ..Self::open_as(location, s3)? })
	}

	fn open_as(location: &str, s3: AmazonS3Builder) -> Result<Self, ContentError> {
		let name = location.trim_end_matches('/').to_string();
		let failed = |source| ContentError::Place { place: name.clone(), source };
		// Short: a source that is away must not hold up those that are there.
		let retry =
			RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(20), ..Default::default() };
		match location.split_once("://") {
			Some(("s3", rest)) => {
				let prefix = rest.split_once('/').map_or("", |(_, prefix)| prefix);
				let store = s3.with_url(location).with_retry(retry).build().map_err(failed)?;
				Ok(Self { store: Arc::new(store), prefix: Key::from(prefix), read_only: false, name })
			}
			Some(("http" | "https", _)) => {
				let options =
					ClientOptions::new().with_allow_http(true).with_connect_timeout(Duration::from_secs(10));
				let builder = HttpBuilder::new().with_url(name.as_str()).with_client_options(options);
				let store = builder.with_retry(retry).build().map_err(failed)?;
				Ok(Self { store: Arc::new(store), prefix: Key::default(), read_only: true, name })
			}
			Some(("file", path)) => Self::folder(path, &name),
			Some(_) => Err(ContentError::Location(location.into())),
			None if location.is_empty() => Err(ContentError::Location(location.into())),
			None => Self::folder(location, &name),
		}
	}

	fn folder(path: &str, name: &str) -> Result<Self, ContentError> {
		std::fs::create_dir_all(path).map_err(super::at(path.as_ref()))?;
		let opened = LocalFileSystem::new_with_prefix(path);
		let store =
			opened.map_err(|source| ContentError::Place { place: name.into(), source })?.with_fsync(true);
		Ok(Self { store: Arc::new(store), prefix: Key::default(), read_only: false, name: name.into() })
	}

	/// Where an object is inside the place.
	pub fn key(&self, key: &str) -> Key {
		self.prefix.parts().chain(Key::from(key).parts()).collect()
	}

	/// An error of this place.
	pub fn failed(&self, source: object_store::Error) -> ContentError {
		ContentError::Place { place: self.name.clone(), source }
	}

	/// The place, if it takes writes.
	pub fn writable(&self) -> Result<&Self, ContentError> {
		if self.read_only {
			return Err(ContentError::ReadOnly(self.name.clone()));
		}
		Ok(self)
	}
}
