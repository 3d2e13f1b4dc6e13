// Traffic that never stops: transfers and remarks from several accounts through all nodes, each followed to finality.
//
//   node traffic.js --every MS URL...
//
// Commands on standard input: `status` answers with one line of JSON; `stop` ends sending, waits until everything
// accepted is final, and compares nonces and balances with what was sent.

import { account, accountsUnder, send, sleep, TRB } from '../chain.js';
import { commands, connect, Blocks, latency, options, say, sendAll } from './common.js';

const ACCOUNTS = 8;
/** Transactions are anchored to a final block, so that no reorganisation makes them invalid. */
const LIFETIME = 256;
/** An account waits when so many of its transactions are not final. */
const MOST_OPEN = 200;
/** What is not final after so long is signed again, ms; longer than any cut lasts. */
const FORGOTTEN = 120_000;
/** How long the end is waited for, ms. */
const PATIENCE = 180_000;

const { every = '750', rest: urls } = options();
const apis = await Promise.all(urls.map(connect));
const [reader] = apis;
const senders = accountsUnder('//Traffic', ACCOUNTS).map((pair) => ({ pair, next: 0, open: 0, sum: 0n }));
const sink = account('//Traffic//sink');
const records = [];
const byHash = new Map();
const counts = { sent: 0, accepted: 0, final: 0, refused: 0, signed_again: 0, submitted_again: 0, doubled: 0 };
const inclusion = [];
const finality = [];
let running = true;
let anchor = null;

await sendAll(
	reader,
	[...senders.map(({ pair }) => pair), sink].map(({ address }) => reader.tx.balances.transferKeepAlive(address, 2_000n * TRB)),
	account('//Alice'),
);
const balance = async (api, { address }) => (await api.query.system.account(address)).data.free.toBigInt();
const before = await balance(reader, sink);
for (const sender of senders) {
	sender.first = (await reader.query.system.account(sender.pair.address)).nonce.toNumber();
	sender.next = sender.first;
}

/** A transaction is in a best block; again, when the chain was reorganised. */
const onBest = (block, seen) => {
	for (const hash of block.hashes) {
		const record = byHash.get(hash);
		if (record && !record.included) {
			record.included = seen;
			inclusion.push(seen - record.at);
		}
	}
};
const onFinal = (block, seen) => {
	for (const hash of block.hashes) {
		const record = byHash.get(hash);
		if (!record) continue;
		if (record.final) counts.doubled += 1;
		record.final = block.number;
		record.sender.open -= 1;
		counts.final += 1;
		finality.push(seen - record.at);
	}
	if (!anchor || block.number - anchor.number >= LIFETIME / 8) anchor = { number: block.number, hash: block.hash };
};
await new Blocks(reader, { onBest, onFinal }).start();
while (!anchor) await sleep(200);

function call(api, { index, amount }) {
	if (amount) return api.tx.balances.transferKeepAlive(sink.address, amount);
	return api.tx.system.remarkWithEvent(`traffic ${index}`);
}

/** Signs for the runtime that a node has now, and hands it in there. */
async function submit(record, api) {
	const signed = await call(api, record).signAsync(record.sender.pair, {
		nonce: record.nonce,
		blockHash: record.anchor.hash,
		era: api.createType('ExtrinsicEra', { current: record.anchor.number, period: LIFETIME }),
	});
	record.spec = api.runtimeVersion.specVersion.toNumber();
	record.bytes = signed.toHex();
	byHash.set(signed.hash.toHex(), record);
	await api._rpcCore.provider.send('author_submitExtrinsic', [record.bytes]);
}

