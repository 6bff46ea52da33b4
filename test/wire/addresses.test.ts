/**
 * Addresses as people write them, right and wrong.
 */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAddress, parseAddress } from '../../src/wire/addresses.js';

const defaults = { host: '127.0.0.1', port: 4000 };

const good: [string, string, number][] = [
  ['example.org:80', 'example.org', 80],
  ['example.org', 'example.org', 4000],
  ['node_1', 'node_1', 4000],
  ['example.org.:1', 'example.org.', 1],
  ['10.1.2.3:65535', '10.1.2.3', 65_535],
  ['10.1.2.3', '10.1.2.3', 4000],
  ['5000', '127.0.0.1', 5000],
  [':5000', '127.0.0.1', 5000],
  ['0.0.0.0:0', '0.0.0.0', 0],
  ['[::1]:7', '::1', 7],
  ['[::1]', '::1', 4000],
  ['::1', '::1', 4000],
  ['::', '::', 4000],
  ['fe80::1%eth0', 'fe80::1%eth0', 4000],
  ['[fe80::1%eth0]:9', 'fe80::1%eth0', 9],
  ['[::ffff:10.0.0.1]:9', '::ffff:10.0.0.1', 9],
  ['[1:2:3:4:5:6:7:8]:9', '1:2:3:4:5:6:7:8', 9],
  ['  host:1\n', 'host', 1],
];

for (const [text, host, port] of good) {
  test(`${JSON.stringify(text)} is ${host} port ${port}`, () => {
    assert.equal(parseAddress(text, defaults), { ok: true, address: { host, port } });
  });
}

const bad = [
  '',
  ' ',
  'host:',
  'host:65536',
  'host:-1',
  'host:1e3',
  'host:0x10',
  'host:123456',
  'ho st:1',
  '-host:1',
  'host-:1',
  'a..b:1',
  '.a:1',
  `${'a'.repeat(64)}:1`,
  `${'a.'.repeat(130)}a:1`,
  '256.1.1.1:1',
  '1.2.3:1',
  '01.2.3.4:1',
  '70000',
  '[::1',
  '[::1]7',
  '[::1]:',
  '[host]:1',
  '[]:1',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7',
  '1::2::3',
  ':::',
  '::1%',
  '::12345',
  'http://host:1',
  'host:1/path',
  'a\nb:1',
  'user@host:1',
];

for (const text of bad) {
  test(`${JSON.stringify(text.slice(0, 40))} is refused in one line`, () => {
    const parsed = parseAddress(text, defaults);
    assert.ok(!parsed.ok);
    assert.ok(!parsed.ok && parsed.fault.length < 200 && !/[\r\n]/.test(parsed.fault));
  });
}

test('without defaults host and port are required', () => {
  for (const text of ['host', '5000', ':5000', '[::1]', '::1']) {
    assert.not.ok(parseAddress(text).ok, text);
  }
});

test('what is written is read back', () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(host, fc.nat(65_535), (host, port) => {
      assert.equal(parseAddress(formatAddress({ host, port })), {
        ok: true,
        address: { host, port },
      });
    }),
    { numRuns: 2000 },
  );
});

test('any text gives an address or one line, quickly', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const parsed = parseAddress(text, defaults);
      if (!parsed.ok) assert.not.match(parsed.fault, /[\r\n]/);
    }),
    { numRuns: 5000 },
  );
});

test.run();
