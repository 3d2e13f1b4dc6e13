//! What the pallet stores.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame::prelude::BoundedVec;
use polkadot_sdk::polkadot_sdk_frame as frame;
use scale_info::TypeInfo;
use tributary_primitives::{
	limits::{MaxIdentity, MaxUrl},
	Balance,
};

/// Where an MCP server is: `https://…`, `http://…` or `stdio:name`, at most 256 bytes.
pub type Server = BoundedVec<u8, MaxUrl>;
/// What a server calls itself: its name and version, 1 to 128 bytes of UTF-8.
pub type ServerIdentity = BoundedVec<u8, MaxIdentity>;

/// One version of a tool, beside what the registry keeps of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Tool {
	/// Where its server is.
	pub server: Server,
	/// What the server calls itself: a worker that hears another name offers the tool to no model.
	pub identity: ServerIdentity,
	/// What a call costs, planck. Part of the version, so that what an answer cost can be checked long after
	/// the price changed.
	pub price: Balance,
}

/// Whether `server` is a place that a worker can connect to: a URL of HTTP, or the name of a program that
/// operators install and allow.
pub(crate) fn is_server(server: &[u8]) -> bool {
	if let Some(program) = server.strip_prefix(b"stdio:") {
		let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._@/".contains(byte);
		return !program.is_empty() && program.iter().all(allowed);
	}
	let host = server.strip_prefix(b"https://").or_else(|| server.strip_prefix(b"http://"));
	host.is_some_and(|host| !host.is_empty() && host.iter().all(u8::is_ascii_graphic))
}

/// Whether `identity` is text that a person can read: UTF-8, not empty, no control characters.
pub(crate) fn is_identity(identity: &[u8]) -> bool {
	core::str::from_utf8(identity).is_ok_and(|text| !text.is_empty() && !text.contains(char::is_control))
}
