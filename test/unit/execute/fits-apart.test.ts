// Role: VMs that are to be apart, at the gate's last look: within its fault domain a VM meets
// nobody new, as the plan and the check have it.
import { expect, it } from 'vitest';

import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { misfit } from '../../../src/execute/fits.ts';
import { plan } from '../../../src/plan/plan.ts';
import {
  aFailure,
  aFinding,
  aHost,
  aPolicy,
  aSnapshot,
  aVm,
  anAntiAffinity,
} from '../../support/fleet.ts';
import { aMove } from '../../support/plans.ts';
import { request } from '../plan/support.ts';

const RACKS = { h1: 'r1', h2: 'r1', h3: 'r1', h4: 'r2' };
const VMS = [aVm({ id: 'v1' }), aVm({ id: 'v2', host: 'h2' })];
const APART = anAntiAffinity('apart', ['v1', 'v2'], 'rack');

/** h1 to h3 are in one rack, v1 and v2 run there; h4 is in another. */
function fleet(changes: Partial<Snapshot> = {}): Snapshot {
  const hosts = Object.entries(RACKS).map(([id, rack]) => aHost({ id, faultDomains: { rack } }));
  return aSnapshot({ hosts, vms: VMS, placement: [APART], ...changes });
}

it('lets a VM go on within its rack, whoever else is there', () => {
  expect(misfit(aMove({ to: 'h3' }), fleet(), aPolicy())).toBeUndefined();
});

it('lets nobody in from elsewhere', () => {
  const vms = [aVm({ id: 'v1', host: 'h4' }), aVm({ id: 'v2', host: 'h2' })];
  const move = aMove({ from: 'h4', to: 'h3' });
  expect(misfit(move, fleet({ vms }), aPolicy())?.detail).toBe('apart: v2 is there');
});

it('lets none of a rack come to the host of another, where hosts are meant', () => {
  const placement = [anAntiAffinity('apart', ['v1', 'v2'])];
  const found = misfit(aMove({ to: 'h2' }), fleet({ placement }), aPolicy());
  expect(found?.code).toBe('anti-affinity');
});

it.each(['evacuate', 'restart'] as const)(
  'has nothing against what the plan made of: %s',
  (response) => {
    const racks = { h1: 'r1', h2: 'r1', h3: 'r1' };
    const hosts = Object.entries(racks).map(([id, rack]) => {
      const dead = response === 'restart' && id === 'h1';
      const lost = { connection: 'disconnected', failure: aFailure() } as const;
      return aHost({ id, faultDomains: { rack }, ...(dead && lost) });
    });
    const vms = [aVm({ id: 'v1', permission: 'restart' }), aVm({ id: 'v2', host: 'h2' })];
    const snapshot = fleet({ hosts, vms });
    const { moves } = plan(request(snapshot, [aFinding(response, { host: 'h1' })])).plan;
    expect(moves.map(({ vm, to }) => `${vm} > ${to}`)).toEqual(['v1 > h3']);
    expect(moves.map((move) => misfit(move, snapshot, aPolicy()))).toEqual([undefined]);
  },
);
