// Role: what the simulated hypervisor brings along to be judged.
import { SIMULATED_CAPABILITIES } from '../../adapters/simulated/simulated-hypervisor.ts';
import { seconds } from '../../src/domain/units.ts';
import type { ContractSubject } from './contract-world.ts';
import { simulatedWorld } from './simulated-world.ts';

export const SIMULATED: ContractSubject = {
  name: 'simulated',
  capabilities: SIMULATED_CAPABILITIES,
  features: {
    misfit: true,
    busyGuests: true,
    moveByHand: true,
    cutControl: true,
    cutMigrationLink: true,
    killHost: true,
    breakMoves: true,
    ownDisk: true,
  },
  timeouts: { pollSeconds: seconds(1), moveSeconds: seconds(900), caseMilliseconds: 60_000 },
  isCheap: true,
  make: () => simulatedWorld(),
};
