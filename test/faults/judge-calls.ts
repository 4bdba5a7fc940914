// Role: what the calls of a hypervisor are about, as far as the judge needs to tell them apart.
import type { HostId } from '../../src/domain/ids.ts';
import type { Hypervisor, MoveOrder } from '../../src/ports/hypervisor.ts';

/** Those that it changes. A host that is cleaned after its death is changed alone. */
export function hostsOf(about: MoveOrder | HostId): readonly HostId[] {
  if (typeof about === 'string') return [about];
  return about.move.startsWith('readmission-') ? [about.from] : [about.from, about.to];
}

/** The calls of a hypervisor whose answer is word of a move. */
export const ABOUT_A_MOVE: ReadonlySet<string> = new Set<keyof Hypervisor>([
  'startMove',
  'job',
  'steer',
  'abort',
  'commit',
]);

/** Those that change something. */
export const EFFECTS: ReadonlySet<string> = new Set<keyof Hypervisor>([
  'startMove',
  'steer',
  'abort',
  'commit',
  'cleanUp',
  'setMaintenance',
]);
