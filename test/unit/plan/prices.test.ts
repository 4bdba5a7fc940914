// Role: what groups, paths and copied disks cost: where VMs go, which ones, and what is said of it.
import { describe, expect, it } from 'vitest';

import { check } from '../../../src/check/check.ts';
import { hostId, siteId, storageId, vmId } from '../../../src/domain/ids.ts';
import type { MoveCosts } from '../../../src/domain/move-costs.ts';
import { GIB, bytes, ratio, watts } from '../../../src/domain/units.ts';
import { type PlanRequest, plan } from '../../../src/plan/plan.ts';
import { classify } from '../../../src/rules/classify.ts';
import { aFinding, aHost, aPolicy, aSnapshot, aVm, someMigration } from '../../support/fleet.ts';
import { movesOf, request } from './support.ts';

const NONE: MoveCosts = { groups: [], paths: [] };
const ACROSS_SITES = { origin: 'p.yaml:2', factor: 4, across: 'site' };

/** h1 and h2 on site a, h3 on site b; h3 has the most room. */
const HOSTS = [
  aHost({ id: 'h1', site: siteId('a') }),
  aHost({ id: 'h2', site: siteId('a') }),
  aHost({ id: 'h3', site: siteId('b'), threads: 64, memoryGib: 512 }),
];

function priced(asked: PlanRequest, moveCosts: Partial<MoveCosts>): PlanRequest {
  return { ...asked, snapshot: { ...asked.snapshot, moveCosts: { ...NONE, ...moveCosts } } };
}

function group(gib: number, ...vms: readonly string[]): MoveCosts['groups'][number] {
  return { origin: 'p.yaml:3', vms: vms.map(vmId), bytes: bytes(gib * GIB) };
}

function costOf(asked: PlanRequest): number {
  const { plan: made } = plan(asked);
  expect(check({ ...asked, plan: made })).toEqual([]);
  return (made.objective.terms['moveCost']?.after ?? 0) / asked.weights.moveCost;
}

describe('the price of a path', () => {
  const evacuate = aFinding('evacuate', { host: 'h1' });
  const guests = ['a', 'b'].map((id) => aVm({ id }));

  it('keeps an evacuation on its site as far as there is room', () => {
    const asked = request({ hosts: HOSTS, vms: guests }, [evacuate]);
    expect(movesOf(asked)).toContain('a: h1 > h3');
    const dear = priced(asked, { paths: [ACROSS_SITES] });
    expect(movesOf(dear).toSorted()).toEqual(['a: h1 > h2', 'b: h1 > h2']);
    const full = aVm({ id: 'x', host: 'h2', memoryGib: 58 });
    const crowded = request({ hosts: HOSTS, vms: [...guests, full] }, [evacuate]);
    const moves = movesOf(priced(crowded, { paths: [ACROSS_SITES] }));
    expect(moves.map((move) => move.slice(-2)).toSorted()).toEqual(['h2', 'h3']);
  });

  it('is a factor of the move cost, and said with it', () => {
    const asked = request({ hosts: HOSTS.slice(1), vms: [aVm({ id: 'a', host: 'h2' })] }, [
      aFinding('evacuate', { host: 'h2' }),
    ]);
    const dear = priced(asked, { paths: [ACROSS_SITES] });
    expect(costOf(dear)).toBeCloseTo(4 * costOf(asked), 9);
    const [move] = plan(dear).plan.moves;
    expect(move?.reason.price).toMatchObject({ factor: 4, path: 'p.yaml:2', groups: [] });
    expect((move?.reason.price?.bytes ?? 0) / GIB).toBeCloseTo(costOf(dear), 9);
    expect(plan(asked).plan.moves[0]?.reason.price).toBeUndefined();
  });

  it('is that of a host whose place is not known, too', () => {
    const hosts = [aHost({ id: 'h1' }), aHost({ id: 'h2' })];
    const asked = request({ hosts, vms: [aVm({ id: 'a' })] }, [evacuate]);
    const dear = priced(asked, { paths: [ACROSS_SITES] });
    expect(costOf(dear)).toBeCloseTo(4 * costOf(asked), 9);
  });

  it('keeps levelling from what does not pay across sites', () => {
    const hosts = ['h1', 'h2'].map((id) => aHost({ id, site: siteId(id) }));
    const vms = ['a', 'b', 'c', 'd'].map((id) => aVm({ id }));
    const asked = request({ hosts, vms }, [aFinding('level')]);
    expect(movesOf(asked)).not.toEqual([]);
    expect(movesOf(priced(asked, { paths: [{ ...ACROSS_SITES, factor: 1000 }] }))).toEqual([]);
  });

  it('keeps a host on that is not worth emptying at it', () => {
    const power = { idle: watts(100), peak: watts(200) };
    const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id, site: siteId(id), power }));
    const vms = hosts.map(({ id }) => aVm({ id: `on-${id}`, host: id }));
    const findings = hosts.map(({ id }) => aFinding('consolidate', { host: id, id: `u-${id}` }));
    const asked = request({ hosts, vms }, findings);
    expect(movesOf(asked)).toHaveLength(1);
    expect(movesOf(priced(asked, { paths: [{ ...ACROSS_SITES, factor: 1000 }] }))).toEqual([]);
    const once = ['on-h1', 'on-h2', 'on-h3'];
    expect(movesOf(priced(asked, { groups: [group(10_000, ...once)] }))).toEqual([]);
  });
});

