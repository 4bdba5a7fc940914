/**
 * Dead hosts that may have a VM defined, and whose silence was not counted when it was looked for.
 * One whose power comes back may start the VM, unseen while nobody can talk to it; so before the VM
 * is started anywhere else, each of these is asked for its power.
 *
 * Not every dead host is: one whose fencing device is out of reach would hold up all restarts of
 * the fleet, and most have never had the VM. Only these can hold it: those on which it is noted,
 * and those to which a move has taken it, or may have, and from which none has taken it away since.
 * The ledger says so, also where no inventory has ever shown the VM there.
 */

import type { HostId } from '../domain/ids.ts';
import type { MoveTask } from './move-task.ts';
import { VmPast } from './vm-past.ts';

/**
 * As of the last look (`MoveTask.uncounted`), beside the move's own source, which is asked for in
 * any case where it is dead. Rejects with LedgerError.
 */
export async function silentHolders(task: MoveTask): Promise<readonly HostId[]> {
  const { move, parts } = task;
  const { silent = [], noted = [] } = task.uncounted ?? {};
  task.past ??= new VmPast(parts.ledger, move.vm);
  const holders = [...noted];
  for (const host of silent) {
    if (host === move.from || noted.includes(host)) continue;
    // One after the other: most are told by what was read for the first one.
    if (await task.past.mayBeOn(host)) holders.push(host);
  }
  return holders;
}
