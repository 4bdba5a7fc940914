// Role: what a controller keeps of itself, the clock by which it trusts its leases, and what people
// are shown of them.
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ControllerFile } from '../../../src/app/controller-file.ts';
import { confirmLease, leaseReasons, leaseViews } from '../../../src/app/lease-desk.ts';
import { Reach } from '../../../src/app/reach.ts';
import { standstillClock } from '../../../src/app/standstill-clock.ts';
import { takesIn } from '../../../src/domain/compatibility.ts';
import { HOST_STATES } from '../../../src/domain/host.ts';
import { clusterId, hostId } from '../../../src/domain/ids.ts';
import { leaseScope } from '../../../src/domain/lease.ts';
import type { LeaseState } from '../../../src/execute/lease-keeper-parts.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { anOrder } from '../../support/ledger-records.ts';

const C1 = clusterId('c1');

describe('ControllerFile', () => {
  function place(): string {
    const folder = mkdtempSync(join(tmpdir(), 'drover-controller-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return join(folder, 'controller.json');
  }

  it('keeps who it is and the highest token, over a restart', () => {
    const file = place();
    const first = ControllerFile.open(file, () => 'id-1');
    first.remember(C1, 7);
    first.remember(C1, 3);
    const again = ControllerFile.open(file, () => 'id-2');
    expect([again.id, again.highest(C1), again.highest(clusterId('c2'))]).toEqual(['id-1', 7, 0]);
  });

  it('writes a token down at the next call where the first could not', () => {
    const file = place();
    const first = ControllerFile.open(file, () => 'id-1');
    mkdirSync(`${file}.new`);
    expect(() => first.remember(C1, 7)).toThrow(/EISDIR/);
    expect(first.highest(C1)).toBe(0);
    rmdirSync(`${file}.new`);
    first.remember(C1, 7);
    expect(ControllerFile.open(file, () => 'id-2').highest(C1)).toBe(7);
  });

  it('keeps which ledger the tokens are of, and forgets those of another', () => {
    const file = place();
    writeFileSync(file, '{"id":"id-1","tokens":{"c1":7}}');
    const first = ControllerFile.open(file, () => 'new');
    expect(first.ledger).toBeUndefined();
    first.adopt('a');
    first.remember(C1, 9);
    const again = ControllerFile.open(file, () => 'new');
    expect([again.ledger, again.highest(C1)]).toEqual(['a', 9]);
    again.adopt('b');
    again.adopt('b');
    const last = ControllerFile.open(file, () => 'new');
    expect([last.id, last.ledger, last.highest(C1)]).toEqual(['id-1', 'b', 0]);
  });

  it('refuses a damaged file: who forgets would not see a step back', () => {
    const file = place();
    writeFileSync(file, '{"id":"x"');
    expect(() => ControllerFile.open(file, () => 'new')).toThrow(/controller\.json is damaged/);
    expect(readFileSync(file, 'utf8')).toBe('{"id":"x"');
  });
});

describe('standstillClock', () => {
  it('goes with whichever clock goes furthest, and never back', () => {
    const at = { boot: 100, wall: 5000 };
    const elapsed = standstillClock(
      () => at.boot,
      () => at.wall,
    );
    expect(elapsed()).toBe(0);
    at.boot += 3;
    at.wall += 2;
    expect(elapsed()).toBe(3);
    at.wall -= 1000;
    expect(elapsed()).toBe(3);
    at.boot += 1;
    at.wall += 60;
    expect(elapsed()).toBe(63);
  });
});

describe('leases as people see them', () => {
  const states: readonly LeaseState[] = [
    { cluster: C1, holder: 'ada', token: 4, mine: true, steppedBack: false },
    { cluster: clusterId('c2'), holder: '', token: 1, mine: false, steppedBack: true },
  ];
  const confirmed: string[] = [];
  const keeper = {
    isShared: true,
    memoryFault: undefined,
    states: () => states,
    confirm: async (cluster: string, by: string) => {
      confirmed.push(`${cluster} ${by}`);
      return cluster === 'c2';
    },
  };

  it('says who holds what, and nothing where one controller is alone', () => {
    expect(leaseViews(keeper)).toMatchObject([{ holder: 'ada', mine: true }, { holder: null }]);
    expect(leaseViews({ ...keeper, isShared: false })).toEqual([]);
    expect(leaseReasons(keeper)).toEqual([expect.stringContaining('drover lease confirm c2')]);
    expect(leaseReasons({ ...keeper, memoryFault: 'disk full' })[1]).toMatch(/disk full/);
  });

  it('takes a confirmation only where one is waited for', async () => {
    expect(await confirmLease(keeper, 'c2', 'eve')).toMatchObject({ ok: true });
    expect(await confirmLease(keeper, 'c1', 'eve')).toMatchObject({ ok: false });
    expect(await confirmLease(keeper, 'nowhere', 'eve')).toMatchObject({ ok: false });
    expect(confirmed).toEqual(['c2 eve', 'c1 eve']);
  });
});

describe('Reach', () => {
  const [mine, theirs] = [
    aHost({ id: 'h1', cluster: clusterId('c1') }),
    aHost({ id: 'h2', cluster: clusterId('c2') }),
  ];
  const vms = [aVm({ id: 'v1', host: 'h1' }), aVm({ id: 'v2', host: 'h2' })];
  const fleet = aSnapshot({ hosts: [mine, theirs], vms });
  const reach = new Reach(fleet, (host) => leaseScope(host) === 'c1');

  it('changes nothing where every host is its own', () => {
    const all = new Reach(fleet, () => true);
    expect(all.planned(fleet)).toBe(fleet);
    expect([all.isAll, all.about]).toEqual([true, undefined]);
  });

  it('plans nothing elsewhere, and looks at it all the same', () => {
    const planned = reach.planned(fleet);
    expect(planned.hosts.map(({ state }) => state)).toEqual(['healthy', 'quarantined']);
    expect(planned.vms.map(({ permission }) => permission)).toEqual(['live', 'observe']);
    expect(reach.ownHosts(fleet).hosts.map(({ id }) => id)).toEqual(['h1']);
  });

  it.each(HOST_STATES)('lets nothing into a host elsewhere that is %s', (state) => {
    const [own, other] = fleet.hosts;
    if (own === undefined || other === undefined) throw new Error('the fleet has two hosts');
    const planned = reach.planned({ ...fleet, hosts: [own, { ...other, state }] });
    expect(planned.hosts.map((one) => takesIn(one.state))).toEqual([true, false]);
  });

  it('tells its own orders from those of others', () => {
    const orders = [anOrder('o1'), anOrder('o2', { host: hostId('h2') })];
    expect(reach.ownOrders(orders).map(({ id }) => id)).toEqual(['o1']);
    expect(reach.foreignOrders(orders).map(({ id }) => id)).toEqual(['o2']);
  });

  it('takes a host without a cluster as part of its source', () => {
    expect(leaseScope(aHost({ id: 'h3', cluster: undefined }))).toBe(theirs.source);
  });
});
