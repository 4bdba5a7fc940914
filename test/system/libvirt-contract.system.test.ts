// Role: the libvirt adapter keeps the contract against real libvirt daemons and real guests.
import { LIBVIRT_CAPABILITIES } from '../../adapters/libvirt/hypervisor.ts';
import { seconds } from '../../src/domain/units.ts';
import { hypervisorContract } from '../contract/hypervisor-contract.ts';
import { LibvirtWorld } from './libvirt-world.ts';

hypervisorContract({
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
    ownDisk: false,
  },
  timeouts: { pollSeconds: seconds(0.5), moveSeconds: seconds(180), caseMilliseconds: 400_000 },
  make: () => LibvirtWorld.make(),
});
