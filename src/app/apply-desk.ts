/**
 * Carries out a plan that a person has handed in, one at a time. The person's order is its own
 * approval, of this plan and for as long as it is applied; all else is as for every plan: checked,
 * judged by the gate at every tick anew, carried out by the same executor. What a guard keeps back
 * in the last moment waits on, too, and is tried once more under an id of its own. What cannot
 * begin within the time that an approval holds is given up.
 *
 * The ledger keeps it until it is closed: after a restart what was not begun goes on, and what was
 * about to begin then is tried once more. Another controller does not take it up.
 */

import { type Approval, askedMove, isInForce, termFrom } from '../domain/approval.ts';
import { handedInId } from '../domain/handed-in.ts';
import type { GateVerdict, HistoryEntry, MoveRecord } from '../domain/journal.ts';
import { type MoveId, planId } from '../domain/ids.ts';
import type { Move, PlanResult } from '../domain/plan.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { Turns } from '../domain/turns.ts';
import type { ApiProblem, ApplyView } from '../ports/api.ts';
import type { AppliedPlans } from '../ports/applied-plans.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSource } from '../ports/events.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import { faultsOf, judgedAnew, ownId, planOfOpen, readPlan, standingOf } from './applied-plan.ts';
import {
  type Application,
  applicationOf,
  attemptOf,
  idIn,
  isClosed,
  isUnderWay,
  keptOf,
} from './application.ts';
import { statesOf } from './apply-left.ts';
import { viewOf } from './apply-view.ts';
import type { Dispatcher, DispatchInput } from './dispatcher.ts';
import type { PolicyStore } from './policy-store.ts';

export interface ApplyParts {
  readonly ledger: Pick<Ledger, 'addHistory' | 'move' | 'recordDecision' | keyof AppliedPlans>;
  readonly clock: Clock;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly dispatcher: Pick<Dispatcher, 'carryOut'>;
  readonly events: EventSource;
  /** Name of this controller. */
  readonly controller: string;
}

/** What a tick saw. */
export type Sight = Omit<DispatchInput, 'result'>;

interface Left {
  readonly open: readonly Move[];
  /** They wait for moves that are under way. */
  readonly held: readonly Move[];
  readonly isMoving: boolean;
}

export class ApplyDesk {
  readonly #parts: ApplyParts;
  /** Of two that come at once, the second finds the first; a tick finds it begun, or not there. */
  readonly #turns = new Turns();
  #newest: Application | undefined;
  /** What runs of it may not have ended yet: who follows it is told of its end. */
  #former: Application | undefined;
  #mayBeLeft = true;
  /** Nothing of them was begun, and the ledger could not be told so. */
  readonly #refused: Application[] = [];

