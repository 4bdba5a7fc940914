/**
 * Runs the hooks of maintenance orders on the hosts that are empty, and returns a host to service
 * when its hook is done and it has been well for a while since. Where a hook fails, or the host
 * does not become well, it stays in maintenance, and a person is told. Everything that was begun
 * is in the order before it is begun: a restart takes it up from there. While a hook is at work its
 * cluster is given to no other controller; where one has taken it all the same, only that one goes
 * on writing about it.
 */

import type { Finding } from '../domain/finding.ts';
import { holdLeft } from '../domain/hold-left.ts';
import type { Host } from '../domain/host.ts';
import type { ClusterId, HostId, OrderId } from '../domain/ids.ts';
import type { HistoryEntry } from '../domain/journal.ts';
import { type KeptAlert, occasionOf } from '../domain/kept-alert.ts';
import { leaseScope } from '../domain/lease.ts';
import type { HookProgress, Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { modeOf } from '../execute/mode.ts';
import type { EventSink } from '../ports/events.ts';
import type { Hook } from '../ports/hooks.ts';
import type { Ledger } from '../ports/ledger.ts';
import { HookGround, type HookGroundParts } from './hook-ground.ts';
import { afterAttempt, isAsFar, isGivenUp, nextHookStep } from './hook-step.ts';
import type { OrderDesk } from './order-desk.ts';
import type { PolicyStore } from './policy-store.ts';
import { againstReturn } from './return-waves.ts';
import { orAborted } from './until-aborted.ts';
import { wasAskedBy } from './wanted-order.ts';

export interface HookRunParts extends HookGroundParts {
  readonly ledger: Ledger;
  readonly orders: OrderDesk;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly events: EventSink;
  readonly hooks: readonly Hook[];
  /** This controller may act on the host at this moment. */
  readonly holds: (host: Host) => boolean;
}

export interface HookRunView {
  readonly snapshot: Snapshot;
  readonly orders: readonly Order[];
  readonly findings: readonly Finding[];
}

interface Beginning {
  readonly hook: Hook;
  readonly ground: HookGround;
  readonly run: Run;
}

/** One tick's look at all of them. */
interface Look extends HookRunView {
  readonly paused: boolean;
  readonly ground: HookGround;
  readonly firing: readonly KeptAlert[];
}

interface Case {
  readonly order: Order;
  readonly progress: HookProgress;
  readonly host: Host;
}

interface Run {
  readonly host: HostId;
  /**
   * All that its host was in since it is at work: a cluster can be renamed meanwhile. None while
   * the host's source is only asked: so long nobody is kept from the cluster.
   */
  readonly scopes: Set<ClusterId>;
  done: Promise<void>;
  /** What became of it, where that could not be written down yet. */
  end?: End | undefined;
}

interface End {
  readonly one: Case;
  readonly after: HookProgress;
  readonly hook: Hook;
}

export class HookRuns {
  readonly #parts: HookRunParts;
  readonly #running = new Map<OrderId, Run>();
  /** What kept the hook of an order from beginning, so that it is told once. */
  readonly #kept = new Map<OrderId, string>();
  readonly #stopping = new AbortController();

  constructor(parts: HookRunParts) {
    this.#parts = parts;
  }

  /** What an order may ask for. */
  get names(): readonly string[] {
    return this.#parts.hooks.map(({ name }) => name);
  }

  /** One tick's look at every order that has a hook. Rejects with LedgerError. */
  async update(view: HookRunView): Promise<void> {
    this.#follow(view.snapshot);
    this.#forgetKept(view.orders);
    await this.#writeEnds();
    const { paused } = await this.#parts.ledger.paused();
    const ground = new HookGround(this.#parts);
    const isAnyDone = view.orders.some(({ hook }) => hook?.state === 'done');
    const firing = isAnyDone ? await this.#parts.ledger.keptAlerts() : [];
    for (const order of view.orders) {
      const host = view.snapshot.hosts.find(({ id }) => id === order.host);
      const { hook: progress, state } = order;
      if (state !== 'open' || progress === undefined) continue;
      if (host !== undefined) {
        await this.#update({ order, progress, host }, { ...view, paused, ground, firing });
      } else if (!this.#running.has(order.id)) await this.#letGo({ order, progress });
    }
  }

  /** No hook of this process is at work on a host of the cluster. */
  isIdle(cluster: ClusterId): boolean {
    return [...this.#running.values()].every(({ scopes }) => !scopes.has(cluster));
  }

  /** Ends what runs. At the next start it counts as an attempt that was cut off. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
    await this.#writeEnds().catch((error: unknown) => {
      this.#parts.events.emit('failure', { where: 'what hooks have answered', error });
    });
  }

  #follow({ hosts }: Snapshot): void {
    const byId = new Map(hosts.map((host) => [host.id, host]));
    for (const { host, scopes } of this.#running.values()) {
      const seen = byId.get(host);
      if (scopes.size > 0 && seen !== undefined) scopes.add(leaseScope(seen));
    }
  }

  /** Of orders that are over. */
  #forgetKept(orders: readonly Order[]): void {
    const known = new Set(orders.map(({ id }) => id));
    for (const id of this.#kept.keys()) if (!known.has(id)) this.#kept.delete(id);
  }

  /** What a hook has done is not to be done twice because it could not be written down at once. */
  async #writeEnds(): Promise<void> {
    for (const run of this.#running.values()) if (run.end !== undefined) await this.#close(run);
  }

  async #update(one: Case, view: Look): Promise<void> {
    const { clock, orders, policies, hooks } = this.#parts;
    const { order, progress, host } = one;
    const hook = hooks.find(({ name }) => name === progress.name);
    if (hook === undefined) {
      const known = progress.state === 'failed';
      if (!known) await this.#fail(one, 'no hook of this name is configured any more');
      return;
    }
    const findings = view.findings.filter((finding) => !isAnOrder(finding));
    const step = nextHookStep(progress, hook, {
      isEmpty: host.state === 'maintenance',
      mayAct: !view.paused && modeOf(host, policies.policies) !== 'observe',
      isRunning: this.#running.has(order.id),
      against: againstReturn(order, view.snapshot, findings) ?? asksStill(order, view.firing),
      now: clock.now(),
    });
    if (step.kind === 'start') this.#start(one, hook, view.ground);
    else if (step.kind === 'let-go') await this.#letGo(one);
    else if (step.kind === 'fail') await this.#fail(one, step.detail);
    else if (step.kind === 'note') {
      await this.#note(one, { ...progress, wellSince: step.wellSince });
    } else if (step.kind === 'return') {
      const was = progress.versionBefore;
      const now = versionOf(host);
      const version = was === undefined || was === now ? '' : `; ${was} → ${now}`;
      const text = `${host.name} has been well since the hook ${hook.name}${version}`;
      this.#tell(one, text);
      const meant = { order: order.id, name: host.name };
      await orders.giveBack(meant, `hook ${hook.name}`, { lines: [text] });
    }
  }

  /** Beside the tick: the host's source may take its time to answer. */
  #start(one: Case, hook: Hook, ground: HookGround): void {
    if (this.#stopping.signal.aborted) return;
    const { id } = one.order;
    const { id: host } = one.host;
    const run: Run = { host, scopes: new Set(), done: Promise.resolve() };
    this.#running.set(id, run);
    run.done = this.#begin(one, { hook, ground, run }).finally(() => {
      if (run.end === undefined) this.#running.delete(id);
    });
  }

  async #begin(one: Case, { hook, ground, run }: Beginning): Promise<void> {
    const { events, holds, ledger } = this.#parts;
    const { name } = one.host;
    try {
      const { signal } = this.#stopping;
      const against = await orAborted(signal, ground.against(one.host));
      if (signal.aborted) return;
      if (against === undefined) {
        this.#kept.delete(one.order.id);
        // While the source was asked somebody may have paused everything, or got the cluster.
        if ((await ledger.paused()).paused || !holds(one.host)) return;
        // From here on the cluster is given to nobody.
        run.scopes.add(leaseScope(one.host));
        await this.#run(one, hook, run);
      } else await this.#keep(one, hook, against);
    } catch (error) {
      // The ledger cannot write: taken up again when it can.
      events.emit('failure', { where: `hook ${hook.name} on ${name}`, error });
    }
  }

  /**
   * An attempt that was cut off long ago is not at work any more: it would keep a person for ever
   * from returning a host that does not answer again, has guests again, or has left the fleet. What
   * it has begun elsewhere may go on for as long as it may take.
   */
  async #letGo({ order, progress }: Omit<Case, 'host'>): Promise<void> {
    const { clock, hooks } = this.#parts;
    const hook = hooks.find(({ name }) => name === progress.name);
    const most = Math.max(hook?.patienceSeconds ?? 0, hook?.timeoutSeconds ?? 0);
    const now = clock.now();
    const isOver = holdLeft(progress.since, now, most) === 0;
    if (progress.state !== 'running' || !isOver) return;
    // Whatever keeps the next attempt from beginning has done so from here on.
    await this.#note({ order, progress }, { ...progress, state: 'waiting', since: now });
  }

  /** Until the next tick, which asks anew; after an attempt that has failed not for ever. */
  async #keep(one: Case, hook: Hook, against: string): Promise<void> {
    const { clock, events, ledger } = this.#parts;
    const { order, host, progress } = one;
    if (isGivenUp(progress, hook, clock.now())) {
      await this.#fail(one, `attempt ${progress.attempts + 1} cannot begin: ${against}`);
      return;
    }
    await this.#letGo(one);
    const text = `hook ${hook.name} does not begin on ${host.name}: ${against}`;
    if (this.#kept.get(order.id) === text) return;
    this.#kept.set(order.id, text);
    events.emit('warning', { key: `hook kept ${order.id}`, text });
    await ledger.addHistory([this.#line(host.id, text)]);
  }

  /** The record goes first: what is not written down is not begun. */
  async #run(before: Case, hook: Hook, run: Run): Promise<void> {
    const { clock } = this.#parts;
    const { order, host } = before;
    const { id, name } = host;
    const attempt = before.progress.attempts + 1;
    const versionBefore = before.progress.versionBefore ?? versionOf(host);
    const begun = { state: 'running', attempts: attempt, since: clock.now() } as const;
    const progress: HookProgress = { ...before.progress, ...begun, versionBefore };
    const text = `${name} is empty: hook ${hook.name} runs (attempt ${attempt})`;
    if (!(await this.#note(before, progress, text))) return;
    // Who stood still over it may have lost the cluster, and whoever has it by now have returned
    // the host. What was not begun costs no attempt, where nobody has gone on from it yet.
    if (!this.#parts.holds(host)) {
      const kept = `hook ${hook.name} has not begun on ${name}: the lease ran out meanwhile`;
      await this.#note({ order, progress }, before.progress, kept);
      return;
    }
    this.#tell(before, text);
    const call = { order: order.id, host: { id, name }, reason: order.reason, attempt };
    const answer = await hook.run(call, this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    const after = afterAttempt(progress, answer, hook.attempts, clock.now());
    run.end = { one: { ...before, progress }, after, hook };
    await this.#close(run);
  }

  async #close(run: Run): Promise<void> {
    if (run.end === undefined) return;
    const { one, after, hook } = run.end;
    const isDone = after.state === 'done';
    const done = `hook ${hook.name} is done on ${one.host.name}`;
    const text = isDone ? done : failureText(one.host, after);
    const isNoted = await this.#note(one, after, text);
    // Whoever else was about to write it may have been first, and the next attempt have begun.
    if (this.#running.get(one.order.id) === run) this.#running.delete(one.order.id);
    if (!isNoted) return;
    if (isDone) this.#tell(one, text);
    else this.#alarm(one, text);
  }

  async #fail(one: Case, detail: string): Promise<void> {
    const { clock } = this.#parts;
    const since = clock.now();
    const hook: HookProgress = { ...one.progress, state: 'failed', since, output: detail };
    const text = failureText(one.host, hook);
    if (await this.#note(one, hook, text)) this.#alarm(one, text);
  }

  /**
   * With its line of the history, if it has one. False: the order is not open any more, or another
   * controller has taken its hook up.
   */
  #note(
    { order, progress }: Omit<Case, 'host'>,
    hook: HookProgress,
    text?: string,
  ): Promise<boolean> {
    return this.#parts.orders.note(
      order.id,
      (now) => (isAsFar(now.hook, progress) ? { hook } : undefined),
      text === undefined ? [] : [this.#line(order.host, text)],
    );
  }

  #alarm({ order }: Case, text: string): void {
    this.#parts.events.emit('warning', { key: `hook ${order.id}`, text });
  }

  #tell({ host }: Case, text: string): void {
    this.#parts.events.emit('hook', { host: host.id, text });
  }

  #line(host: HostId, text: string): HistoryEntry {
    const about = { vm: undefined, host, from: undefined, move: undefined };
    return { at: this.#parts.clock.now(), kind: 'order', ...about, text };
  }
}

/** That an order wants the host empty does not speak against its health. */
export function isAnOrder({ kind }: Finding): boolean {
  return kind === 'maintenance' || kind === 'evacuation-ordered';
}

/**
 * An alert that orders the host empty, and still fires: as long as that is so only a person returns
 * it. Its repetitions would order nothing: they are a part of the order that is open.
 */
function asksStill(order: Order, firing: readonly KeptAlert[]): string | undefined {
  const asker = firing.find(
    ({ host, fingerprint, alert }) =>
      host === order.host && wasAskedBy(order, occasionOf(fingerprint, alert.since)),
  );
  return asker && `the alert ${asker.alert.name} fires`;
}

function versionOf({ hypervisor }: Host): string {
  return `${hypervisor.kind} ${hypervisor.version}`;
}

function failureText(
  { name }: Host,
  { name: hook, state, output, attempts }: HookProgress,
): string {
  const then = state === 'failed' ? 'it stays in maintenance' : 'it is tried again';
  const why = output === '' ? '' : `: ${output}`;
  return `hook ${hook} has failed on ${name} (attempt ${attempts}), ${then}${why}`;
}
