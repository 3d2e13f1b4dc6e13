// The whole state at a block.
//
//   node state.js block URL [HASH]      which block that is: number, hash, time in ms; the newest final one unless told
//   node state.js size URL HASH...      a list: that of each block, number of items, bytes of keys and values, without the
//                                       runtime's code (:code) and the block's events, which are gone with the next block
//   node state.js write URL FILE        the newest final state as JSON: `block`, `spec_version`, and `state`, a list of
//                                       [key, value] sorted by key, one a line, without the runtime's code

import { writeFileSync } from 'node:fs';
import { connect, options, say } from './common.js';

const CODE = '0x3a636f6465';
const PAGE = 1_000;

const [verb, url, ...rest] = options().rest;
const api = await connect(url);
const provider = api._rpcCore.provider;
const newest = () => provider.send('chain_getFinalizedHead', []);

async function* pairs(hash) {
	for (let last = null; ; ) {
		const keys = await provider.send('state_getKeysPaged', ['0x', PAGE, last, hash]);
		const [{ changes }] = keys.length ? await provider.send('state_queryStorageAt', [keys, hash]) : [{ changes: [] }];
		const values = new Map(changes);
		for (const key of keys) if (key !== CODE) yield [key, values.get(key)];
		if (keys.length < PAGE) return;
		last = keys.at(-1);
	}
}

async function block(hash) {
	const number = Number((await provider.send('chain_getHeader', [hash])).number);
	const time = (await (await api.at(hash)).query.timestamp.now()).toNumber();
	return { number, hash, time };
}

const length = (text) => text.length / 2 - 1;

async function size(hash) {
	const events = api.query.system.events.key();
	let [items, bytes] = [0, 0];
	for await (const [key, value] of pairs(hash)) {
		if (key === events) continue;
		items += 1;
		bytes += length(key) + length(value);
	}
	return { ...(await block(hash)), items, bytes };
}

async function write(file) {
	const hash = await newest();
	const lines = [];
	let bytes = 0;
	for await (const [key, value] of pairs(hash)) {
		bytes += length(key) + length(value);
		lines.push(JSON.stringify([key, value]));
	}
	const { number } = await block(hash);
	const { specVersion } = await provider.send('state_getRuntimeVersion', [hash]);
	writeFileSync(file, `{"block": {"number": ${number}, "hash": "${hash}"}, "spec_version": ${specVersion}, "state": [\n${lines.join(',\n')}\n]}\n`);
	return { number, hash, items: lines.length, bytes };
}

if (verb === 'block') {
	say(await block(rest[0] ?? (await newest())));
} else if (verb === 'size') {
	const sizes = [];
	for (const hash of rest) sizes.push(await size(hash));
	say(sizes);
} else if (verb === 'write') {
	say(await write(rest[0]));
} else {
	throw new Error(`state.js does not know '${verb}': block, size or write`);
}
process.exit(0);
