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
import type { MoveRecord } from '../domain/journal.ts';
import type { MoveTask } from './move-task.ts';

/** Moves between a VM and one host, newest first, that are looked at: most decide at once. */
const MOST_MOVES = 50;

/**
 * As of the last look (`MoveTask.uncounted`), beside the move's own source, which is asked for in
 * any case where it is dead. Rejects with LedgerError.
 */
export async function silentHolders(task: MoveTask): Promise<readonly HostId[]> {
  const { silent = [], noted = [] } = task.uncounted ?? {};
  const others = silent.filter((host) => host !== task.move.from && !noted.includes(host));
  const holds = await Promise.all(others.map((host) => mayHold(task, host)));
  return [...noted, ...others.filter((_host, index) => holds[index])];
}

async function mayHold({ move: { vm }, parts }: MoveTask, host: HostId): Promise<boolean> {
  const lines = await parts.ledger.history({ vm, host, limit: MOST_MOVES });
  for (const { move: id } of lines) {
    const record = id === undefined ? undefined : await parts.ledger.move(id);
    const isLeft = record && isLeftOn(record, host);
    if (isLeft !== undefined) return isLeft;
  }
  // Who has not read to the end does not know.
  return lines.length === MOST_MOVES;
}

/** Whether the host had the VM when the move had ended. Undefined: it does not tell. */
function isLeftOn({ move, stages, result }: MoveRecord, host: HostId): boolean | undefined {
  const isTarget = move.to === host;
  if (isTarget && result?.remains === true) return true;
  if (stages.every(({ stage }) => stage !== 'pre-copy')) return undefined;
  switch (result?.outcome) {
    case 'succeeded':
      return isTarget;
    case 'failed':
    case 'cancelled':
    case 'skipped':
      // Its target was seen clean, or has remains.
      return !isTarget;
    case 'needs-human':
    case undefined:
      return true;
  }
}
