//! The lock file: one release of the SDK, not two.

fn versions(package: &str) -> Vec<&'static str> {
	let lock = include_str!("../../../Cargo.lock");
	let name = format!("name = \"{package}\"");
	let mut lines = lock.lines();
	let mut found = Vec::new();
	while lines.by_ref().any(|line| line == name) {
		found.extend(lines.next());
	}
	found
}

#[test]
fn sdk_is_locked_once_when_resolved() {
	for package in
		["sp-runtime", "sp-core", "sp-api", "frame-support", "frame-system", "sc-service", "polkadot-sdk"]
	{
		assert_eq!(versions(package).len(), 1, "{package}: {:?}", versions(package));
	}
}
