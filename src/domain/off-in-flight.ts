/**
 * A VM in the middle of a cold move is off, and will not stay so: nobody wished it off, and where
 * the move ends, or is taken back, it is started. What it needs there has to be free by then. So
 * plan, check and gate count it as running, on both of its hosts.
 */

import type { MoveId, VmId } from './ids.ts';
import type { Snapshot } from './snapshot.ts';
import type { Vm } from './vm.ts';

const NONE: ReadonlySet<MoveId> = new Set();

/**
 * Those that are off while a move of theirs is in flight or has a place reserved, each as it will
 * run. Few moves are under way at a time: the other VMs are not gone through.
 * @param find looks a VM up
 * @param except moves whose reservations say nothing: a VM that was shut down before its move began
 *   stays off
 */
export function offInFlight(
  { inFlight, reservations }: Pick<Snapshot, 'inFlight' | 'reservations'>,
  find: (id: VmId) => Vm | undefined,
  except: ReadonlySet<MoveId> = NONE,
): ReadonlyMap<VmId, Vm> {
  const found = new Map<VmId, Vm>();
  const look = (id: VmId): void => {
    const vm = find(id);
    if (vm?.powerState === 'off') found.set(id, { ...vm, powerState: 'running' });
  };
  for (const { vm } of inFlight) look(vm);
  for (const { vm, move } of reservations) if (!except.has(move)) look(vm);
  return found;
}
