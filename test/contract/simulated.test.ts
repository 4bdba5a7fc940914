// Role: the simulated hypervisor keeps the contract, in virtual time.
import { hypervisorContract } from './hypervisor-contract.ts';
import { SIMULATED } from './simulated-subject.ts';
import { simulatedWorld } from './simulated-world.ts';

// The cases share one world: its hosts die, and come back while their guests run elsewhere.
hypervisorContract({ ...SIMULATED, make: () => simulatedWorld(true) });
