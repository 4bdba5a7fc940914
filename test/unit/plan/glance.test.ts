// Role: the fast look at hosts as targets leaves out none that the bounds do not rule out.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { Glance } from '../../../src/plan/glance.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

const VM = fc.record({
  cpu: fc.integer({ min: 1, max: 40 }),
  memory: fc.constantFrom(1, 2, 4, 8),
});

it('names the hosts with room first, then all others where making it may be worth it', () => {
  const fleets = fc.array(fc.array(VM, { maxLength: 4 }), { minLength: 1, maxLength: 6 });
  const cpus = fc.integer({ min: 0, max: 160 });
  // In shares of what the cheapest VM costs.
  const slacks = fc.constantFrom(0, 0.5, 1, 1.5, 2, 4, 16, Infinity);
  fc.assert(
    fc.property(fleets, cpus, slacks, fc.nat(63), (fleet, tenths, slack, busy) => {
      const hosts = fleet.map((_vms, h) => aHost({ id: `h${h}` }));
      const vms = fleet.flatMap((some, h) =>
        some.map(({ cpu, memory }, at) =>
          aVm({ id: `v${h}-${at}`, host: `h${h}`, cpuUsed: cpu / 10, memoryGib: memory }),
        ),
      );
      const { state, model } = makeSetting(request({ hosts, vms }, []));
      const residents = (h: number): number[] =>
        [...model.home.keys()].filter((v) => model.home[v] === h);
      const glance = new Glance(state, model.limit, residents);
      for (const h of hosts.keys()) glance.see(h, ((busy >> h) & 1) === 1);
      const [cpu, most] = [tenths / 10, slack * Math.min(...model.cost)];
      const all = [...hosts.keys()];
      const hasRoom = (h: number): boolean => (glance.free[h] ?? 0) >= cpu;
      const others = all.filter((h) => !hasRoom(h) && !glance.rulesOut(h, cpu, most));
      expect(glance.candidates(cpu, most)).toEqual([...all.filter(hasRoom), ...others]);
    }),
    { numRuns: 500 },
  );
});
