/**
 * The small judgements of the command line, as tables: what is shown, what is read, how it ends.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ErrorCode, errorTable, QuorateError } from '../../src/base/errors.js';
import { readCount, readDuration, readTargets, readWhole } from '../../src/cli/arguments.js';
import { CommandError, describeFault, exitCodeOf, UsageError } from '../../src/cli/faults.js';
import { jsonBytes, printable, printableBytes } from '../../src/cli/printable.js';

test('durations', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['5', 5000],
    ['0.5', 500],
    ['5s', 5000],
    ['250ms', 250],
    ['2m', 120_000],
  ];
  for (const [text, millis] of rows) assert.is(readDuration(text), millis, text);
  for (const text of ['', '0', '-1', '5 s', 'ms', '1h', '1e9', '99999m', 'NaN']) {
    assert.throws(() => readDuration(text), /time/, text);
  }
});

test('numbers', () => {
  assert.is(readWhole('0'), 0);
  assert.is(readCount('12'), 12);
  for (const text of ['', '-1', '1.5', '1e3', '0x10', ' 1', '9007199254740992']) {
    assert.throws(() => readWhole(text), /whole number/, text);
  }
  assert.throws(() => readCount('0'), /from 1/);
});

test('targets add up', () => {
  assert.equal(readTargets('a:1, b:2,', undefined), ['a:1', 'b:2']);
  assert.equal(readTargets('c:3', ['a:1']), ['a:1', 'c:3']);
  assert.throws(() => readTargets(' , ', undefined), /HOST:PORT/);
});

test('nothing that steers a terminal gets through', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['plain täxt 漢字', 'plain täxt 漢字'],
    ['a\tb', 'a\tb'],
    ['a\nb', 'a\\u000ab'],
    ['\u001b[31m', '\\u001b[31m'],
    ['\u009b31m', '\\u009b31m'],
    ['\u202eevil', '\\u202eevil'],
    ['\u007f', '\\u007f'],
  ];
  for (const [text, shown] of rows) assert.is(printable(text), shown);
  assert.is(printableBytes(Uint8Array.of(0xff, 0xfe)), 'base64://4=');
});

test('bytes in JSON are text, or base64 under another name', () => {
  assert.equal(jsonBytes('data', Buffer.from('ü')), { data: 'ü' });
  assert.equal(jsonBytes('data', Buffer.from('\ufeffx')), { data: '\ufeffx' });
  assert.equal(jsonBytes('data', Uint8Array.of(0xc0, 0x80)), { dataBase64: 'wIA=' });
  assert.equal(jsonBytes('data', new Uint8Array(0)), { data: '' });
});

test('exit codes', () => {
  const unserved: readonly ErrorCode[] = [
    'NOT_LEADER',
    'NO_LEADER',
    'LEADER_CHANGED',
    'TIMEOUT',
    'DISCONNECTED',
    'STOPPING',
    'NOT_MEMBER',
  ];
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const expected = unserved.includes(code) ? 3 : 1;
    assert.is(exitCodeOf(new QuorateError(code, 'x')), expected, code);
  }
  assert.is(exitCodeOf(new UsageError('x')), 2);
  assert.is(exitCodeOf(new CommandError('x')), 1);
  assert.is(exitCodeOf(new Error('x')), 1);
});

test('a fault is one line that says what to do next', () => {
  const error = new QuorateError('NO_LEADER', 'nobody\n  is there');
  assert.match(describeFault(error), /^nobody is there; see quorate status[^\n]*$/);
  assert.is(describeFault('thrown text'), 'thrown text');
  const wantsSecret = 'no server answered: it may want a secret (--secret-file)';
  assert.is(describeFault(new QuorateError('NO_LEADER', wantsSecret)), wantsSecret);
});

test.run();
