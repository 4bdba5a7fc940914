/**
 * VMs that no snapshot has any more: deleted, or lost in a move. They are what people ask about
 * first, so they can be named for as long as this process or the ledger remembers them.
 */

import { hostId, isIdText, type VmId, vmId } from '../domain/ids.ts';
import type { HistoryEntry, MoveRecord } from '../domain/journal.ts';
import { vmOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Vm } from '../domain/vm.ts';
import type { EventSource } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import { historyWithOpenMoves } from './history.ts';

/** What it takes to ask its hosts. */
export type NamedVm = Pick<Vm, 'id' | 'name' | 'source'>;

/** The newest; a fleet whose guests come and go in great numbers has others to ask about. */
const MOST = 5_000;
/** Moves in which a name is looked for, newest first. */
const MOVES = 2_000;

/** Those that this process has seen go, newest last. */
export class LostVms {
  readonly #lost = new Map<VmId, NamedVm>();
  #before: readonly Vm[] = [];

  constructor(events: EventSource) {
    events.on('snapshot', ({ snapshot }) => this.#see(snapshot));
  }

  /** By id or (unique) name. */
  find(name: string): NamedVm | undefined {
    const all = [...this.#lost.values()];
    return all.find(({ id }) => id === name) ?? only(all, name);
  }

  #see(snapshot: Snapshot): void {
    const { vms } = snapshot;
    // A tick may show the same list twice.
    if (vms === this.#before) return;
    const isThere = (id: VmId): boolean => vmOf(snapshot, id) !== undefined;
    for (const id of this.#lost.keys()) if (isThere(id)) this.#lost.delete(id);
    for (const { id, name, source } of this.#before)
      if (!isThere(id)) this.#lost.set(id, { id, name, source });
    for (const id of this.#lost.keys()) {
      if (this.#lost.size <= MOST) break;
      this.#lost.delete(id);
    }
    this.#before = vms;
  }
}

export interface LostParts {
  readonly ledger: Pick<Ledger, 'history' | 'openMoves' | 'recentMoves' | 'move'>;
  readonly lost: Pick<LostVms, 'find'>;
}

/** By id or (unique) name, from memory or from the moves in the ledger; undefined: nobody knows. */
export async function findLost(
  { ledger, lost }: LostParts,
  name: string,
): Promise<NamedVm | undefined> {
  const remembered = lost.find(name);
  if (remembered !== undefined) return remembered;
  const byId = isIdText(name) ? await lastMoveOf(ledger, name) : undefined;
  if (byId !== undefined) return ofRecord(byId);
  const moved = (await ledger.recentMoves(MOVES)).map(ofRecord);
  return moved.find(({ id }) => id === name) ?? only(moved, name);
}

async function lastMoveOf(
  ledger: LostParts['ledger'],
  id: string,
): Promise<MoveRecord | undefined> {
  const [newest] = await ledger.history({ vm: vmId(id), movesOnly: true, limit: 1 });
  const move = newest?.move;
  return move === undefined ? undefined : ledger.move(move);
}

function ofRecord({ move, vmName, source }: MoveRecord): NamedVm {
  return { id: move.vm, name: vmName, source };
}

/** The newest of that name, where all of that name are the same VM. */
function only(vms: readonly NamedVm[], name: string): NamedVm | undefined {
  const named = vms.filter((vm) => vm.name === name);
  return new Set(named.map(({ id }) => id)).size === 1 ? named[0] : undefined;
}

/** What the ledger has about a VM or host that no snapshot knows; undefined: nothing. */
export async function lostHistory(
  parts: LostParts,
  about: string,
  limit: number,
): Promise<readonly HistoryEntry[] | undefined> {
  const vm = await findLost(parts, about);
  if (vm !== undefined) return historyWithOpenMoves(parts.ledger, { vm: vm.id, limit });
  if (!isIdText(about)) return undefined;
  for (const query of [{ vm: vmId(about) }, { host: hostId(about) }]) {
    const lines = await historyWithOpenMoves(parts.ledger, { ...query, limit });
    if (lines.length > 0) return lines;
  }
  return undefined;
}
