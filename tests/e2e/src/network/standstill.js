// Has all nodes change to a set of finality voters without some validators, as a referendum of the track root would.
//
//   node standstill.js URL DELAY NAME...      NAME is of a development account, such as Dave
//
// The first half dismisses them; the second, a session later, forces the set that is elected without them, DELAY blocks
// after the session that begins then. The runtime has counted a set for each session of the standstill, the nodes have
// not: it is set back to theirs, otherwise no proof of two votes and no warp would fit any more.

import { account, event, send } from '../chain.js';
import { connect, options, say } from './common.js';

const [url, delay, ...names] = options().rest;
const api = await connect(url);
const { setId } = (await api.rpc.grandpa.roundState()).toJSON();
const final = (await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())).number.toNumber();
const counted = (await api.query.grandpa.currentSetId()).toNumber();
const { sessionBlocks } = (await api.query.validators.currentTiming()).toJSON();
const { system, grandpa, scheduler, sudo, utility, validators } = api.tx;

const nodesSet = api.registry.createType('u64', setId).toHex(true);
const force = utility.batchAll([system.setStorage([[api.query.grandpa.currentSetId.key(), nodesSet]]), grandpa.noteStalled(delay, final)]);
const dismissals = names.map((name) => validators.dismiss(account(`//${name}`).address));
const later = scheduler.scheduleAfter(sessionBlocks, null, 0, force);
const events = await send(api, sudo.sudo(utility.batchAll([...dismissals, later])), account('//Alice'));
const [when] = event(events, 'scheduler', 'Scheduled');
say({ set: setId, counted, final, forced_at: when.toNumber() });
process.exit(0);
