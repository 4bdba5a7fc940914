// Role: a wall clock that is set forwards and backwards by hours: nothing that holds is over too
// early without a jump, nothing holds for ever, and no burst of moves follows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ClockWatch } from '../../src/app/clock-watch.ts';
import { holdLeft } from '../../src/domain/hold-left.ts';
import { moveId, vmId } from '../../src/domain/ids.ts';
import type { RecentMove } from '../../src/domain/recent-move.ts';
import { epochSeconds, seconds } from '../../src/domain/units.ts';
import { gate } from '../../src/execute/gate.ts';
import { aHost, aPolicy, aSnapshot, aVm, someLimits, TEST_NOW } from '../support/fleet.ts';
import { move, planOf } from '../support/execution-bench.ts';
import { recordingEvents } from '../support/recording-events.ts';

const HOURS = 3600;
const jumps = fc.integer({ min: -12 * HOURS, max: 12 * HOURS });
const duration = fc.integer({ min: 60, max: 4 * HOURS });

describe('what holds for a while', () => {
  it('holds twice its time in all at most, wherever the clock is set meanwhile', () => {
    fc.assert(
      fc.property(duration, jumps, (lasts, jump) => {
        const step = lasts / 4;
        let held = 0;
        // From the jump on the clock goes as it should; what it comes to again is part of it.
        for (let passed = 0; passed <= Math.abs(jump) + 2 * lasts; passed += step) {
          const left = holdLeft(TEST_NOW, TEST_NOW + jump + passed, lasts);
          expect(left).toBeLessThanOrEqual(lasts);
          if (left > 0) held += step;
        }
        expect(held).toBeLessThanOrEqual(2 * lasts + step);
        expect(holdLeft(TEST_NOW, TEST_NOW + lasts, lasts)).toBe(0);
      }),
    );
  });

  it('is over neither before its time nor after it, with a clock that nobody sets', () => {
    fc.assert(
      fc.property(duration, fc.nat(8 * HOURS), (lasts, passed) => {
        expect(holdLeft(TEST_NOW, TEST_NOW + passed, lasts) > 0).toBe(passed < lasts);
      }),
    );
  });
});

describe('a clock that is set forwards and back, again and again', () => {
  const limits = someLimits({
    budgets: { movesPerHour: 5, movesPerVmPerDay: 10 },
    cooldownSeconds: seconds(900),
  });
  const vms = Array.from({ length: 10 }, (_none, index) => aVm({ id: `v${index}`, host: 'h1' }));
  const hosts = ['h1', 'h2'].map((id) => aHost({ id }));

  /** Ticks every minute; whatever the gate lets through has happened. How many an hour, at most. */
  function busiestHour(
    steps: readonly { readonly jump: number; readonly after: number }[],
  ): number {
    let wall: number = TEST_NOW;
    let elapsed = 0;
    const clock = { now: () => epochSeconds(wall), monotonic: () => seconds(elapsed) };
    const watch = new ClockWatch(clock, recordingEvents());
    const recent: RecentMove[] = [];
    const starts: number[] = [];
    for (const { jump, after } of steps) {
      for (let minute = 0; minute < after; minute += 1) {
        elapsed += 60;
        wall += 60;
        const now = epochSeconds(clock.now());
        const snapshot = aSnapshot({ hosts, vms, takenAt: now, recentMoves: recent });
        const moves = vms.map((vm, index) =>
          move(String(index), 'h1', 'h2', { id: moveId(`m${index}`), vm: vm.id }),
        );
        const counted = recent.filter((one) => holdLeft(one.openedAt, now, HOURS) > 0).length;
        const verdicts = gate({
          plan: { ...planOf(moves), snapshotAt: now },
          snapshot,
          findings: [],
          policies: aPolicy({ limits }),
          now,
          paused: false,
          counters: { movesLastHour: counted, movesLastDay: new Map([[vmId('v0'), 0]]) },
          approvals: [],
          clockRest: watch.look(limits.cooldownSeconds),
        });
        for (const { verdict, move: id } of verdicts) {
          if (verdict !== 'execute') continue;
          const vm = vmId(id.replace('m', 'v'));
          const [from, to] = [hosts[0]?.id, hosts[1]?.id];
          if (from === undefined || to === undefined) throw new Error('no hosts');
          recent.push({ vm, from, to, openedAt: now, arrivedAt: undefined });
          starts.push(elapsed);
        }
      }
      wall += jump;
    }
    return Math.max(
      0,
      ...starts.map((at) => starts.filter((one) => one >= at && one < at + HOURS).length),
    );
  }

  it('lets no burst of moves through', () => {
    const step = fc.record({ jump: jumps, after: fc.integer({ min: 1, max: 40 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
        // Each jump forwards may free one more budget, and each costs a quarter of an hour.
        expect(busiestHour(steps)).toBeLessThanOrEqual(4 * 5);
      }),
      { numRuns: 40 },
    );
  });

  it('lets one budget through where the clock is set again and again', () => {
    for (const jump of [2 * HOURS, -2 * HOURS]) {
      expect(busiestHour(Array.from({ length: 6 }, () => ({ jump, after: 3 })))).toBe(5);
    }
  });

  it('holds all that can wait back for the cool-down after a jump, and says so', () => {
    let now = 1000;
    let monotonic = 0;
    const events = recordingEvents();
    const clock = { now: () => epochSeconds(now), monotonic: () => seconds(monotonic) };
    const watch = new ClockWatch(clock, events);
    const pass = (wall: number, real: number): number => {
      now += wall;
      monotonic += real;
      return watch.look(seconds(900));
    };
    expect(pass(60, 60)).toBe(0);
    expect(pass(100, 60)).toBe(0);
    expect(pass(7200, 60)).toBe(900);
    expect(pass(300, 300)).toBe(600);
    expect(pass(300, 300)).toBe(300);
    expect(pass(-7200, 300)).toBe(900);
    expect(pass(900, 900)).toBe(0);
    const told = events.of('warning').map(({ text }) => text);
    expect(told).toHaveLength(2);
    expect(told[0]).toContain('the clock was set by 7140 s');
  });
});
