/**
 * What new orders ask for, begun at once: the fleet as the newest tick saw it (a minute old at
 * most; each move is checked against the hypervisor before it starts), the findings of that tick
 * and the orders as they are now, a plan of what cannot wait, the gate, and off. A tick collects,
 * judges every rule and plans for everybody, which on a large fleet takes seconds; it follows, and
 * its plan takes the place of this one.
 *
 * A tick that is under way meanwhile knows nothing of the order. It is overtaken: from then on it
 * does nothing more, lest its older plan replace the newer.
 */

import type { EventMap } from '../domain/events.ts';
import type { Finding } from '../domain/finding.ts';
import type { Pause } from '../domain/slices.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Executor } from '../execute/executor.ts';
import type { HostLadder } from '../execute/host-ladder.ts';
import { withOrders } from '../rules/order-findings.ts';
import { announcePlan } from './announce-plan.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Experience } from './experience.ts';
import type { OrderDesk } from './order-desk.ts';
import type { Haste } from './haste.ts';
import { type CheckedPlan, isUrgent, type PlanJob, urgentFindings } from './plan-job.ts';
import { ifSuperseded, type PlanRunner } from './planner.ts';
import type { PolicyStore } from './policy-store.ts';
import { type Holds, Reach } from './reach.ts';
import type { Seen, TickState } from './tick.ts';
import { Turns } from '../domain/turns.ts';
import { withStates } from './with-states.ts';

/** The longest that the plan for everybody waits for the start of the first. */
const HEAD_START = seconds(1);

export interface UrgentParts {
  readonly clock: Clock;
  readonly events: EventSink;
  readonly ledger: Ledger;
  readonly policies: PolicyStore;
  readonly planner: PlanRunner;
  readonly experience: Experience;
  readonly ladder: HostLadder;
  readonly dispatcher: Dispatcher;
  readonly orders: Pick<OrderDesk, 'settled'>;
  readonly executor: Pick<Executor, 'cancelCount' | 'corrected' | 'underWay'>;
  readonly haste: Haste;
  readonly holds: Holds;
  readonly seed: number;
  /** Undefined: nobody waits for a turn. */
  readonly pause: Pause | undefined;
  readonly state: () => TickState | undefined;
  readonly show: (look: EventMap['snapshot'], about: Pick<Seen, 'findings' | 'orders'>) => Seen;
  readonly planned: (state: TickState) => void;
}

interface Planned {
  readonly job: PlanJob;
  readonly checked: CheckedPlan;
}

interface Looked {
  readonly seen: Seen;
  /** Rejects with PlanSuperseded. */
  readonly planning: Promise<Planned>;
}

export class UrgentRound {
  readonly #parts: UrgentParts;
  /** Hosts' states, and what is shown, change in turns. */
  readonly #turns = new Turns();
  #rounds = 0;

  constructor(parts: UrgentParts) {
    this.#parts = parts;
  }

  /** How many there were: a tick that finds more than at its beginning was overtaken. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Does the work, not during a round; undefined: it is not to be done any more. */
  unless<Value>(isOver: () => boolean, work: () => Promise<Value>): Promise<Value | undefined> {
    return this.#turns.take(async () => (isOver() ? undefined : work()));
  }

  /** False: nothing that cannot wait is asked for, or nothing was seen yet. */
  run(): Promise<boolean> {
    return this.#parts.haste.during(() => this.#run());
  }

  async #run(): Promise<boolean> {
    const { clock, orders } = this.#parts;
    await orders.settled();
    if (this.#parts.state() === undefined) return false;
    const started = clock.monotonic();
    const looked = await this.#turns.take(() => this.#look());
    if (looked === undefined) return false;
    const { seen } = looked;
    const planned = await looked.planning.catch(ifSuperseded);
    // By a newer round, which does the work of this one, too.
    if (planned === undefined) return true;
    const { checked, job } = planned;
    const took = seconds(clock.monotonic() - started);
    const rejected = announcePlan(this.#parts.events, seen.snapshot, checked, took);
    // The tick that follows plans anew; until then the older plan stands.
    if (rejected !== undefined) return true;
    const { result } = checked;
    const verdicts = await this.#parts.dispatcher.dispatch({ ...seen, result, job });
    this.#parts.planned({ ...seen, result, verdicts, rejected: undefined });
    // The tick that follows works on the whole fleet, and would be in the way of their start.
    if (this.#parts.pause !== undefined) await this.#parts.executor.underWay(HEAD_START);
    return true;
  }

  /** It is planned while the states of the hosts are written down. Undefined: nothing is urgent. */
  async #look(): Promise<Looked | undefined> {
    const { clock, executor, holds, ladder, ledger, show, state } = this.#parts;
    const before = state();
    if (before === undefined) return undefined;
    const started = clock.monotonic();
    const { cancelCount } = executor;
    const [orders, reservations] = await Promise.all([ledger.orders(false), ledger.reservations()]);
    const snapshot = executor.corrected({ ...before.snapshot, reservations }, cancelCount);
    const findings = withOrders(before.findings, snapshot, orders);
    const known = new Set(before.findings.map(({ id }) => id));
    if (!findings.some((one) => isUrgent(one) && !known.has(one.id))) return undefined;
    this.#rounds += 1;
    const asked = onlyAsked(new Reach(snapshot, holds).ownHosts(snapshot), findings);
    const states = ladder.ahead(asked, findings, orders);
    const written = ladder.update(asked, findings, orders);
    const planning = this.#plan(withStates(snapshot, states), findings);
    // Whether it failed is asked when the states are on disk.
    planning.catch(() => undefined);
    await written;
    const took = seconds(clock.monotonic() - started);
    return { seen: show({ snapshot, seconds: took }, { findings, orders }), planning };
  }

  async #plan(snapshot: Snapshot, findings: readonly Finding[]): Promise<Planned> {
    const { holds, planner } = this.#parts;
    const reach = new Reach(snapshot, holds);
    const urgent = urgentFindings(reach.ownFindings(findings, snapshot));
    const job = await this.#job(reach.planned(snapshot), urgent);
    return { job, checked: await (planner.runUrgent?.(job) ?? planner.run(job)) };
  }

  async #job(snapshot: Snapshot, findings: readonly Finding[]): Promise<PlanJob> {
    const { experience, policies, seed } = this.#parts;
    const { limits, migration, weights } = policies.policies;
    const learned = await experience.learned(snapshot, migration);
    return { snapshot, findings, limits, migration, weights, seed, learned, isFirst: true };
  }
}

/** With the hosts that are to be emptied only: the states of the others are the tick's affair. */
function onlyAsked(snapshot: Snapshot, findings: readonly Finding[]): Snapshot {
  const asked = new Set(
    findings.flatMap((one) =>
      isUrgent(one) && one.subject.kind === 'host' ? one.subject.host : [],
    ),
  );
  return { ...snapshot, hosts: snapshot.hosts.filter(({ id }) => asked.has(id)) };
}
