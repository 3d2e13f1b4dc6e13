#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
	not(test),
	deny(
		clippy::arithmetic_side_effects,
		clippy::unwrap_used,
		clippy::expect_used,
		clippy::indexing_slicing,
		clippy::panic,
		clippy::unreachable,
		clippy::todo,
		clippy::unimplemented
	)
)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use polkadot_sdk::polkadot_sdk_frame as frame;

#[allow(clippy::expect_used, clippy::unreachable, reason = "FRAME's macros expand to them")]
#[frame::pallet]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame::prelude::*;
	use pallet_registry::{Hints, Name};
	use tributary_primitives::{views::ToolView, AssetId, AssetRef, AssetVersion, Balance, Hash};

	/// Version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// Tools.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What tools need from the runtime.
	#[pallet::config]
	pub trait Config:
		polkadot_sdk::frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_registry::Config
	{
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Server, identity and price of each tool version.
	#[pallet::storage]
	pub type Tools<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, AssetId, Blake2_128Concat, AssetVersion, Tool>;

	/// All tools in the order of their ids, for paged reads.
	#[pallet::storage]
	pub type ToolIds<T: Config> = StorageMap<_, Blake2_128Concat, u32, AssetId>;

	/// How many tools there are.
	#[pallet::storage]
	pub type ToolCount<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// What tools announce. The registry announces new assets and versions.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A tool version may be put into agents.
		Offered {
			/// The tool version.
			tool: AssetRef,
			/// What a call costs, planck.
			price: Balance,
		},
	}

	/// Why tools refuse. The registry's errors come in addition.
	#[pallet::error]
	pub enum Error<T> {
		/// A server is `https://…` or `http://…` without spaces, or `stdio:` and a program's name of letters,
		/// digits and `-._@/`. Correct it.
		BadServer,
		/// An identity is 1 to 128 bytes of UTF-8 without control characters: the name and version that the
		/// server answers `initialize` with. Correct it.
		BadIdentity,
		/// No position is free. This chain cannot register further tools.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), polkadot_sdk::sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A tool version; the newest when none is named.
		pub fn tool(id: AssetId, version: Option<AssetVersion>) -> Option<ToolView> {
			Self::tool_view(id, version)
		}

		/// The newest versions of the tools from id `start` on, at most `limit` (cut to 256).
		pub fn tools(start: AssetId, limit: u32) -> Vec<ToolView> {
			Self::tool_views(start, limit)
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers a tool and its first version. Emits `Registry.Registered` with its id, and
		/// [`Event::Offered`].
		///
		/// - `server`: where the MCP server is: `https://…`, `http://…` or `stdio:name`.
		/// - `identity`: what the server calls itself: its name and version.
		/// - `content`: BLAKE3 of the server's tool list in canonical JSON.
		/// - `price`: planck per call.
		#[pallet::call_index(0)]
		#[pallet::weight(<T as Config>::WeightInfo::register_tool())]
		pub fn register_tool(
			origin: OriginFor<T>,
			name: Name,
			server: Server,
			identity: ServerIdentity,
			content: Hash,
			hints: Hints,
			price: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register(&who, name, content, hints, Tool { server, identity, price })
		}

		/// Registers the next version of a tool: another server, tool list, price or all of them. Agents go on
		/// with the versions that they name. Emits `Registry.VersionAdded` and [`Event::Offered`].
		#[pallet::call_index(1)]
		#[pallet::weight(<T as Config>::WeightInfo::add_version())]
		pub fn add_version(
			origin: OriginFor<T>,
			tool: AssetId,
			server: Server,
			identity: ServerIdentity,
			content: Hash,
			hints: Hints,
			price: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_add_version(&who, tool, content, hints, Tool { server, identity, price })
		}
	}
}
