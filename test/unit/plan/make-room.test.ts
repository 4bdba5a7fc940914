// Role: who is moved off a host so that another VM fits there: the cheapest, but nobody whom a hard
// rule wants beside it.
import { describe, expect, it } from 'vitest';

import type { PlacementRule } from '../../../src/domain/placement.ts';
import { aFinding, aHost, aPin, aVm, anAffinity, anAvoid } from '../../support/fleet.ts';
import { aDependency } from '../../support/rule-kinds.ts';
import { movesOf, request } from './support.ts';

/** The guest leaves h1 and fits on h2 only, once a GiB has left; the small one is the cheapest. */
function evacuated(...placement: PlacementRule[]): string[] {
  const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id, memoryGib: 8 }));
  const vms = [
    aVm({ id: 'guest', host: 'h1', memoryGib: 1 }),
    aVm({ id: 'small', host: 'h2', memoryGib: 1 }),
    aVm({ id: 'large', host: 'h2', memoryGib: 7 }),
  ];
  const away = anAvoid('away', ['guest'], ['h3']);
  const findings = [aFinding('evacuate', { host: 'h1' })];
  return movesOf(request({ hosts, vms, placement: [away, ...placement] }, findings));
}

describe('making room', () => {
  it('moves the cheapest off', () => {
    expect(evacuated()).toEqual(['small: h2 > h3', 'guest: h1 > h2']);
  });

  it('leaves alone who needs the VM that comes', () => {
    const placement = aDependency('needs', ['small'], ['guest'], 'host');
    expect(evacuated(placement)).toEqual(['large: h2 > h3', 'guest: h1 > h2']);
  });

  it('leaves alone whom the VM that comes needs', () => {
    const placement = aDependency('needed', ['guest'], ['small'], 'host');
    expect(evacuated(placement)).toEqual(['large: h2 > h3', 'guest: h1 > h2']);
  });

  it('leaves alone who is to be on one host with the VM that comes', () => {
    const placement = anAffinity('together', ['guest', 'small']);
    const moves = evacuated({ ...placement, hold: 'finally' });
    expect(moves).toEqual(['large: h2 > h3', 'guest: h1 > h2']);
  });

  it('parts them for one that cannot wait, where nobody else can go', () => {
    const placement = aDependency('needs', ['small'], ['guest'], 'host');
    const stays = aPin('stays', ['large'], ['h2']);
    expect(evacuated(placement, stays)).toEqual(['small: h2 > h3', 'guest: h1 > h2']);
  });

  it('leaves in place whom others that had to go make unnecessary', () => {
    const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id, memoryGib: 8 }));
    const vms = [
      aVm({ id: 'first', host: 'h1', memoryGib: 1, criticality: 'mission-critical' }),
      aVm({ id: 'second', host: 'h1', memoryGib: 5 }),
      // For the first the small one is moved off; the second needs the large one's room.
      aVm({ id: 'small', host: 'h2', memoryGib: 1 }),
      aVm({ id: 'large', host: 'h2', memoryGib: 7 }),
    ];
    const away = anAvoid('away', ['first', 'second'], ['h3']);
    const findings = [aFinding('evacuate', { host: 'h1' })];
    const moves = movesOf(request({ hosts, vms, placement: [away] }, findings));
    expect(moves).toEqual(['large: h2 > h3', 'first: h1 > h2', 'second: h1 > h2']);
  });
});
