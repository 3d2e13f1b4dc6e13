// The second implementation of the protocol's bytes agrees with the first.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeVoucher, hex, largestRemainder, accountLeaf, voucherHash } from './settlement.js';

const vectors = process.env.TRIBUTARY_VECTORS ?? fileURLToPath(new URL('../../../primitives/vectors', import.meta.url));
const golden = (name) => JSON.parse(readFileSync(`${vectors}/${name}.json`));
const filled = (byte) => new Uint8Array(32).fill(byte);

test('voucher_matches_golden_vector_when_written_in_javascript', () => {
	const voucher = {
		genesis: filled(1),
		payer: filled(2),
		worker: filled(3),
		channel: 4n,
		cumulative: 5_000_000_000_000n,
		expiry: 600,
	};
	const vector = golden('voucher');
	assert.ok(vector.scale.startsWith(hex(encodeVoucher(voucher))));
	assert.equal(hex(voucherHash(voucher)), vector.derived.signing_hash);
});

test('earnings_leaf_matches_golden_vector_when_written_in_javascript', () => {
	const vector = golden('earnings-proof');
	const found = accountLeaf(filled(3), filled(4), BigInt(vector.derived.cumulative));
	assert.equal(hex(found.hash), vector.derived.leaf);
});

test('largest_remainder_conserves_total_when_weights_do_not_divide', () => {
	assert.deepEqual(largestRemainder(2n, [1n, 1n, 1n]), [1n, 1n, 0n]);
});
