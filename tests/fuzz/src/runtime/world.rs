//! Who acts, and what they know besides the chain's state.

use polkadot_sdk::{
	sp_core::{sr25519, Pair},
	sp_keyring::Sr25519Keyring,
};
use std::{collections::BTreeMap, sync::OnceLock};
use tributary_fuzz_driver::Input;
use tributary_primitives::{AssetKind, Balance, Earner};
use tributary_runtime::{AccountId, Runtime};

/// Accounts without funds; the last of [`accounts`].
const POOR: u8 = 4;

/// The development accounts and a few without funds.
pub fn accounts() -> &'static [AccountId] {
	static ACCOUNTS: OnceLock<Vec<AccountId>> = OnceLock::new();
	ACCOUNTS.get_or_init(|| {
		let poor = (1..=POOR).map(|seed| AccountId::new([seed; 32]));
		Sr25519Keyring::iter()
			.filter(|key| !matches!(key, Sr25519Keyring::One | Sr25519Keyring::Two))
			.map(|key| key.to_account_id())
			.chain(poor)
			.collect()
	})
}

/// The keys of the development accounts, by account.
pub fn pair(account: &AccountId) -> Option<&'static sr25519::Pair> {
	static PAIRS: OnceLock<BTreeMap<AccountId, sr25519::Pair>> = OnceLock::new();
	let pairs =
		PAIRS.get_or_init(|| Sr25519Keyring::iter().map(|key| (key.to_account_id(), key.pair())).collect());
	pairs.get(account)
}

/// A voucher's signature.
pub fn sign(by: &AccountId, message: &[u8; 32]) -> [u8; 64] {
	pair(by).map_or([7; 64], |pair| pair.sign(message).0)
}

/// What honest workers keep: which data shares each of their batches owes to whom.
pub type Books = BTreeMap<(AccountId, u64), Vec<(Earner, Balance)>>;

/// What the actors know besides the chain's state.
#[derive(Clone, Debug, Default)]
pub struct World {
	/// The workers' books.
	pub books: Books,
	/// Hashes that later calls may name: of calls, of contents.
	pub hashes: Vec<[u8; 32]>,
	/// The newest block's slot.
	pub slot: u64,
	/// The kinds of all assets, as far as somebody asked.
	kinds: Vec<AssetKind>,
}

impl World {
	/// An asset of one of these kinds; any when there is none.
	pub fn asset(&mut self, kinds: &[AssetKind], input: &mut Input) -> u32 {
		let count = pallet_registry::NextAsset::<Runtime>::get();
		for id in self.kinds.len() as u32..count {
			let Some(asset) = pallet_registry::Assets::<Runtime>::get(id) else { break };
			self.kinds.push(asset.kind);
		}
		let fitting: Vec<u32> =
			(0..count).zip(&self.kinds).filter(|(_, kind)| kinds.contains(kind)).map(|(id, _)| id).collect();
		input.choose(&fitting).copied().unwrap_or_else(|| input.below(count as usize + 1) as u32)
	}
}

/// An account that is an operator; `None` when there is none.
pub fn operator(input: &mut Input) -> Option<AccountId> {
	let operators: Vec<_> = pallet_workers::Workers::<Runtime>::iter_keys().collect();
	input.choose(&operators).cloned()
}
