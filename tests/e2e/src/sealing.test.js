// The development node makes blocks when transactions arrive, however many do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, sleep, TRB } from './chain.js';
import { accountsOf, fastSigner, sendAll } from './network/common.js';
import { startNode } from './node.js';

const SENDERS = 50;
const EACH = 120;
/** How long all of them may take, ms. */
const PATIENCE = 240_000;

let chain, api;

before(async () => {
	chain = await startNode('instant');
	api = chain.api;
});

after(() => chain?.stop());

test('blocks_are_made_for_all_transactions_when_thousands_arrive_at_once', { timeout: 3 * PATIENCE }, async () => {
	const sign = fastSigner(api);
	const senders = Array.from({ length: SENDERS }, (_, n) => account(`//Flood//${n}`));
	await sendAll(api, senders.map(({ address }) => api.tx.balances.transferKeepAlive(address, 100n * TRB)), account('//Alice'));
	const remark = api.tx.system.remark('0x00').method.toU8a();
	const submit = ({ bytes }) => api._rpcCore.provider.send('author_submitExtrinsic', [bytes]);
	const included = async () => (await accountsOf(api, senders)).reduce((sum, { nonce }) => sum + nonce.toNumber(), 0);
	const until = async (count) => {
		for (const end = Date.now() + PATIENCE; (await included()) < count && Date.now() < end; ) await sleep(500);
		assert.equal(await included(), count);
	};
	const flood = senders.flatMap((pair) => Array.from({ length: EACH }, (_, nonce) => sign(remark, pair, nonce)));
	await Promise.all(flood.map(submit));
	await until(flood.length);
	// And for one that comes after.
	await submit(sign(remark, senders[0], EACH));
	await until(flood.length + 1);
});
