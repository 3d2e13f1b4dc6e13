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
const block = await new Promise((resolve, reject) => {
	applied
		.signAndSend(account('//Bob'), ({ status, events, dispatchError }) => {
			if (!status.isInBlock) return;
			if (dispatchError) return reject(new Error(failure(api, dispatchError)));
			for (const { event } of events) {
				if (api.events.system.RejectedInvalidAuthorizedUpgrade?.is(event)) {
					const reason = failure(api, event.data[1]);
					return reject(new Error(`the runtime was refused: ${reason} (the chain runs version ${before})`));
				}
			}
			resolve(status.asInBlock.toHex());
		})
		.catch(reject);
});
const after = await changed;
const number = (await api.rpc.chain.getHeader(block)).number.toNumber();
say({ before, after, block: number });
process.exit(0);
