/**
 * Carries out a plan that a person has handed in, one at a time. The person's order is its own
 * approval; all else is as for every plan: checked, judged by the gate at every tick anew, carried
 * out by the same executor. What cannot begin within the time that an approval holds is given up.
 *
 * It lives in memory: after a restart, moves that run are taken up like all others, and the plan
 * can be applied again, which leaves alone what is done.
 */

import { type Approval, askedMove, isInForce, termFrom } from '../domain/approval.ts';
import type { GateVerdict, HistoryEntry, MoveRecord } from '../domain/journal.ts';
import type { MoveId } from '../domain/ids.ts';
import type { Move } from '../domain/plan.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { EpochSeconds } from '../domain/units.ts';
import type { ApiProblem, AppliedMove, ApplyView } from '../ports/api.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import {
  faultsOf,
  type HandedIn,
  ownId,
  planOfOpen,
  readPlan,
  standingOf,
} from './applied-plan.ts';
import type { Dispatcher, DispatchInput } from './dispatcher.ts';
import type { PolicyStore } from './policy-store.ts';

export interface ApplyParts {
  readonly ledger: Pick<Ledger, 'addHistory' | 'giveApprovals' | 'move' | 'recordDecision'>;
  readonly clock: Clock;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly dispatcher: Pick<Dispatcher, 'carryOut'>;
}

/** What a tick saw. */
export type Sight = Omit<DispatchInput, 'result'>;

interface Application {
  readonly id: string;
  readonly handedIn: HandedIn;
  readonly at: EpochSeconds;
  readonly expiresAt: EpochSeconds;
  /** Done before it was handed in: nobody has to do them. */
  readonly before: ReadonlySet<MoveId>;
  verdicts: ReadonlyMap<MoveId, GateVerdict>;
  /** Moves that have ended; their records change no more. */
  readonly ended: Map<MoveId, MoveRecord>;
  over: boolean;
}

interface Left {
  readonly open: readonly Move[];
  /** They wait for moves that are under way. */
  readonly held: readonly Move[];
}

const NOTHING_LEFT: Left = { open: [], held: [] };

export class ApplyDesk {
  readonly #parts: ApplyParts;
  #newest: Application | undefined;

  constructor(parts: ApplyParts) {
    this.#parts = parts;
  }

