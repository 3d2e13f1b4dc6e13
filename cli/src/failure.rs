//! Why a command failed: an exit code and a text that says what to do.

use std::process::ExitCode;
use tributary_client::{private::AccessError, ChainError, ContentError, KeyError};

/// Exit code of wrong arguments.
pub const USAGE: u8 = 2;

/// The exit codes, as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something else failed
  2  wrong arguments
  3  no node or worker answers: try again when one does
  4  the chain or the worker refused; nothing was changed
  5  content is missing, damaged or cannot be stored
  6  the key or its password is wrong
  7  a check found something wrong (verify)
  8  sent, but what became of it is not known: look before sending it again";

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
	/// Arguments that do not fit together, or name nothing.
	#[error("{0}")]
	Usage(String),
	/// Nobody answers.
	#[error("{0}")]
	Away(String),
	/// The chain or the worker said no.
	#[error("{0}")]
	Refused(String),
	/// Content.
	#[error(transparent)]
	Content(#[from] ContentError),
	/// Keys.
	#[error(transparent)]
	Key(#[from] KeyError),
	/// Private texts.
	#[error(transparent)]
	Access(AccessError),
	/// A check failed; the text is the report.
	#[error("{0}")]
	Wrong(String),
	/// A transaction whose fate is unknown.
	#[error("{0}")]
	Unknown(String),
	/// Anything else.
	#[error("{0}")]
	Other(String),
}

impl Failure {
	/// The exit code.
	pub fn code(&self) -> u8 {
		match self {
			Self::Other(_) => 1,
			Self::Usage(_) => USAGE,
			Self::Away(_) => 3,
			Self::Refused(_) => 4,
			Self::Content(_) => 5,
			Self::Key(_) => 6,
			Self::Access(error) => match error {
				AccessError::Keys { .. } | AccessError::Foreign(_) => 6,
				AccessError::Content { .. }
				| AccessError::Contribution { .. }
				| AccessError::NotText { .. } => 5,
				AccessError::NoGrant { .. } => 4,
				AccessError::UnknownDataNet(_) => USAGE,
				AccessError::Chain(_) => 1,
			},
			Self::Wrong(_) => 7,
			Self::Unknown(_) => 8,
		}
	}

	/// A local file that could not be used.
	pub fn file(path: &std::path::Path, error: impl std::fmt::Display) -> Self {
		Self::Other(format!("{}: {error}", path.display()))
	}

	pub(crate) fn print(&self, json: bool) -> ExitCode {
		if json {
			eprintln!(
				"{}",
				serde_json::json!({ "error": { "code": self.code(), "message": self.to_string() } })
			);
		} else {
			eprintln!("error: {}", printable(&self.to_string()));
		}
		ExitCode::from(self.code())
	}
}

/// Texts of nodes, workers and files may be part of a message: what steers a terminal is left out.
fn printable(text: &str) -> String {
	text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

impl From<AccessError> for Failure {
	fn from(error: AccessError) -> Self {
		match error {
			AccessError::Chain(error) => error.into(),
			other => Self::Access(other),
		}
	}
}

impl From<ChainError> for Failure {
	fn from(error: ChainError) -> Self {
		let text = error.to_string();
		match error {
			ChainError::Away { .. } => Self::Away(text),
			ChainError::Unknown { .. } => Self::Unknown(text),
			ChainError::Call(_) | ChainError::Invalid(_) | ChainError::WrongChain { .. } => {
				Self::Refused(text)
			}
			ChainError::Refused { .. } | ChainError::Decode { .. } | ChainError::UnknownCall { .. } => {
				Self::Other(text)
			}
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn message_steers_no_terminal_when_others_wrote_part_of_it() {
		assert_eq!(printable("wrong: `\x1b[2Ja`\nnext\r"), "wrong: ` [2Ja`\nnext ");
	}
}
