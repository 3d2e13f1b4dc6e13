// Starts the development node for a test and stops it afterwards.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';

/** A port that nobody listens on; below those of outgoing connections, so that none of them takes it meanwhile. */
const freePort = (not = []) =>
	new Promise((resolve, reject) => {
		const port = 20_000 + Math.floor(Math.random() * 12_000);
		if (not.includes(port)) return resolve(freePort(not));
		const server = createServer();
		server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(freePort(not)) : reject(error)));
		server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
	});

/** A development node on free ports, an API connected to it, and the development accounts. */
export async function startNode() {
	const binary = process.env.TRIBUTARY_NODE_BIN;
	if (!binary) throw new Error('Set TRIBUTARY_NODE_BIN to the built tributary-node; scripts/test.sh does so.');
	const rpc = await freePort();
	const p2p = await freePort([rpc]);
	const base = mkdtempSync(join(tmpdir(), 'tributary-e2e-'));
	const child = spawn(
		binary,
		['--dev', '--sealing', 'interval=250', '--base-path', base, '--rpc-port', `${rpc}`, '--port', `${p2p}`, '--no-prometheus', '--no-telemetry'],
		{ stdio: ['ignore', 'ignore', 'pipe'] },
	);
	let log = '';
	child.stderr.on('data', (data) => (log = (log + data).slice(-20_000)));
	const died = new Promise((_, reject) =>
		child.once('exit', (code) => reject(new Error(`The node stopped with code ${code}:\n${log}`))),
	);
	died.catch(() => {});
	const provider = new WsProvider(`ws://127.0.0.1:${rpc}`, 250);
	const api = await Promise.race([ApiPromise.create({ provider, noInitWarn: true }), died]).catch(async (error) => {
		await provider.disconnect();
		throw error;
	});
	const keyring = new Keyring({ type: 'sr25519' });
	return {
		api,
		account: (name) => keyring.addFromUri(`//${name}`),
		stop: async () => {
			child.removeAllListeners('exit');
			await api.disconnect();
			child.kill('SIGTERM');
			await new Promise((resolve) => child.once('exit', resolve));
			rmSync(base, { recursive: true, force: true });
		},
	};
}

/** Signs, waits for the block, and throws the chain's own error name when the call failed. */
export function send(api, call, signer) {
	return new Promise((resolve, reject) => {
		let unsubscribe;
		call
			.signAndSend(signer, ({ status, events, dispatchError }) => {
				if (!status.isInBlock && !status.isFinalized) return;
				unsubscribe?.();
				if (!dispatchError) return resolve(events.map(({ event }) => event));
				if (!dispatchError.isModule) return reject(new Error(dispatchError.toString()));
				const { section, name, docs } = api.registry.findMetaError(dispatchError.asModule);
				reject(new Error(`${section}.${name}: ${docs.join(' ')}`));
			})
			.then((stop) => (unsubscribe = stop), reject);
	});
}

/** The first event of a name, or an error that lists what came instead. */
export function event(events, section, method) {
	const found = events.find((e) => e.section === section && e.method === method);
	if (!found) throw new Error(`No ${section}.${method} in ${events.map((e) => `${e.section}.${e.method}`)}`);
	return found.data;
}

/** Resolves once the chain has reached a block. */
export async function block(api, height) {
	while ((await api.rpc.chain.getHeader()).number.toNumber() < height) {
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}
