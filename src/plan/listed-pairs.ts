/**
 * Which of the pairs that were tried in vain a report lists. A thousand VMs that find no place
 * among a thousand hosts are a million pairs, with every plan, in every message and every decision
 * that is kept. So the first needs list all of theirs, and those after them a few of each reason.
 */

import type { Unresolved } from '../domain/plan.ts';
import type { Refusal, RefusalCode } from '../domain/refusal.ts';

/** Listed for all needs together: of 50 VMs on 100 hosts each one. */
const MOST_LISTED = 5_000;
/** When that is used up: of each need and reason. */
const LISTED_OF_EACH = 3;

export class ListedPairs {
  #left = MOST_LISTED;

  /** Of the need that is next. */
  of(all: readonly Refusal[]): Pick<Unresolved, 'pairs' | 'unlisted'> {
    this.#left -= all.length;
    return this.#left >= 0 ? { pairs: all } : someOfEach(all);
  }
}

function someOfEach(all: readonly Refusal[]): Pick<Unresolved, 'pairs' | 'unlisted'> {
  const pairs: Refusal[] = [];
  const met = new Map<RefusalCode, number>();
  for (const pair of all) {
    const count = (met.get(pair.code) ?? 0) + 1;
    met.set(pair.code, count);
    if (count <= LISTED_OF_EACH) pairs.push(pair);
  }
  const more = [...met].filter(([, count]) => count > LISTED_OF_EACH);
  if (more.length === 0) return { pairs };
  return {
    pairs,
    unlisted: Object.fromEntries(more.map(([code, count]) => [code, count - LISTED_OF_EACH])),
  };
}