  constructor(parts: ApplyParts) {
    this.#parts = parts;
    parts.events.on('move-stage', ({ move }) => this.#note(move));
    parts.events.on('move-ended', ({ move }) => this.#note(move));
  }

  /**
   * Refused as a whole, naming each difference, where the fleet is not what the plan stood on.
   * Rejects with LedgerError; nothing of it is begun then.
   */
  apply(body: unknown, by: string, sight: Sight): Promise<Result<ApplyView, ApiProblem>> {
    return this.#turns.take(() => this.#apply(body, by, sight));
  }

  /** The newest one, or the one before it; undefined: neither has this id. */
  async view(id: string): Promise<ApplyView | undefined> {
    // Who follows it asks on when the life that had it is over.
    await this.takeUp();
    const own = [this.#newest, this.#former].find((one) => one?.id === id);
    return own && this.#view(own);
  }

  isNewest(id: string): boolean {
    return this.#newest?.id === id;
  }

  /**
   * Nothing more of it is begun, also after a restart; what runs is the executor's. False: it is
   * not the newest one. Rejects with LedgerError where a restart would not know of it.
   */
  async cancel(id: string, by: string): Promise<boolean> {
    const own = this.#newest;
    if (own?.id !== id) return false;
    own.closed = 'cancelled';
    await this.#file(own, by);
    return true;
  }

  /** What a life before this one has left is this one's, from its first moment. */
  async takeUp(): Promise<void> {
    if (this.#mayBeLeft) await this.#turns.take(() => this.#takeUpLeft());
  }

  /** With every tick: what may begin now of what is left. */
  beat(sight: Sight): Promise<void> {
    return this.#turns.take(async () => {
      await this.#fileRefused();
      await this.#takeUpLeft();
      const own = this.#newest;
      if (own === undefined || own.filed) return;
      if (!isClosed(own)) await this.#carryOut(own, sight, 'again');
      if (isClosed(own)) await this.#file(own);
    });
  }

  async #apply(body: unknown, by: string, sight: Sight): Promise<Result<ApplyView, ApiProblem>> {
    const read = readPlan(body);
    if (!read.ok) return read;
    await this.#takeUpLeft();
    const former = this.#newest;
    if (former !== undefined && !isClosed(former)) {
      if (former.handedIn.key === read.value.key) return ok(await this.#view(former));
      return fail(busy(former.id));
    }
    if (former !== undefined) await this.#file(former);
    const { clock } = this.#parts;
    const standing = standingOf(read.value.moves, sight.snapshot);
    const moment = Math.round(clock.now() * 1000).toString(36);
    const id = planId(handedInId(`${read.value.key}-${moment}`));
    const faults =
      standing.differences.length > 0
        ? standing.differences
        : this.#faultsOf(id, standing.open, sight);
    if (faults.length > 0) return fail(movedOn(faults));
    const before = standing.done.map((move) => move.id);
    const { controller } = this.#parts;
    const kept = { id, by, controller, ...termFrom(clock.now()), ...read.value, before };
    const own = applicationOf(kept);
    this.#newest = own;
    try {
      await this.#carryOut(own, sight, 'first');
    } catch (error) {
      // It is on record before anything of it begins: nothing has, and it can be handed in again.
      this.#newest = former;
      // It may have been written all the same, and is not to be gone on with after a restart.
      own.closed = 'cancelled';
      await this.#file(own).catch(() => this.#refused.push(own));
      throw error;
    }
    this.#former = former;
    // From here on it goes on, so nothing that may fail is asked for its answer.
    return ok(viewOf(own, []));
  }

  #faultsOf(id: string, open: readonly Move[], { findings, snapshot }: Sight): readonly string[] {
    const { policies } = this.#parts.policies;
    const written = planOfOpen(id, open, snapshot);
    const judged = planOfOpen(id, judgedAnew(open, findings), snapshot);
    return faultsOf(judged, written, snapshot, policies);
  }

  async #carryOut(own: Application, sight: Sight, time: 'first' | 'again'): Promise<void> {
    const { clock, dispatcher } = this.#parts;
    const { isMoving, ...left } = await this.#left(own);
    const { open, held } = isInForce(own, clock.now()) ? left : { open: [], held: [] };
    const isFirst = time === 'first';
    const { findings, snapshot } = sight;
    const judged = judgedAnew(open, findings, own.handedIn.moves);
    const plan = planOfOpen(own.id, judged, snapshot, own.attempts);
    const result = { plan, report: reportOf(snapshot, isFirst ? own.by : undefined) };
    const verdicts = await dispatcher.carryOut(
      { ...sight, result },
      {
        approvals: plan.moves.map((move) => yesTo(move, own)),
        record: async (gate) => (isFirst ? this.#record(own, sight, result, gate) : undefined),
        isWanted: () => own.closed !== 'cancelled',
      },
    );
    own.verdicts = new Map(verdicts.map((verdict) => [verdict.move, verdict]));
    if (!isMoving && held.length === 0 && !verdicts.some(mayYetBegin)) own.closed ??= 'over';
  }

  /** The decision first: without it nothing of the plan is begun, and no line tells of it. */
  // oxlint-disable-next-line max-params -- who wants what, on what it stands, and what became of it
  async #record(
    own: Application,
    { findings, snapshot }: Sight,
    result: PlanResult,
    gate: readonly GateVerdict[],
  ): Promise<void> {
    const { clock, ledger, policies } = this.#parts;
    const policyRevision = policies.policies.revision;
    const decided = { plan: result.plan.id, at: clock.now(), policyRevision, findings, result };
    await ledger.recordDecision({ ...decided, gate, by: own.by });
    await ledger.addHistory(linesOf(result.plan.moves, snapshot, own));
    await ledger.keepApplied(keptOf(own));
    // Somebody was faster: there was nothing yet that could be closed.
    if (isClosed(own)) await ledger.closeApplied(own.id);
  }

  async #takeUpLeft(): Promise<void> {
    const own = this.#newest;
    if (!this.#mayBeLeft || (own !== undefined && !isClosed(own))) return;
    this.#mayBeLeft = false;
    try {
      const { clock, controller, ledger } = this.#parts;
      const plans = await ledger.appliedPlans();
      const left = plans.find(
        (one) => one.controller === controller && isInForce(one, clock.now()),
      );
      if (left === undefined || left.id === own?.id) return;
      const taken = applicationOf(left);
      catchUp(taken, await ledger.begunOf(left.id));
      this.#former = own;
      this.#newest = taken;
    } catch (error) {
      // What cannot be read will not be readable at the next look: that must not stop all ticks.
      this.#mayBeLeft = error instanceof LedgerError;
      throw error;
    }
  }

