// Vouchers, sum trees and the split, written a second time from the documentation: what a wallet or an
// independent checker would write. The golden vectors keep both sides equal.

import { compactToU8a, stringToU8a, u8aConcat, u8aToHex, hexToU8a, bnToU8a } from '@polkadot/util';
import { blake2AsU8a } from '@polkadot/util-crypto';

const le = (value, bits) => bnToU8a(value, { bitLength: bits, isLe: true });
const tagged = (domain, ...parts) => blake2AsU8a(u8aConcat(compactToU8a(domain.length), stringToU8a(domain), ...parts));

export const encodeVoucher = (v) =>
	u8aConcat(v.genesis, v.payer, v.worker, le(v.channel, 64), le(v.cumulative, 128), le(v.expiry, 32));

/** The 32 bytes a payer signs. */
export const voucherHash = (v) => tagged('tributary/voucher/1', encodeVoucher(v));

/** A node of a sum tree: the hash and the sum below it. */
export const leaf = (data, value) => ({
	hash: blake2AsU8a(u8aConcat(new Uint8Array([0]), data, le(value, 128))),
	sum: value,
});

export const parent = (left, right) => ({
	hash: blake2AsU8a(
		u8aConcat(new Uint8Array([1]), left.hash, le(left.sum, 128), right.hash, le(right.sum, 128)),
	),
	sum: left.sum + right.sum,
});

/** The leaf of an account in a worker's earnings tree. */
export const accountLeaf = (worker, account, cumulative) =>
	leaf(tagged('tributary/earnings/1', worker, new Uint8Array([0]), account, le(cumulative, 128)), cumulative);

/** The leaf of a DataNet's pool in a worker's earnings tree. */
export const poolLeaf = (worker, datanet, cumulative) =>
	leaf(tagged('tributary/earnings/1', worker, new Uint8Array([1]), le(datanet, 32), le(cumulative, 128)), cumulative);

/** Divides a total by weights with the largest-remainder method. All values are BigInt. */
export function largestRemainder(total, weights) {
	const sum = weights.reduce((a, b) => a + b, 0n);
	if (sum === 0n) return weights.map(() => 0n);
	const parts = weights.map((w) => (total * w) / sum);
	let left = total - parts.reduce((a, b) => a + b, 0n);
	const order = weights
		.map((w, index) => ({ rest: (total * w) % sum, index }))
		.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest < b.rest ? 1 : -1));
	for (const { index } of order) {
		if (left === 0n) break;
		parts[index] += 1n;
		left -= 1n;
	}
	return parts;
}

export const hex = (bytes) => u8aToHex(bytes);
export const bytes = (text) => hexToU8a(text);
export const node = ({ hash, sum }) => ({ hash: u8aToHex(hash), sum });
