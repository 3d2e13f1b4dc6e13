// Makes usage batches that the chain accepts: agents, workers, channels, vouchers, sums.

import { blake2AsU8a } from '@polkadot/util-crypto';
import { account, accountsUnder, content, event, price, reference, send, TRB } from '../chain.js';
import { accountLeaf, hex, largestRemainder, leaf, node, parent, voucherHash } from '../settlement.js';
import { FUNDS, sendAll } from './common.js';

/** A voucher that outlives every test. */
const EXPIRY = 100_000_000;

/** All levels of a sum tree, leaves first. */
export function tree(leaves) {
	const levels = [leaves];
	while (levels.at(-1).length > 1) {
		const below = levels.at(-1);
		const level = [];
		for (let at = 0; at < below.length; at += 2) level.push(at + 1 < below.length ? parent(below[at], below[at + 1]) : below[at]);
		levels.push(level);
	}
	return levels;
}

/** The way from a leaf to the root. */
export function prove(levels, index) {
	const siblings = [];
	let at = index;
	for (const level of levels.slice(0, -1)) {
		if (level[at ^ 1]) siblings.push(node(level[at ^ 1]));
		at >>= 1;
	}
	return { index, leaves: levels[0].length, siblings };
}

/** One DataNet, and agents on it, each with a base model, an adapter and a prompt of its own; ids. */
export async function makeAgents(api, owner, name, count) {
	const item = (text) => ({ content: content(text), bytes: text.length, licence: 'CC0-1.0', metadata: '' });
	const created = await send(api, api.tx.datanets.create(name, 'Texts', 'Open', []), owner);
	const datanet = event(created, 'datanets', 'Created')[0].toNumber();
	await sendAll(api, [api.tx.datanets.contribute(datanet, [item(`${name} 0`)]), api.tx.datanets.snapshot(datanet)], owner);
	const registered = (events) => events.filter(({ section, method }) => section === 'registry' && method === 'Registered').map(({ data }) => data[0].toNumber());
	const numbers = [...Array(count).keys()];
	const all = (call) => send(api, api.tx.utility.batchAll(numbers.map(call)), owner).then(registered);
	const bases = await all((n) => api.tx.adapters.registerBase(`${name}-base-${n}`, content(`${name} base ${n}`), [], price(1n, 1n)));
	const training = (n) => ({ base: reference(bases[n]), rank: 8, snapshots: [{ datanet, version: 1 }], configuration: content('configuration') });
	const adapters = await all((n) => api.tx.adapters.registerAdapter(`${name}-adapter-${n}`, content(`${name} adapter ${n}`), [], price(1n, 1n), [], training(n)));
	const prompts = await all((n) => api.tx.prompts.create(`${name}-prompt-${n}`, content(`${name} prompt ${n}`), [], price(1n, 1n)));
	const agents = await all((n) =>
		api.tx.agents.compose(`${name}-agent-${n}`, {
			base: reference(bases[n]),
			adapters: [[reference(adapters[n]), 1_000_000]],
			prompts: [reference(prompts[n])],
			datanets: [{ datanet, version: 1 }],
			tools: [],
			skills: [],
			price: price(100n, 100n),
		}),
	);
	return { datanet, bases, agents };
}

