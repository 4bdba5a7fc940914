/**
 * One tick: snapshot → rules → findings → plan → check → gate → execute → ledger. The order of
 * the stages is the product; each of them lives in its own room. A tick never throws because of
 * the world: whatever fails is announced, and the next tick starts afresh.
 */

import type { Collector } from '../collect/collector.ts';
import { HeldRooms } from '../collect/held-rooms.ts';
import type { FindingId, HostId, PlanId } from '../domain/ids.ts';
import type { EventMap } from '../domain/events.ts';
import type { Finding } from '../domain/finding.ts';
import type { FiringAlert } from '../domain/host.ts';
import type { GateVerdict } from '../domain/journal.ts';
import type { Order } from '../domain/order.ts';
import type { PlanResult } from '../domain/plan.ts';
import type { Limits } from '../domain/policy.ts';
import { inSlices, type Pause } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { type EpochSeconds, epochSeconds, type Seconds, seconds } from '../domain/units.ts';
import type { Violation } from '../domain/violation.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import type { ActingControllers } from '../domain/own-vm.ts';
import { classifyInSlices } from '../rules/classify.ts';
import { ownNotes, withActing } from '../rules/own-vms.ts';
import type { BreakerBoard } from '../execute/breaker-board.ts';
import type { Executor } from '../execute/executor.ts';
import type { HostFailures } from '../execute/host-failures.ts';
import { implausibleInSlices } from '../execute/implausible.ts';
import type { HostLadder } from '../execute/host-ladder.ts';
import type { ApplyDesk } from './apply-desk.ts';
import type { ConfigNotes } from './config-notes.ts';
import { Deadlines } from './deadlines.ts';
import type { ApproveAnswer, Dispatcher } from './dispatcher.ts';
import type { Experience } from './experience.ts';
import { GuardNotes, guardNotesInSlices } from './guard-notes.ts';
import type { Haste } from './haste.ts';
import { Homecoming } from './homecoming.ts';
import type { HookRuns } from './hook-runs.ts';
import { ObservedMoves } from './observed-moves.ts';
import type { OrderDesk } from './order-desk.ts';
import type { OwnFinder } from './own-finder.ts';
import { announcePlan, announceRejected } from './announce-plan.ts';
import { type CheckedPlan, isUrgent, type PlanJob, urgentPart } from './plan-job.ts';
import { ifSuperseded, type PlanRunner } from './planner.ts';
import { modeNotes } from './policy-notes.ts';
import type { PolicyStore } from './policy-store.ts';
import { type Holds, Reach } from './reach.ts';
import { UrgentRound } from './urgent-round.ts';
import { withStates } from './with-states.ts';

/** What the newest tick saw and decided; the read side of the API shows it. */
export interface TickState {
  readonly snapshot: Snapshot;
  readonly findings: readonly Finding[];
  readonly orders: readonly Order[];
  /** Undefined: there is none yet, or the newest one was rejected, and nothing is in its place. */
  readonly result: PlanResult | undefined;
  readonly verdicts: readonly GateVerdict[];
  /**
   * The newest plan, where the checker has found a fault in it: nothing of it runs. `result` is
   * then the plan of what cannot wait alone, where there is one.
   */
  readonly rejected: RejectedPlan | undefined;
}

/** Before there is a plan. */
export type Seen = Pick<TickState, 'snapshot' | 'findings' | 'orders'>;

export interface RejectedPlan {
  readonly plan: PlanId;
  readonly at: EpochSeconds;
  readonly violations: readonly Violation[];
}

export interface TickParts {
  readonly clock: Clock;
  readonly events: EventSink;
  readonly ledger: Ledger;
  readonly collector: Collector;
  readonly policies: PolicyStore;
  readonly planner: PlanRunner;
  readonly experience: Experience;
  /** The firing alerts by host. */
  readonly alerts: () => Promise<ReadonlyMap<HostId, readonly FiringAlert[]>>;
  readonly ladder: HostLadder;
  readonly failures: HostFailures;
  readonly dispatcher: Dispatcher;
  readonly applying: Pick<ApplyDesk, 'beat'>;
  readonly orders: OrderDesk;
  readonly hooks: HookRuns;
  readonly executor: Executor;
  readonly breakers: Pick<BreakerBoard, 'load'>;
  readonly haste: Haste;
  readonly holds: Holds;
  readonly acting: () => ActingControllers;
  /** Marks the VM that this controller runs in. */
  readonly finder: Pick<OwnFinder, 'mark'>;
  /** About what drover.yaml names. */
  readonly notes: ConfigNotes;
  readonly seed: number;
  /** How often it is asked for, by its clock. */
  readonly everySeconds: Seconds;
  /** Undefined: long computations are done in one go. */
  readonly pause: Pause | undefined;
}

