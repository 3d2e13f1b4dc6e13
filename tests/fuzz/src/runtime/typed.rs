//! Calls made from the runtime's own types: every call of every pallet, whatever its arguments, without a word about
//! any of them here. Numbers, accounts and texts are such as the chain's state may know.

use super::{
	chain::now,
	world::{accounts, operator, World},
};
use codec::{Compact, Decode, DecodeLimit, Encode};
use polkadot_sdk::sp_io::hashing::blake2_256;
use scale_info::{
	form::PortableForm, Field, MetaType, PortableRegistry, Registry, Type, TypeDef, TypeDefPrimitive, Variant,
};
use std::sync::OnceLock;
use tributary_fuzz_driver::Input;
use tributary_primitives::AssetKind;
use tributary_runtime::{constants::*, Runtime, RuntimeCall};

/// How deep calls may be in calls.
const MOST_NESTED: u32 = 3;
/// How deep other types may be in types.
const MOST_DEPTH: u32 = 24;

/// The types of all calls.
pub struct Types {
	registry: PortableRegistry,
	call: u32,
}

/// A field's names, as the pallet's source writes them.
#[derive(Clone, Copy, Default)]
struct Hint<'a> {
	/// The pallet's.
	pallet: &'a str,
	/// That of the field it is in.
	outer: &'a str,
	/// Its own.
	name: &'a str,
	/// Its type's.
	kind: &'a str,
}

impl<'a> Hint<'a> {
	/// Of a field inside. Wrappers such as `BoundedVec` have fields without names, and generic types call the
	/// type inside `T`: both keep the names of what is outside.
	fn of(self, field: &'a Field<PortableForm>) -> Self {
		let kind = field.type_name.as_deref().filter(|kind| *kind != "T").unwrap_or(self.kind);
		match field.name.as_deref() {
			Some(name) => Self { outer: self.name, name, kind, ..self },
			None => Self { kind, ..self },
		}
	}
}

/// The types of this runtime.
pub fn types() -> &'static Types {
	static TYPES: OnceLock<Types> = OnceLock::new();
	TYPES.get_or_init(|| {
		let mut registry = Registry::new();
		let call = registry.register_type(&MetaType::new::<RuntimeCall>()).id;
		Types { registry: registry.into(), call }
	})
}

