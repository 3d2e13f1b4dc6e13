// The development node makes blocks when transactions arrive, however many do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { account, accountsUnder, sleep, TRB } from './chain.js';
import { accountsOf, fastSigner, sendAll } from './network/common.js';
import { startNode } from './node.js';

/** Each sends one transaction at a time: of several, one that overtakes another may wait in the pool for ever. */
const SENDERS = 3_000;
/** Transactions that follow one another. */
const ROUNDS = 200;
/** How long all of them may take, ms. */
const PATIENCE = 240_000;

let chain, api, sign, senders;
const submit = ({ bytes }) => api._rpcCore.provider.send('author_submitExtrinsic', [bytes]);
const remark = () => api.tx.system.remark('0x00').method.toU8a();

before(async () => {
	chain = await startNode('instant');
	api = chain.api;
	sign = fastSigner(api);
	senders = accountsUnder('//Flood', SENDERS);
	await sendAll(api, senders.map(({ address }) => api.tx.balances.transferKeepAlive(address, 100n * TRB)), account('//Alice'), 250);
});

after(() => chain?.stop());

test('blocks_are_made_for_all_transactions_when_thousands_arrive_at_once', { timeout: 3 * PATIENCE }, async () => {
	const call = remark();
	const included = async () => (await accountsOf(api, senders)).reduce((sum, { nonce }) => sum + nonce.toNumber(), 0);
	for (let nonce = 0; nonce < 2; nonce++) {
		const flood = senders.map((pair) => sign(call, pair, nonce));
		await Promise.all(flood.map(submit));
		const count = (nonce + 1) * SENDERS;
		for (const end = Date.now() + PATIENCE; (await included()) < count && Date.now() < end; ) await sleep(100);
		assert.equal(await included(), count);
	}
});

test('a_block_is_made_for_each_transaction_when_it_arrives_with_the_block_before', { timeout: 2 * PATIENCE }, async () => {
	const pair = senders[0];
	const from = (await api.rpc.system.accountNextIndex(pair.address)).toNumber();
	const signed = Array.from({ length: ROUNDS }, (_, n) => sign(remark(), pair, from + n));
	// The node takes a transaction while its pool takes in the block of the one before.
	let heads = 0;
	const unsubscribe = await api.rpc.chain.subscribeNewHeads(() => heads++);
	try {
		// The one that is there already.
		while (!heads) await sleep(1);
		for (const [n, transaction] of signed.entries()) {
			const seen = heads;
			await submit(transaction);
			for (const end = Date.now() + 10_000; heads === seen && Date.now() < end; ) await sleep(1);
			assert.notEqual(heads, seen, `no block for transaction ${n + 1} of ${ROUNDS}`);
		}
		const [{ nonce }] = await accountsOf(api, [pair]);
		assert.equal(nonce.toNumber(), from + ROUNDS);
	} finally {
		unsubscribe();
	}
});
