/**
 * The leaves of the transport: keys, addresses, words for failures, mDNS's filter, the cork.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dialableAddresses, resolveAddresses, resolveHost } from '../../src/transport/addresses.js';
import { corkConnection } from '../../src/transport/cork.js';
import { dialFault, secretFaults } from '../../src/transport/dial-fault.js';
import { listenFault } from '../../src/transport/listen-fault.js';
import { serviceTag, usableAddresses } from '../../src/transport/mdns.js';
import { generatePeerKey, peerIdOfKey } from '../../src/transport/peer-key.js';
import { within } from './transport-world.js';

const test = suite('small parts of the transport');

test('a key always gives the same peer id, and another key another', async () => {
  const [one, two] = [await generatePeerKey(), await generatePeerKey()];
  assert.is(peerIdOfKey(one), peerIdOfKey(Uint8Array.from(one)));
  assert.is.not(peerIdOfKey(one), peerIdOfKey(two));
  assert.match(peerIdOfKey(one), /^12D3KooW/);
});

test('what is no key is refused in one line', () => {
  for (const wrong of [new Uint8Array(0), new Uint8Array(68), Uint8Array.of(8, 1, 18)]) {
    assert.throws(() => peerIdOfKey(wrong), /not an Ed25519 private key/);
  }
});

test('names are resolved to every family, numbers are left alone', async () => {
  assert.equal(await resolveHost('192.0.2.7'), ['192.0.2.7']);
  assert.equal(await resolveHost('2001:db8::1'), ['2001:db8::1']);
  assert.ok((await resolveHost('localhost')).includes('127.0.0.1'));
  const found = await resolveAddresses(['[2001:db8::1]:7', '192.0.2.7:8']);
  assert.equal(found.map(String), ['/ip6/2001:db8::1/tcp/7', '/ip4/192.0.2.7/tcp/8']);
});

test('an address that cannot be dialled says so in one line', async () => {
  for (const address of ['host', 'host:0', 'host:99999', '', 'a:b:c:1']) {
    try {
      await within(resolveAddresses([address]), 'a rejection');
      assert.unreachable(address);
    } catch (error) {
      assert.match((error as Error).message, /address|port/);
      assert.not.match((error as Error).message, /\n/);
    }
  }
});

test('one bad address among good ones is passed over', async () => {
  const found = await resolveAddresses(['nonsense', '192.0.2.7:8']);
  assert.equal(found.map(String), ['/ip4/192.0.2.7/tcp/8']);
});

test('a wildcard listener has an address for each interface, loopback last', () => {
  assert.equal(dialableAddresses('192.0.2.7', 5), ['192.0.2.7:5']);
  assert.equal(dialableAddresses('::1', 5), ['[::1]:5']);
  const all = dialableAddresses('0.0.0.0', 5);
  assert.is(all.at(-1), '127.0.0.1:5');
  assert.ok(all.every((address) => !address.startsWith('[')));
  assert.not.ok(dialableAddresses('::', 5).some((address) => address.startsWith('[fe80')));
});

test('failures of a dial are one line each', () => {
  const coded = (code: string): Error => Object.assign(new Error('x'), { code });
  const named = (name: string, message = 'x'): Error => Object.assign(new Error(message), { name });
  const rows: [unknown, RegExp][] = [
    [coded('ECONNREFUSED'), /nothing listens there/],
    [coded('EHOSTUNREACH'), /no route/],
    [named('AbortError'), /no answer in time/],
    [named('InvalidPeerIdError', 'Can not dial self'), /this server itself/],
    [named('EncryptionFailedError', 'a does not match expected remote identity key b'), /another/],
    [named('EncryptionFailedError', secretFaults.wanted), /may want a secret/],
    [named('EncryptionFailedError'), /not a Quorate server/],
    [named('UnsupportedProtocolError'), /not a Quorate server/],
    [new AggregateError([named('x'), coded('ECONNRESET')], 'all failed'), /reset/],
    [new Error('two\nlines'), /^two$/],
    ['text', /^text$/],
  ];
  for (const [error, expected] of rows) {
    assert.match(dialFault(error), expected);
    assert.not.match(dialFault(error), /\n/);
  }
});

test('failures to listen name the address and what to do', () => {
  const rows: [string, string, RegExp][] = [
    ['listen EADDRINUSE', '127.0.0.1', /127\.0\.0\.1:4000: port 4000 is in use; stop/],
    ['listen EACCES', '::', /\[::\]:4000: port 4000 needs privileges/],
    ['listen EADDRNOTAVAIL', '192.0.2.7', /no such address/],
    ['Some configured\n /ip4: listen EWEIRD x\n', '::1', /listen EWEIRD x$/],
  ];
  for (const [text, host, expected] of rows) {
    const error = listenFault(new Error(text), host, 4000);
    assert.match(error.message, expected);
    assert.not.match(error.message, /\n/);
  }
});

test('the tag of mDNS differs by cluster name and fits a DNS label', () => {
  assert.is(serviceTag('one'), serviceTag('one'));
  assert.is.not(serviceTag('one'), serviceTag('two'));
  for (const label of serviceTag('x'.repeat(500)).split('.')) assert.ok(label.length < 64);
});

test('of what mDNS finds, loopback counts only on this machine', () => {
  const elsewhere = ['127.0.0.1:1', '203.0.113.5:1', '203.0.113.5:1', '[::1]:1'];
  assert.equal(usableAddresses(elsewhere, false), ['203.0.113.5:1']);
  assert.equal(usableAddresses(elsewhere, true), ['203.0.113.5:1', '127.0.0.1:1', '[::1]:1']);
  assert.equal(usableAddresses(['127.0.0.1:1'], false), []);
});

test('without the socket inside, the cork does nothing', () => {
  for (const connection of [{}, { maConn: {} }, { maConn: { socket: { write: () => true } } }]) {
    assert.is(corkConnection(connection as never), false);
  }
});

test.run();
