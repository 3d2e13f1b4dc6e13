//! What calls and transaction extensions cost: measured on a machine that each file names.
//!
//! `scripts/benchmark-weights.sh` writes the files. The other pallets, which are the SDK's, have the weights that
//! come with them.

/// Names the measured weights. A runtime that measures has none: so a call can be benchmarked before it has a
/// weight.
macro_rules! measured {
	($($name:ident: $file:ident,)*) => {$(
		#[cfg(not(feature = "runtime-benchmarks"))]
		mod $file;
		#[cfg(not(feature = "runtime-benchmarks"))]
		pub type $name = $file::WeightInfo<crate::Runtime>;
		#[cfg(feature = "runtime-benchmarks")]
		pub type $name = ();
	)*};
}

measured! {
	Adapters: pallet_adapters,
	Agents: pallet_agents,
	Attribution: pallet_attribution,
	Datanets: pallet_datanets,
	Delays: delays,
	Extensions: frame_system_extensions,
	Grants: pallet_grants,
	Prompts: pallet_prompts,
	Registry: pallet_registry,
	Tools: pallet_tools,
	TransactionPayment: pallet_transaction_payment,
	Validators: pallet_validators,
	Workers: pallet_workers,
}
