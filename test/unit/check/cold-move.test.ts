// Role: the checker counts a VM that is off in the middle of a cold move as it will run.
import { describe, expect, it } from 'vitest';

import { moveId, vmId } from '../../../src/domain/ids.ts';
import type { InFlightMove, Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes } from '../../../src/domain/units.ts';
import { type VmOptions, aHost, aVm } from '../../support/fleet.ts';
import { aDependency, aLonely } from '../../support/rule-kinds.ts';
import { codes, fleet, reservation } from './planted.ts';
import { flight } from '../../support/plans.ts';
import { slots } from './planted-resources.ts';

const HUGE = bytes(2 ** 21);
const COMES = flight('v3', 'h3', 'h2', { method: 'cold' });
const GOES = flight('v3', 'h2', 'h3', { method: 'cold' });

/** v1 is to go from h1 to h2, to which v3 comes, or from which it goes; v3 is off. */
function withV3(
  inFlight: InFlightMove,
  options: Partial<VmOptions> = {},
  more: Partial<Snapshot> = {},
): Snapshot {
  const v3 = aVm({ id: 'v3', host: inFlight.from, powerState: 'off', ...options });
  return fleet({ vms: [aVm({ id: 'v1' }), v3], inFlight: [inFlight], ...more });
}

describe.each([
  ['comes to the target', COMES],
  ['may be taken back to the target', GOES],
])('a VM that is off in the middle of a cold move and %s', (_what, inFlight) => {
  it('needs memory and CPU there', () => {
    expect(codes(withV3(inFlight, { memoryGib: 62 }))).toEqual(['memory']);
    expect(codes(withV3(inFlight, { vcpus: 16, cpuUsed: 15.8 }))).toEqual(['cpu']);
    expect(codes(withV3(inFlight))).toEqual([]);
  });

  it('needs huge pages there', () => {
    const hosts = ['h1', 'h2', 'h3'].map((id) => {
      const host = aHost({ id });
      const hugePages = [{ pageBytes: HUGE, totalBytes: bytes(6 * GIB) }];
      return { ...host, memory: { ...host.memory, hugePages } };
    });
    const snapshot = withV3(inFlight, {}, { hosts });
    const vms = snapshot.vms.map((vm) => ({ ...vm, hugePageBytes: HUGE }));
    expect(codes({ ...snapshot, vms })).toEqual(['huge-pages']);
  });

  it('needs there what the policy names, however much nobody knows', () => {
    expect(codes(withV3(inFlight, {}, { resources: [slots(7)] }))).toEqual(['resource']);
    expect(codes(withV3(inFlight, {}, { resources: [slots(8)] }))).toEqual([]);
    const resources = [slots(8, { needs: { v1: 4 } })];
    expect(codes(withV3(inFlight, {}, { resources }))).toEqual(['resource-unknown']);
  });

  it('is company', () => {
    expect(codes(withV3(inFlight, {}, { placement: [aLonely('r', ['v1'])] }))).toEqual(['lonely']);
    expect(codes(withV3(inFlight, {}, { placement: [aLonely('r', ['v3'])] }))).toEqual(['lonely']);
  });
});

describe('check, of cold moves', () => {
  it('keeps beside it who needs one that is off for the moment only', () => {
    const placement = [aDependency('r', ['v1'], ['v3'], 'rack')];
    const hosts = ['h1', 'h2', 'h3'].map((id) => {
      return aHost({ id, faultDomains: { rack: id === 'h2' ? 'b' : 'a' } });
    });
    const within = flight('v3', 'h1', 'h3', { method: 'cold' });
    const snapshot = withV3({ ...COMES, ...within }, {}, { placement, hosts });
    expect(codes(snapshot)).toEqual(['dependency']);
    expect(codes({ ...snapshot, inFlight: [] })).toEqual([]);
  });

  it('counts who has a place reserved, and nobody who is off besides', () => {
    const lonely = { placement: [aLonely('r', ['v1'])], inFlight: [] };
    const held = { ...reservation(4, 1), vm: vmId('v3') };
    expect(codes(withV3(GOES, {}, lonely))).toEqual([]);
    expect(codes(withV3(GOES, {}, { ...lonely, reservations: [held] }))).toEqual(['lonely']);
  });

  it('starts no move of a VM that was shut down since its place was reserved', () => {
    const held = { ...reservation(4, 1), move: moveId('m1'), vm: vmId('v1') };
    const vms = [aVm({ id: 'v1', powerState: 'off' })];
    expect(codes(fleet({ vms, reservations: [held] }))).toEqual(['incompatible']);
  });
});
