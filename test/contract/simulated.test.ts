// Role: the simulated hypervisor keeps the contract, in virtual time.
import { SIMULATED_CAPABILITIES } from '../../adapters/simulated/simulated-hypervisor.ts';
import { seconds } from '../../src/domain/units.ts';
import { hypervisorContract } from './hypervisor-contract.ts';
import { simulatedWorld } from './simulated-world.ts';

hypervisorContract({
  name: 'simulated',
  capabilities: SIMULATED_CAPABILITIES,
  features: {
    misfit: true,
    busyGuests: true,
    moveByHand: true,
    cutControl: true,
    cutMigrationLink: true,
  },
  timeouts: { pollSeconds: seconds(1), moveSeconds: seconds(900), caseMilliseconds: 10_000 },
  make: simulatedWorld,
});
