/**
 * Between plan and execution: asks the gate, writes the decision down, hands what may run to the
 * executor, and takes approvals. There is no other way to a move. One thing at a time: a plan that
 * is judged and an approval that is given wait for each other.
 */

import {
  type Approval,
  approvalKey,
  type AskedMove,
  askedMove,
  isInForce,
  termFrom,
} from '../domain/approval.ts';
import type { Finding } from '../domain/finding.ts';
import type { HostId, PlanId } from '../domain/ids.ts';
import type { GateVerdict, HistoryEntry } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { Move, Plan, PlanResult } from '../domain/plan.ts';
import { inSlices, type Pause } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Executor } from '../execute/executor.ts';
import type { Lane } from '../execute/waiting-line.ts';
import { AskedRepairs, greatRepair, greatRepairText, withAsked } from '../execute/great-repair.ts';
import { type GateCounters, gateInSlices, readGateCounters } from '../execute/gate.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import { ClockWatch } from './clock-watch.ts';
import type { PolicyStore } from './policy-store.ts';
import type { DecisionArchive } from './decision-archive.ts';
import type { PlanJob } from './plan-job.ts';
import { Turns } from '../domain/turns.ts';

export interface DispatchInput {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly orders: readonly Order[];
  readonly result: PlanResult;
  /** What it was planned from; absent: it was handed in. */
  readonly job?: PlanJob | undefined;
}

/** What goes with a plan that a person has handed in. */
export interface HandedInTerms {
  /** They hold for this plan alone. */
  readonly approvals: readonly Approval[];
  /** Before anything of it begins. */
  readonly record: (verdicts: readonly GateVerdict[]) => Promise<void>;
  /** False: it was taken back meanwhile, and nothing of it is begun. Asked last of all. */
  readonly isWanted: () => boolean;
}

export interface DispatcherParts {
  readonly ledger: Ledger;
  readonly executor: Pick<Executor, 'submit' | 'dropWaiting' | 'inFlight' | 'openOf'>;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly archive: Pick<DecisionArchive, 'keep'>;
  /** Another controller acts on the host, by plans of its own. */
  readonly isElsewhere: (host: HostId) => boolean;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Undefined: plans are judged in one go. */
  readonly pause?: Pause | undefined;
}

/** The newest plan, and by what it was judged. */
interface Judged {
  readonly input: DispatchInput;
  /** As they were before anything of this plan was begun: its own moves are not counted twice. */
  readonly counters: GateCounters;
  readonly verdicts: readonly GateVerdict[];
}

/** What became of the moves that the approved plan had asked for; each is in one of the lists. */
export interface Approved {
  readonly kind: 'approved';
  /** Handed to the executor. */
  readonly run: readonly AskedMove[];
  /** Approved, and held back by something else for now. */
  readonly held: readonly { readonly move: AskedMove; readonly verdict: GateVerdict }[];
  /** Allowed already, by an earlier approval: they wait for their turn, or are under way. */
  readonly before: readonly AskedMove[];
  /** The newest plan does not have them. */
  readonly gone: readonly AskedMove[];
  /** Approved for the controller that holds them: it takes that up at its next tick. */
  readonly elsewhere: readonly AskedMove[];
  /** The newest plan and its verdicts by now; undefined: there is none. */
  readonly newest?: { readonly plan: PlanId; readonly verdicts: readonly GateVerdict[] };
}

export type ApproveAnswer =
  | Approved
  /** No plan of that id asked for an approval, or it is too long ago. */
  | { readonly kind: 'unknown' }
  /** There is no plan at this moment that anything could run of. */
  | { readonly kind: 'no-plan' };

const PLANNED = { lane: 'planned', approvals: [] } as const;

