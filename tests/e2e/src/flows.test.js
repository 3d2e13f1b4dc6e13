// What contributors, authors and payers do with stock polkadot.js, end to end, on the development node.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { account, content, event, price, reached, reference, send, TRB } from './chain.js';
import { startNode } from './node.js';
import { accountLeaf, hex, largestRemainder, leaf, node, parent, poolLeaf, voucherHash } from './settlement.js';
import { view, viewFunctions } from './views.js';

/** Price of a call of the agent's tool, and how often each answer called it. */
const CALL_PRICE = TRB / 1_000n;
const CALLS = 3n;

let chain, api, views, genesis;
const who = {};
const id = {};

before(async () => {
	chain = await startNode();
	api = chain.api;
	views = await viewFunctions(api);
	genesis = api.genesisHash.toU8a();
	for (const name of ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie']) who[name] = account(`//${name}`);
	who.service = account('//Eve//service');
	await send(api, api.tx.balances.transferKeepAlive(who.service.address, 10n * TRB), who.Alice);
});

after(() => chain?.stop());

const item = (text, licence = 'CC-BY-4.0') => ({ content: content(text), bytes: text.length, licence, metadata: text });

test('datanet_is_created_when_a_contributor_signs_with_stock_types', async () => {
	const events = await send(
		api,
		api.tx.datanets.create('rivers', 'Texts about rivers', 'Curated', [who.Bob.address]),
		who.Alice,
	);
	id.datanet = event(events, 'datanets', 'Created')[0].toNumber();
	const stored = await api.call.tributaryApi.datanet(id.datanet);
	assert.equal(stored.unwrap().name.toUtf8(), 'rivers');
});

test('contribution_waits_for_review_when_policy_is_curated', async () => {
	await send(api, api.tx.datanets.contribute(id.datanet, [item('Elbe'), item('Spree')]), who.Charlie);
	await send(api, api.tx.datanets.contribute(id.datanet, [item('Danube'), item('spam')]), who.Dave);
	const found = await api.call.tributaryApi.contributions(id.datanet, 0, 10);
	assert.equal(found.length, 4);
	assert.ok(found[0].status.isPending);
});

test('contribution_is_refused_by_name_when_its_content_is_already_there', async () => {
	await assert.rejects(
		send(api, api.tx.datanets.contribute(id.datanet, [item('Elbe')]), who.Dave),
		/datanets\.Duplicate/,
	);
});

test('review_accepts_and_rejects_with_reason_when_a_curator_signs', async () => {
	const decisions = [0, 1, 2]
		.map((index) => ({ index, verdict: 'Accept' }))
		.concat([{ index: 3, verdict: { Reject: 'not about rivers' } }]);
	await assert.rejects(send(api, api.tx.datanets.review(id.datanet, decisions), who.Charlie), /datanets\./);
	await send(api, api.tx.datanets.review(id.datanet, decisions), who.Bob);
	const found = await api.call.tributaryApi.contributions(id.datanet, 0, 10);
	assert.ok(found[2].status.isAccepted);
	assert.ok(found[3].status.isRejected);
});

test('snapshot_names_its_root_when_taken', async () => {
	await send(api, api.tx.datanets.snapshot(id.datanet), who.Alice);
	const snapshot = (await api.call.tributaryApi.snapshot(id.datanet, 1)).unwrap();
	assert.equal(snapshot.leaves.toNumber(), 3);
});

test('assets_are_published_and_an_agent_composed_when_authors_sign', async () => {
	const created = (events) => event(events, 'registry', 'Registered')[0].toNumber();
	id.base = created(
		await send(api, api.tx.adapters.registerBase('tiny', content('base'), [], price(10_000n, 20_000n)), who.Dave),
	);
	id.adapter = created(
		await send(
			api,
			api.tx.adapters.registerAdapter('tiny-rivers', content('adapter'), ['https://example.org/a'], price(1_000n, 1_000n), [], {
				base: reference(id.base),
				rank: 8,
				snapshots: [{ datanet: id.datanet, version: 1 }],
				configuration: content('configuration'),
			}),
			who.Ferdie,
		),
	);
	id.prompt = created(
		await send(api, api.tx.prompts.create('guide', content('You are a guide.'), [], price(500n, 500n)), who.Bob),
	);
	id.tool = created(
		await send(
			api,
			api.tx.tools.registerTool('calculator', 'stdio:calculator', 'calculator 1.0', content('tool list'), [], CALL_PRICE),
			who.Dave,
		),
	);
	const composition = {
		base: reference(id.base),
		adapters: [[reference(id.adapter), 1_000_000]],
		prompts: [reference(id.prompt)],
		datanets: [{ datanet: id.datanet, version: 1 }],
		tools: [reference(id.tool)],
		skills: [{ description: 'Answers about rivers.', threshold: 250_000, adapters: 1, prompts: 0, datanets: 1 }],
		price: price(50_000_000n, 90_000_000n),
	};
	await assert.rejects(
		send(api, api.tx.agents.compose('river-guide', { ...composition, price: price(1n, 1n) }), who.Alice),
		/agents\.\w*Price|registry\.\w*Price/,
	);
	id.agent = created(
		await send(api, api.tx.agents.compose('river-guide', composition), who.Alice),
	);
	const agent = (await api.call.tributaryApi.agent(id.agent, null)).unwrap();
	assert.equal(agent.name.toUtf8(), 'river-guide');
	assert.equal(agent.adapters.length, 1);
	assert.equal(agent.tools[0].price.toBigInt(), CALL_PRICE);
	assert.equal(agent.skills[0].threshold.toNumber(), 250_000);
});

test('channel_is_open_when_a_payer_deposits_for_a_bonded_worker', async () => {
	const limits = await api.call.tributaryApi.limits();
	await send(
		api,
		api.tx.workers.register(who.service.address, 'http://127.0.0.1:8080', [id.base], limits.minBond.toBigInt()),
		who.Eve,
	);
	await send(api, api.tx.attribution.openChannel(who.Eve.address, 100n * TRB, null), who.Ferdie);
	const channel = (await api.call.tributaryApi.channel(who.Ferdie.publicKey, who.Eve.publicKey)).unwrap();
	assert.equal(channel.deposit.toBigInt(), 100n * TRB);
	id.channel = channel.nonce.toBigInt();
});

/** The batch that Eve's worker sends for one answer, and the leaves of its earnings tree. */
async function batch({ fee, expiry = 100_000, signer = who.Ferdie, sequence = 0n, chain = genesis }) {
	const [, parameters] = await api.call.tributaryApi.parameters();
	const s = Object.fromEntries([...parameters.split].map(([k, v]) => [k, v.toBigInt()]));
	const net = fee - CALLS * CALL_PRICE - parameters.platformFee.toBigInt();
	// The validator is bonded from genesis, so stakers have their part; nobody evaluated.
	const present = [s.platform, s.worker, s.stakers, s.baseModel, s.adapters, s.prompts, s.tools, 0n, s.agent, s.data];
	const data = largestRemainder(net, present)[9];
	const charlie = (data * 3n) / 4n;
	const leaves = [
		accountLeaf(who.Eve.publicKey, who.Charlie.publicKey, charlie),
		poolLeaf(who.Eve.publicKey, id.datanet, data - charlie),
	];
	const voucher = {
		genesis: chain,
		payer: who.Ferdie.publicKey,
		worker: who.Eve.publicKey,
		channel: id.channel,
		cumulative: fee,
		expiry,
	};
	const call = api.tx.attribution.submitBatch(
		{
			sequence,
			recordsRoot: node(leaf(blake2AsU8a('record'), fee)),
			records: 1,
			data: content('batch data'),
			earnings: node(parent(...leaves)),
		},
		[{ agent: reference(id.agent), skills: 1 }],
		[
			{
				payer: hex(who.Ferdie.publicKey),
				channel: id.channel,
				cumulative: fee,
				expiry,
				signature: hex(signer.sign(voucherHash(voucher))),
				usage: [{ agent: 0, records: 1, fee, calls: [{ tool: 0, calls: Number(CALLS) }] }],
			},
		],
	);
	return { call, leaves, charlie, data };
}

test('batch_skips_the_channel_when_the_voucher_is_for_another_chain', async () => {
	const { call } = await batch({ fee: TRB, chain: new Uint8Array(32).fill(9) });
	await assert.rejects(send(api, call, who.Eve), /attribution\./, 'only the service key may submit');
	const before = (await api.call.tributaryApi.channel(who.Ferdie.publicKey, who.Eve.publicKey)).unwrap();
	const events = await send(api, call, who.service);
	assert.match(event(events, 'attribution', 'ChannelSkipped').toString(), /BadSignature/);
	const after = (await api.call.tributaryApi.channel(who.Ferdie.publicKey, who.Eve.publicKey)).unwrap();
	assert.equal(after.deposit.toBigInt(), before.deposit.toBigInt());
});

test('batch_is_refused_when_its_sequence_number_was_used', async () => {
	const { call } = await batch({ fee: TRB, sequence: 0n });
	await assert.rejects(send(api, call, who.service), /attribution\.WrongSequence/);
});

test('contributor_is_paid_when_a_batch_passed_its_window_and_is_claimed', async () => {
	const sent = await batch({ fee: TRB, sequence: 1n });
	await send(api, sent.call, who.service);
	const status = (await api.call.tributaryApi.batch(who.Eve.publicKey, 1)).unwrap();
	assert.ok(status.status.isPending);
	const proof = { index: 0, leaves: 2, siblings: [node(sent.leaves[1])] };
	const claim = api.tx.attribution.claimEarnings(who.Eve.address, sent.charlie, proof);
	await assert.rejects(send(api, claim, who.Charlie), /attribution\./, 'the window is still open');

	await reached(api, status.maturesAt.toNumber());
	await send(api, api.tx.attribution.credit(who.Eve.address, 10), who.Bob);
	await assert.rejects(send(api, claim, who.Dave), /attribution\./, 'the proof is for another account');

	const free = async () => (await api.query.system.account(who.Charlie.address)).data.free.toBigInt();
	const before = await free();
	const { partialFee } = await claim.paymentInfo(who.Charlie);
	await send(api, claim, who.Charlie);
	const gained = (await free()) - before;
	assert.ok(gained > sent.charlie - 2n * partialFee.toBigInt() && gained <= sent.charlie, `${gained}`);
	await assert.rejects(send(api, claim, who.Charlie), /attribution\./, 'a claim is paid once');
});

test('pool_and_vault_pay_their_holders_when_claimed', async () => {
	const claimable = async (name) => (await api.call.tributaryApi.claimable(who[name].publicKey)).toJSON();
	assert.ok((await claimable('Ferdie')).some(({ vault }) => vault.asset === id.adapter));
	const events = await send(api, api.tx.attribution.claim({ Asset: id.adapter }), who.Ferdie);
	event(events, 'attribution', 'VaultClaimed');
	assert.ok(!(await claimable('Ferdie')).some(({ vault }) => vault.asset === id.adapter));
	const tool = (await api.call.tributaryApi.vault({ Asset: id.tool })).credited.toBigInt();
	assert.ok(tool > CALLS * CALL_PRICE, `${tool}: the calls whole, and a share of the rest`);
});

test('view_functions_and_rpc_answer_when_a_reader_asks', async () => {
	assert.ok(views.found.size > 0);
	const datanet = await view(api, views, 'Datanets.datanet', api.createType('u32', id.datanet).toU8a());
	assert.match(JSON.stringify(datanet.toHuman()), /rivers/);
	const provider = api._rpcCore.provider;
	const trail = await provider.send('tributary_trail', [id.adapter]);
	assert.equal(JSON.stringify(trail).includes('tiny-rivers'), true);
	const status = await provider.send('tributary_batchStatus', [who.Eve.address, 1]);
	assert.match(JSON.stringify(status), /redited/);
	const owed = await provider.send('tributary_claimable', [who.Alice.address]);
	assert.ok(owed.vaults.length > 0);
});

test('payer_gets_the_rest_back_when_the_channel_has_closed', async () => {
	await send(api, api.tx.attribution.closeChannel(who.Eve.address), who.Ferdie);
	const { closesAt } = (await api.call.tributaryApi.channel(who.Ferdie.publicKey, who.Eve.publicKey)).unwrap();
	const withdraw = api.tx.attribution.withdrawChannel(who.Eve.address);
	await assert.rejects(send(api, withdraw, who.Ferdie), /attribution\./, 'the delay has not passed');
	await reached(api, closesAt.unwrap().toNumber());
	await send(api, withdraw, who.Ferdie);
	assert.ok((await api.call.tributaryApi.channel(who.Ferdie.publicKey, who.Eve.publicKey)).isNone);
});
