// Sets how many blocks a session has, as a referendum may.
//
//   node timing.js URL BLOCKS

import { account, send } from '../chain.js';
import { connect, options, say } from './common.js';

const [url, blocks] = options().rest;
const api = await connect(url);
const timing = { ...(await api.query.validators.currentTiming()).toJSON(), sessionBlocks: Number(blocks) };
await send(api, api.tx.sudo.sudo(api.tx.validators.setTiming(timing)), account('//Alice'));
say(timing);
process.exit(0);
