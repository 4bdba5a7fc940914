// Role: lets a fault happen to the simulated datacenter and tells the judge of what it has to know;
// and does what people do there when the trouble is over.
import { moveId, type VmId } from '../../src/domain/ids.ts';
import type { SimulatedDatacenter } from '../../src/simulate/datacenter.ts';
import type { Fault, LastingFault } from '../../src/simulate/fault.ts';
import type { Judge } from './judge.ts';
import { ORDER } from './order.ts';
import type { Step } from './script.ts';

/** The host's crash is told apart: controllers may die with it. */
export function happen(fault: Fault, datacenter: SimulatedDatacenter, judge: Judge): void {
  const { kind } = fault;
  if (kind === 'drift') judge.onDrift(fault.vm);
  if (kind === 'control-cut') judge.onCut(fault.host, fault.forSeconds);
  if (kind === 'delete' || kind === 'resize') {
    if (!isAtHand(fault.vm, datacenter, judge)) return;
    if (kind === 'delete') judge.onDelete(fault.vm);
    else judge.world.onResize(fault.vm, fault.memoryBytes);
  }
  datacenter.inject(fault);
}

/** No platform deletes or resizes a guest that it is moving, nor one on a host that is silent. */
function isAtHand(vm: VmId, datacenter: SimulatedDatacenter, judge: Judge): boolean {
  const [host, ...others] = datacenter.truth.whereabouts(vm).runningOn;
  const isMoving = datacenter
    .locate(vm)
    .sightings.some(({ host: place, state }) => place !== host && state !== 'defined');
  const isOrdered = [...judge.journal.open.values()].some(({ record: { move } }) => {
    const { id, from, to, method } = move;
    return move.vm === vm && judge.world.isMigrating({ ...ORDER, move: id, vm, from, to, method });
  });
  const isAlone = host !== undefined && others.length === 0 && datacenter.isReachable(host);
  return isAlone && !isMoving && !isOrdered;
}

const LASTING: readonly LastingFault['kind'][] = [
  ...(['overheat', 'health', 'surge', 'host-crash', 'link', 'control-cut', 'samples'] as const),
  ...(['source-clock', 'dirty-rate', 'lock', 'power-device', 'refusing', 'queue'] as const),
];

/** Whatever lasts is over. */
export function heal(datacenter: SimulatedDatacenter): void {
  for (const kind of LASTING) datacenter.heal(kind);
}

/**
 * Post-copies that broke off are carried on, and who was to take a host out of the maintenance mode
 * of its platform, and had not the time, does it now.
 */
export function repair(steps: readonly Step[], datacenter: SimulatedDatacenter): void {
  for (const step of steps) {
    const isOff = step.kind === 'fault' && step.fault.kind === 'maintenance-mode' && !step.fault.on;
    if (isOff) datacenter.inject(step.fault);
  }
  for (const { facts } of datacenter.fleet.vms) {
    const { sightings } = datacenter.locate(facts.id);
    const from = sightings.find(({ state }) => state === 'paused')?.host;
    const to = sightings.find(({ state }) => state === 'post-copy-paused')?.host;
    if (from === undefined || to === undefined) continue;
    // Asked for again, it goes on where it broke off.
    const way = { vm: facts.id, from, to, method: 'pre-copy' } as const;
    datacenter.startMove({ ...ORDER, ...way, move: moveId('by-hand') });
  }
}