  /** Refused as a whole, naming each difference, where the fleet is not what the plan stood on. */
  async apply(body: unknown, by: string, sight: Sight): Promise<Result<ApplyView, ApiProblem>> {
    const read = readPlan(body);
    if (!read.ok) return read;
    const running = this.#newest;
    if (running !== undefined && !running.over) {
      if (running.handedIn.key === read.value.key) return ok(await this.#view(running));
      return fail(busy(running.id));
    }
    const { clock, policies } = this.#parts;
    const standing = standingOf(read.value.moves, sight.snapshot);
    const id = `apply-${read.value.key}-${Math.round(clock.now() * 1000).toString(36)}`;
    const plan = planOfOpen(id, standing.open, sight.snapshot);
    const faults =
      standing.differences.length > 0
        ? standing.differences
        : faultsOf(plan, sight.snapshot, policies.policies);
    if (faults.length > 0) return fail(movedOn(faults));
    const term = termFrom(clock.now());
    const before = new Set(standing.done.map((move) => move.id));
    const own: Application = {
      id,
      handedIn: read.value,
      ...term,
      before,
      verdicts: new Map(),
      ended: new Map(),
      over: false,
    };
    await this.#approve(plan.moves, sight.snapshot, by);
    this.#newest = own;
    await this.#carryOut(own, sight, by);
    return ok(await this.#view(own));
  }

  /** The newest one; undefined: none has this id. */
  async view(id: string): Promise<ApplyView | undefined> {
    return this.#newest?.id === id ? this.#view(this.#newest) : undefined;
  }

  isNewest(id: string): boolean {
    return this.#newest?.id === id;
  }

  /** Nothing more of it is begun; what runs is the executor's. False: it is not the newest one. */
  cancel(id: string): boolean {
    if (this.#newest?.id !== id) return false;
    this.#newest.over = true;
    return true;
  }

  /** With every tick: what may begin now of what is left. */
  async beat(sight: Sight): Promise<void> {
    const own = this.#newest;
    if (own === undefined || own.over) return;
    await this.#carryOut(own, sight, undefined);
  }

  async #carryOut(own: Application, sight: Sight, by: string | undefined): Promise<void> {
    const { clock, dispatcher, ledger, policies } = this.#parts;
    const { open, held } = isInForce(own, clock.now()) ? await this.#left(own) : NOTHING_LEFT;
    const plan = planOfOpen(own.id, open, sight.snapshot);
    const result = { plan, report: reportOf(sight.snapshot, by) };
    const verdicts = await dispatcher.carryOut({ ...sight, result });
    own.verdicts = new Map(verdicts.map((verdict) => [verdict.move, verdict]));
    if (by !== undefined) {
      const { findings } = sight;
      const policyRevision = policies.policies.revision;
      const decided = { plan: plan.id, at: clock.now(), policyRevision, findings, result };
      await ledger.recordDecision({ ...decided, gate: verdicts });
    }
    const flying = new Set(sight.snapshot.inFlight.map((flight) => flight.move));
    const isMoving = own.handedIn.moves.some((move) => flying.has(ownId(own.id, move)));
    own.over = !isMoving && held.length === 0 && !verdicts.some(mayYetBegin);
  }

  /** What was not begun; of what was, the ledger knows. */
  async #left(own: Application): Promise<Left> {
    const { handedIn, before } = own;
    const asked = handedIn.moves.filter((move) => !before.has(move.id));
    const records = await Promise.all(asked.map((move) => this.#recordOf(own, move)));
    const states = new Map<MoveId, 'running' | 'failed' | 'open' | 'held'>();
    const left: { open: Move[]; held: Move[] } = { open: [], held: [] };
    for (const [index, move] of asked.entries()) {
      const record = records[index];
      const outcome = record?.result?.outcome;
      if (outcome === 'succeeded') continue;
      if (record !== undefined) {
        states.set(move.id, outcome === undefined ? 'running' : 'failed');
        continue;
      }
      const needs = move.dependsOn.map((one) => states.get(one));
      // What waited for a move that came to nothing is not begun any more.
      if (needs.includes('failed')) states.set(move.id, 'failed');
      else {
        const where = needs.some((one) => one === 'running' || one === 'held') ? 'held' : 'open';
        states.set(move.id, where);
        left[where].push(move);
      }
    }
    return left;
  }

  async #recordOf(own: Application, { id }: Move): Promise<MoveRecord | undefined> {
    const known = own.ended.get(id);
    if (known !== undefined) return known;
    const record = await this.#parts.ledger.move(ownId(own.id, { id }));
    if (record?.result !== undefined) own.ended.set(id, record);
    return record;
  }

  async #approve(moves: readonly Move[], snapshot: Snapshot, by: string): Promise<void> {
    const { clock, ledger } = this.#parts;
    const now = clock.now();
    const term = termFrom(now);
    const names = new Map(snapshot.vms.map((vm) => [vm.id, vm.name]));
    const line = (move: Move): HistoryEntry => {
      const { vm, from, to } = move;
      const name = names.get(vm) ?? vm;
      const text = `${name}: its move from ${from} to ${to} was ordered by ${by} (apply)`;
      return { at: now, kind: 'decision', vm, host: to, from, move: undefined, text };
    };
    await ledger.addHistory(moves.map(line));
    const given = moves.map((move): Approval => ({ move: askedMove(move), by, ...term }));
    await ledger.giveApprovals(given, now);
  }

  async #view(application: Application): Promise<ApplyView> {
    const { id, handedIn, before, verdicts, over } = application;
    const moves = handedIn.moves.map(async (move): Promise<AppliedMove> => {
      const { vm, from, to } = move;
      const about = { vm, from, to };
      if (before.has(move.id)) return { ...about, state: 'succeeded', detail: 'done before' };
      const record = await this.#recordOf(application, move);
      if (record?.result !== undefined) {
        const { outcome, detail } = record.result;
        return { ...about, state: outcome, detail };
      }
      if (record !== undefined) {
        return { ...about, state: 'moving', detail: record.stages.at(-1)?.stage ?? 'opened' };
      }
      const verdict = verdicts.get(ownId(id, move));
      const isFree = verdict?.verdict === 'execute' && !over;
      const detail = isFree ? '' : whyNot(verdict);
      return { ...about, state: over ? 'not-begun' : 'waiting', detail };
    });
    return { id, over, moves: await Promise.all(moves) };
  }
}

/** It waits for its turn, or for something that passes; what the world has overtaken does not. */
function mayYetBegin({ verdict, refusals }: GateVerdict): boolean {
  if (verdict === 'execute') return true;
  return verdict === 'refused' && !refusals.some(({ code }) => code === 'world-moved-on');
}

function whyNot(verdict: GateVerdict | undefined): string {
  if (verdict === undefined) return 'its time was over';
  if (verdict.verdict === 'would-execute') return 'mode observe: nothing is carried out';
  return verdict.refusals.map(({ code, detail }) => `${code} ${detail}`.trim()).join('; ');
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
