// Role: the pure parts of execution: where a VM is, whether a migration converges, what the world
// is by now, retries.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { MoveProgress } from '../../../src/domain/events.ts';
import { TIERS } from '../../../src/domain/finding.ts';
import { hostId, moveId, planId, sourceId, vmId } from '../../../src/domain/ids.ts';
import { bytes, ratio, seconds } from '../../../src/domain/units.ts';
import { callWithin, pauseAfter, RETRY, withRetry } from '../../../src/execute/call.ts';
import { rungsOf, startConvergence, stepConvergence } from '../../../src/execute/convergence.ts';
import type { LadderStep } from '../../../src/domain/policy.ts';
import { currentWorld } from '../../../src/execute/current-world.ts';
import { misfit } from '../../../src/execute/fits.ts';
import { describeWhereabouts, whereabouts } from '../../../src/execute/whereabouts.ts';
import type { Sighting } from '../../../src/ports/hypervisor.ts';
import { AdapterError } from '../../../src/ports/metric-source.ts';
import { aHost, aPolicy, aSnapshot, aVm, TEST_NOW } from '../../support/fleet.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { aMove } from '../../support/plans.ts';

const [h1, h2, h3] = [hostId('h1'), hostId('h2'), hostId('h3')];

function at(host: string, state: Sighting['state']): Sighting {
  return { host: hostId(host), state, persistent: false };
}

function place(sightings: Sighting[], blind: string[] = []): string {
  return whereabouts({ sightings, blind: blind.map(hostId) }, h1, h2).kind;
}

describe('whereabouts', () => {
  it('tells the cases apart', () => {
    expect(place([at('h1', 'running')])).toBe('source');
    expect(place([at('h1', 'running'), at('h2', 'incoming')])).toBe('source');
    expect(place([at('h1', 'running')], ['h2'])).toBe('source');
    expect(place([at('h2', 'running'), at('h1', 'defined')])).toBe('target');
    expect(place([at('h2', 'running')], ['h3'])).toBe('target');
    expect(place([at('h2', 'running')], ['h1'])).toBe('unknown');
    expect(place([at('h2', 'running'), at('h1', 'paused')])).toBe('arriving');
    expect(place([at('h2', 'running'), at('h1', 'unknown')])).toBe('arriving');
    expect(place([at('h2', 'post-copy')])).toBe('arriving');
    expect(place([at('h2', 'post-copy-paused'), at('h1', 'paused')])).toBe('broken');
    expect(place([at('h3', 'running')])).toBe('elsewhere');
    expect(place([at('h1', 'running'), at('h2', 'running')])).toBe('twice');
    expect(place([at('h1', 'paused'), at('h2', 'incoming')])).toBe('stopped');
    expect(place([at('h1', 'unknown')])).toBe('stopped');
    expect(place([at('h1', 'defined')])).toBe('down');
    expect(place([])).toBe('down');
    expect(place([], ['h3'])).toBe('unknown');
  });

  it('never calls a VM arrived that runs elsewhere, too, or that may', () => {
    const states = ['running', 'incoming', 'paused', 'post-copy', 'post-copy-paused', 'defined'];
    const sighting = fc.record({
      host: fc.constantFrom(h1, h2, h3),
      state: fc.constantFrom(...(states as Sighting['state'][])),
      persistent: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(sighting, { maxLength: 5 }),
        fc.subarray([h1, h2, h3]),
        (sightings, blind) => {
          const found = whereabouts({ sightings, blind }, h1, h2);
          expect(describeWhereabouts(found)).not.toBe('');
          const running = sightings.filter(({ state }) => state === 'running');
          if (found.kind !== 'target') return;
          expect(blind.includes(h1)).toBe(false);
          expect(running.every(({ host }) => host === h2)).toBe(true);
          expect(sightings.some(({ host, state }) => host === h1 && state !== 'defined')).toBe(
            false,
          );
        },
      ),
    );
  });
});

