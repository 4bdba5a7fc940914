/**
 * The ladder of host states (design §2): what orders, findings and the VMs on a host make of its
 * state, once a tick. The ledger remembers every step, so that a host in maintenance is left
 * alone after a restart, too. The platform's own maintenance mode follows, where it has one and
 * the mode of the cluster lets Drover act at all.
 */

import { compareText, type HostId, type SourceId } from '../domain/ids.ts';
import type { Finding, Response } from '../domain/finding.ts';
import { type Held, isHeldOut } from '../domain/host-failure.ts';
import type { Host, HostState } from '../domain/host.ts';
import type { Order } from '../domain/order.ts';
import type { PolicySet } from '../domain/policy.ts';
import { guestsOf } from '../domain/snapshot-index.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { seconds } from '../domain/units.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import { type Ledger, LedgerError } from '../ports/ledger.ts';
import { callWithin } from './call.ts';
import { modeOf } from './mode.ts';

/** How long the platform may take to set a flag on a host. */
const PLATFORM_CALL = seconds(60);

export interface HostLadderParts {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly hypervisors: ReadonlyMap<SourceId, Hypervisor>;
  readonly settings: () => PolicySet;
}

/** What decides a host's next state. */
export interface LadderView {
  readonly current: HostState;
  readonly connected: boolean;
  /** What is known of its failure; absent: it is well. */
  readonly failure?: Held | undefined;
  /** The order about the host that is not closed. */
  readonly order: Order | undefined;
  readonly responses: ReadonlySet<Response>;
  /** Guests that are not powered off, known or not, and moves under way from or to the host. */
  readonly occupants: number;
  readonly movingOut: number;
  readonly movingIn: number;
}

export interface LadderStep {
  readonly state: HostState;
  readonly reason: string;
}

/** Pure. The same state as `current`: nothing changes. */
export function nextHostState(view: LadderView): LadderStep {
  const { current, order, responses, failure, occupants } = view;
  const isOrdered = order?.state === 'open';
  // What is done to an empty host may take it down for longer than it takes to be suspected dead.
  const isAtRest = isOrdered && current === 'maintenance' && occupants === 0;
  // Whatever was ordered: nothing goes to a host that may be dead, or may hold second copies.
  if (failure !== undefined && isHeldOut(failure) && !isAtRest) {
    return { state: 'quarantined', reason: heldOutText(failure) };
  }
  if (isOrdered) {
    const reason = `${order.kind} ordered by ${order.by.name}: ${order.reason}`;
    return { state: emptying(view, true), reason };
  }
  // Also of a host that was returned to service: the repair may have been none.
  if (responses.has('evacuate')) {
    return { state: emptying(view, false), reason: 'a rule evacuates it' };
  }
  if (responses.has('quarantine')) return { state: 'quarantined', reason: 'a rule quarantines it' };
  if (order?.state === 'returning') {
    return { state: 'returning', reason: `returned to service: ${order.reason}` };
  }
  if (responses.has('relieve')) return { state: 'warn', reason: 'a rule finds it overloaded' };
  return { state: 'healthy', reason: 'nothing speaks against it' };
}

function heldOutText({ state, wasDead }: Held): string {
  return wasDead === true ? `it was dead, and is ${state}` : `it is ${state}`;
}

/** One step at a time: it takes nothing in, then it is emptied, then it is empty. */
function emptying(view: LadderView, ordered: boolean): HostState {
  const { current, occupants, movingOut, movingIn } = view;
  if (current !== 'draining' && current !== 'evacuating' && current !== 'maintenance') {
    return 'draining';
  }
  // Of a host that does not answer nobody knows that it is empty.
  if (!view.connected) return current;
  const isEmpty = occupants === 0 && movingOut === 0 && movingIn === 0;
  // Only who ordered the maintenance can end it; after a rule the host stays where it is.
  if (isEmpty) return ordered ? 'maintenance' : 'evacuating';
  return movingOut > 0 || current !== 'draining' ? 'evacuating' : 'draining';
}

/** A step of one host, away from the state `from`. */
interface Taken extends LadderStep {
  readonly host: Host;
  readonly from: HostState;
}

export class HostLadder {
  readonly #parts: HostLadderParts;
  readonly #states = new Map<HostId, HostState>();
  /** What the platform was last told, by this process; nothing of hosts that others act on. */
  readonly #told = new Map<HostId, boolean>();
  /** Those that the platform has shown since as it was told to have them. */
  readonly #confirmed = new Set<HostId>();

