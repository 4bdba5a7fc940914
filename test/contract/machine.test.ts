// Role: the move machine on the simulated hypervisor, in virtual time.
import { machineContract } from './machine-contract.ts';
import { SIMULATED } from './simulated-subject.ts';

machineContract(SIMULATED);
