/** Where a VM could go: the target search over the hosts that have room for it. */

import { CPU_AT, MEMORY_AT } from './model.ts';
import type { CompiledRule } from './rules/rule.ts';
import type { State, Terms } from './state.ts';

/**
 * `spread`: to the hosts with most room; `pack`: to the tightest fit, which keeps large room;
 * `align`: to where the least of CPU and memory together is left (and of whatever a pair names), so
 * that neither gets lost for want of the other; `match`: to where they are left in about the
 * proportion in which the VM needs them, which packs many hosts more tightly.
 */
export type Fit = 'spread' | 'pack' | 'align' | 'match';

/** How many hosts that would do are compared before one is taken (`spread`). */
const COMPARED = 4;

/**
 * A host that takes the VM at any moment: of those that break the fewest soft rules (or mend the
 * most), at the least price, one by `fit`; -1: there is none.
 */
export function findTarget(state: State, v: number, terms: Terms, fit: Fit): number {
  return sparingly(state, v, terms, (kept) =>
    gentlest(state, v, (burden) => findAt(burden, state, v, kept, fit)),
  );
}

/**
 * A host that takes the VM after all moves so far have ended, by soft rules, then the one with the
 * most room left; -1: there is none. Looks at every host.
 */
export function findLaterTarget(state: State, v: number, terms: Terms): number {
  return sparingly(state, v, terms, (kept) =>
    gentlest(state, v, (burden) => findLaterAt(burden, state, v, kept)),
  );
}

/**
 * What is kept for emergencies is used where nothing else is left, but for hosts that are kept
 * empty to be gone to at once: a reserve would later have to be set free again.
 */
function sparingly(state: State, v: number, terms: Terms, find: (terms: Terms) => number): number {
  const mayUse = terms.urgent && state.rules.hardOf[v]?.some(isUsedAtLast) === true;
  const host = mayUse ? find({ ...terms, sparing: true }) : -1;
  return host >= 0 ? host : find(terms);
}

function isUsedAtLast({ yields }: CompiledRule): boolean {
  return yields === 'at-last';
}

/** Any burden; for the many VMs for which all hosts are alike in it. */
const ANY = undefined;
type Wanted = number | typeof ANY;

/** The host that is found for the least burden (soft rules, dear paths) for which there is one. */
function gentlest(state: State, v: number, find: (burden: Wanted) => number): number {
  if (!state.isParticular(v)) return find(ANY);
  const burdens = new Set(state.model.hosts.map((_host, h) => state.burden(v, h)));
  for (const burden of [...burdens].sort((a, b) => a - b)) {
    const host = find(burden);
    if (host >= 0) return host;
  }
  return -1;
}

// oxlint-disable-next-line max-params -- a burden, and what findTarget is asked
function findAt(burden: Wanted, state: State, v: number, terms: Terms, fit: Fit): number {
  const { order } = state.byRoom;
  const need = state.model.need[v * state.model.width + CPU_AT] ?? 0;
  // A hair below, so that rounding in the sorted rooms can not hide a host that just fits.
  const first = state.byRoom.firstWith(need + (terms.cpuBelow ?? 0) - 1e-9);
  if (fit === 'align') return findLeastAt({ burden, of: leftAfter }, state, v, terms, first);
  if (fit === 'match') return findLeastAt({ burden, of: mismatch }, state, v, terms, first);
  if (fit === 'pack') {
    for (let place = first; place < order.length; place += 1) {
      const h = order[place] ?? -1;
      if (burden !== ANY && state.burden(v, h) !== burden) continue;
      if (state.refusal(v, h, terms, 'any-moment') === 0) return h;
    }
    return -1;
  }
  let best = -1;
  let bestFill = Number.POSITIVE_INFINITY;
  let compared = 0;
  for (let place = order.length - 1; place >= first && compared < COMPARED; place -= 1) {
    const h = order[place] ?? -1;
    if (burden !== ANY && state.burden(v, h) !== burden) continue;
    if (state.refusal(v, h, terms, 'any-moment') !== 0) continue;
    compared += 1;
    const fill = fillAfter(state, v, h);
    if (fill < bestFill) [best, bestFill] = [h, fill];
  }
  return best;
}

