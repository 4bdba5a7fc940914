// Role: what a host uses beside its guests counts against arrivals; what guests used that have left
// since does not, although it is still in the host's mean.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { MetricWindow } from '../../../src/domain/measured.ts';
import { aHost, aSnapshot, aVm, held, someLimits, someMigration } from '../../support/fleet.ts';
import { aMove, aPlan } from '../../support/plans.ts';

/** h2 has 16 threads, of which 12.8 may be used; the guest that comes needs 4. */
function judged(hostUse: MetricWindow) {
  const snapshot = aSnapshot({
    hosts: [aHost({ id: 'h1' }), aHost({ id: 'h2', metrics: { 'cpu.used': hostUse } })],
    vms: [
      aVm({ id: 'v1', host: 'h1', vcpus: 8, metrics: { 'cpu.used': held(4) } }),
      aVm({ id: 'v2', host: 'h2', vcpus: 8, metrics: { 'cpu.used': held(5) } }),
    ],
  });
  const plan = aPlan([aMove({ vm: 'v1', from: 'h1', to: 'h2' })]);
  const violations = check({
    snapshot,
    plan,
    limits: someLimits(),
    migration: someMigration(),
  });
  return violations.map(({ code }) => code);
}

describe('a host that uses CPU beside its guests', () => {
  it('has so much less to give', () => {
    expect(judged(held(9.5))).toContain('cpu');
    expect(judged(held(8))).not.toContain('cpu');
  });

  it('does not owe what a guest used that has left since', () => {
    expect(judged({ ...held(5), mean: held(11).mean })).not.toContain('cpu');
  });
});
