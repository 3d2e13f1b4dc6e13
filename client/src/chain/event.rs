//! Events of a transaction, decoded by the node's metadata.

use serde_json::{json, Map, Value as Json};
use subxt::{
	events::Event,
	ext::scale_value::{Composite, Primitive, Value, ValueDef},
	SubstrateConfig,
};
use tributary_primitives::{AssetId, AssetRef, DataNetId};

/// One event. Numbers beyond 2^53 are strings, 32-byte values `0x` hex.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ChainEvent {
	/// The pallet.
	pub pallet: String,
	/// The event's name.
	pub name: String,
	/// Its fields by name (by position when they have none).
	pub fields: Json,
}

impl ChainEvent {
	pub(super) fn of(event: &Event<'_, SubstrateConfig>) -> Option<Self> {
		let fields: Composite<()> = event.decode_fields_unchecked_as().ok()?;
		let (pallet, name) = (event.pallet_name().into(), event.event_name().into());
		Some(Self { pallet, name, fields: composite(fields) })
	}

	/// Whether it is this event.
	pub fn is(&self, pallet: &str, name: &str) -> bool {
		self.pallet == pallet && self.name == name
	}

	/// A number field.
	pub fn number(&self, field: &str) -> Option<u64> {
		self.fields.get(field)?.as_u64()
	}

	/// An amount field, planck.
	pub fn amount(&self, field: &str) -> Option<u128> {
		let value = self.fields.get(field)?;
		value.as_u64().map(u128::from).or_else(|| value.as_str()?.parse().ok())
	}
}

/// The asset that a transaction registered.
pub fn registered_asset(events: &[ChainEvent]) -> Option<AssetId> {
	let event = events.iter().find(|event| event.is("Registry", "Registered"))?;
	event.number("asset")?.try_into().ok()
}

/// The asset version that a transaction added.
pub fn added_version(events: &[ChainEvent]) -> Option<AssetRef> {
	let version =
		events.iter().find(|event| event.is("Registry", "VersionAdded"))?.fields.get("version")?.clone();
	let part = |name: &str| version.get(name)?.as_u64()?.try_into().ok();
	Some(AssetRef { asset: part("asset")?, version: part("version")? })
}

/// The DataNet that a transaction created.
pub fn created_datanet(events: &[ChainEvent]) -> Option<DataNetId> {
	let event = events.iter().find(|event| event.is("Datanets", "Created"))?;
	event.number("datanet")?.try_into().ok()
}

fn composite(fields: Composite<()>) -> Json {
	match fields {
		Composite::Named(fields) => {
			Json::Object(fields.into_iter().map(|(name, field)| (name, value(field))).collect::<Map<_, _>>())
		}
		Composite::Unnamed(fields) => {
			let mut values: Vec<Json> = fields.into_iter().map(value).collect();
			let byte = |value: &Json| value.as_u64().and_then(|number| u8::try_from(number).ok());
			if let (32 | 64, Some(bytes)) =
				(values.len(), values.iter().map(byte).collect::<Option<Vec<u8>>>())
			{
				return Json::String(super::prefixed(&bytes));
			}
			match values.pop() {
				// A wrapper, for example around an account's bytes.
				Some(only) if values.is_empty() && only.is_string() => only,
				Some(last) => {
					values.push(last);
					Json::Array(values)
				}
				None => Json::Array(values),
			}
		}
	}
}

fn value(value: Value<()>) -> Json {
	match value.value {
		ValueDef::Composite(fields) => composite(fields),
		ValueDef::Variant(variant) if variant.values.is_empty() => Json::String(variant.name),
		ValueDef::Variant(variant) => json!({ variant.name: composite(variant.values) }),
		ValueDef::BitSequence(bits) => {
			Json::String(bits.iter().map(|bit| if bit { '1' } else { '0' }).collect())
		}
		ValueDef::Primitive(primitive) => match primitive {
			Primitive::Bool(value) => Json::Bool(value),
			Primitive::Char(value) => Json::String(value.into()),
			Primitive::String(value) => Json::String(value),
			Primitive::U128(value) => match u64::try_from(value) {
				Ok(small) if small < 1 << 53 => small.into(),
				_ => Json::String(value.to_string()),
			},
			Primitive::I128(value) => {
				i64::try_from(value).map_or_else(|_| Json::String(value.to_string()), Json::from)
			}
			Primitive::U256(value) | Primitive::I256(value) => Json::String(super::prefixed(&value)),
		},
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn value_is_readable_when_it_nests_bytes_and_large_numbers() {
		let account = Value::unnamed_composite([Value::from_bytes([7u8; 32])]);
		let fields =
			Composite::named([("who", account), ("amount", Value::u128(1 << 60)), ("asset", Value::u128(3))]);
		let event =
			ChainEvent { pallet: "Registry".into(), name: "Registered".into(), fields: composite(fields) };
		assert_eq!(event.fields.get("who").unwrap(), &Json::String(format!("0x{}", "07".repeat(32))));
		assert_eq!(event.amount("amount"), Some(1 << 60));
		assert_eq!(registered_asset(&[event]), Some(3));
	}
}
