/**
 * The six stages of a move (after Clark et al., "Live migration of virtual machines", NSDI 2005)
 * as one table of do, undo and probe. Every `do` and `undo` may be run twice, except that a
 * migration is started at most once: whether it was, is asked, never assumed.
 *
 * The point of no return lies in pre-copy (switch to post-copy) or stop-and-copy (the target
 * resumes). It is not kept in a flag: an undo is only ever reached after the VM was seen on its
 * source, or when nothing was started.
 */

import { Allowances } from '../domain/allowances.ts';
import type { Breaker } from '../domain/breaker.ts';
import { cpuDemand, memoryNeed } from '../domain/demand.ts';
import { actingAs, leaseRefusal } from '../domain/own-vm.ts';
import { isTakenBack } from '../domain/order.ts';
import type { Move } from '../domain/plan.ts';
import type { Refusal } from '../domain/refusal.ts';
import { assertNever } from '../domain/result.ts';
import { hostOf, vmOf } from '../domain/snapshot-index.ts';
import type { Reservation } from '../domain/snapshot.ts';
import { cores } from '../domain/units.ts';
import { AdapterError } from '../ports/metric-source.ts';
import { commit } from './commitment.ts';
import { cleanTarget } from './debris.ts';
import { askGuest } from './guest-answers.ts';
import { misfit, type Misfit } from './fits.ts';
import { windowObjections } from './guards.ts';
import { modeOf, strictest } from './mode.ts';
import {
  ask,
  askAgain,
  type MoveTask,
  NEXT,
  noteElsewhere,
  placeIn,
  sight,
  type StageDefinition,
  type StageEnd,
} from './move-task.ts';
import { oldDisks } from './old-disks.ts';
import { isReady, mayRestart, notDead } from './restart.ts';
import type { Running } from './running.ts';
import { overBudget } from './spent.ts';
import { STANDS_SECONDS } from './standing.ts';
import { watchMove } from './watch.ts';
import { afterSwitchover, describeWhereabouts, type Looks } from './whereabouts.ts';

export const STAGE_TABLE: readonly StageDefinition[] = [
  {
    stage: 'pre-migration',
    mayWait: true,
    do: checkAgain,
    undo: nothingToUndo,
    probe: () => 'nothing',
  },
  { stage: 'reservation', mayWait: true, do: reserve, undo: release, probe: () => 'nothing' },
  { stage: 'pre-copy', do: startAndFollow, undo: cleanTarget, probe: () => 'again' },
  { stage: 'stop-and-copy', do: followToTheEnd, undo: nothingToUndo, probe: () => 'again' },
  { stage: 'commitment', do: commit, undo: nothingToUndo, probe: () => 'again' },
  { stage: 'activation', do: activate, undo: nothingToUndo, probe: () => 'again' },
];

function nothingToUndo(): Promise<string> {
  return Promise.resolve('');
}

/**
 * What people have decided since the plan was judged: the kill switch, that the order which asks
 * for it is taken back, an order for the target, a window, the mode; the breakers that opened
 * since, and what is spent of the budgets. Asked before the first stage: a move that is held back
 * by it was not begun, and so does not count as one that came to nothing. Undefined: nothing holds
 * it back.
 */
export async function heldBack(task: MoveTask): Promise<Misfit | undefined> {
  const { move, parts } = task;
  task.heldAskedAt = parts.clock.monotonic();
  const { readAt, paused, orders } = await parts.standing.read();
  // Unless it is to be asked again in any case.
  task.heldAskedAt = Math.min(task.heldAskedAt, readAt);
  if (paused) return { code: 'paused', detail: 'Drover was paused' };
  if (!task.isHandedIn && isTakenBack(move.reason.finding, orders)) {
    return { code: 'world-moved-on', detail: 'the order that asked for it was taken back' };
  }
  const order = orders.find((one) => one.host === move.to && one.state === 'open');
  if (order !== undefined) {
    return { code: 'quarantined', detail: `${order.kind} of ${move.to} was ordered meanwhile` };
  }
  const policies = parts.settings();
  const world = parts.world(move);
  const [from, to] = [move.from, move.to].map((id) => hostOf(world, id));
  if (from !== undefined && to !== undefined) {
    const mode = strictest(modeOf(from, policies), modeOf(to, policies));
    if (mode === 'observe') return { code: 'world-moved-on', detail: 'the mode is observe by now' };
    const breakers = (parts.breakers?.() ?? []).filter((one) => !isAboutFirst(move, one));
    // Budgets are asked below, and not of all.
    const counted = { ...world, breakers, recentMoves: [] };
    const allowances = new Allowances(counted, policies.limits, parts.clock.now());
    const [open] = allowances.against({ vm: move.vm, from, to }, 'mandatory', false);
    if (open !== undefined) return open;
  }
  const [closed] = windowObjections(move, policies, parts.clock.now());
  return closed ?? (await overBudget(task, parts.standing.spent)) ?? (await stillActing(task));
}

