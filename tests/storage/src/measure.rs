//! Running a call and looking at what it left behind.

use polkadot_sdk::{
	frame_support::traits::StorageInfoTrait,
	frame_system,
	sp_io::{hashing::twox_128, storage},
	sp_runtime::traits::Dispatchable,
};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use tributary_runtime::{
	constants::deposit, AccountId, AllPalletsWithSystem, Runtime, RuntimeCall, RuntimeOrigin,
};

/// Our own pallets.
const OWN: [&str; 11] = [
	"Adapters",
	"Agents",
	"Attribution",
	"Datanets",
	"Delays",
	"Grants",
	"Prompts",
	"Registry",
	"Tools",
	"Validators",
	"Workers",
];

/// What one thing takes and has.
#[derive(Clone, Debug)]
pub struct Row {
	/// What it is.
	pub name: &'static str,
	/// Stored items that are there because of it.
	pub items: usize,
	/// Bytes of their keys.
	pub keys: usize,
	/// Bytes of their values.
	pub values: usize,
	/// What is held for it, planck.
	pub held: u128,
}

impl Row {
	/// What one item with as many bytes costs, planck.
	pub fn price(&self) -> u128 {
		deposit(1, self.values as u32)
	}

	/// As JSON.
	pub fn to_json(&self) -> Value {
		json!({
			"name": self.name,
			"items": self.items,
			"key_bytes": self.keys,
			"value_bytes": self.values,
			"held": self.held.to_string(),
			"price": self.price().to_string(),
		})
	}
}

/// How large a stored item may become.
#[derive(Clone, Debug)]
pub struct Bound {
	/// Its pallet.
	pub pallet: String,
	/// Its name.
	pub item: String,
	/// Most bytes of one, with its key.
	pub size: Option<u32>,
}

impl Bound {
	/// As JSON.
	pub fn to_json(&self) -> Value {
		json!({ "pallet": self.pallet, "item": self.item, "most_bytes": self.size })
	}
}

/// The bounds of all items of our own pallets.
pub fn bounds() -> Vec<Bound> {
	let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
	AllPalletsWithSystem::storage_info()
		.into_iter()
		.map(|info| Bound {
			pallet: text(info.pallet_name),
			item: text(info.storage_name),
			size: info.max_size,
		})
		.filter(|bound| OWN.contains(&bound.pallet.as_str()))
		.collect()
}

fn stored() -> BTreeMap<Vec<u8>, Vec<u8>> {
	let mut items = BTreeMap::new();
	for pallet in OWN {
		let prefix = twox_128(pallet.as_bytes());
		let mut key = prefix.to_vec();
		while let Some(next) = storage::next_key(&key).filter(|next| next.starts_with(&prefix)) {
			items.insert(next.clone(), storage::get(&next).map(|value| value.to_vec()).unwrap_or_default());
			key = next;
		}
	}
	items
}

fn held() -> u128 {
	frame_system::Account::<Runtime>::iter_values().map(|account| account.data.reserved).sum()
}

/// Dispatches a call, which must succeed.
pub fn sign(who: &AccountId, call: impl Into<RuntimeCall>) {
	let call = call.into();
	let shown = format!("{call:?}");
	let result = call.dispatch(RuntimeOrigin::signed(who.clone()));
	assert!(result.is_ok(), "{}: {result:?}", &shown[..shown.len().min(200)]);
}

/// What `work` leaves behind: new items, and how much longer others became.
pub fn measure(name: &'static str, work: impl FnOnce()) -> Row {
	let (before, money) = (stored(), held());
	work();
	let mut row = Row { name, items: 0, keys: 0, values: 0, held: held().saturating_sub(money) };
	for (key, value) in stored() {
		match before.get(&key) {
			None => {
				row.items += 1;
				row.keys += key.len();
				row.values += value.len();
			}
			Some(old) => row.values += value.len().saturating_sub(old.len()),
		}
	}
	row
}
