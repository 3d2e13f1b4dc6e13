// Sustained transfers: first as many as the network takes, then at half that rate, which shows the latency of a chain
// that is not full.
//
//   node transfers.js --seconds N [--accounts N] [--wait yes] URL...
//
// With `--wait yes` it sends nothing but what its accounts need until a line comes on standard input.

import { account, accountsUnder, sleep, TRB } from '../chain.js';
import { accountsOf, connect, fastSigner, options, say, sendAll, told } from './common.js';
import { declared, done, figures, pour } from './pour.js';

const { seconds = '60', accounts = '1000', wait, rest: urls } = options();
/** Pays; `settlement.js` has another, because both may prepare at once. */
const FUNDS = '//Ferdie//stash';
/** Signed for so many a second; more than the weight limit allows. */
const MOST_PER_SECOND = 520;
/** In no block yet: one and a half full blocks; each pool checks all of them. */
const WINDOW = 4_500;

const apis = await Promise.all(urls.map(connect));
const [api] = apis;
const asked = wait && told();
const senders = accountsUnder('//Load', Number(accounts)).map((pair, n) => ({ pair, nonce: 0, via: n }));
for (const [n, { nonce }] of (await accountsOf(api, senders.map(({ pair }) => pair))).entries()) senders[n].nonce = nonce.toNumber();
const funded = sendAll(api, senders.map(({ pair }) => api.tx.balances.transferKeepAlive(pair.address, 150n * TRB)), account(FUNDS), 250);

const sign = fastSigner(api);
const calls = senders.map((_, n) => api.tx.balances.transferKeepAlive(senders[(n + 1) % senders.length].pair.address, 1_000_000n).method.toU8a());
const signed = async (count) => {
	const made = [];
	for (let n = 0; n < count; n++) {
		const sender = senders[n % senders.length];
		made.push({ ...sign(calls[n % senders.length], sender.pair, sender.nonce++), via: sender.via, items: 1 });
		// Connections want something of this thread as well.
		if (n % 250 === 0) await sleep(0);
	}
	return made;
};

const begun = Date.now();
const transactions = await signed(MOST_PER_SECOND * Number(seconds));
const signing = (Date.now() - begun) / transactions.length;
await funded;
say({ doing: `${transactions.length} transfers are signed, ${senders.length} accounts have something to send` });
await asked;
const weight = await declared(api, transactions[0].bytes);
const full = await pour(apis, transactions, { seconds: Number(seconds), window: WINDOW });
const saturated = await figures(api, full, { unit: 'transfers', weight });
say({ doing: `${saturated.transfers_per_s} a second are measured, now half as many` });
// Those that were signed and not sent would leave holes in the nonces.
for (const sender of senders) sender.nonce = (await api.rpc.system.accountNextIndex(sender.pair.address)).toNumber();
const rate = saturated.transfers_per_s / 2;
const half = await pour(apis, await signed(Math.ceil(rate * Number(seconds))), { seconds: Number(seconds), window: Infinity, rate });
const relaxed = await figures(api, half, { unit: 'transfers' });
done({ saturated, half_rate: relaxed, signing_ms: Math.round(signing * 100) / 100, accounts: senders.length });
