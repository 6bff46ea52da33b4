/**
 * What a member says of itself, when, and how often: each word goes to everybody.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SelfReport } from '../../src/replica/self-report.js';
import type { WriteTimes } from '../../src/storage/log-store.js';
import { EventLog } from '../storage/wal-fixture.js';
import { HandClock } from './hand-clock.js';

/** A member whose disk, and whose stand-bys, a test moves. */
class Stage {
  readonly clock = new HandClock();
  readonly log = new EventLog();
  readonly told: string[] = [];
  readonly stoodBy: (readonly number[])[] = [];
  isMember = true;
  ids: readonly number[] = [];
  alarm: { line: string | null } = { line: null };
  times: WriteTimes = { count: 0, millis: 0 };
  readonly report: SelfReport;

  constructor() {
    const { clock, log } = this;
    const member = {
      writeTimes: () => this.times,
      alarm: this.alarm,
      standbys: () => (this.ids.length === 0 ? null : { term: 3, ids: this.ids }),
    };
    this.report = new SelfReport({
      clock,
      log,
      gossip: {
        disk: (fitness) => void this.told.push(fitness),
        standbys: (told) => void this.stoodBy.push(told === null ? [] : told.ids),
      },
      loopDelayMillis: () => 0,
      consensus: () => (this.isMember ? member : null),
    });
    this.report.start();
  }

  /** Seconds in which one write of the disk is under way. */
  hang(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.times = { ...this.times, millis: this.times.millis + 1000 };
      this.clock.pass(1000);
    }
  }

  rest(seconds: number): void {
    for (let i = 0; i < seconds; i++) this.clock.pass(1000);
  }
}

test('a disk that hangs is told once, and once that it is well again', () => {
  const stage = new Stage();
  stage.rest(20);
  assert.equal(stage.told, []);
  stage.hang(30);
  assert.equal([stage.told, stage.log.events], [['slow'], ['the disk is slow']]);
  stage.rest(20);
  assert.equal(stage.told, ['slow', 'well']);
  assert.equal(stage.log.events, ['the disk is slow', 'the disk is well again']);
});

test('of a full disk the alarm speaks alone, and its writes that wait are no slow ones', () => {
  const stage = new Stage();
  stage.hang(30);
  assert.equal(stage.told, ['slow']);
  stage.alarm.line = 'the disk is full';
  stage.hang(30);
  stage.rest(30);
  assert.equal(stage.told, ['slow'], 'nothing that would hide the alarm’s word');
  stage.alarm.line = null;
  stage.rest(20);
  assert.equal(stage.told, ['slow'], 'the alarm said that it is well');
  stage.hang(30);
  assert.equal(stage.told, ['slow', 'slow']);
});

test('a process that stood still with a write under way has no slow disk', () => {
  const stage = new Stage();
  stage.rest(5);
  stage.times = { count: 1, millis: 60_000 };
  stage.clock.pass(60_000);
  stage.rest(20);
  assert.equal(stage.told, []);
});

test('who stands by is told at every look, however often that changed between two', () => {
  const stage = new Stage();
  stage.rest(2);
  for (let i = 0; i < 9; i++) {
    stage.ids = i % 2 === 0 ? [4, 7] : [];
    stage.clock.pass(110);
  }
  stage.clock.pass(10);
  assert.equal(stage.stoodBy, [[], [], [4, 7]]);
});

test('it looks once a second, not before the server is a member, and not after its end', () => {
  const stage = new Stage();
  stage.isMember = false;
  stage.hang(5);
  assert.equal(stage.told, []);
  stage.isMember = true;
  stage.hang(1);
  stage.report.stop();
  stage.hang(20);
  assert.equal(stage.told, []);
});

test.run();
