//! Builds the wasm runtime beside the native library.

#[cfg(feature = "std")]
fn main() {
	// The wasm builder looks for the lock file above the target folder, and would take the newest of all
	// dependencies where that is outside the checkout.
	if std::env::var_os(WORKSPACE_HINT).is_none() {
		let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
		std::env::set_var(WORKSPACE_HINT, format!("{here}/.."));
	}
	let builder = substrate_wasm_builder::WasmBuilder::init_with_defaults();
	#[cfg(feature = "metadata-hash")]
	let builder = builder.enable_metadata_hash("TRB", 12);
	builder.build();
}

#[cfg(feature = "std")]
const WORKSPACE_HINT: &str = "WASM_BUILD_WORKSPACE_HINT";

#[cfg(not(feature = "std"))]
fn main() {}
