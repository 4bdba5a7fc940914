// Role: hosts are classed anew where they have changed, however much is remembered of them.
import { describe, expect, it } from 'vitest';

import { storageId } from '../../../src/domain/ids.ts';
import type { Snapshot } from '../../../src/domain/snapshot.ts';
import { bytes } from '../../../src/domain/units.ts';
import { hostClassesOf } from '../../../src/plan/compat.ts';
import { buildModel } from '../../../src/plan/model.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

function classes(snapshot: Snapshot): number[] {
  return [...hostClassesOf(buildModel({ ...request({}, []), snapshot }))];
}

describe('classes of hosts', () => {
  const hosts = ['h1', 'h2', 'h3'].map((id) => aHost({ id, storages: [storageId(`of-${id}`)] }));
  const before = aSnapshot({ hosts, vms: [aVm({ id: 'a' })] });

  it('are another for a host that an order has changed since', () => {
    expect(classes(before)).toEqual([0, 0, 0]);
    const after = before.hosts.map((host): typeof host =>
      host.id === 'h2' ? { ...host, state: 'draining' } : host,
    );
    expect(classes({ ...before, hosts: after })).toEqual([0, 1, 0]);
  });

  it('are others for the same hosts when a VM has a disk on what only one of them reaches', () => {
    expect(classes(before)).toEqual([0, 0, 0]);
    const disks = [{ storage: storageId('of-h1'), bytes: bytes(1), shared: true }];
    expect(classes({ ...before, vms: [aVm({ id: 'a', disks })] })).toEqual([0, 1, 1]);
  });
});