describe('convergence', () => {
  function progress(options: Partial<MoveProgress> = {}): MoveProgress {
    return {
      phase: 'pre-copy',
      elapsedSeconds: seconds(0),
      done: ratio(0.5),
      bytesSent: bytes(100),
      bytesRemaining: bytes(100),
      dirtyRate: undefined,
      bandwidth: undefined,
      iteration: 2,
      ...options,
    };
  }

  interface Course {
    readonly raises?: readonly number[];
    /** In seconds. */
    readonly timeout?: number;
    /** The hypervisor's figures after so many seconds, where they change. */
    readonly figures?: (elapsed: number) => Partial<MoveProgress>;
  }

  /** What is done, and when, while `remaining` says what is left after so many seconds. */
  // oxlint-disable-next-line max-params -- the ladder, what is seen, and what differs
  function course(
    ladder: readonly LadderStep[],
    remaining: (elapsed: number) => number,
    options: Partial<MoveProgress> = {},
    { raises = [], timeout = 1000, figures }: Course = {},
  ): string[] {
    const limits = {
      rungs: rungsOf(ladder, raises.map(seconds)),
      downtimeLimitSeconds: seconds(0.3),
      timeoutSeconds: seconds(timeout),
    };
    let state = startConvergence(0);
    const out: string[] = [];
    for (let elapsed = 0; elapsed <= 1100; elapsed += 5) {
      const now = { ...options, ...figures?.(elapsed) };
      const told = progress({ bytesRemaining: bytes(remaining(elapsed)), ...now });
      const step = stepConvergence(state, told, elapsed, limits);
      state = step.state;
      const { action } = step;
      if (action.kind === 'wait') continue;
      const limit = action.kind === 'downtime-limit' ? ` ${action.seconds}` : '';
      const end = action.kind === 'give-up' && action.cold ? ' for cold' : '';
      out.push(`${elapsed} ${action.kind}${limit}${end}`);
      if (action.kind === 'give-up') break;
    }
    return out;
  }

  it('lets a migration alone that gets on', () => {
    expect(course(['pre-copy', 'post-copy'], (elapsed) => 1e9 * 0.98 ** elapsed)).toEqual([
      '1005 give-up',
    ]);
  });

  it('climbs rung by rung when it does not, and gives up in the end', () => {
    const stuck = (): number => 100;
    expect(course(['pre-copy', 'auto-converge', 'post-copy'], stuck)).toEqual([
      '20 auto-converge',
      '40 post-copy',
      '160 give-up',
    ]);
    expect(course(['pre-copy'], stuck)).toEqual(['120 give-up']);
    expect(course(['pre-copy', 'cold'], stuck)).toEqual(['20 give-up for cold']);
    expect(course([], stuck)).toEqual(['120 give-up']);
  });

  it('does not take the first round, a sawtooth or other phases for a failure', () => {
    expect(course(['pre-copy', 'post-copy'], () => 100, { iteration: 1 })).toEqual([
      '1005 give-up',
    ]);
    const noIteration = { iteration: undefined, bytesSent: bytes(10) };
    expect(course(['pre-copy', 'post-copy'], () => 100, noIteration)).toEqual(['1005 give-up']);
    expect(course(['pre-copy', 'post-copy'], () => 100, { phase: 'storage' })).toEqual([
      '1005 give-up',
    ]);
    expect(course(['pre-copy', 'post-copy'], () => 100, { phase: 'post-copy' })).toEqual([]);
    expect(course(['pre-copy', 'post-copy'], () => 100, { phase: 'stop-and-copy' })).toEqual([]);
  });

  it('raises the downtime limit step by step before it does more', () => {
    const raised = { raises: [0.4, 0.5] };
    expect(course(['pre-copy', 'auto-converge', 'post-copy'], () => 100, {}, raised)).toEqual([
      '20 downtime-limit 0.4',
      '30 downtime-limit 0.5',
      '40 auto-converge',
      '60 post-copy',
      '180 give-up',
    ]);
  });

  it('sees soon from its rates that a hot set is dirtied faster than it is sent', () => {
    const doomed = { dirtyRate: 200, bandwidth: 100 };
    const ladder = ['pre-copy', 'auto-converge', 'post-copy'] as const;
    // What hurts is not done sooner for it: a burst of writing may be over in a moment.
    expect(course(ladder, () => 100, doomed, { raises: [0.4] })).toEqual([
      '5 downtime-limit 0.4',
      '15 auto-converge',
      '35 post-copy',
      '155 give-up',
    ]);
    expect(course(['pre-copy', 'post-copy'], () => 100, doomed)[0]).toBe('20 post-copy');
    expect(course(['pre-copy', 'cold'], () => 100, doomed)).toEqual(['20 give-up for cold']);
  });

  it('does not take a hot set for a failure that fits into the limit', () => {
    const doomed = { dirtyRate: 2000, bandwidth: 1000 };
    expect(course(['pre-copy', 'auto-converge'], () => 100, doomed)[0]).toBe('20 auto-converge');
    expect(course(['pre-copy', 'auto-converge'], () => 301, doomed)[0]).toBe('5 auto-converge');
  });

  it('sees that it gets on, but not in time', () => {
    const slow = { dirtyRate: 90, bandwidth: 100 };
    const shrinking = (elapsed: number): number => Math.max(0, 1000 - 10 * elapsed);
    const ladder = ['pre-copy', 'auto-converge'] as const;
    // 970 too much for the limit, 10 less each second.
    expect(course(ladder, shrinking, slow, { timeout: 95 })[0]).toBe('5 auto-converge');
    expect(course(ladder, shrinking, slow, { timeout: 100 })).toEqual(['105 give-up']);
  });

  it('gives the throttle the time that it takes, as long as the guest writes less', () => {
    const figures = (elapsed: number) => ({ dirtyRate: 1000 * 0.98 ** elapsed, bandwidth: 100 });
    const ladder = ['pre-copy', 'auto-converge', 'post-copy'] as const;
    expect(course(ladder, () => 100, {}, { figures })[0]).toBe('5 auto-converge');
    // At 20 % a minute it would be at its end after ten minutes and more.
    expect(course(ladder, () => 100, {}, { figures, timeout: 600 })).toEqual([
      '5 auto-converge',
      '605 give-up',
    ]);
  });
});

