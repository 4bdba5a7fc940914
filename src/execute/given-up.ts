/**
 * A move that is stopped because it gets nowhere: noted in the journal before the hypervisor is
 * told, so that a crash in between neither forgets it nor what may be tried instead. Pure.
 */

import type { StageEntry } from '../domain/journal.ts';

export interface GivenUp {
  readonly reason: string;
  /** What the policy lets be tried in its place; undefined: nothing. */
  readonly instead: 'cold' | undefined;
}

const GIVEN_UP = 'given up: ';
const COLD_NEXT = 'given up for a cold move: ';

/** The note in the journal. */
export function givenUpNote({ reason, instead }: GivenUp): string {
  return `${instead === 'cold' ? COLD_NEXT : GIVEN_UP}${reason}`;
}

/** The note of an earlier process, if there is one. */
export function givenUpIn(journal: readonly StageEntry[] | undefined): GivenUp | undefined {
  for (const { phase, detail } of journal ?? []) {
    if (phase !== 'undo') continue;
    if (detail.startsWith(COLD_NEXT)) {
      return { reason: detail.slice(COLD_NEXT.length), instead: 'cold' };
    }
    if (detail.startsWith(GIVEN_UP)) {
      return { reason: detail.slice(GIVEN_UP.length), instead: undefined };
    }
  }
  return undefined;
}
