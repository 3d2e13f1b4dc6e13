// The comparison of runtimes' metadata, on made-up changes of a made-up runtime.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare, unaccepted } from './metadata.js';

const runtime = (change = () => {}) => {
	const made = {
		specVersion: 2,
		transactionVersion: 2,
		extensions: [{ name: 'CheckNonce', type: 'compact u32', signed: '()' }],
		pallets: {
			Datanets: {
				index: 42,
				calls: { create: { index: 0, fields: ['name: [u8]', 'policy: views::Policy'] } },
				events: { Created: { index: 0, fields: ['datanet: u32'] } },
				errors: { BadName: { index: 0, fields: [] } },
				prefix: 'Datanets',
				storage: { DataNets: { modifier: 'Optional', hashers: ['Blake2_128Concat'], key: 'u32', value: 'types::DataNet' } },
				constants: {},
			},
		},
		apis: { DatanetsApi: { version: 1, methods: { datanet: { takes: ['id: u32'], gives: 'types::DataNet' } } } },
		types: {
			'views::Policy': { Open: { index: 0, fields: [] } },
			'types::DataNet': ['policy: views::Policy'],
		},
	};
	change(made);
	return made;
};

const problems = (change) => compare(runtime(), runtime(change)).problems;

test('nothing is wrong when nothing differs', () => {
	assert.deepEqual(compare(runtime(), runtime()), { differences: [], problems: [] });
});

test('a difference is refused when spec_version stays', () => {
	const added = (made) => (made.pallets.Datanets.events.Closed = { index: 1, fields: [] });
	assert.match(problems(added)[0], /spec_version is still 2/);
	assert.deepEqual(problems((made) => (added(made), (made.specVersion = 3))), []);
});

test('a changed call is refused when transaction_version stays', () => {
	const changes = [
		(made) => (made.pallets.Datanets.calls.create.index = 1),
		(made) => made.pallets.Datanets.calls.create.fields.push('curators: [u8]'),
		(made) => delete made.pallets.Datanets.calls.create,
		(made) => (made.pallets.Datanets.index = 43),
		(made) => (made.types['views::Policy'].Open.index = 1),
		(made) => made.extensions.push({ name: 'New', type: 'u8', signed: '()' }),
	];
	for (const change of changes) {
		const silent = (made) => (change(made), (made.specVersion = 3));
		assert.match(problems(silent).join(), /transaction_version is still 2/);
		assert.deepEqual(problems((made) => (silent(made), (made.transactionVersion = 3))), []);
	}
});

test('transaction_version may stay when only stored items or new calls differ', () => {
	const changes = [
		(made) => (made.pallets.Datanets.storage.DataNets.value = 'u64'),
		(made) => made.types['types::DataNet'].push('more: u8'),
		(made) => (made.pallets.Datanets.calls.close = { index: 1, fields: [] }),
	];
	for (const change of changes) assert.deepEqual(problems((made) => (change(made), (made.specVersion = 3))), []);
});

test('a version that falls is refused', () => {
	assert.match(problems((made) => (made.specVersion = 1)).join(), /spec_version fell/);
});

test('a function of an API breaks clients when it is gone, takes or gives something else', () => {
	const changes = [
		[(made) => delete made.apis.DatanetsApi.methods.datanet, 'removed apis.DatanetsApi.methods.datanet'],
		[({ apis }) => apis.DatanetsApi.methods.datanet.takes.push('at: u32'), 'changed apis.DatanetsApi.methods.datanet.takes'],
		[({ apis }) => (apis.DatanetsApi.methods.datanet.gives = 'u8'), 'changed apis.DatanetsApi.methods.datanet.gives'],
	];
	for (const [change, line] of changes) {
		const { differences, problems } = compare(runtime(), runtime((made) => (change(made), (made.specVersion = 3))));
		assert.deepEqual(problems, []);
		assert.deepEqual(unaccepted(differences, []), [`nobody accepted that clients break: ${line}`]);
	}
	const more = ({ apis }) => (apis.DatanetsApi.methods.datanets = { takes: [], gives: '[types::DataNet]' });
	assert.deepEqual(unaccepted(compare(runtime(), runtime(more)).differences, []), []);
});

test('a difference that breaks clients is refused when nobody accepted it', () => {
	const { differences } = compare(
		runtime(),
		runtime((made) => {
			delete made.pallets.Datanets.errors.BadName;
			made.pallets.Datanets.calls.close = { index: 1, fields: [] };
		}),
	);
	const line = 'removed pallets.Datanets.errors.BadName';
	assert.deepEqual(unaccepted(differences, []), [`nobody accepted that clients break: ${line}`]);
	assert.deepEqual(unaccepted(differences, [line]), []);
	assert.deepEqual(unaccepted([], [line]), [`accepted, but not so: ${line}`]);
});