/** Registers workers with service keys of their own and opens a channel from every payer to each. */
export async function makeChannels(api, { name, workers, payers, models = [], deposit }) {
	const services = accountsUnder(`//${name}//service`, workers);
	const made = accountsUnder(`//${name}//operator`, workers).map((operator, n) => ({
		operator,
		service: services[n],
		sequence: 0,
		charged: 0n,
		earned: 0n,
		nonce: 0,
	}));
	const payerPairs = accountsUnder(`//${name}//payer`, payers);
	const { minBond } = await api.call.tributaryApi.limits();
	const bond = minBond.toBigInt();
	const fund = (pair, amount) => api.tx.balances.transferKeepAlive(pair.address, amount);
	await sendAll(
		api,
		[
			...made.flatMap(({ operator, service }) => [fund(operator, bond + 10n * TRB), fund(service, 5_000n * TRB)]),
			...payerPairs.map((pair) => fund(pair, BigInt(workers) * deposit + 10n * TRB)),
		],
		account(FUNDS),
	);
	await Promise.all(
		made.map(({ operator, service }, n) =>
			send(api, api.tx.workers.register(service.address, `http://127.0.0.1:${9000 + n}`, models, bond), operator),
		),
	);
	await Promise.all(
		payerPairs.map((pair) =>
			sendAll(api, made.map(({ operator }) => api.tx.attribution.openChannel(operator.address, deposit, null)), pair),
		),
	);
	for (const worker of made) {
		worker.channels = [];
		for (const pair of payerPairs) {
			const channel = await api.call.tributaryApi.channel(pair.publicKey, worker.operator.publicKey);
			worker.channels.push({ pair, nonce: channel.unwrap().nonce.toBigInt() });
		}
	}
	return made;
}

/**
 * What batches of one shape have in common: records, fees, the data share (which depends on whether anybody has stake in
 * elected validators now). Every channel used two agents.
 */
export async function shape(api, { records, channels, agents, fee }) {
	const [, parameters] = await api.call.tributaryApi.parameters();
	const split = Object.fromEntries([...parameters.split].map(([key, value]) => [key, value.toBigInt()]));
	const each = records / channels / 2;
	if (!Number.isInteger(each) || channels % agents.length) throw new Error('records must divide among channels, channels among agents');
	const served = records / agents.length;
	const net = BigInt(served) * (fee - parameters.platformFee.toBigInt());
	// Nobody evaluated these adapters and they have no tools.
	const stakers = (await api.query.attribution.vaults('Stakers')).totalWeight.toBigInt() ? split.stakers : 0n;
	const shares = [split.platform, split.worker, stakers, split.baseModel, split.adapters, split.prompts, 0n, 0n, split.agent, split.data];
	const data = largestRemainder(net, shares)[9] * BigInt(agents.length);
	const leaves = Array.from({ length: records }, (_, n) => leaf(blake2AsU8a(`record ${n}`), fee));
	return {
		records, fee, each,
		agents: agents.map((agent) => ({ agent: reference(agent), skills: 0 })),
		root: node(tree(leaves).at(-1)[0]),
		data,
		genesis: api.genesisHash.toU8a(),
	};
}

/**
 * The next batch of a worker. `earnings` is the hash of the root of its earnings tree: the chain checks the sum now and
 * the hash when somebody claims.
 */
export function nextBatch(api, worker, form, earnings = new Uint8Array(32)) {
	const amount = BigInt(2 * form.each) * form.fee;
	worker.charged += amount;
	worker.earned += form.data;
	const charges = worker.channels.map(({ pair, nonce }, n) => {
		const voucher = {
			genesis: form.genesis, payer: pair.publicKey, worker: worker.operator.publicKey, channel: nonce, cumulative: worker.charged, expiry: EXPIRY,
		};
		const usage = (agent) => ({ agent: agent % form.agents.length, records: form.each, fee: amount / 2n, calls: [] });
		return {
			payer: hex(pair.publicKey), channel: nonce, cumulative: worker.charged, expiry: EXPIRY,
			signature: hex(pair.sign(voucherHash(voucher))),
			usage: [usage(n), usage(n + 1)],
		};
	});
	const header = {
		sequence: worker.sequence++,
		recordsRoot: form.root,
		records: form.records,
		data: content('batch data'),
		earnings: { hash: hex(earnings), sum: worker.earned },
	};
	return api.tx.attribution.submitBatch(header, form.agents, charges);
}

/** Divides what a worker's batches earned among accounts: the tree that its last root belongs to. */
export function earningsTree(worker, earned, accounts) {
	const each = earned / BigInt(accounts.length);
	const amount = (n) => (n ? each : earned - each * BigInt(accounts.length - 1));
	const levels = tree(accounts.map((key, n) => accountLeaf(worker.operator.publicKey, key, amount(n))));
	return { levels, amount };
}
