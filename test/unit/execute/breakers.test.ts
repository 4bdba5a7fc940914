// Role: which circuit breakers open after what, for how long, and what closes them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { breakerName } from '../../../src/domain/breaker.ts';
import { hostId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { epochSeconds } from '../../../src/domain/units.ts';
import { backOff, breakersOf, withJitter } from '../../../src/execute/breakers.ts';
import type { Setback, Setbacks } from '../../../src/ports/ledger.ts';
import { TEST_NOW } from '../../support/fleet.ts';

function failure(vm: string, from: string, to: string, ago = 0): Setback {
  return {
    vm: vmId(vm),
    from: hostId(from),
    to: hostId(to),
    source: sourceId('lab'),
    at: epochSeconds(TEST_NOW - ago),
  };
}

function records(failures: readonly Setback[], others: Partial<Setbacks> = {}): Setbacks {
  const successes = { vm: new Map(), out: new Map(), into: new Map(), source: new Map() };
  return { failures, successes, resets: new Map(), ...others };
}

function open(of: Setbacks, now: number = TEST_NOW): string[] {
  return breakersOf(of, epochSeconds(now)).map(({ subject, state }) => {
    return `${breakerName(subject)} ${state}`;
  });
}

describe('what opens', () => {
  it('is the VM with its target only, after one failure, or several of one VM', () => {
    expect(open(records([failure('v1', 'h1', 'h2')]))).toEqual(['vm:v1:h2 open']);
    const often = ['h2', 'h3', 'h2', 'h3', 'h4', 'h4'].map((to) => failure('v1', 'h1', to));
    expect(open(records(often))).toEqual(['vm:v1:h2 open', 'vm:v1:h3 open', 'vm:v1:h4 open']);
  });

  it('is the target, when two VMs did not get in; not their source', () => {
    const failures = ['v1', 'v2', 'v3'].map((vm) => failure(vm, 'h1', 'h2'));
    expect(open(records(failures))).toContain('into:h2 open');
    expect(open(records(failures))).not.toContain('out:h1 open');
  });

  it('is the source host, when several VMs did not get to several targets', () => {
    const failures = [
      failure('v1', 'h1', 'h2'),
      failure('v2', 'h1', 'h3'),
      failure('v3', 'h1', 'h4'),
    ];
    const opened = open(records(failures)).filter((name) => !name.startsWith('vm:'));
    expect(opened).toEqual(['out:h1 open']);
  });

  it('is the connection, when it happened between several hosts', () => {
    const failures = ['1', '2', '3', '4', '5'].map((n) =>
      failure(`v${n}`, `h${n}`, n === '5' ? 'h1' : `t${n}`),
    );
    expect(open(records(failures)).filter((name) => !name.startsWith('vm:'))).toEqual([
      'source:lab open',
    ]);
  });
});

describe('what closes', () => {
  const failures = [failure('v1', 'h1', 'h2', 20), failure('v2', 'h1', 'h2', 10)];

  it('is whatever succeeded since, on the same way', () => {
    const into = new Map([[hostId('h2'), epochSeconds(TEST_NOW - 5)]]);
    const { successes } = records([]);
    const closed = records(failures, { successes: { ...successes, into } });
    expect(open(closed)).not.toContain('into:h2 open');
    const before = new Map([[hostId('h2'), epochSeconds(TEST_NOW - 30)]]);
    const still = records(failures, { successes: { ...successes, into: before } });
    expect(open(still)).toContain('into:h2 open');
  });

  it('is a reset, for what failed until then', () => {
    const resets = new Map([['into:h2', epochSeconds(TEST_NOW - 5)]]);
    expect(open(records(failures, { resets }))).not.toContain('into:h2 open');
    const early = new Map([['into:h2', epochSeconds(TEST_NOW - 15)]]);
    const one = records([...failures, failure('v3', 'h1', 'h2', 1)], { resets: early });
    expect(open(one)).toContain('into:h2 open');
  });

  it('is time: half-open when the pause is over', () => {
    const names = open(records(failures), TEST_NOW - 10 + 60);
    expect(names).toContain('into:h2 half-open');
  });
});

describe('pauses', () => {
  it('double up to the longest, and jitter takes off a quarter at most, always the same', () => {
    expect([0, 1, 2, 9, 5000].map((again) => backOff(again, 60, 900))).toEqual([
      60, 120, 240, 900, 900,
    ]);
    fc.assert(
      fc.property(fc.string(), (occasion) => {
        const pause = withJitter(100, occasion);
        expect(pause).toBeGreaterThanOrEqual(75);
        expect(pause).toBeLessThanOrEqual(100);
        expect(withJitter(100, occasion)).toBe(pause);
      }),
    );
    const some = new Set(['a', 'b', 'c', 'd'].map((occasion) => withJitter(100, occasion)));
    expect(some.size).toBe(4);
  });

  it('end for every clock: nothing is open for ever, wherever the clock is set', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), (jump) => {
        const failed = records([failure('v1', 'h1', 'h2'), failure('v2', 'h1', 'h2')]);
        const now = TEST_NOW + jump;
        for (const { until } of breakersOf(failed, epochSeconds(now))) {
          expect(until - now).toBeLessThanOrEqual(900);
        }
      }),
    );
  });
});

describe('a clock that was ahead and was put right', () => {
  const failures = [failure('v1', 'h1', 'h2', 20), failure('v2', 'h1', 'h2', 10)];
  const far = epochSeconds(TEST_NOW + 30 * 86_400);
  const { successes: none } = records([]);

  it('closes nothing of what failed after it', () => {
    const successes = { ...none, into: new Map([[hostId('h2'), far]]) };
    expect(open(records(failures, { successes }))).toContain('into:h2 open');
    const resets = new Map([['into:h2', far]]);
    expect(open(records(failures, { resets }))).toContain('into:h2 open');
  });

  it('closes what failed ahead as well, and then succeeded there', () => {
    const early = [failure('v1', 'h1', 'h2', -400), failure('v2', 'h1', 'h2', -500)];
    expect(open(records(early))).toContain('into:h2 half-open');
    const ahead = { ...none, into: new Map([[hostId('h2'), epochSeconds(TEST_NOW + 600)]]) };
    expect(open(records(early, { ahead }))).not.toContain('into:h2 half-open');
    expect(open(records([...early, ...failures], { ahead }))).toContain('into:h2 open');
  });

  it('hides no later failure: that pauses, and what is far ahead does not count', () => {
    const later = [...failures, failure('v3', 'h1', 'h2', -800)];
    expect(open(records(later))).toContain('into:h2 open');
    const [first] = failures;
    const alone = [...(first === undefined ? [] : [first]), failure('v3', 'h1', 'h2', -86_400)];
    expect(open(records(alone))).toEqual(['vm:v1:h2 open']);
  });
});
