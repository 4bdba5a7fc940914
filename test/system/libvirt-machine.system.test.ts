// Role: the move machine on real libvirt daemons and real guests: moves end as they have to, and
// survive that their process is killed at each entry of the journal and between any two.
import { machineContract } from '../contract/machine-contract.ts';
import { LIBVIRT } from './libvirt-subject.ts';

machineContract(LIBVIRT);
