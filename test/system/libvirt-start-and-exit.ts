// Role: a process that starts a move and ends at once, as a daemon that is stopped does. Its exit
// code says how far it came: 7 is as wanted.
import { LibvirtHypervisor } from '../../adapters/libvirt/hypervisor.ts';
import { sourceId } from '../../src/domain/ids.ts';
import type { MoveOrder } from '../../src/ports/hypervisor.ts';
import { attachLab } from './lab/lab.ts';
import { labOptions, realClock } from './libvirt-world.ts';

export interface StartAndExit {
  readonly lab: string;
  readonly order: MoveOrder;
}

const { lab, order } = JSON.parse(process.argv[2] ?? '') as StartAndExit; // written by the test
const hypervisor = new LibvirtHypervisor(labOptions(attachLab(lab)), {
  source: sourceId('lab'),
  clock: realClock,
});
const attempt = await hypervisor.startMove(order, new AbortController().signal);
process.exit(attempt.ok ? 7 : 1);
