// Role: the VM that carries this controller is found by its machine's UUID, in either order of
// bytes, and nothing else is.
import { describe, expect, it } from 'vitest';

import type { OwnVm } from '../../../src/domain/own-vm.ts';
import { foundIn, withFound } from '../../../src/rules/found-own.ts';
import { aHost, aSnapshot, aVm } from '../../support/fleet.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
/** The same bytes as firmware before SMBIOS 2.6 may have them. */
const OLD = '33221100-5544-7766-8899-aabbccddeeff';
const OTHER = '00112233-4455-6677-8899-aabbccddef00';

function fleet(own?: OwnVm) {
  const vms = [aVm({ id: UUID }), aVm({ id: OTHER }), aVm({ id: 'web' })];
  const [first, ...rest] = vms;
  if (first === undefined) throw new Error('three VMs');
  return aSnapshot({
    hosts: [aHost({ id: 'h1' })],
    vms: [{ ...first, ...(own && { own }) }, ...rest],
  });
}

describe('the VM that carries this controller', () => {
  it.each([UUID, OLD, UUID.toUpperCase()])('is found by %s', (told) => {
    expect(foundIn(fleet(), told).map(({ id }) => id)).toEqual([UUID]);
  });

  it('is not found where the machine is another', () => {
    const others = '00112233-4455-6677-8899-aabbccddee00';
    expect(foundIn(fleet(), others)).toEqual([]);
    expect(withFound(fleet(), { uuid: others, controller: 'ada' })).toEqual(fleet());
  });

  it('is protected as the controller that it is, whatever else is in it', () => {
    const ownOf = (own?: OwnVm) =>
      withFound(fleet(own), { uuid: OLD, controller: 'ada' }).vms.map((vm) => vm.own);
    const rest = [undefined, undefined];
    expect(ownOf()).toEqual([{ roles: ['controller'], controller: 'ada' }, ...rest]);
    expect(ownOf({ roles: ['ledger'] })).toEqual([
      { roles: ['controller', 'ledger'], controller: 'ada' },
      ...rest,
    ]);
  });

  it('stays what a policy says that it is', () => {
    const named: OwnVm = { roles: ['controller'], controller: 'bob' };
    expect(withFound(fleet(named), { uuid: UUID, controller: 'ada' })).toEqual(fleet(named));
  });
});