/** Told the plan of what cannot wait, and what that was made from. */
type Early = (checked: CheckedPlan, job: PlanJob | undefined) => void;

interface Made {
  readonly job: PlanJob;
  readonly checked: CheckedPlan;
  readonly took: Seconds;
}

function isFaulty({ checked }: Pick<Made, 'checked'>): boolean {
  return checked.violations.length > 0;
}

interface PlannedTick extends Pick<TickState, 'result' | 'rejected'> {
  readonly job: PlanJob;
}

export class Tick {
  readonly #parts: TickParts;
  readonly #homecoming: Homecoming;
  readonly #observed: ObservedMoves;
  readonly #deadlines: Deadlines;
  readonly #notes: GuardNotes;
  readonly #urgent: UrgentRound;
  readonly #rooms = new HeldRooms();
  #state: TickState | undefined;
  #open = new Map<FindingId, Finding>();
  /** What this tick has looked at. */
  #seen: EventMap['snapshot'] | undefined;

  constructor(parts: TickParts) {
    this.#parts = parts;
    this.#homecoming = new Homecoming(parts);
    this.#observed = new ObservedMoves(parts);
    this.#deadlines = new Deadlines(parts);
    this.#notes = new GuardNotes(parts.events);
    this.#urgent = new UrgentRound({
      ...parts,
      state: () => this.#state,
      show: (look, about) => this.#show(look, about).base,
      planned: (state) => {
        this.#state = state;
      },
    });
  }

  get state(): TickState | undefined {
    return this.#state;
  }

  /**
   * Undefined: an order that cannot wait has come in between; to be asked again at once. Rejects
   * with LedgerError; what was seen is told all the same.
   */
  async run(): Promise<TickState | undefined> {
    this.#seen = undefined;
    try {
      return await this.#run();
    } catch (error) {
      if (error instanceof LedgerError) this.#serveOn();
      throw error;
    }
  }

  /** Nothing was decided, and nothing older may be begun; what the fleet is like stays true. */
  #serveOn(): void {
    if (this.#seen === undefined) return;
    const snapshot = withStates(this.#seen.snapshot, this.#parts.ladder.states());
    this.#parts.events.emit('snapshot', { ...this.#seen, snapshot });
    this.#parts.executor.dropWaiting();
    const { findings = [], orders = [] } = this.#state ?? {};
    const nothing = { result: undefined, verdicts: [], rejected: undefined };
    this.#state = { snapshot, findings, orders, ...nothing };
  }

  async #run(): Promise<TickState | undefined> {
    const { rounds } = this.#urgent;
    const isOvertaken = (): boolean => rounds !== this.#urgent.rounds;
    const given = await this.#parts.ledger.orders(false);
    const seen = await this.#look();
    const reach = new Reach(seen.snapshot, this.#parts.holds);
    if (!reach.isAll) await this.#parts.ladder.follow(reach.hosts);
    await this.#parts.failures.follow(reach.hosts);
    await this.#parts.failures.update(seen.snapshot, reach.hosts);
    const look = { ...seen, snapshot: this.#parts.failures.mark(seen.snapshot) };
    this.#seen = look;
    const own = await this.#homecoming.settle(reach.ownOrders(given), look.snapshot);
    const orders = [...own, ...reach.foreignOrders(given)];
    const findings = await this.#findings(look.snapshot, orders, reach);
    // What follows from older orders would undo what was done about the newer ones.
    const shown = await this.#urgent.unless(isOvertaken, async () => {
      await this.#parts.ladder.update(reach.ownHosts(look.snapshot), findings, orders);
      return this.#show(look, { findings, orders });
    });
    if (shown === undefined) return undefined;
    const { base, isNewlyUrgent } = shown;
    const { snapshot } = base;
    const { limits, own: ownRules, mode } = this.#parts.policies.policies;
    const notes = await inSlices(guardNotesInSlices(snapshot, limits), this.#parts.pause);
    const misnamed = ownNotes(ownRules, snapshot, this.#parts.acting().known);
    const named = [...modeNotes({ mode }, snapshot), ...this.#parts.notes(snapshot)];
    this.#notes.tell([...notes, ...misnamed, ...named]);
    await this.#homecoming.close(own);
    let begun: Promise<unknown> = Promise.resolve();
    const begin: Early = ({ result: first, violations }, urgent) => {
      if (violations.length > 0 || isOvertaken()) return;
      begun = this.#parts.dispatcher.dispatch({ ...base, result: first, job: urgent });
      // Whether it failed is asked below, when the whole plan is there.
      begun.catch(() => undefined);
    };
    await this.#parts.applying.beat(base).catch((error: unknown) => {
      if (error instanceof LedgerError) throw error;
      // One plan of one person's does not keep the fleet from its own.
      this.#parts.events.emit('failure', { where: 'apply', error });
    });
    const here = {
      snapshot: reach.planned(snapshot),
      findings: reach.ownFindings(findings, snapshot),
    };
    const planned = await this.#plan(here, isNewlyUrgent ? begin : undefined).catch(ifSuperseded);
    await begun;
    if (planned === undefined || isOvertaken()) return undefined;
    const { result, rejected, job } = planned;
    const { dispatcher } = this.#parts;
    if (result === undefined) await dispatcher.reject();
    const verdicts =
      result === undefined ? [] : await dispatcher.dispatch({ ...base, result, job });
    if (isOvertaken()) return undefined;
    this.#state = { ...base, result, verdicts, rejected };
    // Who may come home a plan of a part does not say.
    if (result !== undefined && rejected === undefined)
      await this.#homecoming.judge({ ...base, orders: own, result, verdicts, reach });
    await this.#observed.judge({ ...base, result, verdicts, rejected, reach });
    await this.#deadlines.judge({ ...base, orders: own, result });
    await this.#parts.hooks.update({ ...base, orders: own });
    return this.#state;
  }

  /**
   * What new orders ask for, planned alone on what the newest tick saw, and begun: much sooner than
   * the next tick, or the one under way, which ends without a plan. It is to be followed by a tick,
   * for the plan about everything. False: there is nothing that cannot wait.
   */
  hurry(): Promise<boolean> {
    return this.#urgent.run();
  }

  /** Publishes what was seen and found. Plan and execution go by the states that follow from it. */
  #show(
    look: EventMap['snapshot'],
    about: Pick<TickState, 'findings' | 'orders'>,
  ): { readonly base: Seen; readonly isNewlyUrgent: boolean } {
    const snapshot = withStates(look.snapshot, this.#parts.ladder.states());
    this.#parts.events.emit('snapshot', { ...look, snapshot });
    const { findings } = about;
    const isNewlyUrgent = findings.some((one) => isUrgent(one) && !this.#open.has(one.id));
    this.#announce(findings);
    const base = { snapshot, ...about };
    // Until the plan of this tick is there, the one before is the newest.
    const { result, verdicts = [], rejected } = this.#state ?? {};
    this.#state = { ...base, result, verdicts, rejected };
    return { base, isNewlyUrgent };
  }

  /** Approves what waited in a plan that was shown lately (Dispatcher.approve). */
  async approve(plan: PlanId, by: string): Promise<ApproveAnswer> {
    const answer = await this.#parts.dispatcher.approve(plan, by);
    // What is told of the newest plan follows at once.
    const newest = answer.kind === 'approved' ? answer.newest : undefined;
    if (newest !== undefined && this.#state?.result?.plan.id === newest.plan) {
      this.#state = { ...this.#state, verdicts: newest.verdicts };
    }
    return answer;
  }

  /** The fleet as known now, with policies applied. */
  async snapshot(): Promise<Snapshot> {
    const { snapshot, seconds: took } = await this.#look();
    const look = { snapshot: this.#parts.failures.mark(snapshot), seconds: took };
    this.#parts.events.emit('snapshot', look);
    return look.snapshot;
  }

  async #look(): Promise<EventMap['snapshot']> {
    const { clock, collector, executor, ledger, policies } = this.#parts;
    const started = clock.monotonic();
    const { cancelCount } = executor;
    const { breakers: board } = this.#parts;
    const now = clock.now();
    const [reservations, lastMovedAt, recentMoves, breakers, alerts] = await Promise.all([
      ledger.reservations(),
      ledger.lastMovedAt(now),
      ledger.movesSince(sinceFor(policies.policies.limits, now), now),
      board.load(),
      this.#parts.alerts(),
    ]);
    const raw = await collector.snapshotInSlices({
      hostStates: this.#parts.ladder.states(),
      alerts,
      inFlight: executor.inFlight(),
      reservations,
      lastMovedAt,
      recentMoves,
      breakers,
    });
    const counted = this.#rooms.counted(raw);
    // What moved since the hosts were asked is where the executor saw it arrive.
    const work = classifyInSlices(executor.corrected(counted, cancelCount), policies.policies);
    const classified = await inSlices(work, this.#parts.pause);
    const snapshot = withActing(this.#parts.finder.mark(classified), this.#parts.acting());
    // Found out in slices here: gate, notes and status would do it in one go.
    await inSlices(implausibleInSlices(snapshot), this.#parts.pause);
    return { snapshot, seconds: seconds(clock.monotonic() - started) };
  }

  async #findings(
    snapshot: Snapshot,
    orders: readonly Order[],
    reach: Reach,
  ): Promise<readonly Finding[]> {
    const { clock, ledger, policies } = this.#parts;
    const memory = await ledger.ruleMemory();
    const now = clock.now();
    const { everySeconds, pause } = this.#parts;
    const input = { snapshot, orders, memory, now, everySeconds, pause };
    const evaluated = await policies.rules.evaluate(input);
    await ledger.saveRuleMemory(evaluated.memory, reach.about);
    return evaluated.findings;
  }

  /** A finding is announced when it opens and when it ends, not at every tick in between. */
  #announce(findings: readonly Finding[]): void {
    const now = new Map(findings.map((finding) => [finding.id, finding]));
    for (const [id, finding] of now)
      if (!this.#open.has(id)) this.#parts.events.emit('finding-opened', finding);
    for (const [id, finding] of this.#open)
      if (!now.has(id)) this.#parts.events.emit('finding-cleared', finding);
    this.#open = now;
  }

  /** `early`: told the plan of what cannot wait, where the whole takes longer. */
  async #plan(
    { snapshot, findings }: Pick<TickState, 'snapshot' | 'findings'>,
    early: Early | undefined,
  ): Promise<PlannedTick> {
    const { events, experience, policies, seed } = this.#parts;
    const { limits, migration, weights } = policies.policies;
    const learned = await experience.learned(snapshot, migration);
    const job = { snapshot, findings, limits, migration, weights, seed, learned };
    const whole = await this.#made(job, early);
    const alone = isFaulty(whole) ? await this.#urgentAlone(job) : undefined;
    const { checked, took } = alone ?? whole;
    const told = alone && announceRejected(events, whole.checked);
    const rejected = announcePlan(events, snapshot, checked, took) ?? told;
    const result = isFaulty({ checked }) ? undefined : checked.result;
    return { result, rejected, job: alone?.job ?? job };
  }

  /** A fault anywhere in the whole plan is no reason to leave VMs on a host that fails. */
  async #urgentAlone(job: PlanJob): Promise<Made | undefined> {
    const part = urgentPart(job, 0);
    const made = part && (await this.#made(part));
    return made === undefined || isFaulty(made) ? undefined : made;
  }

  async #made(job: PlanJob, early?: Early): Promise<Made> {
    const { clock, planner } = this.#parts;
    const started = clock.monotonic();
    const checked = await planner.run(job, early && ((first) => early(first, urgentPart(job))));
    return { job, checked, took: seconds(clock.monotonic() - started) };
  }
}

const DAY_SECONDS = 86_400;

/** What counts for the budgets, and for the way back. */
function sinceFor({ reverseMoveSeconds }: Limits, now: EpochSeconds): EpochSeconds {
  return epochSeconds(Math.max(0, now - Math.max(DAY_SECONDS, reverseMoveSeconds)));
}