impl Types {
	/// The first two bytes of every call: of its pallet and of itself.
	pub fn calls(&self) -> &'static [[u8; 2]] {
		static CALLS: OnceLock<Vec<[u8; 2]>> = OnceLock::new();
		CALLS.get_or_init(|| {
			let pallets = variants(self.ty(self.call));
			let calls = pallets.iter().flat_map(|pallet| {
				let inner = pallet.fields.first().map_or(&[][..], |field| variants(self.ty(field.ty.id)));
				inner.iter().map(|call| [pallet.index, call.index])
			});
			calls.collect()
		})
	}

	/// A call of any kind; `None` when its encoding breaks a bound.
	pub fn call(&self, input: &mut Input, world: &mut World) -> Option<RuntimeCall> {
		let mut encoded = Vec::new();
		self.put_call(input, world, 0, &mut encoded);
		RuntimeCall::decode_all_with_depth_limit(64, &mut &encoded[..]).ok()
	}

	fn ty(&self, id: u32) -> &Type<PortableForm> {
		self.registry.resolve(id).expect("the registry has all types that it names")
	}

	fn put_call(&self, input: &mut Input, world: &mut World, nested: u32, to: &mut Vec<u8>) {
		let calls = self.calls();
		let [pallet, call] = calls[input.below(calls.len())];
		to.extend([pallet, call]);
		let outer = variants(self.ty(self.call)).iter().find(|variant| variant.index == pallet);
		let inner = outer.and_then(|variant| variant.fields.first());
		let inner = inner.map_or(&[][..], |field| variants(self.ty(field.ty.id)));
		let Some(found) = inner.iter().find(|variant| variant.index == call) else { return };
		let hint = Hint { pallet: outer.map_or("", |variant| &variant.name), ..Hint::default() };
		for field in &found.fields {
			self.put(field.ty.id, hint.of(field), input, world, (nested, 0), to);
		}
	}

	fn put(
		&self,
		id: u32,
		hint: Hint,
		input: &mut Input,
		world: &mut World,
		depth: (u32, u32),
		to: &mut Vec<u8>,
	) {
		let (nested, deep) = (depth.0, depth.1 + 1);
		let depth = (nested, deep);
		if id == self.call {
			if nested >= MOST_NESTED {
				to.extend([0, 0, 0]);
				return;
			}
			let from = to.len();
			self.put_call(input, world, nested + 1, to);
			world.hashes.push(blake2_256(&to[from..]));
			return;
		}
		let ty = self.ty(id);
		match ty.path.segments.last().map(AsRef::as_ref) {
			Some("AccountId32") => return self::known_account(hint, input).encode_to(to),
			Some("MultiAddress") => {
				to.push(0);
				return account(input).encode_to(to);
			}
			Some("H256") => return hash(input, world).encode_to(to),
			_ => {}
		}
		match &ty.type_def {
			TypeDef::Composite(composite) => {
				for field in &composite.fields {
					self.put(field.ty.id, hint.of(field), input, world, depth, to);
				}
			}
			TypeDef::Variant(variant) => {
				let Some(chosen) = input.choose(&variant.variants) else { return };
				let shallow = variant.variants.iter().find(|variant| variant.fields.is_empty());
				let chosen = if deep > MOST_DEPTH { shallow.unwrap_or(chosen) } else { chosen };
				to.push(chosen.index);
				for field in &chosen.fields {
					self.put(field.ty.id, hint.of(field), input, world, depth, to);
				}
			}
			TypeDef::Sequence(sequence) => {
				let element = sequence.type_param.id;
				if self.is_byte(element) {
					let holds_call =
						matches!((hint.pallet, hint.name), ("Preimage", "bytes") | ("Referenda", "proposal"));
					if holds_call && nested < MOST_NESTED && !input.one_in(4) {
						let mut call = Vec::new();
						self.put_call(input, world, nested + 1, &mut call);
						world.hashes.push(blake2_256(&call));
						return call.encode_to(to);
					}
					return text(hint, input).encode_to(to);
				}
				let count = if deep > MOST_DEPTH { 0 } else { length(input) };
				Compact(count as u32).encode_to(to);
				for _ in 0..count {
					self.put(element, hint, input, world, depth, to);
				}
			}
			TypeDef::Array(array) => {
				let element = array.type_param.id;
				match (self.is_byte(element), array.len) {
					(true, 32) => hash(input, world).encode_to(to),
					(true, length) => {
						let mut bytes = input.take(length as usize).to_vec();
						bytes.resize(length as usize, 0);
						to.extend(bytes);
					}
					(false, length) => {
						for _ in 0..length {
							self.put(element, hint, input, world, depth, to);
						}
					}
				}
			}
			TypeDef::Tuple(tuple) => {
				for field in &tuple.fields {
					self.put(field.id, hint, input, world, depth, to);
				}
			}
			TypeDef::Primitive(primitive) => number(primitive, hint, input, world, to),
			TypeDef::Compact(compact) => self.put_compact(compact.type_param.id, hint, input, world, to),
			TypeDef::BitSequence(_) => to.push(0),
		}
	}

	fn put_compact(&self, id: u32, hint: Hint, input: &mut Input, world: &mut World, to: &mut Vec<u8>) {
		let mut plain = Vec::new();
		match &self.ty(id).type_def {
			TypeDef::Primitive(primitive) => number(primitive, hint, input, world, &mut plain),
			// A compact wrapper of one number, for example `Perbill`.
			_ => number(&TypeDefPrimitive::U32, hint, input, world, &mut plain),
		}
		plain.resize(16, 0);
		let value = u128::decode(&mut &plain[..]).unwrap_or_default();
		Compact(value).encode_to(to);
	}

	fn is_byte(&self, id: u32) -> bool {
		matches!(self.ty(id).type_def, TypeDef::Primitive(TypeDefPrimitive::U8))
	}
}

fn variants(ty: &Type<PortableForm>) -> &[Variant<PortableForm>] {
	match &ty.type_def {
		TypeDef::Variant(variant) => &variant.variants,
		_ => &[],
	}
}

/// One of the accounts, the first ones more often.
pub fn account(input: &mut Input) -> polkadot_sdk::sp_runtime::AccountId32 {
	let all = accounts();
	let at = input.below(all.len()).min(input.below(all.len()));
	all[at].clone()
}

/// Few elements, now and then many.
fn length(input: &mut Input) -> usize {
	match input.byte() {
		0..=15 => 0,
		byte @ 16..=247 => 1 + usize::from(byte) % 3,
		byte => usize::from(byte - 247) * 4,
	}
}

/// A hash: known, small so that it comes again, an account's, or any.
fn hash(input: &mut Input, world: &World) -> [u8; 32] {
	match input.below(8) {
		0..=3 => [input.byte() % 48; 32],
		4 | 5 => input.choose(&world.hashes).copied().unwrap_or([1; 32]),
		6 => account(input).into(),
		_ => input.array(),
	}
}

