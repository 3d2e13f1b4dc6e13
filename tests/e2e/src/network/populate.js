// Fills a chain with something of every kind, for the state that a release leaves behind.
//
//   node populate.js URL

import { account, content, event, price as priced, reached, reference, send, TRB } from '../chain.js';
import { hex } from '../settlement.js';
import { makeAgents, makeChannels, nextBatch, shape } from './batches.js';
import { connect, options, say, sendAll } from './common.js';

const [url] = options().rest;
const api = await connect(url);
const { tx } = api;
const [alice, bob, charlie, dave, eve, ferdie] = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie'].map((name) => account(`//${name}`));
const item = (text) => ({ content: content(text), bytes: text.length, licence: 'CC-BY-4.0', metadata: `{"title": "${text}"}` });
const created = (events) => event(events, 'datanets', 'Created')[0].toNumber();
const registered = (events) => event(events, 'registry', 'Registered')[0].toNumber();
const all = (signer, ...calls) => sendAll(api, calls, signer);
const price = priced(10_000n, 20_000n);

// DataNets: with curators and every verdict; private, with a grant and a request.
const [curated, hidden] = await Promise.all([
	send(api, tx.datanets.create('curated', 'Texts that a curator accepts', 'Curated', [bob.address]), alice).then(created),
	send(api, tx.datanets.create('private', 'Encrypted texts', 'Open', []), charlie).then(created),
]);
await Promise.all([
	all(dave, tx.datanets.contribute(curated, ['Elbe', 'Spree', 'Havel', 'spam', 'later'].map(item))),
	all(charlie, tx.grants.announce(hex(charlie.publicKey)), tx.grants.setRecipient(hidden, hex(charlie.publicKey)), tx.datanets.contribute(hidden, [item('ciphertext')])),
	all(eve, tx.grants.announce(hex(eve.publicKey))),
]);
await Promise.all([
	all(
		bob,
		tx.datanets.review(curated, [...[0, 1, 2].map((index) => ({ index, verdict: 'Accept' })), { index: 3, verdict: { Reject: 'not about rivers' } }]),
	),
	all(charlie, tx.datanets.snapshot(hidden), tx.grants.offer(hidden, 'Train', TRB), tx.grants.offer(hidden, 'Retrieve', TRB)),
]);
await Promise.all([
	all(alice, tx.datanets.snapshot(curated), tx.datanets.tombstone(curated, 2)),
	all(eve, tx.grants.request(hidden, 'Train', TRB), tx.grants.request(hidden, 'Retrieve', TRB)),
]);
await all(charlie, tx.grants.grant(hidden, eve.address, 'Train', hex(new Uint8Array(96).fill(7))));

// Assets: versions, a fork, a report of an evaluator, holders, a document, a tool.
const { datanet, bases, agents } = await makeAgents(api, alice, 'release', 2);
const [base] = bases;
const prompt = registered(await send(api, tx.prompts.create('guide', content('You are a guide.'), [], price), bob));
const adapter = registered(
	await send(
		api,
		tx.adapters.registerAdapter('rivers', content('adapter'), ['https://example.org/adapter'], price, [], {
			base: reference(base), rank: 8, snapshots: [{ datanet, version: 1 }], configuration: content('configuration'),
		}),
		ferdie,
	),
);
await Promise.all([
	all(ferdie, tx.adapters.setEvaluators(adapter, [bob.address]), tx.registry.setHolders(adapter, [[ferdie.address, 3], [dave.address, 1]]), tx.registry.attach(adapter, 1, 'Provenance', content('statement'), [])),
	all(bob, tx.prompts.addVersion(prompt, content('You are a good guide.'), [])),
	all(dave, tx.prompts.fork(reference(prompt), 'friendly-guide', content('You are a friendly guide.'), [], price), tx.tools.registerTool('calculator', 'stdio:calculator', 'calculator 1.0', content('tools'), [], TRB / 1_000n)),
]);
await all(bob, tx.adapters.report(adapter, 1, { datanet: curated, version: 1 }, 'exact_match', 815_000, content('report')));

// Money: workers that serve and leave, channels in every state, batches credited, challenged and pending.
const workers = await makeChannels(api, { name: 'release', workers: 2, payers: 2, models: bases, deposit: 20n * TRB });
const [worker, leaving] = workers;
const [first, second] = worker.channels.map(({ pair }) => pair);
const form = await shape(api, { records: 64, channels: 2, agents, fee: TRB / 100n });
const submit = () => send(api, nextBatch(api, worker, form), worker.service);
await submit();
const { maturesAt } = (await api.call.tributaryApi.batch(worker.operator.publicKey, 0)).unwrap();
await Promise.all([
	all(first, tx.attribution.setSessionKey(worker.operator.address, hex(eve.publicKey)), tx.attribution.closeChannel(leaving.operator.address)),
	all(second, tx.attribution.topUp(worker.operator.address, TRB)),
	send(api, tx.workers.unbond(), leaving.operator),
]);
await reached(api, maturesAt.toNumber());
// This one credits the first.
await submit();
await all(bob, tx.attribution.challenge(worker.operator.address, 1, 'Earnings', content('evidence')));
await all(alice, tx.attribution.claim({ Asset: base }));
await all(alice, tx.proxy.addProxy(bob.address, 'Any', 0), tx.multisig.approveAsMulti(2, [bob.address, charlie.address].sort(), null, hex(new Uint8Array(32).fill(9)), { refTime: 1_000_000_000, proofSize: 0 }));
await submit();
say({ datanets: [curated, hidden, datanet], assets: { base, adapter, prompt, agents }, worker: worker.operator.address });
process.exit(0);
