// Role: what the planner says can never be done for certain is not to be had by any order of moves:
// of tiny fleets all placements are looked at that single moves come to, each within the limits.
import fc from 'fast-check';
import { expect, it } from 'vitest';

import type { PlanReport } from '../../src/domain/plan.ts';
import { plan } from '../../src/plan/plan.ts';
import { aFinding, aHost, aVm, anAntiAffinity } from '../support/fleet.ts';
import { request } from '../unit/plan/support.ts';

/** Tenths of a thread that a host may carry: 80 % of 16. */
const LIMIT = 128;

interface Tiny {
  readonly hosts: number;
  /** In tenths of a thread; the first two of the first host are to be kept apart. */
  readonly vms: readonly { readonly host: number; readonly cpu: number }[];
}

/** Hosts a little below the limit, the first perhaps above it. */
const TINY = fc
  .record({
    fills: fc.array(fc.integer({ min: 90, max: LIMIT }), { minLength: 2, maxLength: 3 }),
    hot: fc.constantFrom(0, 0, 10, 25),
    cuts: fc.array(fc.integer({ min: 5, max: 95 }), { minLength: 6, maxLength: 6 }),
  })
  .map(({ fills, hot, cuts }): Tiny => {
    const vms = fills.flatMap((fill, host) => {
      const all = host === 0 && hot > 0 ? LIMIT + hot : fill;
      const first = Math.max(1, Math.floor((all * (cuts[2 * host] ?? 50)) / 100));
      const second = Math.floor(((all - first) * (cuts[2 * host + 1] ?? 50)) / 100);
      const sizes = [first, second, all - first - second].filter((cpu) => cpu > 0);
      return sizes.map((cpu) => ({ host, cpu }));
    });
    return { hosts: fills.length, vms };
  });

type Placement = readonly number[];

function* reachable({ hosts, vms }: Tiny): Iterable<Placement> {
  const first = vms.map(({ host }) => host);
  const seen = new Map([[first.join(), first]]);
  for (const [, placement] of seen) {
    yield placement;
    for (const [v, { cpu }] of vms.entries()) {
      for (let to = 0; to < hosts; to += 1) {
        if (placement[v] === to || loadOf({ hosts, vms }, placement, to) + cpu > LIMIT) continue;
        const next = placement.with(v, to);
        if (!seen.has(next.join())) seen.set(next.join(), next);
      }
    }
  }
}

function loadOf({ vms }: Tiny, placement: Placement, host: number): number {
  return vms.reduce((sum, { cpu }, v) => sum + (placement[v] === host ? cpu : 0), 0);
}

/** Whether a need of the report is met there. */
function isMet(tiny: Tiny, placement: Placement, kind: 'vm' | 'host'): boolean {
  return kind === 'vm' ? placement[0] !== placement[1] : loadOf(tiny, placement, 0) <= LIMIT;
}

it('no order of moves does what is proven to be impossible', () => {
  const proven = { vm: 0, host: 0 };
  fc.assert(
    fc.property(TINY, (tiny) => {
      const unresolved = unresolvedOf(tiny);
      // A rule that the plan has mended comes before relief, which may not break it again.
      const isMended = unresolved.every(({ subject }) => subject.kind !== 'vm');
      for (const { subject, proof } of unresolved) {
        if (proof?.certain !== true || (subject.kind !== 'vm' && subject.kind !== 'host')) continue;
        proven[subject.kind] += 1;
        const places = [...reachable(tiny)].filter((one) => !isMended || isMet(tiny, one, 'vm'));
        const met = places.find((one) => isMet(tiny, one, subject.kind));
        expect(met).toBeUndefined();
      }
    }),
    { numRuns: 400 },
  );
  expect(Math.min(proven.vm, proven.host)).toBeGreaterThan(0);
});

function unresolvedOf({ hosts, vms }: Tiny): PlanReport['unresolved'] {
  const snapshot = {
    hosts: Array.from({ length: hosts }, (_, h) => aHost({ id: `h${h}` })),
    vms: vms.map(({ host, cpu }, v) =>
      aVm({ id: `v${v}`, host: `h${host}`, cpuUsed: cpu / 10, memoryGib: 1 }),
    ),
    placement: [anAntiAffinity('apart', ['v0', 'v1'])],
  };
  const trigger = { kind: 'placement', rule: 'apart' } as const;
  const findings = [aFinding('repair', { trigger }), aFinding('relieve', { host: 'h0' })];
  return plan(request(snapshot, findings)).report.unresolved;
}