fn text(hint: Hint, input: &mut Input) -> Vec<u8> {
	const URLS: [&str; 3] = ["https://a.example/x", "http://127.0.0.1:8080", "stdio:mcp-server"];
	let url = matches!(hint.name, "endpoint" | "server" | "hints");
	match input.below(16) {
		0 => Vec::new(),
		1 => input.take(40).to_vec(),
		2 => vec![b'x'; usize::from(input.byte()) * 5],
		3..=15 if url => URLS[input.below(URLS.len())].into(),
		_ => {
			let length = 1 + input.below(6);
			input.take(length).iter().map(|byte| b'a' + byte % 26).chain([b'a']).collect()
		}
	}
}

fn number(primitive: &TypeDefPrimitive, hint: Hint, input: &mut Input, world: &mut World, to: &mut Vec<u8>) {
	let mut some = |input: &mut Input| number_32(hint, input, world);
	match primitive {
		TypeDefPrimitive::Bool => to.push(input.byte() & 1),
		TypeDefPrimitive::Char => u32::from(b'a').encode_to(to),
		TypeDefPrimitive::Str => "a".encode_to(to),
		TypeDefPrimitive::U8 => input.byte().encode_to(to),
		TypeDefPrimitive::U16 => (some(input) as u16).encode_to(to),
		TypeDefPrimitive::U32 => some(input).encode_to(to),
		TypeDefPrimitive::U64 => u64::from(some(input)).encode_to(to),
		TypeDefPrimitive::U128 => balance(input).encode_to(to),
		TypeDefPrimitive::U256 => to.extend(input.array::<32>()),
		TypeDefPrimitive::I8 => to.push(input.byte()),
		TypeDefPrimitive::I16 => (some(input) as i16).encode_to(to),
		TypeDefPrimitive::I32 => (some(input) as i32).encode_to(to),
		TypeDefPrimitive::I64 => i64::from(some(input) as i32).encode_to(to),
		TypeDefPrimitive::I128 => i128::from(some(input) as i32).encode_to(to),
		TypeDefPrimitive::I256 => to.extend(input.array::<32>()),
	}
}

/// An id, a version, a block or a share by the name of its type; else a small number, now and then any.
fn number_32(hint: Hint, input: &mut Input, world: &mut World) -> u32 {
	let kind = hint.kind;
	let up_to = |most: u32, input: &mut Input| input.below(most as usize + 1) as u32;
	match input.byte() {
		0..=3 => return input.number() as u32,
		4 => return u32::MAX,
		_ => {}
	}
	if kind.contains("DataNetId") {
		if hint.pallet == "Grants" && !input.one_in(4) {
			let private: Vec<_> = pallet_grants::Accesses::<Runtime>::iter_keys().collect();
			return input.choose(&private).copied().unwrap_or_default();
		}
		up_to(pallet_datanets::NextDataNet::<Runtime>::get(), input)
	} else if kind.contains("AssetId") {
		let kinds = kinds(hint);
		if kinds.is_empty() || input.one_in(6) {
			return up_to(pallet_registry::NextAsset::<Runtime>::get(), input);
		}
		world.asset(kinds, input)
	} else if kind.contains("Version") {
		1 + up_to(3, input) / 3
	} else if kind.contains("ContributionIndex") {
		up_to(15, input)
	} else if kind.contains("BlockNumber") {
		now().saturating_add(up_to(40, input))
	} else if kind.contains("Ppm") {
		[1, 10_000, 100_000, 200_000, 500_000, 1_000_000][input.below(6)]
	} else {
		up_to(7, input)
	}
}

/// The kinds of assets that a field is for, by its names.
fn kinds(hint: Hint) -> &'static [AssetKind] {
	use AssetKind::*;
	match (hint.pallet, hint.outer, hint.name) {
		(_, "base", _) | (_, _, "models") => &[BaseModel],
		(_, "adapters", _) => &[Adapter],
		(_, "prompts", _) | ("Prompts", ..) => &[Prompt],
		(_, "tools", _) | ("Tools", ..) => &[Tool],
		("Adapters", ..) => &[Adapter, BaseModel],
		("Agents", ..) => &[Agent],
		_ => &[],
	}
}

/// An operator where a worker is asked for, else any account.
fn known_account(hint: Hint, input: &mut Input) -> polkadot_sdk::sp_runtime::AccountId32 {
	let worker = (hint.name == "worker").then(|| operator(input)).flatten();
	worker.unwrap_or_else(|| account(input))
}

/// An amount of money at an edge, or of a usual size.
pub fn balance(input: &mut Input) -> u128 {
	let some = 1 + u128::from(input.byte());
	match input.below(16) {
		0 => 0,
		1 => 1,
		2 => EXISTENTIAL_DEPOSIT - 1,
		3 => EXISTENTIAL_DEPOSIT,
		4 => u128::MAX,
		5 => u128::from(input.number()),
		6 | 7 => some * MICRO_TRB,
		8..=10 => some * MILLI_TRB,
		11..=14 => some * TRB,
		_ => some * 10_000 * TRB,
	}
}
