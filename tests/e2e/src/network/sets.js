// The session, how many validate in it, and which set of finality voters it is to the runtime and to the node.
//
//   node sets.js URL

import { connect, options, say } from './common.js';

const api = await connect(options().rest[0]);
const [session, validators, runtime] = await Promise.all([
	api.query.session.currentIndex(),
	api.query.session.validators(),
	api.query.grandpa.currentSetId(),
]);
const { setId } = (await api.rpc.grandpa.roundState()).toJSON();
say({ session: session.toNumber(), validators: validators.length, runtime: runtime.toNumber(), node: setId });
process.exit(0);