export class Dispatcher {
  readonly #parts: DispatcherParts;
  #newest: Judged | undefined;
  /** What was last written down, so that an unchanged decision is not repeated at every tick. */
  #lastRecorded = '';
  readonly #running = new Set<Promise<void>>();
  /** The plan of a person that was last submitted. */
  #ordered: PlanId | undefined;
  readonly #turns = new Turns();
  readonly #clockWatch: ClockWatch;
  #isRepairTold = false;
  readonly #askedRepairs = new AskedRepairs();

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#clockWatch = new ClockWatch(parts.clock, parts.events);
  }

  dispatch(input: DispatchInput): Promise<readonly GateVerdict[]> {
    return this.#turns.take(async () => {
      // Should this fail, then nothing of an older plan can be approved any more.
      this.#newest = undefined;
      const { plan } = input.result;
      const counters = await this.#counters(plan);
      const verdicts = await this.#judge(input, counters);
      const isNew = await this.#record(input, verdicts);
      await this.#show({ input, counters, verdicts });
      this.#newest = { input, counters, verdicts };
      this.#submit(input, verdicts);
      if (isNew) this.#keep(input);
      return verdicts;
    });
  }

  /** A person's own plan: judged like every other, and carried out beside the newest one. */
  carryOut(input: DispatchInput, terms: HandedInTerms): Promise<readonly GateVerdict[]> {
    return this.#turns.take(async () => {
      const counters = await this.#counters(input.result.plan);
      const { approvals } = terms;
      const verdicts = await this.#judge(input, counters, { lane: 'ordered', approvals });
      await terms.record(verdicts);
      this.#submit(input, terms.isWanted() ? verdicts : [], 'ordered');
      return verdicts;
    });
  }

  /** The newest plan is not to be carried out. Nor is anything older that has not begun. */
  reject(): Promise<void> {
    return this.#turns.take(async () => {
      this.#newest = undefined;
      this.#lastRecorded = '';
      this.#parts.executor.dropWaiting();
    });
  }

  /**
   * Approves what waited in a plan that was shown lately, as far as the newest plan still wants
   * it, and carries out what may run now.
   */
  approve(plan: PlanId, by: string): Promise<ApproveAnswer> {
    return this.#turns.take(() => this.#approve(plan, by));
  }

  /** Resolves when nothing that was submitted runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #approve(plan: PlanId, by: string): Promise<ApproveAnswer> {
    const { clock, ledger } = this.#parts;
    const now = clock.now();
    const shown = await ledger.shownPlan(plan);
    if (shown === undefined || !isInForce(shown, now)) return { kind: 'unknown' };
    const elsewhere = shown.moves.filter(({ from }) => this.#parts.isElsewhere(from));
    const here = shown.moves.filter((move) => !elsewhere.includes(move));
    const newest = this.#newest;
    if (newest === undefined && elsewhere.length === 0) return { kind: 'no-plan' };
    const nothing = { kind: 'approved', run: [], held: [], before: [], gone: here } as const;
    const answer = newest === undefined ? nothing : await this.#approveHere(newest, here, by);
    if (elsewhere.length > 0) await this.#approveElsewhere(elsewhere, by);
    return { ...answer, elsewhere };
  }

  /** The approval is all that the holder needs: its gate asks the ledger for it. */
  async #approveElsewhere(moves: readonly AskedMove[], by: string): Promise<void> {
    const { clock, ledger } = this.#parts;
    const now = clock.now();
    const known = new Set(
      (await ledger.approvals()).filter((one) => isInForce(one, now)).map(keyIn),
    );
    const fresh = moves.filter((move) => !known.has(approvalKey(move)));
    await ledger.addHistory(fresh.map((move) => foreignLine(move, by, now)));
    const term = termFrom(now);
    await ledger.giveApprovals(
      fresh.map((move) => ({ move, by, ...term })),
      now,
    );
  }

  async #approveHere(
    newest: Judged,
    here: readonly AskedMove[],
    by: string,
  ): Promise<Omit<Approved, 'elsewhere'>> {
    const { clock, ledger } = this.#parts;
    const now = clock.now();
    const { input, counters, verdicts: old } = newest;
    // What waits after it, by another id perhaps, is told anew.
    this.#isRepairTold = false;
    const asked = new Set(here.map(approvalKey));
    const wanted = input.result.plan.moves.filter(
      (move, index) => asked.has(keyOf(move)) && old[index]?.verdict !== 'execute',
    );
    if (wanted.length === 0) return this.#answer(here, new Set(), newest);
    await ledger.addHistory(wanted.map((move) => approvalLine(move, input.snapshot, by, now)));
    const term = termFrom(now);
    const given = wanted.map((move): Approval => ({ move: askedMove(move), by, ...term }));
    await ledger.giveApprovals(given, now);
    // What was cancelled since rests; budgets are those of before, without the plan's own moves.
    const { troubles } = await this.#counters(input.result.plan);
    const about = { ...counters, ...(troubles && { troubles }) };
    const verdicts = await this.#judge(input, about);
    const isNew = await this.#record(input, verdicts);
    const judged = { input, counters: about, verdicts };
    this.#newest = judged;
    this.#submit(input, verdicts);
    if (isNew) this.#keep(input);
    return this.#answer(here, new Set(wanted.map(keyOf)), judged);
  }

  /** @param given keys of the moves that were approved just now. */
  #answer(
    asked: readonly AskedMove[],
    given: ReadonlySet<string>,
    { input, verdicts }: Judged,
  ): Omit<Approved, 'elsewhere'> {
    const { plan } = input.result;
    const now = new Map(plan.moves.map((move, index) => [keyOf(move), verdicts[index]]));
    const moving = new Set(this.#parts.executor.inFlight().map(({ vm, to }) => `${vm} ${to}`));
    const run: AskedMove[] = [];
    const held: Approved['held'][number][] = [];
    const before: AskedMove[] = [];
    const gone: AskedMove[] = [];
    for (const move of asked) {
      const key = approvalKey(move);
      const verdict = now.get(key);
      if (given.has(key) && verdict?.verdict === 'execute') run.push(move);
      else if (given.has(key) && verdict !== undefined) held.push({ move, verdict });
      else if (verdict !== undefined || moving.has(`${move.vm} ${move.to}`)) before.push(move);
      else gone.push(move);
    }
    return { kind: 'approved', run, held, before, gone, newest: { plan: plan.id, verdicts } };
  }

  #counters(plan: Plan): Promise<GateCounters> {
    const { clock, ledger } = this.#parts;
    return readGateCounters(ledger, plan, clock.now());
  }

  /** Leases were taken: others may have asked about repairs there. */
  tookOver(): void {
    this.#askedRepairs.tookOver();
  }

  async #judge(
    input: DispatchInput,
    counters: GateCounters,
    own: { readonly lane: Lane; readonly approvals: readonly Approval[] } = PLANNED,
  ): Promise<readonly GateVerdict[]> {
    const { clock, events, ledger, policies } = this.#parts;
    const { plan } = input.result;
    const [given, { paused }] = await Promise.all([ledger.approvals(), ledger.paused()]);
    const { snapshot, findings } = input;
    const request = { plan, snapshot, findings, policies: policies.policies, now: clock.now() };
    const clockRest = this.#clockWatch.look(policies.policies.limits.cooldownSeconds);
    const approvals = [...given, ...own.approvals];
    const waiting = own.lane === 'planned' ? this.#orderedAndWaiting() : [];
    const about = { paused, approvals, counters, clockRest, waiting };
    await this.#askedRepairs.load(ledger);
    const { about: askedAbout } = this.#askedRepairs;
    const asked = gateInSlices({ ...request, ...about, askedAbout });
    const verdicts = await inSlices(asked, this.#parts.pause);
    events.emit('gated', { plan: plan.id, verdicts });
    return verdicts;
  }

  /**
   * What was granted to a person's plan, and has not begun: the planner's leaves room for it. Not
   * the other way: what the planner wants anew at every tick and cannot begin would keep a person's
   * plan waiting for ever. Budgets are asked again before each start: nothing is spent twice.
   */
  #orderedAndWaiting(): readonly Move[] {
    const { executor } = this.#parts;
    if (this.#ordered === undefined) return [];
    const begun = new Set(executor.inFlight().map(({ move }) => move));
    return executor.openOf(this.#ordered).filter(({ id }) => !begun.has(id));
  }

  /** False: it was written down before. */
  async #record(input: DispatchInput, verdicts: readonly GateVerdict[]): Promise<boolean> {
    const { result, findings } = input;
    const moves = result.plan.moves.map(keyOf);
    const key = JSON.stringify([moves, verdicts.map(verdictKey), findings.map(({ id }) => id)]);
    const executes = verdicts.some(({ verdict }) => verdict === 'execute');
    if (key === this.#lastRecorded && !executes) return false;
    await this.#parts.ledger.recordDecision({
      plan: result.plan.id,
      at: this.#parts.clock.now(),
      policyRevision: this.#parts.policies.policies.revision,
      findings,
      result,
      gate: verdicts,
    });
    this.#lastRecorded = key;
    return true;
  }

  /** For a replay; no move waits for it. */
  #keep({ job, result }: DispatchInput): void {
    if (job !== undefined) this.#parts.archive.keep(result.plan.id, job);
  }

  /** A person reads, thinks and answers while ticks go by: the id has to be good until then. */
  async #show({ input, counters, verdicts }: Judged): Promise<void> {
    const { plan } = input.result;
    const waiting = plan.moves.filter((_, index) => verdicts[index]?.verdict === 'needs-approval');
    this.#tellOfRepair(input, counters, waiting);
    if (waiting.length === 0) return;
    const term = termFrom(this.#parts.clock.now());
    await this.#parts.ledger.showPlan({ plan: plan.id, moves: waiting.map(askedMove), ...term });
  }

  /** Once, when it begins, and anew where a yes was given and more of it waits. */
  #tellOfRepair(
    { findings, result: { plan } }: DispatchInput,
    { repaired }: GateCounters,
    waiting: readonly Move[],
  ): void {
    const { limits } = this.#parts.policies.policies;
    const repairs = waiting.filter(({ tier }) => tier === 'corrective');
    const count = greatRepair(plan, repaired ?? new Set(), limits);
    this.#askedRepairs.note(repairs, count !== undefined, findings);
    const { about } = this.#askedRepairs;
    const open = repairs.filter(({ reason }) => about.has(reason.finding)).length;
    const wasTold = this.#isRepairTold;
    this.#isRepairTold = open > 0;
    if (open === 0 || wasTold) return;
    const text = greatRepairText(plan, { count, open }, limits);
    this.#parts.events.emit('warning', { key: 'great repair', text });
  }

  #submit(input: DispatchInput, verdicts: readonly GateVerdict[], lane: Lane = 'planned'): void {
    if (lane === 'ordered') this.#ordered = input.result.plan.id;
    // Also when nothing may run: what waits from an older plan is dropped by a newer one.
    const run = this.#parts.executor
      .submit(withAsked(input.result.plan, verdicts), verdicts, lane)
      .catch((error: unknown) => {
        this.#parts.events.emit('failure', { where: 'executor', error });
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }
}

function keyOf(move: Move): string {
  return approvalKey(askedMove(move));
}

function keyIn({ move }: Approval): string {
  return approvalKey(move);
}

function foreignLine(
  { vm, from, to }: AskedMove,
  by: string,
  at: HistoryEntry['at'],
): HistoryEntry {
  const text = `${vm}: its move from ${from} to ${to} was approved by ${by}`;
  return { at, kind: 'decision', vm, host: to, from, move: undefined, text };
}

/** Without the figures, which change from tick to tick. */
function verdictKey({ verdict, mode, refusals }: GateVerdict): string {
  return [verdict, mode, ...refusals.map(({ code }) => code)].join(' ');
}

// oxlint-disable-next-line max-params -- what, of which fleet, who and when
function approvalLine(
  { vm, from, to, reason }: Move,
  snapshot: Snapshot,
  by: string,
  at: HistoryEntry['at'],
): HistoryEntry {
  const name = snapshot.vms.find((one) => one.id === vm)?.name ?? vm;
  const text = `${name}: its move from ${from} to ${to} was approved by ${by}: ${reason.text}`;
  return { at, kind: 'decision', vm, host: to, from, move: undefined, text };
}
