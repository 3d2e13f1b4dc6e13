// Votes twice in one round of the set that votes now, as a validator whose key is known, and reports it.
//
//   node two-votes.js URL NAME      NAME is of a development account, such as Bob
//
// Prints the set and what the validator is slashed by.

import { Keyring } from '@polkadot/api';
import { bnToU8a, u8aConcat, u8aToHex } from '@polkadot/util';
import { account, event, send, sleep } from '../chain.js';
import { connect, options, say } from './common.js';

// A round that nobody comes to.
const ROUND = 1_000_000_000;
const PREVOTE = 0;

const [url, name] = options().rest;
const api = await connect(url);
const key = new Keyring({ type: 'ed25519' }).addFromUri(`//${name}`);
// The node takes a session's set when its first block is final.
const counts = async () => [(await api.rpc.grandpa.roundState()).toJSON().setId, (await api.query.grandpa.currentSetId()).toNumber()];
let [setId, counted] = await counts();
for (const end = Date.now() + 120_000; setId !== counted; [setId, counted] = await counts()) {
	if (Date.now() > end) throw new Error(`the node votes in set ${setId}, the runtime has counted to ${counted}`);
	await sleep(500);
}
const le = (value, bitLength) => bnToU8a(value, { bitLength, isLe: true });
const vote = (fill) => {
	const message = { targetHash: new Uint8Array(32).fill(fill), targetNumber: 1 };
	const bytes = u8aConcat([PREVOTE], message.targetHash, le(message.targetNumber, 32), le(ROUND, 64), le(setId, 64));
	return [message, key.sign(bytes)];
};
const votes = { setId, equivocation: { Prevote: { roundNumber: ROUND, identity: key.publicKey, first: vote(1), second: vote(2) } } };
const asked = u8aToHex(u8aConcat(le(setId, 64), key.publicKey));
const answer = await api.rpc.state.call('GrandpaApi_generate_key_ownership_proof', asked);
// Optional bytes, and in them the proof.
const bytes = api.registry.createType('Option<Bytes>', answer.toU8a(true)).unwrap().toU8a(true);
const owner = api.registry.createType(api.tx.grandpa.reportEquivocation.meta.args[1].type.toString(), bytes);
const events = await send(api, api.tx.grandpa.reportEquivocation(votes, owner), account('//Ferdie'));
const { candidate, amount } = event(events, 'validators', 'Slashed');
if (candidate.toString() !== account(`//${name}`).address) throw new Error(`${candidate} was slashed instead of ${name}`);
say({ set: setId, planck: amount.toString() });
process.exit(0);