/**
 * The same once more, where a host or the disk has kept the move waiting since: in that time people
 * may have decided otherwise. Of a move that was found open nobody asks: it may run.
 */
export async function heldMeanwhile(task: MoveTask): Promise<Misfit | undefined> {
  const { heldAskedAt, parts } = task;
  if (heldAskedAt === undefined) return undefined;
  const isNew = parts.clock.monotonic() - heldAskedAt <= STANDS_SECONDS;
  return isNew ? undefined : heldBack(task);
}

/** However short a time ago it was asked. */
export function askHeldAgain({ task }: Pick<Running, 'task'>): void {
  if (task?.heldAskedAt !== undefined) task.heldAskedAt = Number.NEGATIVE_INFINITY;
}

/** Who had no lease when the plan was made may have taken one while the move waited. */
async function stillActing({ move, parts }: MoveTask): Promise<Misfit | undefined> {
  const own = vmOf(parts.world(move), move.vm)?.own;
  if (own === undefined || parts.acting === undefined) return undefined;
  const { ownWithoutStandby } = parts.settings().migration;
  return leaseRefusal(actingAs(own, await parts.acting()), ownWithoutStandby);
}

/** That the move failed in whose place this one is tried says nothing against this one. */
function isAboutFirst({ insteadOf, vm }: Move, { subject }: Breaker): boolean {
  return insteadOf !== undefined && subject.kind === 'pair' && subject.vm === vm;
}

/** 0: the plan is some seconds old. Everything that it assumed is looked at again. */
async function checkAgain(task: MoveTask, written: () => Promise<void>): Promise<StageEnd> {
  const { move, hypervisor, parts } = task;
  if (!hypervisor.capabilities.methods.includes(move.method)) {
    return { kind: 'skipped', code: 'method-unsupported', detail: move.method };
  }
  const objection = misfit(move, parts.world(move), parts.settings());
  if (objection !== undefined) return { kind: 'skipped', ...objection };
  try {
    return (await againstTheHypervisor(task, written)) ?? NEXT;
  } catch (error) {
    // Nothing was started yet, so nothing has to be found out first.
    if (!(error instanceof AdapterError)) throw error;
    return { kind: 'skipped', code: 'hypervisor', detail: error.message };
  }
}

/** Where the VM is and whether it may go are asked together: an evacuation waits for both. */
async function againstTheHypervisor(
  task: MoveTask,
  written: () => Promise<void>,
): Promise<StageEnd | undefined> {
  const unwanted = new AbortController();
  const refusals = precheck(task, unwanted.signal);
  // Nothing of what was asked is under way when the stage has ended.
  const answered = refusals.catch(() => undefined);
  const { order } = task;
  try {
    const looks = await sight(task);
    const place = placeIn(looks, task);
    if (!isReady(place, task)) {
      if (place.kind === 'elsewhere') task.seenOn = place.host;
      else if (place.kind === 'target') task.seenOn = order.to;
      return { kind: 'skipped', code: 'world-moved-on', detail: describeWhereabouts(place) };
    }
    if (task.move.method === 'restart') {
      return skippedBy((await notDead(task)) ?? (await refusals)[0]);
    }
    if (!looks.sightings.some(({ host }) => host === order.to)) {
      return skippedBy((await refusals)[0]);
    }
    await written();
    const remains = await cleanTarget(task);
    if (remains !== '') return { kind: 'failed', detail: remains, remains: true };
    // What was said before may have been about the remains.
    return skippedBy((await precheck(task))[0]);
  } finally {
    // A host that does not answer is not asked again for what is not needed any more.
    unwanted.abort();
    await answered;
  }
}

async function precheck(task: MoveTask, unwanted?: AbortSignal): Promise<readonly Refusal[]> {
  const { hypervisor, order } = task;
  if (!hypervisor.capabilities.precheck) return [];
  // A pause that is cut short is followed by one more call.
  const ask = async (signal: AbortSignal): Promise<readonly Refusal[]> =>
    unwanted?.aborted === true ? [] : hypervisor.precheck(order, signal);
  return askAgain(task, ask, unwanted);
}

