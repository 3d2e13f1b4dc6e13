// Address and balances of a development account.
//
//   node account.js URL NAME

import { account } from '../chain.js';
import { connect, options, say } from './common.js';

const [url, name] = options().rest;
const api = await connect(url);
const { address } = account(`//${name}`);
const { data } = await api.query.system.account(address);
say({ address, free: data.free.toString(), reserved: data.reserved.toString() });
process.exit(0);