  constructor(parts: HostLadderParts) {
    this.#parts = parts;
  }

  /** Takes up what the ledger remembers: before the first tick, and of what was taken over. */
  async load(): Promise<void> {
    for (const mark of await this.#parts.ledger.hostMarks()) {
      this.#states.set(mark.host, mark.state);
    }
    // Since then others may have told the platform something else.
    this.#told.clear();
    this.#confirmed.clear();
  }

  /** Takes up what other controllers have made of the hosts that are not among `own`. */
  async follow(own: ReadonlySet<HostId>): Promise<void> {
    for (const { host, state } of await this.#parts.ledger.hostMarks()) {
      if (!own.has(host)) this.#states.set(host, state);
    }
    for (const host of this.#told.keys()) if (!own.has(host)) this.#told.delete(host);
    for (const host of this.#confirmed) if (!own.has(host)) this.#confirmed.delete(host);
  }

  /** Hosts that are not in here are healthy. */
  states(): ReadonlyMap<HostId, HostState> {
    return this.#states;
  }

  /** The states that `update` is about to come to: for work that goes on while it writes them. */
  ahead(
    snapshot: Snapshot,
    findings: readonly Finding[],
    orders: readonly Order[],
  ): ReadonlyMap<HostId, HostState> {
    const steps = this.#steps(snapshot, findings, orders);
    return new Map([...this.#states, ...steps.map(({ host, state }) => [host.id, state] as const)]);
  }

  /** One tick's step for every host. Rejects with LedgerError; a platform's refusal only warns. */
  async update(
    snapshot: Snapshot,
    findings: readonly Finding[],
    orders: readonly Order[],
  ): Promise<void> {
    const steps = this.#steps(snapshot, findings, orders);
    if (steps.length > 0) await this.#write(steps);
    for (const host of byId(snapshot.hosts)) await this.#tellPlatform(host);
  }

  #steps(
    snapshot: Snapshot,
    findings: readonly Finding[],
    orders: readonly Order[],
  ): readonly Taken[] {
    const views = viewsOf(snapshot, findings, orders);
    return byId(snapshot.hosts).flatMap((host): Taken[] => {
      const from = this.#states.get(host.id) ?? 'healthy';
      const step = this.#held(host, from, nextHostState(views(host, from)));
      return step.state === from ? [] : [{ host, from, ...step }];
    });
  }

  /** All at once: fifty hosts that are to be emptied do not wait for fifty entries. */
  async #write(steps: readonly Taken[]): Promise<void> {
    const { ledger, clock } = this.#parts;
    const at = clock.now();
    await ledger.markHosts(
      steps.map(({ host, from, state, reason }) => {
        const text = `${host.name}: ${from} → ${state} (${reason})`;
        const about = { vm: undefined, host: host.id, from: undefined, move: undefined };
        const line = { at, kind: 'state', ...about, text } as const;
        return { mark: { host: host.id, state, since: at, reason }, line };
      }),
    );
    for (const step of steps) this.#tell(step);
  }

  #tell({ host, from, state, reason }: Taken): void {
    const { events } = this.#parts;
    this.#states.set(host.id, state);
    events.emit('host-state', { host: host.id, from, to: state, reason });
    if (from === 'maintenance' && state === 'evacuating') {
      const key = `occupied ${host.id}`;
      events.emit('warning', { key, text: `${host.name} is in maintenance, and VMs run on it` });
    }
  }

  /**
   * A host is back in service when its platform knows it, too: until then it stays `returning`, so
   * that a restart in between takes that step again. Otherwise the platform would refuse every move
   * to a host of which nobody here remembers that it was ever in maintenance.
   */
  #held(host: Host, from: HostState, step: LadderStep): LadderStep {
    const isBack = ['healthy', 'warn', 'quarantined'].includes(step.state);
    const wasOut = from === 'maintenance' || from === 'returning';
    // While Drover only observes nobody is told: who was told before is told later. What a host
    // that does not answer is marked as, nobody knows.
    const isOff = this.#platform(host) === undefined && host.inMaintenanceMode === false;
    const isCapable = this.#capable(host) !== undefined;
    const mayHaveIt = host.inMaintenanceMode === true || (isCapable && !isOff);
    const isUntold = this.#told.get(host.id) !== false && mayHaveIt;
    if (!isBack || !wasOut || !isUntold) return step;
    return { state: 'returning', reason: 'its platform still has it in maintenance mode' };
  }

