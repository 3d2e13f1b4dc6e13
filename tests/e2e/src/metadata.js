// What clients know of a runtime, and what a change of it breaks.
//
// A summary has, by pallet, the numbers, argument names and types of calls, events and errors, the keys and types of
// stored items, the constants and the view functions; then what transactions carry, the methods of the runtime's APIs,
// and every named type that any of it mentions. What a
// client encoded or decoded with one summary, it can with another where nothing was removed or changed.

import { Metadata, TypeRegistry } from '@polkadot/types';

/** Types that the summary has by pallet. */
const BY_PALLET = new Set(['RuntimeCall', 'RuntimeEvent', 'RuntimeError', 'Call', 'Event', 'Error']);

const plain = (text) => text.toString();
const optional = (option, read) => (option.isSome ? read(option.unwrap()) : undefined);
const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
const byName = (items, content) => sorted(Object.fromEntries(items.map((item) => [plain(item.name), content(item)])));

/** Names of types by their ids; what they are made of is collected on the way, in `named`. */
class Types {
	constructor(lookup, named) {
		this.lookup = lookup;
		this.named = named;
	}

	name(id) {
		const { def, params, path } = this.lookup.getSiType(id);
		const segments = path.map(plain);
		if (segments.length > 0) {
			const inner = params.map((param) => optional(param.type, (type) => this.name(type))).filter(Boolean);
			const own = segments.join('::') + (inner.length > 0 ? `<${inner.join(', ')}>` : '');
			this.define(own, segments.at(-1), def);
			return own;
		}
		if (def.isPrimitive) return def.asPrimitive.type.toLowerCase();
		if (def.isSequence) return `[${this.name(def.asSequence.type)}]`;
		if (def.isArray) return `[${this.name(def.asArray.type)}; ${def.asArray.len}]`;
		if (def.isCompact) return `compact ${this.name(def.asCompact.type)}`;
		if (def.isTuple) return `(${def.asTuple.map((type) => this.name(type)).join(', ')})`;
		if (def.isBitSequence) return 'bits';
		if (def.isComposite) return this.fields(def.asComposite.fields);
		return JSON.stringify(this.variants(def.asVariant.variants));
	}

	define(own, last, def) {
		if (own in this.named || BY_PALLET.has(last)) return;
		// Types may contain themselves.
		this.named[own] = null;
		if (def.isComposite) this.named[own] = this.fields(def.asComposite.fields);
		else if (def.isVariant) this.named[own] = this.variants(def.asVariant.variants);
		else this.named[own] = def.type;
	}

	fields(fields) {
		return fields.map(
			(field) => (field.name.isSome ? `${field.name.unwrap()}: ` : '') + this.name(field.type),
		);
	}

	variants(variants) {
		return byName(variants, ({ fields, index }) => ({ index: index.toNumber(), fields: this.fields(fields) }));
	}

	/** What a function takes and gives. */
	signature({ inputs, output }) {
		return { takes: inputs.map(({ name, type }) => `${name}: ${this.name(type)}`), gives: this.name(output) };
	}

	of(option) {
		return option.isSome ? this.variants(this.lookup.getSiType(option.unwrap().type).def.asVariant.variants) : {};
	}
}

function stored(types, item) {
	const { type, modifier } = item;
	const common = { modifier: plain(modifier) };
	if (type.isPlain) return { ...common, value: types.name(type.asPlain) };
	const { hashers, key, value } = type.asMap;
	return { ...common, hashers: hashers.map(plain), key: types.name(key), value: types.name(value) };
}

/** Reads metadata with a registry of its own. */
function read(bytes) {
	const registry = new TypeRegistry();
	const metadata = new Metadata(registry, bytes);
	registry.setMetadata(metadata);
	return metadata;
}

/**
 * The summary of a runtime: its metadata as `state_getMetadata` gives it, the same in version 16, which knows functions
 * too, and its version.
 */