describe('currentWorld', () => {
  const flight = (id: string, vm: string) => {
    const [move, from, to] = [moveId(id), h1, h2];
    return { move, vm: vmId(vm), from, to, method: 'pre-copy', startedAt: TEST_NOW } as const;
  };
  const end = (id: string, vm: string, outcome: 'succeeded' | 'failed', ago = 0) => {
    const outlivedAt = seconds(1000 - ago + 60);
    const source = sourceId('lab');
    const plan = planId('p1');
    const now = outcome === 'succeeded' ? h2 : undefined;
    return { move: moveId(id), plan, vm: vmId(vm), now, outcome, source, outlivedAt };
  };
  const snapshot = aSnapshot({
    vms: [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h1' })],
    inFlight: [flight('old', 'v1'), flight('foreign', 'v9')],
    askedAt: new Map([[sourceId('lab'), seconds(1000)]]),
  });

  it('moves what has arrived since, and only that', () => {
    const world = currentWorld(snapshot, [], [end('old', 'v1', 'succeeded')], moveId('x'));
    expect(world.vms.map((vm) => vm.host)).toEqual(['h2', 'h1']);
    expect(world.inFlight.map((one) => one.move)).toEqual(['foreign']);
    const failed = currentWorld(snapshot, [], [end('old', 'v1', 'failed')], moveId('x'));
    expect(failed.vms.map((vm) => vm.host)).toEqual(['h1', 'h1']);
    const long = currentWorld(snapshot, [], [end('old', 'v1', 'succeeded', 61)], moveId('x'));
    expect(long.vms.map((vm) => vm.host)).toEqual(['h1', 'h1']);
  });

  it('shows a move those that were started before it', () => {
    const running = [flight('a', 'v1'), flight('b', 'v2'), flight('c', 'v3')];
    const seen = (asking: string): string[] =>
      currentWorld(snapshot, running, [], moveId(asking)).inFlight.map((one) => one.move);
    expect(seen('a')).toEqual(['old', 'foreign']);
    expect(seen('c')).toEqual(['old', 'foreign', 'a', 'b']);
    expect(seen('x')).toEqual(['old', 'foreign', 'a', 'b', 'c']);
  });
});

describe('calls', () => {
  const source = sourceId('lab');
  const never = new AbortController().signal;

  it('end, and abort what they gave up', async () => {
    const clock = manualClock();
    let isAborted = false;
    const hanging = callWithin(clock, seconds(5), source, (signal) => {
      signal.addEventListener('abort', () => {
        isAborted = true;
      });
      return new Promise(() => undefined);
    });
    await expect(clock.until(hanging)).rejects.toMatchObject({ code: 'timeout' });
    expect([clock.monotonic(), isAborted, clock.sleeping]).toEqual([5, true, 0]);
    expect(await callWithin(clock, seconds(5), source, () => Promise.resolve(7))).toBe(7);
    expect([clock.monotonic(), clock.sleeping]).toEqual([5, 0]);
  });

  it('are tried again with growing pauses, when that can help', async () => {
    const clock = manualClock();
    let calls = 0;
    const failing = (code: 'lost' | 'auth') => () => {
      calls += 1;
      return Promise.reject(new AdapterError(code, source, 'as scripted'));
    };
    await expect(clock.until(withRetry(clock, RETRY, never, failing('lost')))).rejects.toThrow(
      'as scripted',
    );
    expect([calls, clock.monotonic()]).toEqual([4, 7]);
    await expect(withRetry(clock, RETRY, never, failing('auth'))).rejects.toThrow('as scripted');
    expect(calls).toBe(5);
    const bug = () => Promise.reject(new TypeError('a bug'));
    await expect(withRetry(clock, RETRY, never, bug)).rejects.toThrow(TypeError);
  });

  it('never wait longer than the longest pause', () => {
    fc.assert(
      fc.property(fc.nat(), (failures) => {
        const pause = pauseAfter(failures, RETRY);
        expect(pause).toBeGreaterThanOrEqual(RETRY.firstPause);
        expect(pause).toBeLessThanOrEqual(RETRY.longestPause);
      }),
    );
  });
});

describe('whether a move still fits', () => {
  it('counts a VM of unknown demand with all its vCPUs, whatever the tier', () => {
    const policies = aPolicy();
    const silent = aVm({ id: 'v2', host: 'h2', vcpus: 6, metrics: {} });
    const world = (threads: number) =>
      aSnapshot({
        hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', threads })],
        vms: [aVm({ id: 'v1', cpuUsed: 1 }), silent],
      });
    for (const tier of TIERS) {
      const move = aMove({ tier });
      expect(misfit(move, world(16), policies)).toBeUndefined();
      expect(misfit(move, world(8), policies)?.code).toBe('cpu');
    }
  });
});
