/**
 * A server's transport in a process of its own, for tests that kill and stop processes. It prints
 * one JSON line with its id and addresses, keeps whoever `--keep ID ADDRESS` names, and stops at
 * the end of its standard input; then it must end by itself.
 */

import { createTransport } from '../../src/transport/libp2p-transport.js';
import { generatePeerKey } from '../../src/transport/peer-key.js';
import { CollectedLog, Owner, realClock } from './transport-world.js';

const transport = createTransport(
  {
    privateKey: await generatePeerKey(),
    host: '127.0.0.1',
    port: 0,
    mdns: process.argv.includes('--mdns'),
    clusterName: 'test',
  },
  { clock: realClock, log: new CollectedLog(), seed: 1 },
);
const owner = new Owner('child');
owner.onClient = (stream) => stream.onFrames((frames) => stream.send(frames));
await transport.start(owner);
const at = process.argv.indexOf('--keep');
if (at > 0) transport.keep(process.argv[at + 1] as string, [process.argv[at + 2] as string]);
console.log(JSON.stringify({ self: transport.self, addresses: transport.addresses() }));
process.stdin.once('end', () => {
  transport.stop().then(() => console.log('stopped'), console.error);
});
process.stdin.resume();
