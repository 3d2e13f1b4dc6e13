// node metadata-diff.js write FILE               writes the summary of the node's runtime
// node metadata-diff.js compare FILE ACCEPTED    says what differs from a summary; ends with 1 when a rule is broken
// node metadata-diff.js accept FILE ACCEPTED     writes what breaks clients of a summary to ACCEPTED, a line each
//
// The node is TRIBUTARY_NODE_BIN; it is started for this. See metadata.js and scripts/metadata-diff.sh.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { startNode } from './node.js';
import { breaking, compare, summary, unaccepted } from './metadata.js';

const [, , what, file, list] = process.argv;
if (!['write', 'compare', 'accept'].includes(what) || !file || (what !== 'write' && !list)) {
	console.error('usage: metadata-diff.js write FILE | compare FILE ACCEPTED | accept FILE ACCEPTED');
	process.exit(64);
}

const node = await startNode();
const { specVersion, transactionVersion } = node.api.runtimeVersion;
const version = { specVersion: specVersion.toNumber(), transactionVersion: transactionVersion.toNumber() };
const newest = (await node.api.call.metadata.metadataAtVersion(16)).unwrap().toU8a(true);
const found = summary((await node.api.rpc.state.getMetadata()).toHex(), newest, version);
await node.stop();

if (what === 'write') {
	writeFileSync(file, `${JSON.stringify(found, null, 1)}\n`);
	console.log(`${file}: spec_version ${found.specVersion}, ${Object.keys(found.pallets).length} pallets`);
} else if (what === 'accept') {
	const { differences } = compare(JSON.parse(readFileSync(file, 'utf8')), found);
	const lines = breaking(differences);
	writeFileSync(list, lines.map((line) => `${line}\n`).join(''));
	console.log(`${list}: ${lines.length} differences that break clients; say in CHANGELOG.md what they must change`);
} else {
	const before = JSON.parse(readFileSync(file, 'utf8'));
	const { differences, problems } = compare(before, found);
	const accepted = existsSync(list) ? readFileSync(list, 'utf8').split('\n').filter(Boolean) : [];
	problems.push(...unaccepted(differences, accepted));
	const short = (value) => {
		const text = JSON.stringify(value);
		return text === undefined || text.length <= 160 ? text : `${text.slice(0, 160)}...`;
	};
	for (const [path, kind, old, now] of differences) {
		const values = [old, now].filter((value) => value !== undefined).map(short);
		console.log(`${kind.padEnd(8)}${path.join('.')}: ${values.join(' -> ')}`);
	}
	const versions = ({ specVersion, transactionVersion }) => `spec ${specVersion}, transactions ${transactionVersion}`;
	console.log(`${differences.length} differences between ${versions(before)} and ${versions(found)}`);
	for (const problem of problems) console.error(`error: ${problem}`);
	process.exitCode = problems.length > 0 ? 1 : 0;
}
