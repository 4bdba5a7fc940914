/**
 * When levelling begins, and when it has come to its end. Both are one question, so that a plan
 * that was carried out leaves nothing that the next one would begin with: do single moves of hosts
 * far from the level bring one of them much nearer? It is always asked as the next plan
 * will ask it: every VM may go from where it is to be, for its full price, where there is room once
 * all that is planned has ended.
 */

import type { Draft } from './draft.ts';
import type { SearchBudget } from './improve.ts';
import { descend } from './level-descent.ts';
import { DEAD_BAND, Field, type LevelSettings, type Place, type Whose } from './level-field.ts';

/** How much nearer to the level a host has to get for a levelling to begin, in shares. */
const NEARER = 0.045;

const MANNER = { outlook: 'in-the-end', beyond: DEAD_BAND, perMove: 0 } as const;

/** What a levelling is begun for. */
interface Asked {
  readonly draft: Draft;
  readonly settings: LevelSettings;
  readonly budget: SearchBudget;
}

/** Whether some host can be brought so much nearer; nothing is moved. */
export function isWorthBeginning(asked: Asked): boolean {
  return onTrial(asked, 'next-plan', (field) => look(field, asked.budget));
}

/**
 * Moves with which the next plan would begin that this one may still make: of VMs that it does not
 * move for other needs.
 */
export function nextMoves(asked: Asked): readonly Place[] {
  if (!isWorthBeginning(asked)) return [];
  return onTrial(asked, 'next-plan-of-others', (field) => {
    if (!look(field, asked.budget)) return [];
    descend(field, MANNER, asked.budget);
    return field.made();
  });
}

function onTrial<T>({ draft, settings }: Asked, whose: Whose, ask: (field: Field) => T): T {
  const loads = draft.state.loads();
  // What is worth beginning is begun, however few moves may be made at a time.
  const field = new Field(draft, { ...settings, mostMoves: Infinity }, whose);
  const answer = ask(field);
  field.remake([]);
  draft.state.reset(loads);
  return answer;
}

/** Moves VMs of hosts that are far; true: one of them is much nearer; it ends there. */
function look(field: Field, budget: SearchBudget): boolean {
  const far = field.hosts.filter((h) => field.away(h) > DEAD_BAND);
  const before = far.map((h) => field.distances(h));
  const isNearer = (h: number, at: number): boolean => {
    const [cpu, more] = field.distances(h);
    const [cpuBefore = 0, moreBefore = 0] = before[at] ?? [];
    return cpuBefore - cpu > NEARER || moreBefore - more > NEARER;
  };
  let isWorth = false;
  descend(field, MANNER, budget, () => {
    isWorth = far.some(isNearer);
    return isWorth;
  });
  return isWorth;
}
