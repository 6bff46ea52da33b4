/**
 * Strangers on the port: garbage, silence, half handshakes, and libp2p nodes that prove a key and
 * then break every rule (CHECKS 44, 45, 49, 50). After each, nothing was told to the owner, nothing
 * was thrown past everybody, and an honest peer is still linked.
 */

import type { Stream } from '@libp2p/interface';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Rng } from '../../src/base/rng.js';
import { frameKind } from '../../src/transport/framing.js';
import {
  besiege,
  closeOf,
  closeOfStream,
  frame,
  handshakeMillisMax,
  hello,
  intruder,
  rawConnection,
  startServer,
} from './hostile-world.js';
import { bytes, within } from './transport-world.js';

const test = suite('strangers on the port');

test(
  'random bytes end the connection and are one line at debug',
  besiege(async (victim) => {
    const rng = new Rng(11);
    const all = Array.from({ length: 60 }, (_, i) => {
      const { socket, ended } = rawConnection(victim);
      const noiseBytes = Uint8Array.from({ length: rng.between(1, 2000) }, () => rng.below(256));
      // Some begin as libp2p does, and go wrong afterwards.
      if (i % 2 === 0) socket.write('\x13/multistream/1.0.0\n\x07/noise\n');
      socket.write(noiseBytes);
      return ended;
    });
    await within(Promise.all(all), 'the end of all', 4000);
    const lines = victim.log.lines.filter((line) => line.event.includes('in its handshake'));
    assert.is(lines.length, 60);
    assert.ok(victim.log.lines.every((line) => line.level === 'debug'));
  }),
);

test(
  'a silent connection, and a handshake of one byte at a time, end in time',
  besiege(async (victim) => {
    const begin = performance.now();
    const silent = rawConnection(victim);
    const slow = rawConnection(victim);
    const words = Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n');
    let at = 0;
    const dripping = setInterval(() => slow.socket.write(words.subarray(at, ++at)), 50);
    await within(Promise.all([silent.ended, slow.ended]), 'both ends', 4000);
    clearInterval(dripping);
    const took = performance.now() - begin;
    assert.ok(took > handshakeMillisMax * 0.8 && took < handshakeMillisMax * 4, `${took} ms`);
  }),
);

test(
  'more open handshakes than the limit are refused, and peers get in once they have ended',
  besiege(
    async (victim) => {
      const all = Array.from({ length: 120 }, () => rawConnection(victim));
      await within(Promise.all(all.slice(0, 100).map((one) => one.ended)), 'their end', 6000);
      for (const { socket } of all) socket.destroy();
      assert.ok(victim.log.has('connections refused'), 'none was refused');
      const late = await startServer('late');
      late.transport.keep(victim.transport.self, victim.transport.addresses());
      await late.owner.until(() => late.transport.isLinked(victim.transport.self), 'a link', 6000);
      const isUp = (line: string): boolean => line === `up ${late.transport.self}`;
      await victim.owner.until(() => victim.owner.told.some(isUp), 'the link');
      victim.owner.told.splice(victim.owner.told.findIndex(isUp), 1);
      await within(late.transport.stop(), 'stop');
      await victim.owner.until(() => victim.owner.told.at(-1)?.startsWith('down') === true, 'down');
      victim.owner.told.pop();
    },
    { handshakesPerHostMax: 20 },
  ),
);

test(
  'at a full gate strangers are refused and a kept peer gets in',
  besiege(
    async (victim) => {
      const strangers = [await intruder(victim), await intruder(victim)];
      const refused = await intruder(victim).catch((error: Error) => error);
      assert.instance(refused, Error);
      const late = await startServer('late');
      const { self } = late.transport;
      // Nothing listens there, so the peer comes to us.
      victim.transport.keep(self, ['127.0.0.1:1']);
      late.transport.keep(victim.transport.self, victim.transport.addresses());
      await victim.owner.until(() => victim.transport.isLinked(self), 'the link', 4000);
      victim.owner.told.splice(victim.owner.told.indexOf(`up ${self}`), 1);
      for (const { node } of strangers) await node.stop();
      await within(late.transport.stop(), 'stop');
      const isDown = (): boolean => victim.owner.told.includes(`down ${self}`);
      await victim.owner.until(isDown, 'down');
      victim.owner.told.splice(victim.owner.told.indexOf(`down ${self}`), 1);
    },
    { connectionsMax: 3, handshakeMillisMax: 5000 },
  ),
);

test(
  'a proved key that asks for nothing is shown out',
  besiege(async (victim) => {
    const { node, connection } = await intruder(victim);
    await within(closeOf(connection), 'the end', 4000);
    await node.stop();
  }),
);

/** Four bytes that end in a number. */
const word = (n: number): Uint8Array => Uint8Array.of(0, 0, 0, n);

const wrongControl: [string, () => Uint8Array][] = [
  ['a length over the limit', () => Uint8Array.of(0, 0xff, 0xff, 0xff)],
  ['an unknown kind', () => frame(77, bytes('x'))],
  ['data before the greeting', () => frame(frameKind.data, bytes('x'))],
  ['an acceptance before the greeting', () => frame(frameKind.accepted, bytes(''))],
  ['a greeting that is no JSON', () => frame(frameKind.hello, bytes('{'))],
  ['a greeting of many megabytes', () => frame(frameKind.hello, new Uint8Array(256 * 1024))],
  ['an empty greeting', () => frame(frameKind.hello, bytes('{}'))],
  ['a question before the greeting', () => frame(frameKind.ask, bytes('1234'))],
  [
    'a question of many bytes',
    () => Buffer.concat([hello(), frame(frameKind.ask, new Uint8Array(99))]),
  ],
  ['an answer of none', () => Buffer.concat([hello(), frame(frameKind.answer, bytes(''))])],
  ['another life than before', () => Buffer.concat([hello(), hello('1'.repeat(16))])],
  [
    'data after its greeting, without having accepted ours',
    () => Buffer.concat([hello(), frame(frameKind.data, bytes('x'))]),
  ],
];

