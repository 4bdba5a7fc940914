// Role: at the gate's last look a VM that is off in the middle of a cold move counts as it will
// run.
import { describe, expect, it } from 'vitest';

import { hostId, moveId, vmId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes, cores } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { misfit } from '../../../src/execute/fits.ts';
import { aResource } from '../../support/a-resource.ts';
import { type VmOptions, aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';
import { aMove, flight } from '../../support/plans.ts';
import { aLicensed, aLonely, aPreserve } from '../../support/rule-kinds.ts';

const HUGE = bytes(2 ** 21);

/** v1 is to go from h1 to h2; v3, which is off, is in flight from one host to another. */
function objection(
  [from, to]: readonly [string, string],
  v3: Partial<VmOptions> = {},
  more: Partial<Snapshot> = {},
  change: (vm: Vm) => Vm = (vm) => vm,
): string | undefined {
  const snapshot = aSnapshot({
    hosts: ['h1', 'h2', 'h3'].map((id) => aHost({ id })),
    vms: [aVm({ id: 'v1' }), aVm({ id: 'v3', host: from, powerState: 'off', ...v3 })].map(change),
    inFlight: [flight('v3', from, to, { method: 'cold' })],
    ...more,
  });
  return misfit(aMove(), snapshot, aPolicy())?.code;
}

describe.each([
  ['to the target', ['h3', 'h2']],
  ['off the target', ['h2', 'h3']],
] as const)('a VM that is off, in flight %s', (_where, ends) => {
  it('needs its memory, CPU and huge pages', () => {
    expect(objection(ends)).toBeUndefined();
    expect(objection(ends, { memoryGib: 62 })).toBe('memory');
    expect(objection(ends, { vcpus: 16, cpuUsed: 15.8 })).toBe('cpu');
    const hosts = ['h1', 'h2', 'h3'].map((id) => {
      const host = aHost({ id });
      const hugePages = [{ pageBytes: HUGE, totalBytes: bytes(6 * GIB) }];
      return { ...host, memory: { ...host.memory, hugePages } };
    });
    const paged = (vm: Vm): Vm => ({ ...vm, hugePageBytes: HUGE });
    expect(objection(ends, {}, { hosts }, paged)).toBe('huge-pages');
  });

  it('needs what the policy names', () => {
    const has = { h1: 9, h2: 7, h3: 9 };
    const resources = [aResource({ has, needs: { v1: 4, v3: 4 } })];
    expect(objection(ends, {}, { resources })).toBe('resource');
    expect(objection(ends, {}, { resources: [aResource({ has, needs: { v1: 4 } })] })).toBe(
      'resource-unknown',
    );
  });

  it('is company, takes of what is kept free, and uses a licence', () => {
    expect(objection(ends, {}, { placement: [aLonely('r', ['v1'])] })).toBe('lonely');
    const memory = { memory: { amount: 57 * GIB } };
    expect(objection(ends, {}, { placement: [aPreserve('r', ['h2'], memory)] })).toBe('preserve');
    const licensed = { ...aLicensed('r', ['v1', 'v3'], 2), hold: 'always' as const };
    expect(objection(ends, {}, { placement: [licensed] })).toBeUndefined();
  });
});

it('a move of a VM that was shut down since its place was reserved does not start', () => {
  const held = {
    move: moveId('m1'),
    vm: vmId('v1'),
    host: hostId('h2'),
    memoryBytes: bytes(4 * GIB),
    cpu: cores(1),
  };
  const off = (vm: Vm): Vm => ({ ...vm, powerState: 'off' });
  expect(objection(['h2', 'h3'], {}, { reservations: [held] }, off)).toBe('power-state');
});
