// Role: the move machine on real libvirt daemons and real guests: moves end as they have to, and
// survive that their process is killed at each entry of the journal and between any two. By hand
// (DROVER_LAB_MACHINE=1), because it is too long for a job of an hour: 20 cases, of which the six
// with crashes take 2 to 6 minutes each (2026-11-30: 20 passed in 32 minutes, two cores, beside
// other work). DROVER_LAB_MACHINE=all: also each call and each write that fails, in each stage,
// and each stage twice or cut short; choose a method with -t, each is a good hour.
import { describe } from 'vitest';

import { machineContract } from '../contract/machine-contract.ts';
import { LIBVIRT } from './libvirt-subject.ts';

const wanted = process.env['DROVER_LAB_MACHINE'];

describe.runIf(wanted === '1' || wanted === 'all')('by hand', () => {
  machineContract({ ...LIBVIRT, isThorough: wanted === 'all' });
});
