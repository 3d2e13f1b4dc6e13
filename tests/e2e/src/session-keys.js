// Sets session keys as polkadot.js Apps does, and prints those that are registered for an account, 0x hex:
//
//   node session-keys.js URL URI [AURA GRANDPA PROOF]     URI is of a development account, such as //Alice
//
// The last line is the chain's name of the error when it refuses them; exit code 1 then.

import { ApiPromise, WsProvider } from '@polkadot/api';
import { account, send } from './chain.js';

const [url, uri, aura, grandpa, proof] = process.argv.slice(2);
const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true });
const owner = account(uri);
try {
	if (proof) await send(api, api.tx.session.setKeys({ aura, grandpa }, proof), owner);
	console.log((await api.query.session.nextKeys(owner.address)).toHex());
} catch (error) {
	console.error(error.message);
	process.exitCode = 1;
}
await api.disconnect();
