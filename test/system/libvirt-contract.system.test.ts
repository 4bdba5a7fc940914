// Role: the libvirt adapter keeps the contract against real libvirt daemons and real guests.
import { hypervisorContract } from '../contract/hypervisor-contract.ts';
import { LIBVIRT } from './libvirt-subject.ts';

hypervisorContract(LIBVIRT);
