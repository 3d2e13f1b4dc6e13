// Upgrades the runtime as governance does: its hash is authorised by root, then anyone hands the code in.
//
//   node upgrade.js URL FILE      FILE has the wasm as 0x hex
//
// Prints the versions before and after and the block whose successor is the first that the new runtime runs.

import { readFileSync } from 'node:fs';
import { blake2AsHex } from '@polkadot/util-crypto';
import { account, failure, send } from '../chain.js';
import { connect, options, say } from './common.js';

const [url, file] = options().rest;
const api = await connect(url);
const code = readFileSync(file, 'utf8').trim();
const before = api.runtimeVersion.specVersion.toNumber();
await send(api, api.tx.sudo.sudo(api.tx.system.authorizeUpgrade(blake2AsHex(code))), account('//Alice'));
const changed = new Promise((resolve) => {
	const watch = setInterval(async () => {
		const { specVersion } = await api.rpc.state.getRuntimeVersion();
		if (specVersion.toNumber() === before) return;
		clearInterval(watch);
		resolve(specVersion.toNumber());
	}, 500);
});
const applied = api.tx.system.applyAuthorizedUpgrade(code);
const refused = new Promise((_, reject) => {
	applied
		.signAndSend(account('//Bob'), ({ events, dispatchError }) => {
			if (dispatchError) return reject(new Error(failure(api, dispatchError)));
			for (const { event } of events) {
				if (api.events.system.RejectedInvalidAuthorizedUpgrade?.is(event)) {
					const reason = failure(api, event.data[1]);
					return reject(new Error(`the runtime was refused: ${reason} (the chain runs version ${before})`));
				}
			}
		})
		.catch(reject);
});
// What is told of a transaction may be lost when the version changes while it is told: the versions say when.
const after = await Promise.race([changed, refused]);
const versionAt = async (hash) => (await api.rpc.state.getRuntimeVersion(hash)).specVersion.toNumber();
let header = await api.rpc.chain.getHeader();
while ((await versionAt(header.parentHash)) === after) header = await api.rpc.chain.getHeader(header.parentHash);
say({ before, after, block: header.number.toNumber() });
process.exit(0);