const ORDINARY = [CPU_AT, MEMORY_AT];

/** Resources that are to be left in proportion. */
function matched({ evenness }: State): readonly number[] {
  return evenness?.resources ?? ORDINARY;
}

/** What a host is chosen by: the least is best, infinite does not fit. */
interface Measure {
  readonly burden: Wanted;
  of(state: State, v: number, h: number, terms: Terms): number;
}

// oxlint-disable-next-line max-params -- a measure, what findTarget is asked, and where to begin
function findLeastAt(
  measure: Measure,
  state: State,
  v: number,
  terms: Terms,
  first: number,
): number {
  const { order } = state.byRoom;
  const { burden } = measure;
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let place = first; place < order.length; place += 1) {
    const h = order[place] ?? -1;
    if (terms.useless?.[h] === 1) continue;
    const value = measure.of(state, v, h, terms);
    if (value >= least || (burden !== ANY && state.burden(v, h) !== burden)) continue;
    if (state.refusal(v, h, terms, 'any-moment') === 0) [best, least] = [h, value];
  }
  return best;
}

/**
 * The squared norm of what is left, in shares of the largest host (the "L2" greedy of vector bin
 * packing: Panigrahy et al., "Heuristics for Vector Bin Packing", 2011); infinite: it does not fit.
 */
function leftAfter(state: State, v: number, h: number, { limit }: Terms): number {
  const { width, need, largest } = state.model;
  let sum = 0;
  for (const r of matched(state)) {
    const at = h * width + r;
    const left = (limit[at] ?? 0) - (state.gross[at] ?? 0) - (need[v * width + r] ?? 0);
    if (left < 0) return Number.POSITIVE_INFINITY;
    sum += (left / (largest[r] ?? 1)) ** 2;
  }
  return sum;
}

/** Of two hosts that match as well the one with less left. */
const TIGHTNESS = 0.05;

/**
 * One less the cosine of the angle between what the VM needs and what the host has left, both in
 * shares of the largest host (the "dot product" greedy of the same paper, freed of their lengths),
 * and a little of what is left then; infinite: it does not fit.
 */
function mismatch(state: State, v: number, h: number, terms: Terms): number {
  const left = leftAfter(state, v, h, terms);
  if (left === Infinity) return left;
  const { width, need, largest } = state.model;
  let [product, needs, rooms] = [0, 0, 0];
  for (const r of matched(state)) {
    const at = h * width + r;
    const unit = largest[r] ?? 1;
    const wanted = (need[v * width + r] ?? 0) / unit;
    const room = ((terms.limit[at] ?? 0) - (state.gross[at] ?? 0)) / unit;
    product += wanted * room;
    needs += wanted * wanted;
    rooms += room * room;
  }
  const length = Math.sqrt(needs * rooms);
  return (length > 0 ? 1 - product / length : 0) + TIGHTNESS * Math.sqrt(left);
}

// oxlint-disable-next-line max-params -- a burden, and what findLaterTarget is asked
function findLaterAt(burden: Wanted, state: State, v: number, terms: Terms): number {
  let best = -1;
  let bestFill = Number.POSITIVE_INFINITY;
  for (let h = 0; h < state.model.hosts.length; h += 1) {
    if (burden !== ANY && state.burden(v, h) !== burden) continue;
    if (state.refusal(v, h, terms, 'in-the-end') !== 0) continue;
    const fill = fillAfter(state, v, h);
    if (fill < bestFill) [best, bestFill] = [h, fill];
  }
  return best;
}

/** The fuller of CPU and memory, as a share of the limit, with the VM on the host. */
export function fillAfter(state: State, v: number, h: number): number {
  const { width, need, limit } = state.model;
  let fill = 0;
  for (const r of [CPU_AT, MEMORY_AT]) {
    const load = (state.gross[h * width + r] ?? 0) + (need[v * width + r] ?? 0);
    fill = Math.max(fill, load / (limit[h * width + r] ?? 0));
  }
  return fill;
}
