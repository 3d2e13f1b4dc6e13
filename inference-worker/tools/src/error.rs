//! Why a tool cannot be used.

use std::time::Duration;

/// Why a server is not connected or a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
	/// The process cannot be started.
	#[error("{command} cannot be started: {problem}. Check the command and that the program is installed.")]
	Start {
		/// What was started.
		command: String,
		/// What the system says.
		problem: String,
	},
	/// The server is away, or went away before it answered.
	#[error("{server} does not answer: {problem}. Check that it runs; it is tried again.")]
	Unreachable {
		/// Where it is.
		server: String,
		/// What happened.
		problem: String,
	},
	/// The server does not speak MCP as it should.
	#[error("{server} does not speak MCP: {problem}. Ask its author.")]
	Protocol {
		/// Where it is.
		server: String,
		/// What it did.
		problem: String,
	},
	/// The tool list is beyond a bound or has a definition that cannot be offered.
	#[error("the tool list is refused: {0}")]
	List(String),
	/// The server offers another list than before.
	#[error(
		"the tool list changed: its hash is 0x{found}, registered is 0x{expected}. \
		 The tool's owner registers the new list as a version (`tributary tool version`)."
	)]
	ListChanged {
		/// Hash that was registered, hexadecimal.
		expected: String,
		/// Hash of what the server offers now, hexadecimal.
		found: String,
	},
	/// No such tool.
	#[error("the server has no tool `{0}`")]
	UnknownTool(String),
	/// The arguments do not satisfy the tool's schema.
	#[error("the arguments do not satisfy the schema of `{tool}`: {problem}")]
	Arguments {
		/// The tool.
		tool: String,
		/// What is wrong, and where.
		problem: String,
	},
	/// No answer in time.
	#[error("`{tool}` did not answer within {} s", limit.as_secs_f32())]
	Deadline {
		/// The tool.
		tool: String,
		/// The limit.
		limit: Duration,
	},
	/// The answer is larger than allowed; it was cut off.
	#[error("the answer of `{tool}` is larger than {limit} bytes and was cut off")]
	TooLarge {
		/// The tool.
		tool: String,
		/// The limit.
		limit: usize,
	},
	/// The answer is not what the tool's output schema promises.
	#[error("the answer of `{tool}` is not what its schema promises: {problem}")]
	Output {
		/// The tool.
		tool: String,
		/// What is wrong, and where.
		problem: String,
	},
	/// The server refused the call.
	#[error("the server refused to call `{tool}`: {problem}")]
	Refused {
		/// The tool.
		tool: String,
		/// What it says.
		problem: String,
	},
}

impl ToolError {
	/// Whether another attempt may help: nothing was answered yet.
	pub fn is_transient(&self) -> bool {
		matches!(self, Self::Unreachable { .. })
	}

	/// What a model, and so whoever asks it, may read: nothing of the operator's machine or of what a server wrote beside
	/// its answers.
	pub fn public(&self) -> String {
		match self {
			Self::Start { .. } | Self::Unreachable { .. } => "the tool's server does not answer".into(),
			Self::Protocol { .. } => "the tool's server does not speak MCP as it should".into(),
			other => other.to_string(),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn public_text_has_nothing_of_the_machine_when_the_server_is_away() {
		let (server, problem) = ("`/home/ada/rivers`".to_owned(), "it wrote: no key abc".to_owned());
		for error in [
			ToolError::Start { command: server.clone(), problem: problem.clone() },
			ToolError::Unreachable { server: server.clone(), problem: problem.clone() },
			ToolError::Protocol { server, problem },
		] {
			let text = error.public();
			assert!(!text.contains("ada") && !text.contains("abc"), "{text}");
		}
		assert!(ToolError::UnknownTool("sing".into()).public().contains("sing"));
	}
}