async function sendOne(index) {
	const sender = senders[index % senders.length];
	if (sender.open >= MOST_OPEN || sender.busy) return;
	sender.busy = true;
	const amount = index % 3 ? 1_000_000n + BigInt(index) : 0n;
	const record = { index, sender, amount, nonce: sender.next, anchor, at: Date.now(), via: index % apis.length };
	counts.sent += 1;
	while (running || record.tried) {
		const api = apis[record.via];
		try {
			if (!api.isConnected) throw new Error('not connected');
			record.tried = true;
			await submit(record, api);
			break;
		} catch (error) {
			// The pool has it already, or it is in a block: an earlier attempt arrived, though its answer did not.
			if (/already imported|1013|outdated|stale/i.test(error.message)) break;
			counts.refused += 1;
			record.tried = false;
			record.via = (record.via + 1) % apis.length;
			await sleep(300);
			if (!running) {
				// The end waits for everyone who is busy.
				sender.busy = false;
				return;
			}
		}
	}
	sender.busy = false;
	sender.next += 1;
	sender.open += 1;
	sender.sum += amount;
	counts.accepted += 1;
	records.push(record);
}

const open = () => records.filter((record) => !record.final);

/**
 * A new runtime accepts only what was signed for it: what waited must be signed again, as any client has to. So must what a
 * pool took and forgot, for example because the best block was for a moment one of the old runtime: nodes do not take the
 * same bytes again for half an hour.
 */
async function signAgain() {
	for (const record of open()) {
		const forgotten = Date.now() - (record.again ?? record.at) > FORGOTTEN;
		if (forgotten) Object.assign(record, { anchor, again: Date.now(), via: (record.via + 1) % apis.length });
		const api = apis[record.via].isConnected ? apis[record.via] : reader;
		if (record.spec === api.runtimeVersion.specVersion.toNumber() && !forgotten) continue;
		try {
			await submit(record, api);
			if (forgotten) counts.submitted_again += 1;
			else counts.signed_again += 1;
		} catch (error) {
			if (!/outdated|stale|already imported|1013|1014/i.test(error.message)) process.stderr.write(`signing again: ${error.message}\n`);
		}
	}
}

// A node that goes away takes the transactions along that only it had: a client hands them in elsewhere.
apis.forEach((api, via) => {
	api.on('disconnected', async () => {
		for (const record of open().filter((record) => record.via === via)) {
			record.via = (via + 1) % apis.length;
			try {
				await apis[record.via]._rpcCore.provider.send('author_submitExtrinsic', [record.bytes]);
				counts.submitted_again += 1;
			} catch {
				// The others have it.
			}
		}
	});
});

const status = () => {
	const oldest = open().reduce((least, record) => Math.min(least, record.at), Date.now());
	return { ...counts, open: open().length, oldest_open_s: Math.round((Date.now() - oldest) / 1_000), inclusion: latency(inclusion), finality: latency(finality) };
};

async function finish() {
	running = false;
	const end = Date.now() + PATIENCE;
	while ((open().length || senders.some(({ busy }) => busy)) && Date.now() < end) await sleep(500);
	const lost = open().map(({ index, nonce, at, spec, via }) => ({ index, nonce, seconds: Math.round((Date.now() - at) / 1_000), spec, via }));
	const head = await reader.at(await reader.rpc.chain.getFinalizedHead());
	const wrong = [];
	for (const { pair, next, first } of senders) {
		const nonce = (await head.query.system.account(pair.address)).nonce.toNumber();
		if (nonce !== next) wrong.push(`${pair.address} sent ${next - first}, the chain counted ${nonce - first}`);
	}
	const gained = (await balance(head, sink)) - before;
	const due = senders.reduce((sum, sender) => sum + sender.sum, 0n);
	if (gained !== due) wrong.push(`the sink gained ${gained} planck, ${due} were sent`);
	say({ ...status(), lost, wrong });
	process.exit(0);
}

commands((line) => {
	if (line === 'status') say(status());
	if (line === 'stop') finish().catch((error) => say({ error: error.stack }));
});
say({ ready: true });
setInterval(() => signAgain().catch((error) => process.stderr.write(`${error.stack}\n`)), 7_000);
for (let index = 0; running; index++) {
	sendOne(index).catch((error) => process.stderr.write(`${error.stack}\n`));
	await sleep(Number(every));
}
