//! On which line each value of a YAML file stands, for errors that are found after reading.

use std::{collections::BTreeMap, fmt};

use serde::{de, Deserialize, Deserializer};
use serde_saphyr::Spanned;

/// A value with the lines of what is in it.
enum Tree {
	Map(Vec<(String, Spanned<Tree>)>),
	List(Vec<Spanned<Tree>>),
	Leaf,
}

impl<'de> Deserialize<'de> for Tree {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		struct Visitor;
		macro_rules! leaves {
			($($visit:ident: $type:ty),*) => {
				$(fn $visit<E>(self, _: $type) -> Result<Tree, E> { Ok(Tree::Leaf) })*
			};
		}
		impl<'de> de::Visitor<'de> for Visitor {
			type Value = Tree;

			fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
				formatter.write_str("a value")
			}

			leaves!(visit_bool: bool, visit_u64: u64, visit_i64: i64, visit_f64: f64, visit_str: &str);

			fn visit_unit<E>(self) -> Result<Tree, E> {
				Ok(Tree::Leaf)
			}

			fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
				let mut list = Vec::new();
				while let Some(value) = access.next_element()? {
					list.push(value);
				}
				Ok(Tree::List(list))
			}

			fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
				let mut map = Vec::new();
				while let Some(entry) = access.next_entry()? {
					map.push(entry);
				}
				Ok(Tree::Map(map))
			}
		}
		deserializer.deserialize_any(Visitor)
	}
}

/// Lines by field; empty where the text is no YAML.
pub(super) fn lines(text: &str) -> BTreeMap<String, u64> {
	let mut lines = BTreeMap::new();
	if let Ok(tree) = serde_saphyr::from_str::<Tree>(text) {
		walk(&tree, "", &mut lines);
	}
	lines
}

fn walk(tree: &Tree, path: &str, lines: &mut BTreeMap<String, u64>) {
	let mut enter = |path: String, value: &Spanned<Tree>| {
		walk(&value.value, &path, lines);
		lines.insert(path, value.referenced.line());
	};
	match tree {
		Tree::Map(entries) => {
			for (key, value) in entries {
				enter(if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value);
			}
		}
		Tree::List(values) => {
			for (index, value) in values.iter().enumerate() {
				enter(format!("{path}[{index}]"), value);
			}
		}
		Tree::Leaf => {}
	}
}

/// Line of a field, or of what it would stand in.
pub(super) fn line(lines: &BTreeMap<String, u64>, field: &str) -> u64 {
	let mut path = field;
	loop {
		if let Some(line) = lines.get(path) {
			return *line;
		}
		match path.rfind(['.', '[']) {
			Some(end) => path = path.get(..end).unwrap_or_default(),
			None => return 0,
		}
	}
}
