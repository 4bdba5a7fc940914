// Role: a VM that is gone can still be asked about: from the daemon's memory, and from the ledger.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findLost, LostVms } from '../../../src/app/lost-vms.ts';
import { vmId } from '../../../src/domain/ids.ts';
import { seconds } from '../../../src/domain/units.ts';
import { EventBus } from '../../../src/observe/event-bus.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite-ledger.ts';
import type { Ledger } from '../../../src/ports/ledger.ts';
import { daemonOnVirtualTime, type VirtualDaemon } from '../../support/daemon-on-virtual-time.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { aRecord, aResult } from '../../support/ledger-records.ts';
import { manualClock } from '../../support/manual-clock.ts';

describe('a VM that somebody has deleted', () => {
  let bench: VirtualDaemon;
  beforeEach(async () => {
    bench = await daemonOnVirtualTime('55-approve');
  });
  afterEach(() => bench.stop());

  it('is looked for on every host, and its history is told', async () => {
    const { api } = bench.daemon;
    const fault = { kind: 'delete', vm: vmId('a1') } as const;
    bench.world.struckBy(fault, undefined).inject(fault);
    await bench.pass(180);
    expect(bench.daemon.state?.snapshot.vms.map(({ id }) => id)).not.toContain('a1');
    const asked = api.locate('a1');
    await bench.pass(15);
    expect(await asked).toMatchObject({ ok: true, value: { vm: 'a1', sightings: [], blind: [] } });
    expect(await api.history({ about: 'a1', limit: 9 })).toEqual({ ok: true, value: [] });
    expect(await api.locate('a9')).toMatchObject({ ok: false, error: { status: 404 } });
    const unknown = await api.history({ about: 'a9', limit: 9 });
    expect(unknown).toMatchObject({ ok: false, error: { status: 404 } });
  });
});

describe('VMs that this process has seen go', () => {
  function seen(...snapshots: readonly (readonly (readonly [id: string, name: string])[])[]) {
    const events = new EventBus();
    const lost = new LostVms(events);
    for (const vms of snapshots) {
      const snapshot = aSnapshot({
        hosts: [aHost()],
        vms: vms.map(([id, name]) => aVm({ id, name })),
      });
      events.emit('snapshot', { snapshot, seconds: seconds(0) });
    }
    return lost;
  }
  const WEB = ['v1', 'web'] as const;

  it('are found by id and name until they are back', () => {
    expect(seen([WEB], []).find('v1')?.name).toBe('web');
    expect(seen([WEB], []).find('web')?.id).toBe('v1');
    expect(seen([WEB], [], [WEB]).find('v1')).toBeUndefined();
    expect(seen([WEB]).find('v1')).toBeUndefined();
  });

  it('are not guessed among several of one name', () => {
    expect(seen([WEB, ['v2', 'web']], []).find('web')).toBeUndefined();
  });

  it('are forgotten, the oldest first, where there are thousands', () => {
    const many = Array.from({ length: 5_000 }, (_none, i) => [`m${i}`, `m${i}`] as const);
    const lost = seen([WEB], many, []);
    expect([lost.find('v1'), lost.find('m0')?.id]).toEqual([undefined, 'm0']);
  });
});

describe('VMs of which only the ledger knows', () => {
  let ledger: Ledger;
  beforeEach(async () => {
    ledger = await openSqliteLedger({ file: ':memory:', clock: manualClock(2_000) });
  });
  afterEach(() => ledger.close());
  const lost = new LostVms(new EventBus());

  it('are found by id and name of their moves, also of one that is under way', async () => {
    await ledger.openMove(aRecord('m1', 'vm1'));
    await ledger.openMove(aRecord('m2', 'vm2'));
    const vm = { id: 'vm1', name: 'name of vm1', source: 'lab' };
    expect(await findLost({ ledger, lost }, 'vm1')).toEqual(vm);
    expect(await findLost({ ledger, lost }, 'name of vm1')).toEqual(vm);
    await ledger.closeMove(aRecord('m1', 'vm1').move.id, aResult());
    expect(await findLost({ ledger, lost }, 'vm1')).toEqual(vm);
    expect(await findLost({ ledger, lost }, 'vm3')).toBeUndefined();
  });
});
