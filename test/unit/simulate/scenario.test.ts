// Role: scenarios: played in order and on time; the demonstration and the random ones are sane.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { seconds } from '../../../src/domain/units.ts';
import { buildFleet } from '../../../src/simulate/build-fleet.ts';
import { SimulatedDatacenter } from '../../../src/simulate/datacenter.ts';
import { demoScenario } from '../../../src/simulate/demo-scenario.ts';
import { randomFaults } from '../../../src/simulate/random-faults.ts';
import { describeFault, playScenario, type Scenario } from '../../../src/simulate/scenario.ts';
import { virtualClock } from '../../support/virtual-time.ts';

const FLEET = buildFleet({ hosts: 8, vms: 60, seed: 3 });

function stage() {
  const clock = virtualClock();
  const datacenter = new SimulatedDatacenter(FLEET, clock);
  const log: string[] = [];
  const controller = new AbortController();
  return {
    clock,
    datacenter,
    log,
    controller,
    signal: controller.signal,
    async give(order: { kind: string; host: string }) {
      log.push(`${clock.monotonic()} ${order.kind} ${order.host}`);
    },
    tell(text: string) {
      log.push(`${clock.monotonic()} ${text}`);
    },
  };
}

describe('playScenario', () => {
  const host = FLEET.hosts[0]!.id;
  const scenario: Scenario = {
    name: 'short',
    steps: [
      { at: 90, kind: 'order', order: { kind: 'maintenance-exit', host } },
      { at: 30, kind: 'fault', fault: { kind: 'control-cut', host, forSeconds: 30 } },
      { at: 30, kind: 'order', order: { kind: 'maintenance-enter', host } },
    ],
  };

  it('does everything at its time', async () => {
    const play = stage();
    await play.clock.run(() => playScenario(scenario, play));
    expect(play.log).toEqual([
      '30 the hypervisor of host-01 does not answer',
      '30 operator: maintenance-enter host-01',
      '30 maintenance-enter host-01',
      '90 operator: maintenance-exit host-01',
      '90 maintenance-exit host-01',
    ]);
  });

  it('ends when it is told to', async () => {
    const play = stage();
    await play.clock.run(async () => {
      const playing = playScenario(scenario, play);
      await play.clock.sleep(seconds(40));
      expect(play.datacenter.isReachable(host)).toBe(false);
      play.controller.abort();
      await playing;
    });
    expect(play.clock.monotonic()).toBe(40);
    expect(play.log).toHaveLength(3);
  });
});

describe('demoScenario', () => {
  it('has something of everything, every few hours, and plays through', async () => {
    const scenario = demoScenario(FLEET, 1);
    expect(demoScenario(FLEET, 1)).toEqual(scenario);
    const kinds = scenario.steps.map((step) => {
      return step.kind === 'fault' ? step.fault.kind : step.order.kind;
    });
    expect(kinds).toEqual(
      expect.arrayContaining(['surge', 'overheat', 'health', 'host-crash', 'maintenance-enter']),
    );
    const play = stage();
    await play.clock.run(() => playScenario(scenario, play));
    await play.clock.advance(seconds(3 * 3600));
    expect(play.clock.monotonic()).toBeGreaterThan(20 * 3600);
    expect(play.datacenter.truth.doubleRuns()).toEqual([]);
    expect(play.datacenter.truth.down()).toEqual([]);
  });

  it.each([1, 2, 7])('can be told with %i hosts', (hosts) => {
    expect(demoScenario(buildFleet({ hosts, vms: 3, seed: 1 }), 1).steps.length).toBeGreaterThan(0);
  });
});

describe('randomFaults', () => {
  const options = { fleet: FLEET, seed: 1, forSeconds: 86_400, perHour: 20 };

  it('are the same for the same seed, in the order of time, as many as ordered', () => {
    const steps = randomFaults(options);
    expect(randomFaults(options)).toEqual(steps);
    expect(randomFaults({ ...options, seed: 2 })).not.toEqual(steps);
    expect(steps.map(({ at }) => at)).toEqual(steps.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(380);
    expect(steps.length).toBeLessThan(580);
    const kinds = new Set(steps.map((step) => (step.kind === 'fault' ? step.fault.kind : '')));
    expect(kinds.size).toBe(13);
    expect(randomFaults({ ...options, perHour: 0 })).toEqual([]);
    expect(randomFaults({ ...options, fleet: { ...FLEET, vms: [] } })).toEqual([]);
  });

  it('never break the datacenter itself: it recovers, and nothing runs twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const clock = virtualClock();
        const datacenter = new SimulatedDatacenter(FLEET, clock);
        for (const step of randomFaults({ ...options, seed, forSeconds: 7200, perHour: 60 })) {
          if (step.kind !== 'fault') continue;
          expect(describeFault(step.fault)).not.toBe('');
          datacenter.inject(step.fault, step.at);
        }
        for (let minute = 0; minute < 180; minute += 5) {
          await clock.advance(seconds(300));
          datacenter.read();
          datacenter.inventory();
        }
        expect(datacenter.truth.doubleRuns()).toEqual([]);
        expect(datacenter.truth.down()).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });
});
