// Verifies the sr25519 signatures of a provenance bundle with polkadot.js:
//
//     node sr25519.mjs BUNDLE ADDRESS
//
// Exit code 1 when a signature is wrong or missing. Run where @polkadot/util-crypto is installed.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

// Modules are looked for where the command is run, not where this file lies.
const { cryptoWaitReady, signatureVerify } = createRequire(join(process.cwd(), "package.json"))("@polkadot/util-crypto");

const [, , path, address] = process.argv;
await cryptoWaitReady();
for (const line of readFileSync(path, "utf8").split("\n").filter((line) => line.trim())) {
	const { payload, payloadType, signatures } = JSON.parse(line);
	const body = Buffer.from(payload, "base64");
	const pae = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]);
	const signature = signatures.find(({ keyid }) => keyid === `sr25519:${address}`);
	const verified = signature && signatureVerify(pae, Buffer.from(signature.sig, "base64"), address);
	if (!verified?.isValid || verified.crypto !== "sr25519") {
		console.error(`wrong: no sr25519 signature by ${address}`);
		process.exit(1);
	}
	const statement = JSON.parse(body);
	console.log(`ok  ${statement.predicateType}  ${statement.subject[0].name}`);
}
