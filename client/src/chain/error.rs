//! Why the chain could not be read or written.

use subxt::{error::DispatchError, rpcs::Error as RpcError};

/// A call that was included in a block and failed there. Its fee was paid; nothing else changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CallError {
	/// The pallet; empty for errors of no pallet.
	pub pallet: String,
	/// The error's name.
	pub name: String,
	/// Its documentation: what it means and how to get past it.
	pub docs: String,
}

impl std::fmt::Display for CallError {
	fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		let dot = if self.pallet.is_empty() { "" } else { "." };
		write!(formatter, "{}{dot}{}: {}", self.pallet, self.name, self.docs)
	}
}

/// An error's documentation on chain; the SDK's pallets do not say what to do.
fn documentation(pallet: &str, name: &str, docs: &[String]) -> String {
	let advice = match (pallet, name) {
		("Session", "InvalidProof") => {
			" It belongs to one pair of keys and one account: sign with that account's key, or make both anew for this one."
		}
		("Session", "DuplicatedKey") => " Another account has these keys: make new ones.",
		_ => "",
	};
	format!("{}{advice}", docs.join(" ").trim())
}

impl From<DispatchError> for CallError {
	fn from(error: DispatchError) -> Self {
		if let DispatchError::Module(module) = &error {
			if let Ok(details) = module.details() {
				return Self {
					pallet: details.pallet.name().into(),
					name: details.variant.name.clone(),
					docs: documentation(details.pallet.name(), &details.variant.name, &details.variant.docs),
				};
			}
		}
		let docs = match &error {
			DispatchError::BadOrigin => {
				"this key may not make this call: sign with the key it belongs to".into()
			}
			DispatchError::Token(_) => format!("{error} Send the account more TRB, or less from it"),
			other => other.to_string(),
		};
		let name = match error {
			DispatchError::BadOrigin => "BadOrigin",
			DispatchError::Token(_) => "Token",
			DispatchError::Arithmetic(_) => "Arithmetic",
			_ => "Dispatch",
		};
		Self { pallet: String::new(), name: name.into(), docs }
	}
}

/// Why the chain could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
	/// No node answers.
	#[error("no node answers at {urls} ({reason}). Start one (`tributary-node --dev`), or name another with --node or TRIBUTARY_NODE (a worker: chain.urls)")]
	Away {
		/// Where it was looked for.
		urls: String,
		/// What happened there.
		reason: String,
	},
	/// A node of another chain.
	#[error("the node at {url} is on another chain (genesis 0x{found}, not 0x{expected}): name a node of the right one")]
	WrongChain {
		/// The node.
		url: String,
		/// Genesis hash wanted, hex.
		expected: String,
		/// Genesis hash found, hex.
		found: String,
	},
	/// The node refused a request.
	#[error("the node refused {method}: {reason}")]
	Refused {
		/// The JSON-RPC method.
		method: String,
		/// Its answer.
		reason: String,
	},
	/// An answer that is not of the expected type.
	#[error("the node's answer to {method} is of another shape ({reason}): use the release of this program that belongs to the node's runtime")]
	Decode {
		/// The method.
		method: String,
		/// What did not fit.
		reason: String,
	},
	/// The runtime does not know the call, or not with these arguments.
	#[error("the node's runtime does not take {call} ({reason}): use the release of this program that belongs to it")]
	UnknownCall {
		/// Pallet and call.
		call: String,
		/// What did not fit.
		reason: String,
	},
	/// The transaction pool refused the transaction. Nothing happened.
	#[error("the transaction was refused: {0}. If its fee cannot be paid, send the account some TRB; else try again")]
	Invalid(String),
	/// The connection was lost after the transaction was sent: it may or may not be included.
	#[error("the transaction 0x{hash} was sent, but what became of it is not known ({reason}). Look before you send it again: a second one may do the same twice")]
	Unknown {
		/// Hash of the transaction, hex.
		hash: String,
		/// What was lost.
		reason: String,
	},
	/// The call failed in its block.
	#[error("{0}")]
	Call(CallError),
}

impl ChainError {
	pub(crate) fn refused(method: &str, error: RpcError) -> Self {
		Self::Refused { method: method.into(), reason: error.to_string() }
	}

	/// Whether nodes are away, so that the same may succeed later.
	pub fn is_away(&self) -> bool {
		matches!(self, Self::Away { .. })
	}

	/// The error of the call itself, if it is one.
	pub fn call_error(&self) -> Option<&CallError> {
		match self {
			Self::Call(error) => Some(error),
			_ => None,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::documentation;

	#[test]
	fn error_says_what_to_do_when_the_sdk_does_not() {
		let told = documentation("Session", "InvalidProof", &["Invalid ownership proof.".into()]);
		assert!(told.starts_with("Invalid ownership proof. ") && told.contains("make both anew"), "{told}");
		let own = [" It is gone: ask again.".into()];
		assert_eq!(documentation("Workers", "Unknown", &own), "It is gone: ask again.");
	}
}
