/**
 * Levelling load between hosts: single moves as long as one pays (level-descent.ts); then they are
 * improved: VMs are exchanged, sent elsewhere, or left where they were (level-improve.ts). The same
 * is tried with the largest VMs moved first, where they stand in the way (level-boulders.ts). Where
 * a host is far off even so, the engine is asked (level-refine.ts). A VM is moved once at most.
 *
 * What is levelled is CPU; memory is looked at beside it, so that one does not get level at the
 * cost of the other, and whatever the policy gives a weight (level-field.ts has the number that is
 * lowered).
 *
 * It begins only where a glance (level-glance.ts) finds some host far from the level that single
 * moves bring much nearer, and it ends where the same glance finds none: so what was levelled is
 * left alone by the plan after it, though chance would find a little more to gain.
 */

import type { Draft } from './draft.ts';
import type { SearchBudget } from './improve.ts';
import { moveBoulders } from './level-boulders.ts';
import { descend } from './level-descent.ts';
import { Field, type LevelSettings, type Place } from './level-field.ts';
import { isWorthBeginning, nextMoves } from './level-glance.ts';
import { improve } from './level-improve.ts';
import { MOST_ASKED, refine } from './level-refine.ts';

export type { LevelSettings } from './level-field.ts';

/** What a move counts beside its own cost where moves are counted, in mean costs; each is tried. */
const PER_MOVE = [0, 0.5, 1, 2, 4, 16];

/** In fleets of so many hosts it is tried twice: larger ones would take twice the time for less. */
const FEW_HOSTS = 100;
/** And there the engine has this share of the steps, until it has enough of them. */
const ASKED_SHARE = 1 / 8;

const FREELY = { outlook: 'any-moment', beyond: 0, perMove: 0 } as const;

/** How often what the next plan would begin with is done in this one. */
const MOST_GLANCES = 4;

/** Makes the moves, if it is worth beginning. */
export function level(draft: Draft, settings: LevelSettings, budget: SearchBudget): void {
  if (!isWorthBeginning({ draft, settings, budget })) return;
  const field = new Field(draft, settings);
  const isSmall = field.hosts.length <= FEW_HOSTS;
  const asking = isSmall ? Math.min(MOST_ASKED, Math.floor(budget.steps * ASKED_SHARE)) : 0;
  const own = { ...budget, steps: asking };
  budget.steps -= asking;
  search(field, budget);
  refine(field, own);
  budget.steps += own.steps;
  for (let times = 0; times < MOST_GLANCES; times += 1) {
    const places = nextMoves({ draft, settings, budget });
    if (places.length === 0) return;
    finish(field, places);
  }
}

/** From single moves, and from those of the largest VMs: what comes out better. */
function search(field: Field, budget: SearchBudget): void {
  if (field.settings.mostMoves < Infinity) descendCounted(field, budget);
  else descend(field, FREELY, budget);
  const { steps } = budget;
  if (field.moves > 0) improveOn(field, budget);
  if (field.hosts.length > FEW_HOSTS) return;
  const known = { places: field.made(), value: field.value };
  field.remake([]);
  if (moveBoulders(field)) {
    const own = { ...budget, steps };
    descend(field, FREELY, own);
    improveOn(field, own);
  }
  if (field.moves === 0 || field.value >= known.value) field.remake(known.places);
}

/** As many of them as may be. */
function finish(field: Field, places: readonly Place[]): void {
  field.outlook = 'in-the-end';
  for (const place of places) field.tryPlaces([place]);
  field.outlook = 'any-moment';
  field.remake(field.made());
}

/** Exchanges look at CPU and memory: where more is to be level they may make it worse. */
function improveOn(field: Field, budget: SearchBudget): void {
  const known = { places: field.made(), value: field.value };
  improve(field, budget);
  if (field.hasMore && field.value > known.value) field.remake(known.places);
}

/** Where moves are counted: the best of several ways of weighing a move against its memory. */
function descendCounted(field: Field, budget: SearchBudget): void {
  let best = { value: Infinity, places: field.made() };
  for (const perMove of PER_MOVE) {
    descend(field, { outlook: 'any-moment', beyond: 0, perMove }, budget);
    if (field.value < best.value) best = { value: field.value, places: field.made() };
    field.remake([]);
  }
  field.remake(best.places);
}
