// Role: where limits that bend make a difference to a VM: only there is it worth asking once more.
import { describe, expect, it } from 'vitest';

import { vmId } from '../../../src/domain/ids.ts';
import { pressed, whereItBends } from '../../../src/plan/pressed.ts';
import { makeSetting } from '../../../src/plan/setting.ts';
import { aHost, aVm } from '../../support/fleet.ts';
import { request } from './support.ts';

/** The hosts, by name, that are left to be asked; undefined: none of them. */
function left(cpuUsed: number): readonly string[] | undefined {
  const hosts = [
    aHost({ id: 'busy' }),
    aHost({ id: 'full', memoryGib: 8 }),
    aHost({ id: 'home', threads: 64 }),
    aHost({ id: 'busy-and-full', memoryGib: 8 }),
  ];
  const vms = [
    aVm({ id: 'v', host: 'home', cpuUsed, memoryGib: 8 }),
    aVm({ id: 'b', host: 'busy', cpuUsed: 10 }),
    aVm({ id: 'f', host: 'full', cpuUsed: 1, memoryGib: 6 }),
    aVm({ id: 'bf', host: 'busy-and-full', cpuUsed: 10, memoryGib: 6 }),
  ];
  const setting = makeSetting(request({ hosts, vms }, []));
  const { model, state } = setting;
  const terms = setting.termsOf('mandatory');
  const bending = pressed(terms, model).at(-1);
  const v = model.vmIndex.get(vmId('v')) ?? -1;
  if (bending === undefined) throw new Error('nothing bends');
  const where = whereItBends(state, v, { terms, bending });
  return where && model.hosts.filter((_host, h) => where.useless?.[h] !== 1).map(({ id }) => id);
}

describe('where limits bend', () => {
  it('are the hosts whose CPU is short for the VM, whatever else is short there', () => {
    expect(left(4)).toEqual(['busy', 'busy-and-full']);
  });

  it('is nowhere for a VM that lacks CPU on none of them', () => {
    expect(left(0.5)).toBeUndefined();
  });
});
