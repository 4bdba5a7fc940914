/**
 * Which of the pairs that were tried in vain a report lists. A thousand VMs that find no place
 * among a thousand hosts are a million pairs, with every plan, in every message and every decision
 * that is kept. So needs list all of theirs as long as there is room, then a few of each reason.
 */

import type { Unresolved } from '../domain/plan.ts';
import type { Refusal, RefusalCode } from '../domain/refusal.ts';

/** Listed for all needs together: of 50 VMs on 100 hosts each one. */
const MOST_LISTED = 5_000;
/** Of a need that has more than are left of that: of each reason. */
const LISTED_OF_EACH = 3;
/** Each names a host that another controller, or a person, is asked about: none is left out. */
const ACTED_ON: ReadonlySet<RefusalCode> = new Set(['other-controller', 'own-leases']);

export class ListedPairs {
  #left = MOST_LISTED;

  /** Of the need that is next. */
  of(all: readonly Refusal[]): Pick<Unresolved, 'pairs' | 'unlisted'> {
    const listed = all.length <= this.#left ? { pairs: all } : someOfEach(all);
    this.#left = Math.max(0, this.#left - listed.pairs.length);
    return listed;
  }
}

function someOfEach(all: readonly Refusal[]): Pick<Unresolved, 'pairs' | 'unlisted'> {
  const pairs: Refusal[] = [];
  const unlisted: Partial<Record<RefusalCode, number>> = {};
  const met = new Map<RefusalCode, number>();
  for (const pair of all) {
    const { code } = pair;
    const count = (met.get(code) ?? 0) + 1;
    met.set(code, count);
    if (count <= LISTED_OF_EACH || ACTED_ON.has(code)) pairs.push(pair);
    else unlisted[code] = (unlisted[code] ?? 0) + 1;
  }
  return pairs.length === all.length ? { pairs } : { pairs, unlisted };
}
