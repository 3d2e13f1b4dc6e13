//! Chain states made from the genesis presets, as the node makes them.

pub mod blocks;
pub mod time;

use polkadot_sdk::{sp_io::TestExternalities, sp_keyring::Sr25519Keyring};
use tributary_runtime::{testing, AccountId, RuntimeOrigin};

/// The preset's genesis state.
pub fn genesis(preset: &str) -> TestExternalities {
	testing::genesis(preset).into()
}

/// Alice's account.
pub fn alice() -> AccountId {
	Sr25519Keyring::Alice.to_account_id()
}

/// Bob's account.
pub fn bob() -> AccountId {
	Sr25519Keyring::Bob.to_account_id()
}

/// Charlie's account.
pub fn charlie() -> AccountId {
	Sr25519Keyring::Charlie.to_account_id()
}

/// Origin of Alice's transactions.
pub fn by_alice() -> RuntimeOrigin {
	RuntimeOrigin::signed(alice())
}

/// Origin of Bob's transactions.
pub fn by_bob() -> RuntimeOrigin {
	RuntimeOrigin::signed(bob())
}

/// Origin of what the whole technical committee agreed to.
pub fn by_committee() -> RuntimeOrigin {
	polkadot_sdk::pallet_collective::RawOrigin::Members(3, 3).into()
}
