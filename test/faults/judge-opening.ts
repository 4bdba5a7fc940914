// Role: what is wrong with a move that is about to be begun, beside the plan that it is from. Said
// only if it is really started: records of moves that are skipped are opened and closed at once.
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { Decision, MoveRecord } from '../../src/domain/journal.ts';
import type { Move } from '../../src/domain/plan.ts';
import type { JournalView } from './journal-view.ts';
import type { Rules } from './script.ts';

export interface Circumstances {
  readonly rules: Rules;
  /** Somebody has cancelled something lately. */
  readonly isCancelled: boolean;
  /** Wall time. */
  readonly now: number;
  /** How important a VM really is; 0 is the most. */
  readonly rank: (vm: VmId) => number;
  /** Where a VM really runs. */
  readonly runningOn: (vm: VmId) => readonly HostId[];
}

/** Each begins with the name of its invariant. */
export function wrongsOfOpening(
  { move, plan }: Omit<MoveRecord, 'stages' | 'result'>,
  journal: JournalView,
  circumstances: Circumstances,
): readonly string[] {
  const decision = journal.decisions.get(plan);
  const out: string[] = [];
  if (decision === undefined) return ['journal-first: its plan was never written down'];
  const first = moreImportant(move, decision, journal, circumstances);
  if (first !== undefined) out.push(`critical-first: ${first.vm} is more important and waits`);
  const closed = [...journal.orders.values()].find(
    ({ host, state }) => host === move.to && state === 'open',
  );
  if (closed !== undefined) out.push(`closed-host: ${move.to} is under order ${closed.id}`);
  const last = journal.movedAt.get(move.vm);
  const rest = circumstances.rules.cooldownSeconds;
  const isFree = move.tier === 'mandatory' || isComingHome(move);
  if (!isFree && last !== undefined && circumstances.now - last < rest) {
    out.push(`cool-down: it was moved ${Math.round(circumstances.now - last)} s ago`);
  }
  return out;
}

/**
 * A VM of the same host and tier that is more important, may start, and has not. One that runs
 * elsewhere waits for nothing: the plan before this one has brought it there.
 */
// oxlint-disable-next-line max-params -- a move, its plan, and what is going on
function moreImportant(
  move: Move,
  { result, gate }: Decision,
  journal: JournalView,
  { rules, isCancelled, rank, runningOn }: Circumstances,
): Move | undefined {
  if (isCancelled) return undefined;
  const allowed = new Set(
    gate.filter(({ verdict }) => verdict === 'execute').map((one) => one.move),
  );
  const open = [...journal.open.values()].map(({ record }) => record.move);
  return result.plan.moves.find((other) => {
    const isBeside = other.from === move.from && other.tier === move.tier;
    if (!isBeside || rank(other.vm) >= rank(move.vm) || !allowed.has(other.id)) return false;
    if (journal.known.has(other.id) || other.dependsOn.length > 0) return false;
    const where = runningOn(other.vm);
    const hasLeft = where.length > 0 && !where.includes(other.from);
    if (hasLeft || open.some(({ vm }) => vm === other.vm)) return false;
    return open.filter(({ to }) => to === other.to).length < rules.perHostIn;
  });
}

function isComingHome({ reason }: Move): boolean {
  return reason.evidence.some(({ fact }) => fact === 'vm.home');
}