  /** Who is to be told of a maintenance; undefined: nobody, or not in this mode. */
  #platform(host: Host): Hypervisor | undefined {
    const isObserved = modeOf(host, this.#parts.settings()) === 'observe';
    return isObserved ? undefined : this.#capable(host);
  }

  #capable({ source }: Host): Hypervisor | undefined {
    const hypervisor = this.#parts.hypervisors.get(source);
    return hypervisor?.capabilities.maintenanceMode === true ? hypervisor : undefined;
  }

  /**
   * Something else cleared the mark of a host that is kept empty: other automation would fill it.
   * That is on record, and the mark is set again. A mark that was never seen is only late.
   */
  async #isUndone(host: Host, wanted: boolean): Promise<boolean> {
    if (!wanted || host.inMaintenanceMode === undefined) return false;
    if (host.inMaintenanceMode) this.#confirmed.add(host.id);
    if (host.inMaintenanceMode || !this.#confirmed.delete(host.id)) return false;
    const { clock, events, ledger } = this.#parts;
    const text = `${host.name}: ${DRIFTED}`;
    const about = { vm: undefined, host: host.id, from: undefined, move: undefined };
    await ledger.addHistory([{ at: clock.now(), kind: 'state', ...about, text }]);
    events.emit('warning', { key: `maintenance mode undone ${host.id} ${clock.now()}`, text });
    return true;
  }

  async #tellPlatform(host: Host): Promise<void> {
    const { clock, events } = this.#parts;
    const hypervisor = this.#platform(host);
    const state = this.#states.get(host.id);
    const wanted = state === 'maintenance';
    // Of a host that returns to service an earlier run may have said that it is out.
    const told = this.#told.get(host.id) ?? (state === 'returning' ? undefined : false);
    if (hypervisor === undefined) return;
    if (wanted === told && !(await this.#isUndone(host, wanted))) return;
    try {
      const answer = await callWithin(clock, PLATFORM_CALL, hypervisor.source, (signal) =>
        hypervisor.setMaintenance(host.id, wanted, signal),
      );
      if (answer.ok) {
        this.#told.set(host.id, wanted);
        this.#confirmed.delete(host.id);
        return;
      }
      const what = `maintenance mode ${wanted ? 'on' : 'off'}`;
      const text = `${host.name}: ${what}: ${answer.error.detail}`;
      events.emit('warning', { key: `maintenance mode ${host.id}`, text });
    } catch (error) {
      // Another controller's, or not seen before this tick: nothing to tell yet.
      if (error instanceof LedgerError && error.code === 'lost-lease') return;
      // Asked again at the next tick.
      events.emit('failure', { where: `maintenance mode of ${host.name}`, error });
    }
  }
}

const DRIFTED = 'something else took it out of maintenance mode; it is put back';

function byId(hosts: readonly Host[]): readonly Host[] {
  return [...hosts].sort((a, b) => compareText(a.id, b.id));
}

function viewsOf(
  snapshot: Snapshot,
  findings: readonly Finding[],
  orders: readonly Order[],
): (host: Host, current: HostState) => LadderView {
  const responses = new Map<HostId, Set<Response>>();
  for (const { subject, response } of findings) {
    if (subject.kind !== 'host') continue;
    const known = responses.get(subject.host) ?? new Set();
    responses.set(subject.host, known.add(response));
  }
  const out = countBy(snapshot.inFlight.map((flight) => flight.from));
  const into = countBy(snapshot.inFlight.map((flight) => flight.to));
  return (host, current) => ({
    current,
    connected: host.connection === 'connected',
    failure: host.failure,
    order: orderAbout(host.id, orders),
    responses: responses.get(host.id) ?? new Set(),
    occupants: occupantsOf(snapshot, host),
    movingOut: out.get(host.id) ?? 0,
    movingIn: into.get(host.id) ?? 0,
  });
}

/** An open order outranks the return from an older one. */
function orderAbout(host: HostId, orders: readonly Order[]): Order | undefined {
  const own = orders.filter((order) => order.host === host);
  const open = own.find((order) => order.state === 'open');
  return open ?? own.find((order) => order.state === 'returning');
}

function occupantsOf(snapshot: Snapshot, { id, unlistedGuests = [] }: Host): number {
  const listed = guestsOf(snapshot, id).filter((vm) => vm.powerState !== 'off');
  return listed.length + unlistedGuests.length;
}

function countBy(hosts: readonly HostId[]): ReadonlyMap<HostId, number> {
  const counts = new Map<HostId, number>();
  for (const host of hosts) counts.set(host, (counts.get(host) ?? 0) + 1);
  return counts;
}
