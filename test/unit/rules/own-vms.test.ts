// Role: which VMs Drover stands on, who of its controllers acts, and what is said of entries that
// protect nothing.
import { describe, expect, it } from 'vitest';

import { clusterId, sourceId, vmId } from '../../../src/domain/ids.ts';
import type { ActingControllers, OwnVm } from '../../../src/domain/own-vm.ts';
import type { OwnRule } from '../../../src/domain/policy.ts';
import { epochSeconds, seconds } from '../../../src/domain/units.ts';
import { actingOn } from '../../../src/execute/lease-standby.ts';
import { classify } from '../../../src/rules/classify.ts';
import { ownNotes, withActing } from '../../../src/rules/own-vms.ts';
import { aHost, aPolicy, aSnapshot, aVm } from '../../support/fleet.ts';

function rule(name: string, options: Partial<OwnRule> = {}): OwnRule {
  const vms = { names: [name], labels: {}, clusters: [], sites: [] };
  return { vms, role: 'ledger', origin: 'p.yaml:3', ...options };
}

const FLEET = aSnapshot({
  hosts: [aHost({ id: 'h1' })],
  vms: [aVm({ id: 'ada-vm' }), aVm({ id: 'bob-vm' }), aVm({ id: 'db' }), aVm({ id: 'web' })],
});

const ADA = rule('ada-vm', { role: 'controller', controller: 'ada' });

function ownOf(rules: readonly OwnRule[], acting?: ActingControllers): Record<string, OwnVm> {
  const classified = classify(FLEET, aPolicy({ own: rules }));
  const { vms } = acting === undefined ? classified : withActing(classified, acting);
  return Object.fromEntries(vms.flatMap(({ id, own }) => (own === undefined ? [] : [[id, own]])));
}

/** Controllers by name, with the clusters that they hold. */
function board(held: Readonly<Record<string, readonly string[]>>, wants = ['c1', 'c2']) {
  const leases = Object.entries(held).flatMap(([name, clusters]) =>
    clusters.map((cluster) => ({
      cluster: clusterId(cluster),
      token: 1,
      holder: name === '' ? '' : `${name}-id`,
      holderName: name,
      renewals: 1,
      seconds: seconds(30),
      expiresAt: epochSeconds(0),
    })),
  );
  const controllers = Object.keys(held)
    .filter((name) => name !== '')
    .map((name) => {
      return { id: `${name}-id`, name, wants: wants.map(clusterId), asks: [], beats: 1 };
    });
  return { leases, controllers };
}

function acting(held: Readonly<Record<string, readonly string[]>>, dead: string[] = []) {
  const seen = board(held);
  return actingOn(
    seen,
    seen.controllers.filter(({ name }) => !dead.includes(name)),
  );
}

describe('classify', () => {
  it('knows the VMs that the policy names, with all their roles', () => {
    const rules = [rule('db'), rule('d*', { role: 'metrics' }), ADA];
    expect(ownOf(rules)).toEqual({
      'ada-vm': { roles: ['controller'], controller: 'ada' },
      db: { roles: ['ledger', 'metrics'] },
    });
  });

  it('takes two names for one VM as none: it may be either', () => {
    const other = rule('ada-vm', { role: 'controller', controller: 'bob' });
    expect(ownOf([ADA, other])).toEqual({ 'ada-vm': { roles: ['controller'] } });
  });
});

describe('withActing', () => {
  const two = [ADA, rule('bob-vm', { role: 'controller', controller: 'bob' }), rule('db')];
  const of = (found: Record<string, OwnVm>): unknown[] =>
    ['ada-vm', 'bob-vm', 'db'].map((id) => found[id]?.acting);

  it('marks who holds leases, and whether another could take them', () => {
    expect(of(ownOf(two, acting({ ada: ['c1'], bob: [] })))).toEqual([
      'with-standby',
      undefined,
      undefined,
    ]);
    expect(of(ownOf(two, acting({ ada: ['c1'], bob: ['c2'] })))).toEqual([
      'with-standby',
      'with-standby',
      undefined,
    ]);
  });

  it('counts neither the dead as a standby nor what was given back as held', () => {
    expect(of(ownOf(two, acting({ ada: ['c1'], bob: [] }, ['bob'])))[0]).toBe('alone');
    expect(of(ownOf(two, acting({ '': ['c1'], ada: [], bob: [] })))[0]).toBeUndefined();
  });

  it('counts nobody as a standby who does not want all of the clusters', () => {
    const seen = board({ ada: ['c1', 'c3'], bob: [] });
    expect(of(ownOf(two, actingOn(seen, seen.controllers)))[0]).toBe('alone');
  });

  it('takes a name that is unknown, or none, for any of those that act', () => {
    const odd = [rule('ada-vm', { role: 'controller', controller: 'adda' })];
    expect(ownOf(odd, acting({ ada: ['c1'], bob: [] }))['ada-vm']?.acting).toBe('alone');
    const none = [rule('ada-vm', { role: 'controller' })];
    expect(ownOf(none, acting({ ada: ['c1'], bob: [] }))['ada-vm']?.acting).toBe('alone');
  });
});

describe('ownNotes', () => {
  it('names entries that mean nobody, and controllers that nobody knows', () => {
    expect(ownNotes([rule('db'), rule('dbb'), ADA], FLEET, new Set(['bob']))).toEqual([
      'own (ledger, p.yaml:3): no VM of the fleet is meant by it',
      'own (p.yaml:3): no controller ada is known: its VM stays where it is',
    ]);
  });

  it('says nothing of VMs while a source does not answer', () => {
    const source = { source: sourceId('lab'), lastAnswerAt: undefined, detail: '' };
    const sources = [{ ...source, state: 'down', consecutiveFailures: 2 } as const];
    expect(ownNotes([rule('dbb')], { ...FLEET, sources }, undefined)).toEqual([]);
    expect(FLEET.vms.map(({ id }) => id)).toContain(vmId('db'));
  });
});
