//! One process in a work folder. The system lets go of the lock when the process ends, however it ends.

use std::{
	fs::{File, TryLockError},
	path::Path,
};

use super::error::WorkflowError;
use crate::error::FactoryError;

/// Name of the lock file, which stays.
const LOCK: &str = "lock";

/// Held while it lives.
#[derive(Debug)]
pub(super) struct Lock {
	_file: File,
}

impl Lock {
	pub(super) fn take(root: &Path) -> Result<Self, WorkflowError> {
		let path = root.join(LOCK);
		let opened = File::options().create(true).truncate(false).write(true).open(&path);
		let file = opened.map_err(FactoryError::write(&path))?;
		match file.try_lock() {
			Ok(()) => Ok(Self { _file: file }),
			Err(TryLockError::WouldBlock) => Err(WorkflowError::Locked(root.to_owned())),
			Err(TryLockError::Error(error)) => Err(FactoryError::write(&path)(error).into()),
		}
	}
}
