// Role: a VM that is off in the middle of a cold move needs its room as if it ran, where it goes
// and where it may be taken back to. `check` agrees each time.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import type { Reservation, Snapshot } from '../../../src/domain/snapshot.ts';
import { GIB, bytes, cores } from '../../../src/domain/units.ts';
import type { Vm } from '../../../src/domain/vm.ts';
import { plan } from '../../../src/plan/plan.ts';
import { aResource } from '../../support/a-resource.ts';
import { aFinding, aHost, aVm } from '../../support/fleet.ts';
import { flight } from '../../support/plans.ts';
import { aLonely } from '../../support/rule-kinds.ts';
import { movesOf, request } from './support.ts';

const HUGE = bytes(2 ** 21);
const FLIGHT = flight('a', 'h1', 'h2', { method: 'cold' });
const HELD: Reservation = {
  move: FLIGHT.move,
  vm: FLIGHT.vm,
  host: FLIGHT.to,
  memoryBytes: bytes(12 * GIB),
  cpu: cores(1),
};

function a(): Vm {
  return aVm({ id: 'a', host: 'h1', memoryGib: 12, powerState: 'off' });
}

/** b on h3, of which it has to go; of h1 and h2 nobody goes to the one that is closed. */
function emptied(closed: string, options: Partial<Snapshot>, big: 'a' | 'b' = 'b'): string[] {
  const hosts = ['h1', 'h2', 'h3'].map((id) => {
    const state = id === closed ? 'draining' : 'healthy';
    return aHost({ id, memoryGib: 16, state });
  });
  const vms = [a(), aVm({ id: 'b', host: 'h3', memoryGib: big === 'b' ? 12 : 1 })];
  const evacuate = aFinding('evacuate', { host: 'h3' });
  const asked = request({ hosts, vms, inFlight: [FLIGHT], ...options }, [evacuate]);
  expect(check({ ...asked, plan: plan(asked).plan })).toEqual([]);
  return movesOf(asked);
}

describe.each([
  ['where it goes', 'h1'],
  ['where it is', 'h2'],
])('a VM that is off in the middle of a cold move, %s', (_where, closed) => {
  it('needs its memory', () => {
    expect(emptied(closed, { reservations: [HELD] })).toEqual([]);
    expect(emptied(closed, {})).toEqual([]);
  });

  it('leaves the room that it does not need', () => {
    expect(emptied(closed, {}, 'a')).toHaveLength(1);
  });

  it('needs its huge pages', () => {
    const hosts = ['h1', 'h2', 'h3'].map((id) => {
      const host = aHost({ id, memoryGib: 64, state: id === closed ? 'draining' : 'healthy' });
      const hugePages = [{ pageBytes: HUGE, totalBytes: bytes(16 * GIB) }];
      return { ...host, memory: { ...host.memory, hugePages } };
    });
    const paged = { memoryGib: 12, hugePageBytes: HUGE };
    const vms = [{ ...a(), hugePageBytes: HUGE }, aVm({ id: 'b', host: 'h3', ...paged })];
    expect(emptied(closed, { hosts, vms })).toEqual([]);
  });

  it('needs what the policy names', () => {
    const has = { h1: 5, h2: 5, h3: 5 };
    const slots = (needs: Record<string, number>) => [aResource({ has, needs })];
    expect(emptied(closed, { resources: slots({ a: 4, b: 4 }) }, 'a')).toEqual([]);
    expect(emptied(closed, { resources: slots({ b: 4 }) }, 'a')).toEqual([]);
    expect(emptied(closed, { resources: slots({ a: 1, b: 4 }) }, 'a')).toHaveLength(1);
  });

  it('is company for those who are to be alone', () => {
    const placement = [aLonely('alone', ['b'])];
    expect(emptied(closed, { placement }, 'a')).toEqual([]);
  });
});

describe('of a cold move whose VM is off', () => {
  it('a reservation is enough', () => {
    expect(emptied('h1', { inFlight: [], reservations: [HELD] })).toEqual([]);
    expect(emptied('h2', { inFlight: [], reservations: [HELD] })).toEqual([]);
  });

  it('the reservation is all that is known where no inventory shows the VM', () => {
    const vms = [aVm({ id: 'b', host: 'h3', memoryGib: 12 })];
    expect(emptied('h1', { vms, reservations: [HELD] })).toEqual([]);
    expect(emptied('h2', { vms, reservations: [HELD] })).toEqual(['b: h3 > h1']);
  });
});
