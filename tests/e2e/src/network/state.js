// The whole state at a block.
//
//   node state.js size URL [HASH]       number of items, bytes of keys and values
//   node state.js write URL FILE        the newest final state as JSON: `block`, `spec_version`, and `state`, a list of
//                                       [key, value] sorted by key, one a line, without the runtime's code (:code)

import { writeFileSync } from 'node:fs';
import { connect, options, say } from './common.js';

const CODE = '0x3a636f6465';
const PAGE = 1_000;

const [verb, url, where] = options().rest;
const api = await connect(url);
const provider = api._rpcCore.provider;
const hash = verb === 'size' && where ? where : await provider.send('chain_getFinalizedHead', []);

async function* pairs() {
	for (let last = null; ; ) {
		const keys = await provider.send('state_getKeysPaged', ['0x', PAGE, last, hash]);
		const [{ changes }] = keys.length ? await provider.send('state_queryStorageAt', [keys, hash]) : [{ changes: [] }];
		const values = new Map(changes);
		for (const key of keys) yield [key, values.get(key)];
		if (keys.length < PAGE) return;
		last = keys.at(-1);
	}
}

const bytes = (text) => text.length / 2 - 1;
const found = [];
let [items, size] = [0, 0];
for await (const [key, value] of pairs()) {
	if (key === CODE) continue;
	items += 1;
	size += bytes(key) + bytes(value);
	if (verb === 'write') found.push([key, value]);
}
const number = Number((await provider.send('chain_getHeader', [hash])).number);
if (verb === 'write') {
	const { specVersion } = await provider.send('state_getRuntimeVersion', [hash]);
	const list = found.map((pair) => JSON.stringify(pair)).join(',\n');
	writeFileSync(where, `{"block": {"number": ${number}, "hash": "${hash}"}, "spec_version": ${specVersion}, "state": [\n${list}\n]}\n`);
}
say({ number, hash, items, bytes: size });
process.exit(0);