  async #file(own: Application, by?: string): Promise<void> {
    if (own.filed) return;
    await this.#parts.ledger.closeApplied(own.id, by);
    own.filed = true;
  }

  async #fileRefused(): Promise<void> {
    for (let [one] = this.#refused; one !== undefined; [one] = this.#refused) {
      await this.#file(one);
      this.#refused.shift();
    }
  }

  /** What was not begun; of what was, the ledger knows. */
  async #left(own: Application): Promise<Left> {
    const { handedIn, before } = own;
    const asked = handedIn.moves.filter((move) => !before.has(move.id));
    const records = await Promise.all(asked.map((move) => this.#recordOf(own, move)));
    const states = statesOf(asked, records);
    const left: { open: Move[]; held: Move[] } = { open: [], held: [] };
    for (const [index, move] of asked.entries()) {
      const state = states.get(move.id);
      if (state !== 'open' && state !== 'held') continue;
      left[state].push(move);
      // Neither the ledger nor the executor takes the same id twice.
      if (records[index] !== undefined) own.attempts.set(move.id, attemptOf(own, move) + 1);
    }
    return { ...left, isMoving: records.some(isUnderWay) };
  }

  /** Before anything is done with a move, and at its end, everybody is told of it. */
  #note({ id }: Pick<Move, 'id'>): void {
    if (this.#newest !== undefined && id.startsWith(`${this.#newest.id}/`))
      this.#newest.begun.add(id);
  }

  /** Undefined: it was not begun. */
  async #recordOf(own: Application, move: Move): Promise<MoveRecord | undefined> {
    const inLedger = idIn(own, move);
    const known = own.ended.get(inLedger);
    if (known !== undefined) return known;
    if (!own.begun.has(inLedger)) return undefined;
    const record = await this.#parts.ledger.move(inLedger);
    if (record?.result !== undefined) own.ended.set(inLedger, record);
    return record;
  }

  async #view(own: Application): Promise<ApplyView> {
    const records = own.handedIn.moves.map((move) => this.#recordOf(own, move));
    return viewOf(own, await Promise.all(records));
  }
}

/** How often each was tried already. What begins from here on is told (`#note`). */
function catchUp(own: Application, begun: ReadonlySet<MoveId>): void {
  for (const move of own.handedIn.moves) {
    let attempt = 0;
    while (begun.has(ownId(own.id, move, attempt + 1))) attempt += 1;
    if (attempt === 0) continue;
    own.attempts.set(move.id, attempt);
    own.begun.add(ownId(own.id, move, attempt));
  }
}

function yesTo(move: Move, { by, at, expiresAt }: Application): Approval {
  return { move: askedMove(move), by, at, expiresAt };
}

/** For the history, which knows people by what they ordered. */
function linesOf(
  moves: readonly Move[],
  snapshot: Snapshot,
  { at, by }: Application,
): readonly HistoryEntry[] {
  const names = new Map(snapshot.vms.map((vm) => [vm.id, vm.name]));
  return moves.map(({ vm, from, to }) => {
    const name = names.get(vm) ?? vm;
    const text = `${name}: its move from ${from} to ${to} was ordered by ${by} (apply)`;
    return { at, kind: 'decision', vm, host: to, from, move: undefined, text };
  });
}

/** It waits for its turn, or for something that passes; what the world has overtaken does not. */
function mayYetBegin({ verdict, refusals }: GateVerdict): boolean {
  if (verdict === 'execute') return true;
  return verdict === 'refused' && !refusals.some(({ code }) => code === 'world-moved-on');
}

function reportOf(
  { hosts, vms }: Snapshot,
  by: string | undefined,
): DispatchInput['result']['report'] {
  const stats = { hosts: hosts.length, vms: vms.length, evaluatedMoves: 0, seed: 0 };
  return {
    refusals: {},
    unresolved: [],
    notes: by === undefined ? [] : [`a plan that was applied by ${by}`],
    stats: { ...stats, stepsGranted: 0, stepsUsed: 0 },
  };
}

function busy(id: string): ApiProblem {
  return {
    status: 409,
    code: 'in-use',
    detail: `another plan is being applied (${id})`,
    hint: 'wait for its end, or cancel its moves: drover migrations, drover cancel VM',
  };
}

/** Enough to see what happened; a fleet that has changed altogether is not told VM by VM. */
const MOST_FAULTS = 20;

function movedOn(faults: readonly string[]): ApiProblem {
  const more = faults.length - MOST_FAULTS;
  const rest = more > 0 ? [`and ${more} more`] : [];
  const list = [...faults.slice(0, MOST_FAULTS), ...rest].join('\n  ');
  return {
    status: 409,
    code: 'world-moved-on',
    detail: `nothing of the plan was begun, the fleet has moved on:\n  ${list}`,
    hint: 'plan anew: drover plan --json',
  };
}
