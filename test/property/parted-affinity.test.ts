// Role: a hard affinity group that is parted is gathered, or left as it is, by plans in which the
// independent checker finds nothing, also while one of it is in flight and a host is emptied.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { check } from '../../src/check/check.ts';
import { plan } from '../../src/plan/plan.ts';
import { aFinding, aHost, anAffinity, aVm } from '../support/fleet.ts';
import { request } from '../unit/plan/support.ts';
import { hostId, moveId, ruleId, vmId } from '../../src/domain/ids.ts';
import { epochSeconds } from '../../src/domain/units.ts';

const HOSTS = ['h1', 'h2', 'h3', 'h4', 'h5'];
const host = fc.constantFrom(...HOSTS);

const scenes = fc.record({
  group: fc.array(host, { minLength: 2, maxLength: 6 }),
  others: fc.array(host, { maxLength: 4 }),
  hold: fc.constantFrom('always' as const, 'finally' as const),
  emptied: fc.option(host, { nil: undefined }),
  flying: fc.option(host, { nil: undefined }),
});

describe('a parted affinity group', () => {
  it('is never the reason why a plan is refused by the checker', { timeout: 120_000 }, () => {
    let moved = 0;
    fc.assert(
      fc.property(scenes, ({ group, others, hold, emptied, flying }) => {
        const members = group.map((at, i) => aVm({ id: `v${i}`, host: at }));
        const vms = [...members, ...others.map((at, i) => aVm({ id: `z${i}`, host: at }))];
        const rule = {
          ...anAffinity(
            'r',
            members.map(({ id }) => id),
          ),
          hold,
        };
        const [first] = group;
        const isFlying = flying !== undefined && flying !== first && first !== undefined;
        const flight = {
          move: moveId('m0'),
          vm: vmId('v0'),
          from: hostId(first ?? 'h1'),
          to: hostId(flying ?? 'h1'),
          method: 'pre-copy' as const,
          startedAt: epochSeconds(1),
        };
        const asked = request(
          {
            hosts: HOSTS.map((id) => aHost({ id })),
            vms,
            placement: [rule],
            inFlight: isFlying ? [flight] : [],
          },
          [
            ...(emptied === undefined ? [] : [aFinding('evacuate', { host: emptied })]),
            aFinding('repair', { trigger: { kind: 'placement', rule: ruleId('r') } }),
          ],
        );
        const { snapshot, limits, migration } = asked;
        const made = plan(asked).plan;
        moved += made.moves.length;
        expect(check({ snapshot, plan: made, limits, migration })).toEqual([]);
      }),
      { numRuns: 300 },
    );
    expect(moved).toBeGreaterThan(100);
  });
});
