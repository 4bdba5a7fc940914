/**
 * What a move that copies disks leaves on its old storage. Drover deletes no disk: a copy whose
 * original is gone cannot be checked any more, and the original is the last way back. It is named
 * in the move's history, so that a person can remove it. Noted before the copy begins: afterwards
 * the hypervisor shows the new disks only.
 */

import { bytesOf, copiedDisks } from '../domain/disks.ts';
import type { Host } from '../domain/host.ts';
import type { StageEntry } from '../domain/journal.ts';
import type { Move } from '../domain/plan.ts';
import { GIB } from '../domain/units.ts';
import type { Vm } from '../domain/vm.ts';

/** For people; empty: nothing is copied. */
export function oldDisks({ method, from }: Move, vm: Vm, to: Host | undefined): string {
  const disks = to === undefined ? [] : copiedDisks(vm, to, method);
  if (disks.length === 0) return '';
  const storages = [...new Set(disks.map(({ storage }) => storage))].join(', ');
  const size = Math.round(bytesOf(disks) / GIB);
  return `${OLD_DISKS} ${storages} of ${from} (${size} GiB) stays there, and is used no more`;
}

/** As an earlier process noted it. */
export function oldDisksIn(journal: readonly StageEntry[] | undefined): string {
  return journal?.find(({ detail }) => detail.startsWith(OLD_DISKS))?.detail ?? '';
}

const OLD_DISKS = 'what it had on';
