/**
 * The budgets once more, right before a move begins. The gate has judged its plan by what had been
 * opened until then; since then a person's plan, the line of an older one or another controller may
 * have spent the same. Counted is what was opened before this move: of two that are one too many
 * the later one is held back, not both.
 */

import { Allowances } from '../domain/allowances.ts';
import type { PlanId, VmId } from '../domain/ids.ts';
import type { RecentMove } from '../domain/recent-move.ts';
import { hostOf } from '../domain/snapshot-index.ts';
import { type EpochSeconds, epochSeconds } from '../domain/units.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Misfit } from './fits.ts';
import type { MoveTask } from './move-task.ts';

const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;

/**
 * What was opened lately, the moves that ask included, but not the mandatory ones of the plan that
 * asks: the gate has judged the others as if those used up nothing (guards.ts).
 */
export interface Spent {
  readonly lastHour: readonly RecentMove[];
  /** Of the last 24 hours; VMs that are absent were not moved. */
  readonly lastDay: ReadonlyMap<VmId, number>;
}

export type ReadSpent = (plan: PlanId, now: EpochSeconds) => Promise<Spent>;

/** Rejects with LedgerError. */
export async function readSpent(
  ledger: Pick<Ledger, 'movesSince' | 'moveCounts'>,
  plan: PlanId,
  now: EpochSeconds,
): Promise<Spent> {
  const [lastHour, lastDay] = await Promise.all([
    ledger.movesSince(epochSeconds(Math.max(0, now - HOUR_SECONDS)), now, plan),
    ledger.moveCounts(epochSeconds(Math.max(0, now - DAY_SECONDS)), now, plan),
  ]);
  return { lastHour, lastDay };
}

/**
 * Undefined: there is room for it, or it needs none: what is mandatory asks for no budget, nor what
 * such a move waits for, and what follows a move that came to nothing takes the place of that one.
 * The ledger is not asked then.
 */
export async function overBudget(
  { move, parts, record, isAwaited }: MoveTask,
  spent: ReadSpent,
): Promise<Misfit | undefined> {
  if (move.tier === 'mandatory' || isAwaited || move.insteadOf !== undefined) return undefined;
  const world = parts.world(move);
  const [from, to] = [move.from, move.to].map((id) => hostOf(world, id));
  if (from === undefined || to === undefined) return undefined;
  const { limits } = parts.settings();
  const now = parts.clock.now();
  const { lastHour, lastDay } = await spent(record.plan, now);
  const recentMoves = lastHour.filter((one) => isBefore(one, record));
  const counted = { ...world, breakers: [], recentMoves };
  const leg = { vm: move.vm, from, to };
  const [none] = new Allowances(counted, limits, now).against(leg, move.tier, false);
  if (none !== undefined) return none;
  // This one is among them.
  const ofVm = (lastDay.get(move.vm) ?? 1) - 1;
  const { movesPerVmPerDay } = limits.budgets;
  if (ofVm < movesPerVmPerDay) return undefined;
  return { code: 'budget', detail: `${movesPerVmPerDay} moves of this VM a day` };
}

/** A VM has one open move at a time: with the moment its name says which came first. */
function isBefore(one: RecentMove, { move, openedAt }: MoveTask['record']): boolean {
  return one.openedAt < openedAt || (one.openedAt === openedAt && one.vm < move.vm);
}
