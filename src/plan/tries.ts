/**
 * How often relief is tried where hosts stay overloaded, and which try counts. What one try is, the
 * planner knows (plan.ts).
 */

import type { Finding } from '../domain/finding.ts';
import type { Draft } from './draft.ts';
import { ease, easedNotes, isHopeless, unrelieved } from './ease.ts';
import { type Setting, makeSetting } from './setting.ts';

/** With how many steps it is tried again where hosts stay overloaded; see {@link bestAttempt}. */
const FEWER_STEPS: readonly number[] = [0, 1, 4, 16, 64, 256, 1024];

export interface Attempt {
  readonly setting: Setting;
  readonly draft: Draft;
  readonly stepsLeft: number;
}

/** `at-once`: as if it was stopped before its first step; what follows relief has its steps. */
export type Relief = 'searched' | 'at-once';

export interface Effort {
  readonly steps: number;
  readonly relief: Relief;
}

/** Makes one try. */
export type Attempting = (setting: Setting, effort: Effort) => Attempt;

interface BestAttempt extends Omit<Attempt, 'stepsLeft'> {
  readonly stepsUsed: number;
}

/**
 * With more steps never worse: fewer needs are left open, or as many at less cost (anytime.ts).
 * Where less is asked of some hosts than the findings say, costs are those of different demands,
 * and only how many hosts stay overloaded is compared: where some do, fewer steps may have come out
 * at less, since how the tries share them depends on how many there are. They are tried, too,
 * first what relief comes to that is stopped at once, except where it is proven that some have to
 * stay.
 */
export function bestAttempt(asked: Setting, granted: number, attempt: Attempting): BestAttempt {
  const { request } = asked;
  const easedAll = ease(asked);
  const whole: Effort = { steps: granted, relief: 'searched' };
  if (easedAll === undefined) return counted(attempt(asked, whole), granted);
  let best = counted(attemptWith(asked, easedAll, whole, attempt), granted);
  const isOver = (): boolean => unrelieved(best).size === 0 || isHopeless(best.setting);
  const consider = (steps: number, relief: Relief): void => {
    const setting = makeSetting(request);
    const other = counted(attemptWith(setting, easedAll, { steps, relief }, attempt), steps);
    const isBetter = unrelieved(other).size < unrelieved(best).size;
    best = { ...(isBetter ? other : best), stepsUsed: best.stepsUsed + other.stepsUsed };
  };
  if (!isOver()) consider(0, 'at-once');
  for (const fewer of FEWER_STEPS) {
    if (fewer >= granted || isOver() || request.shouldStop?.() === true) break;
    consider(fewer, 'searched');
  }
  return best;
}

function counted({ stepsLeft, ...rest }: Attempt, granted: number): BestAttempt {
  return { ...rest, stepsUsed: granted - stepsLeft };
}

/**
 * What is asked, where there is room for it; else with less asked of the hosts that it leaves
 * overloaded, then of all that are (ease.ts). The one that leaves the fewest overloaded.
 */
// oxlint-disable-next-line max-params -- what is asked, what eased, with what effort, and how
function attemptWith(
  asked: Setting,
  easedAll: readonly Finding[],
  { steps: granted, relief }: Effort,
  attempt: Attempting,
): Attempt {
  const { request } = asked;
  const eased = (less: readonly Finding[], steps: number): Attempt => {
    const one = attempt(makeSetting({ ...request, findings: less }), { steps, relief });
    one.draft.notes.push(...easedNotes(asked, one));
    return one;
  };
  if (isHopeless(asked)) return eased(easedAll, granted);
  // Half of the steps are kept for another try.
  const half = Math.ceil(granted / 2);
  const first = attempt(asked, { steps: half, relief });
  const left = granted - half + first.stepsLeft;
  const easedSome = ease(asked, unrelieved(first));
  if (easedSome === undefined) return { ...first, stepsLeft: left };
  const kept = Math.floor(left / 2);
  const second = eased(easedSome, left - kept);
  const last = eased(easedAll, kept + second.stepsLeft);
  // Among equals less asked is more done: targets may be filled further.
  const ranked = [second, last, first].sort((a, b) => unrelieved(a).size - unrelieved(b).size);
  return { ...(ranked[0] ?? second), stepsLeft: last.stepsLeft };
}
