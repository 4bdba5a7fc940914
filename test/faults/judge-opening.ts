// Role: what is wrong with a move that is about to be begun, beside the plan that it is from. Said
// only if it is really started: records of moves that are skipped are opened and closed at once.
import type { HostId, VmId } from '../../src/domain/ids.ts';
import type { Decision, MoveRecord } from '../../src/domain/journal.ts';
import { orderFindingId } from '../../src/domain/order.ts';
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
  /** Whether Drover stands on a VM: it goes last. */
  readonly isOwn: (vm: VmId) => boolean;
  /** Nothing is heard of a move: what waits for its places, nobody waits for. */
  readonly isSilent: boolean;
  /** Moves that have ended, and whose controller does not know yet. */
  readonly takenForOpen: readonly Move[];
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
  const isFree = circumstances.isCancelled || isLeftover(move, decision, journal);
  const waiting = isFree ? [] : waitingMoves(move, decision, journal);
  const there = waiting.filter((other) => isThere(other, circumstances));
  const first = moreImportant(move, { waiting, there }, journal, circumstances);
  if (first !== undefined) out.push(`critical-first: ${first.vm} is more important and waits`);
  const { isOwn, isSilent } = circumstances;
  const before = isOwn(move.vm) && !isSilent ? there.find(({ vm }) => !isOwn(vm)) : undefined;
  if (before !== undefined) out.push(`own-last: ${before.vm} of the same plan waits`);
  const closed = [...journal.orders.values()].find(
    ({ host, state }) => host === move.to && state === 'open',
  );
  if (closed !== undefined) out.push(`closed-host: ${move.to} is under order ${closed.id}`);
  const last = journal.movedAt.get(move.vm);
  const rest = circumstances.rules.cooldownSeconds;
  const mayAtOnce = move.tier === 'mandatory' || isComingHome(move);
  if (!mayAtOnce && last !== undefined && circumstances.now - last < rest) {
    out.push(`cool-down: it was moved ${Math.round(circumstances.now - last)} s ago`);
  }
  return out;
}

/** What is tried in place of a move outlives its plan: what waited of that a newer one dropped. */
function isLeftover(move: Move, { result }: Decision, journal: JournalView): boolean {
  const newest = [...journal.decisions.keys()].at(-1);
  return move.insteadOf !== undefined && newest !== result.plan.id;
}

/** Those of its plan that may be carried out and have not had their turn. */
function waitingMoves(
  move: Move,
  { result, gate }: Decision,
  journal: JournalView,
): readonly Move[] {
  const allowed = new Set(
    gate.filter(({ verdict }) => verdict === 'execute').map((one) => one.move),
  );
  const { id: plan, moves } = result.plan;
  const underWay = new Set([...journal.open.values()].map(({ record }) => record.move.vm));
  // With its order what it asked for is over: those of its moves that wait go out of the line.
  const closed = [...journal.orders.values()].filter(({ state }) => state !== 'open');
  const over = new Set(closed.map(orderFindingId));
  return moves.filter(({ id, vm, reason }) => {
    const hadItsTurn = journal.known.has(id) || journal.hasFailedSince(plan, vm);
    const isOut = hadItsTurn || underWay.has(vm) || journal.isLeftOut(plan, vm);
    return id !== move.id && allowed.has(id) && !isOut && !over.has(reason.finding);
  });
}

/** One that runs elsewhere waits for nothing: the plan before this one has brought it there. */
function isThere({ vm, from }: Move, { runningOn }: Circumstances): boolean {
  const where = runningOn(vm);
  return where.length === 0 || where.includes(from);
}

/**
 * Of the same host and tier, more important, and it may start. Who has been moved away by somebody
 * is still waited for: the plan did not know.
 */
// oxlint-disable-next-line max-params -- a move, those that wait, and what is going on
function moreImportant(
  move: Move,
  { waiting, there }: Readonly<Record<'waiting' | 'there', readonly Move[]>>,
  journal: JournalView,
  { rules, rank, isOwn, takenForOpen }: Circumstances,
): Move | undefined {
  const open = [...journal.open.values()].map(({ record }) => record.move).concat(takenForOpen);
  const served = servedBy(move, waiting).filter(({ vm }) => !isOwn(vm));
  const own = Math.min(rank(move.vm), ...served.map(({ vm }) => rank(vm)));
  return there.find((other) => {
    const isBeside = other.from === move.from && other.tier === move.tier;
    if (!isBeside || isOwn(other.vm) || rank(other.vm) >= own) return false;
    if (other.dependsOn.length > 0) return false;
    return open.filter(({ to }) => to === other.to).length < rules.perHostIn;
  });
}

/** Those that wait for the move, or for one that waits for it: it is as important as they are. */
function servedBy(move: Move, waiting: readonly Move[]): readonly Move[] {
  const reached = new Set([move.id]);
  for (const id of reached) {
    for (const other of waiting) if (other.dependsOn.includes(id)) reached.add(other.id);
  }
  return waiting.filter(({ id }) => reached.has(id));
}

function isComingHome({ reason }: Move): boolean {
  return reason.evidence.some(({ fact }) => fact === 'vm.home');
}
