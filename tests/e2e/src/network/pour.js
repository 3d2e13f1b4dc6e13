// Pours signed transactions into the nodes and measures what becomes of them.

import { bnToU8a, hexToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { sleep } from '../chain.js';
import { Blocks, latency, say } from './common.js';

/** What is not final when so long nothing else came into a block or became final is counted as lost, ms. */
const PATIENCE = 120_000;
/** What is in no block when so long nothing was included or became final is handed in again, ms. */
const RETRY = 20_000;
/** Blocks that a measurement takes to have some that are whole, between the first and the last. */
const LEAST_BLOCKS = 5;
/** Attempts at one transaction; a full pool says no until blocks have emptied it. */
const ATTEMPTS = 200;

/**
 * Sends `transactions` (`{bytes, hash, items}`), each to the node of its number, with at most `window` of them in no
 * block and at most `rate` a second, for `seconds` or until none is left; longer, up to twice that, where few blocks
 * came. Then waits until all are final.
 */
export async function pour(apis, transactions, { seconds, window, rate = Infinity }) {
	const providers = apis.map((api) => api._rpcCore.provider);
	const known = new Map();
	const open = new Set();
	const blocks = new Map();
	const inclusion = [];
	const finality = [];
	const refused = {};
	let waiting = 0;
	// Finality may be heard of first.
	const note = (block, seen) => {
		if (blocks.has(block.hash)) return;
		const own = block.hashes.map((hash) => known.get(hash)).filter(Boolean);
		for (const transaction of own) {
			if (transaction.included) continue;
			transaction.included = seen;
			waiting -= 1;
			inclusion.push(seen - transaction.at);
		}
		const items = own.reduce((sum, transaction) => sum + transaction.items, 0);
		blocks.set(block.hash, { ...block, hashes: null, own: own.length, items, seen });
	};
	const watch = new Blocks(apis[0], {
		onBest: note,
		onFinal: (block, seen) => {
			note(block, seen);
			blocks.get(block.hash).final = true;
			for (const hash of block.hashes) {
				const transaction = known.get(hash);
				if (!transaction) continue;
				finality.push(seen - transaction.at);
				open.delete(hash);
			}
		},
	});
	await watch.start();
	const begun = Date.now();
	const end = begun + seconds * 1_000;
	const filled = () => [...blocks.values()].filter((block) => block.own).length;
	const over = () => Date.now() >= end && (Date.now() >= end + seconds * 1_000 || filled() >= LEAST_BLOCKS);
	let sent = 0;
	const hand = async (transaction) => {
		transaction.at = Date.now();
		known.set(transaction.hash, transaction);
		open.add(transaction.hash);
		waiting += 1;
		for (let attempt = 0; ; attempt++) {
			try {
				await providers[transaction.via % providers.length].send('author_submitExtrinsic', [transaction.bytes]);
				return;
			} catch (error) {
				const reason = error.message.slice(0, 80);
				// It came from the node that was tried before.
				if (/1013|already imported/i.test(error.message)) return;
				refused[reason] = (refused[reason] ?? 0) + 1;
				// Full: later, and elsewhere, because a node does not take what its pool had no room for again for half
				// an hour. Anything else will not get better.
				if (!/1012|1016|limit|pool is full|immediately dropped/i.test(error.message) || attempt === ATTEMPTS) {
					if (!transaction.included) waiting -= 1;
					open.delete(transaction.hash);
					return;
				}
				transaction.via += 1;
				await sleep(500);
			}
		}
	};
	const pending = new Set();
	for (const transaction of transactions) {
		while (!over() && (waiting >= window || pending.size >= 200 || sent >= (rate * (Date.now() - begun)) / 1_000)) await sleep(10);
		if (over()) break;
		sent += 1;
		const task = hand(transaction).finally(() => pending.delete(task));
		pending.add(task);
	}
	await Promise.all(pending);
	// A pool that overflows forgets what it had accepted, does not say so, and does not take it again for half an hour. Clients
	// hand it in elsewhere; so do we.
	const again = new Set();
	let rounds = 0;
	let quiet = Infinity;
	for (let left = open.size, out = waiting, since = Date.now(); open.size && Date.now() < since + PATIENCE; await sleep(200)) {
		if (open.size < left || waiting < out) [left, out, since, rounds] = [open.size, waiting, Date.now(), 0];
		// What is in a block only waits for finality.
		if (waiting <= 0 || Date.now() - since < RETRY * (1 + rounds)) continue;
		rounds += 1;
		quiet = Math.min(quiet, since);
		for (const hash of open) {
			const transaction = known.get(hash);
			if (transaction.included) continue;
			again.add(hash);
			transaction.via += 1;
			await providers[transaction.via % providers.length].send('author_submitExtrinsic', [transaction.bytes]).catch(() => {});
		}
	}
	if (open.size) process.stderr.write(`${open.size} of ${sent} in no final block; refused: ${JSON.stringify(refused)}\n`);
	// The first block was filled only since sending began. For the others but the last, before anything was handed in again,
	// there was more to include than they took.
	const own = [...blocks.values()].filter((block) => block.final && block.own).sort((a, b) => a.number - b.number);
	const full = own.filter((block) => block.seen <= quiet).slice(1, -1);
	return { sent, lost: open.size, again: again.size, refused, inclusion, finality, own, blocks: full };
}

/**
 * Figures of a measurement: rates are over whole blocks, from the time of the one before the first (`from`) to the last's
 * (`to`).
 */
export async function figures(api, result, { unit, weight }) {
	const { blocks } = result;
	if (!blocks.length) throw new Error('at most two blocks had any of ours: measure for longer');
	const limits = api.consts.system.blockWeights;
	const most = limits.perClass.normal.maxTotal.unwrap().refTime.toBigInt();
	const [from, to] = [blocks[0].parent, blocks.at(-1).hash];
	const [start, finish] = await Promise.all([from, to].map(async (hash) => (await (await api.at(hash)).query.timestamp.now()).toNumber()));
	const seconds = (finish - start) / 1_000;
	const used = [];
	for (const { hash } of blocks) used.push((await (await api.at(hash)).query.system.blockWeight()).normal.refTime.toBigInt());
	let failed = 0;
	// None is left out, as the measurement leaves out some.
	for (const { hash } of result.own) {
		const events = await (await api.at(hash)).query.system.events();
		failed += events.filter(({ event }) => api.events.system.ExtrinsicFailed.is(event)).length;
	}
	const share = (value) => Number((value * 1_000n) / most) / 10;
	const count = blocks.reduce((sum, { own }) => sum + own, 0);
	const items = blocks.reduce((sum, block) => sum + block.items, 0);
	const heights = blocks.at(-1).number - blocks[0].number + 1;
	const perBlock = weight ? Number(most / weight) : null;
	const itemsEach = items / count;
	return {
		from,
		to,
		seconds,
		blocks: heights,
		transactions: count,
		[`${unit}_per_s`]: Math.round((items / seconds) * 10) / 10,
		transactions_per_s: Math.round((count / seconds) * 10) / 10,
		inclusion: latency(result.inclusion),
		finality: latency(result.finality),
		block_fullness_percent: { mean: Math.round((used.reduce((sum, value) => sum + share(value), 0) / used.length) * 10) / 10, most: Math.max(...used.map(share)) },
		bytes_per_block: Math.round(blocks.reduce((sum, { bytes }) => sum + bytes, 0) / blocks.length),
		predicted: perBlock && {
			weight_us: Math.round(Number(weight) / 1e4) / 100,
			transactions_per_block: perBlock,
			[`${unit}_per_s`]: Math.round(((perBlock * itemsEach) / 6) * 10) / 10,
		},
		lost: result.lost,
		submitted_again: result.again,
		failed,
		refused: result.refused,
	};
}

/** What the weight model says a transaction takes of its block: call, extensions and the base of every transaction. */
export async function declared(api, signed) {
	const bytes = hexToU8a(signed);
	const input = u8aToHex(u8aConcat(bytes, bnToU8a(bytes.length, { bitLength: 32, isLe: true })));
	const answer = await api.rpc.state.call('TransactionPaymentApi_query_info', input);
	const info = api.createType('RuntimeDispatchInfo', answer.toU8a(true));
	return info.weight.refTime.toBigInt() + api.consts.system.blockWeights.perClass.normal.baseExtrinsic.refTime.toBigInt();
}

export const done = (value) => {
	say(value);
	process.exit(0);
};