for (const [what, payload] of wrongControl) {
  test(
    `on control, ${what} ends the connection`,
    besiege(async (victim) => {
      const { node, connection } = await intruder(victim);
      const stream = await connection.newStream('/quorate/control/1');
      stream.send(payload());
      await within(closeOf(connection), 'the end', 3000);
      assert.equal(victim.owner.texts('control'), []);
      await node.stop();
    }),
  );
}

test(
  'a channel without a greeting is refused',
  besiege(async (victim) => {
    const { node, connection } = await intruder(victim);
    for (const channel of ['consensus', 'forward']) {
      const stream = await connection.newStream(`/quorate/${channel}/1`);
      // It may be gone before the first frame.
      if (stream.status === 'open') stream.send(frame(frameKind.data, bytes('x')));
      await within(closeOfStream(stream), 'the end of the stream', 3000);
    }
    await node.stop();
  }),
);

test(
  'frames of one who greets but never accepts are not delivered, and it is shown out',
  besiege(async (victim) => {
    const { node, connection } = await intruder(victim);
    const control = await connection.newStream('/quorate/control/1');
    control.send(hello());
    await victim.owner.until(() => victim.owner.told.includes('greeted intruder test'), 'greeting');
    const consensus = await connection.newStream('/quorate/consensus/1');
    consensus.send(frame(frameKind.data, bytes('forged')));
    await within(closeOf(connection), 'the end', 4000);
    await node.stop();
  }),
);

test(
  'a greeting and a farewell in one breath throw nothing past everybody',
  besiege(async (victim) => {
    let said = 0;
    const round = async (i: number): Promise<void> => {
      const { node, connection } = await intruder(victim);
      // On a busy machine the victim may show it out before it has said anything.
      const control = await connection.newStream('/quorate/control/1').catch(() => null);
      if (control !== null && control.status === 'open') {
        said += 1;
        control.send(hello());
      }
      if (i % 2 === 0) connection.abort(new Error('gone'));
      else await connection.close();
      await node.stop();
    };
    for (let i = 0; i < 24; i += 4) {
      const four = [i, i + 1, i + 2, i + 3].map(round);
      await within(Promise.all(four), 'four rounds', 8000);
    }
    assert.ok(said > 0, 'nothing was said');
  }),
);

test(
  'a refusal with line ends and control characters is told as one line',
  besiege(async (victim) => {
    const { node, connection } = await intruder(victim);
    const control = await connection.newStream('/quorate/control/1');
    control.send(Buffer.concat([hello(), frame(frameKind.refused, bytes('bad\n\u001b[31mred'))]));
    const expected = 'refused inbound: bad [31mred';
    await victim.owner.until(() => victim.owner.told.includes(expected), 'the refusal');
    await within(closeOf(connection), 'the end', 3000);
    await node.stop();
  }),
);

test(
  'whoever says that our data folder runs twice is quoted in one line, and shown out',
  besiege(async (victim) => {
    const { node, connection } = await intruder(victim);
    const control = await connection.newStream('/quorate/control/1');
    control.send(frame(frameKind.clone, bytes('\u0000two\nlines')));
    const expected = 'refused as a clone: two lines';
    await victim.owner.until(() => victim.owner.told.includes(expected), 'what it said');
    await within(closeOf(connection), 'the end', 3000);
    await node.stop();
  }),
);

test(
  'an answer that nobody asked for changes nothing',
  besiege(async (victim, honest) => {
    const { node, connection } = await intruder(victim);
    const control = await connection.newStream('/quorate/control/1');
    const answers = Array.from({ length: 20 }, (_, i) => frame(frameKind.answer, word(i)));
    control.send(Buffer.concat([hello('1'.repeat(16)), ...answers]));
    await victim.owner.until(() => victim.owner.told.includes('greeted intruder test'), 'greeting');
    await within(closeOf(connection), 'the end: it never accepts', 4000);
    assert.ok(victim.transport.isLinked(honest.transport.self));
    assert.not.ok(victim.log.has('a data folder runs twice'));
    await node.stop();
  }),
);

test(
  'client streams over the limit of the server are refused',
  besiege(
    async (victim) => {
      const { node, connection } = await intruder(victim);
      const open = async (): Promise<Stream> => connection.newStream('/quorate/client/1');
      const streams = [await open(), await open(), await open()];
      const fourth = await open();
      await within(closeOfStream(fourth), 'the end of the fourth', 3000);
      assert.ok(streams.every((stream) => stream.status === 'open'));
      assert.is(victim.owner.clients.length, 3);
      streams[0]?.send(Uint8Array.of(0, 0xff, 0xff, 0xff));
      victim.owner.clients[0]?.onFrames(() => undefined);
      await within(closeOfStream(streams[0] as Stream), 'the end of the first', 3000);
      const fifth = await open();
      await victim.owner.until(() => victim.owner.clients.length === 4, 'one in its place');
      assert.is(fifth.status, 'open');
      await node.stop();
    },
    { clientStreamsMax: 3 },
  ),
);

test.run();
