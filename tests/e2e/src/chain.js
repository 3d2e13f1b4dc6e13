// What every client of the chain here needs: a connection, accounts, sending and its outcome, waiting.

import { Keyring, WsProvider } from '@polkadot/api';
import { blake2AsU8a } from '@polkadot/util-crypto';
import { hex } from './settlement.js';

export const TRB = 1_000_000_000_000n;

/** A connection to a node that comes back by itself. A busy node may take longer to answer than the minute of the API. */
export const dial = (url) => new WsProvider(url, 500, {}, 120_000);

const keyring = new Keyring({ type: 'sr25519' });
export const account = (uri) => keyring.addFromUri(uri);
/** `uri//0`, `uri//1` and so on. A phrase is read once for all: it takes milliseconds, in which nothing else runs. */
export const accountsUnder = (uri, count) => {
	const parent = account(uri);
	return Array.from({ length: count }, (_, n) => parent.derive(`//${n}`));
};

export const content = (text) => hex(blake2AsU8a(text));
export const price = (input, output) => ({ input, output });
/** The first version of an asset. */
export const reference = (asset) => ({ asset, version: 1 });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The chain's own name of an error in an event or of a dispatch. */
export function failure(api, error) {
	if (!error.isModule) return error.toString();
	const { section, name } = api.registry.findMetaError(error.asModule);
	return `${section}.${name}`;
}

/** Signs, sends, and resolves with the events when the call is in a block; rejects when it failed or never will be. */
export function send(api, call, signer, { nonce = -1 } = {}) {
	return new Promise((resolve, reject) => {
		let stop;
		call
			.signAndSend(signer, { nonce }, ({ status, events, dispatchError }) => {
				if (status.isInvalid || status.isDropped || status.isUsurped) reject(new Error(`transaction ${status.type}`));
				if (!status.isInBlock && !status.isFinalized) return;
				stop?.();
				if (dispatchError) return reject(new Error(failure(api, dispatchError)));
				for (const { event } of events) {
					if (api.events.utility.ItemFailed?.is(event)) return reject(new Error(failure(api, event.data[0])));
					if (api.events.sudo?.Sudid.is(event) && event.data[0].isErr) return reject(new Error(failure(api, event.data[0].asErr)));
				}
				resolve(events.map(({ event }) => event));
			})
			.then((unsubscribe) => (stop = unsubscribe), reject);
	});
}

/** The data of the first event of a name, or an error that lists what came instead. */
export function event(events, section, method) {
	const found = events.find((event) => event.section === section && event.method === method);
	if (!found) throw new Error(`No ${section}.${method} in ${events.map((event) => `${event.section}.${event.method}`)}`);
	return found.data;
}

/** Resolves once the chain has reached a block. */
export async function reached(api, height) {
	while ((await api.rpc.chain.getHeader()).number.toNumber() < height) await sleep(200);
}
