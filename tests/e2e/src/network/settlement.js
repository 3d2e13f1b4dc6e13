// Sustained settlement: batches of 4,096 records from several workers, then claims against their earnings trees.
//
//   node settlement.js --seconds N [--workers N] [--earners N] [--wait yes] URL...
//
// With `--wait yes` it makes agents and channels, and no batches until a line comes on standard input.

import { account, accountsUnder, reached, send, sleep, TRB } from '../chain.js';
import { earningsTree, makeAgents, makeChannels, nextBatch, prove, shape } from './batches.js';
import { accountsOf, connect, fastSigner, FUNDS, options, say, sendAll, told } from './common.js';
import { declared, done, figures, pour } from './pour.js';

const { seconds = '60', workers = '8', earners = '1000', wait, rest: urls } = options();
const RECORDS = 4_096;
const CHANNELS = 32;
const AGENTS = 8;
/** Of one record. */
const FEE = TRB / 10_000n;
/** Signed for so many a second; blocks have room for some 18, four validators on two cores have filled that once. */
const MOST_PER_SECOND = 18;
/** In no block yet: more than one full block. */
const WINDOW = 170;
/** The same of claims: one and a half. */
const CLAIMS_WINDOW = 3_500;
/** Batches that one `credit` takes. */
const CREDITED = 8;

const apis = await Promise.all(urls.map(connect));
const [api] = apis;
const asked = wait && told();
const name = `load-${Date.now().toString(36)}`;
const funds = account(FUNDS);
const count = Math.ceil((MOST_PER_SECOND * Number(seconds)) / Number(workers));
const deposit = (BigInt(count + 1) * BigInt(RECORDS) * FEE) / BigInt(CHANNELS) + TRB;
const [{ agents }, made] = await Promise.all([
	makeAgents(api, account('//Eve'), name, AGENTS),
	makeChannels(api, { name, workers: Number(workers), payers: CHANNELS, deposit }),
]);
say({ doing: `${workers} workers have ${CHANNELS} channels each` });
await asked;
const form = await shape(api, { records: RECORDS, channels: CHANNELS, agents, fee: FEE });
const sign = fastSigner(api);
made.forEach((worker, via) => (worker.via = via));
for (const worker of made) worker.nonce = (await api.rpc.system.accountNextIndex(worker.service.address)).toNumber();
// Accounts that earn from every worker: they claim as often as there are workers.
const accounts = accountsUnder('//Load', Number(earners));
const known = await accountsOf(api, accounts);
const poor = accounts.filter((_, n) => known[n].data.free.toBigInt() < 25n * TRB);
const funded = sendAll(api, poor.map(({ address }) => api.tx.balances.transferKeepAlive(address, 50n * TRB)), funds, 250);

const begun = Date.now();
const transactions = [];
for (let round = 0; round < count; round++) {
	// Meanwhile the earners are funded.
	await sleep(0);
	for (const worker of made) {
		const call = nextBatch(api, worker, form).method.toU8a();
		transactions.push({ ...sign(call, worker.service, worker.nonce++), via: worker.via, items: RECORDS });
	}
}
const making = (Date.now() - begun) / transactions.length;
await funded;
say({ doing: `${transactions.length} batches are made and signed` });
const weight = await declared(api, transactions[0].bytes);
const bytes = transactions[0].bytes.length / 2 - 1;
const result = await pour(apis, transactions, { seconds: Number(seconds), window: WINDOW });
const batches = await figures(api, result, { unit: 'inferences', weight });

say({ doing: `${batches.transactions} batches are measured` });
// The last batch of each worker has the root of a whole tree, with the sum that the chain has come to.
for (const worker of made) {
	const settlement = await api.call.tributaryApi.settlement(worker.operator.publicKey);
	worker.sequence = settlement.nextSequence.toNumber();
	worker.earned = settlement.credited.toBigInt() + settlement.pending.toBigInt();
	// Each batch costs each channel the same.
	worker.charged = BigInt(worker.sequence) * BigInt(2 * form.each) * form.fee;
	worker.tree = earningsTree(worker, worker.earned + form.data, accounts.map(({ publicKey }) => publicKey));
}
const events = await Promise.all(made.map((worker) => send(api, nextBatch(api, worker, form, worker.tree.levels.at(-1)[0].hash), worker.service)));
const matures = Math.max(...events.flat().filter((event) => api.events.attribution.BatchSubmitted.is(event)).map(({ data }) => data.maturesAt.toNumber()));
const claims = [];
for (const [n, { nonce }] of (await accountsOf(api, accounts)).entries()) accounts[n].nonce = nonce.toNumber();
for (const worker of made) {
	for (const [n, pair] of accounts.entries()) {
		const call = api.tx.attribution.claimEarnings(worker.operator.address, worker.tree.amount(n), prove(worker.tree.levels, n)).method.toU8a();
		claims.push({ ...sign(call, pair, pair.nonce++), via: n, items: 1 });
	}
}
say({ doing: 'signed the claims, waits until the batches mature' });
await reached(api, matures);
const pending = async (worker) => (await api.call.tributaryApi.settlement(worker.operator.publicKey)).pending.toBigInt();
for (let round = 0; ; round++) {
	const left = [];
	for (const worker of made) if (await pending(worker)) left.push(worker);
	if (!left.length) break;
	if (round > 40) throw new Error(`${left.length} workers have batches that are not credited`);
	let nonce = (await api.rpc.system.accountNextIndex(funds.address)).toNumber();
	const calls = left.flatMap(({ operator }) => Array.from({ length: 4 }, () => api.tx.attribution.credit(operator.address, CREDITED)));
	// The last ones of a worker may find nothing left.
	const credit = (call) => send(api, call, funds, { nonce: nonce++ }).catch((error) => {
		if (!/NothingToCredit/.test(error.message)) throw error;
	});
	await Promise.all(calls.map(credit));
}

const claimed = await pour(apis, claims, { seconds: Number(seconds), window: CLAIMS_WINDOW });
const claimWeight = await declared(api, claims.at(-1).bytes);
const paid = await figures(api, claimed, { unit: 'claims', weight: claimWeight });
done({
	batches: { ...batches, records_each: RECORDS, channels_each: CHANNELS, agents: AGENTS, workers: made.length, bytes_each: bytes, making_ms: Math.round(making * 10) / 10 },
	claims: { ...paid, earners: accounts.length, siblings: made[0].tree.levels.length - 1 },
});
