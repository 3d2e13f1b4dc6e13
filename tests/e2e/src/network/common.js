// What the network's clients share: connections, arguments, signing many transactions fast, watching blocks.

import { createInterface } from 'node:readline';
import { ApiPromise } from '@polkadot/api';
import { compactToU8a, hexToU8a, u8aConcat, u8aToHex, bnToU8a } from '@polkadot/util';
import { blake2AsHex, blake2AsU8a } from '@polkadot/util-crypto';
import { dial, send } from '../chain.js';

// Standard output is for answers; polkadot.js says there what it notices.
console.log = console.error;

/** Pays for what the load needs: root, which is Alice, has business of its own meanwhile. */
export const FUNDS = '//Ferdie';

/** An API connected to a node; it reconnects by itself. */
export async function connect(url) {
	return ApiPromise.create({ provider: dial(url), noInitWarn: true });
}

/** `--name value` arguments as an object, and the rest. */
export function options(argv = process.argv.slice(2)) {
	const named = {};
	const rest = [];
	for (let at = 0; at < argv.length; at++) {
		if (argv[at].startsWith('--')) named[argv[at].slice(2)] = argv[++at];
		else rest.push(argv[at]);
	}
	return { ...named, rest };
}

export const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** Commands that arrive on standard input, one a line. */
export function commands(handle) {
	createInterface({ input: process.stdin }).on('line', (line) => handle(line.trim()));
}

/** Resolves when somebody writes a line to standard input. */
export const told = () => new Promise((resolve) => commands(resolve));

/** What the chain knows of the accounts of some pairs, in their order. */
export const accountsOf = (api, pairs) => api.query.system.account.multi(pairs.map(({ address }) => address));

/** Sends calls of one signer in batches that fit a block, all at once; resolves when all are in blocks. */
export async function sendAll(api, calls, signer, size = 100) {
	let nonce = (await api.rpc.system.accountNextIndex(signer.address)).toNumber();
	const sent = [];
	for (let at = 0; at < calls.length; at += size) {
		sent.push(send(api, api.tx.utility.batchAll(calls.slice(at, at + size)), signer, { nonce: nonce++ }));
	}
	await Promise.all(sent);
}

const KNOWN = [
	'CheckNonZeroSender', 'CheckSpecVersion', 'CheckTxVersion', 'CheckGenesis', 'CheckMortality', 'CheckNonce',
	'CheckWeight', 'ChargeTransactionPayment', 'CheckMetadataHash', 'WeightReclaim',
];

/** Signs calls for ever-valid transactions without polkadot.js' objects, some ten times as fast. */
export function fastSigner(api) {
	const found = api.registry.signedExtensions;
	if (`${found}` !== `${KNOWN}`) throw new Error(`This runtime signs ${found}; fastSigner knows ${KNOWN}: adapt it.`);
	const genesis = api.genesisHash.toU8a();
	const { specVersion, transactionVersion } = api.runtimeVersion;
	const le = (value) => bnToU8a(value, { bitLength: 32, isLe: true });
	const implicit = u8aConcat(le(specVersion), le(transactionVersion), genesis, genesis, [0]);
	return (call, pair, nonce) => {
		// Immortal, nonce, no tip, no metadata hash.
		const explicit = u8aConcat([0], compactToU8a(nonce), [0], [0]);
		let payload = u8aConcat(call, explicit, implicit);
		if (payload.length > 256) payload = blake2AsU8a(payload);
		const body = u8aConcat([0x84, 0], pair.publicKey, pair.sign(payload, { withType: true }), explicit, call);
		const bytes = u8aConcat(compactToU8a(body.length), body);
		return { bytes: u8aToHex(bytes), hash: blake2AsHex(bytes) };
	};
}

/** Watches a node's best and final blocks; tells each block once, with the hashes of its transactions. */
export class Blocks {
	constructor(api, { onBest = () => {}, onFinal = () => {} }) {
		this.provider = api._rpcCore.provider;
		this.best = new Map();
		this.finalised = -1;
		this.onBest = onBest;
		this.onFinal = onFinal;
		this.queue = Promise.resolve();
	}

	async start() {
		const head = await this.provider.send('chain_getFinalizedHead', []);
		this.finalised = Number((await this.provider.send('chain_getHeader', [head])).number);
		const later = (work) => (this.queue = this.queue.then(work).catch((error) => process.stderr.write(`${error.stack}\n`)));
		const listen = async () => {
			await this.provider.subscribe('chain_newHead', 'chain_subscribeNewHeads', [], (_, header) => {
				const seen = Date.now();
				later(() => header && this.walk(header, seen));
			});
			await this.provider.subscribe('chain_finalizedHead', 'chain_subscribeFinalizedHeads', [], (_, header) => {
				const seen = Date.now();
				later(() => header && this.settle(Number(header.number), seen));
			});
		};
		await listen();
	}

	async read(hash) {
		const { block } = await this.provider.send('chain_getBlock', [hash]);
		const bytes = block.extrinsics.reduce((sum, extrinsic) => sum + extrinsic.length / 2 - 1, 0);
		const hashes = block.extrinsics.map((extrinsic) => blake2AsHex(hexToU8a(extrinsic)));
		return { hash, parent: block.header.parentHash, number: Number(block.header.number), bytes, hashes };
	}

	/** A new best block and those of its ancestors that were not seen. */
	async walk(header, seen) {
		let hash = null;
		const found = [];
		const number = Number(header.number);
		hash = await this.provider.send('chain_getBlockHash', [number]);
		while (hash && !this.best.has(hash)) {
			const block = await this.read(hash);
			this.best.set(hash, block.number);
			found.push(block);
			if (block.number <= this.finalised + 1 || found.length > 200) break;
			hash = block.parent;
		}
		for (const block of found.reverse()) this.onBest(block, seen);
	}

	async settle(number, seen) {
		while (this.finalised < number) {
			const hash = await this.provider.send('chain_getBlockHash', [this.finalised + 1]);
			const block = await this.read(hash);
			this.finalised = block.number;
			this.onFinal(block, seen);
		}
	}
}

/** Middle and 95th of a hundred, and the worst, of milliseconds, in seconds. */
export function latency(values) {
	if (!values.length) return null;
	const sorted = Float64Array.from(values).sort();
	const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] / 100) / 10;
	return { p50_s: at(0.5), p95_s: at(0.95), most_s: at(1) };
}