export function summary(hex, newest, { specVersion, transactionVersion }) {
	const metadata = read(hex);
	const { lookup, pallets } = metadata.asLatest;
	const types = new Types(lookup, {});
	const { asV16: functions } = read(newest);
	const functionTypes = new Types(functions.lookup, types.named);
	const summarised = {};
	for (const pallet of pallets) {
		const storage = optional(pallet.storage, ({ items, prefix }) => ({ items, prefix: plain(prefix) }));
		summarised[plain(pallet.name)] = {
			index: pallet.index.toNumber(),
			calls: types.of(pallet.calls),
			events: types.of(pallet.events),
			errors: types.of(pallet.errors),
			prefix: storage?.prefix,
			storage: byName(storage?.items ?? [], (item) => stored(types, item)),
			constants: byName(pallet.constants, ({ type, value }) => ({ type: types.name(type), value: value.toHex() })),
		};
	}
	for (const { name, viewFunctions } of functions.pallets) {
		summarised[plain(name)].views = byName(viewFunctions, (view) => functionTypes.signature(view));
	}
	const apis = byName(functions.apis, ({ methods, version }) => ({
		version: version.toNumber(),
		methods: byName(methods, (method) => functionTypes.signature(method)),
	}));
	// `state_getMetadata` gives version 14; later versions say the same of extensions in other words.
	const extensions = metadata.asV14.extrinsic.signedExtensions.map(({ additionalSigned, identifier, type }) => ({
		name: plain(identifier),
		type: types.name(type),
		signed: types.name(additionalSigned),
	}));
	const named = sorted(types.named);
	return { specVersion, transactionVersion, extensions, apis, pallets: sorted(summarised), types: named };
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Every difference as [path, what, before, after], `what` being removed, added or changed. */
export function differences(before, after, path = []) {
	if (!isObject(before) || !isObject(after)) {
		const same = JSON.stringify(before) === JSON.stringify(after);
		return same ? [] : [[path, 'changed', before, after]];
	}
	return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((key) => {
		const here = [...path, key];
		if (before[key] === undefined) return after[key] === undefined ? [] : [[here, 'added', undefined, after[key]]];
		if (after[key] === undefined) return [[here, 'removed', before[key], undefined]];
		return differences(before[key], after[key], here);
	});
}

/** Whether a difference changes what a signed transaction means. */
function changesTransactions([path, what], uses) {
	const [part, , kind] = path;
	if (part === 'extensions') return true;
	if (part === 'types') return what !== 'added' && uses.has(path[1]);
	return part === 'pallets' && what !== 'added' && (path.length === 2 || kind === 'index' || kind === 'calls');
}

/** Names of the types that calls and extensions mention, directly or inside others. */
function usedByTransactions({ extensions, pallets, types }) {
	const names = Object.keys(types);
	const calls = Object.values(pallets).map((pallet) => pallet.calls);
	const used = new Set();
	const open = [JSON.stringify([extensions, calls])];
	while (open.length > 0) {
		const text = open.pop();
		for (const name of names) {
			if (used.has(name) || !text.includes(JSON.stringify(name).slice(1, -1))) continue;
			used.add(name);
			open.push(JSON.stringify(types[name]));
		}
	}
	return used;
}

/**
 * What differs between two summaries, and which rules that breaks: nothing may differ under one `specVersion`, and
 * what signed transactions mean may not under one `transactionVersion`.
 */
export function compare(before, after) {
	const parts = ({ apis, extensions, pallets, types }) => ({ apis, extensions, pallets, types });
	const found = differences(parts(before), parts(after));
	const uses = usedByTransactions(before);
	const transactions = found.filter((difference) => changesTransactions(difference, uses));
	const problems = [];
	if (found.length > 0 && after.specVersion <= before.specVersion) {
		problems.push(`spec_version is still ${after.specVersion}, but ${found.length} things differ: raise it`);
	}
	if (transactions.length > 0 && after.transactionVersion <= before.transactionVersion) {
		const names = transactions.map(([path]) => path.join('.')).join(', ');
		problems.push(`transaction_version is still ${after.transactionVersion}, but transactions differ: ${names}`);
	}
	if (after.specVersion < before.specVersion) problems.push('spec_version fell');
	if (after.transactionVersion < before.transactionVersion) problems.push('transaction_version fell');
	return { differences: found, problems };
}

/** Lines of the differences that break a client which knows only what was before: all but what was added. */
export const breaking = (differences) =>
	differences.filter(([, what]) => what !== 'added').map(([path, what]) => `${what} ${path.join('.')}`);

/** Which breaking differences nobody accepted, and which accepted ones are none. */
export function unaccepted(differences, accepted) {
	const found = new Set(breaking(differences));
	const known = new Set(accepted);
	return [
		...[...found].filter((line) => !known.has(line)).map((line) => `nobody accepted that clients break: ${line}`),
		...[...known].filter((line) => !found.has(line)).map((line) => `accepted, but not so: ${line}`),
	];
}
