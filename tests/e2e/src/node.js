// Starts the development node for a test and stops it afterwards.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiPromise } from '@polkadot/api';
import { dial } from './chain.js';

/** A port that nobody listens on; below those of outgoing connections, so that none of them takes it meanwhile. */
const freePort = (not = []) =>
	new Promise((resolve, reject) => {
		const port = 20_000 + Math.floor(Math.random() * 12_000);
		if (not.includes(port)) return resolve(freePort(not));
		const server = createServer();
		server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(freePort(not)) : reject(error)));
		server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
	});

/** Ends when somebody listens on a port: the API's provider would say of each try before that it failed. */
const listening = (port) =>
	new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1');
		socket.once('connect', () => (socket.destroy(), resolve()));
		socket.once('error', () => setTimeout(() => resolve(listening(port)), 250).unref());
	});

/** Time to answer the first call, ms: starting compiles the runtime, on a machine that may do other things too. */
const START = 300_000;
/** Time to end when asked to, ms. */
const END = 60_000;

/** A development node on free ports, which makes blocks as `--sealing` says, and an API connected to it. */
export async function startNode(sealing = 'interval=250') {
	const binary = process.env.TRIBUTARY_NODE_BIN;
	if (!binary) throw new Error('Set TRIBUTARY_NODE_BIN to the built tributary-node; scripts/test.sh does so.');
	const rpc = await freePort();
	const p2p = await freePort([rpc]);
	const base = mkdtempSync(join(tmpdir(), 'tributary-e2e-'));
	const command = [binary, '--dev', '--sealing', sealing, '--base-path', base, '--rpc-port', `${rpc}`, '--port', `${p2p}`, '--no-prometheus', '--no-telemetry'];
	// It does not outlive the tests, however they end.
	const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
	let log = '';
	child.stderr.on('data', (data) => (log = (log + data).slice(-20_000)));
	const ended = new Promise((resolve) => child.once('exit', resolve));
	const end = async () => {
		const force = setTimeout(() => child.kill('SIGKILL'), END);
		child.kill('SIGTERM');
		await ended;
		clearTimeout(force);
		rmSync(base, { recursive: true, force: true });
	};
	let provider;
	const connected = async () => {
		await listening(rpc);
		provider = dial(`ws://127.0.0.1:${rpc}`);
		return ApiPromise.create({ provider, noInitWarn: true });
	};
	let late;
	let stopping = false;
	const failed = Promise.race([
		ended.then((code) => `stopped with code ${code}`),
		new Promise((resolve) => (late = setTimeout(resolve, START, `did not answer within ${START / 1_000} s`))),
	]).then((what) => Promise.reject(new Error(`The node ${what}:\n${log}`)));
	const api = await Promise.race([connected(), failed])
		.catch(async (error) => {
			await provider?.disconnect();
			await end();
			throw error;
		})
		.finally(() => clearTimeout(late));
	// The API would wait for a node that is gone, and the tests with it.
	failed.catch((error) => {
		if (!stopping) {
			console.error(error.message);
			process.exit(1);
		}
	});
	const stop = async () => {
		stopping = true;
		await api.disconnect();
		await end();
	};
	return { api, stop };
}
