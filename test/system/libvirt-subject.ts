// Role: what the libvirt adapter brings along to be judged: a lab of real daemons and real guests.
import { LIBVIRT_CAPABILITIES } from '../../adapters/libvirt/hypervisor.ts';
import { seconds } from '../../src/domain/units.ts';
import type { ContractSubject } from '../contract/contract-world.ts';
import { LibvirtWorld } from './libvirt-world.ts';

export const LIBVIRT: ContractSubject = {
  name: 'libvirt',
  capabilities: LIBVIRT_CAPABILITIES,
  features: {
    misfit: true,
    busyGuests: true,
    moveByHand: true,
    cutControl: true,
    cutMigrationLink: true,
    killHost: false,
    breakMoves: false,
    ownDisk: true,
  },
  timeouts: {
    pollSeconds: seconds(0.5),
    moveSeconds: seconds(180),
    caseMilliseconds: 400_000,
    suiteMilliseconds: 1_800_000,
  },
  timing: { settleSeconds: seconds(1), callSeconds: seconds(20) },
  make: () => LibvirtWorld.make(),
};
