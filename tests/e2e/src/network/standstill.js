// Has all nodes change to a set of finality voters without some validators, as a referendum of the track root would.
//
//   node standstill.js DELAY URL,URL,... NAME...      URLs of voters that stay; NAME is of a development account
//
// The first half dismisses them; the second, when the set that is elected without them comes next, forces that one, DELAY
// blocks after its session begins. The runtime has counted a set for each session of the standstill, the nodes have not:
// it is set back to theirs, otherwise no report of two votes would hold any more.

import { account, event, send } from '../chain.js';
import { connect, options, say } from './common.js';

const [delay, urls, ...names] = options().rest;
const apis = await Promise.all(urls.split(',').map(connect));
const [api] = apis;
const highest = async (read) => Math.max(...(await Promise.all(apis.map(read))));
const setId = await highest(async (each) => (await each.rpc.grandpa.roundState()).toJSON().setId);
const final = await highest(async (each) => (await each.rpc.chain.getHeader(await each.rpc.chain.getFinalizedHead())).number.toNumber());
const counted = (await api.query.grandpa.currentSetId()).toNumber();
const { sessionBlocks } = (await api.query.validators.currentTiming()).toJSON();
const { system, grandpa, scheduler, sudo, utility, validators } = api.tx;

const nodesSet = api.registry.createType('u64', setId).toHex(true);
const force = utility.batchAll([system.setStorage([[api.query.grandpa.currentSetId.key(), nodesSet]]), grandpa.noteStalled(delay, final)]);
const dismissals = names.map((name) => validators.dismiss(account(`//${name}`).address));
const later = scheduler.scheduleAfter(2 * sessionBlocks, null, 0, force);
const events = await send(api, sudo.sudo(utility.batchAll([...dismissals, later])), account('//Alice'));
const [when] = event(events, 'scheduler', 'Scheduled');
say({ set: setId, counted, final, forced_at: when.toNumber() });
process.exit(0);
