// Gives accounts TRB of Alice's.
//
//   node fund.js URL AMOUNT ADDRESS...

import { account, TRB } from '../chain.js';
import { connect, options, say, sendAll } from './common.js';

const [url, amount, ...addresses] = options().rest;
const api = await connect(url);
await sendAll(api, addresses.map((address) => api.tx.balances.transferKeepAlive(address, BigInt(amount) * TRB)), account('//Alice'));
say({ funded: addresses.length });
process.exit(0);
