// Role: the move machine on real libvirt daemons and real guests: moves end as they have to, and
// survive that their process is killed at each entry of the journal and between any two. By hand
// (DROVER_LAB_MACHINE=1) as long as nobody has seen all of it pass, and how long that takes.
import { describe } from 'vitest';

import { machineContract } from '../contract/machine-contract.ts';
import { LIBVIRT } from './libvirt-subject.ts';

describe.runIf(process.env['DROVER_LAB_MACHINE'] === '1')('by hand', () => {
  machineContract(LIBVIRT);
});