function skippedBy(reason: Misfit | undefined): StageEnd | undefined {
  return reason && { kind: 'skipped', code: reason.code, detail: reason.detail };
}

/** 1: the capacity is held in the ledger, so that no plan counts on it. */
async function reserve(task: MoveTask): Promise<StageEnd> {
  const { move, parts } = task;
  const world = parts.world(move);
  const vm = vmOf(world, move.vm);
  if (vm === undefined) {
    return { kind: 'skipped', code: 'world-moved-on', detail: `${move.vm} is gone` };
  }
  const speed = hostOf(world, vm.host)?.cpu.coreSpeed ?? 1;
  const demand = cpuDemand(vm);
  // Unknown is not nothing: the most that it can use is held.
  const used = demand.kind === 'known' ? demand.value : vm.vcpus;
  const holds: Reservation = {
    move: move.id,
    vm: move.vm,
    host: move.to,
    memoryBytes: memoryNeed(vm),
    cpu: cores(used * speed),
  };
  task.oldDisks = oldDisks(move, vm, hostOf(world, move.to));
  return { kind: 'next', note: task.oldDisks, holds };
}

async function release(task: MoveTask): Promise<string> {
  await task.parts.ledger.release(task.move.id);
  return '';
}

/**
 * 2: the only place where a migration is started. Not retried: when the answer is lost, nobody
 * knows whether it was taken, and a second call could start it a second time. What became of it
 * is then found out by following it.
 */
async function startAndFollow(task: MoveTask): Promise<StageEnd> {
  if (task.adopted || task.isAskedFor === true) return watchMove(task, 'switchover');
  const held = await heldMeanwhile(task);
  if (task.cancelled !== undefined) return { kind: 'cancelled', detail: task.cancelled };
  if (held !== undefined) return { kind: 'skipped', ...held, held: true };
  const alive = task.move.method === 'restart' ? await mayRestart(task) : undefined;
  if (alive !== undefined) return { kind: 'skipped', ...alive };
  const { hypervisor, order } = task;
  let problem: string | undefined;
  task.isAskedFor = true;
  try {
    const answer = await ask(task, (signal) => hypervisor.startMove(order, signal));
    // The refusal may be about a start of the same move that went before: looked at, too.
    if (!answer.ok) {
      problem = `not started (${answer.error.code}): ${answer.error.detail}`;
      task.isRefused = true;
    }
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    task.seen('unreachable');
    // A minute may have passed: it may have arrived in it.
    task.wasUnseen = true;
    problem = `asked to start (${error.code}): ${error.message}`;
  }
  const end = await watchMove(task, 'switchover');
  if (end.kind !== 'failed' || problem === undefined) return end;
  return { kind: 'failed', detail: `${problem}; ${end.detail}` };
}

/** 3: the blackout. Nothing to steer any more. */
function followToTheEnd(task: MoveTask): Promise<StageEnd> {
  return watchMove(task, 'end');
}

/** 5: the capacity is the VM's own now. While Drover was away somebody may have moved it on. */
async function activate(task: MoveTask): Promise<StageEnd> {
  const { adopted, move, parts } = task;
  await parts.ledger.release(move.id);
  const end = adopted ? await lookWhereItIs(task) : NEXT;
  if (end.kind === 'next') await askGuest(task);
  return end;
}

/** It had arrived: that it cannot be asked about by now does not change how the move ended. */
async function lookWhereItIs(task: MoveTask): Promise<StageEnd> {
  let looks: Looks;
  try {
    looks = await sight(task, ask);
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    task.seen('unreachable');
    return NEXT;
  }
  const place = afterSwitchover(placeIn(looks, task), looks, task.order.to);
  switch (place.kind) {
    case 'target':
    case 'arriving':
    case 'unknown':
      return NEXT;
    case 'source':
    case 'elsewhere':
      noteElsewhere(task, place.kind === 'source' ? task.order.from : place.host);
      return NEXT;
    case 'down':
    case 'stopped':
      task.byNow = `by now ${describeWhereabouts(place)}`;
      return NEXT;
    case 'twice':
    case 'broken':
      return { kind: 'needs-human', detail: describeWhereabouts(place) };
    default:
      return assertNever(place, 'whereabouts');
  }
}
