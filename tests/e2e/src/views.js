// Calls a pallet's view function: what polkadot.js does not decorate yet, done with its own decoder.

import { Metadata, TypeRegistry } from '@polkadot/types';
import { u8aConcat, u8aToHex } from '@polkadot/util';

/** All view functions by `Pallet.name`, from the chain's V16 metadata. */
export async function viewFunctions(api) {
	const opaque = await api.call.metadata.metadataAtVersion(16);
	const registry = new TypeRegistry();
	const metadata = new Metadata(registry, opaque.unwrap().toU8a(true));
	registry.setMetadata(metadata);
	const found = new Map();
	for (const pallet of metadata.asV16.pallets) {
		for (const view of pallet.viewFunctions) found.set(`${pallet.name}.${view.name}`, view);
	}
	return { found, registry };
}

/** Runs one view function; arguments are SCALE bytes, the answer is decoded by the metadata. */
export async function view(api, { found, registry }, name, ...args) {
	const item = found.get(name);
	if (!item) throw new Error(`No view function ${name}; there are ${[...found.keys()].join(', ')}`);
	const input = u8aConcat(...args);
	const answer = await api.rpc.state.call(
		'RuntimeViewFunction_execute_view_function',
		u8aToHex(u8aConcat(item.id.toU8a(), api.createType('Bytes', u8aToHex(input)).toU8a())),
	);
	const result = api.createType('Result<Bytes, u8>', answer.toU8a(true));
	if (result.isErr) throw new Error(`View function ${name} failed: ${result.asErr}`);
	return registry.createType(registry.createLookupType(item.output), result.asOk.toU8a(true));
}
