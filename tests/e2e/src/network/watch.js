// Prints the events of some pallets, one a line, as blocks become final.
//
//   node watch.js URL PALLET...
//
// `from N` on standard input begins at block N; until then nothing is printed.

import { sleep } from '../chain.js';
import { commands, connect, options, say } from './common.js';

const [url, ...pallets] = options().rest;
const api = await connect(url);
let next = null;
commands((line) => {
	const [verb, number] = line.split(' ');
	if (verb === 'from') next = Number(number);
});
say({ ready: true });
for (;;) {
	await sleep(500);
	if (next === null) continue;
	const final = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
	while (next <= final) {
		const hash = await api.rpc.chain.getBlockHash(next);
		for (const { event } of await (await api.at(hash)).query.system.events()) {
			if (!pallets.includes(event.section)) continue;
			const data = Object.fromEntries((event.data.names ?? event.data.map((_, n) => `${n}`)).map((name, n) => [name, event.data[n].toJSON()]));
			say({ block: next, event: `${event.section}.${event.method}`, data });
		}
		next += 1;
	}
}