describe('the price of a group', () => {
  const hot = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => aVm({ id, cpuUsed: 2.5, vcpus: 4 }));
  const relieve = { ...aFinding('relieve', { host: 'h1' }), relieveBelow: ratio(0.8) };
  const asked = request({ hosts: HOSTS, vms: hot }, [relieve]);

  it('is paid once', () => {
    const evacuate = request({ hosts: HOSTS, vms: hot }, [aFinding('evacuate', { host: 'h1' })]);
    const once = priced(evacuate, { groups: [group(100, 'a', 'c', 'e')] });
    expect(costOf(once) - costOf(evacuate)).toBeCloseTo(100, 9);
    const payers = plan(once).plan.moves.filter(({ reason }) => reason.price !== undefined);
    expect(payers).toHaveLength(1);
    expect(payers[0]?.reason.price?.groups).toEqual([{ origin: 'p.yaml:3', bytes: 100 * GIB }]);
  });

  it('is avoided where others do as well', () => {
    const movers = movesOf(asked).map((move) => move.slice(0, 1));
    expect(movers).toHaveLength(1);
    const dear = priced(asked, { groups: [group(1, ...movers)] });
    expect(movesOf(dear).map((move) => move.slice(0, 1))).not.toEqual(movers);
    expect(costOf(dear)).toBeCloseTo(costOf(asked), 9);
  });
});

describe('the price of disks that are copied', () => {
  it('is in the cost of a storage migration, and in the choice of who leaves', () => {
    const disks = [{ storage: storageId('san'), bytes: bytes(50 * GIB), shared: false }];
    const guests = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) =>
      aVm({ id, cpuUsed: 2.5, vcpus: 4, ...(id < 'f' && { disks }) }),
    );
    const migration = someMigration({ methods: ['pre-copy', 'storage'] });
    const relieve = { ...aFinding('relieve', { host: 'h1' }), relieveBelow: ratio(0.8) };
    const asked = request({ hosts: HOSTS, vms: guests }, [relieve], { migration });
    expect(movesOf(asked).map((move) => move.slice(0, 1))).toEqual(['f']);
    const evacuate = { ...asked, findings: [aFinding('evacuate', { host: 'h1' })] };
    expect(costOf(evacuate)).toBeCloseTo((6 * (4 + 2) + 5 * 50) * 1.005, 9);
  });
});

describe('a policy’s prices in a fleet', () => {
  it('name hosts and VMs, the nearest path first', () => {
    const any = { names: [], labels: {}, clusters: [], sites: [] };
    const site = (name: string) => ({ ...any, sites: [name] });
    const policy = aPolicy({
      groupCosts: [{ origin: 'g', vms: { ...any, names: ['a*'] }, once: bytes(1) }],
      pathCosts: [
        { origin: 'sites', factor: 9, path: { across: 'site' } },
        { origin: 'wide', factor: 4, path: { from: site('a'), to: site('b') } },
        { origin: 'near', factor: 2, path: { from: { ...any, names: ['h1'] }, to: site('b') } },
      ],
    });
    const snapshot = aSnapshot({ hosts: HOSTS, vms: [aVm({ id: 'a1' }), aVm({ id: 'b1' })] });
    const { moveCosts } = classify(snapshot, policy);
    expect(moveCosts?.groups).toEqual([{ origin: 'g', vms: [vmId('a1')], bytes: 1 }]);
    expect(moveCosts?.paths.map(({ origin }) => origin)).toEqual(['near', 'wide', 'sites']);
    expect(moveCosts?.paths[1]).toMatchObject({ from: ['h1', 'h2'].map(hostId) });
    expect(classify(snapshot, aPolicy()).moveCosts).toBeUndefined();
  });
});
