/**
 * Runs the hooks of maintenance orders on the hosts that are empty, and returns a host to service
 * when its hook is done and it has been well for a while since. Where a hook fails, or the host
 * does not become well, it stays in maintenance, and a person is told. Everything that was begun
 * is in the order before it is begun: a restart takes it up from there. While a hook is at work its
 * cluster is given to no other controller; where one has taken it all the same, only that one goes
 * on writing about it.
 */

import type { Finding } from '../domain/finding.ts';
import type { Host } from '../domain/host.ts';
import type { ClusterId, OrderId } from '../domain/ids.ts';
import { leaseScope } from '../domain/lease.ts';
import type { HookProgress, Order } from '../domain/order.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { modeOf } from '../execute/mode.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventSink } from '../ports/events.ts';
import type { Hook } from '../ports/hooks.ts';
import type { Ledger } from '../ports/ledger.ts';
import { afterAttempt, isAsFar, nextHookStep } from './hook-step.ts';
import type { OrderDesk } from './order-desk.ts';
import type { PolicyStore } from './policy-store.ts';
import { againstReturn } from './return-waves.ts';

export interface HookRunParts {
  readonly ledger: Ledger;
  readonly orders: OrderDesk;
  readonly policies: Pick<PolicyStore, 'policies'>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly hooks: readonly Hook[];
}

export interface HookRunView {
  readonly snapshot: Snapshot;
  readonly orders: readonly Order[];
  readonly findings: readonly Finding[];
}

interface Case {
  readonly order: Order;
  readonly progress: HookProgress;
  readonly host: Host;
}

interface Run {
  readonly host: Host;
  done: Promise<void>;
}

export class HookRuns {
  readonly #parts: HookRunParts;
  readonly #running = new Map<OrderId, Run>();
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
    const { paused } = await this.#parts.ledger.paused();
    for (const order of view.orders) {
      const host = view.snapshot.hosts.find(({ id }) => id === order.host);
      const { hook: progress, state } = order;
      if (state !== 'open' || progress === undefined || host === undefined) continue;
      await this.#update({ order, progress, host }, view, paused);
    }
  }

  /** No hook of this process is at work on a host of the cluster. */
  isIdle(cluster: ClusterId): boolean {
    return [...this.#running.values()].every(({ host }) => leaseScope(host) !== cluster);
  }

  /** Ends what runs. At the next start it counts as an attempt that was cut off. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  async #update(one: Case, view: HookRunView, paused: boolean): Promise<void> {
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
      mayAct: !paused && modeOf(host, policies.policies) !== 'observe',
      isRunning: this.#running.has(order.id),
      against: againstReturn(order, view.snapshot, findings),
      now: clock.now(),
    });
    if (step.kind === 'start') await this.#start(one, hook);
    else if (step.kind === 'fail') await this.#fail(one, step.detail);
    else if (step.kind === 'note') {
      await this.#note(one, { ...progress, wellSince: step.wellSince });
    } else if (step.kind === 'return') {
      const was = progress.versionBefore;
      const now = versionOf(host);
      const version = was === undefined || was === now ? '' : `; ${was} → ${now}`;
      await this.#say(one, `${host.name} has been well since the hook ${hook.name}${version}`);
      await orders.giveBack(host, `hook ${hook.name}`);
    }
  }

  /** The record goes first: what is not written down is not begun. */
  async #start(one: Case, hook: Hook): Promise<void> {
    const { clock } = this.#parts;
    const { order, host } = one;
    const attempt = one.progress.attempts + 1;
    const versionBefore = one.progress.versionBefore ?? versionOf(host);
    const begun = { state: 'running', attempts: attempt, since: clock.now() } as const;
    const progress: HookProgress = { ...one.progress, ...begun, versionBefore };
    if (this.#stopping.signal.aborted) return;
    // From here on the cluster is given to nobody.
    const run: Run = { host, done: Promise.resolve() };
    this.#running.set(order.id, run);
    let isBegun = false;
    try {
      isBegun = await this.#note(one, progress);
    } finally {
      if (!isBegun) this.#running.delete(order.id);
    }
    if (!isBegun) return;
    run.done = this.#run({ ...one, progress }, hook).finally(() => this.#running.delete(order.id));
  }

  async #run(one: Case, hook: Hook): Promise<void> {
    const { clock, events } = this.#parts;
    const { order, host, progress } = one;
    const { id, name } = host;
    const call = { order: order.id, host: { id, name }, reason: order.reason };
    try {
      const attempt = progress.attempts;
      await this.#say(one, `${name} is empty: hook ${hook.name} runs (attempt ${attempt})`);
      const answer = await hook.run({ ...call, attempt }, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      const after = afterAttempt(progress, answer, hook.attempts, clock.now());
      if (!(await this.#note(one, after))) return;
      if (answer.isDone) await this.#say(one, `hook ${hook.name} is done on ${name}`);
      else await this.#warn(one, failureText(host, after));
    } catch (error) {
      // The ledger cannot write: taken up again when it can, as after a restart.
      events.emit('failure', { where: `hook ${hook.name} on ${name}`, error });
    }
  }

  async #fail(one: Case, detail: string): Promise<void> {
    const { clock } = this.#parts;
    const since = clock.now();
    const hook: HookProgress = { ...one.progress, state: 'failed', since, output: detail };
    if (!(await this.#note(one, hook))) return;
    await this.#warn(one, failureText(one.host, hook));
  }

  /** False: the order is not open any more, or another controller has taken its hook up. */
  #note({ order, progress }: Case, hook: HookProgress): Promise<boolean> {
    return this.#parts.orders.note(order.id, (now) =>
      isAsFar(now.hook, progress) ? { hook } : undefined,
    );
  }

  async #warn(one: Case, text: string): Promise<void> {
    this.#parts.events.emit('warning', { key: `hook ${one.order.id}`, text });
    await this.#write(one, text);
  }

  async #say(one: Case, text: string): Promise<void> {
    this.#parts.events.emit('hook', { host: one.host.id, text });
    await this.#write(one, text);
  }

  async #write({ host }: Case, text: string): Promise<void> {
    const { clock, ledger } = this.#parts;
    const about = { vm: undefined, host: host.id, from: undefined, move: undefined };
    await ledger.addHistory([{ at: clock.now(), kind: 'order', ...about, text }]);
  }
}

/** That an order wants the host empty does not speak against its health. */
export function isAnOrder({ kind }: Finding): boolean {
  return kind === 'maintenance' || kind === 'evacuation-ordered';
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
