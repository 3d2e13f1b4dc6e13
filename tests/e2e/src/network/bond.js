// Bonds validators that have no bond, and waits until they are elected with what they have at stake.
//
//   node bond.js URL NAME...       NAME is of a development account, such as Dave
//
// Sessions are short meanwhile: governance may say how long they are.

import { account, send, sleep, TRB } from '../chain.js';
import { connect, options, say } from './common.js';

const SHORT = 5;
const COMMISSION = 100_000;

const [url, ...names] = options().rest;
const api = await connect(url);
if (!api.tx.validators) throw new Error('this runtime has no pallet validators, so nobody can bond: upgrade it first (step upgrade)');
const alice = account('//Alice');
const timing = (await api.query.validators.currentTiming()).toJSON();
const set = (values) => send(api, api.tx.sudo.sudo(api.tx.validators.setTiming({ ...timing, ...values })), alice);
await set({ sessionBlocks: SHORT });
// What a candidate must have while governance has not said otherwise.
const stake = 1_000n * TRB;
const pairs = names.map((name) => account(`//${name}`));
await Promise.all(
	pairs.map(async (pair) => {
		// A chain that began with bonds has them already.
		if ((await api.query.validators.candidates(pair.address)).isNone) await send(api, api.tx.validators.bond(stake, COMMISSION), pair);
	}),
);
for (;;) {
	const session = (await api.query.session.currentIndex()).toNumber();
	const elected = (await api.query.validators.elected(session)).toJSON();
	const staked = pairs.map((pair) => BigInt(elected.find(({ validator }) => validator === pair.address)?.exposure.stake ?? 0));
	const least = staked.reduce((least, each) => (each < least ? each : least));
	if (least >= stake) {
		await set({ sessionBlocks: timing.sessionBlocks });
		say({ session, stake: least.toString(), block: (await api.rpc.chain.getHeader()).number.toNumber() });
		process.exit(0);
	}
	await sleep(1_000);
}
